"""Agents come and go: welcome, refusal, answers to what they already knew, and leaving."""

from collections.abc import Callable
from dataclasses import replace

from jaz_lite.failover.judgement import lived_on
from jaz_lite.model.encoding import UTF_8, is_text_encoding
from jaz_lite.model.event import WorkCancelled, WorkDoubted, WorkFailed
from jaz_lite.model.fact import Fact
from jaz_lite.runner import credentials, groups, locks, outcomes, reconcile, reports, twins
from jaz_lite.runner.adopting import DIFFERS, NOT_TOLD
from jaz_lite.runner.desk import Desk
from jaz_lite.runner.inputs import (
    AgentChanged,
    AgentGone,
    AgentIdentified,
    AgentRefused,
    AgentRevoked,
    AgentState,
    AgentUnheard,
    DeskResumed,
    NewcomerDue,
)
from jaz_lite.runner.port import Port
from jaz_lite.runner.turn import Turn
from jaz_lite.store.agents import AgentRow
from jaz_lite.wire.ident import epoch_and_boot, line_of
from jaz_lite.wire.identities import HelloFacts
from jaz_lite.wire.limits import FEATURES

ZERO_CHAIN = bytes(16)
REFUSED_PAUSE_S = 1.0
TRY_AGAIN_WHY = frozenset(("draining", "busy", "no_space"))
OVER_THERE = frozenset(("done", "failed", "lost"))
REVOKED = "this agent was revoked"
REVOKED_RETRY_S = 600
UNHEARD = "{agent}, the agent of the machine on which the server ran before, has not been heard since the takeover"


def identified(turn: Turn, item: AgentIdentified, draw_spool: Callable[[], bytes]) -> None:
    """An agent proved who it is: let it in, unless a machine with the same identity may be there already (4.3)."""
    if item.port.gone:
        return  # before its turn came; no connection that nobody ends may take the agent's place
    row = turn.tx.agents.find(item.happening.hello.agent_id)
    if row is None or row.state == "revoked" or twins.may_come_in(turn, item):
        welcome(turn, item, draw_spool)


def welcome(turn: Turn, item: AgentIdentified, draw_spool: Callable[[], bytes]) -> None:
    """Compare spools, give a new one where the agent's records are not the ones we know, and greet after the commit."""
    port, agent_id, facts = item.port, item.happening.hello.agent_id, item.happening.hello.facts
    row = turn.tx.agents.find(agent_id)
    if row is None or row.state == "revoked":
        # Only who has proved the key of a revoked agent is told so.
        turn.after_commit(lambda: port.link.bye("revoked", REVOKED, retry_s=REVOKED_RETRY_S), port)
        return
    if not credentials.use_key(turn, row, item.happening.hello.kid):
        turn.after_commit(lambda: port.link.bye("auth", "not accepted"), port)
        return
    offered = credentials.offer(turn, agent_id, item.happening.hello.kid)
    spool_now, cursor_now, chain_now = turn.cursor_of(row)
    row = replace(row, spool=spool_now, cursor=cursor_now, chain=chain_now)
    older = turn.welcomed.get(agent_id, turn.works.desk(agent_id).port)
    if row.spool is not None and (row.spool == facts.spool or _was_given(older, row.spool, item)):
        spool, cursor, chain = _same_log(turn, port, row, facts)
    elif row.spool is not None and twins.spoke_since(turn, item):
        # What it says of its log it said before it was given the one that we know: let it say it again.
        twins.refuse(turn, port, "busy", twins.NEWER_THERE)
        return
    else:
        # The agent starts afresh, or was set back and asks for a new log: nothing of the old one is proven now.
        spool, cursor, chain = draw_spool(), 0, ZERO_CHAIN
        reconcile.records_lost(turn, agent_id)
        turn.window.lost(turn, agent_id, "setback")
        turn.move_cursor(agent_id, spool, cursor, chain)
    encoding = known_encoding(facts.encoding)
    turn.tx.agents.update(
        agent_id,
        boot=facts.boot,
        conn=facts.conn,
        confirmed_term=turn.term,
        version=facts.sw,
        os=facts.os,
        arch=facts.arch,
        seen_ms=turn.now_ms,
        par=facts.par,
        keep_s=facts.keep_s,
        queue=facts.queue,
        free_bytes=facts.free,
        encoding=encoding,
        peer=port.peer,
        listen_port=facts.listen_port,
        clock_offset_ms=port.clock_offset_ms,
    )
    desk = turn.works.limit(replace(row, peer=port.peer, listen_port=facts.listen_port, confirmed_term=turn.term))
    locks.booted(turn, desk, facts.boot)
    turn.welcomed[agent_id] = port
    port.agent_id, port.conn, port.spool, port.boot = agent_id, facts.conn, spool, facts.boot
    port.spool_said = facts.spool
    port.features = frozenset(facts.feats) & frozenset(FEATURES)
    turn.agents_moved = True

    def greet() -> None:
        old = desk.port
        if old is not None and old is not port:
            old.synced = old.up = False
            old.link.bye("busy", "a newer connection of this agent took over")
            old.flush()
        desk.port = port
        desk.slots_said, desk.queue_said = max(1, facts.par), facts.queue
        desk.boot = facts.boot
        desk.encoding = encoding
        desk.since_ms = turn.now_ms
        desk.strict = facts.strict
        port.up = True
        port.greet(port.link, spool, cursor, chain)
        if offered:
            port.link.config(**offered)
        if desk.draining:
            port.link.drain(True)

    turn.after_commit(greet, port)


