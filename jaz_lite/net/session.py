"""A link and a line, pumped until the session is over: the same shell for both ends.

One task reads, tells and lets time pass. What commands gathered leaves when `flush` is called, there and then, so a
message costs neither end a further pass of the loop; only what the kernel does not take at once gets a task, for as
long as that takes. The link decides everything; nothing here knows a message. A server holds a thousand of these, so
an idle one is kept small: one task, one deadline.

While the caller is busy with what it was told, nothing more is read, so a server that cannot keep up slows its agents
by TCP itself; heartbeats go on meanwhile, and the peer's silence is not held against it.
"""

import math
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Protocol

import trio

from jaz_lite.net.line import Line
from jaz_lite.wire import limits
from jaz_lite.wire.happenings import Happening

Tell = Callable[[list[Happening]], Awaitable[None] | None]

ENDS = (trio.BrokenResourceError, trio.ClosedResourceError)


class Pumped(Protocol):
    """What a session needs of a link; `ServerLink` and `AgentLink` have it."""

    @property
    def closed(self) -> bool: ...
    @property
    def deadline(self) -> float: ...
    @property
    def has_output(self) -> bool: ...
    def receive(self, data: bytes, now: float) -> list[Happening]: ...
    def tick(self, now: float) -> list[Happening]: ...
    def heard(self, now: float) -> None: ...
    def take(self) -> bytes: ...
    def error(self, code: str, msg: str = "") -> None: ...


class Session:
    """Pumps one link over one line.

    Args:
        tell: is given what happened, a list for each chunk received, never two at a time; `Closed` comes last. It may
            give commands to the link; commands given at any other time want `flush` after them.
        head: what was already received of the line.
    """

    __slots__ = ("_alarm", "_due", "_head", "_late", "_line", "_link", "_mute", "_nursery", "_tell", "_writing")

    def __init__(self, link: Pumped, line: Line, tell: Tell, head: bytes = b"") -> None:
        self._link = link
        self._line = line
        self._tell = tell
        self._head = head
        self._late: list[Happening] = []
        self._nursery: trio.Nursery | None = None  # while the session runs
        self._alarm: trio.CancelScope | None = None  # ends what is waited for when time has to pass
        self._due = 0.0  # when the alarm goes off
        self._writing = False
        self._mute = False  # nothing can be sent any more

    def flush(self) -> None:
        """Send what commands have gathered; cheap when there is nothing. Raises nothing."""
        if self._nursery is None:
            return
        if self._link.has_output and not (self._writing or self._mute):
            self._send_now(self._nursery)
        due = self._deadline()
        if due < self._due and self._alarm is not None:
            self._due = self._alarm.deadline = due

    async def run(self) -> None:
        """Pump until the link is closed and its last bytes are sent; closes the line.

        Notes:
            A cancelled session closes the line at once and tells nothing. To part politely say `bye` on the link,
            `flush`, and let `run` come to its end. What `tell` raises comes out in an exception group: it is a fault
            of the caller; a peer's fault that only the caller sees is said with `error` on the link.
        """
        try:
            async with trio.open_nursery() as nursery:
                self._nursery = nursery
                try:
                    self.flush()
                    await self._read()
                    self.flush()
                finally:
                    self._nursery = None
                # What is left to write has so long; a peer that does not read it is not waited for.
                nursery.cancel_scope.deadline = trio.current_time() + limits.GOODBYE_S
            waiting = self._pass_on(self._late + self._link.tick(trio.current_time()))
            if waiting is not None:
                await waiting
            if not (self._mute or self._line.pending):
                with trio.move_on_after(limits.GOODBYE_S), suppress(*ENDS):
                    await self._line.aclose()
        finally:
            self._line.close()

    # ---- in

    async def _read(self) -> None:
        while not self._link.closed:
            waiting = None
            self._due = self._deadline()
            with trio.CancelScope(deadline=self._due) as self._alarm:
                waiting = await self._hear()
            if waiting is not None:
                # The caller is never cancelled in the middle of what it was told.
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._keep_time)
                    await waiting
                    nursery.cancel_scope.cancel()
                self.flush()
            self._let_time_pass()

    async def _hear(self) -> Awaitable[None] | None:
        """Receive and tell, until the link is closed or the caller has to be waited for."""
        while not self._link.closed:
            try:
                data = self._head or await self._line.receive()
            except ENDS:
                data = b""
            self._head = b""
            waiting = self._pass_on(self._link.receive(data, trio.current_time()))
            self.flush()
            if waiting is not None:
                return waiting
        return None

    def _pass_on(self, found: list[Happening]) -> Awaitable[None] | None:
        return self._tell(found) if found else None

    # ---- time

    def _deadline(self) -> float:
        return -math.inf if self._mute else self._link.deadline

    def _let_time_pass(self) -> None:
        now = trio.current_time()
        if self._mute:
            self._late += self._link.receive(b"", now)
        elif now >= self._link.deadline:
            self._late += self._link.tick(now)
            self.flush()

    async def _keep_time(self) -> None:
        """While the caller is busy nothing is read, and the peer is not to blame for its silence."""
        while not (self._link.closed or self._mute):
            self._due = self._link.deadline
            with trio.CancelScope(deadline=self._due) as self._alarm:
                await trio.sleep_forever()
            self._link.heard(trio.current_time())
            self._let_time_pass()

    # ---- out

    def _send_now(self, nursery: trio.Nursery) -> None:
        try:
            self._line.send(self._link.take())
        except ENDS:
            self._mute = True
            return
        except Exception as fault:
            # A fault of ours in one link ends this session, not the caller, who may be flushing many.
            self._mute = True
            nursery.start_soon(self._fail, fault)
            return
        if self._line.pending or self._link.has_output:
            self._writing = True
            nursery.start_soon(self._write)

    async def _fail(self, fault: Exception) -> None:
        raise fault

    async def _write(self) -> None:
        """Send what did not leave at once, and what has gathered meanwhile."""
        try:
            while self._line.pending or self._link.has_output:
                while self._line.pending:
                    # In parts, so that the limit is for so many bytes however much has gathered.
                    with trio.fail_after(limits.SEND_STALL_S):
                        await self._line.drain(limits.SEND_BYTES)
                self._line.send(self._link.take())
                await trio.lowlevel.checkpoint()
        except trio.TooSlowError:
            self._link.error("silent", f"the peer has read nothing for {limits.SEND_STALL_S:.0f} s")
            self._mute = True
        except ENDS:
            self._mute = True
        finally:
            self._writing = False
        self.flush()
