"""The agent's end of a session with one server, as a pure state machine.

    challenge ──► deciding ──► welcome ──► syncing ──► up ──► closed
    hello is      the caller    auth is     the caller sends events,
    on its way    accepts the   on its way  inventory, synced
                  term or says
                  stale

What the caller must do itself: the term rule and its durable record, the check of spool, cursor and chain, the rules
for duplicates. The link keeps the counts (events and output under way), puts blobs together, and holds the server to
its own gate: work ordered before `synced` ends the session. Source: protocol.md sections 4 and 5.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from jaz_lite.errors import LocalProtocolError
from jaz_lite.wire import limits
from jaz_lite.wire import messages as m
from jaz_lite.wire.agent_files import AgentFiles
from jaz_lite.wire.agent_handshake import RUNNING, STATES, AgentHandshake
from jaz_lite.wire.frames import Violation, pack
from jaz_lite.wire.happenings import (
    BEAT,
    Acked,
    AgentState,
    CancelAsked,
    ConfigChanged,
    Dispatched,
    Drained,
    InventoryItem,
    KillAsked,
    Metric,
    OutputAcked,
    OutputAsked,
    Queried,
    RefusalReason,
)
from jaz_lite.wire.identities import AgentIdentity, HelloFacts
from jaz_lite.wire.link import Body, Link, Route, route
from jaz_lite.wire.output_credit import Outgoing
from jaz_lite.wire.schema import cut

BLOBS_WAITING_MAX = 4  # whole ones whose dispatch has not come; it follows at once


class AgentLink(AgentFiles):
    """The agent's end. See the module and `wire/__init__.py`.

    Args:
        nonce: 32 fresh random bytes.
        now: monotonic seconds, as in all calls.
    """

    __slots__ = ("_blob", "_blob_digest", "_blobs", "_outgoing")

    def __init__(self, agent: AgentIdentity, facts: HelloFacts, *, nonce: bytes, now: float) -> None:
        super().__init__(agent, facts, nonce=nonce, now=now)
        self._outgoing = Outgoing()
        self._blob_digest = b""
        self._blob = bytearray()
        self._blobs: dict[bytes, bytes] = {}

    def bye(self, code: str, msg: str = "", *, retry_s: int = 0) -> None:
        """End the session."""
        self._say_bye(code, msg, retry_s, ())

    @property
    def identity(self) -> AgentIdentity:
        """Who the agent says it is in this session."""
        return self._agent

    # ---- commands: events and inventory

    @property
    def event_room(self) -> int:
        """How many more events may be sent before the server acknowledges some."""
        if self.state not in RUNNING:
            return 0
        return limits.EVENTS_UNACKED_MAX - (self._sent_event - self._acked_event)

    def events(self, packed: Sequence[bytes]) -> None:
        """Send the next events of the log, as packed by `wire.events`, after they were made durable.

        Raises:
            LocalProtocolError: no room, or an event is too long.
        """
        if not self._must_be(*RUNNING):
            return
        if len(packed) > self.event_room:
            raise LocalProtocolError(f"{len(packed)} events; there is room for {self.event_room}")
        if any(not 0 < len(event) <= limits.EVENT_BYTES_MAX for event in packed):
            raise LocalProtocolError(f"an event has 1 to {limits.EVENT_BYTES_MAX} bytes")
        for page in _pages(packed, len, limits.EVENTS_PER_FRAME_MAX, limits.EVENT_FRAME_BYTES_MAX):
            self._send(m.EV, {"l": page})
        self._sent_event += len(packed)

    def inventory(self, items: Sequence[InventoryItem], more: bool = False) -> None:
        """Send what the records say of all attempts, in pages; `more` calls follow."""
        if not self._must_be(*RUNNING):
            return
        rows = [[i.k, i.st, i.eseq, i.digest8, i.occ, i.path, i.att, i.run] for i in items]
        pages = list(_pages(rows, _row_bytes, limits.INVENTORY_ITEMS_MAX, limits.INVENTORY_PAGE_BYTES_MAX)) or [[]]
        for number, page in enumerate(pages, 1):
            self._send(m.INV, {"items": page, "more": more or number < len(pages)})

    def synced(self, head: int) -> None:
        """Say that all events up to `head`, the last of the log, and the whole inventory were sent."""
        if not self._must_be("syncing"):
            return
        if head != self._sent_event:
            raise LocalProtocolError(f"synced at {head}, but the last event sent was {self._sent_event}")
        self._send(m.SYNCED, {"head": head})
        self.state = "up"

    # ---- commands: work

    def state_of(
        self, k: bytes, st: AgentState, *, exit_code: int | None = None, conflict: bool = False, why: str = ""
    ) -> None:
        """Answer a repeated dispatch or a query with the recorded state."""
        if self._must_be("up"):
            body: dict[str, Any] = {"k": k, "st": st}
            if exit_code is not None:
                body["exit"] = exit_code
            if conflict:
                body["conflict"] = True
            if why:
                body["why"] = cut(why, 64)
            self._send(m.STATE, body)

    def refused(self, k: bytes, why: RefusalReason, msg: str = "") -> None:
        """Say that no record of a dispatch was made and none will be: definitely not started."""
        if self._must_be("up"):
            self._send(m.REFUSED, {"k": k, "why": why, "msg": cut(msg, 256)})

    def config_ok(self, *, kid: int | None = None, pin: bytes | None = None) -> None:
        """Say that a new key, or the next certificate, is durable here."""
        if self._must_be(*RUNNING):
            body = {"kid": kid, "pin": pin}
            self._send(m.CONFIG_OK, {name: value for name, value in body.items() if value is not None})

    # ---- commands: what may be left out

    def metric(self, said: Metric) -> None:
        """Say how machine and agent are; a server that does not know the message passes it over."""
        if self._must_be(*RUNNING):
            body = {
                "load": said.load or 0,
                "mem": said.mem_bytes or 0,
                "free": said.free_bytes or 0,
                "running": said.running or 0,
                "queued": said.queued or 0,
                "spool": said.spool_bytes or 0,
                "wall": said.wall_ns,
            }
            self._send(m.METRIC, body)

    # ---- commands: output

    def output_room(self, k: bytes, stream: int) -> int:
        """Return how many bytes of a stream may be sent now."""
        return self._outgoing.room(k, stream) if self.state == "up" else 0

    def output(self, k: bytes, stream: int, offset: int, data: bytes, eof: bool = False) -> None:
        """Send bytes of a stream from `offset` on, at most 64 KiB and what `output_room` says.

        Raises:
            LocalProtocolError: more than that, or not where the stream stands.
        """
        if not self._must_be("up"):
            return
        if len(data) > limits.CHUNK_BYTES_MAX:
            raise LocalProtocolError(f"a chunk of {len(data)} bytes; {limits.CHUNK_BYTES_MAX} are allowed")
        self._outgoing.send(k, stream, offset, len(data), eof=eof)
        body: dict[str, Any] = {"k": k, "s": stream, "o": offset, "d": data}
        if eof:
            body["eof"] = True
        self._queue(m.OUT, body)

    # ---- inside: the running session

    def _on_ping(self, body: Body, payload: bytes) -> None:
        super()._on_ping(body, payload)
        self._found.append(BEAT)

    def _on_pong(self, body: Body, payload: bytes) -> None:
        super()._on_pong(body, payload)
        self._found.append(BEAT)

    def _on_config(self, body: Body, _payload: bytes) -> None:
        peers, hb_s = body.get("peers"), body.get("hb")
        if hb_s is not None:
            self._hb_s = hb_s
        self._found.append(
            ConfigChanged(
                peers=None if peers is None else tuple(peers),
                hb_s=hb_s,
                limits=body.get("limits"),
                next_pin=body.get("next_pin"),
                next_cert=body.get("next_cert"),
                key=body.get("key"),
                kid=body.get("kid"),
            )
        )

    def _on_ack(self, body: Body, _payload: bytes) -> None:
        if body["n"] > self._sent_event:
            raise Violation("state", f"ack {body['n']}, but the last event sent was {self._sent_event}")
        if body["n"] > self._acked_event:
            self._acked_event = body["n"]
            self._found.append(Acked(body["n"]))

    def _on_blob(self, body: Body, _payload: bytes) -> None:
        if body["o"] == 0:
            self._blob_digest = body["h"]
            self._blob.clear()
        if body["h"] != self._blob_digest or body["o"] != len(self._blob):
            raise Violation("state", "a blob that does not go on where it stood")
        if len(self._blob) + len(body["d"]) > limits.SPEC_BYTES_MAX:
            raise Violation("limit", f"a blob of more than {limits.SPEC_BYTES_MAX} bytes")
        self._blob += body["d"]
        if not body["last"]:
            return
        whole = bytes(self._blob)
        self._blob.clear()
        self._blob_digest = b""
        if hashlib.sha256(whole).digest() != body["h"]:
            raise Violation("state", "a blob that is not what its name says")
        if len(self._blobs) >= BLOBS_WAITING_MAX:
            raise Violation("limit", "too many blobs without a dispatch")
        self._blobs[body["h"]] = whole
        self._send(m.BLOB_OK, {"h": body["h"]})

    def _on_dispatch(self, body: Body, _payload: bytes) -> None:
        spec, blob = body["spec"], body.get("blob")
        if blob is not None:
            if spec or blob not in self._blobs:
                raise Violation("state", "dispatch names a blob that did not come")
            spec = self._blobs.pop(blob)
        if body["desc"] and len(pack(body["desc"])) > limits.DESC_BYTES_MAX:
            raise Violation("limit", f"desc has more than {limits.DESC_BYTES_MAX} bytes")
        self._found.append(
            Dispatched(
                k=body["k"],
                occ=body["occ"],
                path=body["path"],
                att=body["att"],
                run=body["run"],
                kind=body["kind"],
                spec=spec,
                start_by_s=body.get("start_by"),
                desc=body["desc"],
            )
        )

    def _on_kill(self, body: Body, _payload: bytes) -> None:
        self._found.append(KillAsked(body["k"], body["how"], body["sig"], body["grace"], body["why"]))

    def _on_cancel(self, body: Body, _payload: bytes) -> None:
        self._found.append(CancelAsked(body["k"], body["why"]))

    def _on_query(self, body: Body, _payload: bytes) -> None:
        self._found.append(Queried(body.get("k")))

    def _on_drain(self, body: Body, _payload: bytes) -> None:
        self._found.append(Drained(body["on"]))

    def _on_out_ack(self, body: Body, _payload: bytes) -> None:
        self._outgoing.acknowledged(body["k"], body["s"], body["o"])
        self._found.append(OutputAcked(body["k"], body["s"], body["o"]))

    def _on_out_req(self, body: Body, _payload: bytes) -> None:
        self._outgoing.asked(body["k"], body["s"], body["o"])
        self._found.append(OutputAsked(body["k"], body["s"], body["o"]))

    routes: ClassVar[Mapping[int, Route]] = dict(
        (
            *Link.common_routes(STATES, RUNNING),
            *AgentHandshake.handshake_routes(),
            *AgentFiles.file_routes(),
            route(m.PING, RUNNING, _on_ping),
            route(m.PONG, RUNNING, _on_pong),
            route(m.CONFIG, RUNNING, _on_config),
            route(m.ACK, RUNNING, _on_ack),
            route(m.DRAIN, RUNNING, _on_drain),
            route(m.BLOB, ("up",), _on_blob),
            route(m.DISPATCH, ("up",), _on_dispatch),
            route(m.KILL, ("up",), _on_kill),
            route(m.CANCEL, ("up",), _on_cancel),
            route(m.QUERY, ("up",), _on_query),
            route(m.OUT_ACK, ("up",), _on_out_ack),
            route(m.OUT_REQ, ("up",), _on_out_req),
        )
    )


def _row_bytes(row: list[Any]) -> int:
    """Return the most a row of the inventory can take: 72 bytes beside its two texts."""
    return 72 + 4 * (len(row[4]) + len(row[5])) if not (row[4] + row[5]).isascii() else 72 + len(row[4]) + len(row[5])


def _pages(items: Sequence[Any], size: Any, items_max: int, bytes_max: int) -> Iterator[list[Any]]:
    """Cut items into lists of at most so many items and bytes; no empty list."""
    page: list[Any] = []
    total = 0
    for item in items:
        length = size(item)
        if page and (len(page) >= items_max or total + length > bytes_max):
            yield page
            page, total = [], 0
        page.append(item)
        total += length
    if page:
        yield page
