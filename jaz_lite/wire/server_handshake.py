"""The first half of a session at the server's end: who the agent is, whether our term holds, and the welcome.

What comes after the welcome is said in `server_core.py`. Source: protocol.md section 4.2.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from jaz_lite.wire import ident, limits
from jaz_lite.wire import messages as m
from jaz_lite.wire.fields import ENCODING, U32, U64
from jaz_lite.wire.frames import Violation
from jaz_lite.wire.happenings import NOTHING, Closed, Deposed, Identified, ProbeAnswered
from jaz_lite.wire.identities import Hello, HelloFacts, SiteIdentity
from jaz_lite.wire.link import Body, Link, Route, route

FindKey = Callable[[str, int], bytes | None]  # (agent_id, kid) -> the agent's key

STATES = ("hello", "auth", "identified", "syncing", "up", "deposed")
RUNNING = ("syncing", "up")
NOT_ACCEPTED = ("auth", "not accepted")


class ServerHandshake(Link):
    """The server's end up to the welcome. See `ServerLink` for the arguments."""

    running_states: ClassVar[frozenset[str]] = frozenset(RUNNING)
    __slots__ = (
        "_acked",
        "_chain",
        "_consumed",
        "_find_agent",
        "_hello",
        "_key",
        "_nonce",
        "_probe",
        "_refusal",
        "_site",
        "_transcript",
    )

    def __init__(
        self,
        site: SiteIdentity,
        *,
        nonce: bytes,
        now: float,
        find_agent: FindKey,
        probe: bool,
        refusal: tuple[str, str],
    ) -> None:
        super().__init__(state="hello", now=now)
        assert len(nonce) == 32
        self._site = site
        self._nonce = nonce
        self._find_agent = find_agent
        self._probe = probe
        self._refusal = refusal
        self._hello: Hello | None = None
        self._key = b""
        self._transcript = b""
        self._consumed = 0  # number of the last event given to the caller
        self._acked = 0
        self._chain = ident.CHAIN_START

    def welcome(
        self,
        *,
        ticket: bytes,
        spool: bytes,
        cursor: int,
        chain: bytes,
        peers: Sequence[str] = (),
        hb_s: int = limits.HEARTBEAT_S,
        limits_map: Mapping[str, Any] = NOTHING,
        cfg: Mapping[str, Any] = NOTHING,
        drain: bool = False,
        wall_ns: int = 0,
    ) -> None:
        """Let the agent in, after the caller has committed what follows from its hello.

        Args:
            spool: the id the agent's log must have; a fresh one, with cursor 0, when its hello had another.
            cursor, chain: number and hash of the last event whose effects are committed.
        """
        if not self._must_be("identified"):
            return
        self._send(
            m.WELCOME,
            {
                "mac": ident.server_mac(self._key, self._transcript),
                "ticket": ticket,
                "spool": spool,
                "cursor": cursor,
                "chain": chain,
                "peers": list(peers)[: limits.PEERS_MAX],
                "hb": hb_s,
                "limits": dict(limits_map),
                "cfg": dict(cfg),
                "drain": drain,
                "wall": wall_ns,
            },
        )
        self._consumed = self._acked = cursor
        self._chain = chain
        self._start_running("syncing", hb_s)
        self._hello = None  # the caller has it; a session lives long

    def _on_hello(self, body: Body, payload: bytes) -> None:
        if body["site"] != self._site.site_uid.hex():
            raise Violation("site", "this server is of another site")
        low, high = body["proto"]
        proto = min(high, limits.PROTO_MAX)
        if proto < max(low, limits.PROTO_MIN):
            ours = f"{limits.PROTO_MIN} to {limits.PROTO_MAX}"
            self._say_bye("version", f"the server speaks versions {ours}, the agent {low} to {high}", 0, ())
            return
        self._hello = _hello_of(body)
        site = self._site
        challenge = {
            "proto": proto,
            "site_uid": site.site_uid,
            "server": site.server_id,
            "term": site.term,
            "act": site.act,
            "ns": self._nonce,
        }
        if self._probe:
            challenge["probe"] = True
        answer = self._payload(m.CHALLENGE, challenge)
        self._transcript = ident.transcript(payload, answer, site.cert_sha256)
        self._write(answer)
        self._asked()
        self._step("auth")

    def _on_auth(self, body: Body, _payload: bytes) -> None:
        assert self._hello is not None
        self._answered()
        facts = self._hello.facts
        if not self._probe and _beats(facts.term, facts.act, self._site):
            # It said in hello that it knows a higher term, so it ought to have said `stale`.
            self._wait_for_caller("deposed")
            self._found.append(Deposed(self._hello.agent_id, facts.term, facts.act, facts.ticket))
            return
        key = self._find_agent(self._hello.agent_id, self._hello.kid)
        # An unknown name takes the same way as a wrong key, so that answers do not tell which names exist.
        self._key = hashlib.sha256(b"jazl-nobody" + self._nonce).digest() if key is None else key
        proven = ident.same(ident.agent_mac(self._key, self._transcript), body["mac"])
        if not proven or key is None or self._probe:
            code, words = self._refusal
            self._say_bye(code, words, 0, ())
            return
        self._wait_for_caller("identified")
        self._found.append(Identified(self._hello))

    def _on_stale(self, body: Body, _payload: bytes) -> None:
        agent_id = "" if self._hello is None else self._hello.agent_id
        if not _beats(body["term"], body["act"], self._site):
            raise Violation("state", "stale, but with a term that is not above ours")
        self._wait_for_caller("deposed")
        self._found.append(
            Deposed(agent_id, body["term"], body["act"], body["ticket"], tuple(body["addrs"]), body["live"])
        )

    def _on_probe_r(self, body: Body, _payload: bytes) -> None:
        assert self._hello is not None
        if not self._probe:
            raise Violation("state", "probe_r without a probe")
        act, ticket = body.get("act") or b"", body.get("ticket") or b""
        self._found.append(
            ProbeAnswered(
                self._hello.agent_id,
                body["term"],
                act,
                ticket,
                body["live"],
                body.get("up"),
                tuple(body.get("addrs") or ()),
                self._hello.facts.spool,
                self._hello.facts.acked,
                self._hello.facts.heard_s,
            )
        )
        self._close(Closed("probed", "the probe was answered", by_us=True))

    @classmethod
    def handshake_routes(cls) -> Iterator[tuple[int, Route]]:
        """Give the routes of the messages that come before the welcome."""
        yield route(m.HELLO, ("hello",), cls._on_hello)
        yield route(m.AUTH, ("auth",), cls._on_auth)
        yield route(m.STALE, ("auth", *RUNNING), cls._on_stale)
        yield route(m.PROBE_R, ("auth",), cls._on_probe_r)


