"""Times as people write and read them: RFC 3339 with offset, in the site's zone."""

import re
from datetime import UTC, date, datetime, timedelta, tzinfo

from jaz_lite.errors import UsageError

AGO = re.compile(r"(\d{1,6})\s*([smhdw])")
AGO_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def shown(at_ms: int | None, zone: tzinfo) -> str | None:
    """Return a stored time (milliseconds UTC) with offset; None stays None."""
    if at_ms is None:
        return None
    moment = datetime.fromtimestamp(at_ms // 1000, UTC) + timedelta(milliseconds=at_ms % 1000)
    return moment.astimezone(zone).isoformat(timespec="milliseconds")


def read_ms(text: str, *, zone: tzinfo, now_ms: int, end: bool = False) -> int:
    """Return the time that a person means, in milliseconds UTC.

    Args:
        text: `2026-11-23`, `2026-11-23 03:12[:09]` (the site's zone), with offset, `now`, `today`, or an age as `2h`.
        end: the text bounds a period above; a whole day then means the end of it.

    Raises:
        UsageError: it is none of these.
    """
    text = text.strip()
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
        return int(moment.timestamp() * 1000)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f'"{text}" is not a time',
            hint='write 2026-11-23, "2026-11-23 03:12", 2026-11-23T03:12:09+09:00, today or 2h',
        ) from error


def _day_ms(day: date, zone: tzinfo, end: bool) -> int:
    if end:
        day += timedelta(days=1)
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
    return int(midnight.timestamp() * 1000)
