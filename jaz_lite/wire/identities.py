"""Who is who in a session: how a server and an agent name themselves, and what an agent says of itself."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteIdentity:
    """The server's side of a session: who it is and in which term it speaks.

    cert_sha256: of the DER bytes of the certificate shown in TLS.
    """

    site_uid: bytes
    server_id: str
    term: int
    act: bytes
    cert_sha256: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentIdentity:
    """The agent's side of a session, as given at enrolment."""

    agent_id: str
    kid: int
    key: bytes
    site_uid: bytes
    pin_sha256: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class HelloFacts:
    """What an agent says of itself in `hello`. `spool` is 16 zero bytes when it asks for a new one.

    term, act, ticket: the highest term it has accepted; 0 and empty before the first.
    acked, head, low: numbers of the last acknowledged, the last and the first retained event; low is 1 at first.
    low_chain: h(low - 1), from which a server goes on that had to give up the events before `low`.
    keep_s: how long acknowledged records are kept. conn: grows with each connection. par, queue: jobs at once and
    waiting. free: bytes free on the spool's disk. tz_s: seconds east of UTC. encoding: of the output of its jobs.
    strict: its disk may be set back with its machine, so after a boot it proves nothing by having no record.
    listen_port: where servers may dial it; 0: nowhere, or it does not say.
    heard_s: since it heard the server of that term last; None: not since it was started, or it does not say.
    """

    spool: bytes
    boot: bytes
    term: int = 0
    act: bytes = b""
    ticket: bytes = b""
    acked: int = 0
    head: int = 0
    low: int = 1
    low_chain: bytes = bytes(16)
    keep_s: int = 7 * 86_400
    conn: int = 0
    wall_ns: int = 0
    tz_s: int = 0
    sw: str = ""
    os: str = ""
    arch: str = ""
    feats: tuple[str, ...] = ()
    par: int = 1
    queue: int = 0
    free: int = 0
    encoding: str = ""
    strict: bool = False
    listen_port: int = 0
    heard_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """A checked `hello`: who says it, with which key, and the facts."""

    agent_id: str
    kid: int
    facts: HelloFacts
