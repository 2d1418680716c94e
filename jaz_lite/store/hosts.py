"""Hosts: the names that definitions use, and what stands behind them."""

# Statements are put together from constants of this file; values are always bound.
# ruff: noqa: S608

from collections.abc import Sequence

from jaz_lite.model.encoding import UTF_8
from jaz_lite.model.host import HOST_KINDS, Host
from jaz_lite.store.attempts import Attempt
from jaz_lite.store.connection import Row, Sql

_COLUMNS = "host, kind, agent_id, address, port, user, enabled, encoding, memo"


class Hosts:
    """All host names."""

    def __init__(self, sql: Sql) -> None:
        self._sql = sql

    def put(self, host: Host) -> None:
        """Save a host, new or known."""
        sets = ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS.split(", ")[1:])
        self._sql.run(
            f"insert into hosts ({_COLUMNS}) values (?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict (host) do update set {sets}",
            (
                host.host,
                HOST_KINDS.index(host.kind),
                host.agent_id,
                host.address,
                host.port,
                host.user,
                host.enabled,
                host.encoding,
                host.memo,
            ),
        )
        self._sql.run("delete from host_members where host = ?", (host.host,))
        for place, member in enumerate(host.members):
            self._sql.run("insert into host_members (host, place, member) values (?, ?, ?)", (host.host, place, member))

    def find(self, name: str) -> Host | None:
        """Return a host, or None."""
        row = self._sql.row(f"select {_COLUMNS} from hosts where host = ?", (name,))
        return None if row is None else self._host(row)

    def remove(self, name: str) -> bool:
        """Forget a host; tell whether there was one."""
        return bool(self._sql.change("delete from hosts where host = ?", (name,)))

    def list(self) -> Sequence[Host]:
        """Return all hosts, sorted by name."""
        return [self._host(row) for row in self._sql.rows(f"select {_COLUMNS} from hosts order by host")]

    def groups_of(self, member: str) -> Sequence[str]:
        """Return the groups that name this member themselves, sorted."""
        return [
            row[0] for row in self._sql.rows("select host from host_members where member = ? order by host", (member,))
        ]

    def of_agent(self, agent_id: str) -> Sequence[str]:
        """Return the hosts that stand for this agent alone, sorted."""
        return [
            row[0] for row in self._sql.rows("select host from hosts where agent_id = ? order by host", (agent_id,))
        ]

    def led_before(self, host: str, epoch: int, agent_id: str) -> None:
        """Note to which agent a host led before the takeover that began `epoch`."""
        self._sql.run(
            "insert into hosts_before (host, epoch, agent_id) values (?, ?, ?) on conflict do nothing",
            (host, epoch, agent_id),
        )

    def agents_before(self, host: str) -> Sequence[str]:
        """Return the agents to which a host led before takeovers."""
        return [row[0] for row in self._sql.rows("select agent_id from hosts_before where host = ?", (host,))]

    def led_in(self, host: str, epoch: int) -> str:
        """Return the agent to which a host led in an earlier epoch; "" where no takeover has changed it since."""
        row = self._sql.row(
            "select agent_id from hosts_before where host = ? and epoch > ? order by epoch limit 1", (host, epoch)
        )
        return "" if row is None else str(row[0])

    def encoding_of(self, attempt: Attempt) -> str:
        """Return the encoding of the output of an attempt, as its host, its group or its agent say now."""
        for name in (attempt.host, attempt.group):
            host = self.find(name) if name else None
            if host is not None and host.encoding:
                return host.encoding
        row = self._sql.row("select encoding from agents where agent_id = ?", (attempt.agent_id,))
        return UTF_8 if row is None else row[0] or UTF_8

    def _host(self, row: Row) -> Host:
        name, kind = row[0], HOST_KINDS[row[1]]
        members = (
            self._sql.rows("select member from host_members where host = ? order by place", (name,))
            if kind == "group"
            else ()
        )
        return Host(
            host=name,
            kind=kind,
            agent_id=row[2],
            members=tuple(each[0] for each in members),
            address=row[3],
            port=row[4],
            user=row[5],
            enabled=bool(row[6]),
            encoding=row[7],
            memo=row[8],
        )
