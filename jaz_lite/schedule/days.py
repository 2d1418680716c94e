"""Which days operate: the days of a calendar, and those that a filter picks from one.

A calendar operates on the days it lists, and on those its rule names: conditions joined by *or*, narrowed to months,
less public holidays and single days. A filter gives at most one day for every month; see `FilterDays`.

Days are counted as `date.toordinal` does, and looked at by the year, since everything asks for many of them. What was
found is remembered by value, so that a thousand schedules on one calendar work its days out once.
"""

from bisect import bisect_left, bisect_right
from calendar import monthrange
from collections.abc import Collection, Iterator
from datetime import MAXYEAR, MINYEAR, date
from functools import lru_cache
from typing import Protocol

from jaz_lite.errors import DefinitionError
from jaz_lite.model.calendar import WEEKDAYS, BaseDay, Calendar, CalendarRule, Filter

SEARCH_DAYS = 30  # a filter looks at its base day and at no more than 29 days behind or before it
CALENDARS_REMEMBERED_MAX = 250
YEAR_OF_TRIAL = 2024  # any: a place is known or not, whatever the year

_FIRST_DAY, _LAST_DAY = date.min.toordinal(), date.max.toordinal()


class Holidays(Protocol):
    """Where public holidays are known from. What was asked is remembered for each such object, so it is hashable."""

    def __hash__(self) -> int: ...

    def of(self, place: str, year: int) -> Collection[date]:
        """Return the public holidays of a place in a year, substitute days included; may be empty.

        Raises:
            DefinitionError: no such place.
        """


class DaySource(Protocol):
    """What gives operating days: a calendar, or a filter upon one."""

    def of_year(self, year: int) -> tuple[int, ...]:
        """Return the days of a year as ordinals, sorted, without repeats. A year that no date has gives none."""


def operates(calendar: Calendar, day: date, holidays: Holidays) -> bool:
    """Tell whether a day is an operating day of a calendar.

    Raises:
        DefinitionError: as `days_of`.
    """
    return days_of(calendar, holidays).operates(day.toordinal())


def operating_days(calendar: Calendar, first: date, last: date, holidays: Holidays) -> list[date]:
    """Return the operating days of a calendar from `first` to `last`, both included.

    Raises:
        DefinitionError: as `days_of`.
    """
    return _dates(days_of(calendar, holidays), first, last)


def filtered_days(rule: Filter, calendar: Calendar, first: date, last: date, holidays: Holidays) -> list[date]:
    """Return the days that a filter picks between `first` and `last`, both included, whatever month they stand for.

    Raises:
        DefinitionError: as `days_of`.
    """
    return _dates(picked_of(rule, calendar, holidays), first, last)


def days_of(calendar: Calendar, holidays: Holidays) -> "CalendarDays":
    """Return the days of a calendar.

    Raises:
        DefinitionError: it holds what is no date, or names a place whose public holidays are not known.
    """
    try:
        return _days_of(calendar.days, calendar.rule, holidays)
    except DefinitionError as fault:
        raise DefinitionError(f'calendar "{calendar.calendar_id}": {fault.message}', hint=fault.hint) from fault


def picked_of(rule: Filter, calendar: Calendar, holidays: Holidays) -> "FilterDays":
    """Return the days that a filter picks from its calendar.

    Raises:
        DefinitionError: as `days_of`.
    """
    return days_of(calendar, holidays).picked(rule.base_day, rule.designated_day, rule.shift_days)


class CalendarDays:
    """The operating days of a calendar."""

    def __init__(self, days: tuple[str, ...], rule: CalendarRule | None, holidays: Holidays) -> None:
        """Take what a calendar holds.

        Raises:
            DefinitionError: one of the dates is none, or the public holidays of a place are not known.
        """
        self._listed = sorted({_ordinal(day) for day in days})
        self._rule = None if rule is None else RuleDays(rule)
        self._holidays, self._places = holidays, () if rule is None else rule.holidays
        for place in self._places:
            holidays.of(place, YEAR_OF_TRIAL)  # an unknown one is told now, not when somebody asks for a day
        self._years: dict[int, tuple[int, ...]] = {}
        self._sets: dict[int, frozenset[int]] = {}
        self._filters: dict[tuple[BaseDay, int, int], FilterDays] = {}

    def of_year(self, year: int) -> tuple[int, ...]:
        if year not in self._years:
            self._years[year] = tuple(sorted(self._find(year))) if MINYEAR <= year <= MAXYEAR else ()
        return self._years[year]

    def operates(self, day: int) -> bool:
        """Tell whether a day operates; one that no date has does not."""
        if not _FIRST_DAY <= day <= _LAST_DAY:
            return False
        year = date.fromordinal(day).year
        if year not in self._sets:
            self._sets[year] = frozenset(self.of_year(year))
        return day in self._sets[year]

    def picked(self, base_day: BaseDay, designated_day: int, shift_days: int) -> "FilterDays":
        """Return what a filter with these settings makes of the calendar."""
        key = (base_day, designated_day, shift_days)
        if key not in self._filters:
            self._filters[key] = FilterDays(self, base_day, designated_day, shift_days)
        return self._filters[key]

    def _find(self, year: int) -> set[int]:
        first, last = date(year, 1, 1).toordinal(), date(year, 12, 31).toordinal()
        found = set(self._listed[bisect_left(self._listed, first) : bisect_right(self._listed, last)])
        if self._rule is not None:
            off = {day.toordinal() for place in self._places for day in self._holidays.of(place, year)}
            found |= self._rule.of_year(year) - off
        return found


