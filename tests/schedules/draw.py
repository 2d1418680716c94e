"""Random calendars, filters and schedules: everything the model allows, and the odd corners more often than chance."""

import random
from datetime import date, timedelta
from functools import cache
from zoneinfo import available_timezones

from jaz_lite.model.calendar import WEEKDAYS, BaseDay, Calendar, CalendarRule, Filter
from jaz_lite.model.schedule import BootTime, Cycle, DaysKind, LateStart, Schedule, ScheduledJobnet
from tests.schedules.brute_force import DAY, Days
from tests.schedules.holidays import KnownHolidays

VERSION = "20260101000000"
ODD_ZONES = (
    "Australia/Lord_Howe",  # half an hour of daylight saving
    "Pacific/Apia",  # left out a whole day
    "Africa/Casablanca",  # goes back for a month each year
    "Africa/El_Aaiun",
    "Antarctica/Troll",  # two hours of daylight saving
    "Pacific/Kwajalein",  # left out a day
    "America/Nuuk",  # changed its zone and went on with daylight saving before midnight
    "Asia/Tehran",  # 3:30 ahead, daylight saving at midnight
    "Asia/Gaza",  # written out for decades, changing on odd days
    "America/Sao_Paulo",  # days began at 01:00
    "Africa/Cairo",
    "Asia/Beirut",
    "Europe/Dublin",  # negative daylight saving
    "Africa/Monrovia",  # 44 minutes 30 seconds behind, until 1972
    "Asia/Kathmandu",
    "America/Caracas",
    "Asia/Pyongyang",
    "Antarctica/Casey",
    "America/Adak",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Tokyo",
    "UTC",
)
EDGE_TIMES = ("0000", "0001", "0130", "0200", "0230", "0259", "0300", "2359", "2400", "2530", "4759", "4800", "9959")
PLACES = ("XA", "XB")


@cache
def zones() -> tuple[str, ...]:
    """Return the names of all zones."""
    return tuple(sorted(available_timezones() - {"localtime", "Factory"}))


def draw_zone(dice: random.Random) -> str:
    """Return a zone, an odd one in half of the cases."""
    return dice.choice(ODD_ZONES if dice.random() < 0.5 else zones())


def draw_holidays(dice: random.Random, first: date, last: date) -> KnownHolidays:
    """Return some fifteen public holidays a year of each place."""
    span = (last - first).days
    count = span // 25
    return KnownHolidays(
        {place: {first + timedelta(days=dice.randint(0, span)) for _ in range(count)} for place in PLACES}
    )


def draw_rule(dice: random.Random, first: date, last: date) -> CalendarRule:
    """Return conditions; one of many at least names some day."""
    span = (last - first).days

    def some_day() -> str:
        return (first + timedelta(days=dice.randint(0, span))).isoformat()

    return CalendarRule(
        weekdays=tuple(day for day in WEEKDAYS if dice.random() < dice.choice((0.0, 0.3, 0.7, 1.0))),
        first_of_month=dice.random() < 0.3,
        last_of_month=dice.random() < 0.3,
        month_days=tuple(sorted(dice.sample(range(1, 32), dice.choice((0, 0, 1, 2, 5))))),
        months=tuple(sorted(dice.sample(range(1, 13), dice.choice((0, 0, 0, 1, 3, 11))))),
        holidays=tuple(sorted(dice.sample(PLACES, dice.choice((0, 0, 1, 2))))),
        minus=tuple(sorted({some_day() for _ in range(dice.choice((0, 0, 3, 20)))})),
        since=some_day() if dice.random() < 0.15 else "",
        until=some_day() if dice.random() < 0.15 else "",
    )


