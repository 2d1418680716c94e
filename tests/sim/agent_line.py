"""One line between an agent's process and a server, whichever side dialled: a link, and the bytes to and from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jaz_lite.net.dial import Address
from jaz_lite.wire.agent_core import AgentLink
from jaz_lite.wire.happenings import Acked, Dispatched, Happening, OutputAcked, Welcomed
from tests.sim.network import Connection
from tests.sim.world import Dies

if TYPE_CHECKING:
    from tests.sim.agent import Agent


class AgentLine:
    """See the module. `address`: what the agent dialled; None where a server did."""

    def __init__(self, agent: Agent, address: Address | None) -> None:
        self.agent = agent
        self.address = address
        self.link: AgentLink | None = None
        self.connection: Connection | None = None
        self._tick_ms: int | None = None

    def begin(self, connection: Connection, link: AgentLink) -> None:
        """The other end is there: say hello."""
        self.connection, self.link = connection, link
        self.flush_or_die()

    def came(self, data: bytes) -> None:
        """Bytes arrived."""
        if self.agent.living and self in self.agent.lines and self.link is not None:
            self._heard(self.link.receive(data, self.agent.machine.clock.monotonic()))

    def _heard(self, happenings: list[Happening]) -> None:
        agent = self.agent
        assert self.link is not None
        for happening in happenings:
            match happening:
                case Dispatched():
                    agent.machine.oracle.command_came(agent)
                case Acked(n):
                    agent.machine.oracle.acked(agent, n)
                case OutputAcked(k, stream, offset):
                    agent.machine.oracle.output_acked(agent, k, stream, offset)
                case Welcomed() if self.address is not None:
                    agent.book.good(self.address)
        if agent.copies is not None:
            happenings = agent.copies.heard(self, self.link, happenings)
        agent.site.heard(self.link, happenings, agent.now())
        self.flush_or_die()
        agent.gathered()

    def flush_or_die(self) -> None:
        """Send what has gathered; the process may die of it."""
        try:
            self.agent.flush()
        except Dies:
            self.agent.machine.kill_agent("while it sent")

    def flush(self) -> None:
        """Send what has gathered on this line."""
        agent, link, connection = self.agent, self.link, self.connection
        assert link is not None
        assert connection is not None
        while data := link.take():
            if agent.sends_bytes is not None:
                connection.send(0, data[: agent.sends_bytes])
                agent.sends_bytes -= len(data)
                if agent.sends_bytes < 0:
                    raise Dies
            else:
                connection.send(0, data)
        if link.closed:
            agent.site.heard(link, link.tick(agent.machine.clock.monotonic()), agent.now())
            connection.hang_up(0)
            agent.line_over(self)
            return
        self._plan_tick(link)

    def _plan_tick(self, link: AgentLink) -> None:
        deadline = link.deadline
        if deadline == float("inf"):
            return
        world = self.agent.world
        at_ms = max(world.now_ms, round((deadline - 1_000.0) * 1_000) + 1)
        if self._tick_ms is not None and world.now_ms <= self._tick_ms <= at_ms:
            return
        self._tick_ms = at_ms
        world.after(at_ms - world.now_ms, self._tick, at_ms)

    def _tick(self, at_ms: int) -> None:
        if self.agent.living and at_ms == self._tick_ms and self in self.agent.lines:
            self._tick_ms = None
            assert self.link is not None
            self._heard(self.link.tick(self.agent.machine.clock.monotonic()))
