"""How the oracle gets to see what the product commits and writes: by standing beside a few of its methods.

The methods do what they always do. What they were given is noted, and counts once the transaction is committed.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from jaz_lite.agent.spool import Spool
from jaz_lite.model.event import Event
from jaz_lite.model.run import Run
from jaz_lite.runner.turn import Turn
from jaz_lite.store.agents import Agents
from jaz_lite.store.attempts import Attempt, Attempts
from jaz_lite.store.host_locks import HostLock, HostLocks
from jaz_lite.store.output import Output
from jaz_lite.store.runs import Runs
from jaz_lite.store.transaction import Transaction
from tests.sim.ledger import Ledger
from tests.sim.oracle import Oracle


@contextmanager
def patched(*changes: tuple[Any, str, Any]) -> Iterator[None]:
    """Have attributes replaced for a while."""
    before = [(owner, name, getattr(owner, name)) for owner, name, _ in changes]
    for owner, name, value in changes:
        setattr(owner, name, value)
    try:
        yield
    finally:
        for owner, name, value in reversed(before):
            setattr(owner, name, value)


@contextmanager
def observed(oracle: Oracle, agent_of: Callable[[Spool], str]) -> Iterator[None]:
    """Let the oracle see one world. `agent_of` tells whose log a spool is."""
    insert, update, move = Attempts.insert, Attempts.update, Agents.move_cursor
    insert_run, save_run, append = Runs.insert, Runs.save, Output.append
    init, commit, raise_event = Transaction.__init__, Transaction.commit, Turn.raise_event
    put_lock, remove_lock = HostLocks.put, HostLocks.remove
    begin_log, write_log, sync_log = Spool.begin, Spool.append, Spool.sync

    def ledger_of(nouns: Any) -> Ledger:
        return oracle.ledgers[nouns._sql._path]

    def begin(self: Transaction, *arguments: Any) -> None:
        init(self, *arguments)
        ledger_of(self).begun()

    def committed(self: Transaction) -> None:
        ledger = ledger_of(self)
        commit(self)
        ledger.tx_committed()

    def inserted(self: Attempts, row: Attempt) -> None:
        insert(self, row)
        ledger_of(self).tx.attempts.append(
            (
                row.k,
                {
                    "state": row.state,
                    "agent_id": row.agent_id,
                    "kind": row.kind,
                    "what": (row.occ, row.key_path, row.attempt),
                },
            )
        )

    def updated(self: Attempts, k: bytes, **fields: Any) -> None:
        update(self, k, **fields)
        ledger_of(self).tx.attempts.append((k, fields))

    def moved(self: Agents, agent_id: str, spool: bytes, cursor: int, chain: bytes) -> None:
        move(self, agent_id, spool, cursor, chain)
        ledger_of(self).tx.cursors[agent_id] = (spool, cursor, chain)

    def run_inserted(self: Runs, run: Run, **more: Any) -> None:
        insert_run(self, run, **more)
        ledger_of(self).tx.runs[run.run_id] = run.state

    def run_saved(self: Runs, run: Run, *more: Any, **others: Any) -> None:
        save_run(self, run, *more, **others)
        ledger_of(self).tx.runs[run.run_id] = run.state

    def stored(self: Output, k: bytes, stream: int, offset: int, data: bytes) -> int:
        before = self.length(k, stream)
        after = append(self, k, stream, offset, data)
        if after > before:
            ledger_of(self).output_stored(k, stream, before, after, self.read(k, stream, before, after - before))
        return after

    def raised(self: Turn, run_id: int, event: Event, *more: Any, **others: Any) -> None:
        ledger_of(self.tx).tx.raised.append((run_id, event))
        raise_event(self, run_id, event, *more, **others)

    def locked(self: HostLocks, lock: HostLock) -> None:
        put_lock(self, lock)
        ledger_of(self).tx.locks[lock.agent_id] = lock.k

    def unlocked(self: HostLocks, agent_id: str) -> bool:
        ledger_of(self).tx.locks[agent_id] = None
        return remove_lock(self, agent_id)

    def log_begun(self: Spool, *arguments: Any) -> None:
        begin_log(self, *arguments)
        oracle.log_begun(agent_of(self), self)
        oracle.log_synced(agent_of(self), self)

    def log_written(self: Spool, payloads: Any) -> None:
        write_log(self, payloads)
        oracle.log_written(agent_of(self), self, list(payloads))

    def log_synced(self: Spool) -> None:
        sync_log(self)
        oracle.log_synced(agent_of(self), self)

    with patched(
        (Transaction, "__init__", begin),
        (Transaction, "commit", committed),
        (Attempts, "insert", inserted),
        (Attempts, "update", updated),
        (Agents, "move_cursor", moved),
        (Runs, "insert", run_inserted),
        (Runs, "save", run_saved),
        (Output, "append", stored),
        (Turn, "raise_event", raised),
        (HostLocks, "put", locked),
        (HostLocks, "remove", unlocked),
        (Spool, "begin", log_begun),
        (Spool, "append", log_written),
        (Spool, "sync", log_synced),
    ):
        yield
