"""The changes of a running store, for standbys that keep a copy of it current.

While somebody follows, SQLite's session extension notes which rows the commits touch. A *cut* between two commits turns
what was noted into a *change set*: the last values of these rows, from one position of the store to a later one, and
nothing of how they came about. A change set is kept in memory until all followers have it; one that is too far behind,
or asks for what is not kept, needs a new copy (`NeedsCopy`). While nobody follows, nothing is noted.

    with changes.hold():                        # from here on a copy can be followed from
        ...copy the store...                    # `commits.position()` of the copy is where it stands
        follower = changes.follow("b.example", since)
    changes.committed()                         # wakes the followers
    follower.take()  ->  [ChangeSet, ...]       # to be sent, see shipment.py; applied by replica.py
    follower.acked(lsn)

A cut reads the rows, so it needs the writer free: `ready` says so. All of it belongs to the thread that begins the
transactions; a commit in another thread does not touch it.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import apsw

from jaz_lite.clock import Clock
from jaz_lite.store.commits import Position, position_of

KEPT_BYTES_MAX = 64 * 1024 * 1024  # of all change sets that are kept
NOTED_BYTES_MAX = 1024 * 1024  # of touched rows, before a cut is made though nobody takes it yet
AWAY_S = 600.0  # so long the changes are kept for a follower whose connection was lost


class NeedsCopy(Exception):
    """The changes cannot bring this copy up to date; a new copy can. The sentence says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeSet:
    """What brings a copy from one position to another."""

    since: Position
    until: Position
    sequences: Mapping[str, int]  # the highest numbers of tables that never use one twice; rows do not tell them
    rows: bytes  # a patch set of SQLite's session extension

    @property
    def size(self) -> int:
        """How many bytes it keeps in memory, about."""
        return len(self.rows) + 200


class Follower:
    """One standby that follows."""

    def __init__(self, changes: "Changes", name: str, since: Position, place: int) -> None:
        self._changes = changes
        self.name = name
        self.taken = since  # where a copy stands that has applied all that was taken
        self.confirmed = since  # up to here it was acked
        self.wake: Callable[[], None] = lambda: None  # called when there may be something to take
        self.take_from = place  # the number of the first change set it has not taken; only `Changes` moves it
        self.keep_from = place  # the number of the first it has not acked
        self.left_at_s: float | None = None

    def take(self, bytes_max: int = NOTED_BYTES_MAX) -> list[ChangeSet]:
        """Return the next change sets, in order; none where there is nothing new, or the writer is not free.

        Args:
            bytes_max: stop after so many; at least one is given.

        Raises:
            NeedsCopy: it was too slow, and what comes next is not kept any more.
        """
        found = self._changes.taken_by(self, bytes_max)
        if found:
            self.taken = found[-1].until
        return found

    def acked(self, lsn: int) -> None:
        """The standby has all up to this number on its disk."""
        self._changes.acked_by(self, lsn)

    def close(self) -> None:
        """It is gone; what it does not have is kept for some minutes, so that it can come back."""
        self._changes.left_by(self)


@dataclass(frozen=True, slots=True)
class _Noted:
    """What is being noted: in which session, and since when."""

    since: Position
    session: apsw.Session


