"""Batches of messages on the local socket between agent and keeper: u32 length, then a JSON list.

JSON, because both ends must understand each other across an upgrade of the agent (and of its Python) while an older
keeper lives on, and because it keeps the keeper small. Pure.
"""

import json
import struct
from typing import Any

from jaz_lite.errors import RemoteProtocolError

BATCH_BYTES_MAX = 16 * 1024 * 1024
_HEAD = struct.Struct(">I")
_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


def batch(messages: list[list[Any]]) -> bytes:
    """Return one batch; text that came from undecodable bytes travels as lone surrogates."""
    body = _encode(messages).encode()
    return _HEAD.pack(len(body)) + body


class Unbatcher:
    """Takes bytes as they come and gives whole batches."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[list[Any]]:
        """Return the messages of all batches that are complete now.

        Raises:
            RemoteProtocolError: not such a batch; close the connection.
        """
        self._buffer += data
        messages: list[list[Any]] = []
        while len(self._buffer) >= _HEAD.size:
            (length,) = _HEAD.unpack_from(self._buffer)
            if length > BATCH_BYTES_MAX:
                raise RemoteProtocolError(f"a batch of {length} bytes on the keeper's socket")
            if len(self._buffer) < _HEAD.size + length:
                break
            try:
                found = json.loads(bytes(self._buffer[_HEAD.size : _HEAD.size + length]))
            except ValueError as error:
                raise RemoteProtocolError("not JSON on the keeper's socket") from error
            if not isinstance(found, list) or not all(isinstance(message, list) for message in found):
                raise RemoteProtocolError("not a list of messages on the keeper's socket")
            messages += found
            del self._buffer[: _HEAD.size + length]
        return messages
