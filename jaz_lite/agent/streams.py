"""How far the output of each job has travelled: what lies in its files, what was sent, what the server has.

Pure. Offsets are bytes; a stream is (key of the attempt, 1 or 2). How much may be under way is counted by the link.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from jaz_lite.wire.limits import CHUNK_BYTES_MAX

Stream = tuple[bytes, int]


class Chunk(NamedTuple):
    """What to send next of a stream; `eof`: these are its last bytes."""

    k: bytes
    stream: int
    offset: int
    size: int
    eof: bool


@dataclass(slots=True)
class _Progress:
    size: int = 0
    sent: int = 0
    acked: int = 0
    ended: bool = False
    eof_sent: bool = False
    waiting: bool = False  # stands in the queue of those that have something to send


class Streams:
    """All streams of a site that the server does not have whole."""

    def __init__(self) -> None:
        self._streams: dict[Stream, _Progress] = {}
        self._queue: deque[Stream] = deque()
        self._stalled: dict[Stream, None] = {}  # had something to send and no credit
        self._delivered: list[Stream] = []

    def __len__(self) -> int:
        return len(self._streams)

    @property
    def wants(self) -> bool:
        """Whether a stream may have something to send, or was delivered."""
        return bool(self._queue or self._delivered)

    def grown(self, k: bytes, stream: int, size: int, *, ended: bool = False) -> None:
        """A stream has `size` bytes now; `ended`: and will not have more."""
        key = (k, stream)
        known = self._streams.get(key)
        if known is None:
            if size == 0:
                return
            known = self._streams[key] = _Progress()
        elif known.size == size and known.ended == ended:
            return
        known.size = max(known.size, size)
        known.ended = known.ended or ended
        self._look(key, known)

    def acked(self, k: bytes, stream: int, offset: int) -> None:
        """The server has committed the stream up to `offset`."""
        key = (k, stream)
        known = self._streams.get(key)
        if known is None:
            return
        # The server may have more than the file: a power cut took the end of it.
        known.acked = max(known.acked, offset)
        known.size = max(known.size, known.acked)
        known.sent = max(known.sent, known.acked)
        if known.ended and known.acked >= known.size:
            del self._streams[key]
            self._delivered.append(key)
        self._wake()
        self._look(key, known)

    def asked(self, k: bytes, stream: int, offset: int, size: int) -> None:
        """The server wants the stream from `offset` on; `size`: bytes that its file holds, if it is known to be over."""
        key = (k, stream)
        known = self._streams.get(key)
        if known is None:
            known = self._streams[key] = _Progress(size=size, ended=True)
        # As above: of what a power cut took, or retention, there is nothing but the end to be sent. That is an answer.
        known.size = max(known.size, offset)
        known.sent = known.acked = offset
        known.eof_sent = False
        self._look(key, known)

    def restart(self) -> None:
        """A new session: what was not acknowledged is sent again."""
        self._stalled.clear()
        for key, known in self._streams.items():
            known.sent, known.eof_sent = known.acked, False
            self._look(key, known)

    def _look(self, key: Stream, known: _Progress) -> None:
        wants = known.sent < known.size or (known.ended and not known.eof_sent)
        if wants and not known.waiting and key in self._streams and key not in self._stalled:
            known.waiting = True
            self._queue.append(key)

    def _wake(self) -> None:
        stalled, self._stalled = self._stalled, {}
        for key in stalled:
            if (known := self._streams.get(key)) is not None:
                self._look(key, known)

    def next(self, room: Callable[[bytes, int], int]) -> Chunk | None:
        """Return the next piece to send, None where there is none or no credit; streams take turns."""
        while self._queue:
            key = self._queue.popleft()
            known = self._streams.get(key)
            if known is None:
                continue
            known.waiting = False
            size = min(known.size - known.sent, CHUNK_BYTES_MAX, room(*key))
            eof = known.ended and known.sent + size == known.size
            if size <= 0 and not (eof and not known.eof_sent):
                if known.sent < known.size:
                    self._stalled[key] = None
                continue
            chunk = Chunk(*key, known.sent, size, eof)
            known.sent += size
            known.eof_sent = eof
            self._look(key, known)
            return chunk
        return None

    def delivered(self) -> Iterator[Stream]:
        """Give the streams that the server has whole since the last call."""
        found, self._delivered = self._delivered, []
        return iter(found)

    def forget(self, k: bytes) -> None:
        """Drop the streams of an attempt."""
        for stream in (1, 2):
            self._streams.pop((k, stream), None)
