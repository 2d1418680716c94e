"""May this copy take over? What agents and servers answered, laid beside what the copy knows (protocol.md 8.3).

A term counts only where its ticket proves it. An agent that has a session with another server speaks for its life, and
so does a standby that follows it; one that lost its session speaks against it, even if that was a moment ago: a killed
server's sessions end with it. Only where a server might just be starting again are they asked once more (decision 0017).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from jaz_lite.wire.ident import epoch_and_boot, line_of, replaces
from jaz_lite.wire.limits import EPOCH_MAX, HEARTBEAT_S, HEARTBEATS_MISSED_MAX

SILENT_S = HEARTBEAT_S * HEARTBEATS_MISSED_MAX  # so long silent, a server is given up
LIVED_ON_S = 30  # a server notes that it lives every 10 s, and may be late with it
RESTART_S = 2  # a server that was only started again has its agents back by then
NAMED_MAX = 10  # in a sentence; the rest is counted

ServerState = Literal["active", "standby", "fenced"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSaid:
    """What one agent answered.

    term: the highest it has accepted; 0: none yet. proven: its ticket was made by this site. silent_s: since it heard
    its server last. in_session: whether it has a session with it; None: an older agent, which does not say.
    act, addrs: the server process of that term, and where it may be found. ahead: that one has confirmed more of the
    agent's events than the directory knows. heard_s: as `silent_s`, where it really heard it; None: not in its process.
    """

    agent_id: str
    term: int
    act: bytes = b""
    addrs: tuple[str, ...] = ()
    proven: bool
    silent_s: int
    in_session: bool | None = None
    ahead: bool = False
    heard_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSaid:
    """What another server of this site answered, which proved that it is one.

    proven: its term is real. active_silent_s: of a standby, since it heard the active; None: it hears none.
    follows: whether a standby is connected to the active.
    act, addrs: the server process of that term, and where it may be found.
    """

    address: str
    state: ServerState
    term: int
    act: bytes = b""
    addrs: tuple[str, ...] = ()
    proven: bool
    active_silent_s: int | None = None
    follows: bool = False


@dataclass(frozen=True, slots=True)
class Refuse:
    """It may not: `reasons`, the first of which is enough."""

    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ask:
    """A person must say whether it may: nobody could tell."""

    question: str


@dataclass(frozen=True, slots=True)
class Again:
    """Ask once more after some seconds: a server may just be starting again."""

    after_s: float


@dataclass(frozen=True, slots=True)
class Go:
    """It may, with this epoch. notices: what people should know. overruled: who spoke for another server's life.

    forged: which agents claimed which terms without proof.
    """

    epoch: int
    notices: tuple[str, ...] = ()
    overruled: tuple[str, ...] = ()
    forged: tuple[tuple[str, int], ...] = ()


Judgement = Refuse | Ask | Again | Go


def judge(
    own_term: int,
    agents: Sequence[AgentSaid],
    servers: Sequence[ServerSaid],
    *,
    force: bool = False,
    sure: bool = False,
) -> Judgement:
    """Say whether a copy may take over.

    Args:
        own_term: the highest term that the copy knows.
        force: although another server seems to live. sure: although nobody could tell.
    """
    believed = [said for said in agents if said.proven]
    terms = [own_term, *(said.term for said in believed), *(said.term for said in servers if said.proven)]
    own_epoch, _ = epoch_and_boot(own_term)
    highest, _ = epoch_and_boot(max(terms))
    if highest >= EPOCH_MAX:
        return Refuse((f"all {EPOCH_MAX} epochs of this site are used up",))
    alive = tuple(reason for reason in (*map(_life_of, servers), *map(_life_at, believed)) if reason)
    if not force:
        if alive:
            return Refuse(alive)
        left = [silent_s for silent_s in (*map(_lost_by, servers), *map(_lost_at, believed)) if silent_s < RESTART_S]
        if left:
            return Again(max(0.5, RESTART_S - min(left)))
        if not (believed or servers or sure):
            return Ask("no agent and no other server of this site could be asked whether the active server still lives")
    return Go(highest + 1, tuple(_notices(own_epoch, highest, agents)), alive, forged_by(agents))


def replaced_by(
    own_term: int, own_act: bytes, agents: Sequence[AgentSaid], servers: Sequence[ServerSaid]
) -> "AgentSaid | ServerSaid | None":
    """Return who knows of a server that took over; None where nobody does.

    Args:
        own_term, own_act: of the last process that ran on the directory.

    Notes:
        That is one of a later epoch, or of two that began this epoch apart the one that stays (decision 0022). Started
        all the same, this one would count its starts up and depose it.
    """
    own_epoch, _ = epoch_and_boot(own_term)
    everybody: tuple[AgentSaid | ServerSaid, ...] = (*servers, *agents)
    for said in everybody:
        epoch, _ = epoch_and_boot(said.term)
        is_twin = epoch == own_epoch and line_of(said.act) != line_of(own_act)
        if said.proven and (epoch > own_epoch or (is_twin and replaces(said.term, said.act, own_term, own_act))):
            return said
    return None


def rival(
    own_term: int, own_act: bytes, agents: Sequence[AgentSaid], servers: Sequence[ServerSaid]
) -> "AgentSaid | ServerSaid | None":
    """Return who speaks for the life of a later start of this very directory: a copy of it runs. None: nobody does.

    Args:
        own_term, own_act: of the last process that ran on the directory.

    Notes:
        Nobody took over, so there is nothing to mark: an agent may just not have noticed that the process is gone.
    """
    lives: list[AgentSaid | ServerSaid] = [said for said in servers if said.state == "active"]
    lives += [said for said in agents if said.in_session]
    return next((said for said in lives if _is_later_start(said, own_term, own_act)), None)


def is_set_back(own_term: int, own_act: bytes, agents: Sequence[AgentSaid], unseen_s: float | None) -> bool:
    """Tell whether a directory is an earlier state of itself: an agent knows of something that it does not know.

    Args:
        own_term, own_act: the last that the directory knows.
        unseen_s: since its server was alive, as far as it knows; None: it never was.

    Notes:
        That is a later start, events that were confirmed, or that its server lived on.
    """
    for said in agents:
        if _is_later_start(said, own_term, own_act):
            return True
        is_of_it = said.proven and said.term <= own_term and _is_same_directory(said, own_term, own_act)
        if is_of_it and (said.ahead or lived_on(said.heard_s, unseen_s)):
            return True
    return False


def lived_on(heard_s: int | None, unseen_s: float | None) -> bool:
    """Tell whether a server was heard long after the last sign of life that its directory has."""
    return heard_s is not None and unseen_s is not None and heard_s + LIVED_ON_S < unseen_s


def _is_later_start(said: AgentSaid | ServerSaid, own_term: int, own_act: bytes) -> bool:
    """Tell whether a process of this very directory is known that it does not know itself."""
    is_of_it = said.proven and _is_same_directory(said, own_term, own_act)
    # Of the same number: after it had been set back, it was started once more.
    return is_of_it and said.term >= own_term and said.act != own_act


def _is_same_directory(said: AgentSaid | ServerSaid, own_term: int, own_act: bytes) -> bool:
    return epoch_and_boot(said.term)[0] == epoch_and_boot(own_term)[0] and line_of(said.act) == line_of(own_act)


def forged_by(agents: Sequence[AgentSaid]) -> tuple[tuple[str, int], ...]:
    """Return who claimed which term without proof."""
    return tuple((said.agent_id, said.term) for said in agents if said.term and not said.proven)


def names(texts: Sequence[str]) -> str:
    """Return some texts as one, the rest counted."""
    shown = ", ".join(texts[:NAMED_MAX])
    return shown if len(texts) <= NAMED_MAX else f"{shown} and {len(texts) - NAMED_MAX} more"


def _life_of(said: ServerSaid) -> str:
    epoch, boot = epoch_and_boot(said.term)
    if said.state == "active":
        return f"the server at {said.address} is active (term {epoch}.{boot})"
    if said.follows and said.active_silent_s is not None and said.active_silent_s < SILENT_S:
        return f"the standby at {said.address} heard the active server {said.active_silent_s} s ago"
    return ""


def _life_at(said: AgentSaid) -> str:
    heard = f"agent {said.agent_id} heard the active server {said.silent_s} s ago"
    if said.in_session is None:
        return heard if said.silent_s < SILENT_S else ""
    return f"{heard} and is connected to it" if said.in_session else ""


def _lost_at(said: AgentSaid) -> float:
    """Return how long ago an agent lost its server, which may be starting again; without end: it does not say."""
    return said.silent_s if said.in_session is False else math.inf


def _lost_by(said: ServerSaid) -> float:
    return math.inf if said.follows or said.active_silent_s is None else said.active_silent_s


def _notices(own_epoch: int, highest: int, agents: Sequence[AgentSaid]) -> "list[str]":
    found = []
    if highest > own_epoch:
        found.append(
            f"a server of epoch {highest} ran since this copy (epoch {own_epoch}) was taken; what it did is known from"
            " the agents alone"
        )
    if forged := forged_by(agents):
        found.append(f"without proof, and therefore not believed: {names([agent_id for agent_id, _ in forged])}")
    return found
