"""What agents report: each event changes an attempt's row and raises an event for its run.

Events come in order and are taken in together with the agent's cursor (protocol 4.4). An attempt's state only moves
up, except out of `unknown`. An event about an attempt that nobody here knows creates its row as *adopted*.
"""

from collections.abc import Mapping
from typing import Any

from jaz_lite.model.event import (
    Event,
    WorkCancelled,
    WorkDoubted,
    WorkFailed,
    WorkStarted,
    WorkTimedOut,
)
from jaz_lite.model.fact import Fact
from jaz_lite.runner import adopting, groups, missing_output, outcomes
from jaz_lite.runner.inputs import AgentOutput, AgentReports
from jaz_lite.runner.outcomes import LOST
from jaz_lite.runner.turn import Turn
from jaz_lite.runner.work import Work
from jaz_lite.store.attempts import Attempt
from jaz_lite.wire.happenings import AgentEvent

RANK = {"ready": 0, "sent": 1, "accepted": 2, "running": 3, "stopping": 3, "unknown": 4, "abandoned": 4}
QUIET = frozenset(("accepted", "started"))
SETTLED = frozenset(("done", "failed", "cancelled"))


def is_quiet(item: AgentReports) -> bool:
    """Tell whether nobody waits for any of these events."""
    return all(event.e in QUIET for event in item.happening.events)


def take_in(turn: Turn, item: AgentReports) -> None:
    """Take in a batch of events and move the agent's cursor behind them."""
    port = item.port
    events = item.happening.events
    if not port.up or not events or not turn.is_current(port):
        return
    for event in events:
        if event.k is None:
            _about_the_agent(turn, port.agent_id, event)
        else:
            _about_an_attempt(turn, port.agent_id, event.k, event)
    last = events[-1]
    turn.move_cursor(port.agent_id, port.spool, last.n, last.chain)
    turn.after_commit(lambda: port.link.ack(last.n), port)


def take_output(turn: Turn, item: AgentOutput) -> None:
    """Store a piece of output at its offset; what is already there is ignored."""
    port, piece = item.port, item.happening
    if not port.up:
        return
    work = turn.works.open.get(piece.k)
    owner = work.agent_id if work is not None else _owner_of(turn, piece.k)
    if owner != port.agent_id:
        return  # output of an attempt that was never given to this agent
    committed = turn.tx.output.append(piece.k, piece.stream, piece.offset, piece.data)
    if committed < piece.offset:
        # A hole: what lies before this piece never came, or was set back with an older copy of the store.
        turn.after_commit(lambda: port.link.out_req(piece.k, piece.stream, committed), port)
        return
    if piece.eof:
        missing_output.is_whole(turn, port.agent_id, piece)
    turn.after_commit(lambda: port.link.out_ack(piece.k, piece.stream, committed), port)
    if work is not None:
        turn.output_came(work, piece.stream, piece.offset, piece.data)


def _owner_of(turn: Turn, k: bytes) -> str:
    row = turn.tx.attempts.find(k)
    return "" if row is None else row.agent_id


def _about_the_agent(turn: Turn, agent_id: str, event: AgentEvent) -> None:
    fact = Fact(kind=f"agent_{event.e}", severity="warning", data={"agent_id": agent_id, **dict(event.x)})
    turn.tx.journal.add(turn.now_ms, None, "", fact)


