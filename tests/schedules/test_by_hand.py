"""Vectors worked out with a calendar on the wall: each expected value was written down before the program was asked."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from jaz_lite.model.calendar import Calendar, CalendarRule, Filter
from jaz_lite.model.schedule import BootTime, Cycle, Schedule
from jaz_lite.schedule.days import filtered_days, operating_days
from jaz_lite.schedule.timetable import Start, Timetable
from tests.schedules.brute_force import Days
from tests.schedules.holidays import KnownHolidays

NOBODY_RESTS = KnownHolidays({})
VERSION = "20240101000000"
WEEKDAYS = Calendar(
    calendar_id="WEEKDAYS", version=VERSION, rule=CalendarRule(weekdays=("mon", "tue", "wed", "thu", "fri"))
)


def days_only(*days: str) -> Calendar:
    return Calendar(calendar_id="DAYS", version=VERSION, days=days)


def ms(text: str) -> int:
    """Return a moment in UTC, written 2024-03-31 01:00."""
    return round(datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=UTC).timestamp()) * 1000


def told(found: list[Start]) -> list[str]:
    """Return starts as moments in UTC."""
    return [f"{datetime.fromtimestamp(start.at_ms / 1000, UTC):%Y-%m-%d %H:%M}" for start in found]


def timetable(zone: str, *times: str, on: tuple[str, ...], **more: object) -> Timetable:
    rows = tuple(BootTime(days_id="DAYS", at=at) for at in times)
    schedule = Schedule(schedule_id="S", version=VERSION, boot_times=rows, zone=zone, **more)  # type: ignore[arg-type]
    return Timetable(
        schedule, Days({"DAYS": days_only(*on)}, {}, NOBODY_RESTS.is_holiday), ZoneInfo("UTC"), NOBODY_RESTS
    )


# ---- filters: designated day 31 in months of every length, weekdays only


@pytest.mark.parametrize(
    ("first", "last", "shift", "expected"),
    [
        ("2023-02-10", "2023-03-05", -1, "2023-02-28"),  # Tuesday the 28th
        ("2023-02-10", "2023-03-05", 0, "2023-03-01"),  # Wednesday the 1st stands for the 29th, 30th and 31st
        ("2023-02-10", "2023-03-05", 1, "2023-03-01"),
        ("2024-02-10", "2024-03-05", -1, "2024-02-29"),  # leap year: Thursday the 29th
        ("2024-02-10", "2024-03-05", 0, "2024-03-01"),
        ("2024-02-10", "2024-03-05", 1, "2024-03-01"),
        ("2024-06-10", "2024-07-05", -1, "2024-06-28"),  # the 30th is a Sunday: Friday before
        ("2024-06-10", "2024-07-05", 0, "2024-07-01"),  # Monday the 1st
        ("2024-06-10", "2024-07-05", 1, "2024-07-01"),
        ("2024-11-10", "2024-12-05", -1, "2024-11-29"),  # the 30th is a Saturday: Friday before
        ("2024-11-10", "2024-12-05", 0, ""),  # the 1st is a Sunday: none
        ("2024-11-10", "2024-12-05", 1, "2024-12-02"),
        ("2024-03-10", "2024-04-05", -1, "2024-03-29"),  # the 31st is a Sunday
        ("2024-03-10", "2024-04-05", 0, ""),
        ("2024-03-10", "2024-04-05", 1, "2024-04-01"),
        ("2024-03-10", "2024-04-05", -7, "2024-03-21"),  # 29 28 27 26 25 22 21
        ("2024-05-20", "2024-06-05", 7, "2024-05-31"),  # a Friday: the shift does not count
        ("2024-05-20", "2024-06-05", -7, "2024-05-31"),
    ],
)
def test_day_31_in_months_of_every_length(first: str, last: str, shift: int, expected: str) -> None:
    rule = Filter(filter_id="F", version=VERSION, base_day="designated", designated_day=31, shift_days=shift)

    found = filtered_days(rule, WEEKDAYS, date.fromisoformat(first), date.fromisoformat(last), NOBODY_RESTS)

    assert [day.isoformat() for day in found] == ([expected] if expected else [])


@pytest.mark.parametrize(
    ("rule", "only_day", "found"),
    [
        ({"base_day": "first", "shift_days": 1}, "2024-05-30", True),  # 29 days after the 1st
        ({"base_day": "first", "shift_days": 1}, "2024-05-31", False),  # 30 days after it
        ({"base_day": "last", "shift_days": -1}, "2024-05-02", True),
        ({"base_day": "last", "shift_days": -1}, "2024-05-01", False),
        ({"base_day": "designated", "designated_day": 15, "shift_days": 1}, "2024-06-13", True),
        ({"base_day": "designated", "designated_day": 15, "shift_days": 1}, "2024-06-14", False),
        ({"base_day": "designated", "designated_day": 31, "shift_days": -1}, "2023-02-02", True),  # 3 + 26
        ({"base_day": "designated", "designated_day": 31, "shift_days": -1}, "2023-02-01", False),
        ({"base_day": "designated", "designated_day": 31, "shift_days": 1}, "2023-03-29", True),  # 1 + 28
        ({"base_day": "designated", "designated_day": 31, "shift_days": 1}, "2023-03-30", False),
        ({"base_day": "first", "shift_days": 2}, "2024-05-10", False),  # there is no second one
    ],
)
def test_a_filter_looks_29_days_far(rule: dict[str, object], only_day: str, found: bool) -> None:
    made = Filter(filter_id="F", version=VERSION, **rule)  # type: ignore[arg-type]

    days = filtered_days(made, days_only(only_day), date(2022, 1, 1), date(2025, 12, 31), NOBODY_RESTS)

    assert [day.isoformat() for day in days] == ([only_day] if found else [])


def test_two_months_that_give_the_same_day_give_it_once() -> None:
    rule = Filter(filter_id="F", version=VERSION, base_day="first", shift_days=1)

    # 29 days after 1 February 2023, and one day after 1 March
    days = filtered_days(rule, days_only("2023-03-02"), date(2023, 1, 1), date(2023, 12, 31), NOBODY_RESTS)

    assert days == [date(2023, 3, 2)]


# ---- calendars


def test_a_rule_with_holidays_months_and_exceptions() -> None:
    rule = CalendarRule(
        weekdays=("mon", "fri"),
        last_of_month=True,
        month_days=(29,),
        months=(2, 4),
        holidays=("XA",),
        minus=("2024-02-12",),
        since="2024-02-05",
        until="2024-04-15",
    )
    calendar = Calendar(calendar_id="C", version=VERSION, days=("2024-02-12", "2024-07-07"), rule=rule)
    rests = KnownHolidays({"XA": (date(2024, 2, 9), date(2024, 4, 5))})

    days = operating_days(calendar, date(2024, 1, 1), date(2024, 12, 31), rests)

    # February: Mondays and Fridays from the 5th on, not Friday the 9th; the 12th is listed all the same; the 29th.
    # April: until the 15th, not Friday the 5th. July: what is listed needs no rule.
    assert [f"{day:%m-%d}" for day in days] == [
        "02-05", "02-12", "02-16", "02-19", "02-23", "02-26", "02-29",
        "04-01", "04-08", "04-12", "04-15",
        "07-07",
    ]  # fmt: skip


# ---- boot times


@pytest.mark.parametrize(
    ("at", "starts"),
    [
        ("0000", "2024-12-31 00:00"),
        ("2359", "2024-12-31 23:59"),
        ("2400", "2025-01-01 00:00"),
        ("2530", "2025-01-01 01:30"),
        ("4759", "2025-01-01 23:59"),
        ("4800", "2025-01-02 00:00"),
        ("9959", "2025-01-04 03:59"),
    ],
)
def test_a_boot_time_past_midnight_is_on_a_later_day(at: str, starts: str) -> None:
    found = timetable("UTC", at, on=("2024-12-31",)).between(ms("2024-01-01 00:00"), ms("2026-01-01 00:00"))

    assert told(found) == [starts]
    assert [(start.day, start.boot_time) for start in found] == [(date(2024, 12, 31), at)]


def test_a_span_has_its_last_instant_and_not_its_first() -> None:
    times = timetable("Asia/Tokyo", "0900", "0901", "1000", on=("2024-11-11",))  # 00:00, 00:01 and 01:00 in UTC

    assert told(times.between(ms("2024-11-11 00:00"), ms("2024-11-11 01:00"))) == [
        "2024-11-11 00:01",
        "2024-11-11 01:00",
    ]
    assert told(times.between(ms("2024-11-11 00:00") - 1, ms("2024-11-11 01:00") - 1)) == [
        "2024-11-11 00:00",
        "2024-11-11 00:01",
    ]


def test_the_same_minute_of_two_calendars_is_one_start() -> None:
    rows = (BootTime(days_id="A", at="2500"), BootTime(days_id="B", at="0100"), BootTime(days_id="A", at="0100"))
    calendars = {
        "A": Calendar(calendar_id="A", version=VERSION, days=("2024-05-01", "2024-05-02")),
        "B": Calendar(calendar_id="B", version=VERSION, days=("2024-05-02",)),
    }
    schedule = Schedule(schedule_id="S", version=VERSION, boot_times=rows)
    times = Timetable(schedule, Days(calendars, {}, NOBODY_RESTS.is_holiday), ZoneInfo("UTC"), NOBODY_RESTS)

    found = told(times.between(ms("2024-04-01 00:00"), ms("2024-06-01 00:00")))

    assert found == ["2024-05-01 01:00", "2024-05-02 01:00", "2024-05-03 01:00"]


def test_a_cycle_over_midnight_counts_on_from_its_beginning() -> None:
    cycle = Cycle(days_id="DAYS", since="2250", until="2610", every_min=45)
    schedule = Schedule(schedule_id="S", version=VERSION, cycles=(cycle,))
    days = Days({"DAYS": days_only("2024-02-29")}, {}, NOBODY_RESTS.is_holiday)

    found = Timetable(schedule, days, ZoneInfo("UTC"), NOBODY_RESTS).between(
        ms("2024-01-01 00:00"), ms("2025-01-01 00:00")
    )

    assert told(found) == [
        "2024-02-29 22:50",
        "2024-02-29 23:35",
        "2024-03-01 00:20",
        "2024-03-01 01:05",
        "2024-03-01 01:50",
    ]


# ---- clock changes


@pytest.mark.parametrize(
    ("zone", "day", "times", "starts"),
    [
        # 2024-03-31 02:00 becomes 03:00, which is 01:00 UTC
        ("Europe/Berlin", "2024-03-31", ("0159", "0200", "0230", "0300"), ["2024-03-31 00:59", "2024-03-31 01:00"]),
        ("Europe/Berlin", "2024-03-30", ("2630",), ["2024-03-31 01:00"]),
        # 2024-10-27 03:00 becomes 02:00; the first 02:30 is in summer time
        ("Europe/Berlin", "2024-10-27", ("0200", "0230", "0300"), ["2024-10-27 00:00", "2024-10-27 00:30", "2024-10-27 02:00"]),
        # 2024-10-06 02:00 +10:30 becomes 02:30 +11:00, 15:30 UTC of the day before
        ("Australia/Lord_Howe", "2024-10-06", ("0215",), ["2024-10-05 15:30"]),
        # 2024-04-07 02:00 +11:00 becomes 01:30 +10:30; 01:45 comes first at +11:00
        ("Australia/Lord_Howe", "2024-04-07", ("0145",), ["2024-04-06 14:45"]),
        # Samoa left out 2011-12-30: all of its times are at the midnight after it, 10:00 UTC
        ("Pacific/Apia", "2011-12-30", ("0000", "1000", "2359"), ["2011-12-30 10:00"]),
        # Troll goes from UTC+0 to UTC+2 on 2024-03-31 at 01:00 UTC
        ("Antarctica/Troll", "2024-03-31", ("0059", "0100", "0245", "0300"), ["2024-03-31 00:59", "2024-03-31 01:00"]),
        # Liberia was 44 minutes and 30 seconds behind until 1972
        ("Africa/Monrovia", "1971-06-01", ("1200",), ["1971-06-01 12:44"]),
    ],
)  # fmt: skip
def test_clock_changes(zone: str, day: str, times: tuple[str, ...], starts: list[str]) -> None:
    found = timetable(zone, *times, on=(day,)).between(ms("1970-01-02 00:00"), ms("2030-01-01 00:00"))

    assert told(found) == starts


def test_a_start_that_was_moved_says_so() -> None:
    def moved(zone: str, day: str, at: str) -> list[bool]:
        found = timetable(zone, at, on=(day,)).between(ms("1970-01-02 00:00"), ms("2030-01-01 00:00"))
        return [start.moved for start in found]

    assert moved("Europe/Berlin", "2024-03-31", "0200") == [True]
    assert moved("Europe/Berlin", "2024-03-31", "0300") == [False]
    assert moved("Europe/Berlin", "2024-03-30", "2659") == [True]
    assert moved("Europe/Berlin", "2024-10-27", "0230") == [False]
    assert moved("Pacific/Apia", "2011-12-30", "2359") == [True]
    assert moved("Pacific/Apia", "2011-12-30", "2400") == [False]


# ---- deadlines


@pytest.mark.parametrize(
    ("zone", "at", "more", "by"),
    [
        ("UTC", "2200", {"end_by": "0600"}, "2024-03-31 06:00"),
        ("UTC", "2200", {"end_by": "3000"}, "2024-03-31 06:00"),
        ("UTC", "2200", {"end_by": "2200"}, "2024-03-31 22:00"),  # the first one after the start, not at it
        ("UTC", "0500", {"end_by": "0600"}, "2024-03-30 06:00"),
        ("UTC", "0500", {"end_by": "3000"}, "2024-03-31 06:00"),
        ("UTC", "9959", {"end_by": "0000"}, "2024-04-04 00:00"),  # starts on the 3rd at 03:59
        ("UTC", "2200", {"end_within_min": 90}, "2024-03-30 23:30"),
        ("UTC", "2200", {"end_by": "2300", "end_within_min": 90}, "2024-03-30 23:00"),
        ("UTC", "2200", {"end_by": "2345", "end_within_min": 90}, "2024-03-30 23:30"),
        ("Europe/Berlin", "2500", {"end_by": "0230"}, "2024-03-31 01:00"),  # a wall time that was skipped
        ("Europe/Berlin", "2500", {"end_within_min": 120}, "2024-03-31 02:00"),  # minutes, not wall time
    ],
)
def test_deadlines(zone: str, at: str, more: dict[str, object], by: str) -> None:
    found = timetable(zone, at, on=("2024-03-30",), **more).between(ms("2024-01-01 00:00"), ms("2025-01-01 00:00"))

    assert [start.deadline_ms for start in found] == [ms(by)]


def test_without_a_deadline_there_is_none() -> None:
    found = timetable("UTC", "2200", on=("2024-03-30",)).between(ms("2024-01-01 00:00"), ms("2025-01-01 00:00"))

    assert [start.deadline_ms for start in found] == [None]
