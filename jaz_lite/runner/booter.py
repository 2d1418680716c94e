"""The booter: makes runs of the times of schedules, ahead of time, and of those that were missed.

It has no task of its own. At the head of a turn, if something is due, it plans: every time of a schedule up to the load
span from now becomes a run that waits for its time. The natural key of a run names schedule, jobnet and time, so
that a time is planned once, whatever crashes and however often it is looked at:

    mark ............ missed ............ | present ..... now ........... now + load span
    all is decided    judged by policy      starts, perhaps late           planned ahead

Times that were missed by more than the grace go last and little by little: nothing that is due now waits for them.
What becomes of a run whose time is over is for the engine alone to say.
"""

import heapq
import logging
from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from jaz_lite.clock import Clock
from jaz_lite.model.fact import Fact, Severity
from jaz_lite.model.run import Run
from jaz_lite.runner import starts
from jaz_lite.runner.backlog import Backlog
from jaz_lite.runner.clock_watch import STEP_MS_MIN, ClockWatch
from jaz_lite.runner.entry import Entry
from jaz_lite.runner.siblings import is_or_was_due
from jaz_lite.runner.timetables import Loaded, Timetables
from jaz_lite.runner.turn import Turn
from jaz_lite.store.open import Store
from jaz_lite.store.scheduled_runs import occurrence

