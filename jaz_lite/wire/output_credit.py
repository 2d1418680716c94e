"""Credit for output: how much of it may be under way, a stream and a session, seen from either end.

The agent counts what it sent and what was acknowledged; the server checks that the agent does. An offset may jump
only to where the server asked for, or to where it has acknowledged: so a peer cannot escape the count by starting
anew. A stream whose end was sent and acknowledged is forgotten. Source: protocol.md section 4.7.
"""

from dataclasses import dataclass

from jaz_lite.errors import LocalProtocolError
from jaz_lite.wire import limits
from jaz_lite.wire.frames import Violation

Key = tuple[bytes, int]  # natural key, stream number


@dataclass(slots=True)
class _Stream:
    acked: int
    end: int  # offset behind the last byte sent or received
    asked: int | None = None  # where the server wants it from
    whole: bool = False  # end of file was sent or received


class _Streams:
    """The streams with something unacknowledged; `unacked_bytes` is the sum of what lies between `acked` and `end`."""

    __slots__ = ("_streams", "unacked_bytes")

    def __init__(self) -> None:
        self.unacked_bytes = 0
        self._streams: dict[Key, _Stream] = {}

    def __len__(self) -> int:
        return len(self._streams)

    def _open(self, key: Key, offset: int) -> _Stream:
        stream = self._streams[key] = _Stream(offset, offset)
        return stream

    def _move(self, key: Key, stream: _Stream, *, acked: int, end: int) -> None:
        before = max(0, stream.end - stream.acked)
        stream.acked, stream.end = acked, end
        self.unacked_bytes += max(0, end - acked) - before
        if stream.whole and acked >= end:
            del self._streams[key]


class Outgoing(_Streams):
    """The agent's view."""

    __slots__ = ()

    def room(self, k: bytes, number: int) -> int:
        """Return how many bytes of the stream may be sent now."""
        session = limits.OUTPUT_CREDIT_BYTES_SESSION - self.unacked_bytes
        stream = self._streams.get((k, number))
        if stream is not None:
            return max(0, min(limits.OUTPUT_CREDIT_BYTES_STREAM - (stream.end - stream.acked), session))
        if len(self._streams) >= limits.OUTPUT_STREAMS_MAX:
            return 0
        return min(limits.OUTPUT_CREDIT_BYTES_STREAM, session)

    def send(self, k: bytes, number: int, offset: int, length: int, *, eof: bool) -> None:
        """Count what is sent.

        Raises:
            LocalProtocolError: no credit, or `offset` is not where the stream stands.
        """
        key = (k, number)
        stream = self._streams.get(key)
        if stream is None and len(self._streams) >= limits.OUTPUT_STREAMS_MAX:
            raise LocalProtocolError("too many streams of output at once")
        if length > self.room(k, number):
            raise LocalProtocolError(f"{length} bytes of output beyond the credit")
        if stream is None:
            stream = self._open(key, offset)
        if offset != stream.end:
            raise LocalProtocolError(f"output at {offset} where {stream.end} is due")
        stream.whole = eof
        self._move(key, stream, acked=stream.acked, end=offset + length)

    def acknowledged(self, k: bytes, number: int, offset: int) -> None:
        """Take the server's acknowledgement; one beyond what was sent moves the stream on to it."""
        stream = self._streams.get((k, number))
        if stream is not None and offset > stream.acked:
            self._move((k, number), stream, acked=offset, end=max(stream.end, offset))

    def asked(self, k: bytes, number: int, offset: int) -> None:
        """Take the server's wish: the stream goes on from `offset`."""
        stream = self._streams.get((k, number))
        if stream is not None:
            stream.whole = False
            self._move((k, number), stream, acked=offset, end=offset)


class Incoming(_Streams):
    """The server's view."""

    __slots__ = ()

    def take(self, k: bytes, number: int, offset: int, length: int, *, eof: bool) -> None:
        """Count what came.

        Raises:
            Violation: more than the credit, or from an offset that makes no sense.
        """
        key = (k, number)
        stream = self._streams.get(key)
        if offset + length > limits.OFFSET_MAX:
            raise Violation("limit", f"output beyond {limits.OFFSET_MAX} bytes")
        if stream is None:
            if len(self._streams) >= limits.OUTPUT_STREAMS_MAX:
                raise Violation("limit", "too many streams of output at once")
            stream = self._open(key, offset)
        elif offset == stream.asked:
            stream.asked = None
            self._move(key, stream, acked=offset, end=offset)
        elif offset == stream.acked and offset > stream.end:
            stream.end = offset
        elif offset != stream.end:
            raise Violation("state", f"output at {offset} where {stream.end} was due")
        if stream.whole:
            raise Violation("state", "output behind its end")
        stream.whole = eof
        self._move(key, stream, acked=stream.acked, end=offset + length)
        if (
            stream.end - stream.acked > limits.OUTPUT_CREDIT_BYTES_STREAM
            or self.unacked_bytes > limits.OUTPUT_CREDIT_BYTES_SESSION
        ):
            raise Violation("limit", "more output than there was credit for")

    def acknowledge(self, k: bytes, number: int, offset: int) -> None:
        """Count what our caller has committed."""
        stream = self._streams.get((k, number))
        if stream is not None and offset > stream.acked:
            self._move((k, number), stream, acked=offset, end=stream.end)

    def ask(self, k: bytes, number: int, offset: int) -> None:
        """Note that the stream may start anew at `offset`."""
        stream = self._streams.get((k, number))
        if stream is not None:
            stream.asked = offset
            stream.whole = False
