"""The times of one schedule that were missed by more than its grace: because no server ran, or the clock jumped.

The latest of them become runs, which the engine judges by the policy of the schedule. What lies further back is
counted, and told in one line of the journal a jobnet: nobody can look through a year of missed starts one by one.
"""

from bisect import bisect_left
from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from jaz_lite.schedule.timetable import Start, Timetable

PAIRS_KEPT_MAX = 1_000  # (time, jobnet) pairs of a schedule that become runs
ERRORS_KEPT_MAX = 100  # of those, as delayed-start errors: more, nobody would settle one by one
SITE_ERRORS_MAX = 1_000  # the same of all schedules together; but the latest time of each
DAY_MS = 86_400_000
COUNTED_AT_ONCE_MS = 31 * DAY_MS  # some ten thousand times where a schedule starts every minute


def latest(timetable: Timetable, after_ms: int, until_ms: int, count: int) -> list[Start]:
    """Return the last `count` times after `after_ms` until `until_ms`, fewer where there are not so many."""
    span_ms = DAY_MS
    while True:
        since_ms = max(after_ms, until_ms - span_ms)
        found = timetable.between(since_ms, until_ms)
        if len(found) >= count or since_ms == after_ms:
            return found[-count:]
        span_ms *= 4


@dataclass(slots=True)
class Missed:
    """What is left to be done about the missed times of a schedule."""

    after_ms: int  # times after this
    until_ms: int  # until this, which is included
    kept: deque[Start] | None = None  # those that become runs, oldest first; None: not looked for yet
    errors_from_ms: int = 0  # of those, the first that may stand as a delayed-start error
    count_from_ms: int = 0  # times after this until `count_until_ms` are still to be counted
    count_until_ms: int = 0
    counts: dict[str, "Count"] = field(default_factory=dict)  # by jobnet

    def look(self, timetable: Timetable, jobnets: int, errors_max: int) -> deque[Start]:
        """Find those that become runs; what is older is to be counted.

        Args:
            jobnets: how many jobnets each time starts, at least 1.
            errors_max: so many pairs may stand as delayed-start errors, but for the latest time.
        """
        times = max(1, PAIRS_KEPT_MAX // jobnets)
        kept = latest(timetable, self.after_ms, self.until_ms, times)
        self.kept = deque(kept)
        if kept:
            self.errors_from_ms = kept[-max(1, errors_max // jobnets) :][0].at_ms
        self.count_from_ms = self.after_ms
        self.count_until_ms = kept[0].at_ms - 1 if len(kept) == times else self.after_ms
        return self.kept

    def count_all(self) -> None:
        """Have all that is left counted; none of it becomes a run."""
        self.kept = deque()
        self.counts = {}
        self.count_from_ms, self.count_until_ms = self.after_ms, self.until_ms

    def next_to_count(self) -> tuple[int, int] | None:
        """Return the next span whose times are to be counted, or None; it counts as done."""
        if self.count_from_ms >= self.count_until_ms:
            return None
        since_ms = self.count_from_ms
        self.count_from_ms = min(since_ms + COUNTED_AT_ONCE_MS, self.count_until_ms)
        return since_ms, self.count_from_ms


def errors_max(schedules: int) -> int:
    """Return how many pairs of each schedule may stand as errors, where so many of them have missed times."""
    return min(ERRORS_KEPT_MAX, SITE_ERRORS_MAX // max(1, schedules))


@dataclass(slots=True)
class Count:
    """Times of one jobnet that get no run."""

    times: int = 0
    first_ms: int = 0
    last_ms: int = 0

    def add(self, found: Sequence[int], with_run: Collection[int]) -> None:
        """Count some more times but for those that have a run; later ones than before, in their order."""
        with_run = [at_ms for at_ms in with_run if found and found[bisect_left(found, at_ms) % len(found)] == at_ms]
        if len(with_run) == len(found):
            return
        known = frozenset(with_run)
        if not self.times:
            self.first_ms = next(at_ms for at_ms in found if at_ms not in known)
        self.times += len(found) - len(with_run)
        self.last_ms = next(at_ms for at_ms in reversed(found) if at_ms not in known)
