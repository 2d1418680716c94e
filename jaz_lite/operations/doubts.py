"""Doubts: icons whose fate is not known and that wait for a person; and the uncertainty window, in sentences."""

from datetime import tzinfo
from typing import Any

from jaz_lite.operations.person import Person
from jaz_lite.operations.site import Site, control_of
from jaz_lite.operations.times import shown
from jaz_lite.store.transaction import Nouns

NAMES_TOLD_MAX = 5
WHY = {
    "activated": "a copy was activated",
    "set_back": "this data directory was set back to an earlier state of itself",
}


async def listed(site: Site, person: Person, *, jobnet: str | None = None) -> dict[str, Any]:
    """Return `{"doubts": [...]}`, those of the oldest run first: what of live runs waits for a decision, and why.

    Args:
        jobnet: exact.
    """
    runs = sorted(control_of(site).live_runs(), key=lambda run: run.run_id)
    return {
        "doubts": [
            {
                "run_id": str(run.run_id),
                "jobnet_id": run.jobnet.jobnet_id,
                "path": run.plan.path(number),
                "reason": icon.doubt.reason,
                "since": shown(icon.doubt.since_ms, site.zone),
                "message": icon.doubt.message,
            }
            for run in runs
            if jobnet is None or run.jobnet.jobnet_id == jobnet
            for number, icon in enumerate(run.icons)
            if icon.doubt is not None
        ]
    }


def notices(nouns: Nouns, zone: tzinfo) -> list[str]:
    """Return what people should know of the uncertainty window that is open."""
    window = nouns.window.current()
    if window is None:
        return []
    missing = [name for name, witness in nouns.window.witnesses().items() if witness.heard_ms is None]
    names = ", ".join(missing[:NAMES_TOLD_MAX]) + (" and others" if len(missing) > NAMES_TOLD_MAX else "")
    told = [
        f"the uncertainty window is open: {WHY[window.reason]}, and what was done from "
        f"{shown(window.from_ms, zone)} to {shown(window.until_ms, zone)} may not be known here; "
        + (
            f"not heard since: {names}"
            if missing
            else "all agents have told what they know, and ten minutes after that it closes if nothing is in doubt"
        )
        + "; do not point hosts to other agents meanwhile"
    ]
    if window.too_old:
        told.append("the copy is older than what agents remember: runs of that time are held where nobody knows more")
    return told
