"""Snapshots: read-only connections that see one committed state, for a limited time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from jaz_lite.clock import Clock
from jaz_lite.store.connection import Sql, told
from jaz_lite.store.keys import Keys
from jaz_lite.store.memory import Memory
from jaz_lite.store.transaction import View
from jaz_lite.store.writer import BUSY_TIMEOUT_MS

IDLE_READERS_MAX = 4
CACHE_KIB = 4_096
STEPS_BETWEEN_LOOKS = 10_000  # steps of SQLite's machine, well below a millisecond


def look_at(path: Path, vfs: str | None, *, still: bool) -> apsw.Connection:
    """Return a read-only connection.

    Args:
        still: nobody writes while it is open, and no write-ahead log has anything in it: nothing is written beside the
            file then, not even where that could be done.
    """
    flags = apsw.SQLITE_OPEN_READONLY
    if still:
        return apsw.Connection(f"{path.as_uri()}?immutable=1", flags=flags | apsw.SQLITE_OPEN_URI, vfs=vfs)
    return apsw.Connection(str(path), flags=flags, vfs=vfs)


class _Reader:
    """One read-only connection."""

    def __init__(self, path: Path, vfs: str | None, *, still: bool) -> None:
        self.connection = look_at(path, vfs, still=still)
        self.memory = Memory()
        self.connection.set_busy_timeout(BUSY_TIMEOUT_MS)
        self.connection.execute(f"pragma query_only = 1; pragma cache_size = -{CACHE_KIB}; pragma mmap_size = 0")


class Readers:
    """The read-only connections of a store; usable from any thread, one snapshot a thread at a time."""

    def __init__(
        self, path: Path, vfs: str | None, clock: Clock, keys: Callable[[], Keys], *, still: bool = False
    ) -> None:
        self._still = still
        self._path = path
        self._vfs = vfs
        self._clock = clock
        self._keys = keys
        self._idle: list[_Reader] = []

    @contextmanager
    def snapshot(self, limit_s: float) -> Iterator[View]:
        """Give the nouns of one committed state.

        Args:
            limit_s: after so many seconds a running query is given up. A snapshot that stays open keeps the WAL
                from being reset.

        Raises:
            UsageError: a query ran into the limit.
        """
        until = self._clock.monotonic() + limit_s
        with self._reading(lambda: self._clock.monotonic() > until) as (view, _):
            yield view

    @contextmanager
    def pinned(self) -> Iterator[tuple[View, apsw.Connection]]:
        """Give the nouns of one committed state and the connection that holds on to it, without a limit of time."""
        with self._reading(None) as found:
            yield found

    @contextmanager
    def _reading(self, is_over: Callable[[], bool] | None) -> Iterator[tuple[View, apsw.Connection]]:
        try:
            reader = self._idle.pop() if self._idle else _Reader(self._path, self._vfs, still=self._still)
        except apsw.Error as error:
            raise told(error, str(self._path)) from error
        connection = reader.connection
        connection.set_progress_handler(is_over, STEPS_BETWEEN_LOOKS)
        sql = Sql(connection, reader.memory, str(self._path), writing=False)
        try:
            connection.execute("begin")
            sql.row("select 1 from sqlite_schema limit 1")  # a deferred transaction sees nothing before it reads
            yield View(sql, self._keys), connection
        finally:
            sql.close()
            if connection.in_transaction:
                connection.set_progress_handler(None)
                connection.execute("rollback")
            if len(self._idle) < IDLE_READERS_MAX:
                self._idle.append(reader)
            else:
                connection.close()

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._idle.pop().connection.close()
