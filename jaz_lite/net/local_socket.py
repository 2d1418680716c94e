"""The local control socket, the server's side: frames as `local_client` describes them, one request a connection.

What a request means is not known here: `answer` is given its name and arguments, may send items, and returns the last
word. A client that goes away cancels its answer. Whatever one connection does or fails at, the others go on.
"""

import logging
import os
import socket
import stat
import struct
import sys
import traceback
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import trio

from jaz_lite.errors import AlreadyRunning, JazLiteError, NotPermitted, RemoteProtocolError, UsageError
from jaz_lite.net.local_client import HEAD, SOCKET_FILE, frame_size, packed, short_name, unpacked

CONNECTIONS_MAX = 500
BACKLOG = 128
REQUEST_SECONDS_MAX = 30.0  # from the connection to the end of the request
READ_BYTES_MAX = 256 * 1024

Emit = Callable[[Any], Awaitable[None]]
Answer = Callable[[str, Mapping[str, Any], Emit], Awaitable[Any]]

log = logging.getLogger(__name__)


async def serve_local(
    folder: Path, answer: Answer, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Answer the commands of this installation's owner until cancelled.

    The caller holds the lock of the data directory, so a socket file found there was left behind by a killed server.

    Raises:
        AlreadyRunning: somebody does listen on it.
        UsageError: the path is no place for a socket.
    """
    listener = _listen(folder)
    own = (folder / SOCKET_FILE).stat()
    served = 0

    async def one(stream: trio.SocketStream) -> None:
        nonlocal served
        if served >= CONNECTIONS_MAX:
            await _refuse(stream, JazLiteError("the server is busy with other commands", hint="try again"))
            return
        served += 1
        try:
            if not _is_owner(stream.socket):
                await _refuse(stream, NotPermitted("only the owner of the data directory may use its local socket"))
                return
            await serve_connection(stream, answer)
        finally:
            served -= 1

    try:
        await trio.serve_listeners(one, [listener], task_status=task_status)  # type: ignore[arg-type]
    finally:
        with suppress(OSError):
            present = (folder / SOCKET_FILE).stat()
            if (present.st_dev, present.st_ino) == (own.st_dev, own.st_ino):
                (folder / SOCKET_FILE).unlink()


def _listen(folder: Path) -> trio.SocketListener:
    path = folder / SOCKET_FILE
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with short_name(os.fspath(folder)) as name:
            if path.exists() or path.is_symlink():
                if not stat.S_ISSOCK(path.lstat().st_mode):
                    raise UsageError(f"{path} is in the way: it is not a socket", hint="move it away")
                _refuse_if_alive(name, folder)
                path.unlink()
            listening.bind(name)
        # Nobody can connect before `listen`, so there is no moment at which the file is open to others.
        path.chmod(0o600)
        listening.listen(BACKLOG)
        listening.setblocking(False)
    except BaseException:
        listening.close()
        raise
    return trio.SocketListener(trio.socket.from_stdlib_socket(listening))


def _refuse_if_alive(name: str, folder: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(name)
        except OSError:
            return
    raise AlreadyRunning(f"a server already runs on {folder}", hint="jaz-lite status shows it")


def _is_owner(peer: trio.socket.SocketType) -> bool:
    """Tell whether the peer is the user this process runs as, or root; where the system cannot tell, the mode decides."""
    if sys.platform != "linux":
        return True
    size = struct.calcsize("3i")
    _, uid, _ = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    return uid in {0, os.geteuid()}


async def serve_connection(stream: trio.abc.Stream, answer: Answer) -> None:
    """Answer the one request of a connection; whatever happens stays inside it."""
    try:
        async with stream:
            await _serve(stream, answer)
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        return
    except Exception:
        log.exception("connection of the local socket failed", extra={"action": "local.failed"})


async def _serve(stream: trio.abc.Stream, answer: Answer) -> None:
    try:
        with trio.fail_after(REQUEST_SECONDS_MAX):
            request = await _request(stream)
    except trio.TooSlowError:
        await _refuse(stream, RemoteProtocolError(f"no request came within {REQUEST_SECONDS_MAX:.0f} seconds"))
        return
    except RemoteProtocolError as error:
        await _refuse(stream, error)
        return
    if request is None:
        return
    name, args = request

    async def emit(item: Any) -> None:
        await stream.send_all(packed({"item": item}))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(_watch, stream, nursery.cancel_scope)
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            await stream.send_all(await _last_word(name, args, emit, answer))
        nursery.cancel_scope.cancel()


async def _last_word(name: str, args: Mapping[str, Any], emit: Emit, answer: Answer) -> bytes:
    try:
        return packed({"done": await answer(name, args, emit)})
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        raise
    except JazLiteError as error:
        return packed({"error": told(error)})
    except Exception as error:
        log.exception("an operation failed", extra={"action": "local.fault", "op": name})
        return packed({"error": told(error, name)})


def told(error: Exception, name: str = "") -> dict[str, str]:
    """Return an error as it is sent; a fault of ours carries its traceback."""
    if isinstance(error, JazLiteError):
        return {"kind": type(error).__name__, "message": error.message, "hint": error.hint}
    return {
        "kind": "",
        "message": f"the server failed in {name}: {type(error).__name__}: {error}",
        "hint": "this is a fault of jaz-lite; -vv shows where",
        "trace": "".join(traceback.format_exception(error)),
    }


async def _refuse(stream: trio.abc.SendStream, error: JazLiteError) -> None:
    with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
        async with stream:
            await stream.send_all(packed({"error": told(error)}))


async def _request(stream: trio.abc.ReceiveStream) -> tuple[str, Mapping[str, Any]] | None:
    """Return name and arguments of the request, or None where the client went away before it said anything."""
    buffer = bytearray()
    wanted = HEAD.size
    while len(buffer) < wanted:
        data = await stream.receive_some(READ_BYTES_MAX)
        if not data:
            if not buffer:
                return None
            raise RemoteProtocolError("the request ended in the middle")
        buffer += data
        if len(buffer) >= HEAD.size:
            wanted = HEAD.size + frame_size(bytes(buffer[: HEAD.size]))
    if len(buffer) > wanted:
        raise RemoteProtocolError("a connection of the local socket carries one request")
    message = unpacked(bytes(buffer[HEAD.size :]))
    name, args = message.get("op"), message.get("args", {})
    if not isinstance(name, str) or not isinstance(args, dict):
        raise RemoteProtocolError("a request has an operation's name and a map of arguments")
    return name, args


async def _watch(stream: trio.abc.ReceiveStream, answering: trio.CancelScope) -> None:
    """Cancel the answer when the client goes away (or says more than it may)."""
    with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
        await stream.receive_some(1)
    answering.cancel()
