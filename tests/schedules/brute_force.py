"""The rules of calendars, filters, boot times and deadlines once more, slow and plain: nothing here is clever.

Written from the reference and the words of the model, never from the product. Where the product computes, this looks:
at every day, every minute, every second.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

from jaz_lite.model.calendar import Calendar, CalendarRule, Filter
from jaz_lite.model.schedule import Schedule

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
A_MONDAY = date(2024, 1, 1)
FARTHEST_DAY = 29  # a filter looks no farther from its base day than so many days
UTC_REACH_S = 16 * 3600  # no zone was ever so far from UTC
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - what a wall clock shows has no zone

HolidayAsker = Callable[[str, date], bool]


# ---- calendars


def operating_asker(calendar: Calendar, is_holiday: HolidayAsker) -> Callable[[date], bool]:
    """Return what tells whether a day operates: it is listed, or named by the rule."""
    listed = frozenset(calendar.days)
    return lambda day: (
        day.isoformat() in listed or (calendar.rule is not None and rule_names(calendar.rule, day, is_holiday))
    )


def rule_names(rule: CalendarRule, day: date, is_holiday: HolidayAsker) -> bool:
    """Tell whether a rule makes a day operate."""
    named = False
    if WEEK[(day - A_MONDAY).days % 7] in rule.weekdays:
        named = True
    if rule.first_of_month and (day - DAY).month != day.month:
        named = True
    if rule.last_of_month and (day + DAY).month != day.month:
        named = True
    if day.day in rule.month_days:
        named = True
    if rule.months and day.month not in rule.months:
        named = False
    if any(is_holiday(place, day) for place in rule.holidays):
        named = False
    if day.isoformat() in rule.minus:
        named = False
    if rule.since and day < date.fromisoformat(rule.since):
        named = False
    if rule.until and day > date.fromisoformat(rule.until):
        named = False
    return named


# ---- filters


def filtered_day(rule: Filter, year: int, month: int, is_operating: Callable[[date], bool]) -> date | None:
    """Return the day a filter gives for a month, which may lie in another month.

    In words: the base day, if it operates. Else as many operating days further as the shift says, in its direction,
    not more than 29 days away; a shift of 0 gives nothing. A day that the month has not is looked for behind its last
    one: forwards the first of the next month is the nearest to it, one day away, and is taken even with a shift of 0;
    backwards the days that are missing count as days away.
    """
    first = date(year, month, 1)
    last = first
    while (last + DAY).month == month:
        last += DAY
    wanted = {"first": 1, "last": last.day, "designated": rule.designated_day}[rule.base_day]
    if wanted <= last.day:
        base = first.replace(day=wanted)
        if is_operating(base):
            return base
        step = DAY if rule.shift_days >= 0 else -DAY
        in_reach = [base + step * away for away in range(1, FARTHEST_DAY + 1)] if rule.shift_days else []
    elif rule.shift_days >= 0:
        in_reach = [last + DAY * away for away in range(1, FARTHEST_DAY + 1)]
        if rule.shift_days == 0:
            in_reach = in_reach[:1]
    else:
        in_reach = [last - DAY * away for away in range(FARTHEST_DAY + 1 - (wanted - last.day))]
    operating = [day for day in in_reach if is_operating(day)]
    number = max(abs(rule.shift_days), 1)
    return operating[number - 1] if len(operating) >= number else None


def jaz_filtered_day(rule: Filter, year: int, month: int, is_operating: Callable[[date], bool]) -> date | None:
    """Return the same as JAZ's own loop finds it, step by step (reference, section 3)."""
    length = ((date(year, month, 28) + 4 * DAY).replace(day=1) - DAY).day
    count = hit = 0
    shift = rule.shift_days
    if rule.base_day == "first":
        day = date(year, month, 1)
    elif rule.base_day == "last":
        day = date(year, month, length)
    elif rule.designated_day <= length:
        day = date(year, month, rule.designated_day)
    elif shift >= 0:
        day, count = date(year, month, length) + DAY, 1
    else:
        day, count = date(year, month, length), rule.designated_day - length
    while count < 30:
        if is_operating(day):
            hit += 1
            if count == 0 or hit >= abs(shift):
                return day
        if shift == 0:
            return None
        day += DAY if shift >= 0 else -DAY
        count += 1
    return None


def filtered_days(rule: Filter, first: date, last: date, is_operating: Callable[[date], bool]) -> list[date]:
    """Return the days of a span that a filter gives, from whatever month."""
    found = set()
    month = (first - 70 * DAY).replace(day=1)
    while month <= last + 70 * DAY:
        day = filtered_day(rule, month.year, month.month, is_operating)
        if day is not None and first <= day <= last:
            found.add(day)
        month = (month + 31 * DAY).replace(day=1)
    return sorted(found)


# ---- wall clocks


def wall_of(at_s: int, zone: tzinfo) -> datetime:
    """Return what the clock on the wall shows at an instant."""
    return datetime.fromtimestamp(at_s, UTC).astimezone(zone).replace(tzinfo=None)


