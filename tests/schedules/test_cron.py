"""Cron expressions as the product reads them, beside a matcher that looks at every minute."""

import random
from datetime import date, datetime, timedelta

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from jaz_lite.errors import DefinitionError
from jaz_lite.model.calendar import Calendar
from jaz_lite.schedule.cron import read_cron
from jaz_lite.schedule.days import operating_days
from tests.schedules.brute_force import cron_matches, cycle_times
from tests.schedules.holidays import KnownHolidays

MIDNIGHT = datetime(2024, 1, 1)  # noqa: DTZ001 - a wall time
SOME_DAYS = [date(2023, 12, 20) + timedelta(days=n) for n in range(450)]  # over a leap day and a year's end


def draw_field(dice: random.Random, low: int, high: int) -> str:
    def element() -> str:
        first, last = sorted((dice.randint(low, high), dice.randint(low, high)))
        return dice.choice((f"{first}", f"{first}", f"{first}-{last}", f"{first}-{last}/{dice.randint(1, 9)}"))

    if dice.random() < 0.2:
        return f"*/{dice.randint(1, high)}"
    return ",".join(element() for _ in range(dice.choice((1, 1, 2, 4))))


def draw_expression(dice: random.Random) -> str:
    def or_star(low: int, high: int, stars: float) -> str:
        return "*" if dice.random() < stars else draw_field(dice, low, high)

    fields = [or_star(0, 59, 0.2), or_star(0, 23, 0.3), or_star(1, 31, 0.5), or_star(1, 12, 0.7), or_star(0, 7, 0.5)]
    return " ".join(fields)


def times_of(expression: str) -> list[str]:
    minute, hour, *_ = expression.split()
    day = (MIDNIGHT + timedelta(minutes=n) for n in range(1440))
    return [f"{wall:%H%M}" for wall in day if cron_matches(f"{minute} {hour} * * *", wall)]


def days_of(expression: str) -> list[date]:
    _, _, *days = expression.split()
    midnights = (datetime.combine(day, datetime.min.time()) for day in SOME_DAYS)
    return [wall.date() for wall in midnights if cron_matches(" ".join(["0", "0", *days]), wall)]


@settings(max_examples=80)
@given(st.integers(0, 2**32))
def test_an_expression_names_the_minutes_that_a_look_at_each_of_them_finds(seed: int) -> None:
    expression = draw_expression(random.Random(seed))
    _, _, month_day, _, week_day = expression.split()
    # What cannot be said by a calendar: days that must be in both fields, and those that never come.
    starred = "*" not in (month_day, week_day) and "*/" in (month_day[:2], week_day[:2])
    try:
        found = read_cron(expression)
    except DefinitionError:
        event("refused")
        assert starred or not days_of(expression)
        return
    if starred:
        return  # one of the fields names all its days after all
    times = cycle_times(found.since, found.until, found.every_min) if found.since else list(found.boot_times)
    calendar = Calendar(calendar_id="C", version="1", rule=found.rule)

    assert times == times_of(expression), expression
    assert operating_days(calendar, SOME_DAYS[0], SOME_DAYS[-1], KnownHolidays({})) == days_of(expression), expression


@pytest.mark.parametrize(
    ("expression", "days"),
    [
        ("0 9 * * 1-5", ["02-26", "02-27", "02-28", "02-29", "03-01", "03-04", "03-05"]),
        ("0 9 * * 5,sun", ["03-01", "03-03"]),
        ("0 9 * * 7", ["03-03"]),
        ("0 9 29 2 *", ["02-29"]),
        ("0 9 1,4 * fri", ["03-01", "03-04"]),  # the 1st, the 4th, or a Friday
        ("0 9 4 3 tue", ["03-04", "03-05"]),
        ("0 9 * mar *", ["03-01", "03-02", "03-03", "03-04", "03-05"]),
        ("@monthly", ["03-01"]),
        ("@weekly", ["03-03"]),
    ],
)
def test_days_by_hand(expression: str, days: list[str]) -> None:
    # 2024-02-26 is a Monday
    calendar = Calendar(calendar_id="C", version="1", rule=read_cron(expression).rule)

    found = operating_days(calendar, date(2024, 2, 26), date(2024, 3, 5), KnownHolidays({}))

    assert [f"{day:%m-%d}" for day in found] == days


def test_an_even_distance_is_a_cycle_and_others_are_times() -> None:
    cycle = read_cron("*/15 8-18 * * *")
    uneven = read_cron("5,7,30 8 * * *")

    assert (cycle.since, cycle.until, cycle.every_min, cycle.boot_times) == ("0800", "1845", 15, ())
    assert (uneven.since, uneven.boot_times) == ("", ("0805", "0807", "0830"))
