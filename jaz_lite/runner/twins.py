"""Two connections that say to be the same agent: a machine that came back, or two machines with one identity.

The same boot and the same log is the same agent: its newer connection takes over at once, for the older one may be half
open. Anything else may be a copied disk: the older session is asked whether it lives. If it answers, the newcomer is
refused and people are told; if it does not within five seconds, its machine was started again and the newcomer is let
in. Meanwhile the newcomer waits for its welcome.

Source: protocol.md section 4.3.
"""

from jaz_lite.model.fact import Fact
from jaz_lite.runner.desk import Desk
from jaz_lite.runner.inputs import AgentAlive, AgentIdentified, NewcomerDue
from jaz_lite.runner.port import Port
from jaz_lite.runner.turn import Turn
from jaz_lite.wire.ident import NO_SPOOL
from jaz_lite.wire.limits import PROBE_S

TWIN = "another machine uses the identity of this agent; enrol one of them anew"
NEWER_THERE = "a newer connection of this agent is there"
TWIN_RETRY_S = 300


def may_come_in(turn: Turn, item: AgentIdentified) -> bool:
    """Tell whether an agent that proved who it is may be welcomed now; else it waits, or was refused."""
    port, facts = item.port, item.happening.hello.facts
    desk = turn.works.desk(item.happening.hello.agent_id)
    port.conn, port.boot = facts.conn, facts.boot
    welcomed = turn.welcomed.get(desk.agent_id)  # in this very turn; it is greeted before it is asked anything
    older = welcomed or desk.port
    if older is None or older is port or not (older.up or older is welcomed):
        return True
    if is_same(older, item) and facts.conn >= older.conn:
        return True
    waiting = desk.newcomer
    if waiting is not None and waiting.port is not port:
        if waiting.port.boot != facts.boot or facts.conn < waiting.port.conn:
            refuse(turn, port, "busy", "somebody else with this identity is being looked at")
            return False
        refuse(turn, waiting.port, "busy", NEWER_THERE)
    desk.newcomer = item
    turn.after_commit(older.link.ask_alive, older)
    turn.later(PROBE_S, NewcomerDue(desk.agent_id, port))
    return False


def alive(turn: Turn, item: AgentAlive) -> None:
    """A session that was asked answers: the newcomer is not the agent that we know."""
    desk = turn.works.desks.get(item.port.agent_id)
    if desk is None or desk.port is not item.port or desk.newcomer is None:
        return
    newcomer, desk.newcomer = desk.newcomer, None
    if is_same(item.port, newcomer) or not item.port.synced or newcomer.port.link.began_at < item.port.synced_at:
        # What came late may be of a life that is over, or said before the session gave the agent the log that it has.
        # Who does live dials again, and is another machine then.
        refuse(turn, newcomer.port, "busy", NEWER_THERE)
        return
    data = {"agent_id": desk.agent_id, "first": item.port.peer, "second": newcomer.port.peer}
    turn.tx.journal.add(turn.now_ms, None, "", Fact(kind="agent_twin", severity="error", data=data))
    turn.tx.agents.update(desk.agent_id, twin_ms=turn.now_ms, twin_peer=newcomer.port.peer)
    refuse(turn, newcomer.port, "dup_agent", TWIN, retry_s=TWIN_RETRY_S)


def not_answered(turn: Turn, item: NewcomerDue) -> AgentIdentified | None:
    """Return the newcomer that is to be let in, as the older session did not answer in time."""
    desk = turn.works.desk(item.agent_id)
    if desk.newcomer is None or desk.newcomer.port is not item.port:
        return None
    return waits_for(desk)


def waits_for(desk: Desk) -> AgentIdentified | None:
    """Take the newcomer off the desk, if its connection still stands."""
    newcomer, desk.newcomer = desk.newcomer, None
    return None if newcomer is None or newcomer.port.gone or newcomer.port.link.closed else newcomer


def is_same(older: Port, item: AgentIdentified) -> bool:
    """Tell whether two connections are of one agent that has not lost its log in between."""
    facts = item.happening.hello.facts
    # Two connections of one agent may have said hello before the first of them was given a new log. An agent without
    # any log is believed that if it was connecting before the first one had gone on with it: later, its records may
    # have been lost.
    went_on = older.synced and older.synced_at <= item.port.link.began_at
    said_before = facts.spool == older.spool_said and not (went_on and facts.spool == NO_SPOOL)
    return older.boot == facts.boot and (facts.spool == older.spool or said_before)


def spoke_since(turn: Turn, item: AgentIdentified) -> bool:
    """Tell whether the agent was heard over another connection after this one had begun."""
    desk = turn.works.desk(item.happening.hello.agent_id)
    older = None if desk.port is item.port else desk.port
    return item.port.link.began_at < (desk.heard_at if older is None else older.link.heard_at)


def refuse(turn: Turn, port: Port, code: str, why: str, *, retry_s: int = 0) -> None:
    """Send a newcomer away after the commit."""
    turn.after_commit(lambda: port.link.bye(code, why, retry_s=retry_s), port)
