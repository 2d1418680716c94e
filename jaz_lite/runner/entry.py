"""One enabled schedule, and how far the booter has looked at its times."""

from dataclasses import dataclass

from jaz_lite.runner.missed import Missed
from jaz_lite.runner.timetables import Loaded


@dataclass(slots=True, eq=False)
class Entry:
    """One enabled schedule, and how far it was looked at."""

    loaded: Loaded
    done_ms: int  # every time up to this has a run or a record, or is among the missed ones
    next_ms: int | None = None  # the first time after that; None: it has none, or is set aside
    has_times: bool = False  # whether `next_ms` is a time of the schedule, not one to look again at
    missed: Missed | None = None

    def decided_ms(self, now_ms: int) -> int:
        """Return up to when, until now, all times of a schedule are decided as it was."""
        if self.missed is not None:
            return min(self.missed.after_ms, now_ms)
        if self.next_ms is None or self.next_ms > now_ms:
            return now_ms
        return min(self.done_ms, now_ms)
