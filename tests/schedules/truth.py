"""What must hold of every time of every schedule, whatever happens; compared with what the product commits.

    ONCE    a time of a schedule and jobnet gets one run, and never a second one
    DUE     no run starts before its time, and none that nothing asked for
    LOST    whenever the server rests, every time that has come has a run or is counted in a record
    AHEAD   whenever the server rests, every time within the load span has a run
    POLICY  a late start is treated as its schedule says
    HELD    what a person holds, moves or takes back stays so
    BUSY    multiple start-up holds for planned runs, too
    TOLD    people are told of everything that did not start at its time
    SPIN    the server comes to rest

A time is demanded once the server's clock has passed it while a version that names it was enabled.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from jaz_lite.clock import VirtualClock
from jaz_lite.model.event import DeleteRun, MoveRun, Operation, RerunRun
from jaz_lite.model.fact import Fact
from jaz_lite.model.run import RUN_OVER, Run
from jaz_lite.model.schedule import Schedule
from tests.schedules.defined import Change, Defined
from tests.sim.world import Violation

MINUTE_MS = 60_000
CLOCK_STEP_MS = 5_000  # smaller ones are nobody's business
MARK_AGE_MS = 11_000  # what was decided in the last moments before a crash may be looked at again
ERRORS_STANDING = 100  # pairs of time and jobnet of a schedule; older ones are skipped with a record
RUNS_MADE_UP = 1_000  # the same; older ones are counted in a record

Key = tuple[str, str, int]  # schedule, jobnet, nominal time


@dataclass
class Tx:
    """What a transaction in the making has changed."""

    inserted: list[Run] = field(default_factory=list)
    saved: dict[int, Run] = field(default_factory=dict)
    facts: list[tuple[int | None, Fact]] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    asked: set[int] = field(default_factory=set)  # runs that a person asks something of
    operations: list[tuple[int, Operation]] = field(default_factory=list)


class Truth:
    """The times that have come, what became of them, and the comparison."""

    def __init__(self, clock: VirtualClock, defined: Defined, trace: list[str]) -> None:
        self.clock = clock
        self.defined = defined
        self.trace = trace
        self.counts: Counter[str] = Counter()
        self.tx = Tx()
        self.runs: dict[Key, Run] = {}
        self.key_of: dict[int, Key] = {}
        self.open: dict[int, Run] = {}  # those that are not over
        self.demanded: set[Key] = set()
        self.undecided: set[Key] = set()  # of those, the ones without a run or a record
        self.counted: set[Key] = set()  # those in a record
        self.facts: dict[int, set[str]] = defaultdict(set)
        self.span_ms = 60 * MINUTE_MS
        self.held: set[Key] = set()
        self.moved: dict[Key, int] = {}
        self.deleted: set[Key] = set()
        self.bypassed: set[int] = set()  # runs that a person started past multiple start-up
        self._marks: dict[str, int] = {}  # up to when the times of a schedule have come
        self._since: dict[str, int] = {}  # from when on times of the version may be planned
        self._planned_by: dict[Key, Schedule] = {}  # the version that was enabled then
        self.new_process = False  # it knows the time only by what is stored
        self._before_step: tuple[dict[str, int], dict[str, int]] | None = None
        self._seen: tuple[int, float] | None = None

    def fail(self, promise: str, sentence: str) -> None:
        """Give up: something that must hold does not."""
        raise Violation(promise, f"{sentence} (now {self.shown(self.clock.now_ms())})")

    def shown(self, at_ms: int) -> str:
        """Return an instant for people, in the zone of the site."""
        return f"{datetime.fromtimestamp(at_ms / 1000, self.defined.site_zone):%Y-%m-%d %H:%M:%S}"

    # ---- time passes

    def look(self) -> None:
        """The server begins a turn: it sees the clock, and every time until now has come."""
        now_ms, monotonic = self.clock.now_ms(), self.clock.monotonic()
        if self._seen is not None:
            step_ms = now_ms - self._seen[0] - round((monotonic - self._seen[1]) * 1000)
            self._before_step = None
            is_behind = self.new_process and now_ms < max(self._marks.values(), default=0) - CLOCK_STEP_MS
            if step_ms <= -CLOCK_STEP_MS or is_behind:
                self._before_step = dict(self._marks), dict(self._since)
                for schedule_id in self._marks:
                    self._marks[schedule_id] = min(self._marks[schedule_id], now_ms)
                    self._since[schedule_id] = min(self._since[schedule_id], now_ms)
        self.new_process = False
        self._seen = (now_ms, monotonic)
        for schedule_id, times in self.defined.schedules.items():
            if now_ms <= self._marks[schedule_id]:
                continue
            for at_ms in times.between(self._marks[schedule_id], now_ms):
                for jobnet in times.schedule.jobnets:
                    key = (schedule_id, jobnet.jobnet_id, at_ms)
                    self.demanded.add(key)
                    self.counts["times"] += 1
                    if key not in self.runs and key not in self.counted:
                        self.undecided.add(key)
            self._marks[schedule_id] = now_ms

    def look_was_lost(self) -> None:
        """The process died before it had committed what it saw: that the clock was set back, it will see anew."""
        if self._before_step is not None:
            self._marks, self._since = self._before_step

    def rests(self) -> None:
        """The server has nothing to do now: what was to be done is done."""
        now_ms = self.clock.now_ms()
        if self.undecided:
            lost = sorted(self.undecided, key=lambda key: key[2])
            self.fail("LOST", f"{len(lost)} times have no run and no record: {self._told(lost[0])} is the first")
        busy = Counter(run.jobnet.jobnet_id for run in self.open.values() if _is_busy(run))
        for run in self.open.values():
            assert run.boot is not None
            if run.state == "waiting" and run.scheduled_ms is not None and run.scheduled_ms <= now_ms:
                self._waits_rightly(run, busy[run.jobnet.jobnet_id])
            by_ms = run.boot.deadline_ms
            if by_ms is not None and by_ms <= now_ms and not run.boot.deadline_missed:
                self.fail("TOLD", f"{self._told(_key(run))} is over its deadline, and that was not noted")
        for schedule_id, times in self.defined.schedules.items():
            for at_ms in times.between(now_ms, now_ms + self.span_ms):
                for jobnet in times.schedule.jobnets:
                    key = (schedule_id, jobnet.jobnet_id, at_ms)
                    if key not in self.runs and key not in self.counted:
                        self.fail("AHEAD", f"{self._told(key)} is within the load span and not planned")

    def _waits_rightly(self, run: Run, busy: int) -> None:
        key = self.key_of[run.run_id]
        assert run.boot is not None
        if run.boot.held == "held":
            return
        if run.load_status == "delayed" and run.jobnet.multiple_start == "wait" and busy:
            return
        how = f"{run.load_status}, held: {run.boot.held}, {busy} others of its jobnet at work"
        self.fail("LOST", f"{self._told(key)} waits on ({how}), though {self.shown(run.scheduled_ms or 0)} has come")

    # ---- the server: what a transaction does, told by `watching.py`

    def begun(self) -> None:
        """A transaction begins."""
        self.tx = Tx()

    def committed(self) -> None:
        """A transaction is durable: compare what it did."""
        tx, self.tx = self.tx, Tx()
        for run_id, fact in tx.facts:
            if run_id is not None:
                self.facts[run_id].add(fact.kind)
        before = {run.run_id: self.runs.get(_key(run)) for run in (*tx.inserted, *tx.saved.values()) if run.boot}
        for run in tx.inserted:
            if run.boot is not None and run.boot.schedule_id:
                self._inserted(run)
        for run in tx.saved.values():
            if run.run_id in self.key_of:
                self._put(self.key_of[run.run_id], run)
        for run_id, operation in tx.operations:
            self._asked(self.runs[self.key_of[run_id]], operation)
        for run_id, earlier in before.items():
            if run_id in self.key_of:
                self._changed(earlier, self.runs[self.key_of[run_id]], tx)
        for run_id, fact in tx.facts:
            if run_id is None and fact.kind == "schedule_times_missed":
                self._range_told(fact.data, at_a_change=bool(tx.changes))
        for jobnet_id in {run.jobnet.jobnet_id for run in tx.saved.values()}:
            self._one_at_a_time(jobnet_id)
        for change in tx.changes:
            self._definitions_changed(change)

    def _asked(self, run: Run, operation: Operation) -> None:
        """A person has asked something of a run; what came of it shows in the run."""
        key = self.key_of[run.run_id]
        if run.boot is not None and run.boot.held == "held":
            self.held.add(key)
        else:
            self.held.discard(key)
        match operation:
            case MoveRun(scheduled_ms=at_ms) if run.scheduled_ms == at_ms:
                self.moved[key] = at_ms
            case DeleteRun() if run.message.startswith("deleted by"):
                self.deleted.add(key)
            case RerunRun() if run.state != "run_error":
                self.bypassed.add(run.run_id)

    def set_span(self, minutes: int) -> None:
        """Starts are planned so far ahead from now on."""
        self.span_ms = minutes * MINUTE_MS

    def log(self, text: str) -> None:
        """Put a line into the trace."""
        self.trace.append(f"{self.shown(self.clock.now_ms())}  {text}")

    def _definitions_changed(self, change: Change) -> None:
        now_ms = self.clock.now_ms()
        before = dict(self.defined.schedules)
        change(self.defined)
        for schedule_id, times in self.defined.schedules.items():
            if schedule_id not in before:
                self._marks[schedule_id] = now_ms
            if before.get(schedule_id) is not times:
                self._since[schedule_id] = now_ms

    # ---- runs

    def _inserted(self, run: Run) -> None:
        key, now_ms = _key(run), self.clock.now_ms()
        schedule_id, jobnet_id, at_ms = key
        if key in self.runs:
            self.fail("ONCE", f"{self._told(key)} has a second run, {run.run_id} after {self.runs[key].run_id}")
        times = self.defined.schedules.get(schedule_id)
        if key not in self.demanded:
            if times is None or not times.has(at_ms):
                self.fail("DUE", f"{self._told(key)} is planned, but no enabled schedule names that time")
            elif jobnet_id not in {each.jobnet_id for each in times.schedule.jobnets}:
                self.fail("DUE", f"{self._told(key)} is planned, but the schedule does not start that jobnet")
            elif at_ms <= self._since[schedule_id] - MARK_AGE_MS:
                self.fail("DUE", f"{self._told(key)} is planned, but lies before that version was enabled")
        if at_ms > now_ms + self.span_ms:
            self.fail("DUE", f"{self._told(key)} is planned before the load span")
        if run.load_status == "load_error" and jobnet_id in self.defined.jobnets:
            self.fail("DUE", f"{self._told(key)} could not be loaded, though its jobnet is enabled: {run.message}")
        self.counts["runs"] += 1
        self.key_of[run.run_id] = key
        if times is not None:
            self._planned_by[key] = times.schedule
        self._put(key, run)
        self.undecided.discard(key)

    def _put(self, key: Key, run: Run) -> None:
        self.runs[key] = run
        if run.state in RUN_OVER:
            self.open.pop(run.run_id, None)
        else:
            self.open[run.run_id] = run

    def _changed(self, before: Run | None, run: Run, tx: Tx) -> None:
        key = self.key_of[run.run_id]
        if before is not None and before.state in RUN_OVER and run.state != before.state:
            self.fail("ONCE", f"{self._told(key)} was {before.state} and is {run.state} again")
        if key in self.deleted and (run.state, run.load_status) != ("ended", "skipped"):
            self.fail("HELD", f"{self._told(key)} was deleted, and is {run.state}")
        if key in self.moved and run.scheduled_ms != self.moved[key]:
            self.fail("HELD", f"{self._told(key)} was moved to {self.shown(self.moved[key])}, and forgot it")
        if run.state == "waiting" or (before is not None and before.state != "waiting"):
            return
        if run.load_status == "load_error":
            self.counts["load errors"] += 1
            return
        if run.run_id in tx.asked:
            self.counts["decided by people"] += 1
            return
        if key in self.held:
            self.fail("HELD", f"{self._told(key)} is held, and is {run.state} now")
        self._judged(key, before, run)

    def _judged(self, key: Key, before: Run | None, run: Run) -> None:
        """The product has decided what becomes of a run whose time has come."""
        now_ms, boot = self.clock.now_ms(), run.boot
        assert boot is not None
        assert run.scheduled_ms is not None
        if now_ms < run.scheduled_ms:
            self.fail("DUE", f"{self._told(key)} is {run.state} before its time {self.shown(run.scheduled_ms)}")
        how = _how(run)
        self.counts[how] += 1
        if how == "skipped, another runs":
            if run.jobnet.multiple_start != "skip":
                self.fail("BUSY", f"{self._told(key)} was skipped for another run, and need not be")
            return
        waited = before is not None and before.load_status == "delayed"
        if boot.held == "released" or waited:
            wanted = {"started", "started late"}
        else:
            wanted = self._wanted(key, run, now_ms)
        if how not in wanted:
            late_s = (now_ms - run.scheduled_ms) // 1000
            policy = f"{boot.late_start}, grace {boot.grace_min} min"
            self.fail(
                "POLICY", f"{self._told(key)} ({policy}) is {how}, {late_s} s late: {run.message or 'no message'}"
            )
        kind = {
            "started late": "run_started_late",
            "delayed-start error": "run_start_missed",
            "skipped": "run_not_started",
        }.get(how)
        if kind is not None and not waited and kind not in self.facts[run.run_id]:
            self.fail("TOLD", f"{self._told(key)} is {how}, and nobody was told")

    def _wanted(self, key: Key, run: Run, now_ms: int) -> set[str]:
        """Return what may become of a run that is judged now."""
        assert run.boot is not None
        assert run.scheduled_ms is not None
        over_ms = run.scheduled_ms + MINUTE_MS
        if now_ms < over_ms:
            return {"started"}
        if now_ms < over_ms + run.boot.grace_min * MINUTE_MS:
            return {"started late"}
        times, planned_by = self.defined.schedules.get(key[0]), self._planned_by.get(key)
        same = times is not None and times.schedule is planned_by and times.has(key[2])
        match run.boot.late_start:
            case "error" if "only the latest" in run.message and same and times is not None:
                later = len(times.between(key[2], now_ms)) * len(times.schedule.jobnets)
                return {"skipped"} if later >= ERRORS_STANDING - len(times.schedule.jobnets) else {"an error"}
            case "error":
                return {"delayed-start error"}
            case "skip":
                return {"skipped"}
            case "run_all":
                return {"started late"}
        if not same or key in self.moved or times is None:
            return {"started late", "skipped"}
        later = [(*key[:2], at_ms) for at_ms in times.between(key[2], now_ms)]
        return {"skipped"} if any(self._is_due(each, now_ms) for each in later) else {"started late"}

    def _is_due(self, key: Key, now_ms: int) -> bool:
        """Tell whether a run starts for a time that has come, unless the policy is against it."""
        return key not in self.deleted and self.moved.get(key, 0) <= now_ms

    def _busy(self, jobnet_id: str) -> list[Run]:
        return [run for run in self.open.values() if _is_busy(run) and run.jobnet.jobnet_id == jobnet_id]

    def _one_at_a_time(self, jobnet_id: str) -> None:
        busy = self._busy(jobnet_id)
        alone = len(busy) < 2 or busy[0].jobnet.multiple_start == "parallel"
        if not alone and not any(run.run_id in self.bypassed for run in busy):
            self.fail("BUSY", f"{len(busy)} runs of {jobnet_id} are at work at once")

    # ---- times that got no run

    def _range_told(self, data: Mapping[str, Any], *, at_a_change: bool) -> None:
        schedule_id, jobnet_id = data["schedule"], data["jobnet"]
        first_ms, last_ms = (
            round(datetime.fromisoformat(data[end]).timestamp()) * 1000 for end in ("first_at", "last_at")
        )
        covered = {
            key
            for key in self.demanded
            if key[:2] == (schedule_id, jobnet_id) and first_ms <= key[2] <= last_ms and key not in self.runs
        }
        self.counts["times told in records"] += len(covered)
        self.counts["records"] += 1
        if len(covered) != data["count"]:
            self.fail(
                "LOST",
                f"{schedule_id}/{jobnet_id}: a record tells of {data['count']} times, but {len(covered)} are without a run",
            )
        times = self.defined.schedules.get(schedule_id)
        if not at_a_change and times is not None and all(times.has(key[2]) for key in covered):
            later = len(times.between(last_ms, self.clock.now_ms())) * len(times.schedule.jobnets)
            if later < RUNS_MADE_UP - 2 * len(times.schedule.jobnets):
                self.fail(
                    "LOST",
                    f"{schedule_id}/{jobnet_id}: {len(covered)} times got a record instead of runs, though only {later} came after them",
                )
        self.counted |= covered
        self.undecided -= covered

    # ---- the end

    def at_the_end(self) -> None:
        """Everything has come to rest."""
        for run in self.open.values():
            come = run.state == "waiting" and (run.scheduled_ms or 0) <= self.clock.now_ms()
            if come and not self._busy(run.jobnet.jobnet_id):
                self.fail("LOST", f"{self._told(_key(run))} still waits")

    def _told(self, key: Key) -> str:
        return f"{key[0]}/{key[1]} at {self.shown(key[2])}"


def _key(run: Run) -> Key:
    assert run.boot is not None
    return (run.boot.schedule_id, run.jobnet.jobnet_id, run.boot.nominal_ms)


def _is_busy(run: Run) -> bool:
    return run.state in ("ready", "running", "run_error") and not run.start_missed


def _how(run: Run) -> str:
    """Return what became of a run, in a few words."""
    if run.start_missed:
        return "delayed-start error"
    if run.load_status == "skipped":
        return "skipped, another runs" if "another run" in run.message else "skipped"
    return "started late" if run.late else "started"
