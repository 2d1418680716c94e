"""Operating days, and what filters pick from them."""

import subprocess
import sys
from datetime import date

import pytest

from jaz_lite.errors import DefinitionError
from jaz_lite.model.calendar import CalendarRule, Filter
from jaz_lite.schedule.days import filtered_days, operates, operating_days
from jaz_lite.schedule.public_holidays import PublicHolidays
from tests.unit.schedule.naming import NO_HOLIDAYS, WORKDAYS, SomeHolidays, calendar


def days_of(cal, first, last, holidays=NO_HOLIDAYS):
    found = operating_days(cal, date.fromisoformat(first), date.fromisoformat(last), holidays)
    return [day.isoformat() for day in found]


def picked(cal, first="2024-01-01", last="2024-12-31", **settings):
    rule = Filter(filter_id="F", version="20240101000000", base_calendar_id="CAL", **settings)
    found = filtered_days(rule, cal, date.fromisoformat(first), date.fromisoformat(last), NO_HOLIDAYS)
    return [day.isoformat() for day in found]


def test_listed_days_operate_and_no_others():
    cal = calendar("2024-02-29", "2024-12-31")

    assert days_of(cal, "2023-01-01", "2025-12-31") == ["2024-02-29", "2024-12-31"]
    assert days_of(cal, "2024-02-29", "2024-12-31") == ["2024-02-29", "2024-12-31"]  # both ends are in it
    assert not operates(cal, date(2024, 3, 1), NO_HOLIDAYS)


def test_conditions_are_joined_by_or():
    rule = CalendarRule(weekdays=("sat",), first_of_month=True, last_of_month=True, month_days=(15,), months=(2,))

    # February 2024: Saturdays 3, 10, 17, 24; the 1st; the 29th is the last; the 15th
    assert days_of(calendar(rule=rule), "2024-01-01", "2024-12-31") == [
        f"2024-02-{day:02}" for day in (1, 3, 10, 15, 17, 24, 29)
    ]


def test_holidays_and_excepted_days_do_not_operate_unless_they_are_listed():
    rule = CalendarRule(
        weekdays=("mon", "tue"), holidays=("XX", "YY"), minus=("2024-01-15",), since="2024-01-08", until="2024-01-29"
    )
    holidays = SomeHolidays({"XX": ["2024-01-09"], "YY": ["2024-01-16"]})

    # Mondays and Tuesdays: (1, 2,) 8, 9, 15, 16, 22, 23, 29(, 30)
    assert days_of(calendar(rule=rule), "2024-01-01", "2024-02-29", holidays) == [
        "2024-01-08",
        "2024-01-22",
        "2024-01-23",
        "2024-01-29",
    ]
    assert operates(calendar("2024-01-09", "2024-01-15", rule=rule), date(2024, 1, 9), holidays)
    assert operates(calendar("2024-01-09", "2024-01-15", rule=rule), date(2024, 1, 15), holidays)


def test_an_unknown_place_is_told_with_the_calendar():
    with pytest.raises(DefinitionError, match='calendar "CAL": no public holidays are known of "ZZ"'):
        days_of(calendar(rule=CalendarRule(first_of_month=True, holidays=("ZZ",))), "2024-01-01", "2024-12-31")


def test_substitute_days_are_public_holidays():
    known = PublicHolidays()

    # 5 May 2024 was a Sunday: the 6th was off in its stead.
    assert {date(2024, 5, 5), date(2024, 5, 6)} <= set(known.of("JP", 2024))
    # 1 January 2022 was a Saturday: 31 December 2021 was off, and belongs to 2021.
    assert date(2021, 12, 31) in known.of("US", 2021)
    # Epiphany is off in Bavaria.
    assert date(2024, 1, 6) in known.of("DE-BY", 2024)
    assert date(2024, 1, 6) not in known.of("DE", 2024)
    assert {"JP", "DE-BY"} <= known.places()


@pytest.mark.parametrize(
    ("designated", "shift", "expected"),
    [
        # 2024: 31 March is a Sunday, 30 June too; April has 30 days, the 30th is a Tuesday.
        (31, 0, ["2024-01-31", "2024-03-01", "2024-05-01", "2024-05-31", "2024-07-01"]),
        (31, 1, ["2024-01-31", "2024-03-01", "2024-04-01", "2024-05-01", "2024-05-31", "2024-07-01"]),
        (31, -1, ["2024-01-31", "2024-02-29", "2024-03-29", "2024-04-30", "2024-05-31", "2024-06-28"]),
        (31, -2, ["2024-01-31", "2024-02-28", "2024-03-28", "2024-04-29", "2024-05-31", "2024-06-27"]),
        (30, 7, ["2024-01-30", "2024-03-11", "2024-04-09", "2024-04-30", "2024-05-30", "2024-07-09"]),
    ],
)
def test_a_designated_day_that_a_month_lacks(designated, shift, expected):
    settings = {"base_day": "designated", "designated_day": designated, "shift_days": shift}

    assert picked(calendar(rule=WORKDAYS), "2024-01-20", "2024-07-15", **settings) == expected


def test_an_operating_base_day_is_taken_whatever_the_shift():
    for shift in range(-7, 8):
        # 1 February 2024 is a Thursday.
        assert picked(calendar(rule=WORKDAYS), "2024-02-01", "2024-02-01", shift_days=shift) == ["2024-02-01"]


def test_a_shift_counts_operating_days():
    # 1 June 2024 is a Saturday: Monday the 3rd is the first after it, Friday the 31st of May the first before it.
    for shift, expected in ((1, "2024-06-03"), (2, "2024-06-04"), (7, "2024-06-11"), (-1, "2024-05-31"), (0, None)):
        found = picked(calendar(rule=WORKDAYS), "2024-05-20", "2024-06-30", shift_days=shift)
        assert found == ([expected] if expected else [])


def test_the_search_ends_after_30_days():
    # The base day is 1 May; day 30 of the search is the 30th.
    assert picked(calendar("2024-05-30"), shift_days=1) == ["2024-05-30"]
    assert picked(calendar("2024-05-31"), shift_days=1) == []


def test_a_day_may_stand_for_a_month_two_months_away():
    # 1 March 2023 less 29 days is 31 January; 31 January 2023 and 29 days is 1 March.
    assert picked(calendar("2023-01-31"), "2023-01-31", "2023-01-31", shift_days=-1) == ["2023-01-31"]
    assert picked(calendar("2023-03-01"), "2023-03-01", "2023-03-01", base_day="last", shift_days=1) == ["2023-03-01"]


def test_nobody_pays_for_holidays_before_they_are_asked_for():
    # The library costs a process 16 MB and a tenth of a second.
    rooms = "jaz_lite.cli.main, jaz_lite.engine.check_change, jaz_lite.runner.turns, jaz_lite.schedule.timetable"
    code = f"import sys, {rooms}; print('holidays' in sys.modules)"

    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert found.stdout == "False\n"
