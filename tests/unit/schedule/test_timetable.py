"""When schedules start: boot times on operating days, as instants."""

from zoneinfo import ZoneInfo

import pytest

from jaz_lite.model.calendar import CalendarRule, Filter
from jaz_lite.model.schedule import BootTime, Cycle, Schedule
from jaz_lite.schedule.local_time import LocalTime
from jaz_lite.schedule.public_holidays import HOLIDAYS
from jaz_lite.schedule.timetable import Timetable
from tests.unit.schedule.naming import (
    BERLIN,
    EVERY_DAY,
    NO_HOLIDAYS,
    UTC_ZONE,
    Objects,
    at,
    calendar,
    ms,
    said,
    schedule,
    timetable,
)


def test_a_boot_time_starts_on_its_operating_days():
    times = timetable(schedule("0830"), calendar("2024-02-28", "2024-02-29", "2024-03-04"))

    assert said(times.between(ms("2024-01-01"), ms("2025-01-01"))) == [
        "2024-02-28 08:30",
        "2024-02-29 08:30",
        "2024-03-04 08:30",
    ]


def test_the_end_of_a_span_is_in_it_and_its_beginning_is_not():
    times = timetable(schedule("0800", "0900"), calendar("2024-05-01"))

    assert said(times.between(ms("2024-05-01 08:00"), ms("2024-05-01 09:00"))) == ["2024-05-01 09:00"]
    assert times.between(ms("2024-05-01 09:00"), ms("2024-05-01 08:00")) == []


@pytest.mark.parametrize(
    ("boot_time", "starts"),
    [
        ("0000", "2024-12-31 00:00"),
        ("2359", "2024-12-31 23:59"),
        ("2400", "2025-01-01 00:00"),
        ("2530", "2025-01-01 01:30"),
        ("4759", "2025-01-01 23:59"),
        ("9959", "2025-01-04 03:59"),
    ],
)
def test_times_past_24_hours_are_on_later_days(boot_time, starts):
    times = timetable(schedule(boot_time), calendar("2024-12-31"))

    [start] = times.between(ms("2024-12-01"), ms("2025-02-01"))

    assert said([start]) == [starts]
    assert (start.day.isoformat(), start.boot_time, start.moved) == ("2024-12-31", boot_time, False)


def test_a_cycle_includes_its_end_if_it_hits_it():
    cycle = Cycle(days_id="CAL", since="2230", until="2530", every_min=45)
    times = timetable(schedule(cycles=(cycle,)), calendar("2024-05-01"))

    # 22:30, 23:15, 24:00, 24:45, 25:30
    assert said(times.between(0, ms("2025-01-01"))) == [
        "2024-05-01 22:30",
        "2024-05-01 23:15",
        "2024-05-02 00:00",
        "2024-05-02 00:45",
        "2024-05-02 01:30",
    ]


def test_the_same_instant_from_two_calendars_is_one_start():
    both = Objects({"A": calendar("2024-05-01"), "B": calendar("2024-05-01", "2024-05-02")})
    rows = (
        BootTime(days_id="A", at="2530"),
        BootTime(days_id="B", at="0130"),
        BootTime(days_id="A", at="0700"),
        BootTime(days_id="B", at="0700"),
    )
    definition = Schedule(schedule_id="S", version="20240101000000", boot_times=rows)

    starts = Timetable(definition, both, UTC_ZONE, NO_HOLIDAYS).between(0, ms("2025-01-01"))

    assert said(starts) == ["2024-05-01 01:30", "2024-05-01 07:00", "2024-05-02 01:30", "2024-05-02 07:00"]
    assert [start.boot_time for start in starts] == ["0130", "0700", "2530", "0700"]  # the earlier operating day


def test_a_skipped_time_starts_after_the_gap_and_a_repeated_one_once():
    times = timetable(schedule("0230", "0330"), calendar("2024-03-31", "2024-10-27"), BERLIN)

    starts = times.between(0, ms("2025-01-01"))

    assert said(starts, BERLIN) == [
        "2024-03-31 03:00+02:00",
        "2024-03-31 03:30+02:00",
        "2024-10-27 02:30+02:00",
        "2024-10-27 03:30+01:00",
    ]
    assert [start.moved for start in starts] == [True, False, False, False]


def test_a_schedule_with_a_zone_of_its_own_does_not_use_the_sites():
    times = timetable(schedule("0900", zone="Asia/Tokyo"), calendar("2024-05-01"), BERLIN)

    assert said(times.between(0, ms("2025-01-01"))) == ["2024-05-01 00:00"]


