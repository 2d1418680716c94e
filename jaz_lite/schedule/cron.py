"""Cron expressions, on their way in: they become boot times or a cycle, and the rule of a calendar.

Five fields: minute, hour, day of the month, month, weekday. A field is `*` or a list of numbers, names (`jan`, `mon`)
and ranges of them, each range and `*` with a step if wanted; 7 is Sunday, too. `@daily` and its kind stand for five
fields. Nothing cron-like is kept: what was understood is shown as what it became.

Where both days of the month and weekdays are named, a day counts that is in either, as cron has it, and so does a
calendar's rule. Only when one of the two begins with `*` cron wants a day to be in both; a rule cannot say this.

Source: crontab(5) of Vixie cron 3.0 and of POSIX (2018), from which no words are taken.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from jaz_lite.errors import DefinitionError
from jaz_lite.model.calendar import WEEKDAYS, CalendarRule, Weekday
from jaz_lite.schedule.timetable import as_boot_time

CYCLE_TIMES_MIN = 3  # fewer are easier to read as boot times
DIGITS_MAX = 4
MONTH_DAYS_MAX = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)

_NICKNAMES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_CRON_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


@dataclass(frozen=True, slots=True, kw_only=True)
class CronTimes:
    """What a cron expression says: wall times, as boot times or as one cycle, on the days of a rule."""

    boot_times: tuple[str, ...] = ()  # HHMM, sorted; empty where there is a cycle
    since: str = ""  # of the cycle: HHMM, "" where there are boot times
    until: str = ""  # of the cycle: HHMM, its last time
    every_min: int = 0  # of the cycle: minutes
    rule: CalendarRule


class _Field(NamedTuple):
    """One of the five: what it is called, what it may hold, and the names of its numbers from `low` on."""

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()


class _Values(NamedTuple):
    numbers: frozenset[int]
    star: bool  # it begins with *, which changes how days of the month and weekdays go together


_MINUTE = _Field("minute", 0, 59)
_HOUR = _Field("hour", 0, 23)
_DAY = _Field("day of the month", 1, 31)
_MONTH = _Field("month", 1, 12, _MONTHS)
_WEEKDAY = _Field("weekday", 0, 7, _CRON_WEEKDAYS)
_FIELDS = (_MINUTE, _HOUR, _DAY, _MONTH, _WEEKDAY)

_ALL_DAYS, _ALL_WEEKDAYS = frozenset(range(1, 32)), frozenset(range(7))


def read_cron(text: str) -> CronTimes:
    """Return what a cron expression means.

    Raises:
        DefinitionError: it is none, or none that can be a calendar's rule; says which field and what of it.
    """
    minutes, hours, days, months, weekdays = (
        _field(part, field, text) for part, field in zip(_parts(text), _FIELDS, strict=True)
    )
    times = sorted(hour * 60 + minute for hour in hours.numbers for minute in minutes.numbers)
    rule = _rule(days, months, weekdays._replace(numbers=frozenset(day % 7 for day in weekdays.numbers)), text)
    steps = {later - earlier for earlier, later in pairwise(times)}
    if len(times) >= CYCLE_TIMES_MIN and len(steps) == 1:
        return CronTimes(since=as_boot_time(times[0]), until=as_boot_time(times[-1]), every_min=steps.pop(), rule=rule)
    return CronTimes(boot_times=tuple(as_boot_time(minute) for minute in times), rule=rule)


def _parts(text: str) -> Sequence[str]:
    words = text.split()
    if not words:
        raise _fault(text, "is empty", "write minute, hour, day, month and weekday, as in 30 4 * * mon-fri")
    if words[0].startswith("@"):
        return _nickname(words, text)
    if "=" in words[0]:
        raise _fault(text, f"sets a variable, {words[0]}", "a zone is a setting of the schedule; leave it out here")
    if len(words) != len(_FIELDS):
        count = "1 field" if len(words) == 1 else f"{len(words)} fields"
        hint = "leave out seconds, years, users and commands" if len(words) > len(_FIELDS) else "* stands for all"
        raise _fault(text, f"has {count} instead of 5: minute, hour, day of the month, month, weekday", hint)
    return words


def _nickname(words: list[str], text: str) -> Sequence[str]:
    name = words[0].lower()
    if name == "@reboot":
        raise _fault(text, "is about the start of a machine, which is no time", "let the system start the command exec")
    if name not in _NICKNAMES:
        raise _fault(text, f"begins with {words[0]}, which is unknown", f"known are {', '.join(_NICKNAMES)}")
    if len(words) > 1:
        raise _fault(text, f"holds more than {words[0]}", "leave out what follows it")
    return _NICKNAMES[name].split()


def _field(part: str, field: _Field, text: str) -> _Values:
    numbers = [number for element in part.split(",") for number in _element(element, field, text)]
    return _Values(frozenset(numbers), star=part.startswith("*"))


def _element(element: str, field: _Field, text: str) -> Sequence[int]:
    """Return the numbers of one element of a list: *, 5, 1-5, */15, 10-50/5."""
    if not element:
        raise _field_fault(field, text, "has a comma with nothing beside it", "leave the comma out")
    span, slash, step_text = element.partition("/")
    if slash and (not _is_number(step_text) or int(step_text) == 0):
        raise _field_fault(field, text, f'has the step "{step_text}"', "a step is a number from 1")
    step = int(step_text) if slash else 1
    if span == "*":
        return range(field.low, field.high + 1 - (field is _WEEKDAY), step)  # 7 would be a second Sunday
    first, dash, last = span.partition("-")
    low = _number(first, field, text)
    if not dash:
        if slash:
            raise _field_fault(
                field, text, f'has a step without a range, "{element}"', f"write {low}-{field.high}/{step}"
            )
        return (low,)
    high = _number(last, field, text)
    if field is _WEEKDAY and high == 0 < low:
        high = 7  # the Sunday that ends a week
    if high < low:
        raise _field_fault(
            field, text, f'has the range "{span}", which ends before it begins', "write it as two ranges"
        )
    return range(low, high + 1, step)


def _number(word: str, field: _Field, text: str) -> int:
    if _is_number(word):
        if field.low <= int(word) <= field.high:
            return int(word)
        raise _field_fault(field, text, f"has {word}", f"it may be {field.low} to {field.high}")
    if word.lower() in field.names:
        return field.low + field.names.index(word.lower())
    allowed = f"numbers from {field.low} to {field.high}"
    if field.names:
        allowed += f" and names from {field.names[0]} to {field.names[-1]}"
    hint = f"it may hold {allowed}, ranges and *"
    if word.upper() in {"L", "LW"} and field is _DAY:
        hint = "for the last day of the month give the calendar that condition"
    raise _field_fault(field, text, f'has "{word}"', hint)


def _is_number(word: str) -> bool:
    return word.isascii() and word.isdigit() and len(word) <= DIGITS_MAX


def _rule(days: _Values, months: _Values, weekdays: _Values, text: str) -> CalendarRule:
    all_days, all_weekdays = days.numbers == _ALL_DAYS, weekdays.numbers == _ALL_WEEKDAYS
    in_both = days.star or weekdays.star
    if in_both and not all_days and not all_weekdays:
        raise _fault(
            text,
            "wants days that are in both the day of the month and the weekday, since one of them begins with *",
            "name the days instead of *, and a day counts that is in either; or use two calendars",
        )
    use_days, use_weekdays = not (in_both and all_days), all_days or not in_both
    if not use_weekdays and min(days.numbers) > max(MONTH_DAYS_MAX[month - 1] for month in months.numbers):
        raise _fault(
            text, "never comes: none of its months has such a day", "look at the day of the month and the month"
        )
    return CalendarRule(
        month_days=tuple(sorted(days.numbers)) if use_days else (),
        weekdays=_weekdays(weekdays.numbers) if use_weekdays else (),
        months=tuple(sorted(months.numbers)) if len(months.numbers) < 12 else (),
    )


def _weekdays(numbers: frozenset[int]) -> tuple[Weekday, ...]:
    return tuple(weekday for number, weekday in enumerate(WEEKDAYS) if (number + 1) % 7 in numbers)


def _field_fault(field: _Field, text: str, what: str, hint: str) -> DefinitionError:
    return DefinitionError(f'the cron expression "{text}": the {field.name} {what}', hint=hint)


def _fault(text: str, what: str, hint: str) -> DefinitionError:
    return DefinitionError(f'the cron expression "{text}" {what}', hint=hint)
