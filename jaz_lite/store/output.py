"""Output of jobs: what agents have sent of it, in pieces, each written once at its offset."""

import zlib

from jaz_lite.store.attempts import STATE_NUMBER
from jaz_lite.store.connection import Sql

COMPRESS_BYTES_MIN = 1024
ZLIB_LEVEL = 1
DONE = STATE_NUMBER["done"]
STREAMS = (1, 2)  # standard output, standard error


class Output:
    """The output of all attempts."""

    def __init__(self, sql: Sql) -> None:
        self._sql = sql

    def append(self, k: bytes, stream: int, offset: int, data: bytes) -> int:
        """Store a piece of output and return up to where the stream is stored now.

        Args:
            k: key of an attempt that is in the store.
            offset: of the first byte of `data` in the stream.

        Notes:
            Only bytes at the stored end are written. What is there already is passed over, so a piece may come twice;
            a piece behind a gap is not written at all, and the answer, lower than `offset`, says from where to send.
        """
        assert stream in STREAMS, stream
        assert offset >= 0, offset
        attempt, stored = self._end(k, stream)
        assert attempt is not None, f"output of an attempt that is not in the store: {k.hex()}"
        if offset > stored or offset + len(data) <= stored:
            return stored
        fresh = data[stored - offset :]
        kept = fresh
        if len(fresh) >= COMPRESS_BYTES_MIN:
            squeezed = zlib.compress(fresh, ZLIB_LEVEL)
            kept = squeezed if len(squeezed) < len(fresh) else fresh
        self._sql.run(
            "insert into output (attempt, stream, off, size, data) values (?, ?, ?, ?, ?)",
            (attempt, stream, stored, len(fresh), kept),
        )
        return stored + len(fresh)

    def length(self, k: bytes, stream: int) -> int:
        """Return how many bytes of a stream are stored; 0 where nothing is known of it."""
        return self._end(k, stream)[1]

    def read(self, k: bytes, stream: int, offset: int, size: int) -> bytes:
        """Return up to `size` bytes from `offset` on; fewer at the stored end, none beyond it."""
        rows = self._sql.rows(
            "select o.off, o.size, o.data from output o join attempts a on a.id = o.attempt"
            " where a.k = ?1 and o.stream = ?2 and o.off < ?4 and o.off >= coalesce((select max(p.off) from output p"
            " where p.attempt = a.id and p.stream = ?2 and p.off <= ?3), 0) order by o.off",
            (k, stream, offset, offset + size),
        )
        parts: list[bytes] = []
        for off, piece_size, kept in rows:
            piece = kept if len(kept) == piece_size else zlib.decompress(kept)
            parts.append(piece[max(0, offset - off) : max(0, offset + size - off)])
        return b"".join(parts)

    def short(self, newest: int) -> list[tuple[str, bytes, int, int]]:
        """Return those of the `newest` attempts of which the agent told more output than is stored.

        Returns:
            Agent, key, and the bytes of both streams as told.
        """
        return self._sql.rows(
            "select n.name, a.k, a.out_bytes, a.err_bytes from (select id, k, agent, out_bytes, err_bytes from attempts"
            " where state = ? order by id desc limit ?) a join names n on n.id = a.agent"
            " where a.out_bytes + a.err_bytes > (select coalesce(sum(o.size), 0) from output o where o.attempt = a.id)",
            (DONE, newest),
        )

    def _end(self, k: bytes, stream: int) -> tuple[int | None, int]:
        """Return the row of the attempt and the stored length of a stream."""
        row = self._sql.row(
            "select a.id, (select o.off + o.size from output o where o.attempt = a.id and o.stream = ?2"
            " order by o.off desc limit 1) from attempts a where a.k = ?1",
            (k, stream),
        )
        return (None, 0) if row is None else (row[0], row[1] or 0)
