"""Times as people write and read them: RFC 3339 with offset, in the site's zone."""

import re
from datetime import MAXYEAR, UTC, date, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from jaz_lite.engine import limits
from jaz_lite.engine.variables import moment
from jaz_lite.errors import UsageError
from jaz_lite.operations.person import Person
from jaz_lite.operations.site import Site
from jaz_lite.schedule.local_time import local_time

AGO = re.compile(r"(\d{1,6})\s*([smhdw])")
AHEAD = re.compile(r"\+\s*(\d{1,6})\s*([smhdw])")
CLOCK_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
FORMS = 'write 2026-11-23, "2026-11-23 03:12", 2026-11-23T03:12:09+09:00, today or 2h'
START_FORMS = 'write 03:12 for the next such time, +10m for ten minutes from now, or "2026-11-23 03:12"'
SHOWN_SINCE_MS = -62_104_060_800_000  # the year 2: every zone can show it
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
AGO_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def shown(at_ms: int | None, zone: tzinfo) -> str | None:
    """Return a stored time (milliseconds UTC) with offset; None stays None."""
    if at_ms is None:
        return None
    moment = datetime.fromtimestamp(at_ms // 1000, UTC) + timedelta(milliseconds=at_ms % 1000)
    return moment.astimezone(zone).isoformat(timespec="milliseconds")


def in_words(at_ms: int, zone: tzinfo) -> str:
    """Return a stored time (milliseconds UTC) as a sentence has it: to the second, with offset."""
    return moment(at_ms, zone).isoformat(sep=" ", timespec="seconds")


def read_ms(text: str, *, zone: tzinfo, now_ms: int, end: bool = False) -> int:
    """Return the time that a person means, in milliseconds UTC.

    Args:
        text: `2026-11-23`, `2026-11-23 03:12[:09]` (the site's zone), with offset, `now`, `today`, or an age as `2h`.
        end: the text bounds a period above; a whole day then means the end of it.

    Raises:
        UsageError: it is none of these, or so far away that no zone could show it.
    """
    text = text.strip()
    at_ms = _past_ms(text, zone, now_ms, end)
    if at_ms is None:
        raise UsageError(f'"{text[:40]}" is not a time', hint=FORMS)
    return showable(text, at_ms)


def showable(text: str, at_ms: int) -> int:
    """Return a time that a person wrote as `text`, if every zone can show it.

    Raises:
        UsageError: it lies before the year 2, or after the year 9998.
    """
    if not SHOWN_SINCE_MS <= at_ms < limits.YEAR_9999_MS:
        side = "later than the year 9998" if at_ms > 0 else "earlier than the year 2"
        raise UsageError(f'"{text[:40]}" is {side}', hint="write a time that is nearer")
    return at_ms


def _past_ms(text: str, zone: tzinfo, now_ms: int, end: bool) -> int | None:
    if text == "now":
        return now_ms
    age = AGO.fullmatch(text)
    if age:
        return now_ms - int(age[1]) * AGO_SECONDS[age[2]] * 1000
    try:
        if text == "today":
            return _day_ms(datetime.fromtimestamp(now_ms / 1000, zone).date(), zone, end)
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            return _day_ms(date.fromisoformat(text), zone, end)
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone)
        return (moment - EPOCH) // timedelta(milliseconds=1)
    except ValueError:
        return None
    except OverflowError:
        return limits.YEAR_9999_MS if text.startswith("9999") else SHOWN_SINCE_MS - 1


def read_start_ms(text: str, *, zone: tzinfo, now_ms: int) -> int:
    """Return the time at which a person wants something to start, in milliseconds UTC.

    Args:
        text: as `read_ms`, or `03:12` (the next such time in the site's zone), or `+10m` from now.

    Raises:
        UsageError: it is none of these, not in the future, or so far in it that no zone could show it.

    Notes:
        A wall time that a change of the clocks skips is the first instant after the gap; of a repeated one it is the
        first occurrence (decision 18).
    """
    text = text.strip()
    at_ms = _start_ms(text, zone, now_ms)
    if at_ms is None:
        raise UsageError(f'"{text[:40]}" is not a time at which something could start', hint=START_FORMS)
    if showable(text, at_ms) <= now_ms:
        raise UsageError(
            f"{datetime.fromtimestamp(at_ms // 1000, zone).isoformat(sep=' ')} is not in the future", hint=START_FORMS
        )
    return at_ms


def _start_ms(text: str, zone: tzinfo, now_ms: int) -> int | None:
    ahead = AHEAD.fullmatch(text)
    if ahead:
        return now_ms + int(ahead[1]) * AGO_SECONDS[ahead[2]] * 1000
    clock_time = CLOCK_TIME.fullmatch(text)
    if clock_time:
        wall = datetime.fromtimestamp(now_ms / 1000, zone).replace(
            hour=int(clock_time[1]), minute=int(clock_time[2]), second=0, microsecond=0, tzinfo=None
        )
        today_ms = _wall_ms(wall, zone)
        return today_ms if today_ms > now_ms else _wall_ms(wall + timedelta(days=1), zone)
    try:
        wall = datetime.fromisoformat(text)
    except ValueError:
        return _past_ms(text, zone, now_ms, end=False)
    if wall.tzinfo is not None or not 1 < wall.year < MAXYEAR - 1:
        return _past_ms(text, zone, now_ms, end=False)
    return _wall_ms(wall, zone)


def _wall_ms(wall: datetime, zone: tzinfo) -> int:
    """Return the instant of a wall time; seconds count unless the wall time was skipped."""
    assert isinstance(zone, ZoneInfo), "a site has a named zone"
    found = local_time(zone).instant(wall.toordinal(), wall.hour * 60 + wall.minute)
    return found.at_ms if found.moved else found.at_ms + wall.second * 1000 + wall.microsecond // 1000


def _day_ms(day: date, zone: tzinfo, end: bool) -> int:
    if end:
        day += timedelta(days=1)
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
    return int(midnight.timestamp() * 1000)


async def of_site(site: Site, person: Person) -> dict[str, Any]:
    """Return `{"now_at", "zone"}`: the present time of the site, and the name of its zone."""
    return {"now_at": shown(site.clock.now_ms(), site.zone), "zone": str(site.zone)}
