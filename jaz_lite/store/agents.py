"""Agents: who may connect, how far their events are taken in, and what was last seen of them."""

# Statements are put together from constants of this file; values are always bound.
# ruff: noqa: S608

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from jaz_lite.store.connection import Row, Sql
from jaz_lite.store.keys import Keys
from jaz_lite.store.memory import unpack

AgentState = Literal["active", "draining", "quarantined", "revoked"]
AGENT_STATES: tuple[AgentState, ...] = get_args(AgentState)
STATE_NUMBER: Mapping[str, int] = {state: number for number, state in enumerate(AGENT_STATES)}


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentRow:
    """One agent of the site. The key is plain here and sealed in the file."""

    agent_id: str
    kid: int
    key: bytes
    spool: bytes | None = None  # assigned by the server; None: never connected
    cursor: int = 0  # number of the last event whose effects are committed
    chain: bytes = bytes(16)  # hash of the agent's log up to the cursor
    boot: bytes | None = None
    confirmed_term: int | None = None
    conn: int = 0
    addrs: tuple[str, ...] = ()
    dial: str = "agent"  # who dials: agent, server or both
    state: str = "active"  # one of AGENT_STATES
    version: str = ""
    os: str = ""
    arch: str = ""
    seen_ms: int | None = None
    created_ms: int
    par_max: int | None = None  # jobs at once as the server limits them; None: what the agent says
    queue_max: int | None = None  # work orders that wait there beyond those
    par: int | None = None  # what the agent said of itself last, as all below
    queue: int | None = None
    peer: str = ""  # where its last connection came from or led to
    encoding: str = ""  # of the output of its jobs; "": utf-8
    clock_offset_ms: int | None = None  # how much its clock is ahead of the server's
    spool_bytes: int | None = None
    free_bytes: int | None = None
    running: int | None = None
    tls_min: str = "1.3"  # the oldest version of TLS that it may use
    twin_ms: int | None = None  # when a second machine with its identity was last refused
    twin_peer: str = ""  # and where that one came from
    forged_ms: int | None = None  # when somebody in its name last claimed a newer server without proof
    keep_s: int | None = None  # how long it keeps what was acknowledged; None: it has not said
    listen_port: int = 0  # where it said last that servers may dial it; 0: nowhere

    @property
    def dial_at(self) -> str:
        """Where it can be dialled as far as its last connection showed, `host:port`; "" where that is not known."""
        host = self.peer
        if host.startswith("["):
            host = host[1:].partition("]")[0]
        elif host.count(":") == 1:
            host = host.partition(":")[0]
        if not (host and self.listen_port):
            return ""
        return f"[{host}]:{self.listen_port}" if ":" in host else f"{host}:{self.listen_port}"


# What the door and the dialler of the server go by.
_ACCESS = frozenset(("kid", "key", "addrs", "dial", "state", "tls_min"))
_NAMES = tuple(field.name for field in fields(AgentRow))
_COLUMNS = ", ".join(_NAMES)


class Agents:
    """All agents."""

    def __init__(self, sql: Sql, keys: Callable[[], Keys]) -> None:
        self._sql = sql
        self._keys = keys

    def put(self, row: AgentRow) -> None:
        """Save an agent, new or known."""
        self._sql.memory.agents_version += 1
        sets = ", ".join(f"{name} = excluded.{name}" for name in _NAMES if name != "agent_id")
        self._sql.run(
            f"insert into agents ({_COLUMNS}) values ({', '.join('?' * len(_NAMES))})"
            f" on conflict (agent_id) do update set {sets}",
            [self._stored(name, getattr(row, name)) for name in _NAMES],
        )

    def find(self, agent_id: str) -> AgentRow | None:
        """Return an agent, or None."""
        row = self._sql.row(f"select {_COLUMNS} from agents where agent_id = ?", (agent_id,))
        return None if row is None else self._agent(row)

    def move_cursor(self, agent_id: str, spool: bytes, cursor: int, chain: bytes) -> None:
        """Note how far an agent's events are taken in; belongs into the transaction with their effects."""
        changed = self._sql.change(
            "update agents set spool = ?, cursor = ?, chain = ? where agent_id = ?", (spool, cursor, chain, agent_id)
        )
        assert changed == 1, f'there is no agent "{agent_id}"'

    def update(self, agent_id: str, **changes: Any) -> None:
        """Change fields of an agent.

        Args:
            changes: fields of `AgentRow` except `agent_id`.
        """
        assert "agent_id" not in changes, "an agent keeps its name"
        assert changes.keys() <= set(_NAMES), f"no such fields: {changes.keys() - set(_NAMES)}"
        if not changes:
            return
        self._sql.memory.agents_version += not _ACCESS.isdisjoint(changes)
        sets = ", ".join(f"{name} = ?" for name in changes)
        values = [self._stored(name, value) for name, value in changes.items()]
        changed = self._sql.change(f"update agents set {sets} where agent_id = ?", (*values, agent_id))
        assert changed == 1, f'there is no agent "{agent_id}"'

    def remove(self, agent_id: str) -> bool:
        """Forget an agent; tell whether there was one."""
        self._sql.memory.agents_version += 1
        return bool(self._sql.change("delete from agents where agent_id = ?", (agent_id,)))

    def any_with_tls(self, version: str) -> bool:
        """Tell whether there is an agent that may use TLS this old."""
        return self._sql.row("select 1 from agents where tls_min = ? limit 1", (version,)) is not None

    def list(self) -> Sequence[AgentRow]:
        """Return all agents, sorted by name."""
        return [self._agent(row) for row in self._sql.rows(f"select {_COLUMNS} from agents order by agent_id")]

    def _stored(self, name: str, value: Any) -> Any:
        match name:
            case "key":
                return self._keys().seal(value)
            case "state":
                return STATE_NUMBER[value]
            case "addrs":
                return self._sql.memory.pack(tuple(value))
        return value

    def _agent(self, row: Row) -> AgentRow:
        named = dict(zip(_NAMES, row, strict=True))
        named["key"] = self._keys().unseal(named["key"])
        named["state"] = AGENT_STATES[named["state"]]
        named["addrs"] = tuple(unpack(named["addrs"]))
        return AgentRow(**named)