def test_what_is_not_enabled_is_told_and_the_rest_starts():
    rows = (BootTime(days_id="CAL", at="0100"), BootTime(days_id="GONE", at="0200"))
    definition = Schedule(schedule_id="S", version="20240101000000", boot_times=rows)

    times = Timetable(definition, Objects({"CAL": calendar("2024-05-01")}), UTC_ZONE, NO_HOLIDAYS)

    assert times.broken == ('calendar "GONE" has no enabled version',)
    assert said(times.between(0, ms("2025-01-01"))) == ["2024-05-01 01:00"]


def test_the_first_start_after_an_instant_is_found_however_far():
    times = timetable(schedule("0000", "2530"), calendar("2024-02-29", "2032-02-29"))

    assert said([times.first_after(ms("2024-02-29"))]) == ["2024-03-01 01:30"]
    assert said([times.first_after(ms("2024-03-01 01:30"))]) == ["2032-02-29 00:00"]
    assert times.first_after(ms("2032-03-01 01:30")) is None


def test_deadlines_are_the_earlier_of_both_kinds():
    rule = calendar(rule=EVERY_DAY)
    by_wall_time = timetable(schedule("0500", "0700", end_by="0600"), rule)
    within = timetable(schedule("0500", "0700", end_by="0600", end_within_min=90), rule)

    # 05:00 -> 06:00 of the day; 07:00 -> 06:00 of the day after, or 08:30.
    span = (ms("2024-05-01"), ms("2024-05-01 23:59"))
    assert [start.deadline_ms for start in by_wall_time.between(*span)] == [
        ms("2024-05-01 06:00"),
        ms("2024-05-02 06:00"),
    ]
    assert [start.deadline_ms for start in within.between(*span)] == [ms("2024-05-01 06:00"), ms("2024-05-01 08:30")]


@pytest.mark.parametrize(
    ("boot_time", "end_by", "deadline"),
    [
        # On operating day 30 March 2024 in Berlin; the clocks go forward on the 31st, 02:00 -> 03:00.
        ("2200", "3000", "2024-03-31 06:00+02:00"),  # 30:00 is 06:00 of the next day
        ("0500", "3000", "2024-03-31 06:00+02:00"),  # counted from the operating day, not from the start
        ("3000", "3000", "2024-04-01 06:00+02:00"),  # a start at the very time has a wall day
        ("2200", "0230", "2024-03-31 03:00+02:00"),  # skipped: the first instant after the gap
        ("2530", "0230", "2024-03-31 03:00+02:00"),
        ("2630", "0230", "2024-04-01 02:30+02:00"),  # the start itself is moved onto that instant
        ("9959", "0000", "2024-04-04 00:00+02:00"),
    ],
)
def test_a_wall_time_to_end_by_is_counted_from_the_operating_day(boot_time, end_by, deadline):
    times = timetable(schedule(boot_time, end_by=end_by), calendar("2024-03-30"), BERLIN)

    [start] = times.between(0, ms("2025-01-01"))

    assert at(start.deadline_ms, BERLIN) == deadline


def test_minutes_to_end_within_are_minutes_that_pass():
    times = timetable(schedule("0130", end_within_min=90), calendar("2024-03-31", "2024-10-27"), BERLIN)

    starts = times.between(0, ms("2025-01-01"))

    assert [at(start.deadline_ms, BERLIN) for start in starts] == ["2024-03-31 04:00+02:00", "2024-10-27 02:00+01:00"]


def test_two_days_that_share_an_instant_have_the_earlier_deadline():
    # 25:30 of the 1st and 01:30 of the 2nd; 30:00 of the 1st comes before that of the 2nd.
    times = timetable(schedule("0130", "2530", end_by="3000"), calendar("2024-05-01", "2024-05-02"))

    starts = times.between(ms("2024-05-01 12:00"), ms("2024-05-02 12:00"))

    assert [(start.boot_time, at(start.deadline_ms)) for start in starts] == [("2530", "2024-05-02 06:00")]


def test_a_skipped_time_gives_way_to_one_that_was_there():
    times = timetable(schedule("0200", "0230", "0300"), calendar("2024-03-31"), BERLIN)

    [start] = times.between(0, ms("2025-01-01"))

    assert (start.boot_time, start.moved) == ("0300", False)


