"""What lies in a WAL beside a database, beyond what SQLite makes of it.

SQLite takes a WAL up to its first frame that is not whole and silently leaves out the rest. That is right after a power
cut: a commit is synced before the next one begins, so only the very last transaction can be torn, and nobody was told
that it was saved. More than one transaction behind the torn place, or a gap between database and WAL, mean that the
files were changed, or copied while a server wrote to them.

Source: SQLite, "Database File Format", section 4 (the WAL), and "WAL-mode File Format" (the index).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from jaz_lite.errors import StoreDamaged

WAL_SUFFIX = "-wal"
HEAD_BYTES = 32
FRAME_HEAD = struct.Struct(">IIII")  # page, pages after the commit or 0, two salts; two sums follow
FRAME_HEAD_BYTES = 24
INDEX_HEAD = struct.Struct("=III??HI")  # version, -, changes, initialized, byte order, page size, last valid frame
COPY_AGAIN = "a server was using it while it was copied, or it was changed since: take a copy with `jaz-lite snapshot`"


LEAF = 13  # a page of a table without pages under it


@dataclass(frozen=True, slots=True, kw_only=True)
class WalIndex:
    """What SQLite found when it read the WAL."""

    page_bytes: int
    frames: int  # so many belong to committed transactions

    @classmethod
    def read(cls, path: Path) -> "WalIndex":
        """Return what the index (`-shm`) of an open database says."""
        with path.open("rb") as source:
            head = source.read(INDEX_HEAD.size)
        _, _, _, _, _, page_bytes, frames = INDEX_HEAD.unpack(head)
        return cls(page_bytes=65_536 if page_bytes == 1 else page_bytes, frames=frames)


def refuse_torn(database: Path, index: WalIndex) -> None:
    """Refuse a WAL of which more is lost than a power cut can take.

    Args:
        database: the WAL lies beside it.

    Raises:
        StoreDamaged: with the number of transactions that are cut off.
    """
    path = database.with_name(database.name + WAL_SUFFIX)
    lost, begun = 0, False
    with path.open("rb") as wal:
        head = wal.read(HEAD_BYTES)
        page_bytes = index.page_bytes or int.from_bytes(head[8:12], "big")
        salts = head[16:24] if _is_whole(head) else _salts(wal.read(FRAME_HEAD_BYTES))
        size = FRAME_HEAD_BYTES + page_bytes
        place = HEAD_BYTES + index.frames * size
        while True:
            wal.seek(place)
            frame = wal.read(FRAME_HEAD_BYTES)
            if len(frame) < FRAME_HEAD_BYTES:
                break
            if _salts(frame) == salts:
                _, pages, _, _ = FRAME_HEAD.unpack_from(frame)
                begun = True
                if pages:
                    lost, begun = lost + 1, False
            place += size
    if lost > 1 or (lost and begun):
        raise StoreDamaged(f"{path} is damaged: {lost} committed changes behind the damage are lost", hint=COPY_AGAIN)


def refuse_misfit(database: Path, index: WalIndex, page_number: int, mark: bytes) -> None:
    """Refuse a WAL and a database that were not copied at one moment, as far as the numbers of the commits tell.

    Each commit of a server counts on by one and leaves its mark and number in one and the same page. So the database
    alone is never ahead of its WAL, and where both are of one server, the WAL goes on where the database ends.

    Args:
        page_number: of the page with the numbers (`commits`), from 1.
        mark: of the server that was using the directory; b"": none was.

    Raises:
        StoreDamaged: they do not fit together.
    """
    wal = database.with_name(database.name + WAL_SUFFIX)
    with database.open("rb") as source:
        source.seek((page_number - 1) * index.page_bytes)
        own = _position_on(source.read(index.page_bytes))
    later = [found for page in _pages(wal, index, page_number) if (found := _position_on(page)) is not None]
    if own is None or not later:
        return
    ahead = own[0] == later[-1][0] and own[1] > later[-1][1]
    gap = own[0] == later[0][0] == mark and later[0][1] > own[1] + 1
    if ahead or gap:
        raise StoreDamaged(f"{database} and {wal.name} were not copied at one moment", hint=COPY_AGAIN)


def _pages(wal: Path, index: WalIndex, page_number: int) -> Iterator[bytes]:
    """Give all committed states of one page, oldest first."""
    with wal.open("rb") as source:
        for number in range(index.frames):
            source.seek(HEAD_BYTES + number * (FRAME_HEAD_BYTES + index.page_bytes))
            if int.from_bytes(source.read(4), "big") == page_number:
                source.seek(FRAME_HEAD_BYTES - 4, 1)
                yield source.read(index.page_bytes)


def _position_on(page: bytes) -> tuple[bytes, int] | None:
    """Return mark and number of the only row (id, mark, lsn) on a page; None where the page is another one."""
    if len(page) < 512 or page[0] != LEAF or page[3:5] != b"\x00\x01":
        return None
    cell = int.from_bytes(page[8:10], "big")
    _size, rowid, head, *types = page[cell : cell + 6]
    # The id is stored as nothing, the mark has eight bytes, the number is an integer of 0 to 8 bytes or just 0 or 1.
    sizes = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8, 8: 0, 9: 0}
    if rowid != 1 or head != 4 or types[:2] != [0, 2 * 8 + 12] or types[2] not in sizes:
        return None
    start = cell + 6
    number = page[start + 8 : start + 8 + sizes[types[2]]]
    return page[start : start + 8], 1 if types[2] == 9 else int.from_bytes(number, "big", signed=True)


def _is_whole(head: bytes) -> bool:
    """Tell whether the head of a WAL has the sums it should have."""
    if len(head) < HEAD_BYTES:
        return False
    order = ">" if head[3] & 1 else "<"  # the last bit of the magic number says how words are summed
    first = second = 0
    words = struct.unpack_from(f"{order}6I", head)
    for one, other in zip(words[::2], words[1::2], strict=True):
        first = (first + one + second) & 0xFFFFFFFF
        second = (second + other + first) & 0xFFFFFFFF
    return struct.unpack_from(">II", head, 24) == (first, second)


def _salts(frame: bytes) -> bytes:
    return frame[8:16]
