"""The store of one data directory, opened."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cache, partial
from pathlib import Path

import apsw

from jaz_lite.clock import Clock
from jaz_lite.errors import JazLiteError, NoSuchObject, Refused
from jaz_lite.store import migrate
from jaz_lite.store.changes import Changes
from jaz_lite.store.connection import DATABASE_FILE, told
from jaz_lite.store.keys import Keys
from jaz_lite.store.migrate import Migration
from jaz_lite.store.snapshot import Readers, look_at
from jaz_lite.store.transaction import Transaction, View
from jaz_lite.store.writer import WAL_PAGES_IDLE, Writer, set_up

SNAPSHOT_S = 5.0  # how long a query of a snapshot may take


class Store:
    """One writer and as many readers as are wanted, on one file."""

    def __init__(
        self, folder: Path, writer: Writer | None, readers: Readers, keys: Callable[[], Keys], clock: Clock
    ) -> None:
        self.folder = folder
        self.clock = clock
        self._writer = writer
        self._readers = readers
        self._keys = keys

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        clock: Clock,
        vfs: str | None = None,
        read_only: bool = False,
        still: bool = False,
        migrations: Sequence[Migration] | None = None,
    ) -> "Store":
        """Open the store of a data directory; a missing file is made, an older one is upgraded.

        Args:
            vfs: name of a registered apsw VFS; for the simulator and the tests of power cuts.
            read_only: only snapshots are wanted; the file must exist and have the present format.
            still: beside `read_only`: nobody writes, and no write-ahead log has anything in it; see `look_at`.
            migrations: the steps to the present format, where they are not the program's own.

        Raises:
            NoSuchObject: there is no such folder, or (read only) no database in it.
            StoreDamaged: the file is damaged, newer than this program, or not ours.
        """
        path = folder / DATABASE_FILE
        if not folder.is_dir() or (read_only and not path.exists()):
            raise NoSuchObject(f"{folder} is not a data directory", hint="`jaz-lite init` makes one")
        steps = migrate.migrations() if migrations is None else migrations
        keys = cache(partial(Keys.load, folder))
        flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
        try:
            if read_only:
                connection = look_at(path, vfs, still=still)
            else:
                connection = apsw.Connection(str(path), flags=flags, vfs=vfs)
            try:
                migrate.check(connection, path, steps)  # before anything is written into a file that is not ours
                if read_only:
                    connection.close()
                    writer = None
                else:
                    set_up(connection)
                    migrate.upgrade(connection, path, steps, at_ms=clock.now_ms(), vfs=vfs)
                    writer = Writer(connection, path, clock)
                    writer.optimize(at_open=True)
            except BaseException:
                connection.close(True)
                raise
        except apsw.Error as error:
            found = told(error, str(path))
            if isinstance(found, JazLiteError | AssertionError):
                raise found from error
            raise
        return cls(folder, writer, Readers(path, vfs, clock, keys, still=still), keys, clock)

    def close(self) -> None:
        """Close all connections. No transaction may be open."""
        self._readers.close()
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    @property
    def keys(self) -> Keys:
        """The keys of the data directory, read at first use."""
        return self._keys()

    # ---- writing

    def begin(self) -> Transaction:
        """Start a transaction that the caller commits or rolls back; only one at a time."""
        return Transaction(self._the_writer, self._keys)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Give a transaction that is committed at the end, or rolled back when something is raised inside."""
        tx = self.begin()
        try:
            yield tx
        except BaseException:
            tx.rollback()
            raise
        tx.commit()

    @property
    def commit_slow(self) -> bool:
        """Whether commits have lately taken so long that they should go to a thread."""
        return self._the_writer.commit_slow

    @property
    def mark(self) -> bytes:
        """What tells the commits of this opening from all others."""
        return self._the_writer.mark

    def next_due_ms(self) -> int | None:
        """Return when the next timer is due, or None. Does not touch the file while a commit is in flight."""
        writer = self._the_writer
        if not writer.memory.due_is_known:
            writer.look_up_due()
        return writer.memory.next_due_ms

    @property
    def journal_version(self) -> int:
        """A number that grows with every line of the journal."""
        return self._the_writer.memory.journal_version

    @property
    def agents_version(self) -> int:
        """A number that grows whenever it may have changed who may connect, or is to be dialled, and where."""
        return self._the_writer.memory.agents_version

    @property
    def definitions_version(self) -> int:
        """A number that grows whenever a definition, or which version of one is enabled, may have changed."""
        return self._the_writer.memory.definitions_version

    @property
    def settings_version(self) -> int:
        """A number that grows whenever a setting may have changed."""
        return self._the_writer.memory.settings_version

    @property
    def changes(self) -> Changes:
        """What standbys follow."""
        return self._the_writer.changes

    # ---- reading

    def snapshot(self, limit_s: float = SNAPSHOT_S) -> AbstractContextManager[View]:
        """Give read-only nouns of what is committed now. See `Readers.snapshot`."""
        return self._readers.snapshot(limit_s)

    def pinned(self) -> AbstractContextManager[tuple[View, apsw.Connection]]:
        """Give what is committed now for as long as it takes, for the copies of this room. See `Readers.pinned`."""
        return self._readers.pinned()

    # ---- housekeeping, between transactions

    @property
    def wants_checkpoint(self) -> bool:
        """Whether an idle moment (200 ms without work) should be used for `checkpoint`."""
        return self._the_writer.wal_pages >= WAL_PAGES_IDLE

    def checkpoint(self, *, truncate: bool = False) -> None:
        """Move the WAL into the file; with `truncate` (after a purge) also give its space back."""
        self._the_writer.checkpoint(truncate=truncate)

    def give_back(self, pages: int = 64) -> int:
        """Return up to `pages` free pages to the file system and say how many are left."""
        return self._the_writer.give_back(pages)

    def optimize(self) -> None:
        """Refresh what the query planner knows; once a day."""
        self._the_writer.optimize()

    def integrity(self) -> list[str]:
        """Return what is wrong with the file, a sentence each; empty when all is well. Reads everything."""
        return self._the_writer.integrity()

    @property
    def _the_writer(self) -> Writer:
        if self._writer is None:
            raise Refused("this store was opened for reading only")
        return self._writer
