"""A line: bytes to one peer and back, sent at once where that is possible without waiting.

`send` gives to the kernel what it takes and keeps the rest; only for the rest somebody has to wait, in `drain`. So a
small message costs its sender one system call and no task, and nobody waits where nothing has to be waited for.

Reading asks the kernel once after it said that there is something: no second look that finds nothing. What is more
than one look brings makes the socket readable again.
"""

import socket
from typing import Protocol

import trio

from jaz_lite.wire import limits


class Line(Protocol):
    """What a session and TLS need of the bytes below them. One task reads; one at a time drains."""

    @property
    def pending(self) -> bool:
        """Something that was sent has not left yet."""

    def send(self, data: bytes) -> None:
        """Send what can leave without waiting and keep the rest for `drain`.

        Raises:
            trio.BrokenResourceError: nothing can be sent any more.
        """

    async def drain(self, size: int) -> None:
        """Wait until `size` bytes more have left, or all.

        Raises:
            trio.BrokenResourceError, trio.ClosedResourceError: nothing can be sent any more.
        """

    async def receive(self) -> bytes:
        """Wait for bytes and return them; b"" at the end. Cancelled, it loses none.

        Raises:
            trio.BrokenResourceError, trio.ClosedResourceError: nothing can be received any more.
        """

    async def aclose(self) -> None:
        """Say the end where the protocol has a word for it, wait until everything has left, and close."""

    def close(self) -> None:
        """Close at once; may be said twice."""


class SocketLine:
    """A line over a connected socket, which it owns."""

    __slots__ = ("_rest", "_socket")

    def __init__(self, connected: socket.socket) -> None:
        connected.setblocking(False)
        self._socket = connected
        self._rest = bytearray()

    @classmethod
    def over(cls, stream: trio.SocketStream) -> "SocketLine":
        """Return a line that takes the socket of a stream of trio's over; the stream is of no use any more."""
        return cls(socket.socket(fileno=stream.socket.detach()))

    @property
    def pending(self) -> bool:
        """See `Line`."""
        return bool(self._rest)

    def send(self, data: bytes) -> None:
        """See `Line`."""
        if self._rest:
            self._rest += data
            return
        sent = self._send(data)
        if sent < len(data):
            self._rest += data[sent:]

    async def drain(self, size: int) -> None:
        """See `Line`."""
        while self._rest and size > 0:
            await trio.lowlevel.wait_writable(self._socket)
            sent = self._send(self._rest)
            del self._rest[:sent]
            size -= sent

    def _send(self, data: bytes | bytearray) -> int:
        try:
            return self._socket.send(data)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError as error:
            raise trio.BrokenResourceError(str(error)) from error

    async def receive(self) -> bytes:
        """See `Line`."""
        while True:
            await trio.lowlevel.wait_readable(self._socket)
            try:
                return self._socket.recv(limits.RECEIVE_BYTES)
            except (BlockingIOError, InterruptedError):
                continue  # the kernel took back what it had said
            except OSError as error:
                raise trio.BrokenResourceError(str(error)) from error

    async def wait_for_word(self) -> None:
        """Wait until the peer has sent something, or is gone.

        Raises:
            trio.ClosedResourceError: the line was closed meanwhile.
        """
        await trio.lowlevel.wait_readable(self._socket)

    async def aclose(self) -> None:
        """See `Line`."""
        try:
            await self.drain(len(self._rest))
        finally:
            self.close()

    def close(self) -> None:
        """See `Line`."""
        if self._socket.fileno() != -1:
            trio.lowlevel.notify_closing(self._socket)
            self._socket.close()
