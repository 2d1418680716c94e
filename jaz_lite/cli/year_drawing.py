"""A year of a calendar as text: twelve months in a grid. Numbers are operating days, dots are not, h are holidays.

      January 2027             February 2027
Mo Tu We Th Fr Sa Su       Mo Tu We Th Fr Sa Su
             h  .  .        1  2  3  4  5  .  .
 4  5  6  7  8  .  .        8  9 10  h 12  .  .
"""

import shutil
import sys
from calendar import monthrange
from collections.abc import Iterator
from datetime import date
from typing import Any

from jaz_lite.cli.printing import clean, colours, is_terminal

MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
WEEK = "Mo Tu We Th Fr Sa Su"
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTH_WIDTH = len(WEEK)
GAP = 3
PIPE_WIDTH = 80
ROWS_OF_MONTHS = (6, 4, 3, 2, 1)  # months beside each other: what divides twelve, and is not too wide to look at
GREEN, RED, DIM, PLAIN = "\x1b[1;32m", "\x1b[31m", "\x1b[2m", "\x1b[0m"


def draw(year: dict[str, Any]) -> None:
    """Print a year, as the operation `calendar.year` tells it, in as many columns as there is room for."""
    width = shutil.get_terminal_size((PIPE_WIDTH, 24)).columns if is_terminal(sys.stdout) else PIPE_WIDTH
    for each in drawing(year, months_beside(width), coloured=colours(sys.stdout)):
        sys.stdout.write(each + "\n")  # its colours are ours, and what others wrote in it is clean


def drawing(year: dict[str, Any], beside: int, *, coloured: bool = False) -> Iterator[str]:
    """Give the lines of a drawing with so many months beside each other."""
    number = year["year"]
    operating = set(year["days"])
    holidays = {row["day"] for row in year["holidays"]}
    months = [list(_month(number, month, operating, holidays, coloured)) for month in range(1, 13)]
    for start in range(0, 12, beside):
        row = months[start : start + beside]
        yield ""
        for lines in zip(*row, strict=True):
            text = (" " * GAP).join(lines).rstrip()
            if text:  # few months reach into a sixth week
                yield text
    yield ""
    yield f"{day_count(year['count'])} in {number}; {_end(year)}"
    if holidays:
        yield ""
    for row in year["holidays"]:
        day = date.fromisoformat(row["day"])
        works = "  (operates)" if row["day"] in operating else ""
        yield f"h {row['day']} {DAYS[day.weekday()]}  {row['place']}  {clean(row['name'], keep='')}{works}"


def day_count(count: int) -> str:
    """Return so many operating days in words."""
    return "1 operating day" if count == 1 else f"{count} operating days"


def months_beside(width: int) -> int:
    """Return how many months stand beside each other in so many columns."""
    return next(
        (count for count in ROWS_OF_MONTHS if count * MONTH_WIDTH + (count - 1) * GAP <= width), ROWS_OF_MONTHS[-1]
    )


def _month(year: int, month: int, operating: set[str], holidays: set[str], coloured: bool) -> Iterator[str]:
    """Give the eight lines of a month, each as wide as the others."""
    yield f"{MONTHS[month - 1]} {year}".center(MONTH_WIDTH)
    yield WEEK
    before, length = monthrange(year, month)
    cells = ["  "] * before
    for number in range(1, length + 1):
        day = date(year, month, number).isoformat()
        mark, colour = (f"{number:2}", GREEN) if day in operating else (" h", RED) if day in holidays else (" .", DIM)
        cells.append(f"{colour}{mark}{PLAIN}" if coloured else mark)
    cells += ["  "] * (42 - len(cells))
    for start in range(0, 42, 7):
        yield " ".join(cells[start : start + 7])


def _end(year: dict[str, Any]) -> str:
    if year["goes_on"]:
        return "the rule goes on for ever"
    if year["last_day"] is None:
        return "the calendar has no operating day at all"
    return f"last operating day of the calendar: {year['last_day']}"
