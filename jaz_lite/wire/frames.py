"""Frames: four bytes of length, then a msgpack array of exactly three: [type, seq, body].

What the msgpack library accepts is more than we allow (ext types, doubled keys, 1,024 levels), and its two forms
differ at the margins. So it is told the limits it understands, doubled keys are refused by a hook, and the rest is
left to the schemas of `messages` and, for what no schema names, to `check_plain`. Source: protocol.md section 3.
"""

import struct
from collections.abc import Mapping
from typing import Any, NoReturn, cast

import msgpack

from jaz_lite.errors import RemoteProtocolError
from jaz_lite.wire import limits

_LENGTH = struct.Struct(">I")
_FLOAT_MAX = 1.7976931348623157e308


class Violation(RemoteProtocolError):
    """The peer broke a rule. `code` goes into the `error` frame; it is one of those named at `Closed`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def pack(value: object) -> bytes:
    """Return the msgpack bytes of plain values."""
    return cast("bytes", msgpack.packb(value))


def frame(payload: bytes) -> bytes:
    """Return the payload with its length before it."""
    return _LENGTH.pack(len(payload)) + payload


class FrameReader:
    """Cuts a stream of bytes into payloads.

    Notes:
        The limit is an argument of `next` because it grows with the `welcome`, which may lie in the middle of what
        was fed at once. A length beyond it is refused as soon as its four bytes are there.
    """

    __slots__ = ("_buffer", "_position")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._position = 0

    def feed(self, data: bytes) -> None:
        """Add bytes as they came."""
        self._buffer += data

    def next(self, bytes_max: int) -> bytes | None:
        """Return the next whole payload, or None until more was fed.

        Raises:
            Violation: the length is zero or above `bytes_max`.
        """
        start = self._position + limits.LENGTH_BYTES
        if len(self._buffer) < start:
            self._compact()
            return None
        (length,) = _LENGTH.unpack_from(self._buffer, self._position)
        if not 0 < length <= bytes_max:
            raise Violation("frame", f"a frame of {length} bytes; 1 to {bytes_max} are allowed")
        if len(self._buffer) < start + length:
            self._compact()
            return None
        self._position = start + length
        return bytes(self._buffer[start : self._position])

    def clear(self) -> None:
        """Forget what has not been cut yet."""
        self._buffer.clear()
        self._position = 0

    def _compact(self) -> None:
        if self._position:
            del self._buffer[: self._position]
            self._position = 0


def unpack(payload: bytes, *, map_entries_max: int = limits.MAP_ENTRIES_MAX) -> Any:
    """Return the plain value in msgpack bytes; what lies deep in it is not yet checked.

    Raises:
        Violation: not msgpack, bytes left over, ext types, doubled keys, too long maps or arrays, bad UTF-8.
    """
    try:
        return msgpack.unpackb(
            payload,
            raw=False,
            strict_map_key=True,
            object_pairs_hook=_without_doubles,
            ext_hook=_no_ext,
            max_ext_len=0,
            max_array_len=limits.ARRAY_ITEMS_MAX,
            max_map_len=map_entries_max,
        )
    except (ValueError, msgpack.UnpackException) as error:
        raise Violation("frame", f"not a readable msgpack value: {type(error).__name__}") from None


def unpack_frame(payload: bytes) -> tuple[int, int, dict[str, Any]]:
    """Return (type, seq, body) of a payload; the body is a map whose fields are not yet checked.

    Raises:
        Violation: as `unpack`, or the value is not an array of these three.
    """
    value = unpack(payload)
    if type(value) is not list or len(value) != 3:
        raise Violation("frame", "a payload must be an array of three")
    number, seq, body = value
    if type(number) is not int or not 0 <= number <= limits.TYPE_MAX:
        raise Violation("frame", "the type must be an integer from 0 to 255")
    if type(seq) is not int:
        raise Violation("frame", "the sequence number must be an integer")
    if type(body) is not dict:
        raise Violation("frame", "the body must be a map")
    return number, seq, body


def check_plain(value: object, level: int, *, key_bytes_max: int = limits.KEY_BYTES_MAX) -> None:
    """Refuse what no schema would: deep nesting, long keys, NaN, types that msgpack has and we have not.

    Args:
        level: on which `value` lies if it is a container; the frame's array is level 1, its body level 2.

    Raises:
        Violation: with the first thing found.
    """
    kind = type(value)
    if kind is dict:
        if level > limits.NESTING_MAX:
            _too_deep()
        for key, item in cast("Mapping[object, object]", value).items():
            check_key(key, key_bytes_max=key_bytes_max)
            check_plain(item, level + 1, key_bytes_max=key_bytes_max)
    elif kind is list:
        if level > limits.NESTING_MAX:
            _too_deep()
        for item in cast("list[object]", value):
            check_plain(item, level + 1, key_bytes_max=key_bytes_max)
    elif kind is float:
        if not -_FLOAT_MAX <= cast("float", value) <= _FLOAT_MAX:
            raise Violation("schema", "a number that is not finite")
    elif not (value is None or kind in (int, str, bytes, bool)):
        raise Violation("schema", "a value of a type that is not allowed")


def check_key(key: object, *, key_bytes_max: int = limits.KEY_BYTES_MAX) -> None:
    """Refuse a key of a map that is not text or too long."""
    if type(key) is not str or len(key.encode()) > key_bytes_max:
        raise Violation("schema", f"a key that is not text of at most {key_bytes_max} bytes")


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    whole = dict(pairs)
    if len(whole) != len(pairs):
        raise Violation("frame", "a key stands twice in a map")
    return whole


def _no_ext(_code: int, _data: bytes) -> NoReturn:
    raise Violation("frame", "an ext type")


def _too_deep() -> NoReturn:
    raise Violation("schema", f"nested deeper than {limits.NESTING_MAX} levels")
