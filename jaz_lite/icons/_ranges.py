"""Lists of numbers and ranges: `0,5-9,-3`. Used for the comparison of a condition and for stop codes.

Spaces do not matter. Numbers may have a leading minus and decimals and are compared as floating point. The first item
that matches decides; an item that cannot be read is an error only when it is reached. An empty list matches nothing.

Source: JAZ, execution.md 6.4 and icons.md 4.3.
"""

import re
from collections.abc import Iterator

_NUMBER = r"-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)"
_NUMBER_ALONE = re.compile(_NUMBER, re.ASCII)
_ITEM = re.compile(rf"({_NUMBER})(?:-({_NUMBER}))?", re.ASCII)


class BadRange(Exception):
    """The list cannot be read. The message goes on from what the list is."""


def number(text: str) -> float | None:
    """Return the number a text holds, or None."""
    text = text.replace(" ", "")
    return float(text) if _NUMBER_ALONE.fullmatch(text) else None


def holds(ranges: str, value: float) -> bool:
    """Tell whether a number is in the list.

    Raises:
        BadRange: an item before the first match cannot be read.
    """
    return any(low <= value <= high for low, high in _items(ranges))


def fault(ranges: str) -> str | None:
    """Say what is wrong with a list, or None."""
    try:
        for _ in _items(ranges):
            pass
    except BadRange as bad:
        return str(bad)
    return None


def _items(ranges: str) -> Iterator[tuple[float, float]]:
    text = ranges.replace(" ", "")
    if not text:
        return
    for item in text.split(","):
        found = _ITEM.fullmatch(item)
        if found is None:
            raise BadRange(f'holds "{item[:40]}", which is neither a number nor a range')
        low = float(found[1])
        high = low if found[2] is None else float(found[2])
        if low > high:
            raise BadRange(f'holds the range "{item[:40]}", which runs backwards')
        yield low, high
