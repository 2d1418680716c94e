"""Printing: tables on a terminal and in a pipe, JSON, and text that nobody checked."""

import json
import os
import sys
import time
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

STYLES = {
    "ended": "green",
    "running": "yellow",
    "ready": "yellow",
    "stopping": "yellow",
    "run_error": "red",
    "end_error": "red",
    "error": "red",
    "warning": "yellow",
    "yes": "green",
}
CELL_CHARS_MAX = 200
PASSING_EVERY_S = 0.5


def is_terminal(stream: TextIO) -> bool:
    """Tell whether a person sees what is written to `stream`."""
    return stream.isatty()


def colours(stream: TextIO) -> bool:
    """Tell whether colours are wanted there."""
    return is_terminal(stream) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def clean(text: str, *, keep: str = "\n\t") -> str:
    """Return text that a terminal only shows: control characters, which could command it, become visible."""
    if text.isprintable():
        return text
    return "".join(c if c in keep or not _controls(c) else f"\\x{ord(c):02x}" for c in text)


def _controls(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cf") or "\udc80" <= character <= "\udcff"


def line(text: str = "") -> None:
    """Print one line of an answer."""
    sys.stdout.write(clean(text) + "\n")


def say(text: str) -> None:
    """Tell the person something that is not the answer."""
    sys.stderr.write(clean(text) + "\n")


class PassingLine:
    """How far something is, on standard error: a line that changes on a terminal, now and then a line elsewhere."""

    def __init__(self) -> None:
        self._told_at = time.monotonic()
        self._shown = False

    def show(self, text: str) -> None:
        """Tell how far it is, unless that was done just now."""
        if time.monotonic() - self._told_at < PASSING_EVERY_S:
            return
        self._told_at = time.monotonic()
        if is_terminal(sys.stderr):
            sys.stderr.write(f"\r{clean(text)}\x1b[K")
            sys.stderr.flush()
            self._shown = True
        else:
            say(text)

    def end(self) -> None:
        """Leave the line that changed."""
        if self._shown:
            sys.stderr.write("\r\x1b[K")


def size_text(size_bytes: int) -> str:
    """Return a number of bytes as people read it."""
    size: float = size_bytes
    for unit in ("bytes", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, which takes an s for most numbers."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def age_text(seconds: int) -> str:
    """Return how long ago something was, roughly: in the largest unit of which there are two."""
    for unit, unit_s in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * unit_s:
            return f"{seconds // unit_s} {unit}"
    return f"{seconds} s"


def print_json(value: Any) -> None:
    """Print one JSON document, readable where a person sees it."""
    utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    indent = 2 if is_terminal(sys.stdout) else None
    sys.stdout.write(json.dumps(value, ensure_ascii=not utf8, indent=indent, default=_plain) + "\n")


def _plain(value: Any) -> str:
    assert isinstance(value, bytes), value
    return value.decode("utf-8", "backslashreplace")


def cell(value: Any) -> str:
    """Return a value as a table shows it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = clean(" ".join(str(value).splitlines()).replace("\t", " "), keep="")
    return text if len(text) <= CELL_CHARS_MAX else text[: CELL_CHARS_MAX - 1] + "…"


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, empty: str = "") -> None:
    """Print a table; `empty` is said instead when it has no rows."""
    cells = [[cell(value) for value in row] for row in rows]
    if not cells:
        if empty:
            say(empty)
        return
    if is_terminal(sys.stdout):
        _rich_table(columns, cells)
    else:
        _plain_table(columns, cells)


def _plain_table(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    widths = [max(width(row[i]) for row in (columns, *cells)) for i in range(len(columns))]
    for row in (columns, *cells):
        padded = [text + " " * (wide - width(text)) for text, wide in zip(row, widths, strict=True)]
        sys.stdout.write("  ".join(padded).rstrip() + "\n")


def width(text: str) -> int:
    """Return how many columns a text takes on a terminal."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _rich_table(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    coloured = colours(sys.stdout)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold" if coloured else "")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in cells:
        table.add_row(*(Text(text, style=STYLES.get(text, "")) for text in row))
    Console(no_color=not coloured, highlight=False).print(table)


def moment(text: str | None) -> str:
    """Return an RFC 3339 time as people read it: to the second, with its offset."""
    if not text:
        return ""
    day, _, rest = text.partition("T")
    offset = rest[12:] if "." in rest else rest[8:]
    return f"{day} {rest[:8]}{offset}"


def problems_table(problems: Sequence[dict[str, Any]]) -> None:
    """Print problems to stderr, one a line, errors first; hints that repeat are said once."""
    told: set[str] = set()
    for problem in sorted(problems, key=lambda problem: problem["severity"] != "error"):
        name = problem["id"] + (f"@{problem['version']}" if problem.get("version") else "")
        parts = (problem["severity"], problem["file"], f"{problem['kind']} {name}".strip(), problem["where"])
        hint = problem["hint"]
        remedy = f" ({hint})" if hint and hint not in told else ""
        say(": ".join(part for part in (*parts, problem["message"]) if part) + remedy)
        told.add(hint)
