"""The agent log of one site: numbered, hash-chained events that wait for the server, and stay for a while after.

A segment is a header (magic, spool id, number of its first event, the chain before it) and framed events; the events
are the bytes that travel and enter the chain. Numbers go 1, 2, 3 … without gaps.

Rules:
    An event may be sent once `sync` has made it durable: what a torn tail takes away was never sent.
    A bad record anywhere but in the tail of the newest segment means damage: the log is not trusted any more, and the
    caller begins a new one under a spool id that the server gives.

Source: protocol.md sections 4.4, 4.5 and 9.3.
"""

import struct
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import msgpack

from jaz_lite.agent.crc_log import framed, unframed
from jaz_lite.agent.disk import Disk, LogFile
from jaz_lite.wire.events import Unpacked, pack_event
from jaz_lite.wire.ident import CHAIN_START, NO_SPOOL, chain

MAGIC = b"JAZLJ1\0\0"
SEGMENT_BYTES_MAX = 4 * 1024 * 1024
CACHED_EVENTS_MAX = 2_048  # the newest stay in memory, so that sending seldom reads the disk
CACHED_BYTES_MAX = 4 * 1024 * 1024
_HEADER = struct.Struct(">8s16sQ16s")
HEADER_BYTES = _HEADER.size


@dataclass(slots=True)
class Segment:
    """A file of the log: number of its first event, the chain before it, the events in it."""

    path: str
    first: int
    chain_before: bytes
    count: int = 0
    size: int = 0  # bytes, once nothing more is written to it


