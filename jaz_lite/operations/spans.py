"""Spans as people write and read them: `90m`, `36h`, `30d`. Stored they are whole minutes."""

import re

from jaz_lite.errors import UsageError

MINUTES = {"m": 1, "h": 60, "d": 24 * 60, "w": 7 * 24 * 60}
SPAN = re.compile(r"(\d{1,10})\s*([mhdw]?)", re.ASCII)


def read_minutes(text: str) -> int:
    """Return the minutes of a span; a bare number is minutes, as in JAZ.

    Raises:
        UsageError: it is no span.
    """
    found = SPAN.fullmatch(text.strip())
    if found is None:
        raise UsageError(
            f'"{text[:40]}" is no span of time', hint="write 90m, 36h, 30d or 2w; a bare number is minutes"
        )
    return int(found[1]) * MINUTES[found[2] or "m"]


def shown_minutes(minutes: int) -> str:
    """Return a span in the largest unit that holds it evenly: days, hours or minutes; `read_minutes` reads it."""
    for unit in ("d", "h"):
        if minutes and minutes % MINUTES[unit] == 0:
            return f"{minutes // MINUTES[unit]}{unit}"
    return f"{minutes}m"
