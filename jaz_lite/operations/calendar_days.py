"""The days of calendars as people look at them: a year, what a change did, and the places whose holidays are known."""

from datetime import date
from typing import Any

from jaz_lite.errors import NoSuchObject, UsageError
from jaz_lite.model.calendar import Calendar
from jaz_lite.model.plain import from_plain
from jaz_lite.operations.naming import stored
from jaz_lite.operations.person import Person
from jaz_lite.operations.site import Site, now
from jaz_lite.schedule.days import days_of, operating_days
from jaz_lite.schedule.public_holidays import HOLIDAYS
from jaz_lite.store.transaction import Nouns

YEARS = range(1900, 2200)  # that are drawn, filled and compared


async def year(
    site: Site, person: Person, *, calendar: str, year: int = 0, places: list[str] | None = None
) -> dict[str, Any]:
    """Return a year of a calendar.

    Args:
        calendar: `ID` (the enabled version, else the newest) or `ID@VERSION`.
        year: 0: this one. places: whose public holidays are told; None: those that the rule leaves out.

    Returns:
        `{"calendar_id", "version", "year", "days", "count", "fixed", "holidays", "last_day", "goes_on", "today"}`: `days`
        are the operating days, `fixed` those of them that are listed; `holidays` are `{"day", "place", "name"}`;
        `last_day` is the last operating day of the whole calendar, None where there is none or the rule `goes_on`.
    """
    wanted = year or now(site).year
    if wanted not in YEARS:
        raise UsageError(f"the year {wanted} is not shown", hint=f"from {YEARS[0]} to {YEARS[-1]}")

    def work(nouns: Nouns) -> dict[str, Any]:
        found = stored(nouns, "calendar", calendar)
        one = from_plain("calendar", found.document)
        assert isinstance(one, Calendar)
        first, last = date(wanted, 1, 1), date(wanted, 12, 31)
        days = operating_days(one, first, last, HOLIDAYS)
        since, until = first.isoformat(), last.isoformat()
        if places is not None:
            shown = places
        else:
            shown = [] if one.rule is None else list(one.rule.holidays)
        return {
            "calendar_id": one.calendar_id,
            "version": one.version,
            "year": wanted,
            "days": [day.isoformat() for day in days],
            "count": len(days),
            "fixed": [day for day in one.days if since <= day <= until],
            "holidays": holidays_of(shown, wanted),
            **_end(one),
            "today": now(site).date().isoformat(),
        }

    return await site.read(work)


def holidays_of(places: list[str], wanted: int) -> list[dict[str, str]]:
    """Return the public holidays of places in a year, in the order of the days."""
    rows = [
        {"day": day.isoformat(), "place": place, "name": name}
        for place in dict.fromkeys(places)
        for day, name in HOLIDAYS.named(place, wanted).items()
    ]
    return sorted(rows, key=lambda row: (row["day"], row["place"]))


def _end(calendar: Calendar) -> dict[str, Any]:
    """Return the last operating day, and whether there is none because the rule goes on."""
    rule = calendar.rule
    if rule is not None and not rule.until:
        return {"last_day": None, "goes_on": True}
    last = max(calendar.days, default=None)
    if rule is not None:
        days = days_of(calendar, HOLIDAYS)
        until = date.fromisoformat(rule.until).year
        # A rule that names a day at all names one within eight years: 29 February, across a century that has none.
        named = next((found for each in range(until, until - 9, -1) if (found := days.of_year(each))), ())
        if named:
            last = max(last or "", date.fromordinal(named[-1]).isoformat())
    return {"last_day": last, "goes_on": False}


def difference(before: Calendar | None, after: Calendar, this_year: int) -> dict[str, Any]:
    """Return which operating days a change brought and took, in all years of fixed days, in this one and the next."""
    fixed = [day for each in (before, after) if each is not None for day in each.days]
    years = [this_year, this_year + 1, *(int(day[:4]) for day in fixed)]
    first = date(max(min(years), min(YEARS[0], this_year)), 1, 1)
    last = date(min(max(years), max(YEARS[-1], this_year)), 12, 31)
    old = set() if before is None else set(operating_days(before, first, last, HOLIDAYS))
    new = set(operating_days(after, first, last, HOLIDAYS))
    return {
        "from": first.isoformat(),
        "to": last.isoformat(),
        "added": [day.isoformat() for day in sorted(new - old)],
        "removed": [day.isoformat() for day in sorted(old - new)],
        "count": len(new),
    }


async def places(site: Site, person: Person, *, text: str = "") -> dict[str, Any]:
    """Return `{"places": [{"place", "name"}]}`: whose public holidays are known.

    Args:
        text: part of the code or name of a country: those that have it, with their parts; "": all countries.

    Raises:
        NoSuchObject: none is called so.
    """
    wanted = text.strip().casefold()
    country, _, part = wanted.partition("-")
    found: dict[str, str] = {}
    for code, name in HOLIDAYS.countries().items():
        if not wanted:
            found[code] = name
        elif country == code.casefold() or (len(wanted) > 2 and wanted in name.casefold()):
            found |= {} if part else {code: name}
            found |= {place: each for place, each in HOLIDAYS.parts(code).items() if part in place.casefold()}
    if not found:
        raise NoSuchObject(
            f'no country is called "{text[:40]}"', hint="`jaz-lite calendar places` lists those that are known"
        )
    return {"places": [{"place": place, "name": name} for place, name in found.items()]}
