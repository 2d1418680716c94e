"""The backlog: schedules with times that were missed by more than their grace, and how it is made up for.

What is due now does not wait for it: the booter takes a piece at a time, in turns in which nothing else is due. Of a
time that was missed becomes a run, which the engine judges, or a number in one line of the journal.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from jaz_lite.model.fact import Fact, Severity
from jaz_lite.model.schedule import LateStart
from jaz_lite.runner import starts
from jaz_lite.runner.entry import Entry
from jaz_lite.runner.missed import Count, Missed, errors_max, latest
from jaz_lite.runner.timetables import Loaded
from jaz_lite.runner.turn import Turn

MADE_UP_MAX = 50  # runs a turn
MINUTE_MS = 60_000

# Of several schedules with missed times, those first whose jobnets are to run.
_RANK: Mapping[LateStart, int] = {"run_all": 0, "run_latest": 1, "error": 2, "skip": 3}


class Backlog:
    """The schedules that are behind, in the order in which they are dealt with."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._entries: list[Entry] = []
        self._errors = 0  # how many of them make errors of their missed times, since none was behind

    def __bool__(self) -> bool:
        return bool(self._entries)

    @property
    def schedules(self) -> tuple[str, ...]:
        """Those that are behind, first what is made up for first."""
        return tuple([entry.loaded.schedule_id for entry in self._entries])

    @property
    def first(self) -> Entry:
        """The one to make up for next. There must be one."""
        return self._entries[0]

    def clear(self) -> None:
        """Forget all; what is stored will be read."""
        self._entries.clear()

    def line_up(self, entries: Iterable[Entry]) -> None:
        """Take over, from all schedules, those that are behind."""
        self._entries = [entry for entry in entries if entry.missed is not None]
        self._order()

    def _order(self) -> None:
        errors = sum(entry.loaded.late_start == "error" for entry in self._entries)
        self._errors = max(errors, self._errors if len(self._entries) > 1 else 0)
        self._entries.sort(key=lambda entry: _RANK[entry.loaded.late_start])

    def set_apart(self, entry: Entry, now_ms: int) -> None:
        """Leave the times that were missed by more than the grace for later."""
        loaded = entry.loaded
        assert loaded.timetable is not None, "a schedule with a time has a timetable"
        over_ms = now_ms - MINUTE_MS - loaded.grace_min * MINUTE_MS
        if entry.next_ms is None or entry.next_ms > over_ms:
            return
        if loaded.late_start == "run_latest":
            # The latest one is to run, so it is no work for later.
            last = latest(loaded.timetable, entry.done_ms, now_ms, 1)[-1]
            over_ms = min(over_ms, last.at_ms - 1)
        if over_ms <= entry.done_ms:
            return
        after_ms = entry.done_ms if entry.missed is None else entry.missed.after_ms
        entry.missed = Missed(after_ms, over_ms)
        entry.done_ms = over_ms
        if entry not in self._entries:
            self._entries.append(entry)
            self._order()

    def make_up(self, turn: Turn, entry: Entry) -> int:
        """Deal with a piece of the missed times of a schedule; return how many runs that were."""
        loaded, missed, timetable = entry.loaded, entry.missed, entry.loaded.timetable
        assert missed is not None, "a schedule that is behind has missed times"
        assert timetable is not None, "a schedule with a time has a timetable"
        if missed.kept is None:
            kept = missed.look(timetable, len(loaded.jobnets), errors_max(self._errors))
        else:
            kept = missed.kept
        span = missed.next_to_count()
        if span is not None:
            self._count(turn, loaded, missed, *span)
            if missed.count_from_ms < missed.count_until_ms:
                return 0
            self._tell_counts(turn, loaded, missed)
            missed.after_ms = missed.count_until_ms
        left = MADE_UP_MAX
        while kept and left > 0:
            left -= starts.plan_time(turn, loaded, kept[0], left, crowded=kept[0].at_ms < missed.errors_from_ms)
            if left > 0:
                missed.after_ms = kept.popleft().at_ms
        if not kept:
            missed.after_ms = missed.until_ms
            entry.missed = None
            self._entries.remove(entry)
        turn.tx.schedule_marks.move(loaded.schedule_id, missed.after_ms)
        return MADE_UP_MAX - left

    def _count(self, turn: Turn, loaded: Loaded, missed: Missed, after_ms: int, until_ms: int) -> None:
        assert loaded.timetable is not None, "a schedule with a time has a timetable"
        found = [start.at_ms for start in loaded.timetable.between(after_ms, until_ms)]
        for jobnet_id, _ in loaded.jobnets:
            # Those that had been planned before are judged as runs.
            with_run = turn.tx.scheduled_runs.nominal_ms(loaded.schedule_id, jobnet_id, after_ms, until_ms)
            missed.counts.setdefault(jobnet_id, Count()).add(found, with_run)

    def _tell_counts(self, turn: Turn, loaded: Loaded, missed: Missed) -> None:
        for jobnet_id, count in missed.counts.items():
            if count.times:
                data = {
                    "schedule": loaded.schedule_id,
                    "jobnet": jobnet_id,
                    "count": count.times,
                    "first_at": self._shown(count.first_ms),
                    "last_at": self._shown(count.last_ms),
                    "late_start": loaded.late_start,
                }
                severity: Severity = "error" if loaded.late_start == "error" else "warning"
                fact = Fact(kind="schedule_times_missed", severity=severity, data=data)
                turn.tx.journal.add(turn.now_ms, None, "", fact)

    def _shown(self, at_ms: int) -> str:
        return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(self._zone).isoformat(sep=" ", timespec="seconds")
