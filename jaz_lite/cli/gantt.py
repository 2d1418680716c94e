"""A drawing of runs over time, as wide as the terminal and readable without colour.

    LOAD      22:00:00  =========--          |
    REPORT    22:30:00     ..====|--

One row a run: `.` it waits for another run of its jobnet, `=` it runs, `-` so much longer if everything is slow, `|`
its deadline, `>` it does not end. On a terminal that can show them there are blocks instead of signs.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from jaz_lite.cli.printing import width

LABEL_MAX = 28
AXIS_STEP = 12  # columns between two times on the axis, at least
STEPS_MIN = (1, 2, 5, 10, 15, 30, 60, 120, 180, 240, 360, 720, 1440, 2880, 10080)


@dataclass(frozen=True, slots=True)
class Bar:
    """One run. Times in milliseconds; `end_ms` None: it does not end."""

    label: str
    asked_ms: int
    start_ms: int
    end_ms: int | None
    slow_end_ms: int | None
    deadline_ms: int | None = None
    critical: bool = False


@dataclass(frozen=True, slots=True)
class Signs:
    """What is drawn: waiting, running, running if slow, deadline, no end."""

    waits: str = "."
    runs: str = "="
    slow: str = "-"
    deadline: str = "|"
    endless: str = ">"


BLOCKS = Signs(waits="·", runs="█", slow="░", deadline="│", endless="▶")


def drawn(bars: Sequence[Bar], zone: ZoneInfo, columns: int, signs: Signs) -> Iterator[str]:
    """Give the lines of a drawing.

    Args:
        columns: how wide it may be.
    """
    since_ms = min(bar.asked_ms for bar in bars)
    until_ms = max(max(bar.end_ms or bar.start_ms, bar.slow_end_ms or 0) for bar in bars)
    until_ms = max(until_ms, since_ms + 60_000)
    label = min(LABEL_MAX, columns // 3, max(width(bar.label) for bar in bars))
    wide = max(10, columns - label - 3)

    def column(at_ms: int) -> int:
        return min(wide - 1, max(0, (at_ms - since_ms) * wide // (until_ms - since_ms + 1)))

    yield " " * (label + 3) + _axis(since_ms, until_ms, wide, zone, column)
    for bar in bars:
        yield f"{_fitted(bar.label, label)} {'*' if bar.critical else ' '} {_row(bar, wide, column, signs)}".rstrip()


def _row(bar: Bar, wide: int, column: Callable[[int], int], signs: Signs) -> str:
    cells = [" "] * wide
    start = column(bar.start_ms)
    for place in range(column(bar.asked_ms), start):
        cells[place] = signs.waits
    end = wide - 1 if bar.end_ms is None else column(bar.end_ms)
    for place in range(start, end + 1):
        cells[place] = signs.runs
    if bar.end_ms is None:
        cells[wide - 1] = signs.endless
    elif bar.slow_end_ms is not None:
        for place in range(end + 1, column(bar.slow_end_ms) + 1):
            cells[place] = signs.slow
    if bar.deadline_ms is not None:
        place = column(bar.deadline_ms)
        if cells[place] == " " or (bar.end_ms or bar.deadline_ms) >= bar.deadline_ms or cells[place] == signs.slow:
            cells[place] = signs.deadline
    return "".join(cells)


def _axis(since_ms: int, until_ms: int, wide: int, zone: ZoneInfo, column: Callable[[int], int]) -> str:
    """Return the line of times: at whole minutes, hours or days of the site's zone."""
    step = next(
        (each for each in STEPS_MIN if (until_ms - since_ms) / (each * 60_000) * AXIS_STEP <= wide), STEPS_MIN[-1]
    )
    first = datetime.fromtimestamp(since_ms / 1000, zone)
    midnight = first.replace(hour=0, minute=0, second=0, microsecond=0)
    cells = [" "] * wide
    for number in range((until_ms - since_ms) // (step * 60_000) + 1440 // step + 2 if step <= 1440 else 64):
        at = midnight + timedelta(minutes=number * step)
        at_ms = int(at.timestamp() * 1000)
        if since_ms <= at_ms <= until_ms:
            place = column(at_ms)
            text = at.strftime("%m-%d" if step >= 1440 else "%H:%M")
            if place + len(text) <= wide and all(
                cell == " " for cell in cells[max(0, place - 1) : place + len(text) + 1]
            ):
                cells[place : place + len(text)] = text
    return "".join(cells).rstrip()


def _fitted(text: str, columns: int) -> str:
    while width(text) > columns:
        text = text[:-1]
    return text + " " * (columns - width(text))