def test_the_times_of_a_day_that_a_zone_left_out_are_one_start():
    times = timetable(schedule("0000", "0800", "2000"), calendar("2011-12-30"), ZoneInfo("Pacific/Apia"))

    [start] = times.between(0, ms("2025-01-01"))

    assert (at(start.at_ms), start.boot_time, start.moved) == ("2011-12-30 10:00", "0000", True)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"boot_times": (BootTime(days_id="X"),)}, 'calendar "X" has no enabled version'),
        ({"cycles": (Cycle(days_id="X"), Cycle(days_id="X"))}, 'calendar "X" has no enabled version'),
        ({"boot_times": (BootTime(days_id="X", days_kind="filter"),)}, 'filter "X" has no enabled version'),
        (
            {"boot_times": (BootTime(days_id="PICK", days_kind="filter"),)},
            'calendar "X", from which filter "PICK" picks, has no enabled version',
        ),
        (
            {"boot_times": (BootTime(days_id="OFF"),)},
            'calendar "OFF": no public holidays are known of "ZZ"',
        ),
        ({"zone": "Mars/Olympus"}, 'schedule "S": there is no time zone "Mars/Olympus"'),
        (
            {"boot_times": (BootTime(days_id="CAL", at="8:00"),)},
            'schedule "S": the time "8:00" is not four digits HHMM',
        ),
    ],
)
def test_what_keeps_times_from_being_known_is_told(settings, told):
    off = calendar(rule=CalendarRule(first_of_month=True, holidays=("ZZ",)), calendar_id="OFF")
    pick = Filter(filter_id="PICK", version="20240101000000", base_calendar_id="X")
    objects = Objects({"CAL": calendar("2024-05-01"), "OFF": off}, {"PICK": pick})

    times = Timetable(Schedule(schedule_id="S", version="20240101000000", **settings), objects, UTC_ZONE, NO_HOLIDAYS)

    [sentence] = times.broken
    assert sentence.startswith(told)
    assert times.between(0, ms("2030-01-01")) == []
    assert times.first_after(0) is None


def test_a_calendar_that_changed_gives_other_times():
    # What is remembered of a calendar is remembered by what it holds, not by its name.
    for day in ("2024-05-01", "2024-05-02", "2024-05-01"):
        times = timetable(schedule("0100"), calendar(day))
        assert said(times.between(0, ms("2025-01-01"))) == [f"{day} 01:00"]


def test_month_ends_around_holidays_start_as_counted_by_hand():
    # The last working day of a month in Japan, 25:00: 2024 had the 31st of August and of December off, a Saturday and
    # (by this calendar's exception) the bank's year end; the 29th of April was a holiday, the 31st of March a Sunday.
    working = CalendarRule(weekdays=("mon", "tue", "wed", "thu", "fri"), holidays=("JP",), minus=("2024-12-31",))
    last = Filter(filter_id="LAST", version="20240101000000", base_calendar_id="WORK", base_day="last", shift_days=-1)
    objects = Objects({"WORK": calendar(rule=working, calendar_id="WORK")}, {"LAST": last})
    rows = (BootTime(days_id="LAST", days_kind="filter", at="2500"),)
    definition = Schedule(schedule_id="S", version="20240101000000", boot_times=rows, zone="Asia/Tokyo")

    times = Timetable(definition, objects, UTC_ZONE, HOLIDAYS)

    found = times.between(ms("2024-01-01"), ms("2025-01-01"))
    assert [start.day.isoformat()[5:] for start in found] == [
        "01-31", "02-29", "03-29", "04-30", "05-31", "06-28", "07-31", "08-30", "09-30", "10-31", "11-29", "12-30",
    ]  # fmt: skip
    assert said(found)[1] == "2024-02-29 16:00"  # 01:00 of 1 March in Tokyo


def test_days_on_which_clocks_change_cost_nothing_at_other_times_of_the_year(monkeypatch: pytest.MonkeyPatch):
    times = timetable(
        schedule(cycles=(Cycle(days_id="CAL", until="2359", every_min=1),)), calendar(rule=EVERY_DAY), BERLIN
    )
    asked: list[int] = []
    instant = LocalTime.instant
    monkeypatch.setattr(LocalTime, "instant", lambda self, *more: asked.append(1) or instant(self, *more))

    for minute in range(60):
        now_ms = ms("2024-07-01 12:00") + minute * 60_000
        first = times.first_after(now_ms)
        assert first is not None
        assert first.at_ms == now_ms + 60_000
        assert len(times.between(now_ms, now_ms + 3_600_000)) == 60
    assert not asked

    for minute in range(60):
        times.between(ms("2024-03-31 00:30") + minute * 60_000, ms("2024-03-31 12:00"))
    assert len(asked) == 1440  # they are remembered
