"""The server's dialler: it dials agents that wait for it, and looks for those that should have come and did not.

- Agents with `dial` `server` or `both` are dialled whenever they have no session.
- All others dial us. They are looked for where they were seen last, if they said there that servers may dial them:
  at once where they have not yet learnt that this server took over (the announcement of protocol.md 8.3), and after
  a while where they had been there. A server that was replaced while it was cut off learns so in this way, too: its
  agents went elsewhere and tell it.

One task an agent that is dialled or looked for. It follows what the store says of the agent: a changed address is
tried at once, an agent that is revoked is left. Source: protocol.md sections 2.1 and 8.3.
"""

import logging
import random
from dataclasses import dataclass, field

import trio

from jaz_lite.errors import JazLiteError, UsageError
from jaz_lite.net.dial import Address, AddressBook, Backoff, keep_dialling, parse_address
from jaz_lite.runner.desk import Desk
from jaz_lite.runner.turns import Turns
from jaz_lite.server.agents_door import AgentsDoor, Reached
from jaz_lite.wire.ident import epoch_and_boot, term_of
from jaz_lite.wire.limits import AGENT_PORT, ANNOUNCE_FACTOR, ANNOUNCE_S_FIRST, ANNOUNCE_S_MAX

DIALS = frozenset(("server", "both"))
LEFT_ALONE = frozenset(("revoked", "quarantined"))
AT_ONCE_MAX = 64  # connections that are being opened
LOST_MS = 15_000  # an agent that dials by itself is back by then, as a rule
LOOK_S = 5.0

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Dialled:
    """An agent that is dialled. `trouble`: why it was not reached the last time; told once.

    sought: it dials by itself, and was not there. left: it is not to be dialled again.
    """

    agent_id: str
    addrs: tuple[str, ...]
    book: AddressBook
    backoff: Backoff
    sought: bool
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)
    try_now: trio.Event = field(default_factory=trio.Event)
    trouble: str = ""
    holding: bool = False
    left: bool = False


class AgentsDialler:
    """See the module."""

    def __init__(self, turns: Turns, door: AgentsDoor) -> None:
        self._turns = turns
        self._door = door
        self._dialled: dict[str, _Dialled] = {}
        self._news = trio.Event()
        self._room = trio.CapacityLimiter(AT_ONCE_MAX)
        self._seen = -1
        self._set: dict[str, tuple[str, ...]] = {}  # agents that wait to be dialled, and where
        self._alone: set[str] = set()  # agents that are not looked for
        self._since_ms = turns.clock.now_ms()
        self._epoch_term = term_of(epoch_and_boot(turns.term)[0], 0)

    async def run(self) -> None:
        """Dial; never returns."""
        self._turns.agents_changed = self._tell
        async with trio.open_nursery() as nursery:
            while True:
                news = self._news
                self._look(nursery)
                with trio.move_on_after(LOOK_S):
                    await news.wait()

    def trouble_of(self, agent_id: str) -> str:
        """Say why an agent was not reached at the last try; "" where there was none, or it is being tried."""
        found = self._dialled.get(agent_id)
        return "" if found is None else found.trouble

    def _tell(self) -> None:
        """Agents came, went, or were changed."""
        self._news.set()
        self._news = trio.Event()

    def _look(self, nursery: trio.Nursery) -> None:
        self._read_again()
        wanted = dict(self._set)
        now_ms = self._turns.clock.now_ms()
        for desk in self._turns.works.desks.values():
            if desk.agent_id not in wanted and self.is_sought(desk, now_ms):
                wanted[desk.agent_id] = (desk.dial_at,)
        for agent_id in [agent_id for agent_id in self._dialled if agent_id not in wanted]:
            gone = self._dialled.pop(agent_id)
            gone.left = True
            if not gone.holding:
                gone.scope.cancel()
        for agent_id, addrs in wanted.items():
            known = self._dialled.get(agent_id)
            if known is None:
                nursery.start_soon(self._keep, self._begun(agent_id, addrs))
            elif known.addrs != addrs:
                known.addrs = addrs
                known.book.configure(_parsed(agent_id, addrs))
                known.try_now.set()

    def _read_again(self) -> None:
        """Look which agents wait to be dialled, if anything of that was changed."""
        if (version := self._turns.store.agents_version) == self._seen:
            return
        self._seen = version
        with self._turns.store.snapshot() as view:
            rows = view.agents.list()
        self._alone = {row.agent_id for row in rows if row.state in LEFT_ALONE}
        self._set = {row.agent_id: row.addrs for row in rows if row.dial in DIALS and row.addrs}
        for agent_id in self._alone:
            self._set.pop(agent_id, None)

    def is_sought(self, desk: Desk, now_ms: int) -> bool:
        """Tell whether an agent that dials by rule is to be dialled all the same."""
        if desk.port is not None or not desk.dial_at or desk.agent_id in self._alone:
            return False
        if desk.confirmed_term < self._epoch_term:
            return True
        return now_ms - (desk.since_ms or self._since_ms) >= LOST_MS

    def _begun(self, agent_id: str, addrs: tuple[str, ...]) -> _Dialled:
        sought = agent_id not in self._set
        backoff = (
            Backoff(random.random, first_s=ANNOUNCE_S_FIRST, factor=ANNOUNCE_FACTOR, most_s=ANNOUNCE_S_MAX)
            if sought
            else Backoff(random.random)
        )
        book = AddressBook(_parsed(agent_id, addrs))
        made = self._dialled[agent_id] = _Dialled(agent_id, addrs, book, backoff, sought)
        return made

    async def _keep(self, agent: _Dialled) -> None:
        async def wanted() -> None:
            if agent.left:
                agent.scope.cancel()
            while self._turns.works.desk(agent.agent_id).port is not None:
                await self._news.wait()

        async def reach(address: Address) -> Reached:
            async with self._room:
                return await self._door.reach(address)

        async def hold(reached: Reached) -> bool:
            agent.trouble = ""
            if self._turns.works.desk(agent.agent_id).port is not None:
                reached.line.close()  # it dialled us meanwhile
                return False
            agent.holding = True
            try:
                return await self._door.hold(reached, only=agent.agent_id if agent.sought else "") == agent.agent_id
            except Exception:
                # As at the door: a fault of ours in one session must not end the server.
                log.exception("a session broke our code", extra={"action": "link.fault", "agent": agent.agent_id})
                return False
            finally:
                agent.holding = False

        def failed(address: Address, error: JazLiteError) -> None:
            if error.message != agent.trouble:
                agent.trouble = error.message
                # One that dials by itself may be switched off; nobody needs to be told.
                log.log(
                    logging.INFO if agent.sought else logging.WARNING,
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
                reach=reach,
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
