"""The first half of a session at the agent's end: hello, whether the server's term is the highest known, the welcome.

What comes after the welcome is said in `agent_core.py`. Source: protocol.md section 4.2.
"""

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from jaz_lite.errors import LocalProtocolError
from jaz_lite.wire import ident, limits
from jaz_lite.wire import messages as m
from jaz_lite.wire.frames import Violation
from jaz_lite.wire.happenings import Challenged, Closed, Welcomed
from jaz_lite.wire.identities import AgentIdentity, HelloFacts
from jaz_lite.wire.link import Body, Link, Route, route
from jaz_lite.wire.schema import cut

STATES = ("challenge", "deciding", "welcome", "syncing", "up")
RUNNING = ("syncing", "up")


class AgentHandshake(Link):
    """The agent's end up to the welcome. See `AgentLink` for the arguments."""

    running_states: ClassVar[frozenset[str]] = frozenset(RUNNING)
    __slots__ = ("_acked_event", "_agent", "_challenge", "_hello", "_sent_event", "_transcript")

    def __init__(self, agent: AgentIdentity, facts: HelloFacts, *, nonce: bytes, now: float) -> None:
        super().__init__(state="challenge", now=now)
        self._agent = agent
        self._transcript = b""
        self._challenge: Challenged | None = None
        self._sent_event = 0  # number of the last event sent
        self._acked_event = 0
        self._hello = self._payload(m.HELLO, _hello_body(agent, facts, nonce))
        self._write(self._hello)

    def accept_term(self) -> None:
        """Go on with a server whose term is the highest known, after that was checked."""
        if self._must_be("deciding"):
            assert self._challenge is not None
            if self._challenge.probe:
                raise LocalProtocolError("a probe is answered by probe_answer")
            self._send(m.AUTH, {"mac": ident.agent_mac(self._agent.key, self._transcript)})
            self._step("welcome")

    def stale(self, *, term: int, act: bytes, ticket: bytes, addrs: Iterable[str] = (), live_s: int = 0) -> None:
        """Tell the server that a higher term is known, with its ticket, and close; also within a session.

        Args:
            live_s: seconds since the last byte from the server of that term.
        """
        if self._must_be("deciding", *RUNNING):
            hints = list(addrs)[: limits.PEERS_MAX]
            self._send(m.STALE, {"term": term, "act": act, "ticket": ticket, "addrs": hints, "live": live_s})
            self._close(Closed("stale", "the server's term is not the highest known", by_us=True))

    def probe_answer(
        self,
        *,
        term: int,
        act: bytes,
        ticket: bytes,
        live_s: int,
        in_session: bool | None = None,
        addrs: Iterable[str] = (),
    ) -> None:
        """Answer a probe with the highest term known, and close; nothing is recorded."""
        if self._must_be("deciding"):
            body: dict[str, Any] = {"term": term, "live": live_s}
            if in_session is not None:
                body["up"] = in_session
            if hints := list(addrs)[: limits.PEERS_MAX]:
                body["addrs"] = hints
            if act:
                body |= {"act": act, "ticket": ticket}
            self._send(m.PROBE_R, body)
            self._close(Closed("probed", "the probe was answered", by_us=True))

    def _on_challenge(self, body: Body, payload: bytes) -> None:
        if body["site_uid"] != self._agent.site_uid:
            raise Violation("site", "this agent belongs to another site")
        if not limits.PROTO_MIN <= body["proto"] <= limits.PROTO_MAX:
            raise Violation("state", f"version {body['proto']} was not offered")
        self._transcript = ident.transcript(self._hello, payload, self._agent.pin_sha256)
        self._answered()
        self._challenge = Challenged(body["term"], body["act"], body["server"], body.get("probe") or False)
        self._wait_for_caller("deciding")
        self._found.append(self._challenge)

    def _on_welcome(self, body: Body, _payload: bytes) -> None:
        assert self._challenge is not None
        if not ident.same(ident.server_mac(self._agent.key, self._transcript), body["mac"]):
            raise Violation("auth", "the server does not know this agent's key")
        self._sent_event = self._acked_event = body["cursor"]
        self._start_running("syncing", body["hb"])
        self._found.append(
            Welcomed(
                term=self._challenge.term,
                act=self._challenge.act,
                server_id=self._challenge.server_id,
                ticket=body["ticket"],
                spool=body["spool"],
                cursor=body["cursor"],
                chain=body["chain"],
                peers=tuple(body["peers"]),
                hb_s=body["hb"],
                limits=body["limits"],
                cfg=body["cfg"],
                drain=body["drain"],
                wall_ns=body["wall"],
            )
        )

    @classmethod
    def handshake_routes(cls) -> Iterator[tuple[int, Route]]:
        """Give the routes of the messages up to the welcome."""
        yield route(m.CHALLENGE, ("challenge",), cls._on_challenge)
        yield route(m.WELCOME, ("welcome",), cls._on_welcome)


def _hello_body(agent: AgentIdentity, facts: HelloFacts, nonce: bytes) -> dict[str, Any]:
    body: dict[str, Any] = {
        "proto": [limits.PROTO_MIN, limits.PROTO_MAX],
        "site": agent.site_uid.hex(),
        "agent": agent.agent_id,
        "kid": agent.kid,
        "na": nonce,
        "spool": facts.spool,
        "boot": facts.boot,
        "term": facts.term,
        "acked": facts.acked,
        "head": facts.head,
        "low": facts.low,
        "keep": facts.keep_s,
        "conn": facts.conn,
        "wall": facts.wall_ns,
        "tz": facts.tz_s,
        "sw": cut(facts.sw, 64),
        "os": cut(facts.os, 64),
        "arch": cut(facts.arch, 32),
        "feats": list(facts.feats),
        "cap": {"par": facts.par, "queue": facts.queue, "free": facts.free},
    }
    if facts.encoding:
        body["cap"]["enc"] = facts.encoding
    if facts.strict:
        body["cap"]["strict"] = True
    if facts.listen_port:
        body["listen"] = facts.listen_port
    if facts.heard_s is not None:
        body["heard"] = facts.heard_s
    if facts.act:
        body |= {"act": facts.act, "ticket": facts.ticket}
    if facts.low_chain != ident.CHAIN_START:
        body["low_chain"] = facts.low_chain
    return body
