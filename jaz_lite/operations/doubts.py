"""Doubts: icons whose fate is not known and that wait for a person; and the uncertainty window, in sentences."""

from collections.abc import Iterable
from datetime import tzinfo
from typing import Any

from jaz_lite.engine.doubts import WHAT_TO_DO
from jaz_lite.model.run import Run
from jaz_lite.operations.person import Person
from jaz_lite.operations.site import Site, control_of
from jaz_lite.operations.times import in_words, shown
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
                "what_to_do": WHAT_TO_DO[icon.doubt.reason],
            }
            for run in runs
            if jobnet is None or run.jobnet.jobnet_id == jobnet
            for number, icon in enumerate(run.icons)
            if icon.doubt is not None
        ]
    }


def notices(nouns: Nouns, zone: tzinfo, runs: Iterable[Run] = ()) -> list[str]:
    """Return what people should know of the uncertainty window that is open: what keeps it open, and what ends that.

    Args:
        runs: those that are live.
    """
    window = nouns.window.current()
    if window is None:
        return []
    missing = [name for name, witness in nouns.window.witnesses().items() if witness.heard_ms is None]
    names = ", ".join(missing[:NAMES_TOLD_MAX]) + (" and others" if len(missing) > NAMES_TOLD_MAX else "")
    told = [
        f"the uncertainty window is open: {WHY[window.reason]}, and what was done from "
        f"{in_words(window.from_ms, zone)} to {in_words(window.until_ms, zone)} may not be known here; "
        + (
            f"not heard since: {names}; of one that will never come back, say so: `jaz-lite agent revoke NAME`"
            if missing
            else _open_for(nouns, [run for run in runs if run.replayed_since_ms is not None])
        )
        + "; do not point hosts to other agents meanwhile"
    ]
    if window.too_old:
        told.append("the copy is older than what agents remember: runs of that time are held where nobody knows more")
    return told


def _open_for(nouns: Nouns, replayed: list[Run]) -> str:
    """Say what a window waits for of which all agents were heard."""
    said = "all agents have told what they know"
    doubted = [run for run in replayed if any(icon.doubt is not None for icon in run.icons)]
    if doubted:
        return f"{said}, and it closes when this is decided: `jaz-lite run list --doubts` ({_some(doubted)})"
    occurrences = {each.occ for each in nouns.adopted.list()}
    awaited = [run for run in replayed if run.occ in occurrences]
    if awaited:
        return f"{said}, and it closes when these are over, which may come to more of what was done: {_some(awaited)}"
    return f"{said}, and ten minutes after that it closes"


def _some(runs: list[Run]) -> str:
    told = ", ".join(f"run {run.run_id}" for run in runs[:NAMES_TOLD_MAX])
    return f"{told} and {len(runs) - NAMES_TOLD_MAX} more" if len(runs) > NAMES_TOLD_MAX else told
