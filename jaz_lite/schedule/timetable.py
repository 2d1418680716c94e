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

UNEVEN_REMEMBERED_MAX = 16  # days of one timetable
YEARS_AHEAD = 12  # so long a leap day may be away, around a year like 2100 without one

# How far the day of an instant may lie from the one that its wall time names: a skipped day moves it on, and a
# repeated one lets the days of instants go back.
DAYS_ASTRAY = 2


class Start(NamedTuple):
    """One time of a schedule.

    Of several wall times that give one instant it tells one that was not skipped, if any; of those the one of the
    earliest operating day.
    """

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

    source: DaySource
    later: int  # days, 0..4
    since_midnight_ms: tuple[int, ...]  # sorted, never empty
    boot_times: tuple[str, ...]  # HHMM, in the same order


class Timetable:
    """The times of one version of a schedule, with calendars and filters as they are now."""

    broken: tuple[str, ...]  # a sentence for each thing whose times are not known; the others' times are

    def __init__(self, schedule: Schedule, days: DaysView, zone: ZoneInfo, holidays: Holidays) -> None:
        """Look up what a schedule names.

        Args:
            zone: the site's; for a schedule that names none.
        """
        self._times: list[_Times] = []
        self._uneven: dict[tuple[int, int], tuple[tuple[int, bool, str], ...]] = {}  # by times and operating day
        self._local: LocalTime = local_time(zone)
        self._end_by: int | None = None
        self._end_within_ms = schedule.end_within_min * MIN_MS
        try:
            if schedule.zone:
                self._local = local_time(config.zone(schedule.zone))
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
            self._times += _by_day(source, sorted(minutes))
        self.broken = tuple(dict.fromkeys(broken))

    def between(self, after_ms: int, until_ms: int) -> list[Start]:
        """Return the times after `after_ms` until `until_ms`, which is included; sorted, one for each instant."""
        if until_ms <= after_ms:
            return []
        starts: list[Start] = []
        for times in self._times:
            days = self._day_range(times, after_ms, until_ms)
            for year in _years(days):
                starts += self._of_year(times, year, days, after_ms, until_ms)
        return self._settled(starts)

    def first_after(self, after_ms: int) -> Start | None:
        """Return the first time after `after_ms`, or None if there is none within twelve years."""
        firsts = [at_ms for times in self._times if (at_ms := self._first(times, after_ms)) is not None]
        return self.between(min(firsts) - 1, min(firsts))[0] if firsts else None

    def _day_range(self, times: _Times, after_ms: int, until_ms: int) -> range:
        """Return the operating days, as ordinals, that may have times in a span."""
        first = self._local.day_at(after_ms) - times.later - DAYS_ASTRAY
        last = self._local.day_at(until_ms) - times.later + DAYS_ASTRAY
        return range(max(first, FIRST_DAY), min(last, LAST_DAY) + 1)

    def _of_year(self, times: _Times, year: int, days: range, after_ms: int, until_ms: int) -> list[Start]:
        new = tuple.__new__  # what Start() does itself, in two thirds of the time: a year of a site has 256,000
        pairs = tuple(zip(times.since_midnight_ms, times.boot_times, strict=True))
        local = self._local.days(times.source.of_year(year), times.later)
        begin = bisect_right(local.midnights_ms, after_ms - times.since_midnight_ms[-1])
        end = bisect_right(local.midnights_ms, until_ms - times.since_midnight_ms[0])
        starts = [
            new(Start, (midnight_ms + since_ms, day, boot_time, False, None))
            for midnight_ms, day in zip(local.midnights_ms[begin:end], local.days[begin:end], strict=True)
            for since_ms, boot_time in pairs
        ]
        # Of the first and the last day the span may hold a part only.
        at = attrgetter("at_ms")
        starts = starts[bisect_right(starts, after_ms, key=at) : bisect_right(starts, until_ms, key=at)]
        for day in local.uneven:
            for at_ms, moved, boot_time in self._of_uneven(times, day) if day in days else ():
                if after_ms < at_ms <= until_ms:
                    starts.append(Start(at_ms, date.fromordinal(day), boot_time, moved))
        return starts

    def _of_uneven(self, times: _Times, day: int) -> tuple[tuple[int, bool, str], ...]:
        """Return the times of an operating day that a change of the clocks touches: at_ms, moved, boot time; in order.

        A schedule of every minute has 1440 of them, and asks for them every minute of that day and those around it.
        """
        key = (id(times), day)
        found = self._uneven.get(key)
        if found is None:
            if len(self._uneven) >= UNEVEN_REMEMBERED_MAX:
                self._uneven.clear()
            asked = [(self._local.instant(day, _minutes(boot_time)), boot_time) for boot_time in times.boot_times]
            found = self._uneven[key] = tuple([(at.at_ms, at.moved, boot_time) for at, boot_time in asked])
        return found

    def _first(self, times: _Times, after_ms: int) -> int | None:
        """Return the first of these times after an instant. A later operating day never has an earlier time."""
        days = self._day_range(times, after_ms, after_ms + YEARS_AHEAD * 366 * DAY_MIN * MIN_MS)
        for year in _years(days):
            local = self._local.days(times.source.of_year(year), times.later)
            found: list[int] = []
            number = bisect_right(local.midnights_ms, after_ms - times.since_midnight_ms[-1])
            last = days[-1]
            if number < len(local.midnights_ms):
                midnight_ms = local.midnights_ms[number]
                since_ms = times.since_midnight_ms[bisect_right(times.since_midnight_ms, after_ms - midnight_ms)]
                found.append(midnight_ms + since_ms)
                last = local.days[number].toordinal()
            for day in local.uneven:
                if days[0] <= day <= last:
                    found += [at_ms for at_ms, _, _ in self._of_uneven(times, day) if at_ms > after_ms][:1]
            if found:
                return min(found)
        return None

    def _settled(self, starts: list[Start]) -> list[Start]:
        """Return starts in order, one for each instant, with their deadlines."""
        starts.sort()  # by instant, operating day, boot time
        days = [start.day for start in starts]
        if len({start.at_ms for start in starts}) < len(starts):
            together = [list(same) for _, same in groupby(starts, key=attrgetter("at_ms"))]
            starts = [next((start for start in same if not start.moved), same[0]) for same in together]
            # The earliest day has the earliest deadline: its wall times include those of the later ones.
            days = [same[0].day for same in together]
        if self._end_by is None and not self._end_within_ms:
            return starts
        ends_ms: dict[int, int] = {}
        return [
            Start(*start[:4], self._deadline(start.at_ms, day.toordinal(), ends_ms))
            for start, day in zip(starts, days, strict=True)
        ]

    def _deadline(self, at_ms: int, day: int, ends_ms: dict[int, int]) -> int | None:
        """Return when a run that starts at `at_ms` for an operating day should have ended.

        Args:
            ends_ms: the instants of `end_by` on days that were asked for before; grows.
        """
        within_ms = at_ms + self._end_within_ms if self._end_within_ms else None
        if self._end_by is None:
            return within_ms
        end_ms = at_ms
        while end_ms <= at_ms:
            if day not in ends_ms:
                ends_ms[day] = self._local.instant(day, self._end_by).at_ms
            end_ms = ends_ms[day]
            day += 1
        return end_ms if within_ms is None else min(end_ms, within_ms)


def _years(days: range) -> range:
    """Return the years of some days."""
    return range(date.fromordinal(days[0]).year, date.fromordinal(days[-1]).year + 1) if days else range(0)


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


def _by_day(source: DaySource, minutes: list[int]) -> Iterator[_Times]:
    for later, group in groupby(minutes, key=lambda each: each // DAY_MIN):
        times = list(group)
        since_midnight_ms = tuple(each % DAY_MIN * MIN_MS for each in times)
        yield _Times(source, later, since_midnight_ms, tuple(as_boot_time(each) for each in times))


def _minutes(boot_time: str) -> int:
    if fault := boot_time_fault(boot_time):
        raise DefinitionError(f'the time "{boot_time}" {fault}')
    return int(boot_time[:2]) * 60 + int(boot_time[2:])