PLANNED_MAX = 200  # runs a turn, so that its commit stays short
MADE_UP_AT_CHANGE_MAX = 1_000  # of missed times, where definitions change before all is made up for; more are counted
MINUTE_MS = 60_000
MARK_EVERY_MS = 10_000  # so old may the mark of the site be
SET_ASIDE = "a fault of the program; it starts nothing until it is changed, and the log says more"
LOOK_AGAIN_MS = 10 * 366 * 86_400_000  # a timetable without times says so for twelve years

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What the booter knows of the schedules, for people."""

    next_ms: int | None  # the first time that is not planned yet
    next_schedule: str
    behind: tuple[str, ...]  # schedules with missed times that wait for their records
    broken: tuple[tuple[str, str], ...]  # schedule and why it, or a part of it, starts nothing


class Booter:
    """Plans the starts of the enabled schedules."""

    def __init__(self, store: Store, *, clock: Clock, zone: ZoneInfo) -> None:
        self._store = store
        self._timetables = Timetables(zone)
        self._watch = ClockWatch(clock)
        self._entries: dict[str, Entry] = {}
        self._times: list[tuple[int, str]] = []  # a heap of each schedule's next time
        self._backlog = Backlog(zone)  # schedules with missed times
        self._span_ms = 0
        self._mark_due_ms = 0
        self._seen: tuple[int, int] | None = None  # changes of definitions and settings; None: nothing is known
        self._at: str | None = None  # the schedule that is being dealt with
        self._aside: dict[str, Loaded] = {}  # schedules that our own code cannot go on with
        self._aside_untold: list[str] = []

    # ---- when

    @property
    def due_ms(self) -> int | None:
        """When a turn is wanted to plan; None: nothing is to be planned."""
        if self._backlog or self._is_stale:
            return 0
        return self._times[0][0] - self._span_ms if self._times else None

    @property
    def _is_stale(self) -> bool:
        return self._seen != (self._store.definitions_version, self._store.settings_version)

    def outlook(self) -> Outlook:
        """Return what there is to say of the schedules now."""
        first = self._times[0] if self._times and self._entries[self._times[0][1]].has_times else (None, "")
        broken = [(name, why) for name, entry in self._entries.items() for why in entry.loaded.broken]
        return Outlook(
            next_ms=first[0],
            next_schedule=first[1],
            behind=self._backlog.schedules,
            broken=(*sorted(broken), *((name, SET_ASIDE) for name in sorted(self._aside))),
        )

    # ---- a turn

    def look(self, turn: Turn) -> None:
        """See what was done to the clock, to definitions and settings; nothing is planned yet."""
        step_ms = self._watch.look()
        if step_ms:
            self._clock_was_set(turn, step_ms)
            turn.after_commit(partial(self._watch.taken, step_ms))
        if self._is_stale:
            self._load(turn)
        self._at = None

    def take_turn(self, turn: Turn, *, starts_due: bool) -> None:
        """Plan what is due, a bounded piece of it.

        Args:
            starts_due: planned runs start in this turn; what lies ahead is planned in the next one.
        """
        now_ms = turn.now_ms
        self.look(turn)
        horizon_ms = now_ms if starts_due else now_ms + self._span_ms
        left = PLANNED_MAX
        while left > 0 and self._times and self._times[0][0] <= horizon_ms:
            left -= self._plan_next(turn, left)
        if self._backlog and left == PLANNED_MAX and not starts_due:
            entry = self._backlog.first
            self._at = entry.loaded.schedule_id
            self._backlog.make_up(turn, entry)
        if now_ms >= self._mark_due_ms and not self._backlog and (not self._times or self._times[0][0] > now_ms):
            self._mark_due_ms = now_ms + MARK_EVERY_MS
            if self._entries:
                turn.tx.schedule_marks.move_site(now_ms)
        self._at = None

    def undone(self) -> None:
        """The turn was rolled back: what was planned is not, and the marks are those of the store."""
        self._seen = None
        self._entries = {schedule_id: Entry(entry.loaded, -1) for schedule_id, entry in self._entries.items()}
        self._backlog.clear()
        self._times.clear()
        self._at = None

    def failed(self) -> bool:
        """Our own code failed in the turn: if it was about a schedule, that one is not tried again as it is.

        Returns:
            Whether it was about a schedule.
        """
        if self._at is None:
            return False
        loaded = self._entries[self._at].loaded
        if self._aside.get(self._at) is loaded:
            return False
        log.error("a schedule is set aside", extra={"action": "schedule.set_aside", "schedule": self._at})
        self._aside[self._at] = loaded
        self._aside_untold.append(self._at)
        return True

    def has_missed(self, turn: Turn, run: Run) -> bool:
        """Tell whether a later time of the schedule that planned this run is over or due, with a run or still without.

        Notes:
            Times whose run a person deleted or moved on do not count: nothing starts at them.
        """
        assert run.boot is not None, "only planned runs are asked for"
        schedule_id, jobnet_id = run.boot.schedule_id, run.jobnet.jobnet_id
        entry = self._entries.get(schedule_id)
        if entry is None or entry.loaded.timetable is None or not _starts(entry.loaded, jobnet_id):
            return False
        if schedule_id in self._aside:
            return False
        self._at = schedule_id
        later = entry.loaded.timetable.first_after(max(run.boot.nominal_ms, run.scheduled_ms or 0))
        while later is not None and later.at_ms <= turn.now_ms:
            run_id = turn.tx.runs.find_by_occ(occurrence(schedule_id, jobnet_id, later.at_ms))
            other = None if run_id is None else turn.find_run(run_id) or turn.tx.runs.row(run_id)
            if other is None or is_or_was_due(other, turn.now_ms):
                break
            later = entry.loaded.timetable.first_after(later.at_ms)
        self._at = None
        return later is not None and later.at_ms <= turn.now_ms

    # ---- definitions and settings

    def _load(self, turn: Turn) -> None:
        """Take over what is enabled and set now."""
        tx, now_ms = turn.tx, turn.now_ms
        is_first = self._seen is None
        self._seen = (self._store.definitions_version, self._store.settings_version)
        self._span_ms = tx.settings.minutes("load_span_min") * MINUTE_MS
        marks, site_ms = tx.schedule_marks.all(), tx.schedule_marks.site_ms() or 0
        if is_first and max(site_ms, *marks.values(), 0) > now_ms + STEP_MS_MIN:
            self._tell_set_back(turn, max(site_ms, *marks.values(), 0) - now_ms)
            marks, site_ms = tx.schedule_marks.all(), tx.schedule_marks.site_ms() or 0
        present = {schedule_id: entry.loaded for schedule_id, entry in self._entries.items()}
        entries: dict[str, Entry] = {}
        for loaded in self._timetables.read(tx, present):
            schedule_id = loaded.schedule_id
            old = self._entries.get(schedule_id)
            if old is None or is_first:
                if schedule_id not in marks:
                    tx.schedule_marks.begin(schedule_id, now_ms)
                entry = Entry(loaded, min(now_ms, max(marks.get(schedule_id, now_ms), site_ms)))
            elif old.loaded is loaded:
                entry = old
            else:
                entry = Entry(loaded, old.decided_ms(now_ms))
            if old is None or old.loaded is not loaded:
                self._tell_broken(turn, loaded, () if old is None else old.loaded.broken)
            if self._aside.get(schedule_id) is not loaded:
                self._aside.pop(schedule_id, None)
            entries[schedule_id] = entry
        for schedule_id in marks.keys() - entries.keys():
            tx.schedule_marks.forget(schedule_id)
        for schedule_id in self._aside_untold:
            self._tell(turn, "schedule_broken", "error", message=SET_ASIDE, schedule=schedule_id)
        turn.after_commit(self._aside_untold.clear)
        self._entries = entries
        self._timetables.forget_unused({schedule_id: entry.loaded for schedule_id, entry in entries.items()})
        self._line_up()

    def _line_up(self) -> None:
        """Find the next time of each schedule, and put all in order."""
        self._times = []
        for schedule_id, entry in self._entries.items():
            if entry.next_ms is None:
                self._find_next(entry)
            if entry.next_ms is not None:
                self._times.append((entry.next_ms, schedule_id))
        heapq.heapify(self._times)
        self._backlog.line_up(self._entries.values())

    def _find_next(self, entry: Entry) -> None:
        loaded = entry.loaded
        self._at = loaded.schedule_id
        if loaded.timetable is None or loaded.schedule_id in self._aside or not loaded.jobnets:
            entry.next_ms = None
            return
        found = loaded.timetable.first_after(entry.done_ms)
        entry.has_times = found is not None
        entry.next_ms = entry.done_ms + LOOK_AGAIN_MS if found is None else found.at_ms

    def decide_as_it_was(self, turn: Turn) -> None:
        """At the end of a turn: what its inputs changed in definitions holds from now on, and not for times before.

        Times that were missed, or are due, may be left of a schedule that was changed or disabled. They are decided
        here and at once, as it was; in the same transaction as the change, or a crash could lose them.
        """
        if self._seen is None or self._seen[0] == self._store.definitions_version:
            return
        present = {schedule_id: entry.loaded for schedule_id, entry in self._entries.items()}
        enabled = {loaded.schedule_id: loaded for loaded in self._timetables.read(turn.tx, present)}
        left = MADE_UP_AT_CHANGE_MAX
        for schedule_id, entry in self._entries.items():
            if enabled.get(schedule_id) is entry.loaded:
                continue
            left -= self._decide_all(turn, entry, left)
            if schedule_id in enabled:
                turn.tx.schedule_marks.move(schedule_id, turn.now_ms)
            else:
                turn.tx.schedule_marks.forget(schedule_id)
        self._at = None

    def _decide_all(self, turn: Turn, entry: Entry, left: int) -> int:
        """Decide every time of a schedule until now, with some `left` runs; return how many runs that were."""
        loaded = entry.loaded
        self._at = loaded.schedule_id
        is_behind = entry.missed is not None or (entry.next_ms is not None and entry.next_ms <= turn.now_ms)
        if not is_behind or loaded.schedule_id in self._aside:
            return 0
        assert loaded.timetable is not None, "a schedule with a time has a timetable"
        self._backlog.set_apart(entry, turn.now_ms)
        planned = 0
        for start in loaded.timetable.between(entry.done_ms, turn.now_ms):
            planned += starts.plan_time(turn, loaded, start, len(loaded.jobnets))
        entry.done_ms = max(entry.done_ms, turn.now_ms)
        while entry.missed is not None:
            if planned >= left:
                entry.missed.count_all()
            planned += self._backlog.make_up(turn, entry)
        self._find_next(entry)
        return planned

    # ---- planning

    def _plan_next(self, turn: Turn, left: int) -> int:
        """Plan the times of the schedule whose turn it is, at most `left` runs; return how many runs that were."""
        _, schedule_id = heapq.heappop(self._times)
        entry = self._entries[schedule_id]
        timetable = entry.loaded.timetable
        assert timetable is not None, "a schedule with a time has a timetable"
        self._at = schedule_id
        until_ms = turn.now_ms + self._span_ms
        self._backlog.set_apart(entry, turn.now_ms)
        planned = 0
        for start in timetable.between(entry.done_ms, until_ms):
            planned += starts.plan_time(turn, entry.loaded, start, left - planned)
            if planned >= left:
                break  # some of its jobnets may be left: the time is looked at again
            entry.done_ms = start.at_ms
        else:
            entry.done_ms = until_ms
        self._find_next(entry)
        assert entry.next_ms is not None, "a schedule that had a time is not set aside in its turn"
        heapq.heappush(self._times, (entry.next_ms, schedule_id))
        return planned

    # ---- the clock

    def _clock_was_set(self, turn: Turn, step_ms: int) -> None:
        if step_ms > 0:
            log.warning("the clock jumped forward", extra={"action": "clock.jumped", "by_ms": step_ms})
            turn.tx.term.note_pause()  # a machine that was set back with this process wakes up like that
            self._tell(turn, "clock_jumped", "warning", by_s=step_ms // 1000)
            return
        self._tell_set_back(turn, -step_ms)
        if self._seen is None:
            return  # what is stored will be read
        now_ms = turn.now_ms
        for entry in self._entries.values():
            decided_ms = entry.decided_ms(now_ms)
            entry.missed = None
            if entry.done_ms > decided_ms:
                entry.done_ms, entry.next_ms = decided_ms, None
        self._mark_due_ms = 0
        self._line_up()

    def _tell_set_back(self, turn: Turn, by_ms: int) -> None:
        """The clock was set back: marks follow it, and runs that had started keep their times from starting again."""
        log.warning("the clock was set back", extra={"action": "clock.set_back", "by_ms": by_ms})
        self._tell(turn, "clock_set_back", "warning", by_s=by_ms // 1000)
        turn.tx.schedule_marks.set_back(turn.now_ms)

    # ---- what people are told

    def _tell_broken(self, turn: Turn, loaded: Loaded, told: Collection[str]) -> None:
        for message in loaded.broken:
            if message not in told:
                self._tell(turn, "schedule_broken", "error", message=message, schedule=loaded.schedule_id)

    def _tell(self, turn: Turn, kind: str, severity: Severity, **data: Any) -> None:
        turn.tx.journal.add(turn.now_ms, None, "", Fact(kind=kind, severity=severity, data=data))


def _starts(loaded: Loaded, jobnet_id: str) -> bool:
    return any(each == jobnet_id for each, _ in loaded.jobnets)
