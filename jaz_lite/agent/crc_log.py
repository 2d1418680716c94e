"""Records framed with a length and a checksum, as the agent log and the keeper log keep them.

A record is u32 length, u32 CRC-32 of the payload, payload (big-endian). Pure: bytes in, bytes out.
"""

import struct
import zlib

RECORD_HEAD = struct.Struct(">II")
RECORD_BYTES_MAX = 256 * 1024  # larger lengths are damage, not records


def framed(payload: bytes) -> bytes:
    """Return `payload` as a record."""
    assert 0 < len(payload) <= RECORD_BYTES_MAX, f"a record of {len(payload)} bytes"
    return RECORD_HEAD.pack(len(payload), zlib.crc32(payload)) + payload


def unframed(data: bytes, start: int = 0) -> tuple[list[bytes], int]:
    """Return the sound records of `data` from `start` on, and the offset at which they end.

    Notes:
        An offset before the end of `data` means that what follows is torn or damaged; the caller knows which.
    """
    payloads: list[bytes] = []
    at, end = start, len(data)
    while at + RECORD_HEAD.size <= end:
        length, crc = RECORD_HEAD.unpack_from(data, at)
        begin = at + RECORD_HEAD.size
        if not 0 < length <= RECORD_BYTES_MAX or begin + length > end:
            break
        payload = data[begin : begin + length]
        if zlib.crc32(payload) != crc:
            break
        payloads.append(payload)
        at = begin + length
    return payloads, at
