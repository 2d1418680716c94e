"""Adopted attempts: what agents did for an earlier active, and how the runs it was done for take it over.

An agent tells of an attempt that nobody here has meant: its row is *adopted* and waits. When a run comes to that
very attempt (the same natural key), it takes the row instead of sending anything: how far it came, its result, its
output. So a flow that is replayed after a fail-over finds done what was done. The agent is believed about its own work
only, and only where it did what the definition says today; otherwise a person decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jaz_lite.model import names
from jaz_lite.model.event import (
    Event,
    Started,
    WorkCancelled,
    WorkDoubted,
    WorkFailed,
    WorkPlaced,
    WorkStarted,
)
from jaz_lite.model.fact import Fact
from jaz_lite.model.run import DOUBT_REASONS, DoubtReason
from jaz_lite.runner import locks, outcomes
from jaz_lite.runner.work import Work, work_of
from jaz_lite.store.attempts import SETTLED_STATES, Attempt
from jaz_lite.wire.spec import SPEC_FIELDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jaz_lite.model.action import SendWork
    from jaz_lite.model.run import Run
    from jaz_lite.runner.turn import Turn
    from jaz_lite.wire.happenings import AgentEvent, InventoryItem

OPEN_AT_AGENT_MAX = 100_000  # far beyond what an agent queues; what it tells of beyond that is not adopted
DIFFERS = "the definition differs from what this attempt already executed; it is not started again"
NOT_TOLD = "the agent executed it for an earlier active, and keeps no record any more of how it ended"
ELSEWHERE = "an earlier active server withdrew this attempt"
FOREIGN = 'the agent "{agent}" says that it executed this, and the host "{host}" leads to another one'


def adopt(turn: Turn, agent_id: str, k: bytes, event: AgentEvent) -> Work | None:
    """Take in an attempt that nobody here has meant, from the event that says it was accepted."""
    x = event.x
    kind = str(x.get("kind", ""))
    kind = kind if kind in SPEC_FIELDS else "cmd"
    if event.e != "accepted" or len(turn.works.desk(agent_id).place_of(kind)) >= OPEN_AT_AGENT_MAX:
        return None
    occ, key_path, attempt = str(x["occ"]), str(x["path"]), int(x["att"])
    if not turn.window.orphans.may_come_in(turn, agent_id, k, occ, key_path, attempt):
        return None
    row = Attempt(
        k=k,
        run_id=int(x["run"]),
        node=-1,
        visit=0,
        key_path=key_path,
        attempt=attempt,
        occ=occ,
        agent_id=agent_id,
        host="",
        kind=kind,
        state="accepted",
        digest=bytes(x.get("digest", b"")),
        created_ms=turn.now_ms,
        accepted_ms=event.t_ns // 1_000_000,
        origin="adopted",
    )
    return _put(turn, row, _jobnet(x.get("desc")))


def adopt_listed(turn: Turn, agent_id: str, entry: InventoryItem) -> None:
    """Take in an attempt that only the inventory tells of: the agent keeps its events no more."""
    if not turn.window.orphans.may_come_in(turn, agent_id, entry.k, entry.occ, entry.path, entry.att):
        return
    state, why = {
        "accepted": ("accepted", ""),
        "starting": ("accepted", ""),
        "running": ("running", ""),
        "cancelled": ("cancelled", "elsewhere"),
    }.get(entry.st, ("unknown", "gap"))
    row = Attempt(
        k=entry.k,
        run_id=entry.run,
        node=-1,
        visit=0,
        key_path=entry.path,
        attempt=entry.att,
        occ=entry.occ,
        agent_id=agent_id,
        host="",
        kind="cmd",
        state=state,
        digest=entry.digest8,
        why=why,
        message=NOT_TOLD if state == "unknown" else "",
        created_ms=turn.now_ms,
        ended_ms=turn.now_ms if state in SETTLED_STATES else None,
        origin="adopted",
    )
    _put(turn, row, "")


def _jobnet(desc: Any) -> str:
    """Return the jobnet that a work order was of, as its agent was told; "" where it says nothing that could be one."""
    jobnet_id = desc.get("jobnet") if isinstance(desc, dict) else None
    return jobnet_id if isinstance(jobnet_id, str) and not names.id_fault(jobnet_id) else ""


def _put(turn: Turn, row: Attempt, jobnet_id: str) -> Work:
    turn.tx.attempts.insert(row)
    turn.tx.adopted.put(row.k, jobnet_id)
    turn.window.orphans.came_in(turn, row.agent_id, row.occ)
    work = work_of(row)
    if row.state not in SETTLED_STATES:
        turn.works.add(work)
    data = {"agent_id": row.agent_id, "icon": work.path, "occ": row.occ}
    turn.tx.journal.add(turn.now_ms, row.run_id, "", Fact(kind="attempt_adopted", severity="warning", data=data))
    run_id = turn.tx.runs.find_by_occ(row.occ)
    run = None if run_id is None else turn.find_run(run_id)
    if run is not None and (run.state == "waiting" or run.start_missed):
        turn.raise_event(run.run_id, Started())  # an earlier active has started it
    return work


# ---- the run comes to it


def take(
    turn: Turn, run: Run, action: SendWork, row: Attempt, *, host: str, group: str, digest: bytes, spec: bytes
) -> None:
    """Give an adopted attempt to the run that has come to it, and tell the run how far it is.

    Args:
        row: of the attempt as it is now.
        host, group: where the run means it to be; host is that of the agent which has it.
        digest, spec: of the work order that would have been sent.
    """
    icon = run.icons[action.node]
    kept = turn.tx.adopted.find(row.k)
    is_open = row.state not in SETTLED_STATES
    turn.works.drop(row.k)
    turn.window.orphans.taken(row.agent_id, row.occ)
    turn.tx.adopted.take(
        row.k,
        run_id=run.run_id,
        node=action.node,
        visit=icon.visit,
        host=host,
        group=group,
        spec=spec if is_open else b"",
    )
    taken = turn.tx.attempts.find(row.k)
    assert taken is not None, "it was there just now"
    work = work_of(taken)
    work.encoding = outcomes.encoding_of(row.kind, spec)
    if is_open:
        turn.works.add(work)
        locks.begin(turn, turn.works.desk(row.agent_id), work, host)
    data = {"agent_id": row.agent_id, "state": row.state}
    turn.tx.journal.add(turn.now_ms, run.run_id, work.path, Fact(kind="attempt_taken", data=data))
    if group:
        turn.raise_event(run.run_id, WorkPlaced(action.node, row.k, host, group))
    raised = _told(turn, work, taken, None if kept is None else kept.ended)
    if not same_work(row.digest, digest):
        raised = WorkDoubted(action.node, row.k, "differs", DIFFERS)
    if raised is not None:
        turn.raise_event(run.run_id, raised)


def is_same_order(turn: Turn, work: Work, x: Mapping[str, Any]) -> bool:
    """Tell whether an agent accepted what waits here to be sent: an earlier active had sent it."""
    row = turn.find_attempt(work.k)
    assert row is not None, "an attempt in memory has a row"
    return same_work(bytes(x.get("digest", b"")), row.digest)


def same_work(known: bytes, digest: bytes) -> bool:
    """Tell whether an agent executed what a work order says; of some attempts only the beginning of it is known."""
    return known == digest[: len(known)]


def _told(turn: Turn, work: Work, row: Attempt, ended: Mapping[str, Any] | None) -> Event | None:
    """Return the event that brings an icon to where its attempt is."""
    match row.state:
        case "running":
            return WorkStarted(row.node, row.k, row.started_ms or turn.now_ms)
        case "done" if ended is not None:
            return outcomes.ended(turn, work, outcomes.result_of(ended, work.encoding), ended)
        case "done":
            return WorkDoubted(row.node, row.k, "gap", NOT_TOLD)
        case "failed":
            return WorkFailed(row.node, row.k, row.why, row.message)
        case "cancelled" if row.why == "expired":
            return WorkCancelled(row.node, row.k, row.why)
        case "cancelled":
            return WorkDoubted(row.node, row.k, "cancelled_elsewhere", ELSEWHERE)
        case "unknown":
            reason: DoubtReason = next((each for each in DOUBT_REASONS if each == row.why), "lost")
            return WorkDoubted(row.node, row.k, reason, row.message)
    return None


def foreign(turn: Turn, run: Run, action: SendWork, row: Attempt) -> bool:
    """Another agent than the one it is meant for says that it executed this. Tell whether the run goes on without it.

    Notes:
        Keys can be computed by anybody of the site, so a run that no earlier active can have had does not listen. In a
        replayed one it may well be true: the host led to another agent then.
    """
    if run.replayed_since_ms is None:
        data = {"agent_id": row.agent_id, "event": "accepted", "exit": row.exit_code}
        turn.tx.journal.add(turn.now_ms, run.run_id, "", Fact(kind="foreign_result", severity="error", data=data))
        turn.drop_attempt(action.key)
        return True
    message = FOREIGN.format(agent=row.agent_id, host=action.host)
    turn.raise_event(run.run_id, WorkDoubted(action.node, action.key, "foreign", message))
    return False
