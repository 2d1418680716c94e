"""Automatic promotion: agents vote on whether the active is gone, and the active counts the same votes (protocol 8.7).

The standby takes over only when a majority of all enabled agents has not heard the active for so long. The active does
nothing any more once it has heard neither a standby nor a majority of the agents for half of that time. Two majorities
of the same agents share at least one; so while the standby promotes itself, the active has long stopped.

    the standby    promotes  <=  more than half of all agents say: silent for `after_s`
    the active     pauses    <=  at least half of all agents, and every standby, are silent for `after_s` / 2

The other half of the time is room for clocks, for what is still under way, and for a pause to be noticed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from jaz_lite.failover.judgement import AgentSaid, ServerSaid
from jaz_lite.wire.ident import epoch_and_boot
from jaz_lite.wire.limits import EPOCH_MAX

AGENTS_MIN = 3  # with fewer, one cut cable decides


@dataclass(frozen=True, slots=True)
class Promote:
    """The standby takes over, and begins this epoch. votes: of how many agents."""

    epoch: int
    votes: int


@dataclass(frozen=True, slots=True)
class Wait:
    """It does not; a sentence says why."""

    why: str


def majority_of(agents: int) -> int:
    """Return how many votes are more than half of all."""
    return agents // 2 + 1


def count(
    own_term: int,
    enabled: Sequence[str],
    answers: Sequence[AgentSaid],
    servers: Sequence[ServerSaid],
    *,
    unheard_s: float,
    after_s: float,
) -> Promote | Wait:
    """Say whether a standby takes over by itself.

    Args:
        own_term: of its copy.
        enabled: all agents of the site that are not revoked; who does not answer has not voted.
        answers: what agents said when they were asked just now; at most one each counts.
        servers: what other servers of the site said.
        unheard_s: since the standby itself heard the active, or since it began to listen for it.
    """
    agents = frozenset(enabled)
    if len(agents) < AGENTS_MIN:
        return Wait(f"the site has {len(agents)} agents, and automatic promotion needs {AGENTS_MIN}")
    if unheard_s < after_s:
        return Wait(f"the active was heard {unheard_s:.0f} s ago")
    own_epoch, _ = epoch_and_boot(own_term)
    terms = [
        own_term,
        *(said.term for said in answers if said.proven),
        *(said.term for said in servers if said.proven),
    ]
    highest, _ = epoch_and_boot(max(terms))
    if highest > own_epoch:
        return Wait(f"a server of epoch {highest} has taken over already")
    if highest >= EPOCH_MAX:
        return Wait(f"all {EPOCH_MAX} epochs of this site are used up")
    for said in servers:
        if said.state == "active":
            return Wait(f"the server at {said.address} is active")
        if said.active_silent_s is not None and said.active_silent_s < after_s:
            return Wait(f"the standby at {said.address} heard the active {said.active_silent_s} s ago")
    votes = {said.agent_id for said in answers if said.agent_id in agents and _is_for_it(said, after_s)}
    votes -= {said.agent_id for said in answers if not _is_for_it(said, after_s)}
    wanted = majority_of(len(agents))
    if len(votes) < wanted:
        return Wait(
            f"{len(votes)} of {len(agents)} agents have not heard the active for {after_s:.0f} s, {wanted} must"
        )
    return Promote(highest + 1, len(votes))


def must_pause(
    enabled: Iterable[str], heard_s: dict[str, float], standby_s: float | None, *, running_s: float, after_s: float
) -> bool:
    """Say whether an active must do nothing any more: a standby may be about to take its place.

    Args:
        enabled: all agents of the site that are not revoked.
        heard_s: agent to the seconds since it was heard; who is not in it was not heard since the start.
        standby_s: seconds since a standby was heard; None: never.
        running_s: since the start of this server. after_s: as the standby has it.
    """
    half_s = after_s / 2
    agents = frozenset(enabled)
    if len(agents) < AGENTS_MIN or (standby_s is not None and standby_s < half_s) or running_s < half_s:
        return False
    heard = sum(heard_s.get(agent, running_s) < half_s for agent in agents)
    return heard < majority_of(len(agents))


def _is_for_it(said: AgentSaid, after_s: float) -> bool:
    """An agent that has a session has heard the active, whatever it says of the time."""
    return not said.in_session and said.silent_s >= after_s
