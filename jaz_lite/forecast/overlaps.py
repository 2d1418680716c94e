"""Jobs of different runs that are at work on one agent at the same time."""

from collections.abc import Iterable
from dataclasses import dataclass
from heapq import heappop, heappush

from jaz_lite.forecast.outcome import Activity
from jaz_lite.forecast.places import SLOT_KINDS


@dataclass(slots=True)
class Overlap:
    """Two runs on one agent. `first` and `second` are the jobs of them that met first."""

    agent_id: str
    first: Activity
    second: Activity
    since_ms: int
    until_ms: int  # of the last pair that met
    together_ms: int = 0  # of all pairs of jobs
    pairs: int = 0


def overlaps(activities: Iterable[Activity]) -> list[Overlap]:
    """Return the overlaps, one for each agent and pair of runs, in the order in which they begin."""
    found: dict[tuple[str, str, str], Overlap] = {}
    at_work: dict[str, list[tuple[int, int, Activity]]] = {}  # by agent: heap by end
    jobs = [each for each in activities if each.kind in SLOT_KINDS and each.agent_id and each.ended_ms is not None]
    for job in sorted(jobs, key=lambda each: (each.started_ms or 0, each.number)):
        since_ms, until_ms = job.started_ms, job.ended_ms
        if since_ms is None or until_ms is None or until_ms <= since_ms:
            continue
        others = at_work.setdefault(job.agent_id, [])
        while others and others[0][0] <= since_ms:
            heappop(others)
        for other_until_ms, _, other in others:
            if other.occ == job.occ:
                continue
            key = (job.agent_id, min(other.occ, job.occ), max(other.occ, job.occ))
            seen = found.get(key)
            if seen is None:
                seen = found[key] = Overlap(job.agent_id, other, job, since_ms, since_ms)
            met_until_ms = min(other_until_ms, until_ms)
            seen.together_ms += met_until_ms - since_ms
            seen.until_ms = max(seen.until_ms, met_until_ms)
            seen.pairs += 1
        heappush(others, (until_ms, job.number, job))
    return list(found.values())
