"""When a schedule starts its jobnets: its operating days and wall times, made instants.

The times of one schedule are a set of instants (decision 3): two calendars, or a wall time that a change of the clocks
moved onto another, give one start. A boot time stands on the operating day that names it; 25:30 is 01:30 of the day
after, which need not be an operating day itself.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

from jaz_lite import config
from jaz_lite.errors import DefinitionError
from jaz_lite.model.calendar import Calendar, Filter
from jaz_lite.model.names import boot_time_fault
from jaz_lite.model.schedule import BootTime, Cycle, Schedule
from jaz_lite.schedule.days import DaySource, Holidays, days_of, picked_of
from jaz_lite.schedule.local_time import DAY_MIN, FIRST_DAY, LAST_DAY, MIN_MS, LocalTime, local_time

YEARS_AHEAD = 12  # so long a leap day may be away, around a year like 2100 without one

# How far the day of an instant may lie from the one that its wall time names: a skipped day moves it on, and a
# repeated one lets the days of instants go back.
DAYS_ASTRAY = 2


class Start(NamedTuple):
    """One time of a schedule. Of several wall times that give one instant it tells one that was not skipped, if any;
    of those the one of the earliest operating day."""

    at_ms: int
    day: date  # the operating day
    boot_time: str  # HHMM on that day, 0000..9959
    moved: bool = False  # this wall time was skipped by a change of the clocks
    deadline_ms: int | None = None  # when a run of this start should have ended; the earliest, where wall times differ


class DaysView(Protocol):
    """The enabled versions of calendars and filters."""

    def calendar(self, calendar_id: str) -> Calendar | None: ...

    def filter(self, filter_id: str) -> Filter | None: ...


@dataclass(frozen=True, slots=True)
class _Times:
    """The wall times that the days of a source have on one day: the operating day itself, or one so much later."""

    later: int  # days, 0..4
    since_midnight_ms: tuple[int, ...]  # sorted
    boot_times: tuple[str, ...]  # HHMM, in the same order


@dataclass(frozen=True, slots=True)
class _Row:
    source: DaySource
    times: tuple[_Times, ...]  # in the order of `later`


class Timetable:
    """The times of one version of a schedule, with calendars and filters as they are now."""

    broken: tuple[str, ...]  # a sentence for each thing whose times are not known; the others' times are

    def __init__(self, schedule: Schedule, days: DaysView, zone: ZoneInfo, holidays: Holidays) -> None:
        """Look up what a schedule names.

        Args:
            zone: the site's; for a schedule that names none.
        """
        self._latest = 0  # days from an operating day to its last wall time
        self._rows: list[_Row] = []
        self._end_within_ms = schedule.end_within_min * MIN_MS
        try:
            self._local: LocalTime = local_time(config.zone(schedule.zone) if schedule.zone else zone)
            self._end_by = _minutes(schedule.end_by) if schedule.end_by else None
            wall_times = _wall_times(schedule)
        except DefinitionError as fault:
            self.broken = (f'schedule "{schedule.schedule_id}": {fault.message}',)
            return
        broken = []
        for (kind, days_id), minutes in wall_times.items():
            try:
                source = _source(kind, days_id, days, holidays)
            except DefinitionError as fault:
                broken.append(fault.message)
                continue
            self._rows.append(_Row(source, tuple(_by_day(sorted(minutes)))))
            self._latest = max(self._latest, max(minutes) // DAY_MIN)
        self.broken = tuple(dict.fromkeys(broken))

    def between(self, after_ms: int, until_ms: int) -> list[Start]:
        """Return the times after `after_ms` until `until_ms`, which is included; sorted, one for each instant."""
        if until_ms <= after_ms or not self._rows:
            return []
        first = self._local.day_at(after_ms) - self._latest - DAYS_ASTRAY
        last = self._local.day_at(until_ms) + DAYS_ASTRAY
        starts: list[Start] = []
        for row in self._rows:
            for day in _days(row.source, first, last):
                starts += self._of_day(row, day, after_ms, until_ms)
        return self._settled(starts)

    def first_after(self, after_ms: int) -> Start | None:
        """Return the first time after `after_ms`, or None if there is none within twelve years."""
        if not self._rows:
            return None
        today = self._local.day_at(after_ms)
        best: int | None = None
        for day, rows in self._days_with_rows(today - self._latest - DAYS_ASTRAY, today + YEARS_AHEAD * 366):
            if best is not None and self._local.day(day).midnight_ms > best:
                break
            for row in rows:
                at_ms = self._first_of_day(row, day, after_ms)
                if at_ms is not None and (best is None or at_ms < best):
                    best = at_ms
        return None if best is None else self.between(best - 1, best)[0]

    def _days_with_rows(self, first: int, last: int) -> Iterator[tuple[int, list[_Row]]]:
        """Give the operating days in their order, each with the rows whose it is, a year at a time."""
        for year in _years(first, last):
            rows_of: dict[int, list[_Row]] = {}
            for row in self._rows:
                for day in _days(row.source, max(first, _new_year(year)), min(last, _new_year(year + 1) - 1)):
                    rows_of.setdefault(day, []).append(row)
            yield from sorted(rows_of.items())

    def _of_day(self, row: _Row, day: int, after_ms: int, until_ms: int) -> list[Start]:
        told = date.fromordinal(day)
        starts: list[Start] = []
        for times in row.times:
            midnight_ms, even = self._local.day(day + times.later)
            if even:
                begin = bisect_right(times.since_midnight_ms, after_ms - midnight_ms)
                end = bisect_right(times.since_midnight_ms, until_ms - midnight_ms)
                starts += [
                    Start(midnight_ms + since_ms, told, boot_time)
                    for since_ms, boot_time in zip(
                        times.since_midnight_ms[begin:end], times.boot_times[begin:end], strict=True
                    )
                ]
            else:
                for boot_time in times.boot_times:
                    at_ms, moved = self._local.instant(day, _minutes(boot_time))
                    if after_ms < at_ms <= until_ms:
                        starts.append(Start(at_ms, told, boot_time, moved))
        return starts

    def _first_of_day(self, row: _Row, day: int, after_ms: int) -> int | None:
        for times in row.times:
            midnight_ms, even = self._local.day(day + times.later)
            if even:
                number = bisect_right(times.since_midnight_ms, after_ms - midnight_ms)
                if number < len(times.since_midnight_ms):
                    return midnight_ms + times.since_midnight_ms[number]
            else:
                for boot_time in times.boot_times:
                    at_ms = self._local.instant(day, _minutes(boot_time)).at_ms
                    if at_ms > after_ms:
                        return at_ms
        return None

    def _settled(self, starts: list[Start]) -> list[Start]:
        """Return starts in order, one for each instant, with their deadlines."""
        starts.sort()  # by instant, operating day, boot time
        if len({start.at_ms for start in starts}) < len(starts):
            together = [list(same) for _, same in groupby(starts, key=attrgetter("at_ms"))]
        elif self._end_by is None and not self._end_within_ms:
            return starts
        else:
            together = [[start] for start in starts]
        return [self._told(same) for same in together]

    def _told(self, same: list[Start]) -> Start:
        """Return the one start of an instant, of those that fall on it in the order of their days."""
        told = next((start for start in same if not start.moved), same[0])
        # The earliest day has the earliest deadline: its wall times include those of the later ones.
        return told._replace(deadline_ms=self._deadline(same[0].at_ms, same[0].day.toordinal()))

    def _deadline(self, at_ms: int, day: int) -> int | None:
        """Return when a run that starts at `at_ms` for an operating day should have ended."""
        deadlines: list[int] = []
        if self._end_within_ms:
            deadlines.append(at_ms + self._end_within_ms)
        if self._end_by is not None:
            while (end_ms := self._local.instant(day, self._end_by).at_ms) <= at_ms:
                day += 1
            deadlines.append(end_ms)
        return min(deadlines, default=None)


def wall_minutes(times: Iterable[BootTime | Cycle]) -> set[int]:
    """Return the wall times that boot times and cycles name, as minutes since 00:00 of the operating day.

    Raises:
        DefinitionError: what should be a time is none.
    """
    found: set[int] = set()
    for row in times:
        if isinstance(row, BootTime):
            found.add(_minutes(row.at))
        else:
            found.update(range(_minutes(row.since), _minutes(row.until) + 1, max(row.every_min, 1)))
    return found


def as_boot_time(minutes: int) -> str:
    """Return HHMM of a wall time, given as minutes since 00:00 of the operating day, 0 to 5999."""
    return f"{minutes // 60:02}{minutes % 60:02}"


def _wall_times(schedule: Schedule) -> dict[tuple[str, str], set[int]]:
    """Return what (kind, id) of days has which wall times."""
    rows: list[BootTime | Cycle] = [*schedule.boot_times, *schedule.cycles]
    found: dict[tuple[str, str], set[int]] = {}
    for row in rows:
        found.setdefault((row.days_kind, row.days_id), set()).update(wall_minutes((row,)))
    return {key: minutes for key, minutes in found.items() if minutes}


def _source(kind: str, days_id: str, days: DaysView, holidays: Holidays) -> DaySource:
    if kind == "calendar":
        return days_of(_enabled_calendar(days_id, days, ""), holidays)
    found = days.filter(days_id)
    if found is None:
        raise DefinitionError(f'filter "{days_id}" has no enabled version')
    calendar = _enabled_calendar(found.base_calendar_id, days, f', from which filter "{days_id}" picks,')
    return picked_of(found, calendar, holidays)


def _enabled_calendar(calendar_id: str, days: DaysView, why: str) -> Calendar:
    calendar = days.calendar(calendar_id)
    if calendar is None:
        raise DefinitionError(f'calendar "{calendar_id}"{why} has no enabled version')
    return calendar


def _by_day(minutes: list[int]) -> Iterator[_Times]:
    for later, group in groupby(minutes, key=lambda each: each // DAY_MIN):
        times = list(group)
        yield _Times(
            later, tuple(each % DAY_MIN * MIN_MS for each in times), tuple(as_boot_time(each) for each in times)
        )


def _minutes(boot_time: str) -> int:
    if fault := boot_time_fault(boot_time):
        raise DefinitionError(f'the time "{boot_time}" {fault}')
    return int(boot_time[:2]) * 60 + int(boot_time[2:])


def _days(source: DaySource, first: int, last: int) -> Iterator[int]:
    first, last = max(first, FIRST_DAY), min(last, LAST_DAY)
    for year in _years(first, last):
        for day in source.of_year(year):
            if first <= day <= last:
                yield day


def _years(first: int, last: int) -> range:
    first, last = max(first, FIRST_DAY), min(last, LAST_DAY)
    return range(0) if last < first else range(date.fromordinal(first).year, date.fromordinal(last).year + 1)


def _new_year(year: int) -> int:
    return date(year, 1, 1).toordinal()
