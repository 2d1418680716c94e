"""A link and a stream, pumped until the session is over: the same shell for both ends.

Two tasks: one reads and tells, the other writes and lets time pass. Whatever commands gathered in one pass of the
loop leaves with one write. The link decides everything; nothing here knows a message. A server holds a thousand of
these, so an idle one is kept small: no event, no queue and no cancel scope that nobody waits on.

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

    __slots__ = ("_late", "_link", "_over", "_parked", "_pump", "_stream", "_tell", "_telling")

    def __init__(self, link: Pumped, stream: trio.abc.Stream, tell: Tell) -> None:
        self._link = link
        self._stream = stream
        self._tell = tell
        self._late: list[Happening] = []
        self._parked: trio.lowlevel.Task | None = None
        self._pump: trio.CancelScope | None = None
        self._telling = False
        self._over = False

    def flush(self) -> None:
        """Send, in the next pass of the loop, what commands have gathered; cheap when called often."""
        if self._parked is not None:
            parked, self._parked = self._parked, None
            trio.lowlevel.reschedule(parked)

    async def run(self) -> None:
        """Pump until the link is closed and its last bytes are sent; closes the stream.

        Notes:
            A cancelled session closes the stream at once and tells nothing. To part politely say `bye` on the link,
            `flush`, and let `run` come to its end. What `tell` raises comes out in an exception group: it is a fault
            of the caller; a peer's fault that only the caller sees is said with `error` on the link.
        """
        try:
            async with trio.open_nursery() as nursery:
                self._pump = nursery.cancel_scope
                nursery.start_soon(self._write)
                await self._read()
                # What is left to write has so long; a peer that does not read it is not waited for.
                nursery.cancel_scope.deadline = trio.current_time() + limits.GOODBYE_S
            self._late += self._link.tick(trio.current_time())
            await self._pass_on(self._late)
            with trio.move_on_after(limits.GOODBYE_S), suppress(trio.BrokenResourceError):
                await self._stream.aclose()
        finally:
            with trio.CancelScope(shield=True):
                await trio.aclose_forcefully(self._stream)

    async def _read(self) -> None:
        while not (self._over or self._link.closed):
            try:
                data = bytes(await self._stream.receive_some(limits.RECEIVE_BYTES))
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                data = b""
            found = self._link.receive(data, trio.current_time())
            if found:
                self._telling = True
                await self._pass_on(found)
                self._telling = False
            self.flush()

    async def _write(self) -> None:
        try:
            while True:
                while data := self._link.take():
                    await self._send(data)
                if self._link.closed:
                    break
                with trio.CancelScope(deadline=self._link.deadline):
                    await self._park()
                self._let_time_pass()
        except trio.TooSlowError:
            self._link.error("silent", f"the peer has read nothing for {limits.SEND_STALL_S:.0f} s")
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self._late += self._link.receive(b"", trio.current_time())
        self._over = True
        # The caller is never cancelled in the middle of what it was told.
        if not self._telling and self._pump is not None:
            self._pump.cancel()

    async def _send(self, data: bytes) -> None:
        # In parts, so that the limit is for so many bytes however much has gathered.
        for start in range(0, len(data), limits.SEND_BYTES):
            with trio.fail_after(limits.SEND_STALL_S):
                await self._stream.send_all(data[start : start + limits.SEND_BYTES])

    async def _park(self) -> None:
        """Sleep until `flush`, without an object to sleep on."""
        self._parked = trio.lowlevel.current_task()

        def abort(_raise_cancel: object) -> trio.lowlevel.Abort:
            self._parked = None
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(abort)

    def _let_time_pass(self) -> None:
        now = trio.current_time()
        if now >= self._link.deadline:
            if self._telling:
                self._link.heard(now)
            self._late += self._link.tick(now)

    async def _pass_on(self, found: list[Happening]) -> None:
        if found:
            waiting = self._tell(found)
            if waiting is not None:
                await waiting
