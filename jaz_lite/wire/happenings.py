"""What the two links tell their callers: plain values, in the order in which they happened.

`ServerLink` gives the first group, `AgentLink` the second, both give `Closed` exactly once, as the last. Names of
fields are those of protocol.md section 5 where that section has one. Everything in a happening has passed the
schemas: types, lengths and ranges need no second look. Whether it makes sense is the caller's question.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from jaz_lite.wire.identities import Hello

AgentState = Literal["accepted", "starting", "running", "done", "failed", "lost", "cancelled"]
RefusalReason = Literal["draining", "busy", "no_space", "disabled", "kind", "damaged"]
KillHow = Literal["signal", "stop"]

NOTHING: Mapping[str, Any] = MappingProxyType({})


class Happening:
    """The family of all happenings."""

    __slots__ = ()


# ---- both ends


@dataclass(frozen=True, slots=True)
class Closed(Happening):
    """The session is over. `by_us`: this end closed it (a command, a deadline, or the peer broke a rule).

    code: a `bye` code (`version auth dup_agent revoked deposed shutdown redirect overload proto busy`), an `error`
    code (`frame seq type schema state limit unsupported site`), or `eof`, `silent`, `timeout`, `stale`, `probed`.
    addrs: hints of a peer that said `bye{redirect}` or `bye{deposed}`. retry_s: its wish; 0 says nothing.
    """

    code: str
    msg: str
    by_us: bool
    addrs: tuple[str, ...] = ()
    retry_s: int = 0


@dataclass(frozen=True, slots=True)
class Alive(Happening):
    """The peer has answered since it was asked with `ask_alive`."""


# ---- what a server hears


@dataclass(frozen=True, slots=True)
class Identified(Happening):
    """The agent proved who it is. The caller commits what follows from it, then calls `welcome`."""

    hello: Hello


@dataclass(frozen=True, slots=True)
class Deposed(Happening):
    """An agent knows a higher term (from its `hello` or a `stale`). The caller verifies the ticket.

    agent_id: "" where it was said within a session, whose agent is known.

    Valid: this server is fenced. Not valid: the agent is quarantined. Either way the caller then calls `bye`.
    """

    agent_id: str
    term: int
    act: bytes
    ticket: bytes
    addrs: tuple[str, ...] = ()
    live_s: int = 0


@dataclass(frozen=True, slots=True)
class ProbeAnswered(Happening):
    """The answer to a challenge with `probe`: the agent recorded nothing. `act` and `ticket` may be empty.

    live_s: since the agent heard its server last. in_session: whether it has a session with it now; None: an older
    agent, which does not say. addrs: where the server of that term may be found. spool, acked, heard_s: as in its hello.
    """

    agent_id: str
    term: int
    act: bytes
    ticket: bytes
    live_s: int
    in_session: bool | None = None
    addrs: tuple[str, ...] = ()
    spool: bytes = b""
    acked: int = 0
    heard_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric(Happening):
    """What an agent says of its machine and itself once a minute; None: not said.

    load: hundredths of a job that is ready to run, over the last minute. mem_bytes: that may still be used. free_bytes,
    spool_bytes: on the disk of its data directory, free and taken by what it keeps. queued: jobs that wait for a slot.
    """

    load: int | None = None
    mem_bytes: int | None = None
    free_bytes: int | None = None
    running: int | None = None
    queued: int | None = None
    spool_bytes: int | None = None
    wall_ns: int = 0


@dataclass(frozen=True, slots=True)
class AgentEvent:
    """One event of the agent's log. `chain` is h(n): what is stored beside the cursor when n is applied.

    k: the natural key of the attempt it is about, or None. e: its name. x: its fields (protocol 5.4).
    """

    n: int
    t_ns: int
    k: bytes | None
    e: str
    x: Mapping[str, Any]
    chain: bytes


@dataclass(frozen=True, slots=True)
class AgentEvents(Happening):
    """Events in order, without gaps, each for the first time in this session. Never empty."""

    events: Sequence[AgentEvent]


@dataclass(frozen=True, slots=True)
class InventoryItem:
    """What the agent's records say of one attempt. eseq: number of its latest event. digest8: of its spec."""

    k: bytes
    st: AgentState
    eseq: int
    digest8: bytes
    occ: str
    path: str
    att: int
    run: int


