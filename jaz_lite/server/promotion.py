"""Automatic promotion, both sides of it (protocol.md 8.7): a standby that has the agents vote, an active that pauses.

What is decided, and why two servers never work at the same time, is said in `failover/votes.py`.
"""

import logging
from collections.abc import Callable
from pathlib import Path

import trio

from jaz_lite.clock import Clock
from jaz_lite.config import Config
from jaz_lite.errors import JazLiteError, Refused
from jaz_lite.failover.judgement import ServerSaid
from jaz_lite.failover.votes import AGENTS_MIN, Promote, Wait, count, must_pause
from jaz_lite.runner.turns import Turns
from jaz_lite.server.inquiry import inquire
from jaz_lite.server.peers_door import PeersDoor
from jaz_lite.store.fencing import read_fenced
from jaz_lite.store.open import Store
from jaz_lite.store.transaction import Nouns

LOOK_S = 1.0
ASK_AGAIN_S = 5.0
REPLACED = "this copy is of a server that was replaced, and has not followed the one that took over yet"

log = logging.getLogger(__name__)


def enabled_agents(nouns: Nouns) -> list[str]:
    """Return who has a vote: all agents that are not revoked, reachable or not."""
    return [row.agent_id for row in nouns.agents.list() if row.state != "revoked"]


# ---- the standby


class Promotion:
    """Has the agents vote when the active has not been heard for long.

    Args:
        unheard_s: seconds since the standby heard the active, or began to listen for it.
    """

    def __init__(self, folder: Path, config: Config, clock: Clock, *, unheard_s: Callable[[], float]) -> None:
        self.wanted: bool = config["failover.auto_promote"]
        self.why_not = ""  # what the last vote came to
        self._folder = folder
        self._config = config
        self._clock = clock
        self._unheard_s = unheard_s
        self._after_s: int = config["failover.promote_after_s"]

    def check(self) -> None:
        """Refuse a site that has too few agents to vote.

        Raises:
            Refused: it has.
        """
        store = self._opened()
        try:
            with store.snapshot() as view:
                agents = len(enabled_agents(view))
        finally:
            store.close()
        if agents < AGENTS_MIN:
            raise Refused(
                f"automatic promotion is set, and the site has {agents} agent{'' if agents == 1 else 's'}: with fewer"
                f" than {AGENTS_MIN} one cut cable would decide",
                hint="set failover.auto_promote = false in config.toml, here and on the active",
            )

    async def elected(self) -> Promote:
        """Return when this standby is to take over."""
        while True:
            await trio.sleep(LOOK_S)
            if self._unheard_s() < self._after_s:
                self.why_not = ""
                continue
            try:
                found = await self._vote()
            except JazLiteError as error:
                found = Wait(error.message)
            if isinstance(found, Promote):
                log.critical(
                    "the agents have lost the active: this standby takes over",
                    extra={"action": "promotion.elected", "epoch": found.epoch, "votes": found.votes},
                )
                return found
            if found.why != self.why_not:
                log.warning("this standby does not take over", extra={"action": "promotion.waits", "why": found.why})
            self.why_not = found.why
            await trio.sleep(ASK_AGAIN_S)

    async def _vote(self) -> Promote | Wait:
        if read_fenced(self._folder) is not None:
            return Wait(REPLACED)
        store = self._opened()
        try:
            answers = await inquire(store, self._config)
            with store.snapshot() as view:
                agents, term = enabled_agents(view), view.term.site().term
        finally:
            store.close()
        servers: list[ServerSaid] = answers.servers
        return count(term, agents, answers.agents, servers, unheard_s=self._unheard_s(), after_s=self._after_s)

    def _opened(self) -> Store:
        return Store.open(self._folder, clock=self._clock, read_only=True)


# ---- the active


class Isolation:
    """Has an active do nothing while a standby may be about to take its place.

    No turn is made then: nothing is started or decided, and what agents say waits at them or at the door. As soon as
    enough of them, or a standby, are heard again, it goes on.
    """

    def __init__(self, turns: Turns, peers: PeersDoor, config: Config, *, proved_at: Callable[[], dict[str, float]]):
        self.paused = False
        self._turns = turns
        self._peers = peers
        self._wanted: bool = config["failover.auto_promote"]
        self._after_s: int = config["failover.promote_after_s"]
        self._proved_at = proved_at
        self._agents: list[str] = []

    @property
    def has_too_few(self) -> bool:
        """Whether automatic promotion is set where too few agents could vote."""
        return self._wanted and len(self._agents) < AGENTS_MIN

    async def watch(self) -> None:
        """Look every second; returns where automatic promotion is not set."""
        if not self._wanted:
            return
        began = trio.current_time()
        while True:
            with self._turns.store.snapshot() as view:
                self._agents = enabled_agents(view)
            now = trio.current_time()
            alone = must_pause(
                self._agents, self._heard_s(now), self._standby_s(now), running_s=now - began, after_s=self._after_s
            )
            if alone != self.paused:
                self._turn(alone)
            await trio.sleep(LOOK_S)

    def _turn(self, alone: bool) -> None:
        if alone:
            log.critical(
                "neither a standby nor a majority of the agents is heard: nothing is started until that changes",
                extra={"action": "promotion.paused"},
            )
        else:
            log.warning("the server is heard again and goes on", extra={"action": "promotion.resumed"})
        self.paused = alone
        self._turns.halt("isolation", on=alone)

    def _heard_s(self, now: float) -> dict[str, float]:
        heard = {name: now - at for name, at in self._proved_at().items()}
        for name, desk in self._turns.works.desks.items():
            if desk.port is not None and not desk.port.link.closed:
                heard[name] = min(heard.get(name, now), now - desk.port.link.heard_at)
        return heard

    def _standby_s(self, now: float) -> float | None:
        followers = (guest for guest in self._peers.guests if guest.following is not None and guest.following.who)
        return min((now - guest.link.heard_at for guest in followers), default=None)
