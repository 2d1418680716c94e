"""The XML of an export to rows of tables: streaming, hardened, with every limit named.

The parser feeds events of start, end and text; no tree is built. A document type, an entity or an external reference
ends the reading at once. What is found wrong with one row is noted, and the reading goes on, so that one pass tells
everything; what makes the rest meaningless (broken XML, a limit) ends it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from jaz_lite.compat.jaz_xml.tables import ROOTS, TABLES, TEXT_CHARS_MAX, USER_INFO, Column, Table
from jaz_lite.model import names
from jaz_lite.model.problem import Place, Problem

FILE_BYTES_MAX: Final = 64 * 1024 * 1024
ROWS_MAX: Final = 200_000
ELEMENTS_MAX: Final = 2_500_000
DEPTH_MAX: Final = 32
COLUMNS_MAX: Final = 64  # of one row
NAME_CHARS_MAX: Final = 128  # of an element
PROBLEMS_MAX: Final = 1000  # told one by one; then the reading stops
CHUNK_BYTES: Final = 256 * 1024
SHORT_CHARS_MAX: Final = 64  # texts up to here are kept once, however often they occur

SMALLER_HINT: Final = "export fewer objects at a time, by kind or by jobnet, and import the files one after the other"

_NUMBER = re.compile(r"[+-]?[0-9]{1,19}", re.ASCII)
_SIGNED = frozenset(("shift_day", "point_x", "point_y", "flow_width"))
_NO_ELEMENT = 3  # expat's number for: the text ended too early
_INVALID_TOKEN = 4


@dataclass(slots=True)
class Row:
    """One row of a table. Values are the text of the columns that were there, unknown ones too."""

    table: Table
    number: int  # within its table, from 1
    line: int
    values: dict[str, str]

    def place(self, file: str, column: str = "") -> Place:
        """Return where the row is, for a problem."""
        values = self.values
        about = self.table.about
        where = f"{self.table.name} row {self.number} (line {self.line})"
        return Place(
            file=file,
            kind=about,
            object_id=values.get(f"{about}_id", ""),
            version=values.get("update_date", ""),
            icon_id=values.get("job_id", ""),
            field=f"{where}, column {column}" if column else where,
        )


class Broken(Exception):
    """The file cannot be read any further."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


@dataclass(slots=True)
class Parsed:
    """What a file holds. With errors among the problems the rows mean nothing."""

    file: str
    root: str = ""
    user: dict[str, str] = field(default_factory=dict)
    rows: dict[str, list[Row]] = field(default_factory=dict)  # by table, in the order of the file
    counts: dict[str, int] = field(default_factory=dict)  # rows seen by table, unsound ones too
    broken: bool = False  # the reading ended early
    problems: list[Problem] = field(default_factory=list)

    def note(self, problem: Problem) -> None:
        """Add a problem; too many of them end the reading."""
        self.problems.append(problem)
        if len(self.problems) >= PROBLEMS_MAX:
            raise Broken(
                Problem(
                    Place(file=self.file),
                    f"has {PROBLEMS_MAX} problems already; the rest was not read",
                    hint="mend these first, or export again",
                )
            )


def parse(source: Path | bytes, file: str) -> Parsed:
    """Return the rows of an export.

    Args:
        source: a file, or what is in it.
        file: what the problems call it.
    """
    parsed = Parsed(file)
    try:
        _feed(parsed, _chunks(source, file))
    except Broken as broken:
        parsed.problems.append(broken.problem)
        parsed.broken = True
    return parsed


def _chunks(source: Path | bytes, file: str) -> Iterator[bytes]:
    """Give the bytes in pieces; refuse what is no file, or too large, before reading it."""
    if isinstance(source, bytes):
        _bound(len(source), file)
        for at in range(0, len(source), CHUNK_BYTES):
            yield source[at : at + CHUNK_BYTES]
        return
    try:
        if source.is_dir():
            raise Broken(Problem(Place(file=file), "is a directory", hint="name the XML file in it"))
        if source.exists() and not source.is_file():
            raise Broken(Problem(Place(file=file), "is no ordinary file"))
        with source.open("rb") as stream:
            _bound(source.stat().st_size, file)
            taken = 0
            while chunk := stream.read(CHUNK_BYTES):
                taken += len(chunk)
                _bound(taken, file)
                yield chunk
    except FileNotFoundError:
        raise Broken(Problem(Place(file=file), "does not exist")) from None
    except (OSError, ValueError) as fault:
        reason = getattr(fault, "strerror", None) or str(fault)
        raise Broken(Problem(Place(file=file), f"cannot be read: {reason}")) from None


