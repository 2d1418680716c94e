"""What both ends of a session share: cutting and numbering frames, heartbeats, deadlines, bulk, and the one close.

A link holds no socket and no clock. `receive`, `tick` and `take` are its doors to the network; commands write into
its buffer. After the close nothing is read or written any more except what was already buffered, so the last `error`
or `bye` still leaves.

What a peer can make a link hold is bounded: at most one answer to its pings is kept, whole frames only up to the
limit, and bulk only as far as the credit rules of the two ends allow.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from jaz_lite.errors import LocalProtocolError
from jaz_lite.wire import limits
from jaz_lite.wire import messages as m
from jaz_lite.wire.catalogue import MESSAGES
from jaz_lite.wire.frames import FrameReader, Violation, frame, pack, unpack_frame
from jaz_lite.wire.happenings import Alive, Closed, Happening
from jaz_lite.wire.schema import Validator, cut

Body = Mapping[str, Any]
Handler = Callable[[Any, Body, bytes], None]  # (the link, the checked body, the exact payload)
Bulk = Iterator[tuple[int, Body]]


@dataclass(frozen=True, slots=True)
class Route:
    """How a link takes a message: in which states it may come, and who handles it."""

    validate: Validator
    states: frozenset[str]
    handle: Handler


def route(number: int, states: Iterable[str], handle: Handler) -> tuple[int, Route]:
    """Return a line for a link's table of routes."""
    return number, Route(MESSAGES[number].validate, frozenset(states), handle)


