"""The time calculation: `date;format` as the program date takes them, within a small, sure part of its language.

Date: any mix of `now`, `today`, `yesterday`, `tomorrow`, `2026-11-23`, `2026/11/23`, `20261123`, `09:30`, `09:30:15`,
`2026-11-23T09:30:15Z`, weekdays (the first such day from today on) and steps such as `+3 days`, `-1 month`,
`2 weeks ago`. Without a time of day a date or a weekday means midnight, a step keeps the present time. Steps of days
and more count on the calendar, shorter ones count elapsed time. A signed number after a time of day is a step, never
a zone. Anything else is an error that names the part.
Format: strftime, with GNU's flags `-`, `_`, `0` and `^`. `$NAME` is replaced in both.

Source: GNU coreutils manual, "Date input formats" and "date: Time conversion specifiers"; decisions, "Calculation".
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone

from jaz_lite.icons._text import BadText, anywhere, sound

AMOUNT_DIGITS_MAX = 9
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAY_UNITS = {"day": 1, "week": 7, "fortnight": 14}
_MONTH_UNITS = {"month": 1, "year": 12}
_SECOND_UNITS = {"second": 1, "sec": 1, "minute": 60, "min": 60, "hour": 3600}
_SKIP = re.compile(r"[\s,]*")
_DATE = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})|(\d{4})/(\d{1,2})/(\d{1,2})|(\d{4})(\d{2})(\d{2})(?!\d)", re.ASCII)
_TIME = re.compile(r"[Tt]?(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?([Zz]|[+-]\d{2}:?\d{2}(?!\d))?", re.ASCII)
_STEP = re.compile(rf"([+-]?)\s*(\d{{1,{AMOUNT_DIGITS_MAX}}})\s*([a-z]+)(\s+ago\b)?", re.ASCII | re.IGNORECASE)
_WORD = re.compile(r"[a-z]+", re.ASCII | re.IGNORECASE)
_CONVERSION = re.compile(r"%([-_0^]?)(.?)", re.DOTALL)
_AS_STRFTIME = frozenset("aAbBCdDeFgGhHIjklmMnNpPrRsStTuUVwWxXyYzZ%c")


class BadDate(Exception):
    """The date or the format cannot be used. The message goes on from "the formula"."""


def formatted(formula: str, variables: Mapping[str, str], now: datetime) -> str:
    """Return the date of a formula in its format.

    Args:
        now: aware, in the zone in which dates are meant and shown.

    Raises:
        BadDate: the message names the part that cannot be used.
    """
    date, semicolon, pattern = sound(formula).partition(";")
    if not semicolon:
        raise BadDate("has no ; between date and format")
    try:
        date, pattern = (anywhere(text, variables, "lite") for text in (date, pattern))
    except BadText as bad:
        raise BadDate(str(bad)) from None
    try:
        text = _shown(_parsed(date, now), pattern)
    except (OverflowError, ValueError):
        raise BadDate("leads out of the years 1 to 9999") from None
    if not text:
        raise BadDate("has an empty format")
    return text


def _parsed(text: str, now: datetime) -> datetime:
    reader = _DateText(now)
    place = _SKIP.match(text).end()  # type: ignore[union-attr]  # it matches nothing at all, too
    while place < len(text):
        place = reader.take(text, place)
        place = _SKIP.match(text, place).end()  # type: ignore[union-attr]
    return reader.value()


class _DateText:
    """Collects the parts of a date, then puts them together in the order in which the program date does."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._date: tuple[int, int, int] | None = None
        self._clock: tuple[int, int, int] | None = None
        self._zone = now.tzinfo
        self._weekday: int | None = None
        self._relative = False
        self._months = self._days = self._seconds = 0

    def take(self, text: str, place: int) -> int:
        """Read one part; return where it ends."""
        if found := _DATE.match(text, place):
            self._date = tuple(int(part) for part in found.groups() if part is not None)  # type: ignore[assignment]
        elif found := _TIME.match(text, place):
            self._clock = (int(found[1]), int(found[2]), int(found[3] or 0))
            if found[4]:
                self._zone = _zone(found[4])
        elif found := _STEP.match(text, place):
            self._step(found)
        elif found := _WORD.match(text, place):
            self._word(found[0])
        else:
            raise BadDate(f'holds "{text[place : place + 40]}", which is no part of a date')
        return found.end()

    def _step(self, found: re.Match[str]) -> None:
        amount = int(found[2]) * (-1 if (found[1] == "-") != bool(found[4]) else 1)
        unit = found[3].lower()
        unit = unit if unit in _SECOND_UNITS or unit in _DAY_UNITS else unit.removesuffix("s")
        self._relative = True
        if unit in _DAY_UNITS:
            self._days += amount * _DAY_UNITS[unit]
        elif unit in _MONTH_UNITS:
            self._months += amount * _MONTH_UNITS[unit]
        elif unit in _SECOND_UNITS:
            self._seconds += amount * _SECOND_UNITS[unit]
        else:
            raise BadDate(f'holds "{found[0][:40]}", whose unit is not known')

    def _word(self, word: str) -> None:
        lowered = word.lower()
        days = {"now": 0, "today": 0, "yesterday": -1, "tomorrow": 1}.get(lowered)
        if days is not None:
            self._relative = True
            self._days += days
            return
        for number, weekday in enumerate(WEEKDAYS):
            if lowered in (weekday, weekday[:3]):
                self._weekday = number
                return
        raise BadDate(f'holds "{word[:40]}", which is no part of a date')

    def value(self) -> datetime:
        """Return the date the parts make."""
        base = self._now.replace(tzinfo=None)
        if self._date:
            base = base.replace(year=self._date[0], month=self._date[1], day=self._date[2])
        if self._clock:
            base = base.replace(hour=self._clock[0], minute=self._clock[1], second=self._clock[2], microsecond=0)
        elif self._date or self._weekday is not None or not self._relative:
            base = base.replace(hour=0, minute=0, second=0, microsecond=0)
        if self._weekday is not None and not self._date:
            base += timedelta(days=(self._weekday - base.weekday()) % 7)
        if self._months:
            # 31 January and one month is 3 March (or 2 March), as mktime makes it.
            month = base.year * 12 + base.month - 1 + self._months
            base = base.replace(year=month // 12, month=month % 12 + 1, day=1) + timedelta(days=base.day - 1)
        aware = (base + timedelta(days=self._days)).replace(tzinfo=self._zone)
        return (aware.astimezone(UTC) + timedelta(seconds=self._seconds)).astimezone(self._now.tzinfo)


def _zone(text: str) -> timezone:
    if text in "Zz":
        return UTC
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    return timezone(timedelta(minutes=minutes if text[0] == "+" else -minutes))


def _shown(moment: datetime, pattern: str) -> str:
    parts: list[str] = []
    place = 0
    for found in _CONVERSION.finditer(pattern):
        parts.append(pattern[place : found.start()])
        parts.append(_converted(moment, found[1], found[2]))
        place = found.end()
    parts.append(pattern[place:])
    return "".join(parts)


def _converted(moment: datetime, flag: str, letter: str) -> str:
    if not letter or letter not in _AS_STRFTIME:
        raise BadDate(f'has the format "%{flag}{letter}", which is not known')
    match letter:
        case "%":
            return "%"
        case "n":
            return "\n"
        case "t":
            return "\t"
        case "N":
            return f"{moment.microsecond * 1000:09d}"
        case "s":
            return str(int(moment.timestamp()))
        case "Y":
            text = f"{moment.year:04d}"
        case "e" | "k" | "l":
            number = {"e": moment.day, "k": moment.hour, "l": moment.hour % 12 or 12}[letter]
            text = f"{number:2d}"
        case "P":
            text = "am" if moment.hour < 12 else "pm"
        case _:
            text = moment.strftime("%" + letter)
    if flag == "-":
        return text.lstrip("0 ") or "0" if text.strip().isdigit() else text
    if flag == "_" and text.strip().isdigit():
        return text.lstrip("0").rjust(len(text)) if text.strip("0") else text[:-1].replace("0", " ") + text[-1]
    if flag == "0" and text.strip().isdigit():
        return text.strip().rjust(len(text), "0")
    return text.upper() if flag == "^" else text
