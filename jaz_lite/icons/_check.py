"""Small steps that the checks of several icon types share: each gives problems, ready to be yielded from.

They look at one icon's own settings only. What spans the icons of a jobnet is the business of `engine.check`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from jaz_lite.model import names
from jaz_lite.model.assignment import Assignment
from jaz_lite.model.problem import Place, Problem, Severity

HOST_CHARS_MAX = 128
PATH_CHARS_MAX = 1024


def at(place: Place, field: str, message: str, hint: str = "", severity: Severity = "error") -> Problem:
    """Return a problem of one setting of the icon at `place`."""
    return Problem(replace(place, field=field), message, hint, severity)


def required(place: Place, field: str, text: str | None, chars_max: int, hint: str = "") -> Iterator[Problem]:
    """Give a problem if a text that must be there is empty or too long."""
    if not text:
        yield at(place, field, "is empty", hint)
    else:
        yield from bounded(place, field, text, chars_max)


def bounded(place: Place, field: str, text: str | None, chars_max: int) -> Iterator[Problem]:
    """Give a problem if a text is too long."""
    if fault := names.length_fault(text or "", chars_max):
        yield at(place, field, fault)


def ascii_only(place: Place, field: str, text: str | None) -> Iterator[Problem]:
    """Give a problem if a text holds more than ASCII."""
    if text and not text.isascii():
        yield at(place, field, "holds a character that is not ASCII")


def number(place: Place, field: str, value: int, least: int, most: int) -> Iterator[Problem]:
    """Give a problem if a number is out of its range."""
    if not least <= value <= most:
        yield at(place, field, f"is {value}; it may be {least} to {most}")


def variable(place: Place, field: str, name: str) -> Iterator[Problem]:
    """Give a problem if the name of a variable is none."""
    if fault := names.variable_name_fault(name):
        yield at(place, field, fault)


def host(place: Place, field: str, name: str | None, from_variable: bool) -> Iterator[Problem]:
    """Give problems of a host field: a host name, or the name of the variable that holds it."""
    yield from required(place, field, name, HOST_CHARS_MAX, "name a host, or a variable that holds its name")
    if name and from_variable:
        yield from variable(place, field, name)


def assignments(place: Place, field: str, rows: Sequence[Assignment]) -> Iterator[Problem]:
    """Give problems of a list of variables."""
    seen: set[str] = set()
    for position, row in enumerate(rows):
        where = f"{field}[{position}]"
        yield from variable(place, f"{where}.name", row.name)
        yield from required(place, f"{where}.value", row.value, names.VARIABLE_VALUE_CHARS_MAX)
        if row.name in seen:
            yield at(place, f"{where}.name", f"{row.name} is listed twice")
        seen.add(row.name)
