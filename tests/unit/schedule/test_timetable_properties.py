"""What holds of the times of every schedule, in every zone, wherever a span begins and ends."""

from datetime import date, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaz_lite.model.calendar import WEEKDAYS, CalendarRule, Filter
from jaz_lite.model.schedule import BootTime, Cycle, Schedule
from jaz_lite.schedule.local_time import local_time
from jaz_lite.schedule.timetable import Timetable, as_boot_time
from tests.unit.schedule.naming import NO_HOLIDAYS, UTC_ZONE, Objects, calendar, ms

HOUR, DAY = 3_600_000, 86_400_000

# Zone, and an instant near which its clocks change.
CHANGES = {
    "Berlin in spring": ("Europe/Berlin", "2024-03-31 01:00"),
    "Berlin in autumn": ("Europe/Berlin", "2024-10-27 01:00"),
    "Lord Howe": ("Australia/Lord_Howe", "2024-04-06 15:00"),
    "Samoa without a day": ("Pacific/Apia", "2011-12-30 10:00"),
    "Sao Paulo without a midnight": ("America/Sao_Paulo", "2018-11-04 03:00"),
    "St. John's at 00:01": ("America/St_Johns", "2006-10-29 02:31"),
    "Troll": ("Antarctica/Troll", "2024-03-31 01:00"),
    "no change": ("UTC", "2024-02-29 00:00"),
}

minutes = st.one_of(st.integers(0, 5999), st.integers(0, 60).map(lambda each: each * 30))
days_of = st.sampled_from([("calendar", "RULE"), ("calendar", "FIXED"), ("filter", "PICK")])
boot_times = st.builds(
    lambda days, at: BootTime(days_kind=days[0], days_id=days[1], at=as_boot_time(at)), days_of, minutes
)
cycles = st.builds(
    lambda days, ends, every: Cycle(
        days_kind=days[0],
        days_id=days[1],
        since=as_boot_time(min(ends)),
        until=as_boot_time(max(ends)),
        every_min=every,
    ),
    days_of,
    st.tuples(minutes, minutes),
    st.integers(15, 700),
)


@st.composite
def timetables(draw):
    """Make the times of a schedule around a change of the clocks; returns them, the zone and the instant."""
    name, instant = CHANGES[draw(st.sampled_from(sorted(CHANGES)))]
    around = date.fromisoformat(instant[:10])
    fixed = draw(st.sets(st.integers(-6, 3), max_size=4))
    rule = CalendarRule(weekdays=tuple(draw(st.sets(st.sampled_from(WEEKDAYS)))), first_of_month=True)
    objects = Objects(
        {
            "RULE": calendar(rule=rule),
            "FIXED": calendar(*((around + timedelta(days=day)).isoformat() for day in fixed)),
        },
        {
            "PICK": Filter(
                filter_id="PICK",
                version="20240101000000",
                base_calendar_id="RULE",
                base_day="designated",
                designated_day=around.day,
                shift_days=draw(st.integers(-2, 2)),
            )
        },
    )
    schedule = Schedule(
        schedule_id="S",
        version="20240101000000",
        boot_times=tuple(draw(st.lists(boot_times, max_size=5))),
        cycles=tuple(draw(st.lists(cycles, max_size=2))),
        end_by=draw(st.one_of(st.just(""), minutes.map(as_boot_time))),
        end_within_min=draw(st.sampled_from([0, 0, 90, 3000])),
    )
    return Timetable(schedule, objects, ZoneInfo(name), NO_HOLIDAYS), ZoneInfo(name), ms(instant)


@given(timetables(), st.lists(st.integers(-6 * 96, 6 * 96), min_size=3, max_size=5, unique=True))
@settings(max_examples=200)
def test_a_span_is_the_sum_of_its_parts(made, ends):
    times, _, instant = made
    cuts = sorted(instant + quarter * HOUR // 4 for quarter in ends)

    whole = times.between(cuts[0], cuts[-1])

    parts = [start for after, until in pairwise(cuts) for start in times.between(after, until)]
    assert parts == whole
    instants = [start.at_ms for start in whole]
    assert instants == sorted(set(instants))
    assert all(cuts[0] < at_ms <= cuts[-1] for at_ms in instants)


@given(timetables(), st.integers(-6 * 96, 6 * 96))
@settings(max_examples=200)
def test_the_first_start_is_the_first_of_the_span_that_holds_it(made, quarter):
    times, _, instant = made
    after = instant + quarter * HOUR // 4

    first = times.first_after(after)

    if first is None:
        assert times.between(after, after + 40 * DAY) == []
    else:
        assert times.between(after, first.at_ms) == [first]


@given(timetables())
@settings(max_examples=200)
def test_every_start_tells_a_wall_time_that_is_that_instant_and_a_deadline_after_it(made):
    times, zone, instant = made

    for start in times.between(instant - 6 * DAY, instant + 6 * DAY):
        wall = int(start.boot_time[:2]) * 60 + int(start.boot_time[2:])
        assert local_time(zone).instant(start.day.toordinal(), wall) == (start.at_ms, start.moved)
        if start.deadline_ms is not None:
            # Within a wall day, which was 48 hours long in Samoa; and a schedule's time may be four days after its day.
            assert start.at_ms < start.deadline_ms <= start.at_ms + 6 * DAY


@pytest.mark.parametrize("year", [1, 9998])
def test_the_ends_of_the_calendar_are_no_end_of_the_program(year):
    rows = (BootTime(days_id="ALL", at="0000"), BootTime(days_id="PICK", days_kind="filter", at="9959"))
    objects = Objects(
        {"ALL": calendar(rule=CalendarRule(weekdays=WEEKDAYS))},
        {"PICK": Filter(filter_id="PICK", version="20240101000000", base_calendar_id="ALL", shift_days=-7)},
    )
    definition = Schedule(schedule_id="S", version="20240101000000", boot_times=rows, end_by="9959")
    new_year = (date(year, 1, 1) - date(1970, 1, 1)).days * DAY

    times = Timetable(definition, objects, UTC_ZONE, NO_HOLIDAYS)

    found = times.between(max(new_year - 500 * DAY, -(10**17)), min(new_year + 500 * DAY, 10**17))
    assert {start.day.year for start in found} >= {year}
    assert times.first_after(-(10**17)).day == date(1, 1, 3)
    assert times.first_after(10**17) is None
