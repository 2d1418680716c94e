"""Are this calendar and this filter sound? Every problem of one at once."""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import MAXYEAR, MINYEAR, date

from jaz_lite.engine.check import SiteView, fields, missing
from jaz_lite.model import names
from jaz_lite.model.calendar import Calendar, CalendarRule, Filter
from jaz_lite.model.problem import Place, Problem
from jaz_lite.schedule.days import RuleDays

SHIFT_DAYS_MAX = 7
DAYS_TOLD_MAX = 10

YEARS_TRIED = 40  # in which a rule that ever names a day names one: 29 February is eight years away at most
A_YEAR = 2000  # to begin with where a rule names no year itself


def check_calendar(calendar: Calendar, site: SiteView) -> list[Problem]:
    """Return every problem of a calendar. One without any day is sound: it never fires."""
    place = Place(kind="calendar", object_id=calendar.calendar_id, version=calendar.version)
    here = replace(place, field="days")
    days = list(_days(here, calendar.days))
    if not days and list(calendar.days) != sorted(calendar.days):
        days.append(Problem(here, "is not in the order of the days", "sort the days"))
    rule = _rule(calendar.rule, calendar.days, site, place) if calendar.rule is not None else []
    return [*fields(calendar, place), *days, *rule, *missing(calendar, site, place)]


def _days(here: Place, days: Collection[str]) -> Iterator[Problem]:
    wrong = [day for day in days if not _is_day(day)]
    if wrong:
        yield Problem(here, f"holds what is no date: {_told(wrong)}", "write dates as 2024-12-31")
    twice = [day for day, count in Counter(days).items() if count > 1]
    if twice:
        yield Problem(here, f"holds days twice: {_told(twice)}", "leave the second ones out")


def _rule(rule: CalendarRule, days: Collection[str], site: SiteView, place: Place) -> list[Problem]:
    problems = [
        *_numbers(replace(place, field="rule.month_days"), rule.month_days, 31),
        *_numbers(replace(place, field="rule.months"), rule.months, 12),
        *_twice(replace(place, field="rule.weekdays"), rule.weekdays),
        *_twice(replace(place, field="rule.holidays"), rule.holidays),
        *_days(replace(place, field="rule.minus"), rule.minus),
    ]
    for field, day in (("since", rule.since), ("until", rule.until)):
        if day and not _is_day(day):
            here = replace(place, field=f"rule.{field}")
            problems.append(Problem(here, f"is {day}, which is no date", "write dates as 2024-12-31"))
    if not problems and rule.since and rule.until and rule.until < rule.since:
        here = replace(place, field="rule.until")
        problems.append(Problem(here, f"is {rule.until}, before since, which is {rule.since}", "exchange the two"))
    for number, name in enumerate(rule.holidays):
        if not site.knows_holidays(name):
            here = replace(place, field=f"rule.holidays[{number}]")
            hint = "name a country, as in JP, or a part of one, as in DE-BY"
            problems.append(Problem(here, f'no public holidays are known of "{name}"', hint))
    if not problems:
        problems += _rule_hints(rule, days, place)
    return problems


def _rule_hints(rule: CalendarRule, days: Collection[str], place: Place) -> Iterator[Problem]:
    """Give a warning for what is sound in a rule, but hardly meant."""
    both = sorted(set(days) & set(rule.minus))
    if both:
        message = f"takes out days that are listed, and so operate: {_told(both)}"
        hint = "take them out of the days, or of what is taken out of the rule"
        yield Problem(replace(place, field="rule.minus"), message, hint, "warning")
    first = int(rule.since[:4]) if rule.since else max(int(rule.until[:4] or A_YEAR) - YEARS_TRIED, MINYEAR)
    last = min(int(rule.until[:4] or MAXYEAR), first + YEARS_TRIED)
    named = RuleDays(rule)
    if not any(named.of_year(year) for year in range(first, last + 1)):
        hint = "name weekdays, or days of the month that its months have"
        yield Problem(replace(place, field="rule"), "names no day at all", hint, "warning")


def _numbers(here: Place, numbers: Collection[int], most: int) -> Iterator[Problem]:
    wrong = [str(number) for number in numbers if not 1 <= number <= most]
    if wrong:
        yield Problem(here, f"holds {_told(wrong)}; it may hold 1 to {most}")
    yield from _twice(here, [str(number) for number in numbers])


def _twice(here: Place, texts: Collection[str]) -> Iterator[Problem]:
    twice = [text for text, count in Counter(texts).items() if count > 1]
    if twice:
        yield Problem(here, f"holds {_told(twice)} more than once", "once is enough")


def _told(texts: list[str]) -> str:
    more = f" and {len(texts) - DAYS_TOLD_MAX} more" if len(texts) > DAYS_TOLD_MAX else ""
    return ", ".join(texts[:DAYS_TOLD_MAX]) + more


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def check_filter(days_filter: Filter, site: SiteView) -> list[Problem]:
    """Return every problem of a filter."""
    place = Place(kind="filter", object_id=days_filter.filter_id, version=days_filter.version)
    problems = list(fields(days_filter, place))
    if fault := names.id_fault(days_filter.base_calendar_id):
        problems.append(Problem(replace(place, field="base_calendar_id"), fault, "a filter picks days of a calendar"))
    designated = days_filter.designated_day
    if days_filter.base_day == "designated" and not 1 <= designated <= 31:
        problems.append(Problem(replace(place, field="designated_day"), f"is {designated}; it may be 1 to 31"))
    if not -SHIFT_DAYS_MAX <= days_filter.shift_days <= SHIFT_DAYS_MAX:
        message = f"is {days_filter.shift_days}; it may be {-SHIFT_DAYS_MAX} to {SHIFT_DAYS_MAX}"
        problems.append(Problem(replace(place, field="shift_days"), message))
    return [*problems, *missing(days_filter, site, place)]