class Link:
    """One end of a session. Subclasses give `routes`, the states and the commands."""

    routes: ClassVar[Mapping[int, Route]] = {}
    running_states: ClassVar[frozenset[str]] = frozenset()  # with heartbeats instead of handshake deadlines

    __slots__ = (
        "_alive_asked",
        "_asked_at",
        "_bulk",
        "_files",
        "_files_next",
        "_found",
        "_frame_bytes_max",
        "_handshake_deadline",
        "_hb_s",
        "_heard_at",
        "_now",
        "_out",
        "_ping_count",
        "_pong",
        "_reader",
        "_sent_at",
        "_seq_in",
        "_seq_out",
        "_step_deadline",
        "began_at",
        "rtt_s",
        "state",
    )

    def __init__(self, *, state: str, now: float) -> None:
        self.state = state
        self._reader = FrameReader()
        self._out = bytearray()
        self._bulk: list[Bulk] = []
        # Frames of files, each with the file it is about; a few dozen at most, and a server has a thousand idle links.
        self._files: list[tuple[bytes, int, Body]] = []
        self._files_next = False
        self._found: list[Happening] = []
        self._seq_in = 0
        self._seq_out = 0
        self._frame_bytes_max = limits.FRAME_BYTES_MAX_BEFORE_WELCOME
        self._pong: int | None = None
        self._ping_count = 0
        self._alive_asked = 0  # the ping whose answer the caller waits for
        self.began_at = self._now = now
        self._asked_at = now
        self.rtt_s = 0.0  # how long an answer of the peer took last: there and back
        self._heard_at = now
        self._sent_at = now
        self._hb_s: float = limits.HEARTBEAT_S
        self._step_deadline = now + limits.HANDSHAKE_STEP_S
        self._handshake_deadline = now + limits.HANDSHAKE_S

    # ---- doors to the network

    @property
    def closed(self) -> bool:
        """Nothing more will happen. What `take` still gives should be sent, then the connection closed."""
        return self.state == "closed"

    @property
    def deadline(self) -> float:
        """When `tick` wants to be called, in monotonic seconds; infinity when never."""
        if self._found:
            return self._now
        if self.closed:
            return math.inf
        if self.state in self.running_states:
            return min(self._sent_at + self._hb_s, self._silent_at())
        return min(self._step_deadline, self._handshake_deadline)

    @property
    def heard_at(self) -> float:
        """When something was received last, in monotonic seconds."""
        return self._heard_at

    @property
    def has_output(self) -> bool:
        """`take` would give something; asked for every chunk received, so it is cheap."""
        return bool(self._out or self._bulk or self._files) or self._pong is not None

    def receive(self, data: bytes, now: float) -> list[Happening]:
        """Take what came from the peer; b"" says that nothing more will come.

        Returns:
            What happened, in order. After `Closed` nothing follows.
        """
        if self.closed:
            return self._drain()
        self._now = max(now, self._now)
        self._heard_at = self._now
        if not data:
            self._close(Closed("eof", "the connection ended", by_us=False))
            return self._drain()
        self._reader.feed(data)
        try:
            while not self.closed:
                payload = self._reader.next(self._frame_bytes_max)
                if payload is None:
                    break
                self._take_in(payload)
        except Violation as violation:
            self._reject(violation)
        return self._drain()

    def tick(self, now: float) -> list[Happening]:
        """Let time pass: send a heartbeat, or give up a peer that is silent or too slow.

        Returns:
            What happened, also what commands given since the last call led to (a `bye` leads to `Closed`).
        """
        self._now = max(now, self._now)
        if self.closed:
            return self._drain()
        if self.state in self.running_states:
            if self._now >= self._silent_at():
                self._fail("silent", f"nothing heard for {self._now - self._heard_at:.0f} s")
            elif self._now >= self._sent_at + self._hb_s:
                self._ping_count += 1
                self._asked()
                self._sent_at = self._now
                self._send(m.PING, {"n": self._ping_count})
        elif self._now >= min(self._step_deadline, self._handshake_deadline):
            self._fail("timeout", f"the handshake took too long in state {self.state}")
        return self._drain()

    def heard(self, now: float) -> None:
        """Note that the peer may be speaking while nobody reads: the reader waits for us, not for it."""
        self._now = self._heard_at = max(now, self._now)

    def take(self) -> bytes:
        """Return what is to be sent now: all control frames and one portion of bulk. b"" when there is nothing."""
        if self._pong is not None:
            number, self._pong = self._pong, None
            self._send(m.PONG, {"n": number})
        if self._bulk or self._files:
            self._let_bulk_out()
        if not self._out:
            return b""
        self._sent_at = self._now
        data = bytes(self._out)
        self._out.clear()
        return data

    # ---- commands of both ends

    def ask_alive(self) -> None:
        """Ask the peer for a sign of life; when it comes, `Alive` is found. Only while running."""
        if not self.closed and self.state in self.running_states:
            self._ping_count += 1
            self._asked()
            self._alive_asked = self._ping_count
            self._send(m.PING, {"n": self._ping_count})

    def error(self, code: str, msg: str = "") -> None:
        """Say that the peer broke a rule which only the caller could see, and close."""
        if not self.closed:
            self._fail(code, msg)

    def _say_bye(self, code: str, msg: str, retry_s: int, addrs: Iterable[str]) -> None:
        assert code in m.BYE_CODES, code
        if self.closed:
            return
        msg = cut(msg, 256)
        body: dict[str, Any] = {"code": code, "msg": msg, "retry": retry_s}
        if hints := list(addrs)[: limits.PEERS_MAX]:
            body["addrs"] = hints
        self._send(m.BYE, body)
        self._close(Closed(code, msg, by_us=True))

    # ---- in

    @classmethod
    def common_routes(cls, states: Iterable[str], running: Iterable[str]) -> Iterator[tuple[int, Route]]:
        """Give the routes that both ends have: heartbeats while running, an end at any time."""
        running = tuple(running)
        yield route(m.PING, running, cls._on_ping)
        yield route(m.PONG, running, cls._on_pong)
        yield route(m.BYE, states, cls._on_bye)
        yield route(m.ERROR, states, cls._on_error)

    def _take_in(self, payload: bytes) -> None:
        number, seq, body = unpack_frame(payload)
        if seq != self._seq_in:
            raise Violation("seq", f"frame {seq} came where {self._seq_in} was due")
        self._seq_in += 1
        line = self.routes.get(number)
        if line is None:
            if number >= limits.OPTIONAL_TYPE_MIN:
                return
            if number in MESSAGES:
                raise Violation("state", f"{MESSAGES[number].name} is not for this end to hear")
            raise Violation("unsupported", f"no message has the number {number} here")
        if self.state not in line.states:
            raise Violation("state", f"{MESSAGES[number].name} may not come in state {self.state}")
        line.validate(body)
        line.handle(self, body, payload)

    def _on_ping(self, body: Body, _payload: bytes) -> None:
        self._pong = body["n"]

    def _on_pong(self, body: Body, _payload: bytes) -> None:
        if body["n"] > self._ping_count:
            raise Violation("state", "pong to a ping that was never sent")
        if body["n"] == self._ping_count:
            self._answered()
        if self._alive_asked and body["n"] >= self._alive_asked:
            self._alive_asked = 0
            self._found.append(Alive())

    def _on_bye(self, body: Body, _payload: bytes) -> None:
        addrs = tuple(body.get("addrs") or ())
        self._close(Closed(body["code"], body["msg"], by_us=False, addrs=addrs, retry_s=body["retry"]))

    def _on_error(self, body: Body, _payload: bytes) -> None:
        self._close(Closed(body["code"], body["msg"], by_us=False))

    # ---- out

    def _send(self, number: int, body: Body) -> None:
        self._write(self._payload(number, body))

    def _payload(self, number: int, body: Body) -> bytes:
        """Return the packed payload of the next frame, checked as the peer will check it."""
        self._check(number, body)
        payload = pack([number, self._seq_out, body])
        if len(payload) > self._frame_bytes_max:
            raise LocalProtocolError(
                f"{MESSAGES[number].name} has {len(payload)} bytes; {self._frame_bytes_max} are allowed"
            )
        return payload

    def _queue(self, number: int, body: Body) -> None:
        """Put a frame behind the bulk that is already waiting."""
        self._check(number, body)
        self._bulk.append(iter(((number, body),)))

    def _queue_file(self, x: bytes, number: int, body: Body) -> None:
        """Put a frame behind those of files that are already waiting."""
        self._check(number, body)
        self._files.append((x, number, body))

    def _drop_file(self, x: bytes) -> None:
        """Forget what has not left yet about a file."""
        if any(waiting[0] == x for waiting in self._files):
            self._files = [waiting for waiting in self._files if waiting[0] != x]

    @staticmethod
    def _check(number: int, body: Body) -> None:
        try:
            MESSAGES[number].validate(body)
        except Violation as error:
            raise LocalProtocolError(error.message) from error

    def _write(self, payload: bytes) -> None:
        self._out += frame(payload)
        self._seq_out += 1

    def _let_bulk_out(self) -> None:
        end = len(self._out) + limits.CHUNK_BYTES_MAX
        while (self._bulk or self._files) and len(self._out) < end:
            # Output of jobs and files take turns: somebody watches the one while the other is long.
            if self._files and (self._files_next or not self._bulk):
                self._files_next = False
                _, number, body = self._files.pop(0)
                self._send(number, body)
                continue
            self._files_next = True
            following = next(self._bulk[0], None)
            if following is None:
                del self._bulk[0]
            else:
                self._send(*following)

    def _must_be(self, *states: str) -> bool:
        """Say whether a command may go on; a state that does not allow it is our fault.

        Notes:
            Not after the close, nor once the agent has said that it goes by another server: that is its doing, and
            whoever gives commands may not know yet.
        """
        if self.closed or self.state == "deposed":
            return False
        if self.state not in states:
            raise LocalProtocolError(f"not in state {self.state}; it takes {' or '.join(states)}")
        return True

    # ---- time and end

    def _step(self, state: str) -> None:
        """Enter a handshake state in which the peer has to speak next."""
        self.state = state
        self._step_deadline = self._now + limits.HANDSHAKE_STEP_S

    def _wait_for_caller(self, state: str) -> None:
        """Enter a handshake state in which our side has to decide: only the whole handshake is limited."""
        self.state = state
        self._step_deadline = math.inf

    def _start_running(self, state: str, hb_s: int) -> None:
        self.state = state
        self._hb_s = hb_s
        self._frame_bytes_max = limits.FRAME_BYTES_MAX

    def _asked(self) -> None:
        """Note that the peer was asked something that it answers at once."""
        self._asked_at = self._now

    def _answered(self) -> None:
        self.rtt_s = self._now - self._asked_at

    def _silent_at(self) -> float:
        return self._heard_at + limits.HEARTBEATS_MISSED_MAX * self._hb_s

    def _reject(self, violation: Violation) -> None:
        if not self.closed:
            self._fail(violation.code, violation.message, ref=max(self._seq_in - 1, 0))

    def _fail(self, code: str, msg: str, *, ref: int | None = None) -> None:
        code, msg = cut(code, 24), cut(msg, 256)
        body: dict[str, Any] = {"code": code, "msg": msg}
        if ref is not None:
            body["ref"] = min(ref, 2**32 - 1)
        self._send(m.ERROR, body)
        self._close(Closed(code, msg, by_us=True))

    def _close(self, closed: Closed) -> None:
        self.state = "closed"
        self._bulk.clear()
        self._files.clear()
        self._pong = None
        self._reader.clear()
        self._found.append(closed)

    def _drain(self) -> list[Happening]:
        found, self._found = self._found, []
        return found
