"""The rules of the product beside their slow statements, and the slow statements beside each other."""

import itertools
import random
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jaz_lite.model.schedule import BootTime, Schedule
from jaz_lite.schedule import days as product
from jaz_lite.schedule.timetable import Timetable
from tests.schedules import brute_force as slow
from tests.schedules.comparison import Case, differences, draw_case, fifty_years
from tests.schedules.draw import ODD_ZONES, draw_calendar, draw_days, draw_filter, draw_holidays, zones
from tests.schedules.ticking import DAY_S, Wall

SEEDS = st.integers(0, 2**32)
YEARS = st.integers(1970, 2098)


def midnight(year: int) -> int:
    return round(datetime(year, 1, 1, tzinfo=UTC).timestamp())


# ---- the statements among themselves


@given(SEEDS)
def test_the_words_about_filters_say_what_the_loop_of_jaz_does(seed: int) -> None:
    dice = random.Random(seed)
    share = dice.choice((0.0, 0.02, 0.05, 0.2, 0.5, 0.9, 1.0))
    operating = {date(2023, 1, 1) + timedelta(days=n) for n in range(1_200) if dice.random() < share}

    for year, month in [(year, month) for year in (2023, 2024) for month in range(1, 13)]:
        rule = draw_filter(dice, "F", ["C"])
        by_words = slow.filtered_day(rule, year, month, operating.__contains__)
        assert by_words == slow.jaz_filtered_day(rule, year, month, operating.__contains__), rule


@settings(max_examples=25)
@given(SEEDS, st.sampled_from(ODD_ZONES), YEARS)
def test_a_wall_looked_at_every_hour_misses_nothing_that_one_sees_every_minute(seed: int, name: str, year: int) -> None:
    dice, zone = random.Random(seed), ZoneInfo(name)
    wall = Wall(zone, midnight(year) - 30 * DAY_S, midnight(year + 1) + 30 * DAY_S)
    changes = [from_s for from_s, _ in wall.stretches[1:]] or [midnight(year) + 100 * DAY_S]

    for _ in range(3):
        near = slow.wall_of(dice.choice(changes), zone).replace(second=0)
        wanted = near + timedelta(minutes=dice.randint(-150, 150))
        assert wall.instant(wanted) == slow.instant_of(wanted, zone), wanted


# ---- the product beside them


@given(SEEDS)
def test_the_days_of_a_calendar_are_those_that_its_rule_names(seed: int) -> None:
    dice = random.Random(seed)
    first = date(dice.randint(1970, 2098), dice.randint(1, 12), dice.randint(1, 28))
    last = first + timedelta(days=dice.choice((0, 1, 40, 400)))
    holidays = draw_holidays(dice, first - timedelta(days=60), last + timedelta(days=60))
    calendar = draw_calendar(dice, "C", first, last)

    span = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    wanted = list(filter(slow.operating_asker(calendar, holidays.is_holiday), span))

    assert product.operating_days(calendar, first, last, holidays) == wanted
    assert [day for day in span[:50] if product.operates(calendar, day, holidays)] == [
        day for day in wanted if day in span[:50]
    ]


@given(SEEDS)
def test_the_days_of_a_filter_are_those_its_words_give(seed: int) -> None:
    dice = random.Random(seed)
    first = date(dice.randint(1970, 2098), dice.randint(1, 12), dice.randint(1, 28))
    last = first + timedelta(days=dice.choice((0, 1, 40, 400)))
    margin = timedelta(days=80)
    holidays = draw_holidays(dice, first - margin, last + margin)
    calendar = draw_calendar(dice, "C", first - margin, last + margin)

    for _ in range(4):
        rule = draw_filter(dice, "F", ["C"])
        wanted = slow.filtered_days(rule, first, last, slow.operating_asker(calendar, holidays.is_holiday))
        assert product.filtered_days(rule, calendar, first, last, holidays) == wanted, rule


def one_time(zone: str, day: date, at: str) -> Case:
    """Return a schedule that starts once: on this day at this time."""
    text = day.isoformat()
    calendar = slow.Calendar(calendar_id="C", version="1", days=(text,))
    schedule = Schedule(schedule_id="S", version="1", boot_times=(BootTime(days_id="C", at=at),), zone=zone)
    holidays = draw_holidays(random.Random(0), day, day)
    days = slow.Days({"C": calendar}, {}, holidays.is_holiday)
    return Case(schedule, days, holidays, ZoneInfo("UTC"), 0, 0)


