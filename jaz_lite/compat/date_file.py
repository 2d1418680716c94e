"""Files of dates, one a line, in one of the five forms that Job Arranger reads.

Every line must match the form as a whole. A file with a bad line gives nothing at all.

Source: JAZ manager 3.0.0, reading of operating day files; `reference/scheduling.md` section 2. That a form may be found
out, and that the marks of Windows editors (a byte order mark, CRLF) do no harm, is ours.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date

from jaz_lite.errors import DefinitionError, UsageError

_YEAR, _MONTH, _DAY = "(?P<year>[0-9]{4})", "(?P<month>[0-9]{2})", "(?P<day>[0-9]{2})"
FORMS: Mapping[str, re.Pattern[str]] = {
    "YYYY/MM/DD": re.compile(f"{_YEAR}/{_MONTH}/{_DAY}"),
    "YYYY-MM-DD": re.compile(f"{_YEAR}-{_MONTH}-{_DAY}"),
    "MM/DD/YYYY": re.compile(f"{_MONTH}/{_DAY}/{_YEAR}"),
    "YYYYMMDD": re.compile(f"{_YEAR}{_MONTH}{_DAY}"),
    "MMDDYYYY": re.compile(f"{_MONTH}{_DAY}{_YEAR}"),
}
TEXT_CHARS_SHOWN_MAX = 40
BOM = "\ufeff"


def read_date_file(data: bytes, form: str = "", *, file: str) -> list[date]:
    """Return the days of a file, sorted, without repeats; there is at least one.

    Args:
        form: one of FORMS; "": the one that all lines match.
        file: what it is called, for sentences.

    Raises:
        DefinitionError: the first line that is wrong, with its number and text; or the file is empty.
        UsageError: there is no such form, or the lines match two forms and mean other days in each.
    """
    if form and form not in FORMS:
        raise UsageError(f'"{form}" is no form of dates', hint=f"the forms are {', '.join(FORMS)}")
    lines = _lines(data)
    if not lines:
        raise DefinitionError(f"{file} holds no date", hint="write one date a line")
    candidates = [form] if form else list(FORMS)
    read = {name: _days(lines, FORMS[name]) for name in candidates}
    whole = {name: days for name, days in read.items() if len(days) == len(lines)}
    if not whole:
        # Where no form was named, the one that gets furthest is what the author meant.
        name = max(read, key=lambda name: len(read[name]))
        raise _bad_line(file, len(read[name]), lines, name if read[name] or form else "")
    if len({tuple(days) for days in whole.values()}) > 1:
        raise UsageError(
            f"{file} can be read as {' and as '.join(whole)}", hint=f"say which: --format {next(iter(whole))}"
        )
    return sorted(set(next(iter(whole.values()))))


def written(day: date, form: str) -> str:
    """Return a day in one of FORMS."""
    parts = {"YYYY": f"{day.year:04}", "MM": f"{day.month:02}", "DD": f"{day.day:02}"}
    return re.sub("YYYY|MM|DD", lambda found: parts[found[0]], form)


def _lines(data: bytes) -> list[str]:
    text = data.decode("utf-8", "backslashreplace").removeprefix(BOM)
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()  # what follows the newline of the last line
    return [line.removesuffix("\r") for line in lines]


def _days(lines: Sequence[str], pattern: re.Pattern[str]) -> list[date]:
    """Return the days of the lines before the first bad one."""
    days = []
    for line in lines:
        found = pattern.fullmatch(line)
        if found is None:
            break
        try:
            days.append(date(int(found["year"]), int(found["month"]), int(found["day"])))
        except ValueError:
            break
    return days


def _bad_line(file: str, at: int, lines: Sequence[str], form: str) -> DefinitionError:
    text = lines[at]
    if not text:
        return DefinitionError(f"{file}: line {at + 1} is empty", hint="write one date a line, and nothing else")
    shown = text if len(text) <= TEXT_CHARS_SHOWN_MAX else text[:TEXT_CHARS_SHOWN_MAX] + "…"
    if form and FORMS[form].fullmatch(text):
        return DefinitionError(f'{file}: line {at + 1}: there is no day "{shown}" ({form})')
    wanted = form or f"any of {', '.join(FORMS)}"
    return DefinitionError(f'{file}: line {at + 1}: "{shown}" is not of the form {wanted}')
