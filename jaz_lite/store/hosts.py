"""Hosts: the names that definitions use, and the agents behind them."""

# Statements are put together from constants of this file; values are always bound.
# ruff: noqa: S608

from collections.abc import Sequence

from jaz_lite.model.host import Host
from jaz_lite.store.connection import Row, Sql

_COLUMNS = "host, agent_id, enabled, encoding, memo"


class Hosts:
    """All host names."""

    def __init__(self, sql: Sql) -> None:
        self._sql = sql

    def put(self, host: Host) -> None:
        """Save a host, new or known."""
        self._sql.run(
            f"insert or replace into hosts ({_COLUMNS}) values (?, ?, ?, ?, ?)",
            (host.host, host.agent_id, host.enabled, host.encoding, host.memo),
        )

    def find(self, name: str) -> Host | None:
        """Return a host, or None."""
        row = self._sql.row(f"select {_COLUMNS} from hosts where host = ?", (name,))
        return None if row is None else _host(row)

    def remove(self, name: str) -> bool:
        """Forget a host; tell whether there was one."""
        return bool(self._sql.change("delete from hosts where host = ?", (name,)))

    def list(self) -> Sequence[Host]:
        """Return all hosts, sorted by name."""
        return [_host(row) for row in self._sql.rows(f"select {_COLUMNS} from hosts order by host")]


def _host(row: Row) -> Host:
    return Host(host=row[0], agent_id=row[1], enabled=bool(row[2]), encoding=row[3], memo=row[4])
