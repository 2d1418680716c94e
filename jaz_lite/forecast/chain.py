"""The critical path of a night: what decided when its last run ends, and how much room the other runs have.

Every activity knows what let it begin: the activity that ended before it on its flow, the one that left it a slot, the
run that it had to wait for; or the clock. Followed back from the last end this is the critical path. Followed forward
it says how much later a run could end before the night ends later, if nothing else changes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from jaz_lite.forecast.outcome import Activity, Outcome, RunEnd

Why = Literal["clock", "flow", "slot", "run", "task"]


@dataclass(frozen=True, slots=True)
class Link:
    """One part of the critical path. `why` says what it began by."""

    activity: Activity
    since_ms: int
    until_ms: int
    why: Why


def last_end(outcome: Outcome) -> RunEnd | None:
    """Return the run that ends last, the first of several; None where none ends."""
    ended = [end for end in outcome.runs if end.ended_ms is not None and end.end_cause is not None]
    return max(ended, key=lambda end: end.ended_ms or 0, default=None)


def critical_path(outcome: Outcome) -> list[Link]:
    """Return the chain that decides when the last run ends, in the order of time; empty where none ends."""
    last = last_end(outcome)
    ends = {end.run.occ: end for end in outcome.runs}
    links: list[Link] = []
    number = None if last is None else last.end_cause
    while number is not None:
        activity = outcome.activities[number]
        started_ms = activity.begun_ms if activity.started_ms is None else activity.started_ms
        ended_ms = started_ms if activity.ended_ms is None else activity.ended_ms
        number = activity.freed if activity.freed is not None else activity.cause
        links.append(Link(activity, started_ms, ended_ms, _why(outcome.activities, activity, ends[activity.occ])))
    links.reverse()
    return links


def _why(activities: Sequence[Activity], activity: Activity, end: RunEnd) -> Why:
    if activity.freed is not None:
        return "slot"
    if activity.cause is None:
        return "clock"
    if activities[activity.cause].occ == activity.occ:
        return "flow"
    return "run" if end.waited_for or not end.started_by else "task"


def slacks(outcome: Outcome) -> dict[str, int]:
    """Return, by occ, how much later each run that ends could end before the last end moves, in milliseconds."""
    last = last_end(outcome)
    if last is None or last.ended_ms is None:
        return {}
    reach: dict[int, int] = {}  # the latest end that follows from an activity's, its own included
    in_time = sorted(outcome.activities, key=lambda each: (each.started_ms or each.begun_ms, each.number), reverse=True)
    for each in in_time:
        own = max(reach.get(each.number, 0), each.ended_ms or 0)
        reach[each.number] = own
        before = each.freed if each.freed is not None else each.cause
        if before is not None:
            reach[before] = max(reach.get(before, 0), own)
    return {
        end.run.occ: max(0, last.ended_ms - max(end.ended_ms, reach.get(end.end_cause, 0)))
        for end in outcome.runs
        if end.ended_ms is not None and end.end_cause is not None
    }
