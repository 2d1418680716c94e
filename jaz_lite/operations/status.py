"""The health of the site on one screen, and its clean stop."""

from collections.abc import Mapping
from typing import Any

from jaz_lite.operations import copies, doubts, host_locks, retention
from jaz_lite.operations.agents import agent_notices, lost_notices
from jaz_lite.operations.person import Person
from jaz_lite.operations.site import Site, control_of
from jaz_lite.operations.times import in_words
from jaz_lite.store.transaction import Nouns

TWIN_TOLD_MS = 86_400_000


async def status(site: Site, person: Person) -> dict[str, Any]:
    """Return what the server says of itself, and what people should know (`notices`, sentences)."""
    told = control_of(site).status()
    agents = [sentence for agent in told.get("agents", ()) for sentence in agent_notices(agent)]
    locks = await site.read(lambda nouns: [host_locks.lock_shown(lock, site.zone) for lock in nouns.host_locks.list()])
    locked = await site.read(lambda nouns: host_locks.notices(nouns, site.zone))
    lost = await site.read(lambda nouns: lost_notices(nouns, site))
    twins = await site.read(lambda nouns: twin_notices(nouns, site))
    waits = await site.read(lambda nouns: retention.notices(nouns, site))
    copied = await site.read(lambda nouns: copies.recovery_point(nouns, site))
    window = await site.read(lambda nouns: doubts.notices(nouns, site.zone, control_of(site).live_runs()))
    said = [*told.get("notices", ()), *window, *agents, *lost, *twins, *schedule_notices(told), *locked, *waits]
    return {**told, **copied, "locks": locks, "notices": said}


def twin_notices(nouns: Nouns, site: Site) -> list[str]:
    """Return which agents have lately been met twice."""
    since_ms = site.clock.now_ms() - TWIN_TOLD_MS
    return [
        f'a second machine with the identity of agent "{row.agent_id}" was refused at {in_words(row.twin_ms, site.zone)}'
        f"{f', it came from {row.twin_peer}' if row.twin_peer else ''}"
        for row in nouns.agents.list()
        if row.twin_ms is not None and row.twin_ms >= since_ms
    ]


def schedule_notices(told: Mapping[str, Any]) -> list[str]:
    """Return what keeps schedules from starting their jobnets, and which starts wait for a decision."""
    schedules = told.get("schedules") or {}
    said = [f'schedule "{one["schedule_id"]}": {one["message"]}' for one in schedules.get("broken", ())]
    behind = len(schedules.get("behind", ()))
    if behind:
        said.append(f"missed starts of {behind} schedule{'s are' if behind > 1 else ' is'} being dealt with")
    missed = told.get("runs", {}).get("missed", 0)
    if missed:
        one = missed == 1
        said.append(
            f"{missed} start{' was' if one else 's were'} missed and wait{'s' if one else ''} for a decision:"
            " `jaz-lite run list --state run_error`, then `run rerun` or `run stop`"
        )
    return said


async def stop(site: Site, person: Person) -> dict[str, Any]:
    """Have the server stop cleanly; running jobs go on."""
    control_of(site).request_stop()
    return {"stopping": True}
