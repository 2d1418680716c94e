"""Host locks: a reboot that is with an agent keeps other work away from it."""

from collections.abc import Sequence
from dataclasses import dataclass

from jaz_lite.store.connection import Row, Sql


@dataclass(frozen=True, slots=True, kw_only=True)
class HostLock:
    """One lock, on all host names of an agent."""

    agent_id: str
    host: str  # as the reboot names it
    k: bytes  # of the reboot's attempt
    run_id: int
    path: str
    boot: bytes = b""  # of the machine when the reboot was sent; empty: not known
    since_ms: int


class HostLocks:
    """All locks; an agent has one at most."""

    def __init__(self, sql: Sql) -> None:
        self._sql = sql

    def put(self, lock: HostLock) -> None:
        """Lock an agent; a lock that it has is replaced."""
        self._sql.run(
            "insert or replace into host_locks (agent_id, host, k, run_id, path, boot, since_ms)"
            " values (?, ?, ?, ?, ?, ?, ?)",
            (lock.agent_id, lock.host, lock.k, lock.run_id, lock.path, lock.boot, lock.since_ms),
        )

    def find(self, agent_id: str) -> HostLock | None:
        """Return the lock of an agent, or None."""
        row = self._sql.row(
            "select agent_id, host, k, run_id, path, boot, since_ms from host_locks where agent_id = ?", (agent_id,)
        )
        return None if row is None else _lock(row)

    def list(self) -> Sequence[HostLock]:
        """Return all locks, by agent."""
        rows = self._sql.rows(
            "select agent_id, host, k, run_id, path, boot, since_ms from host_locks order by agent_id"
        )
        return [_lock(row) for row in rows]

    def remove(self, agent_id: str) -> bool:
        """Free an agent; tell whether it was locked."""
        return bool(self._sql.change("delete from host_locks where agent_id = ?", (agent_id,)))


def _lock(row: Row) -> HostLock:
    agent_id, host, k, run_id, path, boot, since_ms = row
    return HostLock(agent_id=agent_id, host=host, k=k, run_id=run_id, path=path, boot=boot, since_ms=since_ms)