class Spool:
    """The open log of one site.

    Attributes:
        spool: its id; 16 zero bytes as long as the server has given none.
        head: number of the newest event, durable or not; synced: of the newest durable one.
        low: number of the oldest event that is still there (head+1 when none is).
        damaged: the log can no longer be continued; it has to be begun anew.
    """

    def __init__(self, disk: Disk, folder: str) -> None:
        self._disk = disk
        self._folder = folder + "/log"
        self._segments: list[Segment] = []
        self._file: LogFile | None = None
        self._recent: deque[bytes] = deque()
        self._recent_bytes = 0
        self._chain = CHAIN_START
        self.spool = NO_SPOOL
        self.head = 0
        self.synced = 0
        self.damaged = False
        self._open()

    @property
    def low(self) -> int:
        """Number of the oldest event that is still there."""
        return self._segments[0].first if self._segments else self.head + 1

    @property
    def low_chain(self) -> bytes:
        """The chain before the oldest event that is still there."""
        return self._segments[0].chain_before if self._segments else self._chain

    @property
    def size_bytes(self) -> int:
        """The bytes of all that is kept."""
        return sum(segment.size for segment in self._segments[:-1]) + (self._file.size if self._file else 0)

    # ---- opening

    def _open(self) -> None:
        self._disk.make_folder(self._folder)
        names = [name for name in self._disk.names(self._folder) if name.isdigit()]
        for name in names:
            if not self._open_segment(f"{self._folder}/{name}", newest=name == names[-1]):
                self.damaged = True
                break
        if self._file is not None:
            # An earlier process may have been killed before its sync; what is sent must outlive the machine too.
            self._file.sync()
        self.synced = self.head

    def _open_segment(self, path: str, *, newest: bool) -> bool:
        data = self._disk.read(path)
        if newest and len(data) < _HEADER.size:
            # Cut off while it was being begun: nothing in it was ever sent.
            self._disk.remove(path)
            self._reopen_last()
            return True
        try:
            magic, spool, first, before = _HEADER.unpack_from(data)
        except struct.error:
            return False
        if magic != MAGIC and newest and not data.strip(b"\0"):
            self._disk.remove(path)
            self._reopen_last()
            return True
        follows = not self._segments or (spool == self.spool and first == self.head + 1 and before == self._chain)
        if magic != MAGIC or not follows:
            return False
        segment = Segment(path, first, before, size=len(data))
        self.spool, self.head, self._chain = spool, first - 1, before
        payloads, end = unframed(data, _HEADER.size)
        for payload in payloads:
            if _number(payload) != self.head + 1:
                return False
            self._remember(payload, segment)
        self._segments.append(segment)
        rest = data[end:]
        if not newest and rest.strip(b"\0"):
            return False
        if newest:
            self._file = self._disk.open_log(path, end)
        return True

    def _reopen_last(self) -> None:
        if self._segments:
            segment = self._segments[-1]
            _, end = unframed(self._disk.read(segment.path), _HEADER.size)
            self._file = self._disk.open_log(segment.path, end)

    def _remember(self, payload: bytes, segment: Segment) -> None:
        self.head += 1
        segment.count += 1
        self._chain = chain(self._chain, payload)
        self._recent.append(payload)
        self._recent_bytes += len(payload)
        while len(self._recent) > CACHED_EVENTS_MAX or self._recent_bytes > CACHED_BYTES_MAX:
            self._recent_bytes -= len(self._recent.popleft())

    # ---- writing

    def begin(self, spool: bytes, events: Iterable[Unpacked] = ()) -> None:
        """Begin a new log under `spool`; `events` are its first ones and get new numbers. The old one is set aside.

        Notes:
            The new log appears under its name in one step, so a crash leaves the old one or the new one.
        """
        staged = self._folder + ".staged"
        self._disk.remove(staged)
        self._disk.make_folder(staged)
        chain_now, number, count = CHAIN_START, 1, 0
        file = self._disk.open_log(f"{staged}/00000001", 0)
        file.write(_HEADER.pack(MAGIC, spool, 1, CHAIN_START))
        parts: list[tuple[str, int, bytes]] = []
        for _, t_ns, k, e, x in events:
            if file.size > SEGMENT_BYTES_MAX:
                file.sync()
                file.close()
                parts.append((f"{self._folder}/{len(parts) + 1:08d}", number + count, chain_now))
                file = self._disk.open_log(f"{staged}/{len(parts) + 1:08d}", 0)
                file.write(_HEADER.pack(MAGIC, spool, number + count, chain_now))
            payload = pack_event(number + count, t_ns, k, e, x)
            chain_now = chain(chain_now, payload)
            file.write(framed(payload))
            count += 1
        file.sync()
        file.close()
        if self._file is not None:
            self._file.close()
        if self._segments or self.damaged:
            self._disk.remove(self._folder + ".old")
            self._disk.rename(self._folder, self._folder + ".old")
        else:
            self._disk.remove(self._folder)
        self._disk.rename(staged, self._folder)
        self._segments, self._file, self._chain = [], None, CHAIN_START
        self._recent.clear()
        self._recent_bytes = self.head = 0
        self.damaged = False
        self._open()
        assert self.spool == spool
        assert self.head == count
        assert not self.damaged

    def append(self, payloads: Sequence[bytes]) -> None:
        """Write events; not durable before the next `sync`.

        Raises:
            OSError: the disk is full or broken; nothing was added.
        """
        assert self._file is not None, "the log was never begun"
        assert not self.damaged
        if self._file.size > SEGMENT_BYTES_MAX:
            self._turn()
        self._file.write(b"".join(map(framed, payloads)))
        for payload in payloads:
            assert _number(payload) == self.head + 1, f"event {_number(payload)} after {self.head}"
            self._remember(payload, self._segments[-1])

    def _turn(self) -> None:
        assert self._file is not None
        self._file.sync()
        self.synced = self.head
        path = f"{self._folder}/{int(self._segments[-1].path.rpartition('/')[2]) + 1:08d}"
        file = self._disk.open_log(path, 0)
        file.write(_HEADER.pack(MAGIC, self.spool, self.head + 1, self._chain))
        file.sync()
        self._segments[-1].size = self._file.size
        self._file.close()
        self._file = file
        self._segments.append(Segment(path, self.head + 1, self._chain))

    def sync(self) -> None:
        """Make all events durable.

        Raises:
            OSError: the disk is broken; do not try again, the pages may be gone.
        """
        assert self._file is not None
        self._file.sync()
        self.synced = self.head

    # ---- reading

    def payloads(self, first: int, count: int) -> list[bytes]:
        """Return at most `count` packed events from number `first` on; it must not lie below `low`."""
        assert first >= self.low, (first, self.low)
        oldest = self.head - len(self._recent) + 1
        if first >= oldest:
            start = first - oldest
            return [self._recent[index] for index in range(start, min(start + count, len(self._recent)))]
        segment = next(s for s in reversed(self._segments) if s.first <= first)
        found = self._read(segment)
        return found[first - segment.first : first - segment.first + count]

    def events(self) -> Iterator[Unpacked]:
        """Give all events that can still be read, oldest first."""
        for segment in self._segments:
            for payload in self._read(segment):
                # Our own words, behind a checksum and a chain: their tables need not be gone through again.
                n, t_ns, k, e, x = msgpack.unpackb(payload)
                yield n, t_ns, k, e, x

    def _read(self, segment: Segment) -> list[bytes]:
        return unframed(self._disk.read(segment.path), _HEADER.size)[0][: segment.count]

    def chain_at(self, number: int) -> bytes | None:
        """Return h(number), None where that event is not there to be counted."""
        if number == self.head:
            return self._chain
        if not self.low - 1 <= number < self.head:
            return None
        segment = next((s for s in reversed(self._segments) if s.first - 1 <= number), None)
        assert segment is not None
        value = segment.chain_before
        for payload in self._read(segment)[: number - segment.first + 1]:
            value = chain(value, payload)
        return value

    # ---- forgetting

    def forget(self, acked: int, before_ms: int) -> bool:
        """Remove the oldest segment if all of it is acknowledged and was last written before `before_ms`.

        Returns:
            Whether one was removed; `low` says from where the log goes on.
        """
        if len(self._segments) < 2 or self._segments[1].first - 1 > acked:
            return False
        if self._disk.modified_ms(self._segments[0].path) >= before_ms:
            return False
        self._disk.remove(self._segments.pop(0).path)
        return True


def _number(payload: bytes) -> int:
    """Return the number in front of a packed event, without unpacking the rest; -1 where none is."""
    if len(payload) < 2 or payload[0] != 0x95:
        return -1
    kind = payload[1]
    if kind < 0x80:
        return kind
    width = {0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8}.get(kind, 0)
    return int.from_bytes(payload[2 : 2 + width], "big") if width else -1
