"""The one place where statements meet SQLite: running them, and turning its errors into ours."""

from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

import apsw

from jaz_lite.errors import AlreadyRunning, DiskFull, JazLiteError, StoreDamaged, UsageError
from jaz_lite.store.disk_trouble import FREE_SOME, has_no_room
from jaz_lite.store.memory import Memory

Row = tuple[Any, ...]
Values = Sequence[Any]

APPLICATION_ID = 0x6A617A6C  # "jazl"
DATABASE_FILE = "jaz.db"


def told(error: apsw.Error, path: str) -> Exception:
    """Return what an error of SQLite means for the one who must act; a fault of ours stays an assertion.

    Args:
        path: of the database, for the sentence.
    """
    match error:
        case apsw.FullError():
            return DiskFull(f"the disk is full: {path} cannot grow", hint=FREE_SOME)
        case apsw.CorruptError() | apsw.NotADBError():
            return StoreDamaged(f"{path} is damaged: {error}", hint="put back a copy of the data directory")
        case apsw.IOError() if has_no_room(path):
            # What SQLite says where the shared memory of its log cannot grow; a disk that fails looks no different.
            return DiskFull(f"the disk is full: {path} cannot be used", hint=FREE_SOME)
        case apsw.IOError():
            return StoreDamaged(f"the disk under {path} fails: {error}", hint="check the disk and its file system")
        case apsw.CantOpenError() | apsw.ReadOnlyError() | apsw.PermissionsError():
            return StoreDamaged(f"{path} cannot be written: {error}", hint="check owner and mode of the data directory")
        case apsw.BusyError() | apsw.LockedError():
            return AlreadyRunning(f"another program is writing to {path}", hint="only the server may open this file")
        case apsw.InterruptError():
            return UsageError("the search took too long and was given up", hint="ask for less at a time")
        case apsw.ConstraintError():
            return AssertionError(f"the schema refused a row: {error}")
    return error


class Sql:
    """A connection as the nouns see it, for one transaction or one snapshot.

    After `close` every use is refused: a statement that came late would otherwise be a transaction of its own.
    """

    __slots__ = ("_connection", "_path", "_writing", "memory")

    def __init__(self, connection: apsw.Connection, memory: Memory, path: str, *, writing: bool) -> None:
        self._connection: apsw.Connection | None = connection
        self._path = path
        self._writing = writing
        self.memory = memory

    @property
    def open(self) -> bool:
        return self._connection is not None

    def close(self) -> None:
        """Refuse all further use."""
        self._connection = None

    def run(self, text: str, values: Values = ()) -> None:
        """Execute one statement that writes."""
        assert self._writing, "a snapshot only reads"
        try:
            self._use.execute(text, values)
        except apsw.Error as error:
            self._fail(error)

    def change(self, text: str, values: Values = ()) -> int:
        """Execute one statement and return how many rows it changed."""
        assert self._writing, "a snapshot only reads"
        connection = self._use
        try:
            connection.execute(text, values)
        except apsw.Error as error:
            self._fail(error)
        return connection.changes()

    def many(self, text: str, rows: Iterable[Values]) -> None:
        """Execute one statement for each of `rows`."""
        assert self._writing, "a snapshot only reads"
        try:
            self._use.executemany(text, rows)
        except apsw.Error as error:
            self._fail(error)

    def row(self, text: str, values: Values = ()) -> Row | None:
        """Return the first row of a query, or None."""
        try:
            return self._use.execute(text, values).fetchone()
        except apsw.Error as error:
            self._fail(error)

    def rows(self, text: str, values: Values = ()) -> list[Row]:
        """Return all rows of a query."""
        try:
            return self._use.execute(text, values).fetchall()
        except apsw.Error as error:
            self._fail(error)

    @property
    def _use(self) -> apsw.Connection:
        assert self._connection is not None, "this transaction or snapshot is over"
        return self._connection

    def _fail(self, error: apsw.Error) -> NoReturn:
        # Some errors (full disk, I/O) undo the whole transaction inside SQLite; what came after it would be
        # committed statement by statement.
        if self._writing and self._connection is not None and not self._connection.in_transaction:
            self._connection = None
        found = told(error, self._path)
        if isinstance(found, JazLiteError | AssertionError):
            raise found from error
        raise error
