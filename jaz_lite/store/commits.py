"""How far a store has come: each commit has a number, and each opening of the store for writing a mark of its own.

The number (`lsn`) alone does not say what a store holds: a store that was set back counts the same numbers again, with
other changes. The mark is drawn anew by whoever opens the store, so that mark and number together are given once. What
two stores with the same position hold is the same.
"""

import secrets
from dataclasses import dataclass

import apsw

from jaz_lite.store.connection import Sql

MARK_BYTES = 8
FOLLOWED = "followed_ms"  # the counter that says when a standby followed last
POSITION = "select mark, lsn from commits"


@dataclass(frozen=True, slots=True)
class Position:
    """A state of a store, after a certain commit."""

    mark: bytes  # 8, of the opening that committed it
    lsn: int


class Commits:
    """The noun: where this store stands."""

    def __init__(self, sql: Sql) -> None:
        self._sql = sql

    def position(self) -> Position:
        """Return where the store stood when this transaction or snapshot began."""
        row = self._sql.row(POSITION)
        assert row is not None, "every store of this format has a position"
        return Position(row[0], row[1])

    def note_follower(self, at_ms: int) -> None:
        """Note that a standby follows, so that a server which is started again expects it."""
        self._sql.run("insert or replace into counters (name, value) values (?, ?)", (FOLLOWED, at_ms))

    def followed_ms(self) -> int | None:
        """Return when a standby was last seen to follow; None: none ever was."""
        row = self._sql.row("select value from counters where name = ?", (FOLLOWED,))
        return None if row is None else int(row[0])


def position_of(connection: apsw.Connection) -> Position:
    """Return where the store of a connection stands, between transactions or inside one."""
    row = connection.execute(POSITION).fetchone()
    assert row is not None, "every store of this format has a position"
    return Position(row[0], row[1])


class Counter:
    """Counts the commits of one opening of a store."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self.mark = secrets.token_bytes(MARK_BYTES)
        self._changes = 0

    def begin(self) -> None:
        """A transaction begins."""
        self._changes = self._connection.total_changes()

    def count(self) -> None:
        """Number the transaction that is about to be committed; one that changed nothing needs no number."""
        if self._connection.total_changes() != self._changes:
            self._connection.execute("update commits set lsn = lsn + 1, mark = ?", (self.mark,))
