"""The one connection that writes: how it is set up, how it commits, and when it moves the WAL into the file.

The policy of checkpoints is our own because a second thread that checkpoints can never reset a WAL that is always
being written, and SQLite's default stops every thousandth commit: the writer moves the WAL when it is large, or when
nothing else is to be done (performance.md section 3.4).
"""

from pathlib import Path

import apsw
import apsw.bestpractice

from jaz_lite.clock import Clock
from jaz_lite.errors import JazLiteError, StoreDamaged
from jaz_lite.store.changes import Changes
from jaz_lite.store.commits import Counter
from jaz_lite.store.connection import Sql, told
from jaz_lite.store.memory import Memory

PAGE_BYTES = 4096
CACHE_KIB = 16_384
BUSY_TIMEOUT_MS = 5_000  # only programs that have no business here ever contend
SYNCHRONOUS = "full"  # "normal" loses acknowledged commits in a power cut (tests/store/power_cut.py)
WAL_BYTES_KEPT_MAX = 64 * 1024 * 1024
WAL_PAGES_MAX = 4_000  # from here on the commit itself is followed by a checkpoint
WAL_PAGES_IDLE = 1_000  # from here on an idle moment is used for one
WAL_PAGES_RETRY = 1_000  # a reader was in the way: try again after so many more

COMMIT_SLOW_MS = 1.5  # commits go to a thread above this average ...
COMMIT_FAST_MS = 0.7  # ... and come back below this one
COMMIT_SAMPLE_MS_MAX = 10.0  # one hiccup of the disk must not decide
COMMIT_SAMPLE_WEIGHT = 0.1


def set_up(connection: apsw.Connection) -> None:
    """Give a writing connection its settings; on a new file also those that must come before the first table."""
    connection.set_busy_timeout(BUSY_TIMEOUT_MS)
    connection.execute(f"pragma page_size = {PAGE_BYTES}")
    connection.execute("pragma auto_vacuum = incremental")
    apsw.bestpractice.connection_wal(connection)
    apsw.bestpractice.connection_enable_foreign_keys(connection)
    apsw.bestpractice.connection_dqs(connection)
    apsw.bestpractice.connection_recursive_triggers(connection)
    connection.execute(f"pragma synchronous = {SYNCHRONOUS}")
    connection.execute(f"pragma cache_size = -{CACHE_KIB}")
    connection.execute("pragma mmap_size = 0")  # an I/O fault must be an error, not a bus error
    connection.execute("pragma temp_store = memory")
    connection.execute(f"pragma journal_size_limit = {WAL_BYTES_KEPT_MAX}")
    connection.execute("pragma wal_autocheckpoint = 0")


