"""How people write days on a command line: `mon-fri`, `1,15,28-31`, `apr-jun`, `2027-08-10..2027-08-16`, `2027-2029`."""

import re
from collections.abc import Sequence
from datetime import date, timedelta

import click

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
NONE = ("none", "")
DAYS_MAX = 40_000  # in one range
YEAR = re.compile(r"([0-9]{4})(?:-([0-9]{4}))?")


def read_weekdays(texts: Sequence[str]) -> list[str]:
    """Return the weekdays that texts name, in the order of the week: names, ranges, `all`; `none` is no day."""
    found = {number for text in texts for number in _numbers(text, WEEKDAYS, "day of the week", first=0)}
    return [WEEKDAYS[number] for number in sorted(found)]


def read_months(texts: Sequence[str]) -> list[int]:
    """Return the months that texts name, 1 to 12; `all` is every month, which is told by an empty list."""
    if [text for text in texts if text.strip().lower() not in ("all", *NONE)] == []:
        return []
    return sorted({number for text in texts for number in _numbers(text, MONTHS, "month", first=1)})


def read_month_days(texts: Sequence[str]) -> list[int]:
    """Return the days of a month that texts name, 1 to 31; `none` is no day."""
    return sorted({number for text in texts for number in _numbers(text, (), "day of a month", first=1, last=31)})


def read_days(texts: Sequence[str]) -> list[str]:
    """Return days as ISO dates: each text is a day, or two with `..` between, both included."""
    days: list[str] = []
    for text in texts:
        first, dots, last = text.partition("..")
        since = read_day(first)
        until = read_day(last) if dots else since
        if not since <= until <= since + timedelta(days=DAYS_MAX):
            raise click.UsageError(f'"{text}" is no span of days')
        days += [(since + timedelta(days=number)).isoformat() for number in range((until - since).days + 1)]
    return days


def read_day(text: str) -> date:
    """Return one day: 2027-12-31, 2027/12/31 or 20271231."""
    try:
        return date.fromisoformat(text.strip().replace("/", "-"))
    except ValueError:
        raise click.UsageError(f'"{text}" is no date; write it as 2027-12-31') from None


def read_span(years: str | None, first: str | None, last: str | None) -> tuple[str, str] | None:
    """Return a span of days as two ISO dates, both included: whole years, or from a day to a day; None: none is given."""
    if years is not None:
        if first is not None or last is not None:
            raise click.UsageError("give years, or the first and last day, not both")
        found = YEAR.fullmatch(years.strip())
        if found is None or found[1] > (found[2] or found[1]):
            raise click.UsageError(f'"{years}" is no year; write 2027 or 2027-2029')
        return f"{found[1]}-01-01", f"{found[2] or found[1]}-12-31"
    if first is None and last is None:
        return None
    if first is None or last is None:
        raise click.UsageError("a span has two ends: --from and --to")
    return read_day(first).isoformat(), read_day(last).isoformat()


def _numbers(text: str, names: Sequence[str], what: str, *, first: int, last: int = 0) -> list[int]:
    """Return the numbers of a list of names, numbers and ranges; a range of names may go over the end."""
    last = last or first + len(names) - 1
    if text.strip().lower() in NONE:
        return []
    if text.strip().lower() == "all":
        return list(range(first, last + 1))
    numbers: list[int] = []
    for part in text.split(","):
        since, dash, until = part.partition("-")
        low = _number(since, names, what, first, last)
        high = _number(until, names, what, first, last) if dash else low
        count = (high - low) % (last - first + 1)
        if high < low and not names:
            raise click.UsageError(f'"{part.strip()}" ends before it begins')
        numbers += [first + (low - first + step) % (last - first + 1) for step in range(count + 1)]
    return numbers


def _number(text: str, names: Sequence[str], what: str, first: int, last: int) -> int:
    word = text.strip().lower()
    if len(word) >= 3:
        for number, name in enumerate(names, first):
            if word[:3] == name and word in _LONG_NAMES.get(name, name):
                return number
    # Weekdays have no numbers here: some count from Sunday, some from Monday.
    if word.isascii() and word.isdigit() and names is not WEEKDAYS and first <= int(word) <= last:
        return int(word)
    known = f"{names[0]} to {names[-1]}" if names else f"{first} to {last}"
    raise click.UsageError(f'"{text.strip()}" is no {what}; write {known}, lists and ranges')


_LONG_NAMES = {
    **{day: f"{day}day" for day in WEEKDAYS},
    "tue": "tuesday",
    "wed": "wednesday",
    "thu": "thursday",
    "sat": "saturday",
    **{
        name[:3]: name
        for name in (
            "january",
            "february",
            "march",
            "april",
            "may",
            "june",
            "july",
            "august",
            "september",
            "october",
            "november",
            "december",
        )
    },
}
