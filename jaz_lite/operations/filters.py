"""Filters as people make, change and look at them: what a filter picks in each month of a year, and why."""

from calendar import monthrange
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, get_args

from jaz_lite.errors import NoSuchObject, UsageError
from jaz_lite.model.calendar import BaseDay, Calendar, Filter
from jaz_lite.model.plain import Definition, from_plain
from jaz_lite.operations import changing
from jaz_lite.operations.calendar_days import YEARS
from jaz_lite.operations.naming import split, stored
from jaz_lite.operations.person import Person
from jaz_lite.operations.site import Site, now
from jaz_lite.schedule.days import SEARCH_DAYS, days_of, picked_of
from jaz_lite.schedule.public_holidays import HOLIDAYS
from jaz_lite.store.transaction import Nouns

BASE_DAYS: tuple[BaseDay, ...] = get_args(BaseDay)


async def create(
    site: Site,
    person: Person,
    *,
    filter_id: str,
    calendar: str,
    base_day: str,
    designated_day: int = 0,
    shift_days: int = 0,
    name: str = "",
    memo: str = "",
    public: bool = False,
    enable: bool = False,
    dry_run: bool = False,
) -> dict[str, Any]:
    """Make a filter.

    Args:
        base_day: "first", "last" or "designated"; designated_day is 1 to 31 then.
        shift_days: which operating day after (before, if negative) a base day that does not operate; 0: none.

    Returns:
        As `changing.change` answers.
    """
    object_id, _ = split(filter_id)
    made = Filter(
        filter_id=object_id,
        version="",
        name=name or object_id,
        memo=memo or None,
        public=public,
        base_calendar_id=calendar,
        base_day=_base_day(base_day),
        designated_day=designated_day,
        shift_days=shift_days,
    )
    done = await changing.change(
        site,
        person,
        kind="filter",
        name=filter_id,
        edit=lambda _nouns, _before: [made],
        new=True,
        enable=enable,
        dry_run=dry_run,
    )
    return done.answer


async def describe(
    site: Site,
    person: Person,
    *,
    filter_id: str,
    calendar: str | None = None,
    base_day: str | None = None,
    designated_day: int | None = None,
    shift_days: int | None = None,
    name: str | None = None,
    memo: str | None = None,
    public: bool | None = None,
    enable: bool = False,
    dry_run: bool = False,
) -> dict[str, Any]:
    """Change what is given of a filter. Returns as `changing.change` answers."""
    given: dict[str, Any] = {
        "base_calendar_id": calendar,
        "base_day": None if base_day is None else _base_day(base_day),
        "designated_day": designated_day,
        "shift_days": shift_days,
    }
    changed = {field: value for field, value in given.items() if value is not None}

    def edit(_: Nouns, before: Definition | None) -> list[Definition]:
        assert isinstance(before, Filter)
        after: Filter = replace(changing.described(before, name, memo, public), **changed)
        return [after if after.base_day == "designated" else replace(after, designated_day=0)]

    done = await changing.change(site, person, kind="filter", name=filter_id, edit=edit, enable=enable, dry_run=dry_run)
    return done.answer


def _base_day(text: str) -> BaseDay:
    for known in BASE_DAYS:
        if known == text:
            return known
    raise UsageError(f'"{text}" is no base day', hint=f"it is one of {', '.join(BASE_DAYS)}")


async def year(site: Site, person: Person, *, filter_id: str, year: int = 0) -> dict[str, Any]:
    """Return what a filter picks in a year.

    Args:
        filter_id: `ID` (the enabled version, else the newest) or `ID@VERSION`. year: 0: this one.

    Returns:
        `{"filter_id", "version", "year", "calendar_id", "calendar_version", "months"}`; a month is `{"month", "base_day",
        "day", "why"}`: ISO dates, `day` None where the filter gives none, `why` a clause.

    Raises:
        NoSuchObject: there is no such filter, or its calendar is not there.
    """
    wanted = year or now(site).year
    if wanted not in YEARS:
        raise UsageError(f"the year {wanted} is not shown", hint=f"from {YEARS[0]} to {YEARS[-1]}")

    def work(nouns: Nouns) -> dict[str, Any]:
        found = stored(nouns, "filter", filter_id)
        one = from_plain("filter", found.document)
        assert isinstance(one, Filter)
        base = nouns.definitions.current("calendar", one.base_calendar_id)
        if base is None:
            raise NoSuchObject(
                f'filter "{one.filter_id}" picks days of the calendar "{one.base_calendar_id}", which is not there',
                hint=f"`jaz-lite calendar create {one.base_calendar_id}` makes it",
            )
        calendar = from_plain("calendar", base.document)
        assert isinstance(calendar, Calendar)
        return {
            "filter_id": one.filter_id,
            "version": one.version,
            "year": wanted,
            "calendar_id": calendar.calendar_id,
            "calendar_version": calendar.version,
            "months": [_month(one, calendar, wanted, month) for month in range(1, 13)],
        }

    return await site.read(work)


def _month(one: Filter, calendar: Calendar, of_year: int, month: int) -> dict[str, Any]:
    picked = picked_of(one, calendar, HOLIDAYS).of_month(of_year, month)
    base, exists = _base(one, of_year, month)
    day = None if picked is None else date.fromordinal(picked)
    operates = exists and days_of(calendar, HOLIDAYS).operates(base.toordinal())
    return {
        "month": f"{of_year}-{month:02}",
        "base_day": base.isoformat() if exists else None,
        "day": None if day is None else day.isoformat(),
        "why": _why(one, base, day, exists=exists, operates=operates),
    }


def _base(one: Filter, of_year: int, month: int) -> tuple[date, bool]:
    """Return the base day of a month, and whether the month has it; else its last day."""
    length = monthrange(of_year, month)[1]
    number = {"first": 1, "last": length, "designated": one.designated_day}[one.base_day]
    return date(of_year, month, min(max(number, 1), length)), number <= length


def _why(one: Filter, base: date, day: date | None, *, exists: bool, operates: bool) -> str:
    """Say why a month has the day that it has."""
    if operates:
        return "the base day operates"
    missing = "" if exists else f"the month has no day {one.designated_day}; "
    if day is None:
        if one.shift_days:
            return (
                missing + f"no operating day found within {SEARCH_DAYS - 1} days {_direction(one)} {base.isoformat()}"
            )
        if exists:
            return "the base day does not operate, and there is no shift"
        return missing + f"{(base + timedelta(days=1)).isoformat()} does not operate"
    if not exists and one.shift_days >= 0 and day == base + timedelta(days=1):
        return missing + "the day after its end operates"
    if not exists and one.shift_days < 0 and day == base:
        return missing + "its last day operates"
    return (
        missing or "the base day does not operate; "
    ) + f"{_ordinal(abs(one.shift_days))} operating day {_direction(one)} it"


def _direction(one: Filter) -> str:
    return "before" if one.shift_days < 0 else "after"


def _ordinal(number: int) -> str:
    return {1: "first", 2: "second", 3: "third"}.get(number, f"{number}th")