class Writer:
    """The writing connection and what is known about its commits."""

    def __init__(self, connection: apsw.Connection, path: Path, clock: Clock, *, counting: bool = True) -> None:
        """Args: counting: number the commits; a standby's copy takes their numbers from the changes it is sent."""
        self._connection = connection
        self._clock = clock
        self._busy = False
        self._wal_pages = 0
        self._wal_pages_wanted = WAL_PAGES_MAX
        self._average_ms = 0.0
        self._wrote = False
        self._failure: Exception | None = None
        self.path = str(path)
        self.memory = Memory()
        self.commit_slow = False
        self.changes = Changes(connection, clock, lambda: not self._busy)
        self._counter = Counter(connection) if counting else None
        connection.set_wal_hook(self._wal_grew)

    @property
    def mark(self) -> bytes:
        """What tells the commits of this opening from all others."""
        assert self._counter is not None, "a standby's copy has no commits of its own"
        return self._counter.mark

    # ---- transactions

    def begin(self) -> Sql:
        """Start a transaction; the caller ends it with `commit` or `rollback`.

        Raises:
            StoreDamaged: the file could not be written, now or after the last commit.
            AlreadyRunning: another program keeps the file locked.
        """
        assert not self._busy, "transactions do not nest, and none begins while another is being committed"
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure
        self.changes.before_transaction()
        try:
            self._connection.execute("begin immediate")
        except apsw.Error as error:
            raise self._told(error) from error
        self._busy = True
        if self._counter is not None:
            self._counter.begin()
        return Sql(self._connection, self.memory, self.path, writing=True)

    def commit(self) -> None:
        """Make the transaction durable. May run in another thread; until it returns, nobody may touch the writer.

        Whoever lets it run there asks for the next due time before: others may ask for it meanwhile.

        Raises:
            StoreDamaged: nothing of the transaction is in the store.
        """
        assert self._busy, "there is no transaction to commit"
        try:
            if not self._connection.in_transaction:
                raise StoreDamaged(f"a transaction on {self.path} was undone by an earlier error")
            if not self.memory.due_is_known:
                self.look_up_due()
            if self._counter is not None:
                self._counter.count()
            self._wrote = False
            started = self._clock.monotonic()
            self._connection.execute("commit")
            if self._wrote:
                self._measure((self._clock.monotonic() - started) * 1000)
                self._checkpoint_where_wanted()
        except apsw.Error as error:
            self._undo()
            raise self._told(error) from error
        except BaseException:
            self._undo()
            raise
        finally:
            self._busy = False

    def rollback(self) -> None:
        """Undo the transaction."""
        assert self._busy, "there is no transaction to roll back"
        self._undo()
        self._busy = False

    def _undo(self) -> None:
        # In this order: what is forgotten is looked up again by whoever asks, perhaps while this runs in a thread.
        if self._connection.in_transaction:
            self._connection.execute("rollback")
        self.memory.forget()

    def look_up_due(self) -> None:
        """Learn the next due time, so that asking for it never touches a connection that is committing."""
        row = self._connection.execute("select min(due_ms) from timers").fetchone()
        self.memory.next_due_ms = None if row is None else row[0]
        self.memory.due_is_known = True

    # ---- commit times

    def _measure(self, took_ms: float) -> None:
        sample = min(took_ms, COMMIT_SAMPLE_MS_MAX)
        self._average_ms += (sample - self._average_ms) * COMMIT_SAMPLE_WEIGHT
        if self._average_ms > COMMIT_SLOW_MS:
            self.commit_slow = True
        elif self._average_ms < COMMIT_FAST_MS:
            self.commit_slow = False

    # ---- checkpoints

    @property
    def wal_pages(self) -> int:
        """How many pages wait in the WAL."""
        return self._wal_pages

    def _wal_grew(self, _connection: apsw.Connection, _name: str, pages: int) -> int:
        self._wrote = True
        self._wal_pages = pages
        return apsw.SQLITE_OK

    def _checkpoint_where_wanted(self) -> None:
        if self._wal_pages < self._wal_pages_wanted:
            return
        try:
            self._checkpoint(apsw.SQLITE_CHECKPOINT_PASSIVE)
        except (apsw.FullError, apsw.BusyError):
            # The commit itself is safe in the WAL; the move is tried again later.
            self._wal_pages_wanted = self._wal_pages + WAL_PAGES_RETRY
        except apsw.Error as error:
            # The commit is safe here too and must be acknowledged; the next transaction finds the store damaged.
            self._failure = self._told(error)

    def checkpoint(self, *, truncate: bool = False) -> None:
        """Move the WAL into the file, as far as readers allow; with `truncate`, also give its space back."""
        assert not self._busy, "a checkpoint needs the writer for itself"
        try:
            self._checkpoint(apsw.SQLITE_CHECKPOINT_TRUNCATE if truncate else apsw.SQLITE_CHECKPOINT_PASSIVE)
        except apsw.BusyError:
            self._wal_pages_wanted = self._wal_pages + WAL_PAGES_RETRY
        except apsw.Error as error:
            raise self._told(error) from error

    def _checkpoint(self, mode: int) -> None:
        in_wal, moved = self._connection.wal_checkpoint("main", mode)
        if moved >= in_wal:
            self._wal_pages = 0
            self._wal_pages_wanted = WAL_PAGES_MAX
        else:
            self._wal_pages_wanted = self._wal_pages + WAL_PAGES_RETRY

    # ---- the rest

    def give_back(self, pages: int) -> int:
        """Return up to `pages` free pages to the file system and say how many are left."""
        assert not self._busy, "giving pages back needs the writer for itself"
        try:
            self._connection.execute(f"pragma incremental_vacuum({pages})").fetchall()
            return int(self._connection.pragma("freelist_count"))
        except apsw.Error as error:
            raise self._told(error) from error

    def optimize(self, *, at_open: bool = False) -> None:
        """Refresh what the query planner knows: at open, and once a day."""
        assert not self._busy, "optimizing needs the writer for itself"
        try:
            self._connection.execute("pragma optimize = 0x10002" if at_open else "pragma optimize").fetchall()
        except apsw.Error as error:
            raise self._told(error) from error

    def integrity(self) -> list[str]:
        """Return what SQLite finds wrong with the file; empty when all is well. Reads everything."""
        try:
            found = [str(row[0]) for row in self._connection.execute("pragma integrity_check(100)")]
            broken = self._connection.execute("pragma foreign_key_check").fetchall()
        except apsw.Error as error:
            return [str(error)]
        return [line for line in found if line != "ok"] + [
            f"row {row[1]} of {row[0]} refers to a row of {row[2]} that is not there" for row in broken
        ]

    def close(self) -> None:
        """Close the connection; the WAL is moved into the file."""
        assert not self._busy, "a transaction is open"
        self.changes.close()
        try:
            self._connection.close()
        except apsw.Error as error:
            raise self._told(error) from error

    def _told(self, error: apsw.Error) -> Exception:
        found = told(error, self.path)
        return found if isinstance(found, JazLiteError | AssertionError) else error
