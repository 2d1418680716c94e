"""Calendars as people make and change them: days by conditions, days one by one, and a rule that is kept.

What is changed is the newest version; see `changing`. Files of dates and iCalendar files are read by the commands and
come here as days.

Source: JAZ manager 3.0.0, initial registration and reading of day files; `reference/scheduling.md` section 2. Rules and
public holidays are ours.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from datetime import date
from typing import Any

from jaz_lite.errors import NoSuchObject, UsageError
from jaz_lite.model.calendar import WEEKDAYS, Calendar, CalendarRule
from jaz_lite.model.plain import Definition, structured, to_plain
from jaz_lite.model.problem import Place
from jaz_lite.operations import changing
from jaz_lite.operations.calendar_days import YEARS, difference
from jaz_lite.operations.naming import split
from jaz_lite.operations.person import Person
from jaz_lite.operations.site import Site, now
from jaz_lite.schedule.days import days_of, operating_days
from jaz_lite.schedule.public_holidays import HOLIDAYS
from jaz_lite.store.transaction import Nouns

RULE_FIELDS = frozenset(field.name for field in fields(CalendarRule))
Edit = Callable[[Calendar], Calendar]


async def create(
    site: Site,
    person: Person,
    *,
    calendar: str,
    name: str = "",
    memo: str = "",
    public: bool = False,
    rule: dict[str, Any] | None = None,
    days: list[str] | None = None,
    enable: bool = False,
    dry_run: bool = False,
) -> dict[str, Any]:
    """Make a calendar.

    Args:
        rule: fields of a rule to keep with it. days: operating days, ISO dates, besides those of the rule.

    Returns:
        As `change_days`.
    """

    def edit(made: Calendar) -> Calendar:
        made = replace(made, name=name or made.name, memo=memo or None, public=public)
        if rule is not None:
            made = replace(made, rule=_with_days_named(_changed_rule(calendar, None, rule)))
        return with_days(made, add=read_days(days or ()))

    return await _changed(site, person, calendar, edit, new=True, enable=enable, dry_run=dry_run)


async def describe(
    site: Site,
    person: Person,
    *,
    calendar: str,
    name: str | None = None,
    memo: str | None = None,
    public: bool | None = None,
    enable: bool = False,
    dry_run: bool = False,
) -> dict[str, Any]:
    """Change name, memo and who may see a calendar. Returns as `change_days`."""

    def edit(before: Calendar) -> Calendar:
        return changing.described(before, name, memo, public)

    return await _changed(site, person, calendar, edit, enable=enable, dry_run=dry_run)


async def fill(
    site: Site,
    person: Person,
    *,
    calendar: str,
    first: str,
    last: str,
    conditions: dict[str, Any],
    replacing: bool = False,
    create: bool = False,
    enable: bool = False,
    dry_run: bool = False,
) -> dict[str, Any]:
    """Put the days that conditions name into a calendar, as fixed days.

    Args:
        first, last: ISO dates, the span, both included.
        conditions: fields of a rule (weekdays, first_of_month, last_of_month, month_days, months, holidays, minus).
        replacing: the fixed days of the span are taken out first; else days are added.
        create: make the calendar if there is none.

    Returns:
        As `change_days`.
    """
    since, until = span(first, last)
    if since.year not in YEARS or until.year not in YEARS:
        raise UsageError(f"the span from {first} to {last} is too long", hint=f"from {YEARS[0]} to {YEARS[-1]}")
    rule = _changed_rule(calendar, None, conditions)
    if not names_days(rule):
        raise UsageError("no condition names a day", hint="for example weekdays mon-fri, or the last day of the month")
    wanted = operating_days(Calendar(calendar_id=calendar, version="", rule=rule), since, until, HOLIDAYS)

    def edit(before: Calendar) -> Calendar:
        cleared = without_fixed(before, since, until) if replacing else before
        return with_days(cleared, add=wanted)

    return await _changed(site, person, calendar, edit, new=None if create else False, enable=enable, dry_run=dry_run)


async def change_days(
    site: Site,
    person: Person,
    *,
    calendar: str,
    add: list[str] | None = None,
    remove: list[str] | None = None,
    clear_first: str = "",
    clear_last: str = "",
    create: bool = False,
    enable: bool = False,
    dry_run: bool = False,
) -> dict[str, Any]:
    """Add days to a calendar, and take days out of it; a day that the rule names is taken out of the rule.

    Args:
        add, remove: ISO dates.
        clear_first, clear_last: fixed days of this span are taken out before; "" at one end: from ever, for ever; at
            both: none are.
        create: make the calendar if there is none.

    Returns:
        What every change answers (`changing.change`), and `days`: `{"from", "to", "added", "removed", "count"}`, the
        operating days that came and went within the years that are looked at, and how many there are in them now.

    Raises:
        UsageError: a text is no date. NoSuchObject, Refused: as `changing.change`.
    """
    added, removed = read_days(add or ()), read_days(remove or ())

    def edit(before: Calendar) -> Calendar:
        if clear_first or clear_last:
            before = without_fixed(before, *span(clear_first or "0001-01-01", clear_last or "9999-12-31"))
        return with_days(before, add=added, remove=removed)

    return await _changed(site, person, calendar, edit, new=None if create else False, enable=enable, dry_run=dry_run)


async def set_rule(
    site: Site,
    person: Person,
    *,
    calendar: str,
    rule: dict[str, Any],
    plus: list[str] | None = None,
    minus: list[str] | None = None,
    enable: bool = False,
    dry_run: bool = False,
) -> dict[str, Any]:
    """Change what is given of the rule of a calendar; it gets one where it has none.

    Args:
        rule: fields of a rule with their new values. plus, minus: further days that operate, and that do not.

    Returns:
        As `change_days`.
    """
    added, removed = read_days(plus or ()), read_days(minus or ())

    def edit(before: Calendar) -> Calendar:
        after = replace(before, rule=_changed_rule(calendar, before.rule, rule))
        assert after.rule is not None
        if not names_days(after.rule):
            raise UsageError(
                "the rule names no day", hint="say which: weekdays, the first or last of the month, or days"
            )
        return with_days(after, add=added, remove=removed)

    return await _changed(site, person, calendar, edit, enable=enable, dry_run=dry_run)


async def clear_rule(
    site: Site, person: Person, *, calendar: str, enable: bool = False, dry_run: bool = False
) -> dict[str, Any]:
    """Take the rule of a calendar away; its fixed days stay. Returns as `change_days`."""

    def edit(before: Calendar) -> Calendar:
        if before.rule is None:
            raise NoSuchObject(f'calendar "{calendar}" has no rule')
        return replace(before, rule=None)

    return await _changed(site, person, calendar, edit, enable=enable, dry_run=dry_run)


# ---- what they have in common


async def _changed(
    site: Site, person: Person, name: str, edit: Edit, *, new: bool | None = False, enable: bool, dry_run: bool
) -> dict[str, Any]:
    object_id, _ = split(name)

    def edits(_: Nouns, before: Definition | None) -> list[Definition]:
        assert before is None or isinstance(before, Calendar), "documents of the kind calendar are calendars"
        return [edit(before or Calendar(calendar_id=object_id, version="", name=object_id))]

    done = await changing.change(
        site, person, kind="calendar", name=name, edit=edits, new=new, enable=enable, dry_run=dry_run
    )
    assert isinstance(done.after, Calendar)
    before = done.before if isinstance(done.before, Calendar) else None
    return {**done.answer, "days": difference(before, done.after, now(site).year)}


def with_days(calendar: Calendar, *, add: Iterable[date] = (), remove: Iterable[date] = ()) -> Calendar:
    """Return a calendar on which the days `add` operate, and then the days `remove` do not."""
    added, removed = {day.isoformat() for day in add}, {day.isoformat() for day in remove}
    days = (set(calendar.days) | added) - removed
    rule = calendar.rule
    if rule is not None:
        named = days_of(replace(calendar, days=(), rule=replace(rule, minus=())), HOLIDAYS)
        off = {day for day in removed if named.operates(date.fromisoformat(day).toordinal())}
        rule = replace(rule, minus=tuple(sorted((set(rule.minus) - added) | off)))
    return replace(calendar, days=tuple(sorted(days)), rule=rule)


def without_fixed(calendar: Calendar, first: date, last: date) -> Calendar:
    """Return a calendar without its fixed days of a span; those of its rule stay."""
    since, until = first.isoformat(), last.isoformat()
    return replace(calendar, days=tuple(day for day in calendar.days if not since <= day <= until))


def _changed_rule(calendar_id: str, rule: CalendarRule | None, given: Mapping[str, Any]) -> CalendarRule:
    """Return a rule with the fields that are given, in their normal form.

    Raises:
        DefinitionError: a field has the wrong shape. UsageError: a value means nothing.
    """
    plain = {**to_plain(rule or CalendarRule()), **given}
    place = Place(kind="calendar", object_id=calendar_id, field="rule")
    changed = structured(CalendarRule, plain, place)
    for name, numbers, most in (("month_days", changed.month_days, 31), ("months", changed.months, 12)):
        for number in numbers:
            if not 1 <= number <= most:
                raise UsageError(f"{name} holds {number}; it may hold 1 to {most}")
    for ends in (changed.since, changed.until):
        if ends:
            read_days([ends])
    for holiday_place in changed.holidays:
        HOLIDAYS.of(holiday_place, YEARS.start)  # raises where nobody knows it
    return replace(
        changed,
        weekdays=tuple(day for day in WEEKDAYS if day in changed.weekdays),
        month_days=tuple(sorted(set(changed.month_days))),
        months=tuple(sorted(set(changed.months))),
        holidays=tuple(dict.fromkeys(changed.holidays)),
        minus=tuple(sorted(day.isoformat() for day in set(read_days(changed.minus)))),
    )


def _with_days_named(rule: CalendarRule) -> CalendarRule:
    """Return a rule that names days; raise UsageError for another."""
    if not names_days(rule):
        raise UsageError("the rule names no day", hint="say which: weekdays, the first or last of the month, or days")
    return rule


def names_days(rule: CalendarRule) -> bool:
    """Tell whether a rule has a condition at all."""
    return bool(rule.weekdays or rule.first_of_month or rule.last_of_month or rule.month_days)


def read_days(texts: Iterable[str]) -> list[date]:
    """Return ISO dates as days.

    Raises:
        UsageError: one is none.
    """
    days = []
    for text in texts:
        try:
            day = date.fromisoformat(text)
        except ValueError:
            raise UsageError(f'"{text[:40]}" is no date', hint="write dates as 2027-12-31") from None
        if text != day.isoformat():
            raise UsageError(f'"{text[:40]}" is no date as it is written here', hint=f"write {day.isoformat()}")
        days.append(day)
    return days


def span(first: str, last: str) -> tuple[date, date]:
    """Return the two ends of a span of ISO dates.

    Raises:
        UsageError: one is no date, or the first is after the last.
    """
    since, until = read_days((first, last))
    if since > until:
        raise UsageError(f"the span from {first} to {last} ends before it begins")
    return since, until
