"""What agents report: each event changes an attempt's row and raises an event for its run.

Events come in order and are taken in together with the agent's cursor (protocol 4.4). An attempt's state only moves
up, except out of `unknown`. An event about an attempt that nobody here knows creates its row as *adopted*.
"""

from collections.abc import Mapping
from typing import Any

from jaz_lite.model.encoding import readable
from jaz_lite.model.event import (
    Event,
    WorkCancelled,
    WorkDoubted,
    WorkEnded,
    WorkFailed,
    WorkStarted,
    WorkTimedOut,
)
from jaz_lite.model.fact import Fact
from jaz_lite.model.run import WorkResult
from jaz_lite.runner import dispatch
from jaz_lite.runner.desk import COPY_KIND
from jaz_lite.runner.inputs import AgentOutput, AgentReports
from jaz_lite.runner.turn import Turn
from jaz_lite.runner.work import Work, work_of
from jaz_lite.store.attempts import Attempt
from jaz_lite.wire.happenings import AgentEvent

RANK = {"ready": 0, "sent": 1, "accepted": 2, "running": 3, "stopping": 3, "unknown": 4, "abandoned": 4}
OPEN_AT_AGENT_MAX = 100_000  # far beyond what an agent queues; what it tells of beyond that is not adopted
QUIET = frozenset(("accepted", "started"))
FILES_TOLD_MAX = 100  # files of one copy in the journal
SETTLED = frozenset(("done", "failed", "cancelled"))


def is_quiet(item: AgentReports) -> bool:
    """Tell whether nobody waits for any of these events."""
    return all(event.e in QUIET for event in item.happening.events)


