"""Cron expressions: what they become, and how their mistakes are told."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaz_lite.errors import DefinitionError
from jaz_lite.model.calendar import WEEKDAYS, CalendarRule
from jaz_lite.model.schedule import BootTime, Cycle
from jaz_lite.schedule.cron import CronTimes, read_cron
from jaz_lite.schedule.days import operating_days
from jaz_lite.schedule.timetable import wall_minutes
from tests.unit.schedule.naming import NO_HOLIDAYS, calendar

EVERY_DAY = CalendarRule(weekdays=WEEKDAYS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30 4 * * *", CronTimes(boot_times=("0430",), rule=EVERY_DAY)),
        ("0 8,20 * * *", CronTimes(boot_times=("0800", "2000"), rule=EVERY_DAY)),
        ("*/15 * * * *", CronTimes(since="0000", until="2345", every_min=15, rule=EVERY_DAY)),
        ("5-59/20 9-17 * * *", CronTimes(since="0905", until="1745", every_min=20, rule=EVERY_DAY)),
        ("0,45 9-10 * * *", CronTimes(boot_times=("0900", "0945", "1000", "1045"), rule=EVERY_DAY)),
        ("0 0 * * 1-5", CronTimes(boot_times=("0000",), rule=CalendarRule(weekdays=WEEKDAYS[:5]))),
        ("0 0 * * MON-fri", CronTimes(boot_times=("0000",), rule=CalendarRule(weekdays=WEEKDAYS[:5]))),
        ("0 0 * * 7", CronTimes(boot_times=("0000",), rule=CalendarRule(weekdays=("sun",)))),
        ("0 0 * * 0", CronTimes(boot_times=("0000",), rule=CalendarRule(weekdays=("sun",)))),
        ("0 0 * * sat-sun", CronTimes(boot_times=("0000",), rule=CalendarRule(weekdays=("sat", "sun")))),
        ("0 0 * * sun-tue", CronTimes(boot_times=("0000",), rule=CalendarRule(weekdays=("mon", "tue", "sun")))),
        ("0 0 1,15 * *", CronTimes(boot_times=("0000",), rule=CalendarRule(month_days=(1, 15)))),
        ("0 0 */10 * *", CronTimes(boot_times=("0000",), rule=CalendarRule(month_days=(1, 11, 21, 31)))),
        (
            "0 0 13 * fri",
            CronTimes(boot_times=("0000",), rule=CalendarRule(month_days=(13,), weekdays=("fri",))),
        ),
        (
            "0 0 1 jan,JUL *",
            CronTimes(boot_times=("0000",), rule=CalendarRule(month_days=(1,), months=(1, 7))),
        ),
        ("@hourly", CronTimes(since="0000", until="2300", every_min=60, rule=EVERY_DAY)),
        ("@daily", CronTimes(boot_times=("0000",), rule=EVERY_DAY)),
        ("@midnight", CronTimes(boot_times=("0000",), rule=EVERY_DAY)),
        ("@weekly", CronTimes(boot_times=("0000",), rule=CalendarRule(weekdays=("sun",)))),
        ("@monthly", CronTimes(boot_times=("0000",), rule=CalendarRule(month_days=(1,)))),
        ("@yearly", CronTimes(boot_times=("0000",), rule=CalendarRule(month_days=(1,), months=(1,)))),
        ("  0\t0 29 2 * ", CronTimes(boot_times=("0000",), rule=CalendarRule(month_days=(29,), months=(2,)))),
        (
            "0 0 30 2 mon",
            CronTimes(boot_times=("0000",), rule=CalendarRule(month_days=(30,), weekdays=("mon",), months=(2,))),
        ),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_an_expression_becomes_wall_times_and_a_rule(text, expected):
    assert read_cron(text) == expected


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty"),
        ("5", "has 1 field instead of 5"),
        ("0 0 * *", "has 4 fields instead of 5"),
        ("0 0 0 * * *", "has 6 fields instead of 5"),
        ("60 0 * * *", "the minute has 60"),
        ("0 24 * * *", "the hour has 24"),
        ("0 0 0 * *", "the day of the month has 0"),
        ("0 0 32 * *", "the day of the month has 32"),
        ("0 0 * 13 *", "the month has 13"),
        ("0 0 * * 8", "the weekday has 8"),
        ("0 0 * * monday", 'the weekday has "monday"'),
        ("0 0 * feb-xyz *", 'the month has "xyz"'),
        ("0 0 L * *", 'the day of the month has "L"'),
        ("x 0 * * *", 'the minute has "x"'),
        ("-5 0 * * *", 'the minute has ""'),
        ("5- 0 * * *", 'the minute has ""'),
        ("1,,2 0 * * *", "the minute has a comma with nothing beside it"),
        ("*/0 0 * * *", 'the minute has the step "0"'),
        ("*/ 0 * * *", 'the minute has the step ""'),
        ("5/10 0 * * *", 'the minute has a step without a range, "5/10"'),
        ("30-10 0 * * *", 'the minute has the range "30-10"'),
        ("0 0 * * fri-mon", 'the weekday has the range "fri-mon"'),
        ("0 0 30 2 *", "never comes"),
        ("0 0 31 4,6,9,11 *", "never comes"),
        ("0 0 */2 * mon", "in both the day of the month and the weekday"),
        ("0 0 1 * */2", "in both the day of the month and the weekday"),
        ("@reboot", "is about the start of a machine"),
        ("@every 5m", "begins with @every, which is unknown"),
        ("@daily now", "holds more than @daily"),
        ("CRON_TZ=Asia/Tokyo 0 0 * * *", "sets a variable, CRON_TZ=Asia/Tokyo"),
        ("9" * 5000 + " 0 * * *", "the minute has"),
        ("٣ 0 * * *", 'the minute has "٣"'),
    ],
)
def test_a_mistake_is_told_with_its_field(text, told):
    with pytest.raises(DefinitionError) as caught:
        read_cron(text)

    assert told in caught.value.message
    assert caught.value.hint


NUMBERS = {"minute": (0, 59), "hour": (0, 23), "day": (1, 31), "month": (1, 12), "weekday": (0, 7)}


def fields(low, high):
    number = st.integers(low, high)
    span = st.tuples(number, number).map(sorted).map(lambda ends: f"{ends[0]}-{ends[1]}")
    stepped = st.builds("{}/{}".format, st.one_of(span, st.just("*")), st.integers(1, high + 2))
    element = st.one_of(number.map(str), span, stepped)
    return st.one_of(st.just("*"), st.lists(element, min_size=1, max_size=3).map(",".join))


def matches(field, low, high, value):
    """Say whether a value is named by a field, in the plainest way."""
    for element in field.split(","):
        span, _, step = element.partition("/")
        first, _, last = (f"{low}-{high}" if span == "*" else span).partition("-")
        if int(first) <= value <= int(last or first) and (value - int(first)) % int(step or 1) == 0:
            return True
    return False


def cron_starts(expression, moment):
    """Say whether cron starts at a minute: crontab(5), read aloud."""
    minute, hour, day, month, weekday = expression
    sunday_is_0 = moment.isoweekday() % 7
    on_day = matches(day, 1, 31, moment.day)
    on_weekday = matches(weekday, 0, 6, sunday_is_0) or (sunday_is_0 == 0 and matches(weekday, 0, 7, 7))
    if weekday.startswith("*"):
        on_weekday = matches(weekday, 0, 6, sunday_is_0)
    together = on_day and on_weekday if "*" in (day[0], weekday[0]) else on_day or on_weekday
    return (
        matches(minute, 0, 59, moment.minute)
        and matches(hour, 0, 23, moment.hour)
        and (matches(month, 1, 12, moment.month) and together)
    )


def minute_of(expression):
    """Return the minutes of a day that an expression names, its days aside."""
    minute, hour, *_ = expression
    return {each for each in range(24 * 60) if matches(hour, 0, 23, each // 60) and matches(minute, 0, 59, each % 60)}


def read_or_refusal(text):
    """Return what an expression became, or the sentence it was refused with."""
    try:
        return read_cron(text)
    except DefinitionError as refused:
        return refused.message


@given(
    expression=st.tuples(*(fields(low, high) for low, high in NUMBERS.values())),
    first=st.dates(date(2000, 1, 1), date(2060, 1, 1)),
)
def test_it_starts_when_cron_does(expression, first):
    read = read_or_refusal(" ".join(expression))
    midnight = datetime.combine(first, datetime.min.time())
    if isinstance(read, str):
        if "never comes" in read:
            a_minute = midnight + timedelta(minutes=min(minute_of(expression)))
            assert not any(cron_starts(expression, a_minute + timedelta(days=day)) for day in range(400))
        else:
            assert "in both" in read
        return

    times = [BootTime(days_id="CAL", at=at) for at in read.boot_times]
    if read.every_min:
        times.append(Cycle(days_id="CAL", since=read.since, until=read.until, every_min=read.every_min))
    minutes = wall_minutes(times)

    days = set(operating_days(calendar(rule=read.rule), first, first + timedelta(days=400), NO_HOLIDAYS))
    for day in range(400):
        moment = midnight + timedelta(days=day, minutes=min(minutes))
        assert cron_starts(expression, moment) == (moment.date() in days)
    a_day = next(iter(days), None)
    for minute in range(24 * 60) if a_day else ():
        moment = datetime.combine(a_day, datetime.min.time()) + timedelta(minutes=minute)
        assert cron_starts(expression, moment) == (minute in minutes)