def _was_given(older: Port | None, spool: bytes, item: AgentIdentified) -> bool:
    """Tell whether an agent is being given this log over another connection: it dialled and was dialled at once."""
    return older is not None and older.spool == spool and twins.is_same(older, item)


def _same_log(turn: Turn, port: Port, row: AgentRow, facts: HelloFacts) -> tuple[bytes, int, bytes]:
    """Return spool, cursor and chain to go on from, where the agent has the log that we know (4.4, 4.5)."""
    assert row.spool is not None
    if facts.low > row.cursor + 1:
        # Its retention was shorter than we were behind: what the lost events told is told by the inventory or by nobody.
        data = {"agent_id": row.agent_id, "first": row.cursor + 1, "last": facts.low - 1}
        turn.tx.journal.add(turn.now_ms, None, "", Fact(kind="agent_gap", severity="error", data=data))
        turn.move_cursor(row.agent_id, row.spool, facts.low - 1, facts.low_chain)
        port.gap = True
        turn.window.lost(turn, row.agent_id, "gap")
        return row.spool, facts.low - 1, facts.low_chain
    if facts.acked > row.cursor:
        # It was told that we have more than we have: this data directory is an older copy of itself. After a takeover
        # with a copy that is what was to be expected.
        if turn.window.window is None:
            data = {"agent_id": row.agent_id, "ours": row.cursor, "theirs": facts.acked}
            turn.tx.journal.add(turn.now_ms, None, "", Fact(kind="server_set_back", severity="error", data=data))
        turn.window.set_back(turn)
    elif turn.window.window is None and _outlived(turn, facts):
        data = {"agent_id": row.agent_id, "heard_s": facts.heard_s}
        turn.tx.journal.add(turn.now_ms, None, "", Fact(kind="server_lived_on", severity="error", data=data))
        turn.window.set_back(turn)
    return row.spool, row.cursor, row.chain


def _outlived(turn: Turn, facts: HelloFacts) -> bool:
    """Tell whether an agent heard a process of this directory that lived longer than the directory knows."""
    site = turn.tx.term.site()
    is_earlier = facts.term < site.term and line_of(facts.act) == line_of(site.act or b"")
    if not is_earlier or epoch_and_boot(facts.term)[0] != site.epoch or site.tick_before_ms is None:
        return False
    return lived_on(facts.heard_s, (turn.now_ms - site.tick_before_ms) / 1000)


def known_encoding(name: str) -> str:
    """Return the encoding that an agent says its jobs write, "" where we cannot read it or it is the usual one."""
    return name if name.lower() not in ("", UTF_8) and is_text_encoding(name) else ""


def revoked(turn: Turn, item: AgentRevoked) -> None:
    """Nothing is taken from the agent any more: what waits for it fails, what it has is in doubt."""
    agent_id, desk = item.agent_id, turn.works.desk(item.agent_id)
    turn.answer(item.reply)
    for work in turn.works.of_agent(agent_id):
        if work.state == "ready":
            turn.change_attempt(work, "failed", why="host", message=REVOKED, ended_ms=turn.now_ms)
            turn.raise_event(work.run_id, WorkFailed(work.node, work.k, "host", REVOKED))
    reconcile.records_lost(turn, agent_id, "revoked", REVOKED)
    turn.window.dismiss(turn, agent_id)
    if item.remove:
        for host in turn.tx.hosts.list():
            if host.agent_id == agent_id:
                turn.tx.hosts.remove(host.host)
        turn.tx.agents.remove(agent_id)
    else:
        turn.tx.agents.update(agent_id, state="revoked")
    turn.tx.credentials.forget(agent_id)
    locks.free(turn, desk, REVOKED)

    def part() -> None:
        desk.revoked = True
        desk.clear()
        if desk.port is not None:
            desk.port.synced = desk.port.up = False
            desk.port.link.bye("revoked", REVOKED, retry_s=REVOKED_RETRY_S)
            desk.port.flush()
            desk.port = None

    turn.after_commit(part)


