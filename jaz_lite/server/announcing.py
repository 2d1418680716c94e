"""How far it has got around that this server is the server now: which agents know, and why the others do not yet.

The dialler looks for the agents (`agents_dialler.py`); here it is counted and told.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import trio

from jaz_lite.failover.judgement import names
from jaz_lite.runner.inputs import AgentUnheard
from jaz_lite.runner.turns import Turns
from jaz_lite.server.embedded import is_embedded
from jaz_lite.store.agents import AgentRow
from jaz_lite.wire.ident import epoch_and_boot, term_of

LOOK_S = 0.2
APART_S = 1.0  # between two sentences while it goes on; each of them reads all agents
STILL_S = 10.0  # so long nothing moved: then people are told who is missing, and why
EARLIER_S = 60.0  # so long an embedded agent of an earlier server may take to be found, or to find this one
NOT_COUNTED = frozenset(("revoked", "quarantined"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """An agent that has not confirmed the present epoch. since_ms: when it was seen last, wall clock."""

    agent_id: str
    reason: str
    since_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How many of how many agents have confirmed the present epoch, and the rest."""

    confirmed: int
    agents: int
    rest: tuple[Missing, ...]

    @property
    def sentence(self) -> str:
        """All of it in one line."""
        if not self.rest:
            return (
                f"all {self.agents} agents confirmed this server"
                if self.agents > 1
                else "its agent confirmed this server"
            )
        told = names([f"{each.agent_id} ({each.reason})" for each in self.rest])
        return f"confirmed {self.confirmed} of {self.agents} agents; the rest: {told}"


class Announcing:
    """See the module.

    Args:
        trouble_of: why an agent was not reached at the last try; "" where it was not tried.
    """

    def __init__(self, turns: Turns, trouble_of: Callable[[str], str]) -> None:
        self._turns = turns
        self._trouble_of = trouble_of
        self._epoch_term = term_of(epoch_and_boot(turns.term)[0], 0)

    def has_confirmed(self, row: AgentRow) -> bool:
        """Tell whether an agent knows that this server is the server now."""
        return (row.confirmed_term or 0) >= self._epoch_term

    def progress(self, rows: Iterable[AgentRow]) -> Progress:
        """Return how far it has got around."""
        counted = [row for row in rows if row.state not in NOT_COUNTED]
        rest = [row for row in counted if not self.has_confirmed(row)]
        return Progress(
            confirmed=len(counted) - len(rest),
            agents=len(counted),
            rest=tuple(Missing(agent_id=row.agent_id, reason=self._reason(row), since_ms=row.seen_ms) for row in rest),
        )

    def _reason(self, row: AgentRow) -> str:
        if row.seen_ms is None:
            return "has never been connected"
        place = next(iter((*row.addrs, *filter(None, (row.dial_at,)))), "")
        trouble = self._trouble_of(row.agent_id)
        if not place:
            why = "cannot be dialled and has to find this server: jaz-lite agent set-server, on its machine"
        else:
            why = f"not reached at {place}: {trouble}" if trouble else f"is being dialled at {place}"
        if is_embedded(row.agent_id):
            why += "; it is of another machine's server: jaz-lite agent revoke, if that one is gone for good"
        return why

    async def doubt_earlier(self, agents: Iterable[str]) -> None:
        """Let what earlier embedded agents had be in doubt, if they are not heard soon: their machines may be gone."""
        await trio.sleep(EARLIER_S)
        for agent_id in agents:
            if self._turns.works.desk(agent_id).confirmed_term < self._epoch_term:
                self._turns.submit(AgentUnheard(agent_id))

    async def tell(self, tell: Callable[[str], None]) -> None:
        """Tell people how it goes, until all agents have confirmed."""
        told, moved_at, told_rest = -1, -math.inf, False
        while True:
            desks = self._turns.works.desks.values()
            confirmed = sum(desk.confirmed_term >= self._epoch_term for desk in desks)
            due = confirmed == len(desks) or trio.current_time() >= moved_at + APART_S
            if confirmed != told and due:
                told, moved_at, told_rest = confirmed, trio.current_time(), False
                now = self._progress_now()
                tell(now.sentence if not now.rest else f"confirmed {now.confirmed} of {now.agents} agents")
                if not now.rest:
                    return
            elif confirmed == told and not told_rest and trio.current_time() >= moved_at + STILL_S:
                told_rest = True
                tell(self._progress_now().sentence)
            await trio.sleep(LOOK_S)

    def _progress_now(self) -> Progress:
        with self._turns.store.snapshot() as view:
            return self.progress(view.agents.list())