def instant_of(wall: datetime, zone: tzinfo) -> int:
    """Return the first second at which the clock on the wall shows this time or a later one.

    That is the first of two where the time comes twice, and the end of the gap where it does not come at all.
    """
    at_s = round((wall - EPOCH).total_seconds()) - UTC_REACH_S
    assert wall_of(at_s, zone) < wall
    while wall_of(at_s, zone) < wall:
        at_s += 60
    while wall_of(at_s - 1, zone) >= wall:
        at_s -= 1
    return at_s


def wall_time(day: date, boot_time: str) -> datetime:
    """Return the wall time that HHMM means on an operating day; 24 and more hours: on later days."""
    hours, minutes = int(boot_time[:2]), int(boot_time[2:])
    while hours >= 24:
        day += DAY
        hours -= 24
    return datetime(day.year, day.month, day.day, hours, minutes)  # noqa: DTZ001 - a wall time


def next_minute(boot_time: str) -> str:
    """Return the boot time a minute later, "" after 9959."""
    hours, minutes = int(boot_time[:2]), int(boot_time[2:]) + 1
    if minutes == 60:
        hours, minutes = hours + 1, 0
    return "" if hours == 100 else f"{hours:02}{minutes:02}"


def cycle_times(since: str, until: str, every_min: int) -> list[str]:
    """Return the boot times of a cycle, by looking at each minute from its first to its last."""
    found, wait, here = [], 0, since
    while here and here <= until:
        if wait == 0:
            found.append(here)
            wait = every_min
        wait -= 1
        here = next_minute(here)
    return found


# ---- schedules


@dataclass(frozen=True)
class Days:
    """The calendars and filters that schedules name, and what is a holiday."""

    calendars: dict[str, Calendar]
    filters: dict[str, Filter]
    is_holiday: HolidayAsker

    def calendar(self, calendar_id: str) -> Calendar | None:
        return self.calendars.get(calendar_id)

    def filter(self, filter_id: str) -> Filter | None:
        return self.filters.get(filter_id)

    def operating(self, kind: str, days_id: str, first: date, last: date) -> list[date]:
        """Return the days of a span on which a calendar or filter operates; none if it is not there."""
        if kind == "calendar":
            calendar = self.calendars.get(days_id)
            if calendar is None:
                return []
            is_operating = operating_asker(calendar, self.is_holiday)
            span = [first + DAY * number for number in range((last - first).days + 1)]
            return [day for day in span if is_operating(day)]
        rule = self.filters.get(days_id)
        base = None if rule is None else self.calendars.get(rule.base_calendar_id)
        if rule is None or base is None:
            return []
        return filtered_days(rule, first, last, operating_asker(base, self.is_holiday))


def rows_of(schedule: Schedule) -> Iterator[tuple[str, str, str]]:
    """Yield (kind, id, boot time) of everything a schedule names, cycles written out."""
    for row in schedule.boot_times:
        yield row.days_kind, row.days_id, row.at
    for cycle in schedule.cycles:
        for at in cycle_times(cycle.since, cycle.until, cycle.every_min):
            yield cycle.days_kind, cycle.days_id, at


def deadline(schedule: Schedule, at_s: int, day: date, instant: Callable[[datetime], int]) -> int | None:
    """Return the second by which a run that starts then should have ended.

    Args:
        day: the operating day it starts for.
        instant: when a wall time is.
    """
    limits = []
    if schedule.end_within_min:
        limits.append(at_s + schedule.end_within_min * 60)
    if schedule.end_by:
        while instant(wall_time(day, schedule.end_by)) <= at_s:
            day += DAY
        limits.append(instant(wall_time(day, schedule.end_by)))
    return min(limits, default=None)


# ---- cron


def cron_matches(expression: str, wall: datetime) -> bool:
    """Tell whether five fields of numbers, lists, ranges and steps name a minute.

    If both days are restricted, one of them is enough.
    """
    minute, hour, month_day, month, week_day = expression.split()
    in_month = _in_field(month_day, wall.day, 1, 31)
    in_week = _in_field(week_day, wall.isoweekday() % 7, 0, 7) or (
        wall.isoweekday() == 7 and _in_field(week_day, 7, 0, 7)
    )
    if month_day == "*":
        day = in_week
    elif week_day == "*":
        day = in_month
    else:
        day = in_month or in_week
    return day and (
        _in_field(minute, wall.minute, 0, 59)
        and _in_field(hour, wall.hour, 0, 23)
        and _in_field(month, wall.month, 1, 12)
    )


def _in_field(field: str, value: int, lowest: int, highest: int) -> bool:
    for part in field.split(","):
        span, _, step = part.partition("/")
        if span == "*":
            low, high = lowest, highest
        elif "-" in span:
            low, high = (int(end) for end in span.split("-"))
        else:
            low = int(span)
            high = highest if step else low
        if low <= value <= high and (value - low) % int(step or 1) == 0:
            return True
    return False