def take_in(turn: Turn, item: AgentReports) -> None:
    """Take in a batch of events and move the agent's cursor behind them."""
    port = item.port
    events = item.happening.events
    if not port.up or not events or not turn.is_current(port.agent_id, port.spool):
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
        row = turn.tx.attempts.find(k)
        if row is None:
            work = _adopt(turn, agent_id, k, event)
        elif row.agent_id != agent_id:
            _alarm(turn, row.run_id, "foreign_result", agent_id, event)
            return
        else:
            _late(turn, row, event)
            return
    elif not work.agent_id and dispatch.may_be_at(turn, work, agent_id):
        dispatch.found_at(turn, work, agent_id)
    elif work.agent_id != agent_id:
        _alarm(turn, work.run_id, "foreign_result", agent_id, event)
        return
    if work is not None:
        apply(turn, work, event.e, event.x, event.t_ns // 1_000_000)


def apply(turn: Turn, work: Work, kind: str, x: Mapping[str, Any], at_ms: int) -> None:
    """Apply one event of an agent to an unsettled attempt."""
    raised: Event | None = None
    abandoned = work.state == "abandoned"
    match kind:
        case "accepted":
            if RANK.get(work.state, 9) < RANK["accepted"] or work.state == "unknown":
                turn.change_attempt(work, "accepted", accepted_ms=at_ms)
            turn.works.desk(work.agent_id).refusal = ""
        case "started":
            if RANK.get(work.state, 9) < RANK["running"] or work.state == "unknown":
                turn.change_attempt(work, "running", started_ms=at_ms)
            raised = WorkStarted(work.node, work.k, at_ms)
        case "finished":
            result = result_of(x, work.encoding)
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
            if result.truncated:
                kept = {"out_bytes": x.get("out", 0), "err_bytes": x.get("err", 0)}
                fact = Fact(kind="output_truncated", severity="warning", data=kept)
                turn.tx.journal.add(turn.now_ms, work.run_id, work.path, fact)
            raised = WorkEnded(work.node, work.k, result)
            if work.kind == COPY_KIND:
                _copied(turn, work, result)
        case "failed":
            message = str(x.get("msg", ""))
            turn.change_attempt(work, "failed", why=str(x.get("why", "")), message=message, ended_ms=at_ms)
            raised = WorkFailed(work.node, work.k, str(x.get("why", "")), message)
        case "cancelled":
            # Only what this server asked to stop was cancelled by it; anything else was an earlier active.
            why = str(x.get("why", ""))
            asked = work.state in ("stopping", "abandoned") or why == "expired"
            why = why if asked else "elsewhere"
            turn.change_attempt(work, "cancelled", why=why, ended_ms=at_ms)
            if why == "elsewhere":
                raised = WorkDoubted(
                    work.node, work.k, "cancelled_elsewhere", "an earlier active server withdrew this attempt"
                )
            else:
                raised = WorkCancelled(work.node, work.k, why)
        case "lost":
            raised = doubt(turn, work, "lost", LOST.get(str(x.get("why", "")), LOST["unknown"]))
        case "timeout":
            raised = WorkTimedOut(work.node, work.k, str(x.get("act", "warn")))
        case _:
            turn.tx.journal.add(turn.now_ms, work.run_id, work.path, Fact(kind=f"work_{kind}", data=dict(x)))
    if raised is not None and not abandoned:
        turn.raise_event(work.run_id, raised)


def _copied(turn: Turn, work: Work, result: WorkResult) -> None:
    """Tell the journal which files a copy brought. The target gives a line each: checksum, size, name."""
    told: list[str] = []
    count = 0
    for line in result.std_out.splitlines():
        match line.split(" ", 2):
            case ["and", more, _] if more.isdecimal():
                count += int(more[:9])
            case [sha, size, name] if size.isdecimal():
                count += 1
                told.append(f"{name}: {size} bytes, sha256 {sha}")
            case _:
                pass  # an agent of another version says it another way
    if not count:
        return
    del told[FILES_TOLD_MAX:]
    data: dict[str, Any] = {"count": count, "files": told}
    if len(told) < count:
        data["not_listed"] = count - len(told)
    turn.tx.journal.add(turn.now_ms, work.run_id, work.path, Fact(kind="files_copied", data=data))


LOST = {
    "reboot": "the machine went down while the job ran; its end is not known",
    "shim": "the job keeper was killed while the job ran; its exit code is not known",
    "setback": "the agent's records were set back; the fate of the job is not known",
    "unknown": "the agent lost the job; its end is not known",
}


def doubt(turn: Turn, work: Work, reason: str, message: str) -> WorkDoubted:
    """Mark an attempt as of unknown fate and return the event for its run."""
    if work.state != "abandoned":
        turn.change_attempt(work, "unknown", why=reason, message=message)
    return WorkDoubted(work.node, work.k, reason, message)


def result_of(x: Mapping[str, Any], encoding: str) -> WorkResult:
    """Return the result of a `finished` event in our words."""
    heads: dict[str, bytes] = {"STD_OUT": x.get("out_head", b""), "STD_ERR": x.get("err_head", b"")}
    sizes = {"STD_OUT": x.get("out", 0), "STD_ERR": x.get("err", 0)}
    cut = tuple(name for name, head in heads.items() if sizes[name] > len(head))
    return WorkResult(
        exit_code=x.get("exit"),
        signal=x.get("sig") or None,
        std_out=readable(heads["STD_OUT"], encoding, whole="STD_OUT" not in cut),
        std_err=readable(heads["STD_ERR"], encoding, whole="STD_ERR" not in cut),
        cut=cut,
        killed=str(x.get("killed") or ""),
        truncated=bool(x.get("trunc")),
        started_ms=x.get("t0"),
        ended_ms=x.get("t1"),
    )


# ---- the unusual


def _adopt(turn: Turn, agent_id: str, k: bytes, event: AgentEvent) -> Work | None:
    """Create the row of an attempt that this store has never heard of: an older copy meets its own future."""
    x = event.x
    desk = turn.works.desk(agent_id)
    if event.e != "accepted" or len(desk.place_of(str(x.get("kind", "cmd")))) >= OPEN_AT_AGENT_MAX:
        return None
    row = Attempt(
        k=k,
        run_id=int(x.get("run", 0)),
        node=-1,
        visit=0,
        key_path=str(x.get("path", "")),
        attempt=int(x.get("att", 1)),
        occ=str(x.get("occ", "")),
        agent_id=agent_id,
        host="",
        kind=str(x.get("kind", "cmd")),
        state="accepted",
        digest=bytes(x.get("digest", b"")),
        spec=b"",
        created_ms=turn.now_ms,
        accepted_ms=event.t_ns // 1_000_000,
        origin="adopted",
    )
    turn.tx.attempts.insert(row)
    work = work_of(row)
    turn.works.add(work)
    _alarm(turn, row.run_id, "attempt_adopted", agent_id, event)
    return work


def _late(turn: Turn, row: Attempt, event: AgentEvent) -> None:
    """An event about a settled attempt: the same again is nothing; another result is kept as evidence, with an alarm."""
    if event.e == "finished" and row.state in SETTLED and row.exit_code != event.x.get("exit"):
        _alarm(turn, row.run_id, "result_differs", row.agent_id, event)


def _alarm(turn: Turn, run_id: int | None, kind: str, agent_id: str, event: AgentEvent) -> None:
    data = {"agent_id": agent_id, "event": event.e, "exit": event.x.get("exit")}
    turn.tx.journal.add(turn.now_ms, run_id, "", Fact(kind=kind, severity="error", data=data))