def _beats(term: int, act: bytes, site: SiteIdentity) -> bool:
    """Say whether (term, act) replaces ours."""
    return ident.replaces(term, act, site.term, site.act)


def _hello_of(body: Body) -> Hello:
    cap = body["cap"]
    par, queue, free = (cap.get(name, 0) for name in ("par", "queue", "free"))
    encoding = cap.get("enc", "")
    if not (U32.check(par) and U32.check(queue) and U64.check(free)):
        raise Violation("schema", "hello.cap must hold numbers")
    if not ENCODING.check(encoding):
        raise Violation("schema", "hello.cap.enc must be the name of an encoding")
    strict = cap.get("strict", False)
    if not isinstance(strict, bool):
        raise Violation("schema", "hello.cap.strict must be true or false")
    facts = HelloFacts(
        spool=body["spool"],
        boot=body["boot"],
        term=body["term"],
        act=body.get("act") or b"",
        ticket=body.get("ticket") or b"",
        acked=body["acked"],
        head=body["head"],
        low=body["low"],
        low_chain=body.get("low_chain") or ident.CHAIN_START,
        keep_s=body["keep"],
        conn=body["conn"],
        wall_ns=body["wall"],
        tz_s=body["tz"],
        sw=body["sw"],
        os=body["os"],
        arch=body["arch"],
        feats=tuple(body["feats"]),
        par=par,
        queue=queue,
        free=free,
        encoding=encoding,
        strict=strict,
        listen_port=body.get("listen") or 0,
        heard_s=body.get("heard"),
    )
    return Hello(agent_id=body["agent"], kid=body["kid"], facts=facts)
