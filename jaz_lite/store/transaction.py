"""Transactions and the nouns they carry."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from jaz_lite.errors import StoreDamaged
from jaz_lite.store.adopted import AdoptedAttempts
from jaz_lite.store.agents import Agents
from jaz_lite.store.attempts import Attempts
from jaz_lite.store.clock_doubt import ClockDoubt
from jaz_lite.store.commits import Commits
from jaz_lite.store.connection import Sql
from jaz_lite.store.credentials import Credentials
from jaz_lite.store.definitions import Definitions
from jaz_lite.store.host_locks import HostLocks
from jaz_lite.store.hosts import Hosts
from jaz_lite.store.invitations import Invitations, Requests
from jaz_lite.store.journal import Journal
from jaz_lite.store.keys import Keys
from jaz_lite.store.last_copy import LastCopy
from jaz_lite.store.output import Output
from jaz_lite.store.past_work import PastWork
from jaz_lite.store.retention import Retention
from jaz_lite.store.runs import Runs
from jaz_lite.store.schedule_marks import ScheduleMarks
from jaz_lite.store.scheduled_runs import ScheduledRuns
from jaz_lite.store.settings import Settings
from jaz_lite.store.term import Term
from jaz_lite.store.timers import Timers
from jaz_lite.store.window import Windows
from jaz_lite.store.writer import Writer


class Nouns:
    """What the store holds, noun by noun. Usable until the transaction or snapshot they came with is over."""

    def __init__(self, sql: Sql, keys: Callable[[], Keys]) -> None:
        self.definitions = Definitions(sql)
        self.runs = Runs(sql)
        self.attempts = Attempts(sql)
        self.adopted = AdoptedAttempts(sql)
        self.output = Output(sql)
        self.journal = Journal(sql)
        self.agents = Agents(sql, keys)
        self.invitations = Invitations(sql, keys)
        self.requests = Requests(sql)
        self.credentials = Credentials(sql, keys)
        self.hosts = Hosts(sql)
        self.host_locks = HostLocks(sql)
        self.timers = Timers(sql)
        self.schedule_marks = ScheduleMarks(sql)
        self.scheduled_runs = ScheduledRuns(sql)
        self.settings = Settings(sql)
        self.term = Term(sql)
        self.window = Windows(sql)
        self.past_work = PastWork(sql)
        self.retention = Retention(sql)
        self.clock_doubt = ClockDoubt(sql)
        self.commits = Commits(sql)
        self.last_copy = LastCopy(sql)
        self._sql = sql


class View(Nouns):
    """Nouns of a snapshot: what was committed when it was taken. Its writes fail."""


class Transaction(Nouns):
    """One change of the store, whole or not at all."""

    def __init__(self, writer: Writer, keys: Callable[[], Keys]) -> None:
        super().__init__(writer.begin(), keys)
        self._writer = writer
        self._over = False

    def commit(self) -> None:
        """Make it durable; the nouns are of no use any more, from the first moment on.

        May be called in another thread. Until it returns, no transaction may begin.

        Raises:
            StoreDamaged: nothing of it is in the store.
        """
        assert not self._over, "the transaction is over"
        self._over = True
        self._sql.close()
        self._writer.commit()

    def rollback(self) -> None:
        """Undo it. After a commit, failed or not, there is nothing left to undo."""
        if not self._over:
            self._over = True
            self._sql.close()
            self._writer.rollback()

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo just the inside when it raises; the exception goes on."""
        self._sql.run("savepoint inner")
        try:
            yield
        except BaseException as error:
            if not self._sql.open:
                if isinstance(error, Exception) and not isinstance(error, StoreDamaged):
                    raise StoreDamaged("the transaction was undone by an earlier error") from error
                raise
            self._sql.run("rollback to inner")
            self._sql.run("release inner")
            self._sql.memory.forget()
            raise
        self._sql.run("release inner")
