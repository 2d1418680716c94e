"""An export of Job Arranger to our documents: all of it, or problems.

The file is read to rows (`parse.py`), the rows are gathered by object and version, and each version becomes one
document (`assemble.py`). A problem never stops the search for others; with an error among them there are no documents.
What the file refers to outside itself is not looked at here: it needs the store.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from jaz_lite.compat.jaz_xml.assemble import Group, assemble
from jaz_lite.compat.jaz_xml.parse import Broken, Parsed, Row, parse
from jaz_lite.compat.jaz_xml.rows import Plain
from jaz_lite.compat.jaz_xml.tables import TABLES, USER_INFO, USER_TYPES
from jaz_lite.model.problem import Place, Problem

# What refers to others comes after them.
_KINDS = ("calendar", "filter", "schedule", "jobnet")


class ExportedObject(NamedTuple):
    """One version of an object as an export holds it."""

    kind: str  # "calendar", "filter", "schedule", "jobnet"
    document: Plain  # a plain map, as `model.plain.from_plain` takes it
    enabled: bool  # an import never enables by itself; this is what the file says


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """What an export holds. `documents` is empty where `problems` has an error."""

    kind: str  # the root: All, Calendar, Filter, Schedule, Jobnet; "" where there is none
    user_name: str = ""  # who exported it
    user_type: str = ""
    documents: tuple[ExportedObject, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def has_errors(self) -> bool:
        return any(problem.severity == "error" for problem in self.problems)


def read_export(source: Path | str | bytes, *, file_name: str | None = None, seal: Callable[[str], str]) -> Export:
    """Return the objects of an export, as documents.

    Args:
        source: a file, or what is in it; at most `parse.FILE_BYTES_MAX`.
        file_name: what problems call it; by default its path.
        seal: turns a password into the sealed text that documents hold.

    Notes:
        Nothing is raised for a bad file, whatever is bad about it: the problems say it.
    """
    if isinstance(source, str):
        source = Path(source)
    file = file_name if file_name is not None else "" if isinstance(source, bytes) else str(source)
    parsed = parse(source, file)
    documents: list[ExportedObject] = []
    if not parsed.broken:
        try:
            documents = _documents(parsed, seal)
        except Broken as broken:
            parsed.problems.append(broken.problem)
    if any(problem.severity == "error" for problem in parsed.problems):
        documents = []
    return Export(
        kind=parsed.root,
        user_name=parsed.user.get("user_name", ""),
        user_type=parsed.user.get("type", ""),
        documents=tuple(documents),
        problems=tuple(parsed.problems),
    )


def _documents(parsed: Parsed, seal: Callable[[str], str]) -> list[ExportedObject]:
    user_type = parsed.user.get("type", "")
    if parsed.user and user_type not in USER_TYPES:
        place = Place(file=parsed.file, field=USER_INFO)
        hint = f"one of {', '.join(USER_TYPES)}"
        parsed.note(Problem(place, f'the type of user is "{user_type[:40]}"', hint=hint, severity="warning"))
    groups = _gathered(parsed)
    if not groups and not parsed.problems:
        parsed.note(Problem(Place(file=parsed.file), "holds no object", severity="warning"))
    documents = []
    enabled: dict[tuple[str, str], str] = {}
    for kind, object_id, version in sorted(groups, key=lambda found: _KINDS.index(found[0])):
        group = groups.pop((kind, object_id, version))
        document, is_enabled = assemble(group, parsed, seal)
        if is_enabled and (other := enabled.setdefault((kind, object_id), version)) != version:
            message = f"is enabled beside version {other}; one version of a {kind} can be enabled"
            parsed.note(Problem(group.control.place(parsed.file, "valid_flag"), message, severity="warning"))
        if document is not None:
            documents.append(ExportedObject(kind, document, is_enabled))
    return documents


def _gathered(parsed: Parsed) -> dict[tuple[str, str, str], Group]:
    """Bring the rows of each version together, in the order of the file."""
    groups: dict[tuple[str, str, str], Group] = {}
    for kind in _KINDS:
        for row in parsed.rows.pop(f"ja_{kind}_control_table", ()):
            key = _owner(row)
            if key in groups:
                first = groups[key].control
                parsed.note(Problem(row.place(parsed.file), f"is there twice, first in line {first.line}"))
            else:
                groups[key] = Group(kind, row)
    for table in TABLES:
        orphans: dict[tuple[str, str, str], list[Row]] = {}
        for row in parsed.rows.pop(table, ()):
            group = groups.get(_owner(row))
            if group is None:
                orphans.setdefault(_owner(row), []).append(row)
            else:
                group.rows.setdefault(table, []).append(row)
        for (kind, object_id, version), rows in orphans.items():
            message = f"belongs to {kind} {object_id}@{version}, which is not in the file"
            more = f" ({len(rows)} such rows)" if len(rows) > 1 else ""
            parsed.note(Problem(rows[0].place(parsed.file), message + more))
    return groups


def _owner(row: Row) -> tuple[str, str, str]:
    about = row.table.about
    return about, row.values[f"{about}_id"], row.values["update_date"]
