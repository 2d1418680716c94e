"""When schedules start: boot times on operating days, as instants."""

import pytest

from jaz_lite.model.schedule import BootTime, Cycle, Schedule
from jaz_lite.schedule.timetable import Timetable
from tests.unit.schedule.naming import (
    BERLIN,
    EVERY_DAY,
    NO_HOLIDAYS,
    UTC_ZONE,
    Objects,
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
