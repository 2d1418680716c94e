"""Agents come and go: welcome, refusal, answers to what they already knew, and leaving."""

from collections.abc import Callable

from jaz_lite.model.event import WorkCancelled, WorkDoubted, WorkFailed
from jaz_lite.runner import reconcile
from jaz_lite.runner.inputs import AgentGone, AgentIdentified, AgentRefused, AgentState, DeskResumed
from jaz_lite.runner.turn import Turn

ZERO_CHAIN = bytes(16)
REFUSED_PAUSE_S = 1.0
TRY_AGAIN_WHY = frozenset(("draining", "busy", "no_space"))
DIFFERS = "the definition differs from what this attempt already executed; it is not started again"


def welcome(turn: Turn, item: AgentIdentified, draw_spool: Callable[[], bytes]) -> None:
    """Compare spools, give a new one where the agent's records are not the ones we know, and greet after the commit."""
    port, agent_id, facts = item.port, item.happening.hello.agent_id, item.happening.hello.facts
    row = turn.tx.agents.find(agent_id)
    if row is None:
        port.close()
        return
    if row.spool == facts.spool and row.spool is not None:
        spool, cursor, chain = row.spool, row.cursor, row.chain
    else:
        # The agent starts afresh, or was set back and asks for a new log: nothing of the old one is proven now.
        spool, cursor, chain = draw_spool(), 0, ZERO_CHAIN
        reconcile.records_lost(turn, agent_id)
        turn.move_cursor(agent_id, spool, cursor, chain)
    turn.tx.agents.update(
        agent_id,
        boot=facts.boot,
        conn=facts.conn,
        confirmed_term=turn.term,
        version=facts.sw,
        os=facts.os,
        arch=facts.arch,
        seen_ms=turn.now_ms,
    )
    desk = turn.works.desk(agent_id)
    old = desk.port
    port.agent_id, port.conn, port.spool = agent_id, facts.conn, spool

    def greet() -> None:
        if old is not None and old is not port:
            old.synced = old.up = False
            old.link.bye("busy", "a newer connection of this agent took over")
            old.flush()
        desk.port = port
        desk.slots = max(1, facts.par)
        desk.boot = facts.boot
        port.up = True
        port.greet(port.link, spool, cursor, chain)

    turn.after_commit(greet, port)


def refused(turn: Turn, item: AgentRefused) -> None:
    """The agent made no record: send it later, or fail where later is no better."""
    work = turn.works.open.get(item.happening.k)
    if work is None or work.agent_id != item.port.agent_id or work.state not in ("sent", "stopping"):
        return
    if work.state == "stopping":
        turn.change_attempt(work, "cancelled", why="server", ended_ms=turn.now_ms)
        turn.raise_event(work.run_id, WorkCancelled(work.node, work.k, "server"))
        return
    if item.happening.why in TRY_AGAIN_WHY:
        turn.change_attempt(work, "ready")
        desk = turn.works.desk(work.agent_id)
        desk.waiting.append(work.k)
        if not desk.paused:
            # One pause for all that is refused meanwhile: a pause each would make more and more attempts a second.
            desk.paused = True
            turn.later(REFUSED_PAUSE_S, DeskResumed(work.agent_id))
        return
    turn.change_attempt(work, "failed", why=item.happening.why, message=item.happening.msg, ended_ms=turn.now_ms)
    turn.raise_event(work.run_id, WorkFailed(work.node, work.k, item.happening.why, item.happening.msg))


def known_already(turn: Turn, item: AgentState) -> None:
    """The agent knew this key. With another digest it executed something else: a person must decide."""
    work = turn.works.open.get(item.happening.k)
    if work is None or work.agent_id != item.port.agent_id or not item.happening.conflict:
        return
    turn.change_attempt(work, "unknown", why="differs", message=DIFFERS)
    turn.raise_event(work.run_id, WorkDoubted(work.node, work.k, "differs", DIFFERS))


def resumed(turn: Turn, item: DeskResumed) -> None:
    """The pause after a refusal is over: try again what waits."""
    desk = turn.works.desk(item.agent_id)
    desk.paused = False
    turn.desk_may_have_room(desk)


def gone(turn: Turn, item: AgentGone) -> None:
    """The link is closed. Nothing that runs is touched: unreachable is not failed."""
    port = item.port
    port.up = port.synced = False
    desk = turn.works.desks.get(port.agent_id)
    if desk is not None and desk.port is port:
        desk.port = None
        turn.tx.agents.update(port.agent_id, seen_ms=turn.now_ms)
