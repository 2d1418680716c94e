"""The server's end of a session with one agent, as a pure state machine.

    hello ──► auth ──► identified ──► syncing ──► up ──► closed
      │                 the caller     events,    commands
      └──► deposed      says welcome   inventory  may go
           the caller
           says bye

Nothing is dispatched, killed or cancelled before `up`: until the agent has told all it knows, the server may be about
to order what was done long ago. Events are given in order, without gaps and only once; each with the hash h(n) that
is stored beside the cursor. What the caller must do itself: commit before `welcome`, `dispatch` and `ack`; verify
tickets; hold one session an agent. Source: protocol.md sections 4 and 5.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from jaz_lite.errors import LocalProtocolError
from jaz_lite.wire import events, ident, limits
from jaz_lite.wire import messages as m
from jaz_lite.wire.frames import Violation, pack
from jaz_lite.wire.happenings import (
    NOTHING,
    AgentEvent,
    AgentEvents,
    ConfigTaken,
    InventoryItem,
    InventoryPage,
    KillHow,
    Metric,
    Output,
    RefusedWork,
    Synced,
    WorkState,
)
from jaz_lite.wire.identities import SiteIdentity
from jaz_lite.wire.link import Body, Bulk, Link, Route, route
from jaz_lite.wire.output_credit import Incoming
from jaz_lite.wire.schema import cut
from jaz_lite.wire.server_files import ServerFiles
from jaz_lite.wire.server_handshake import NOT_ACCEPTED, RUNNING, STATES, FindKey, ServerHandshake


class ServerLink(ServerFiles):
    """The server's end. See the module and `wire/__init__.py`.

    Args:
        nonce: 32 fresh random bytes.
        now: monotonic seconds, as in all calls.
        find_agent: gives the key of an agent, or None when it is unknown or revoked.
        refusal: code and words of the `bye` to who cannot prove to be an agent.
        probe: only ask what term the agent knows; it records nothing and the session ends.
    """

    __slots__ = ("_ack_again", "_incoming", "_queued", "_unanswered")

    def __init__(
        self,
        site: SiteIdentity,
        *,
        nonce: bytes,
        now: float,
        find_agent: FindKey,
        probe: bool = False,
        refusal: tuple[str, str] = NOT_ACCEPTED,
    ) -> None:
        super().__init__(site, nonce=nonce, now=now, find_agent=find_agent, probe=probe, refusal=refusal)
        self._ack_again = False
        self._unanswered: set[bytes] = set()
        self._queued: set[bytes] = set()  # dispatches whose blob is still on its way out
        self._incoming = Incoming()

    # ---- commands: session

    def config(
        self,
        *,
        peers: Sequence[str] | None = None,
        hb_s: int | None = None,
        limits_map: Mapping[str, Any] | None = None,
        next_pin: bytes | None = None,
        next_cert: bytes | None = None,
        key: bytes | None = None,
        kid: int | None = None,
    ) -> None:
        """Change settings of a running session; None leaves as is."""
        if not self._must_be(*RUNNING):
            return
        body = {
            "peers": None if peers is None else list(peers),
            "hb": hb_s,
            "limits": None if limits_map is None else dict(limits_map),
            "next_pin": next_pin,
            "next_cert": next_cert,
            "key": key,
            "kid": kid,
        }
        self._send(m.CONFIG, {name: value for name, value in body.items() if value is not None})
        if hb_s is not None:
            self._hb_s = hb_s

    def bye(self, code: str, msg: str = "", *, addrs: Iterable[str] = (), retry_s: int = 0) -> None:
        """End the session. `addrs` are hints for `redirect` and `deposed`."""
        self._say_bye(code, msg, retry_s, addrs)

    # ---- commands: work

    @property
    def dispatch_room(self) -> int:
        """How many dispatches may be sent now; each answer (event, state, refusal) makes room for one more."""
        return limits.DISPATCH_UNANSWERED_MAX - len(self._unanswered) if self.state == "up" else 0

    def dispatch(
        self,
        *,
        k: bytes,
        occ: str,
        path: str,
        att: int,
        run: int,
        kind: str,
        spec: bytes,
        start_by_s: int | None = None,
        desc: Mapping[str, Any] = NOTHING,
    ) -> None:
        """Order work, after `sent` was committed. A long spec travels as a blob, out of the way of other frames.

        Raises:
            LocalProtocolError: not up, no room, or a value out of its limits.
        """
        if not self._must_be("up"):
            return
        if len(self._unanswered) >= limits.DISPATCH_UNANSWERED_MAX and k not in self._unanswered:
            raise LocalProtocolError(f"{limits.DISPATCH_UNANSWERED_MAX} dispatches are unanswered")
        if len(spec) > limits.SPEC_BYTES_MAX:
            raise LocalProtocolError(f"a spec of {len(spec)} bytes; {limits.SPEC_BYTES_MAX} are allowed")
        body: dict[str, Any] = {
            "k": k,
            "occ": occ,
            "path": path,
            "att": att,
            "run": run,
            "kind": kind,
            "spec": spec,
            "desc": dict(desc),
        }
        if desc and len(pack(body["desc"])) > limits.DESC_BYTES_MAX:
            raise LocalProtocolError(f"desc has more than {limits.DESC_BYTES_MAX} bytes")
        if start_by_s is not None:
            body["start_by"] = start_by_s
        if len(spec) <= limits.SPEC_BYTES_MAX_INLINE:
            self._send(m.DISPATCH, body)
        else:
            self._check(m.DISPATCH, {**body, "spec": b""})
            self._queued.add(k)
            self._bulk.append(self._as_blob(k, spec, body))
        self._unanswered.add(k)

    def kill(self, k: bytes, *, how: KillHow, sig: str = "TERM", grace_s: int = 10, why: str = "") -> None:
        """End a running attempt; one that has not started is cancelled instead."""
        self._about(k, m.KILL, {"k": k, "how": how, "sig": sig, "grace": grace_s, "why": cut(why, 64)})

    def cancel(self, k: bytes, why: str = "") -> None:
        """Make sure that an attempt never starts; no effect on a running one."""
        self._about(k, m.CANCEL, {"k": k, "why": cut(why, 64)})

    def query(self, k: bytes | None = None) -> None:
        """Ask for the state of one attempt, or for the whole inventory."""
        if k is None:
            if self._must_be("up"):
                self._send(m.QUERY, {})
        else:
            self._about(k, m.QUERY, {"k": k})

    def drain(self, on: bool) -> None:
        """Ask the agent to take no new work, or to take it again."""
        if self._must_be(*RUNNING):
            self._send(m.DRAIN, {"on": on})

    # ---- commands: events and output

    def ack(self, n: int) -> None:
        """Say that all events up to `n` are committed."""
        if not self._must_be(*RUNNING):
            return
        if n > self._consumed:
            raise LocalProtocolError(f"ack {n} before event {n} came; the last was {self._consumed}")
        if n > self._acked:
            self._acked = n
            self._send(m.ACK, {"n": n})

    def out_ack(self, k: bytes, stream: int, offset: int) -> None:
        """Say up to where a stream is committed; gives the agent credit to send more."""
        if self._must_be("up"):
            self._incoming.acknowledge(k, stream, offset)
            self._send(m.OUT_ACK, {"k": k, "s": stream, "o": offset})

    def out_req(self, k: bytes, stream: int, offset: int) -> None:
        """Ask for a stream from `offset` on."""
        if self._must_be("up"):
            self._incoming.ask(k, stream, offset)
            self._send(m.OUT_REQ, {"k": k, "s": stream, "o": offset})

    @property
    def has_output(self) -> bool:
        """See `Link.has_output`."""
        return super().has_output or (self._ack_again and not self.closed)

    def take(self) -> bytes:
        """Return what is to be sent now; see `Link.take`."""
        if self._ack_again and not self.closed:
            self._ack_again = False
            self._send(m.ACK, {"n": self._acked})
        return super().take()

    # ---- inside: out

    def _about(self, k: bytes, number: int, body: Body) -> None:
        if not self._must_be("up"):
            return
        if k in self._queued:
            # It must not overtake the dispatch it is about.
            self._queue(number, body)
        else:
            self._send(number, body)

    def _as_blob(self, k: bytes, spec: bytes, body: dict[str, Any]) -> Bulk:
        digest = hashlib.sha256(spec).digest()
        for offset in range(0, len(spec), limits.CHUNK_BYTES_MAX):
            chunk = spec[offset : offset + limits.CHUNK_BYTES_MAX]
            last = offset + len(chunk) == len(spec)
            yield m.BLOB, {"h": digest, "o": offset, "d": chunk, "last": last}
        self._queued.discard(k)
        yield m.DISPATCH, {**body, "spec": b"", "blob": digest}

    # ---- inside: the running session

    def _on_ev(self, body: Body, _payload: bytes) -> None:
        fresh: list[AgentEvent] = []
        for packed in body["l"]:
            n, t_ns, k, e, x = events.unpack_event(packed)
            if n <= self._consumed:
                self._ack_again = True
                continue
            if n != self._consumed + 1:
                raise Violation("state", f"event {n} came where {self._consumed + 1} was due")
            self._consumed = n
            self._chain = ident.chain(self._chain, packed)
            if k is not None:
                self._unanswered.discard(k)
            fresh.append(AgentEvent(n, t_ns, k, e, x, self._chain))
        if self._consumed - self._acked > limits.EVENTS_UNACKED_MAX:
            raise Violation("limit", f"more than {limits.EVENTS_UNACKED_MAX} events without an ack")
        if fresh:
            self._found.append(AgentEvents(fresh))

    def _on_inv(self, body: Body, _payload: bytes) -> None:
        self._found.append(InventoryPage([InventoryItem(*item) for item in body["items"]], body["more"]))

    def _on_config_ok(self, body: Body, _payload: bytes) -> None:
        self._found.append(ConfigTaken(body.get("kid"), body.get("pin")))

    def _on_synced(self, body: Body, _payload: bytes) -> None:
        if body["head"] != self._consumed:
            raise Violation("state", f"synced at {body['head']}, but the last event was {self._consumed}")
        self.state = "up"
        self._found.append(Synced(body["head"]))

    def _on_state(self, body: Body, _payload: bytes) -> None:
        self._unanswered.discard(body["k"])
        self._found.append(
            WorkState(body["k"], body["st"], body.get("exit"), body.get("conflict") or False, body.get("why") or "")
        )

    def _on_refused(self, body: Body, _payload: bytes) -> None:
        self._unanswered.discard(body["k"])
        self._found.append(RefusedWork(body["k"], body["why"], body["msg"]))

    def _on_blob_ok(self, body: Body, _payload: bytes) -> None:
        """The blob arrived; nothing waits for it, its dispatch follows in the same stream."""

    def _on_out(self, body: Body, _payload: bytes) -> None:
        eof = body.get("eof") or False
        self._incoming.take(body["k"], body["s"], body["o"], len(body["d"]), eof=eof)
        self._found.append(Output(body["k"], body["s"], body["o"], body["d"], eof))

    def _on_metric(self, body: Body, _payload: bytes) -> None:
        self._found.append(
            Metric(
                load=body["load"],
                mem_bytes=body["mem"],
                free_bytes=body["free"],
                running=body["running"],
                queued=body["queued"],
                spool_bytes=body["spool"],
                wall_ns=body["wall"],
            )
        )

    routes: ClassVar[Mapping[int, Route]] = dict(
        (
            *Link.common_routes(STATES, RUNNING),
            *ServerHandshake.handshake_routes(),
            *ServerFiles.file_routes(),
            route(m.EV, RUNNING, _on_ev),
            route(m.CONFIG_OK, RUNNING, _on_config_ok),
            route(m.INV, RUNNING, _on_inv),
            route(m.SYNCED, ("syncing",), _on_synced),
            route(m.STATE, ("up",), _on_state),
            route(m.REFUSED, ("up",), _on_refused),
            route(m.BLOB_OK, ("up",), _on_blob_ok),
            route(m.OUT, ("up",), _on_out),
            route(m.METRIC, RUNNING, _on_metric),
        )
    )
