"""The local control socket, seen from a command: one request a connection, answered by one value or by a stream.

Both sides exchange frames: four bytes length, big-endian, then one msgpack map.

    request   {"op": name, "args": {...}}
    answers   {"item": value} any number of times, then {"done": value} or {"error": {kind, message, hint, trace}}

`kind` is the name of a class of `jaz_lite.errors`; anything else is a fault of the server. The socket is a file of mode
0600 in a directory of mode 0700: who can open it owns the installation. This side uses the plain socket module and no
trio, because a command must be done in a few hundredths of a second. The server's side is `local_socket`.
"""

import os
import socket
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import msgpack

from jaz_lite import errors

SOCKET_FILE = "server.sock"
FRAME_BYTES_MAX = 64 * 1024 * 1024
READ_BYTES_MAX = 256 * 1024
NAME_BYTES_MAX = 100  # what every kernel takes as the name of a socket
CONNECT_SECONDS_MAX = 5.0
HEAD = struct.Struct(">I")

PROC_FD = "/proc/self/fd"


class NotRunning(errors.Unreachable):
    """No server listens on the socket of this data directory. What to do about it depends on what the directory is for."""


def packed(message: Mapping[str, Any]) -> bytes:
    """Return a message as a frame.

    Raises:
        UsageError: it is too large, or a text in it holds bytes that are not UTF-8.
    """
    try:
        body = msgpack.packb(message)
    except UnicodeEncodeError as error:
        shown = error.object.encode("utf-8", "backslashreplace").decode()
        raise errors.UsageError(f'"{shown}" is not valid UTF-8', hint="texts must be UTF-8") from error
    except (ValueError, OverflowError) as error:
        raise errors.UsageError(
            "a number or a text of the request is too large", hint="numbers may have up to 64 bits"
        ) from error
    assert isinstance(body, bytes)
    if len(body) > FRAME_BYTES_MAX:
        raise errors.UsageError(
            f"the request has {len(body)} bytes; the local socket takes at most {FRAME_BYTES_MAX}",
            hint="split it into several files",
        )
    return HEAD.pack(len(body)) + body


def unpacked(body: bytes) -> dict[str, Any]:
    """Return the message of a frame's body.

    Raises:
        RemoteProtocolError: it is not a msgpack map with texts as keys.
    """
    try:
        message = msgpack.unpackb(body, strict_map_key=True, max_ext_len=0)
    except (ValueError, TypeError, RecursionError, msgpack.exceptions.UnpackException) as error:
        raise errors.RemoteProtocolError(f"a frame of the local socket is not msgpack: {error}") from error
    if not isinstance(message, dict) or not all(isinstance(key, str) for key in message):
        raise errors.RemoteProtocolError("a frame of the local socket is not a map with texts as keys")
    return message


def frame_size(head: bytes) -> int:
    """Return the length of the body that follows a frame's head.

    Raises:
        RemoteProtocolError: longer than a frame may be.
    """
    size: int = HEAD.unpack(head)[0]
    if size > FRAME_BYTES_MAX:
        raise errors.RemoteProtocolError(
            f"a frame of the local socket has {size} bytes; at most {FRAME_BYTES_MAX} may be"
        )
    return size


@contextmanager
def short_name(folder: str) -> Iterator[str]:
    """Give a name of the socket in `folder` that is short enough for the kernel, usable inside the `with` block.

    Raises:
        UsageError: the path is too long and this system offers no shorter name for it.
    """
    name = f"{folder}/{SOCKET_FILE}"
    if len(os.fsencode(name)) <= NAME_BYTES_MAX:
        yield name
        return
    if not os.path.isdir(PROC_FD):  # noqa: PTH112  # pathlib costs a command three milliseconds
        raise errors.UsageError(
            f"the path of the data directory is too long for a socket: {folder}", hint="choose a shorter path"
        )
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"{PROC_FD}/{handle}/{SOCKET_FILE}"
    finally:
        os.close(handle)


def connect(folder: str) -> socket.socket:
    """Return a connection to the server of a data directory.

    Raises:
        NotRunning: no server listens there.
        NotPermitted: the directory belongs to somebody else.
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(CONNECT_SECONDS_MAX)
    try:
        with short_name(folder) as name:
            connection.connect(name)
    except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError) as error:
        connection.close()
        raise NotRunning(f"no server runs on {folder}") from error
    except PermissionError as error:
        connection.close()
        raise errors.NotPermitted(
            f"the data directory {folder} belongs to somebody else", hint="run the command as its owner"
        ) from error
    except OSError as error:
        connection.close()
        raise errors.Unreachable(f"the server of {folder} cannot be reached: {error.strerror or error}") from error
    connection.settimeout(None)
    return connection


def call(folder: str, op: str, args: Mapping[str, Any] | None = None) -> Any:
    """Return the answer of the server of a data directory; items of a stream before it are dropped.

    Raises:
        JazLiteError: what the server answered, or that it cannot be reached.
    """
    with Stream(folder, op, args) as answers:
        for _ in answers:
            pass
        return answers.value


class Stream:
    """The answers to one request: iterate over the items; afterwards `value` is the last word."""

    def __init__(self, folder: str, op: str, args: Mapping[str, Any] | None = None) -> None:
        request = packed({"op": op, "args": dict(args or {})})
        self.value: Any = None
        self._folder = folder
        self._buffer = bytearray()
        self._connection = connect(folder)
        # The server may have answered before it read everything; what it said is more telling than a broken pipe.
        with suppress(OSError):
            self._connection.sendall(request)

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def __iter__(self) -> Iterator[Any]:
        while True:
            message = self.next_message(None)
            assert message is not None, "without a time limit there is always a message"
            if "item" in message:
                yield message["item"]
                continue
            self.finish(message)
            return

    def finish(self, message: Mapping[str, Any]) -> None:
        """Take the last message: keep its value or raise its error."""
        if "error" in message:
            raise raised(message["error"])
        self.value = message.get("done")

    def next_message(self, timeout_s: float | None) -> dict[str, Any] | None:
        """Return the next message, or None where none came within `timeout_s` seconds.

        Raises:
            Unreachable: the connection ended in the middle.
        """
        while True:
            if len(self._buffer) >= HEAD.size:
                end = HEAD.size + frame_size(bytes(self._buffer[: HEAD.size]))
                if len(self._buffer) >= end:
                    body = bytes(self._buffer[HEAD.size : end])
                    del self._buffer[:end]
                    return unpacked(body)
            self._connection.settimeout(timeout_s)
            try:
                data = self._connection.recv(READ_BYTES_MAX)
            except TimeoutError:
                return None
            except OSError as error:
                raise self._lost() from error
            if not data:
                raise self._lost()
            self._buffer += data

    def _lost(self) -> errors.Unreachable:
        return errors.Unreachable(
            f"the server of {self._folder} went away before it answered",
            hint="its own messages say why; runs go on when it is started again",
        )


def raised(error: Any) -> errors.JazLiteError:
    """Return the error that the server's answer describes."""
    told = error if isinstance(error, dict) else {}
    message, hint = str(told.get("message", "the server failed")), str(told.get("hint", ""))
    kind = getattr(errors, str(told.get("kind", "")), None)
    if not (isinstance(kind, type) and issubclass(kind, errors.JazLiteError)):
        kind = errors.JazLiteError
    found = kind(message, hint=hint)
    trace = told.get("trace")
    if trace:
        found.__cause__ = ServerError(str(trace))
    return found


class ServerError(Exception):
    """The traceback of the server's own fault, shown with -vv."""
