"""Both ends of a link between two servers of a site, as pure state machines.

    caller (dialled)                     host (was dialled)
    peer_hello ──────────────────────►
               ◄────────────────────── peer_hello
    peer_proof ──────────────────────►   proven, or bye
               ◄────────────────────── peer_proof
    proven ─── up ──────────────────── up
    peer_status both ways, at any time
    follow ──────────────────────────►   the caller wants the changes after a position
               ◄─ copy_file, copy_data, copy_over ─   where it has none, or they are not kept
               ◄────────────────────── ship
    ship_ack ────────────────────────►
               ◄────────────────────── handover
    handover ────────────────────────►

Frames are small and deadlines short until both are proven. What changes a piece belongs to is not looked into here.
Source: protocol.md sections 5.6 and 8.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import ClassVar

from jaz_lite.wire import ident, limits
from jaz_lite.wire import peer_messages as m
from jaz_lite.wire.frames import Violation
from jaz_lite.wire.happenings import NOTHING
from jaz_lite.wire.link import Body, Link, Route, route
from jaz_lite.wire.peers import (
    CopyData,
    CopyFile,
    CopyOver,
    CopyRoom,
    FollowAsked,
    HandedOver,
    PeerProven,
    PeerSaid,
    PeerStatus,
    Shipped,
    ShipTaken,
    caller_proof,
    check_name,
    host_proof,
    keys_sum,
    nobody_key,
    sealing_key,
    status_body,
    status_of,
)
from jaz_lite.wire.schema import cut

FindSecret = Callable[[bytes], bytes | None]  # the id of an invitation, b"" for the site's own key -> what is to prove
STATES = ("hello", "proof", "up")
RUNNING = ("up",)


class PeerLink(Link):
    """What both ends have in common."""

    running_states: ClassVar[frozenset[str]] = frozenset(RUNNING)
    __slots__ = ("_cert_sha256", "_key", "_transcript")

    def __init__(self, *, cert_sha256: bytes, now: float) -> None:
        super().__init__(state="hello", now=now)
        self._cert_sha256 = cert_sha256
        self._key = b""
        self._transcript = b""

    @property
    def sealing_key(self) -> bytes:
        """Under which keys travel on this link; both ends have the same once they are proven."""
        return sealing_key(self._key, self._transcript)

    def status(self, status: PeerStatus) -> None:
        """Say what we are."""
        if self._must_be("up"):
            self._send(m.PEER_STATUS, status_body(status))

    def hand_over(self, lsn: int, term: int) -> None:
        """The active: all up to `lsn` was sent, begin this term. The standby: I have it all, and take over."""
        if self._must_be("up"):
            self._queue(m.HANDOVER, {"lsn": lsn, "term": term})

    def bye(self, code: str, msg: str = "", *, addrs: Iterable[str] = (), retry_s: int = 0) -> None:
        """Part politely."""
        self._say_bye(code, msg, retry_s, addrs)

    def _on_status(self, body: Body, _payload: bytes) -> None:
        self._found.append(PeerSaid(status_of(body)))

    def _on_handover(self, body: Body, _payload: bytes) -> None:
        self._found.append(HandedOver(body["lsn"], body["term"]))

    @classmethod
    def peer_routes(cls) -> Iterator[tuple[int, Route]]:
        """Give the routes that both ends have."""
        yield from cls.common_routes(STATES, RUNNING)
        yield route(m.PEER_STATUS, RUNNING, cls._on_status)
        yield route(m.HANDOVER, RUNNING, cls._on_handover)


class PeerHost(PeerLink):
    """The end that was dialled: mostly the active.

    Args:
        nonce: 32 fresh random bytes.
        find_secret: gives what the caller has to prove; None: there is no such invitation, which it is not told.
    """

    __slots__ = ("_acked", "_find_secret", "_nonce", "_sent", "_token_id")

    def __init__(self, *, cert_sha256: bytes, nonce: bytes, find_secret: FindSecret, now: float) -> None:
        super().__init__(cert_sha256=cert_sha256, now=now)
        assert len(nonce) == 32
        self._nonce = nonce
        self._find_secret = find_secret
        self._token_id = b""
        self._sent = self._acked = 0  # bytes of the copy

    # ---- commands

    @property
    def copy_room(self) -> int:
        """How many bytes of the copy may be sent now."""
        return max(0, self._acked + limits.COPY_WINDOW_BYTES - self._sent)

    @property
    def copy_taken(self) -> bool:
        """Whether the peer has written down all bytes of the copy that were sent."""
        return self._acked == self._sent

    def copy_file(self, name: str, size: int) -> None:
        """Begin a file of the copy."""
        if self._must_be("up"):
            self._queue(m.COPY_FILE, {"file": name, "size": size})

    def copy_data(self, data: bytes) -> None:
        """Send the next bytes of the file that was begun; at most `copy_room` and one chunk."""
        assert len(data) <= self.copy_room, "the peer has no room for it"
        if self._must_be("up"):
            self._queue(m.COPY_DATA, {"o": self._sent, "d": data})
            self._sent += len(data)

    def copy_over(self) -> None:
        """Say that the copy is whole."""
        if self._must_be("up"):
            self._queue(m.COPY_OVER, {"size": self._sent})

    def ship(self, lsn: int, piece: bytes) -> None:
        """Send a piece of a change set; `lsn` says where the set leads to, with its last piece, and is 0 before."""
        if self._must_be("up"):
            self._queue(m.SHIP, {"lsn": lsn, "d": piece})

    # ---- inside

    def _on_hello(self, body: Body, payload: bytes) -> None:
        low, high = body["proto"]
        proto = min(high, limits.PROTO_MAX)
        if proto < max(low, limits.PROTO_MIN):
            self._say_bye("version", "the two servers speak no common version of the protocol", 0, ())
            return
        self._token_id = body.get("token") or b""
        answer = self._payload(m.PEER_HELLO, {"proto": [proto, proto], "n": self._nonce})
        self._transcript = ident.transcript(payload, answer, self._cert_sha256)
        self._write(answer)
        self._step("proof")

    def _on_proof(self, body: Body, _payload: bytes) -> None:
        key = self._find_secret(self._token_id)
        # An invitation that does not exist takes the same way as a wrong secret.
        self._key = nobody_key(self._nonce) if key is None else key
        if not ident.same(caller_proof(self._key, self._transcript), body["mac"]) or key is None:
            self._say_bye("auth", "not accepted", 0, ())
            return
        self._send(m.PEER_PROOF, {"mac": host_proof(self._key, self._transcript)})
        self._start_running("up", limits.PEER_HEARTBEAT_S)
        self._found.append(PeerProven(self._token_id))

    def _on_follow(self, body: Body, _payload: bytes) -> None:
        self._found.append(FollowAsked(body["who"], body.get("mark") or b"", body["lsn"], body.get("keys") or b""))

    def _on_copy_ack(self, body: Body, _payload: bytes) -> None:
        if not self._acked <= body["o"] <= self._sent:
            raise Violation("state", "copy_ack for bytes that were never sent")
        self._acked = body["o"]
        self._found.append(CopyRoom())

    def _on_ship_ack(self, body: Body, _payload: bytes) -> None:
        self._found.append(ShipTaken(body["lsn"]))

    routes: ClassVar[Mapping[int, Route]] = dict(
        (
            *PeerLink.peer_routes(),
            route(m.PEER_HELLO, ("hello",), _on_hello),
            route(m.PEER_PROOF, ("proof",), _on_proof),
            route(m.FOLLOW, RUNNING, _on_follow),
            route(m.COPY_ACK, RUNNING, _on_copy_ack),
            route(m.SHIP_ACK, RUNNING, _on_ship_ack),
        )
    )


class PeerCaller(PeerLink):
    """The end that dialled; it speaks first.

    Args:
        key: what is to be proved: the site's `fence_key`, or the secret of an invitation.
        cert_sha256: of the certificate that the host showed; it need not be known, for the proofs cover it.
        nonce: 32 fresh random bytes.
    """

    __slots__ = ("_file_left", "_hello", "_received")

    def __init__(self, *, key: bytes, cert_sha256: bytes, nonce: bytes, now: float, token_id: bytes = b"") -> None:
        super().__init__(cert_sha256=cert_sha256, now=now)
        assert len(nonce) == 32
        self._key = key
        self._received = 0  # bytes of the copy
        self._file_left = 0  # bytes of its present file that are still to come
        body: dict[str, object] = {"proto": [limits.PROTO_MIN, limits.PROTO_MAX], "n": nonce}
        if token_id:
            body["token"] = token_id
        self._hello = self._payload(m.PEER_HELLO, body)
        self._write(self._hello)

    # ---- commands

    def follow(self, who: str, mark: bytes = b"", lsn: int = 0, keys: Mapping[str, bytes] = NOTHING) -> None:
        """Ask for all changes after a position; without a mark, for a copy of everything first.

        Args:
            keys: the files of keys that we have, of which only a sum leaves.
        """
        if self._must_be("up"):
            body: dict[str, object] = {"who": cut(who, 64), "lsn": lsn}
            if mark:
                body |= {"mark": mark, "keys": keys_sum(self.sealing_key, keys)}
            self._send(m.FOLLOW, body)

    def copy_ack(self) -> None:
        """Say that what came of the copy is written down."""
        if self._must_be("up"):
            self._send(m.COPY_ACK, {"o": self._received})

    def ship_ack(self, lsn: int) -> None:
        """Say that everything up to `lsn` is durable here."""
        if self._must_be("up"):
            self._send(m.SHIP_ACK, {"lsn": lsn})

    # ---- inside

    def _on_hello(self, body: Body, payload: bytes) -> None:
        low, high = body["proto"]
        if low != high or not limits.PROTO_MIN <= low <= limits.PROTO_MAX:
            raise Violation("state", f"version {low} was not offered")
        self._transcript = ident.transcript(self._hello, payload, self._cert_sha256)
        self._send(m.PEER_PROOF, {"mac": caller_proof(self._key, self._transcript)})
        self._step("proof")

    def _on_proof(self, body: Body, _payload: bytes) -> None:
        if not ident.same(host_proof(self._key, self._transcript), body["mac"]):
            raise Violation("auth", "the server there does not know this site's key")
        self._start_running("up", limits.PEER_HEARTBEAT_S)
        self._found.append(PeerProven())

    def _on_copy_file(self, body: Body, _payload: bytes) -> None:
        check_name(body["file"])
        if self._file_left:
            raise Violation("state", "a file of the copy begins inside another one")
        self._file_left = body["size"]
        self._found.append(CopyFile(body["file"], body["size"]))

    def _on_copy_data(self, body: Body, _payload: bytes) -> None:
        data = body["d"]
        if body["o"] != self._received or len(data) > self._file_left:
            raise Violation("state", "bytes of the copy that belong elsewhere")
        self._received += len(data)
        self._file_left -= len(data)
        self._found.append(CopyData(data))

    def _on_copy_over(self, body: Body, _payload: bytes) -> None:
        if self._file_left or body["size"] != self._received:
            raise Violation("state", "the copy ends before it is whole")
        self._found.append(CopyOver())

    def _on_ship(self, body: Body, _payload: bytes) -> None:
        self._found.append(Shipped(body["lsn"], body["d"]))

    routes: ClassVar[Mapping[int, Route]] = dict(
        (
            *PeerLink.peer_routes(),
            route(m.PEER_HELLO, ("hello",), _on_hello),
            route(m.PEER_PROOF, ("proof",), _on_proof),
            route(m.COPY_FILE, RUNNING, _on_copy_file),
            route(m.COPY_DATA, RUNNING, _on_copy_data),
            route(m.COPY_OVER, RUNNING, _on_copy_over),
            route(m.SHIP, RUNNING, _on_ship),
        )
    )
