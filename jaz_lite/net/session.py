"""A link and a stream, pumped until the session is over: the same shell for both ends.

Three tasks: one reads and tells, one writes, one lets time pass. Whatever commands gathered in one pass of the loop
leaves with one write. The link decides everything; nothing here knows a message.

While the caller is busy with what it was told, nothing more is read, so a server that cannot keep up slows its agents
by TCP itself; heartbeats go on meanwhile, and the peer's silence is not held against it.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Protocol

import trio

from jaz_lite.wire import limits
from jaz_lite.wire.happenings import Happening

Tell = Callable[[list[Happening]], Awaitable[None] | None]


class Pumped(Protocol):
    """What a session needs of a link; `ServerLink` and `AgentLink` have it."""

    @property
    def closed(self) -> bool: ...
    @property
    def deadline(self) -> float: ...
    def receive(self, data: bytes, now: float) -> list[Happening]: ...
    def tick(self, now: float) -> list[Happening]: ...
    def heard(self, now: float) -> None: ...
    def take(self) -> bytes: ...
    def error(self, code: str, msg: str = "") -> None: ...


class Session:
    """Pumps one link over one stream.

    Args:
        tell: is given what happened, a list for each chunk received, never two at a time; `Closed` comes last. It may
            give commands to the link; commands given at any other time want `flush` after them.
    """

    def __init__(self, link: Pumped, stream: trio.abc.Stream, tell: Tell) -> None:
        self._link = link
        self._stream = stream
        self._tell = tell
        self._late: list[Happening] = []
        self._reading: trio.CancelScope | None = None
        self._over = False
        self._telling = False
        self._write_wish = trio.Event()
        self._time_wish = trio.Event()
        self._sleeps_until = 0.0

    def flush(self) -> None:
        """Send, in the next pass of the loop, what commands have gathered; cheap when called often."""
        self._write_wish.set()
        if self._link.closed or self._link.deadline < self._sleeps_until:
            self._time_wish.set()

    async def run(self) -> None:
        """Pump until the link is closed and its last bytes are sent; closes the stream.

        Notes:
            A cancelled session closes the stream at once and tells nothing. To part politely say `bye` on the link,
            `flush`, and let `run` come to its end: it takes `GOODBYE_S` at most.
        """
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._write)
                nursery.start_soon(self._watch_time, nursery.cancel_scope)
                await self._read()
            self._late += self._link.tick(trio.current_time())
            await self._pass_on(self._late)
            with trio.move_on_after(limits.GOODBYE_S), suppress(trio.BrokenResourceError):
                await self._stream.aclose()
        finally:
            with trio.CancelScope(shield=True):
                await trio.aclose_forcefully(self._stream)

    async def _read(self) -> None:
        while not (self._over or self._link.closed):
            with trio.CancelScope() as self._reading:
                data = await self._receive()
            if self._reading.cancelled_caught:
                break
            found = self._link.receive(data, trio.current_time())
            if found:
                self._telling = True
                await self._pass_on(found)
                self._telling = False
            self.flush()

    async def _receive(self) -> bytes:
        try:
            return bytes(await self._stream.receive_some(limits.RECEIVE_BYTES))
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return b""

    async def _write(self) -> None:
        try:
            while True:
                while data := self._link.take():
                    with trio.fail_after(limits.SEND_STALL_S):
                        await self._stream.send_all(data)
                if self._link.closed:
                    break
                self._write_wish = trio.Event()
                await self._write_wish.wait()
        except trio.TooSlowError:
            self._link.error("silent", f"the peer has read nothing for {limits.SEND_STALL_S:.0f} s")
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self._late += self._link.receive(b"", trio.current_time())
        self._stop()

    async def _watch_time(self, pump: trio.CancelScope) -> None:
        while not (self._over or self._link.closed):
            self._time_wish = trio.Event()
            self._sleeps_until = self._link.deadline
            with trio.move_on_at(self._sleeps_until):
                await self._time_wish.wait()
            now = trio.current_time()
            if self._telling:
                self._link.heard(now)
            self._late += self._link.tick(now)
            self._write_wish.set()
        # The writer ends the session when its last bytes are out; a peer that does not read them is not waited for.
        with trio.move_on_after(limits.GOODBYE_S):
            while not self._over:
                self._time_wish = trio.Event()
                await self._time_wish.wait()
            return
        if not self._telling:
            pump.cancel()

    def _stop(self) -> None:
        self._over = True
        self._time_wish.set()
        if self._reading is not None:
            self._reading.cancel()

    async def _pass_on(self, found: list[Happening]) -> None:
        if found:
            waiting = self._tell(found)
            if waiting is not None:
                await waiting