@dataclass(frozen=True, slots=True)
class InventoryPage(Happening):
    """A page of the inventory; `more` pages follow."""

    items: Sequence[InventoryItem]
    more: bool


@dataclass(frozen=True, slots=True)
class Synced(Happening):
    """All events up to `head` and the whole inventory were sent; from now on `dispatch`, `kill`, `cancel` may go."""

    head: int


@dataclass(frozen=True, slots=True)
class Output(Happening):
    """Bytes of a stream (1 standard output, 2 standard error) from `offset` on. `eof`: these are the last."""

    k: bytes
    stream: int
    offset: int
    data: bytes
    eof: bool


@dataclass(frozen=True, slots=True)
class RefusedWork(Happening):
    """The agent made no record of the dispatch: definitely not started."""

    k: bytes
    why: RefusalReason
    msg: str


@dataclass(frozen=True, slots=True)
class WorkState(Happening):
    """The answer to a repeated dispatch or a query; informational, never moves the cursor."""

    k: bytes
    st: AgentState
    exit: int | None = None
    conflict: bool = False
    why: str = ""


@dataclass(frozen=True, slots=True)
class ConfigTaken(Happening):
    """The agent has made a new key (its number) or the next certificate (its SHA-256) durable."""

    kid: int | None = None
    pin: bytes | None = None


# ---- what an agent hears


@dataclass(frozen=True, slots=True)
class Beat(Happening):
    """The server sent a heartbeat, or answered one: it lives, and has nothing else to say."""


BEAT = Beat()  # they are all alike; a flood of them costs nothing


@dataclass(frozen=True, slots=True)
class Challenged(Happening):
    """The server named its term. The caller answers `accept_term`, `stale` or, when `probe`, `probe_answer`."""

    term: int
    act: bytes
    server_id: str
    probe: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Welcomed(Happening):
    """The server proved that it knows the agent's key.

    The caller makes (term, act, ticket, peers) durable, compares spool, cursor and chain with its own log, then
    sends events from cursor+1 on, the inventory and `synced`; or says `bye` and rotates.
    """

    term: int
    act: bytes
    server_id: str
    ticket: bytes
    spool: bytes
    cursor: int
    chain: bytes
    peers: tuple[str, ...]
    hb_s: int
    limits: Mapping[str, Any]
    cfg: Mapping[str, Any]
    drain: bool
    wall_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatched(Happening):
    """Work to do, or a repeat of it. `spec` is whole, however it travelled; see `wire.spec.unpack_spec`.

    start_by_s: counted from now; None waits without end. desc: names for people.
    """

    k: bytes
    occ: str
    path: str
    att: int
    run: int
    kind: str
    spec: bytes
    start_by_s: int | None = None
    desc: Mapping[str, Any] = field(default_factory=lambda: NOTHING)


@dataclass(frozen=True, slots=True)
class KillAsked(Happening):
    """End a running attempt: by `sig`, SIGKILL after `grace_s`; or by its stop command. Not started: cancel it."""

    k: bytes
    how: KillHow
    sig: str
    grace_s: int
    why: str


@dataclass(frozen=True, slots=True)
class CancelAsked(Happening):
    """Make sure that the attempt never starts; no effect on a running one."""

    k: bytes
    why: str


@dataclass(frozen=True, slots=True)
class Queried(Happening):
    """The server asks for the state of one attempt (answer: `state`) or, with None, for the inventory."""

    k: bytes | None


@dataclass(frozen=True, slots=True)
class Acked(Happening):
    """All events up to `n` are committed on the server. Permits forgetting later, not now."""

    n: int


@dataclass(frozen=True, slots=True)
class OutputAcked(Happening):
    """The server has committed the stream up to `offset`; go on from there if it lies beyond what was sent."""

    k: bytes
    stream: int
    offset: int


@dataclass(frozen=True, slots=True)
class OutputAsked(Happening):
    """The server wants the stream from `offset` on, again or for the first time."""

    k: bytes
    stream: int
    offset: int


@dataclass(frozen=True, slots=True)
class Drained(Happening):
    """Take no new work (`on`), or take it again."""

    on: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigChanged(Happening):
    """New settings; None leaves as is."""

    peers: tuple[str, ...] | None = None
    hb_s: int | None = None
    limits: Mapping[str, Any] | None = None
    next_pin: bytes | None = None
    next_cert: bytes | None = None
    key: bytes | None = None
    kid: int | None = None
