"""The server's dialler: connections to the agents that wait to be dialled (`dial` is `server` or `both`).

One task an agent. It dials as long as the agent has no session, whoever opened it, and follows what the store says of
the agent: a changed address is tried at once, an agent that is revoked or dials by itself now is left.

Source: protocol.md section 2.1.
"""

import logging
import random
from dataclasses import dataclass, field

import trio

from jaz_lite.errors import JazLiteError, UsageError
from jaz_lite.net.dial import Address, AddressBook, Backoff, keep_dialling, parse_address
from jaz_lite.runner.turns import Turns
from jaz_lite.server.agents_door import AgentsDoor, Reached
from jaz_lite.wire.limits import AGENT_PORT

DIALS = frozenset(("server", "both"))
LEFT_ALONE = frozenset(("revoked", "quarantined"))

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Dialled:
    """An agent that is dialled. `trouble`: why it was not reached the last time; told once."""

    agent_id: str
    addrs: tuple[str, ...]
    book: AddressBook
    backoff: Backoff
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)
    try_now: trio.Event = field(default_factory=trio.Event)
    trouble: str = ""


class AgentsDialler:
    """See the module."""

    def __init__(self, turns: Turns, door: AgentsDoor) -> None:
        self._turns = turns
        self._door = door
        self._dialled: dict[str, _Dialled] = {}
        self._news = trio.Event()

    async def run(self) -> None:
        """Dial; never returns."""
        self._turns.agents_changed = self._tell
        seen = -1
        async with trio.open_nursery() as nursery:
            while True:
                news = self._news
                if (version := self._turns.store.agents_version) != seen:
                    seen = version
                    self._look(nursery)
                await news.wait()

    def _tell(self) -> None:
        """Agents came, went, or were changed."""
        self._news.set()
        self._news = trio.Event()

    def _look(self, nursery: trio.Nursery) -> None:
        with self._turns.store.snapshot() as view:
            rows = view.agents.list()
        wanted = {row.agent_id: row for row in rows if row.dial in DIALS and row.state not in LEFT_ALONE and row.addrs}
        for agent_id in [agent_id for agent_id in self._dialled if agent_id not in wanted]:
            self._dialled.pop(agent_id).scope.cancel()
        for agent_id, row in wanted.items():
            known = self._dialled.get(agent_id)
            if known is None:
                book = AddressBook(_parsed(agent_id, row.addrs))
                known = self._dialled[agent_id] = _Dialled(agent_id, row.addrs, book, Backoff(random.random))
                nursery.start_soon(self._keep, known)
            elif known.addrs != row.addrs:
                known.addrs = row.addrs
                known.book.configure(_parsed(agent_id, row.addrs))
                known.try_now.set()

    async def _keep(self, agent: _Dialled) -> None:
        async def wanted() -> None:
            while self._turns.works.desk(agent.agent_id).port is not None:
                await self._news.wait()

        async def hold(reached: Reached) -> bool:
            agent.trouble = ""
            if self._turns.works.desk(agent.agent_id).port is not None:
                reached.line.close()  # it dialled us meanwhile
                return False
            try:
                return await self._door.hold(reached) == agent.agent_id
            except Exception:
                # As at the door: a fault of ours in one session must not end the server.
                log.exception("a session broke our code", extra={"action": "link.fault", "agent": agent.agent_id})
                return False

        def failed(address: Address, error: JazLiteError) -> None:
            if error.message != agent.trouble:
                agent.trouble = error.message
                log.warning(
                    "an agent was not reached",
                    extra={"action": "agent.not_reached", "agent": agent.agent_id, "at": str(address),
                           "why": error.message},
                )  # fmt: skip

        async def pause(seconds: float) -> None:
            with trio.move_on_after(seconds):
                await agent.try_now.wait()
                agent.backoff.reset()
                agent.try_now = trio.Event()

        with agent.scope:
            await keep_dialling(
                agent.book,
                agent.backoff,
                wanted=wanted,
                reach=self._door.reach,
                hold=hold,
                failed=failed,
                pause=pause,
            )


def _parsed(agent_id: str, texts: tuple[str, ...]) -> list[Address]:
    found = []
    for text in texts:
        try:
            found.append(parse_address(text, AGENT_PORT))
        except UsageError as error:
            log.warning(
                "an agent's address makes no sense",
                extra={"action": "agent.address", "agent": agent_id, "why": error.message},
            )
    return found