@settings(max_examples=60)
@given(SEEDS, st.sampled_from(ODD_ZONES), YEARS)
@example(1, "Pacific/Apia", 2011)
@example(2, "Pacific/Kwajalein", 1993)
@example(3, "America/Nuuk", 2023)
@example(4, "Africa/Monrovia", 1972)
@example(5, "Africa/Casablanca", 2087)
def test_a_boot_time_near_a_clock_change_is_where_a_look_at_every_second_finds_it(
    seed: int, name: str, year: int
) -> None:
    dice, zone = random.Random(seed), ZoneInfo(name)
    wall = Wall(zone, midnight(year) - 30 * DAY_S, midnight(year + 1) + 30 * DAY_S)
    changes = [from_s for from_s, _ in wall.stretches[1:]] or [midnight(year)]
    near = slow.wall_of(dice.choice(changes), zone) + timedelta(minutes=dice.randint(-200, 200))
    later_days = dice.choice((0, 0, 1, 4 if near.hour < 4 else 3))
    day, at = near.date() - timedelta(days=later_days), f"{near.hour + 24 * later_days:02}{near.minute:02}"
    case = one_time(name, day, at)
    wanted = slow.instant_of(slow.wall_time(day, at), zone)

    found = case.timetable().between((wanted - 9 * DAY_S) * 1000, (wanted + 9 * DAY_S) * 1000)

    assert [start.at_ms for start in found] == [wanted * 1000], (day, at)
    assert found[0].moved == (slow.wall_of(wanted, zone) != slow.wall_time(day, at))


@settings(max_examples=40)
@given(SEEDS, YEARS)
def test_a_timetable_has_what_the_slow_scheduler_finds(seed: int, year: int) -> None:
    dice = random.Random(seed)
    first = date(year, dice.randint(1, 12), dice.randint(1, 28))
    case = draw_case(dice, first, first + timedelta(days=dice.choice((3, 40, 400))))

    found = case.timetable().between(case.after_s * 1000, case.until_s * 1000)

    assert differences(case, found) == []


@settings(max_examples=25)
@given(SEEDS, YEARS)
def test_a_timetable_asked_in_pieces_and_one_by_one_says_the_same(seed: int, year: int) -> None:
    dice = random.Random(seed)
    first = date(year, dice.randint(1, 12), dice.randint(1, 28))
    case = draw_case(dice, first, first + timedelta(days=dice.choice((2, 30))))
    timetable = case.timetable()
    whole = timetable.between(case.after_s * 1000, case.until_s * 1000)
    instants = [start.at_ms for start in whole]
    cuts = [dice.choice(instants) + dice.choice((-1, 0, 1)) for _ in range(4)] if instants else []
    edges = [case.after_s * 1000, *sorted(cuts), case.until_s * 1000]

    pieces = [start for one, two in itertools.pairwise(edges) for start in timetable.between(one, two)]
    assert pieces == whole

    at_ms = case.after_s * 1000
    for start in whole[:30]:
        following = timetable.first_after(at_ms)
        assert following == start
        at_ms = start.at_ms


@pytest.mark.parametrize("seed", range(1, 5))
def test_fifty_years_of_a_schedule(seed: int) -> None:
    _, found, _ = fifty_years(seed)

    assert found == [], f"python -m tests.schedules years --seed {seed}"


@pytest.mark.parametrize("number", range(8))
def test_every_zone_there_is(number: int) -> None:
    dice = random.Random(number)
    for name in zones()[number::8]:
        year = dice.randint(1970, 2098)
        wall = Wall(ZoneInfo(name), midnight(year) - 30 * DAY_S, midnight(year + 1) + 30 * DAY_S, look_s=6 * 3600)
        changes = [from_s for from_s, _ in wall.stretches[1:]] or [midnight(year)]
        near = slow.wall_of(dice.choice(changes), wall.zone) + timedelta(minutes=dice.randint(-120, 120))
        case = one_time(name, near.date(), f"{near.hour:02}{near.minute:02}")
        wanted = wall.instant(near.replace(second=0))

        found = case.timetable().between((wanted - 2 * DAY_S) * 1000, (wanted + 2 * DAY_S) * 1000)

        assert [start.at_ms for start in found] == [wanted * 1000], (name, near)


def test_a_calendar_or_filter_that_is_not_there_is_told_and_the_others_go_on() -> None:
    case = one_time("UTC", date(2024, 5, 1), "0900")
    rows = (
        *case.schedule.boot_times,
        BootTime(days_id="GONE", at="1000"),
        BootTime(days_id="AWAY", days_kind="filter", at="1100"),
    )
    schedule = Schedule(schedule_id="S", version="1", boot_times=rows)

    timetable = Timetable(schedule, case.days, ZoneInfo("UTC"), case.holidays)

    assert len(timetable.between(0, 2**42)) == 1
    assert len(timetable.broken) == 2
    assert "GONE" in "".join(timetable.broken)
    assert "AWAY" in "".join(timetable.broken)


def test_the_same_seed_draws_the_same_case() -> None:
    one, two = (draw_days(random.Random(7), date(2020, 1, 1), date(2021, 1, 1))[0] for _ in range(2))

    assert (one.calendars, one.filters) == (two.calendars, two.filters)
