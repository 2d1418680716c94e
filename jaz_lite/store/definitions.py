"""Definitions: versions of calendars, filters, schedules and jobnets, as documents.

A row's document never changes. Saving over a version (`replace`) and deleting one leave the old row behind as
*superseded*: no longer a version, still readable by its `doc_id` for the runs that were planned from it, and part of
the object's history until retention finds it old and unused.
"""

# Statements are put together from constants of this file; values are always bound.
# ruff: noqa: S608

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from jaz_lite.errors import DefinitionError, NoSuchObject
from jaz_lite.store.connection import Row as SqlRow
from jaz_lite.store.connection import Sql
from jaz_lite.store.memory import unpack
from jaz_lite.store.references import references_of

KINDS = ("calendar", "filter", "schedule", "jobnet")
KIND_NUMBER: Mapping[str, int] = {kind: number for number, kind in enumerate(KINDS)}
WHY = ("replaced", "deleted")
COMPRESS_BYTES_MIN = 1024
ZLIB_LEVEL = 1


class AlreadyExists(DefinitionError):
    """This version of the object exists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One version of an object, without its document."""

    doc_id: int
    kind: str
    object_id: str
    version: str
    enabled: bool
    name: str
    public: bool
    owner: str
    icons: int  # of a jobnet
    saved_ms: int
    saved_by: str
    superseded_ms: int | None  # None: this is what the version is now
    superseded_by: str | None
    superseded_why: Literal["replaced", "deleted"] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored(Row):
    """One version of an object with its document, which is unpacked each time it is asked for."""

    size: int
    packed: bytes

    @property
    def document(self) -> dict[str, Any]:
        packed = self.packed if len(self.packed) == self.size else zlib.decompress(self.packed)
        document: dict[str, Any] = unpack(packed)
        return document


_FIELDS = (
    "doc_id, kind, object_id, version, enabled, name, public, owner, icons, saved_ms, saved_by,"
    " superseded_ms, superseded_by, superseded_why"
)
_ROW = f"select {_FIELDS} from definitions"
_STORED = f"select {_FIELDS}, size, document from definitions"


