"""What would start in a period: runs that are planned, and beyond them the times of the schedules.

A time that has a run is told by its run, with whatever people did to it; any other time by the timetable. So a time is
never told twice, whether it has been planned already or not.

Source: decision 3 (the times of one schedule are a set), decision 4 (a jobnet without a version is a load error).
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple
from zoneinfo import ZoneInfo

from jaz_lite.forecast.definitions import Definitions
from jaz_lite.model.run import Boot, LoadStatus, Origin, RunState
from jaz_lite.schedule.days import Holidays
from jaz_lite.schedule.timetable import Start, Timetable


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownRun:
    """A run that a time has already, or that a person wants at a time."""

    run_id: int
    occ: str
    jobnet_id: str
    version: str
    boot: Boot
    scheduled_ms: int
    state: RunState
    load_status: LoadStatus
    origin: Origin
    user: str
    message: str
    started_ms: int | None = None
    ended_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Upcoming:
    """One start, planned or foreseen."""

    at_ms: int
    schedule_id: str  # "": a person asked for this time
    jobnet_id: str
    version: str = ""  # of the jobnet; "" where none is enabled
    zone: str = ""  # of the schedule, where it is not the site's
    day: date | None = None  # the operating day; None: the schedule does not say so any more
    boot_time: str = ""
    deadline_ms: int | None = None
    moved_by_clock: bool = False
    lack: str = ""  # why it could only be a load error
    run: KnownRun | None = None
    past: bool = False  # its time is over

    @property
    def occ(self) -> str:
        return self.run.occ if self.run else f"S:{self.schedule_id}:{self.jobnet_id}:{self.at_ms // 1000}"


class _Time(NamedTuple):
    """A start of a jobnet, in the order in which they are told."""

    at_ms: int
    schedule_id: str
    jobnet_id: str
    start: Start | None
    run: KnownRun | None


class Upcomings:
    """The starts of a period. `problems`: what is wrong with definitions, a sentence each."""

    def __init__(
        self,
        definitions: Definitions,
        runs: Iterable[KnownRun],
        *,
        now_ms: int,
        since_ms: int,
        until_ms: int,
        zone: ZoneInfo,
        holidays: Holidays,
        schedules: Collection[str] | None = None,
        jobnet_id: str | None = None,
    ) -> None:
        """Work out the times.

        Args:
            runs: those that wait, whatever their time, and those that occurrences of the period have.
            since_ms, until_ms: since included, until excluded.
            zone: the site's.
            schedules: only these; None: all of `definitions`.
            jobnet_id: only this one.
        """
        self._definitions = definitions
        self._now_ms = now_ms
        self._zone = zone
        self._lacks: dict[str, str] = {}
        self.problems: list[str] = []
        chosen = definitions.schedules if schedules is None else dict.fromkeys(schedules)
        known = {run.occ: run for run in runs}
        planned = {occ.rpartition(":")[0] for occ in known}  # schedule and jobnet
        times: list[_Time] = []
        self._timetables: dict[str, Timetable] = {}
        for schedule_id in chosen:
            schedule = definitions.schedules[schedule_id]
            timetable = Timetable(schedule, definitions, zone, holidays)
            self._timetables[schedule_id] = timetable
            whose = f'schedule "{schedule_id}": '
            self.problems += [whose + each.removeprefix(whose) for each in timetable.broken]
            jobnets = [row.jobnet_id for row in schedule.jobnets if jobnet_id in (None, row.jobnet_id)]
            starts = timetable.between(since_ms - 1, until_ms - 1)
            for each in dict.fromkeys(jobnets):
                pair = f"S:{schedule_id}:{each}"
                times += [
                    _Time(start.at_ms, schedule_id, each, start, None)
                    for start in starts
                    if pair not in planned or f"{pair}:{start.at_ms // 1000}" not in known
                ]
        for run in known.values():
            waits = run.state == "waiting"
            inside = since_ms <= run.scheduled_ms < until_ms or (
                waits and since_ms <= now_ms and run.scheduled_ms < now_ms
            )
            wanted = schedules is None or run.boot.schedule_id in chosen
            if inside and wanted and jobnet_id in (None, run.jobnet_id):
                times.append(_Time(run.scheduled_ms, run.boot.schedule_id, run.jobnet_id, None, run))
        times.sort(key=lambda each: each[:3])
        self._times = times

    def __len__(self) -> int:
        return len(self._times)

    def __iter__(self) -> Iterator[Upcoming]:
        """Give them in the order of their times."""
        return map(self._told, self._times)

    def _told(self, time: _Time) -> Upcoming:
        run, start = time.run, time.start
        if run is not None:
            start = self._start_of(run)
        schedule = self._definitions.schedules.get(time.schedule_id)
        zone = "" if schedule is None or schedule.zone in ("", self._zone.key) else schedule.zone
        return Upcoming(
            at_ms=time.at_ms,
            schedule_id=time.schedule_id,
            jobnet_id=time.jobnet_id,
            version=self._definitions.version_of(time.jobnet_id) if run is None else run.version,
            zone=zone,
            day=None if start is None else start.day,
            boot_time="" if start is None else start.boot_time,
            deadline_ms=run.boot.deadline_ms if run is not None else None if start is None else start.deadline_ms,
            moved_by_clock=start is not None and start.moved,
            lack=self._lack_of(time.jobnet_id) if run is None else "",
            run=run,
            past=time.at_ms < self._now_ms,
        )

    def _start_of(self, run: KnownRun) -> Start | None:
        """Return the time of the schedule that a run was planned for; None: the schedule has it no more, or none had."""
        timetable = self._timetables.get(run.boot.schedule_id)
        if timetable is None:
            return None
        nominal_ms = run.boot.nominal_ms
        return next(iter(timetable.between(nominal_ms - 1, nominal_ms)), None)

    def _lack_of(self, jobnet_id: str) -> str:
        if jobnet_id not in self._lacks:
            self._lacks[jobnet_id] = self._definitions.lack_of(jobnet_id)
        return self._lacks[jobnet_id]