def draw_calendar(dice: random.Random, calendar_id: str, first: date, last: date) -> Calendar:
    """Return a calendar: listed days of all densities, or a rule, or both."""
    days: set[date] = set()
    kind = dice.choice(("days", "rule", "both"))
    if kind != "rule":
        if dice.random() < 0.3:
            days = {first + timedelta(days=dice.randint(0, (last - first).days)) for _ in range(dice.choice((0, 1, 9)))}
        else:
            share = dice.choice((0.02, 0.1, 0.5, 0.9, 1.0))
            days = {first + number * DAY for number in range((last - first).days + 1) if dice.random() < share}
    return Calendar(
        calendar_id=calendar_id,
        version=VERSION,
        days=tuple(sorted(day.isoformat() for day in days)),
        rule=None if kind == "days" else draw_rule(dice, first, last),
    )


def draw_filter(dice: random.Random, filter_id: str, calendars: list[str]) -> Filter:
    """Return a filter; long months and the ends of months more often than chance."""
    base_day: BaseDay = dice.choice(("first", "last", "designated", "designated"))
    return Filter(
        filter_id=filter_id,
        version=VERSION,
        base_calendar_id=dice.choice(calendars),
        base_day=base_day,
        designated_day=dice.choice((29, 30, 31, 31, dice.randint(1, 31))) if base_day == "designated" else 0,
        shift_days=dice.choice((-7, -3, -2, -1, 0, 1, 2, 3, 7)),
    )


def draw_days(dice: random.Random, first: date, last: date) -> tuple[Days, KnownHolidays]:
    """Return calendars and filters for a span of days, with some margin, and the holidays they keep."""
    first, last = first - 80 * DAY, last + 80 * DAY
    holidays = draw_holidays(dice, first, last)
    calendars = [f"CAL_{number}" for number in range(dice.randint(1, 3))]
    filters = [f"FILTER_{number}" for number in range(dice.randint(0, 3))]
    days = Days(
        {name: draw_calendar(dice, name, first, last) for name in calendars},
        {name: draw_filter(dice, name, calendars) for name in filters},
        holidays.is_holiday,
    )
    return days, holidays


def draw_time(dice: random.Random, highest: str = "9959") -> str:
    """Return a boot time; those around midnight and clock changes more often than chance."""
    if dice.random() < 0.4:
        return min(dice.choice(EDGE_TIMES), highest)
    return min(f"{dice.choice((dice.randint(0, 30), dice.randint(0, 99))):02}{dice.randint(0, 59):02}", highest)


def draw_schedule(
    dice: random.Random, schedule_id: str, days: Days, jobnets: tuple[str, ...] = ("NET",), times: int = 5
) -> Schedule:
    """Return a schedule over some of the calendars and filters."""
    known: list[tuple[DaysKind, str]] = [("calendar", name) for name in days.calendars]
    known += [("filter", name) for name in days.filters] * 2
    boot_times: dict[tuple[str, str, str], BootTime] = {}
    for _ in range(dice.randint(0 if times > 1 else 1, times)):
        kind, days_id = dice.choice(known)
        at = draw_time(dice)
        boot_times[kind, days_id, at] = BootTime(days_id=days_id, days_kind=kind, at=at)
    cycles = []
    if not boot_times or dice.random() < 0.3:
        kind, days_id = dice.choice(known)
        since, until = sorted((draw_time(dice), draw_time(dice)))
        every_min = dice.choice((60, 90, 720, 1440, 5999, dice.randint(5, 5999)))
        cycles.append(Cycle(days_id=days_id, days_kind=kind, since=since, until=until, every_min=every_min))
    late_start: LateStart = dice.choice(("error", "run_latest", "run_all", "skip"))
    return Schedule(
        schedule_id=schedule_id,
        version=VERSION,
        boot_times=tuple(boot_times.values()),
        cycles=tuple(cycles),
        jobnets=tuple(ScheduledJobnet(jobnet_id=name) for name in jobnets),
        zone=draw_zone(dice) if dice.random() < 0.9 else "",
        late_start=late_start,
        grace_min=dice.choice((0, 0, 1, 5, 90)),
        end_by=draw_time(dice) if dice.random() < 0.2 else "",
        end_within_min=dice.choice((0, 0, 0, 1, 90, 3000)),
    )