def _bound(size: int, file: str) -> None:
    if size > FILE_BYTES_MAX:
        told = f"has {size / 2**20:.0f} MiB" if size > FILE_BYTES_MAX + CHUNK_BYTES else "is larger"
        raise Broken(
            Problem(
                Place(file=file), f"{told}; at most {FILE_BYTES_MAX // 2**20} MiB are read at once", hint=SMALLER_HINT
            )
        )


def _feed(parsed: Parsed, chunks: Iterator[bytes]) -> None:
    target = _Rows(parsed)
    parser = DefusedXMLParser(target=target, forbid_dtd=True)
    # Every error of a row is told with its line; the parser behind the parser knows it.
    target.expat = parser.parser
    beginning = chunk = b""
    try:
        for chunk in chunks:
            beginning = beginning or chunk.lstrip()[:64]
            parser.feed(chunk)
        parser.close()
    except DefusedXmlException:
        raise _broken(parsed, target.line(), "has a document type or an entity, which no export has", "") from None
    except ParseError as fault:
        raise _syntax(parsed, fault, target, beginning, chunk) from None
    except (LookupError, ValueError, UnicodeError) as fault:
        hint = "save it as UTF-8, with the encoding in its first line changed too"
        raise _broken(parsed, 1, f"has an encoding that is not understood ({fault})", hint) from None


def _broken(parsed: Parsed, line: int, message: str, hint: str) -> Broken:
    return Broken(Problem(Place(file=parsed.file, field=f"line {line}"), message, hint=hint))


def _syntax(parsed: Parsed, fault: ParseError, target: "_Rows", beginning: bytes, chunk: bytes) -> Broken:
    """Say in words of the file, not of the parser, why the XML is broken."""
    line, column = fault.position
    if not beginning:
        return _broken(parsed, line, "is empty", "export again, and look whether the disk was full")
    if not parsed.root and not beginning.lstrip(b"\xef\xbb\xbf\xff\xfe\x00").startswith((b"<", b"\x00<")):
        return _broken(parsed, line, "is not XML", "name an export of Job Arranger")
    if fault.code == _NO_ELEMENT or (target.depth and "unclosed token" in str(fault)):
        return _broken(parsed, line, "ends in the middle; the rest is missing", "copy or export the file again")
    if fault.code == _INVALID_TOKEN and not _is_utf8(chunk):
        return _broken(
            parsed, line, "has bytes that are not UTF-8", "convert it to UTF-8 (from Shift-JIS, most likely)"
        )
    reason = str(fault).partition(":")[0]
    return _broken(parsed, line, f"is broken XML at column {column}: {reason}", "copy or export the file again")


def _is_utf8(chunk: bytes) -> bool:
    try:
        # A character may be cut at either end of the chunk.
        chunk[4:-4].lstrip(bytes(range(0x80, 0xC0))).decode(errors="strict")
    except UnicodeDecodeError as fault:
        return fault.reason == "unexpected end of data"
    return True