class RuleDays:
    """The days that a rule names, public holidays among them."""

    def __init__(self, rule: CalendarRule) -> None:
        """Take a rule.

        Raises:
            DefinitionError: one of its dates is none, or one of its months.
        """
        self._weekdays = frozenset(WEEKDAYS.index(weekday) for weekday in rule.weekdays)
        self._first_of_month, self._last_of_month = rule.first_of_month, rule.last_of_month
        self._month_days = frozenset(rule.month_days)
        self._months = rule.months or tuple(range(1, 13))
        if not set(self._months) <= set(range(1, 13)):
            raise DefinitionError("its rule holds a month that is none", hint="months are 1 to 12")
        self._minus = frozenset(_ordinal(day) for day in rule.minus)
        self._since = _ordinal(rule.since) if rule.since else _FIRST_DAY
        self._until = _ordinal(rule.until) if rule.until else _LAST_DAY

    def of_year(self, year: int) -> set[int]:
        """Return the days of a year, 1 to 9999, as ordinals."""
        named = {day for month in self._months for day in self._of_month(year, month)}
        return {day for day in named - self._minus if self._since <= day <= self._until}

    def _of_month(self, year: int, month: int) -> Iterator[int]:
        weekday, length = monthrange(year, month)
        before = date(year, month, 1).toordinal() - 1
        for day in range(1, length + 1):
            if (
                (weekday + day - 1) % 7 in self._weekdays
                or day in self._month_days
                or (self._first_of_month and day == 1)
                or (self._last_of_month and day == length)
            ):
                yield before + day


class FilterDays:
    """The days that a filter picks: for every month its base day, or a substitute for it.

    The base day is the first or the last day of the month or a designated one. If it operates, it is the day, whatever
    the shift. Else a shift of n gives the n-th operating day after it (before it, if n is negative), 0 gives none. It is
    looked for on 30 days, the base day included.

    A month without the designated day begins elsewhere: at the first of the next month for a shift of 0 or more, which
    then is looked at as a day of the search (so that 0 takes it if it operates), at its own last day for a negative one.

    Source: JAZ 3.0.0, loader (its shape followed, its words not). JAZ looks at the two months before the current one and
    one after it, and so never starts on a day that belongs to the month after next (1 March, shifted to 31 January);
    here every month counts.
    """

    def __init__(self, calendar: CalendarDays, base_day: BaseDay, designated_day: int, shift_days: int) -> None:
        self._calendar = calendar
        self._base_day, self._designated_day, self._shift_days = base_day, designated_day, shift_days
        self._years: dict[int, tuple[int, ...]] = {}

    def of_year(self, year: int) -> tuple[int, ...]:
        if year not in self._years:
            # 29 days reach two months far, over a February: 31 January to 1 March.
            months = [(year + count // 12, count % 12 + 1) for count in range(-2, 14)]
            picked = {self.of_month(*month) for month in months if MINYEAR <= month[0] <= MAXYEAR}
            self._years[year] = tuple(
                sorted(day for day in picked if day is not None and date.fromordinal(day).year == year)
            )
        return self._years[year]

    def of_month(self, year: int, month: int) -> int | None:
        """Return the day that stands for a month, as ordinal, or None. It may lie in another month."""
        first = date(year, month, 1).toordinal()
        length = monthrange(year, month)[1]
        day, looked_at = self._base(first, length)
        step = 1 if self._shift_days >= 0 else -1
        hits = 0
        while looked_at < SEARCH_DAYS:
            if self._calendar.operates(day):
                hits += 1
                if looked_at == 0 or hits >= abs(self._shift_days):
                    return day
            if self._shift_days == 0:
                return None
            day += step
            looked_at += 1
        return None

    def _base(self, first: int, length: int) -> tuple[int, int]:
        """Return where the search begins, and how many days count as looked at by then."""
        if self._base_day == "first":
            return first, 0
        if self._base_day == "last":
            return first + length - 1, 0
        if self._designated_day <= length:
            return first + self._designated_day - 1, 0
        if self._shift_days >= 0:
            return first + length, 1
        return first + length - 1, self._designated_day - length


@lru_cache(maxsize=CALENDARS_REMEMBERED_MAX)
def _days_of(days: tuple[str, ...], rule: CalendarRule | None, holidays: Holidays) -> CalendarDays:
    return CalendarDays(days, rule, holidays)


def _dates(source: DaySource, first: date, last: date) -> list[date]:
    since, until = first.toordinal(), last.toordinal()
    days = (day for year in range(first.year, last.year + 1) for day in source.of_year(year))
    return [date.fromordinal(day) for day in days if since <= day <= until]


def _ordinal(text: str) -> int:
    try:
        return date.fromisoformat(text).toordinal()
    except ValueError as error:
        raise DefinitionError(f'"{text}" is no date', hint="write dates as 2024-12-31") from error
