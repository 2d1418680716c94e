"""A line over a stream of trio's: links and TLS over memory, in virtual time."""

from collections.abc import Callable
from typing import Any

from trio.testing import memory_stream_pair


class StreamLine:
    """Nothing leaves at once here: everything goes the way of what a socket does not take."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.waiting = bytearray()

    @property
    def pending(self) -> bool:
        return bool(self.waiting)

    def send(self, data: bytes) -> None:
        self.waiting += data

    async def drain(self, size: int) -> None:
        data = bytes(self.waiting[:size])
        await self.stream.send_all(data)
        del self.waiting[: len(data)]

    async def receive(self) -> bytes:
        return bytes(await self.stream.receive_some(65_536))

    async def aclose(self) -> None:
        await self.drain(len(self.waiting))
        await self.stream.aclose()

    def close(self) -> None:
        self.stream.send_stream.close()
        self.stream.receive_stream.close()


def memory_lines(pair: Callable[[], tuple[Any, Any]] = memory_stream_pair) -> tuple[StreamLine, StreamLine]:
    """Return both ends of a connection in memory."""
    one, other = pair()
    return StreamLine(one), StreamLine(other)
