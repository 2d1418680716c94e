"""A standby's copy of a store: the only thing that changes it is the changes of the active.

It is a store of the same format, opened by nobody else. Nothing of its own is ever written into it, neither a number
nor the statistics of the planner, so that it stays what the active is; taking over begins with closing it and opening
it as a store.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import apsw

from jaz_lite.clock import Clock
from jaz_lite.errors import JazLiteError, NoSuchObject
from jaz_lite.store import migrate
from jaz_lite.store.changes import ChangeSet, NeedsCopy
from jaz_lite.store.commits import Position, position_of
from jaz_lite.store.connection import DATABASE_FILE, Sql, told
from jaz_lite.store.manifest import forget_manifest
from jaz_lite.store.row_changes import RowChanges
from jaz_lite.store.term import SiteRow, Term
from jaz_lite.store.writer import WAL_PAGES_IDLE, Writer, set_up

STATEMENTS_KEPT = 400  # as many as there are tables and ways to change them, with room


class Replica:
    """The copy, opened to be kept current."""

    def __init__(self, connection: apsw.Connection, path: Path, clock: Clock) -> None:
        self._connection = connection
        self._writer = Writer(connection, path, clock, counting=False)
        self._rows = RowChanges(connection)
        self._position = position_of(connection)

    @classmethod
    def open(cls, folder: Path, *, clock: Clock, vfs: str | None = None) -> "Replica":
        """Open the copy in a data directory.

        Args:
            vfs: name of a registered apsw VFS; for the tests of power cuts.

        Raises:
            NoSuchObject: there is no database in it.
            StoreDamaged: the file is damaged, newer than this program, or not ours.
            NeedsCopy: it is of a format from before there were changes.
        """
        path = folder / DATABASE_FILE
        if not path.exists():
            raise NoSuchObject(f"{folder} holds no copy of a store")
        try:
            connection = apsw.Connection(
                str(path), flags=apsw.SQLITE_OPEN_READWRITE, vfs=vfs, statementcachesize=STATEMENTS_KEPT
            )
            try:
                migrate.check(connection, path, migrate.migrations())
                if not connection.table_exists("main", "commits"):
                    raise NeedsCopy("the copy is of an older format")
                forget_manifest(folder)
                set_up(connection)
                connection.execute("pragma foreign_keys = off")
                connection.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0)
                return cls(connection, path, clock)
            except BaseException:
                connection.close(True)
                raise
        except apsw.Error as error:
            found = told(error, str(path))
            if isinstance(found, JazLiteError):
                raise found from error
            raise

    @property
    def position(self) -> Position:
        """Where the copy stands: what it holds is on the disk."""
        return self._position

    def site(self) -> SiteRow:
        """Return the site as the active had it then; between two `apply`."""
        return Term(Sql(self._connection, self._writer.memory, self._writer.path, writing=False)).site()

    def apply(self, changes: Iterable[ChangeSet]) -> Position:
        """Apply change sets, all of them in one transaction, and return where the copy stands then.

        Raises:
            NeedsCopy: they do not go on from where the copy stands, or do not fit it. Nothing was applied.
            StoreDamaged: the disk fails or is full (`DiskFull`). Nothing was applied.
        """
        changes = list(changes)
        if not changes:
            return self._position
        position = self._position
        sequences: Mapping[str, int] = {}
        self._writer.begin().close()
        try:
            for change in changes:
                if change.since != position:
                    raise NeedsCopy(f"changes from {change.since.lsn} on cannot follow on {position.lsn}")
                self._rows.apply(change.rows)
                position = change.until
                sequences = change.sequences
            self._set_sequences(sequences)
            if position_of(self._connection) != position:
                raise NeedsCopy("the changes do not lead to where they say")
        except BaseException as error:
            self._writer.rollback()
            if isinstance(error, apsw.Error):
                found = told(error, self._writer.path)
                if isinstance(found, JazLiteError):
                    raise found from error
            raise
        self._writer.commit()
        self._position = position
        return position

    def _set_sequences(self, wanted: Mapping[str, int]) -> None:
        """Make the highest numbers what they are at the active; written rows have raised some of them."""
        found: dict[Any, Any] = dict(self._connection.execute("select name, seq from sqlite_sequence"))
        for name in found.keys() | wanted.keys():
            if found.get(name) != wanted.get(name):
                self._connection.execute("delete from sqlite_sequence where name = ?", (name,))
                if name in wanted:
                    self._connection.execute("insert into sqlite_sequence values (?, ?)", (name, wanted[name]))

    @property
    def wants_checkpoint(self) -> bool:
        """Whether an idle moment should be used for `checkpoint`."""
        return self._writer.wal_pages >= WAL_PAGES_IDLE

    def checkpoint(self, *, truncate: bool = False) -> None:
        """Move the WAL into the file."""
        self._writer.checkpoint(truncate=truncate)

    def give_back(self, pages: int = 64) -> int:
        """Return up to `pages` free pages to the file system and say how many are left."""
        return self._writer.give_back(pages)

    def close(self) -> None:
        """Close the copy."""
        self._writer.close()