def _about_an_attempt(turn: Turn, agent_id: str, k: bytes, event: AgentEvent) -> None:
    work = turn.works.open.get(k)
    if work is None:
        row = turn.find_attempt(k)
        if row is None:
            work = adopting.adopt(turn, agent_id, k, event)
        elif row.agent_id != agent_id:
            alarm(turn, row.run_id, "foreign_result", agent_id, event)
            return
        else:
            _late(turn, row, event)
            return
    elif not work.agent_id and groups.may_be_at(turn, work, agent_id):
        groups.found_at(turn, work, agent_id)
    elif work.agent_id != agent_id:
        if not groups.was_elsewhere(turn, work, agent_id):
            alarm(turn, work.run_id, "foreign_result", agent_id, event)
            return
        if not work.group:
            return
    if work is not None:
        apply(turn, work, event.e, event.x, event.t_ns // 1_000_000)


def apply(turn: Turn, work: Work, kind: str, x: Mapping[str, Any], at_ms: int) -> None:
    """Apply one event of an agent to an unsettled attempt."""
    raised: Event | None = None
    abandoned = work.state == "abandoned"
    match kind:
        case "accepted":
            if work.state == "ready" and not adopting.is_same_order(turn, work, x):
                raised = WorkDoubted(work.node, work.k, "differs", adopting.DIFFERS)
            if RANK.get(work.state, 9) < RANK["accepted"] or work.state == "unknown":
                turn.change_attempt(work, "accepted", accepted_ms=at_ms)
            turn.works.desk(work.agent_id).refusal = ""
        case "started":
            if RANK.get(work.state, 9) < RANK["running"] or work.state == "unknown":
                turn.change_attempt(work, "running", started_ms=at_ms)
            raised = WorkStarted(work.node, work.k, at_ms)
        case "finished":
            result = outcomes.result_of(x, work.encoding)
            turn.change_attempt(
                work,
                "done",
                exit_code=result.exit_code,
                signal=result.signal,
                started_ms=result.started_ms,
                ended_ms=result.ended_ms or at_ms,
                out_bytes=x.get("out", 0),
                err_bytes=x.get("err", 0),
                why=result.killed,
            )
            missing_output.ended(turn, work, x)
            if work.is_adopted:
                turn.tx.adopted.ended(work.k, x)
            else:
                raised = outcomes.ended(turn, work, result, x)
        case "failed":
            message = str(x.get("msg", ""))
            turn.change_attempt(work, "failed", why=str(x.get("why", "")), message=message, ended_ms=at_ms)
            raised = WorkFailed(work.node, work.k, str(x.get("why", "")), message)
        case "cancelled" if work.state == "running":
            # What runs cannot be withdrawn any more: the agent was set back to before it began.
            alarm_of(turn, work, "agent_set_back")
            raised = outcomes.doubt(turn, work, "setback", LOST["setback"])
        case "cancelled":
            # Only what this server asked to stop was cancelled by it; anything else was an earlier active.
            why = str(x.get("why", ""))
            asked = work.state in ("stopping", "abandoned") or why == "expired"
            why = why if asked else "elsewhere"
            turn.change_attempt(work, "cancelled", why=why, ended_ms=at_ms)
            if why == "elsewhere":
                raised = WorkDoubted(work.node, work.k, "cancelled_elsewhere", adopting.ELSEWHERE)
            else:
                raised = WorkCancelled(work.node, work.k, why)
        case "lost":
            raised = outcomes.doubt(turn, work, "lost", LOST.get(str(x.get("why", "")), LOST["unknown"]))
        case "timeout":
            raised = WorkTimedOut(work.node, work.k, str(x.get("act", "warn")))
        case _:
            turn.tx.journal.add(turn.now_ms, work.run_id, work.path, Fact(kind=f"work_{kind}", data=dict(x)))
    if abandoned and kind in ("finished", "failed"):
        data = {"agent_id": work.agent_id, "exit": x.get("exit"), "message": x.get("msg", "")}
        turn.tx.journal.add(
            turn.now_ms, work.run_id, work.path, Fact(kind="late_result", severity="warning", data=data)
        )
    elif raised is not None and not abandoned and not work.is_adopted:
        turn.raise_event(work.run_id, raised)


# ---- the unusual


def _late(turn: Turn, row: Attempt, event: AgentEvent) -> None:
    """An event about a settled attempt: the same again is nothing; another result is kept as evidence, with an alarm."""
    differs = {
        "finished": row.state != "done" or row.exit_code != event.x.get("exit"),
        "failed": row.state != "failed",
    }
    if row.state in SETTLED and differs.get(event.e):
        alarm(turn, row.run_id, "result_differs", row.agent_id, event)


def alarm_of(turn: Turn, work: Work, kind: str) -> None:
    """Tell the journal of something about an attempt that should not be."""
    fact = Fact(kind=kind, severity="error", data={"agent_id": work.agent_id})
    turn.tx.journal.add(turn.now_ms, work.run_id, work.path, fact)


def note_of(turn: Turn, work: Work, kind: str) -> None:
    """Tell the journal of something about an attempt that nobody waits for any more."""
    fact = Fact(kind=kind, data={"agent_id": work.agent_id})
    turn.tx.journal.add(turn.now_ms, work.run_id, work.path, fact)


def alarm(turn: Turn, run_id: int | None, kind: str, agent_id: str, event: AgentEvent) -> None:
    """Tell the journal of something that an agent should not have said."""
    data = {"agent_id": agent_id, "event": event.e, "exit": event.x.get("exit")}
    turn.tx.journal.add(turn.now_ms, run_id, "", Fact(kind=kind, severity="error", data=data))