class Changes:
    """The changes of one store."""

    def __init__(self, connection: apsw.Connection, clock: Clock, is_free: Callable[[], bool]) -> None:
        self._connection = connection
        self._clock = clock
        self._is_free = is_free
        self._noted: _Noted | None = None
        self._kept: deque[ChangeSet] = deque()
        self._kept_bytes = 0
        self._first = 0  # the number of the first that is kept
        self._holds = 0
        self._followers: dict[str, Follower] = {}
        self._away: dict[str, Follower] = {}
        self._tables: tuple[str, ...] = ()
        self.on_ack: Callable[[], None] = lambda: None

    @property
    def recording(self) -> bool:
        """Whether changes are noted."""
        return self._noted is not None

    @property
    def ready(self) -> bool:
        """Whether no transaction is open or being committed: only then can one begin to follow, or to hold."""
        return self._is_free()

    @property
    def position(self) -> Position:
        """Where the store stands."""
        assert self.ready, "the position is known between transactions"
        return position_of(self._connection)

    @property
    def followers(self) -> tuple[Follower, ...]:
        """Who follows now."""
        return tuple(self._followers.values())

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Keep all changes meanwhile, and each commit apart, so that a copy taken inside can be followed from."""
        assert self.ready, "a hold begins between transactions"
        self._begin()
        self._cut()
        self._holds += 1
        try:
            yield
        finally:
            self._holds -= 1
            self._forget()

    def follow(self, name: str, since: Position) -> Follower:
        """Begin to follow, or go on after a lost connection.

        Args:
            name: of the standby; who follows under it now is closed.
            since: where its copy stands.

        Raises:
            NeedsCopy: what came after that position is not kept.
        """
        assert self.ready, "one begins to follow between transactions"
        older = self._followers.get(name)
        if older is not None:
            older.close()
        if self._noted is not None:
            self._cut()
        place = self._place_of(since)
        if place is None:
            raise NeedsCopy(f"the copy stands at change {since.lsn}, and what came after it is not kept")
        self._begin()
        self._away.pop(name, None)
        follower = Follower(self, name, since, place)
        self._followers[name] = follower
        return follower

    def expect(self) -> None:
        """Keep all changes from now on for some minutes: a standby followed before this server was started."""
        assert self.ready, "one begins to expect between transactions"
        self._begin()
        nobody = Follower(self, "", self.position, self._first + len(self._kept))
        nobody.left_at_s = self._clock.monotonic()
        self._away[nobody.name] = nobody

    def committed(self) -> None:
        """Tell the followers that there may be something new; called by the task that commits, after it did."""
        for follower in self.followers:
            follower.wake()

    # ---- for the writer

    def before_transaction(self) -> None:
        """Another transaction is about to begin: the last moment to keep what was noted apart from what comes."""
        if self._noted is None:
            return
        if self._holds or self._noted.session.memory_used > NOTED_BYTES_MAX:
            with suppress(NeedsCopy):  # whoever misses it is told when it asks
                self._cut()
        if not self._holds and not self._followers:
            self._forget()

    def close(self) -> None:
        """Note nothing any more."""
        self._stop()

    # ---- for the followers

    def taken_by(self, follower: Follower, bytes_max: int) -> list[ChangeSet]:
        """See `Follower.take`."""
        if not self.ready or follower.left_at_s is not None:
            return []
        self._cut()
        if follower.take_from < self._first:
            raise NeedsCopy(f"the standby is more than {KEPT_BYTES_MAX >> 20} MiB of changes behind")
        found: list[ChangeSet] = []
        size = 0
        for number in range(follower.take_from, self._first + len(self._kept)):
            found.append(self._kept[number - self._first])
            size += found[-1].size
            if size >= bytes_max:
                break
        follower.take_from += len(found)
        return found

    def acked_by(self, follower: Follower, lsn: int) -> None:
        """See `Follower.acked`."""
        while follower.keep_from < follower.take_from:
            if follower.keep_from >= self._first:
                change = self._kept[follower.keep_from - self._first]
                if change.until.lsn > lsn:
                    break
                follower.confirmed = change.until
            follower.keep_from += 1
        self._forget()
        self.on_ack()

    def left_by(self, follower: Follower) -> None:
        """See `Follower.close`."""
        if self._followers.get(follower.name) is follower:
            del self._followers[follower.name]
            follower.left_at_s = self._clock.monotonic()
            self._away[follower.name] = follower

    # ---- noting, cutting, keeping, forgetting

    def _begin(self) -> None:
        if self._noted is None:
            if not self._tables:
                # Statistics of the query planner belong to a file, not to what it holds.
                rows = self._connection.execute(
                    "select name from sqlite_schema where type = 'table' and name not like 'sqlite\\_%' escape '\\'"
                )
                self._tables = tuple(name for (name,) in rows)
            self._noted = _Noted(since=self.position, session=self._session())

    def _session(self) -> apsw.Session:
        session = apsw.Session(self._connection, "main")
        session.config(apsw.SQLITE_SESSION_OBJCONFIG_ROWID, True)  # some tables have no key of their own
        for table in self._tables:
            session.attach(table)
        return session

    def _cut(self) -> None:
        """Turn what was noted into a change set, where anything was committed.

        Raises:
            NeedsCopy: it could not be read; nothing is kept any more.
        """
        noted = self._noted
        if noted is None:
            return
        try:
            until = self.position
            if until == noted.since:
                return
            rows = noted.session.patchset()
            sequences = dict(self._connection.execute("select name, seq from sqlite_sequence"))
        except apsw.Error as error:
            self._stop()
            self._first += 1  # there is a change set that nobody has
            raise NeedsCopy(f"the changes could not be read: {error}") from error
        noted.session.close()
        change = ChangeSet(since=noted.since, until=until, sequences=sequences, rows=rows)
        self._noted = _Noted(since=until, session=self._session())
        self._kept.append(change)
        self._kept_bytes += change.size
        while self._kept_bytes > KEPT_BYTES_MAX:
            self._drop_first()

    def _place_of(self, since: Position) -> int | None:
        """Return the number of the change set that begins at a position; None: it is not kept."""
        now = self.position
        if since == now:
            return self._first + len(self._kept)
        for place, change in enumerate(self._kept):
            if change.since == since:
                return self._first + place
        return None

    def _forget(self) -> None:
        """Drop what nobody needs any more; all of it, and stop, when nobody is left."""
        long_ago = self._clock.monotonic() - AWAY_S
        for name, follower in list(self._away.items()):
            if follower.left_at_s is not None and follower.left_at_s < long_ago:
                del self._away[name]
        if self._holds:
            return
        readers = [*self._followers.values(), *self._away.values()]
        if not readers:
            self._stop()
            return
        needed = min(follower.keep_from for follower in readers)
        while self._kept and self._first < needed:
            self._drop_first()

    def _drop_first(self) -> None:
        self._kept_bytes -= self._kept.popleft().size
        self._first += 1

    def _stop(self) -> None:
        if self._noted is not None:
            self._noted.session.close()
            self._noted = None
        self._first += len(self._kept)
        self._kept.clear()
        self._kept_bytes = 0