class Definitions:
    """All definitions. `kind` is one of KINDS everywhere."""

    def __init__(self, sql: Sql) -> None:
        self._sql = sql

    @property
    def changes(self) -> int:
        """A number that grows with every change of a definition, or of which version is enabled."""
        return self._sql.memory.definitions_version

    # ---- reading

    def find(self, kind: str, object_id: str, version: str) -> Stored | None:
        """Return a version, or None."""
        return self._stored(
            _STORED + " where kind = ? and object_id = ? and version = ? and superseded_ms is null",
            (KIND_NUMBER[kind], object_id, version),
        )

    def get(self, kind: str, object_id: str, version: str) -> Stored:
        """Return a version.

        Raises:
            NoSuchObject: there is no such version.
        """
        found = self.find(kind, object_id, version)
        if found is None:
            raise _missing(kind, object_id, version)
        return found

    def enabled(self, kind: str, object_id: str) -> Stored | None:
        """Return the enabled version, or None."""
        return self._stored(
            _STORED + " where kind = ? and object_id = ? and enabled = 1", (KIND_NUMBER[kind], object_id)
        )

    def enabled_docs(self, kind: str) -> dict[str, int]:
        """Return the document number of each enabled version, by id."""
        rows = self._sql.rows(
            "select object_id, doc_id from definitions where kind = ? and enabled = 1", (KIND_NUMBER[kind],)
        )
        return dict(rows)

    def newest(self, kind: str, object_id: str) -> Stored | None:
        """Return the version with the highest number, or None."""
        return self._stored(
            _STORED + " where kind = ? and object_id = ? and superseded_ms is null order by version desc limit 1",
            (KIND_NUMBER[kind], object_id),
        )

    def current(self, kind: str, object_id: str) -> Stored | None:
        """Return what a bare id means: the enabled version, else the newest; None where there is none."""
        return self.enabled(kind, object_id) or self.newest(kind, object_id)

    def find_doc(self, doc_id: int) -> Stored | None:
        """Return a document by its number, superseded ones too; None where there is none, or none any more."""
        return self._stored(_STORED + " where doc_id = ?", (doc_id,))

    def by_doc(self, doc_id: int) -> Stored:
        """Return a document that is referred to by its number, superseded ones too."""
        found = self.find_doc(doc_id)
        assert found is not None, f"a run refers to document {doc_id}, which is gone"
        return found

    def rows(self, kind: str, *, versions: bool = False) -> list[Row]:
        """Return what there is of a kind, sorted by id.

        Args:
            versions: every version, newest first; else one row an id, as `current` would choose.
        """
        found = self._sql.rows(
            _ROW + " where kind = ? and superseded_ms is null order by object_id, version desc", (KIND_NUMBER[kind],)
        )
        every = [_row(row) for row in found]
        if versions:
            return every
        chosen: dict[str, Row] = {}
        for row in every:
            if row.enabled:
                chosen[row.object_id] = row
            else:
                chosen.setdefault(row.object_id, row)
        return list(chosen.values())

    def history(self, kind: str, object_id: str) -> list[Row]:
        """Return everything that was ever saved under an id and is still kept, latest save first."""
        found = self._sql.rows(
            _ROW + " where kind = ? and object_id = ? order by doc_id desc", (KIND_NUMBER[kind], object_id)
        )
        return [_row(row) for row in found]

    def references(self, kind: str, object_id: str) -> list[Row]:
        """Return the versions of other objects that refer to this one, sorted by kind, id and version."""
        found = self._sql.rows(
            _ROW + " where superseded_ms is null and doc_id in"
            " (select doc_id from definition_refs where kind = ? and object_id = ?)"
            " order by kind, object_id, version",
            (KIND_NUMBER[kind], object_id),
        )
        return [_row(row) for row in found]

    def ids_deleted(self, kind: str) -> set[str]:
        """Return the ids under which a version was deleted that is still kept in the history."""
        return {
            row[0]
            for row in self._sql.rows(
                "select distinct object_id from definitions where kind = ? and superseded_why = ?",
                (KIND_NUMBER[kind], WHY.index("deleted")),
            )
        }

    # ---- writing

    def put(self, kind: str, document: Mapping[str, Any], *, by: str, at_ms: int, replace: bool = False) -> int:
        """Save a version and return the number of its document. It is not enabled.

        Args:
            document: the plain map of a definition; names its id (`<kind>_id`) and `version`.
            replace: an existing version is superseded, and with it its enabled flag.

        Raises:
            AlreadyExists: the version exists and `replace` was not said.
        """
        self._sql.memory.definitions_version += 1
        object_id, version = str(document[f"{kind}_id"]), str(document["version"])
        old = self._sql.row(
            "select doc_id from definitions where kind = ? and object_id = ? and version = ? and superseded_ms is null",
            (KIND_NUMBER[kind], object_id, version),
        )
        if old is not None:
            if not replace:
                raise AlreadyExists(f'{kind} "{object_id}" has a version {version}')
            self._supersede(old[0], by, at_ms, "replaced")
        packed = self._sql.memory.pack(document)
        size = len(packed)
        if size >= COMPRESS_BYTES_MIN:
            squeezed = zlib.compress(packed, ZLIB_LEVEL)
            packed = squeezed if len(squeezed) < size else packed
        row = self._sql.row(
            "insert into definitions (kind, object_id, version, name, public, owner, icons, saved_ms, saved_by,"
            " size, document) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) returning doc_id",
            (
                KIND_NUMBER[kind],
                object_id,
                version,
                str(document.get("name") or ""),
                bool(document.get("public")),
                str(document.get("owner") or ""),
                len(document.get("icons") or ()),
                at_ms,
                by,
                size,
                packed,
            ),
        )
        assert row is not None
        doc_id = int(row[0])
        self._sql.many(
            "insert into definition_refs (doc_id, kind, object_id) values (?, ?, ?)",
            [(doc_id, KIND_NUMBER[of], to) for of, to in sorted(references_of(kind, document))],
        )
        return doc_id

    def enable(self, kind: str, object_id: str, version: str) -> None:
        """Make a version the enabled one; the one that was is not any more.

        Raises:
            NoSuchObject: there is no such version.
        """
        self.disable(kind, object_id)
        changed = self._sql.change(
            "update definitions set enabled = 1"
            " where kind = ? and object_id = ? and version = ? and superseded_ms is null",
            (KIND_NUMBER[kind], object_id, version),
        )
        if not changed:
            raise _missing(kind, object_id, version)

    def disable(self, kind: str, object_id: str) -> bool:
        """Leave no version enabled; tell whether one was."""
        self._sql.memory.definitions_version += 1
        return bool(
            self._sql.change(
                "update definitions set enabled = 0 where kind = ? and object_id = ? and enabled = 1",
                (KIND_NUMBER[kind], object_id),
            )
        )

    def delete(self, kind: str, object_id: str, version: str, *, by: str = "", at_ms: int | None = None) -> None:
        """Take a version away; its document stays while runs use it, and in the history.

        Args:
            at_ms: when; retention counts from then. None: from when the version was saved.

        Raises:
            NoSuchObject: there is no such version.
        """
        found = self.get(kind, object_id, version)
        self._supersede(found.doc_id, by, found.saved_ms if at_ms is None else at_ms, "deleted")

    def _supersede(self, doc_id: int, by: str, at_ms: int, why: Literal["replaced", "deleted"]) -> None:
        self._sql.memory.definitions_version += 1
        self._sql.run(
            "update definitions set enabled = 0, superseded_ms = ?, superseded_by = ?, superseded_why = ?"
            " where doc_id = ?",
            (at_ms, by, WHY.index(why), doc_id),
        )

    def _stored(self, text: str, values: tuple[object, ...]) -> Stored | None:
        row = self._sql.row(text, values)
        return None if row is None else Stored(**_fields(row), size=row[14], packed=row[15])


def _row(row: SqlRow) -> Row:
    return Row(**_fields(row))


def _fields(row: SqlRow) -> dict[str, Any]:
    return {
        "doc_id": row[0],
        "kind": KINDS[row[1]],
        "object_id": row[2],
        "version": row[3],
        "enabled": bool(row[4]),
        "name": row[5],
        "public": bool(row[6]),
        "owner": row[7],
        "icons": row[8],
        "saved_ms": row[9],
        "saved_by": row[10],
        "superseded_ms": row[11],
        "superseded_by": row[12],
        "superseded_why": None if row[13] is None else WHY[row[13]],
    }


def _missing(kind: str, object_id: str, version: str) -> NoSuchObject:
    return NoSuchObject(f'{kind} "{object_id}" has no version {version}')