def unheard(turn: Turn, item: AgentUnheard) -> None:
    """What the agent had is in doubt until it is heard: there may be nobody any more who could tell of it."""
    if turn.works.desk(item.agent_id).port is None:
        reconcile.records_lost(turn, item.agent_id, "unheard", UNHEARD.format(agent=item.agent_id))


def refused(turn: Turn, item: AgentRefused) -> None:
    """The agent made no record: send it later, or fail where later is no better."""
    work = turn.works.open.get(item.happening.k)
    if work is None or work.agent_id != item.port.agent_id or work.state not in ("sent", "stopping"):
        return
    if work.state == "stopping":
        turn.change_attempt(work, "cancelled", why="server", ended_ms=turn.now_ms)
        turn.raise_event(work.run_id, WorkCancelled(work.node, work.k, "server"))
        return
    try_again = item.happening.why in TRY_AGAIN_WHY
    if try_again:
        _pause(turn, turn.works.desk(work.agent_id), item.happening.msg)
    if work.group:
        groups.give_back(turn, work, item.happening.why, item.happening.msg, for_good=not try_again)
        return
    if try_again:
        turn.change_attempt(work, "ready")
        turn.works.desk(work.agent_id).pile_of(work.kind).append(work.k)
        return
    turn.change_attempt(work, "failed", why=item.happening.why, message=item.happening.msg, ended_ms=turn.now_ms)
    turn.raise_event(work.run_id, WorkFailed(work.node, work.k, item.happening.why, item.happening.msg))


def _pause(turn: Turn, desk: Desk, why: str) -> None:
    desk.refusal = why
    if not desk.paused:
        # One pause for all that is refused meanwhile: a pause each would make more and more attempts a second.
        desk.paused = True
        turn.later(REFUSED_PAUSE_S, DeskResumed(desk.agent_id))


def changed(turn: Turn, item: AgentChanged) -> None:
    """An administrator changed the limits of an agent, or drains it: its desk follows, and it is told."""
    row = turn.tx.agents.find(item.agent_id)
    if row is None:
        return
    desk = turn.works.desk(item.agent_id)
    before = desk.draining
    turn.works.limit(row).lock = turn.tx.host_locks.find(item.agent_id)
    port = desk.port
    if port is not None and before != desk.draining:
        on = desk.draining
        turn.after_commit(lambda: port.link.drain(on) if port.up else None, port)
    turn.desk_may_have_room(desk)


def known_already(turn: Turn, item: AgentState) -> None:
    """The agent knew this key. With another digest it executed something else: a person must decide."""
    turn.desk_may_have_room(turn.works.desk(item.port.agent_id))  # its answer made room in the link
    work = turn.works.open.get(item.happening.k)
    if work is None or work.agent_id != item.port.agent_id:
        return
    if item.happening.st == "cancelled" and work.state in ("sent", "stopping", "abandoned"):
        # A tombstone of an earlier active, of which no event told what it was for: it has no digest to compare.
        reports.apply(turn, work, "cancelled", {}, turn.now_ms)
        return
    if not item.happening.conflict:
        if work.state == "sent" and item.happening.st in OVER_THERE:
            # How it ended was told in events that are long taken in, or that the agent keeps no more.
            turn.raise_event(work.run_id, outcomes.doubt(turn, work, "gap", NOT_TOLD))
        return
    turn.change_attempt(work, "unknown", why="differs", message=DIFFERS)
    turn.raise_event(work.run_id, WorkDoubted(work.node, work.k, "differs", DIFFERS))


def resumed(turn: Turn, item: DeskResumed) -> None:
    """The pause after a refusal is over: try again what waits."""
    desk = turn.works.desk(item.agent_id)
    desk.paused = False
    turn.desk_may_have_room(desk)


def gone(turn: Turn, item: AgentGone, draw_spool: Callable[[], bytes]) -> None:
    """The link is closed. Nothing that runs is touched: unreachable is not failed."""
    port = item.port
    port.up = port.synced = False
    desk = turn.works.desks.get(port.agent_id)
    if desk is not None and desk.port is port:
        desk.port, desk.heard_at = None, port.link.heard_at
        desk.since_ms = turn.now_ms
        said = port.metric
        known = {} if said is None else {
            "spool_bytes": said.spool_bytes, "free_bytes": said.free_bytes, "running": said.running
        }  # fmt: skip
        turn.tx.agents.update(port.agent_id, seen_ms=turn.now_ms, clock_offset_ms=port.clock_offset_ms, **known)
        turn.agents_moved = True
        newcomer = twins.waits_for(desk)
        if newcomer is not None:
            welcome(turn, newcomer, draw_spool)


def newcomer_due(turn: Turn, item: NewcomerDue, draw_spool: Callable[[], bytes]) -> None:
    """The older session of an agent did not answer: its machine is gone, and the newcomer is the agent."""
    newcomer = twins.not_answered(turn, item)
    if newcomer is not None:
        welcome(turn, newcomer, draw_spool)
