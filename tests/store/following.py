"""A store and a standby's copy of it, side by side, for the tests of what is shipped."""

from pathlib import Path
from typing import Any

import apsw

from jaz_lite.clock import Clock, VirtualClock
from jaz_lite.store.changes import ChangeSet, Follower
from jaz_lite.store.commits import Position
from jaz_lite.store.connection import DATABASE_FILE
from jaz_lite.store.open import Store
from jaz_lite.store.replica import Replica
from jaz_lite.store.shipment import Packing, Unpacking

STANDBY = "standby"


def copied(folder: Path, target: Path) -> None:
    """Copy the database of a data directory as it is now, whether it is open or not."""
    target.mkdir()
    source = apsw.Connection(str(folder / DATABASE_FILE), flags=apsw.SQLITE_OPEN_READONLY)
    copy = apsw.Connection(str(target / DATABASE_FILE))
    with copy.backup("main", source, "main") as backup:
        backup.step()
    copy.close()
    source.close()


def contents(folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of every table, with its number where it has no other key, and the schema."""
    connection = apsw.Connection(str(folder / DATABASE_FILE), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        schema = connection.execute("select type, name, sql from sqlite_schema order by name").fetchall()
        found = {"schema": schema, "sequences": _rows(connection, "sqlite_sequence", "name, seq")}
        for kind, name, _ in schema:
            if kind == "table" and not name.startswith("sqlite_"):
                keyless = not connection.execute("select 1 from pragma_table_xinfo(?) where pk > 0", (name,)).fetchall()
                found[name] = _rows(connection, f'"{name}"', "_rowid_, *" if keyless else "*")
        return found
    finally:
        connection.close()


def _rows(connection: apsw.Connection, table: str, columns: str) -> list[tuple[Any, ...]]:
    return sorted(connection.execute(f"select {columns} from {table}").fetchall(), key=repr)


class Standby:
    """A copy that follows a store over an imagined wire."""

    def __init__(self, store: Store, folder: Path, *, clock: Clock | None = None, vfs: str | None = None) -> None:
        """Copy the store and begin to follow."""
        self.folder = folder
        self.clock = clock or VirtualClock()
        with store.changes.hold():
            copied(store.folder, folder)
            self.replica = Replica.open(folder, clock=self.clock, vfs=vfs)
            self.follow(store)

    def follow(self, store: Store) -> None:
        """Begin to follow, or go on."""
        self.follower: Follower = store.changes.follow(STANDBY, self.replica.position)
        self.packing = Packing()
        self.unpacking = Unpacking()

    def received(self) -> list[ChangeSet]:
        """Take what is new, over the wire."""
        found = []
        for change in self.follower.take():
            for piece in self.packing.pack(change):
                whole = self.unpacking.add(piece)
                if whole is not None:
                    found.append(whole)
        return found

    def catch_up(self) -> Position:
        """Apply everything that is new, and say so."""
        while changes := self.received():
            self.replica.apply(changes)
            self.follower.acked(self.replica.position.lsn)
        return self.replica.position
