"""How change sets travel to a standby: packed, compressed as one stream, in pieces that fit a frame.

A stream belongs to one connection: what came before is the dictionary of what follows, which makes a small change set
about six times smaller than it would be alone. A new connection begins a new stream at both ends.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import msgpack

from jaz_lite.errors import RemoteProtocolError
from jaz_lite.store.changes import KEPT_BYTES_MAX, ChangeSet
from jaz_lite.store.commits import MARK_BYTES, Position

PIECE_BYTES = 128 * 1024  # well below the largest frame
LEVEL = 1  # higher ones take twice the time for a tenth
CHANGE_BYTES_MAX = 2 * KEPT_BYTES_MAX  # a larger one is not kept anywhere


@dataclass(frozen=True, slots=True)
class Piece:
    """What one frame carries. `lsn` is 0 where the change set goes on in the next piece, else what it leads to."""

    lsn: int
    data: bytes


class Packing:
    """The active's end of a stream."""

    def __init__(self) -> None:
        self._deflate = zlib.compressobj(LEVEL)

    def pack(self, change: ChangeSet) -> Iterator[Piece]:
        """Give the pieces of the next change set; all of them must be sent, in order."""
        packed = msgpack.packb(
            [
                change.since.mark,
                change.since.lsn,
                change.until.mark,
                change.until.lsn,
                dict(change.sequences),
                change.rows,
            ]
        )
        data = self._deflate.compress(packed) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        last = range(0, len(data), PIECE_BYTES)[-1]
        for at in range(0, len(data), PIECE_BYTES):
            yield Piece(change.until.lsn if at == last else 0, data[at : at + PIECE_BYTES])


class Unpacking:
    """The standby's end of a stream."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj()
        self._packed = bytearray()

    def add(self, piece: Piece) -> ChangeSet | None:
        """Take the next piece; return the change set that it completes.

        Raises:
            RemoteProtocolError: this is no such stream.
        """
        try:
            self._packed += self._inflate.decompress(piece.data, CHANGE_BYTES_MAX + 1 - len(self._packed))
        except zlib.error as error:
            raise RemoteProtocolError(f"the stream of changes is broken: {error}") from error
        if self._inflate.unconsumed_tail or len(self._packed) > CHANGE_BYTES_MAX:
            raise RemoteProtocolError(f"a change set is larger than {CHANGE_BYTES_MAX >> 20} MiB")
        if piece.lsn == 0:
            return None
        packed, self._packed = bytes(self._packed), bytearray()
        change = _change_of(packed)
        if change.until.lsn != piece.lsn:
            raise RemoteProtocolError(f"a change set leads to {change.until.lsn}, its frame says {piece.lsn}")
        return change


def _change_of(packed: bytes) -> ChangeSet:
    try:
        found = msgpack.unpackb(packed, max_bin_len=len(packed), max_str_len=len(packed))
    except Exception as error:  # msgpack's own, and those of what it calls
        raise RemoteProtocolError(f"a change set is not packed as it should be: {error}") from error
    match found:
        case [
            bytes(since_mark),
            int(since_lsn),
            bytes(until_mark),
            int(until_lsn),
            dict(sequences),
            bytes(rows),
        ] if (
            len(since_mark) == len(until_mark) == MARK_BYTES
            and 0 <= since_lsn < until_lsn
            and all(type(name) is str and type(seq) is int for name, seq in sequences.items())
        ):
            return ChangeSet(
                since=Position(since_mark, since_lsn),
                until=Position(until_mark, until_lsn),
                sequences=sequences,
                rows=rows,
            )
    raise RemoteProtocolError("a change set does not hold what it should")