class _Rows:
    """Takes the parser's events and makes rows of them."""

    def __init__(self, parsed: Parsed) -> None:
        self.parsed = parsed
        self.expat: Any = None
        self.depth = 0
        self._elements = 0
        self._rows = 0
        self._table: Table | None = None  # of the row that is open
        self._values: dict[str, str] | None = None
        self._line = 0
        self._column = ""
        self._text: list[str] = []
        self._text_chars = 0
        self._unknown: set[str] = set()
        self._seen_user = False
        self._once: dict[str, str] = {}

    def line(self) -> int:
        return int(self.expat.CurrentLineNumber)

    # ---- the parser's events

    def start(self, tag: str, _: dict[str, str]) -> None:
        self.depth += 1
        self._elements += 1
        if self._elements > ELEMENTS_MAX or self.depth > DEPTH_MAX or len(tag) > NAME_CHARS_MAX:
            raise self._limit(
                f"has more than {ELEMENTS_MAX:,} elements"
                if self._elements > ELEMENTS_MAX
                else f"nests deeper than {DEPTH_MAX} levels"
                if self.depth > DEPTH_MAX
                else f"has an element name longer than {NAME_CHARS_MAX} characters"
            )
        if self.depth == 3:
            self._column = tag
            self._text = []
            self._text_chars = 0
        elif self.depth == 2:
            self._open_row(tag)
        elif self.depth == 1:
            self._open_root(tag)
        elif self._values is not None:
            self._note(f"the column {self._column} holds the element {tag}; columns of an export hold text only")

    def data(self, text: str) -> None:
        if self.depth == 3:
            if self._values is None:
                return
            self._text_chars += len(text)
            if self._text_chars > TEXT_CHARS_MAX:
                raise self._limit(f"has a text of more than {TEXT_CHARS_MAX:,} characters in the column {self._column}")
            self._text.append(text)
        elif self.depth < 3 and (self.depth < 2 or self._values is not None) and not text.isspace():
            self._note(f'has the text "{text.strip()[:40]}" where only elements may be')

    def end(self, tag: str) -> None:
        self.depth -= 1
        if self.depth == 2:
            self._close_column(tag)
        elif self.depth == 1:
            self._close_row()

    def close(self) -> None:
        if not self._seen_user:
            self.parsed.note(
                Problem(
                    Place(file=self.parsed.file, field=self.parsed.root),
                    f"has no {USER_INFO}, with which every export begins",
                    hint="export again; a file put together by hand needs user_name and type there",
                )
            )

    # ---- parts of a file

    def _open_root(self, tag: str) -> None:
        if tag not in ROOTS:
            raise _broken(
                self.parsed,
                self.line(),
                f'begins with the element "{tag[:NAME_CHARS_MAX]}", so it is no export of Job Arranger',
                f"an export begins with {', '.join(ROOTS)}",
            )
        self.parsed.root = tag

    def _open_row(self, tag: str) -> None:
        self._line = self.line()
        self._table = TABLES.get(tag)
        self._values = {} if self._table is not None or tag == USER_INFO else None
        if self._values is not None:
            self._rows += 1
            if self._rows > ROWS_MAX:
                raise self._limit(f"has more than {ROWS_MAX:,} rows")
        elif tag not in self._unknown:
            self._unknown.add(tag)
            self._note(
                f'has the table "{tag}", which is not known; its rows are left out',
                hint="the file comes from a newer Job Arranger, or not from Job Arranger",
                severity="warning",
            )

    def _close_column(self, tag: str) -> None:
        if self._values is None:
            return
        if tag in self._values:
            self._note(f"the column {tag} is there twice in one row")
        if len(self._values) >= COLUMNS_MAX:
            raise self._limit(f"has a row with more than {COLUMNS_MAX} columns")
        text = "".join(self._text)
        if len(text) <= SHORT_CHARS_MAX:
            text = self._once.setdefault(text, text)
        self._values[self._once.setdefault(tag, tag)] = text

    def _close_row(self) -> None:
        if self._values is None:
            return
        if self._table is None:
            self._close_user(self._values)
        else:
            rows = self.parsed.rows.setdefault(self._table.name, [])
            number = self.parsed.counts.get(self._table.name, 0) + 1
            self.parsed.counts[self._table.name] = number
            if self._is_sound(row := Row(self._table, number, self._line, self._values)):
                rows.append(row)
        self._values = None
        self._table = None

    def _is_sound(self, row: Row) -> bool:
        """Note what is wrong with a row, and take bad values away; without what is required it is left out."""
        sound = True
        for column in row.table.columns:
            text = row.values.get(column.name)
            fault = "is missing" if text is None and column.required else text is not None and _fault(column, text)
            if fault:
                self.parsed.note(Problem(row.place(self.parsed.file, column.name), fault))
                row.values.pop(column.name, None)
                sound = sound and not column.required
        return sound

    def _close_user(self, values: dict[str, str]) -> None:
        if self._seen_user:
            self._note(f"has a second {USER_INFO}")
        self._seen_user = True
        self.parsed.user = values

    def _note(self, message: str, *, hint: str = "", severity: Any = "error") -> None:
        number = self.parsed.counts.get(self._table.name, 0) + 1 if self._table else 0
        row = self._table and Row(self._table, number, self._line, self._values or {})
        place = row.place(self.parsed.file) if row else Place(file=self.parsed.file, field=f"line {self.line()}")
        self.parsed.note(Problem(place, message, hint=hint, severity=severity))

    def _limit(self, message: str) -> Broken:
        return _broken(self.parsed, self.line(), f"{message}, which is more than is read at once", SMALLER_HINT)


# ---- what a column may hold


def _fault(column: Column, text: str) -> str | None:
    """Say what is wrong with the text of a column, or None."""
    if column.name == "update_date":
        return names.version_fault(text)
    if column.kind == "number":
        if not _NUMBER.fullmatch(text):
            return f'is "{text[:40]}", not a whole number'
        if text.startswith("-") and column.name not in _SIGNED and int(text):
            return f"is {text}, below zero"
        return None
    if column.kind == "id":
        return names.id_fault(text, column.chars_max)
    return names.length_fault(text, column.chars_max)
