"""Carrying out actions: each one a row or a word on the release list, safe to repeat."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jaz_lite.errors import JazLiteError, LocalProtocolError, NoSuchObject, Refused, StoreDamaged
from jaz_lite.model.action import (
    AbandonWork,
    Action,
    AskCalendar,
    KillWork,
    ReleaseIcon,
    SendWork,
    SetTimer,
    StartRun,
)
from jaz_lite.model.event import Answered, ReleaseHold, WorkCancelled, WorkFailed
from jaz_lite.model.run import Run
from jaz_lite.runner import starts
from jaz_lite.runner.port import Port
from jaz_lite.runner.work import Desk, Work
from jaz_lite.store.attempts import Attempt
from jaz_lite.wire.happenings import KillHow
from jaz_lite.wire.ident import spec_digest
from jaz_lite.wire.spec import pack_spec

if TYPE_CHECKING:
    from jaz_lite.runner.turn import Turn

KILL_GRACE_S = 10


def not_live(turn: Turn, run_id: int, run: Run | None) -> JazLiteError:
    """Return the error that says why an operation on a run that is not live cannot be."""
    if run is None and turn.tx.runs.row(run_id) is None:
        return NoSuchObject(f"there is no run {run_id}", hint="`jaz-lite run list` shows the runs")
    if run is not None and run.faulted:
        return Refused(f"run {run_id} is set aside because of a fault of jaz_lite", hint="see `jaz-lite explain`")
    return Refused(f"run {run_id} is over", hint="start a new one with `jaz-lite exec`")


def refused(sentence: str) -> Refused:
    """Return the engine's refusal as an error."""
    return Refused(sentence)


def carry_out(turn: Turn, run: Run, action: Action) -> None:
    """Carry out one action of a run inside the turn."""
    match action:
        case SendWork():
            _send(turn, run, action)
        case KillWork():
            _kill(turn, run, action)
        case AbandonWork():
            _abandon(turn, action)
        case SetTimer():
            turn.tx.timers.set(run.run_id, action.node, action.name, action.due_ms)
        case StartRun():
            _start(turn, run, action)
        case ReleaseIcon():
            _release(turn, run, action)
        case AskCalendar():
            _ask_calendar(turn, run, action)
        case _:
            raise AssertionError(f"nobody carries out {action!r}")


# ---- work


def _send(turn: Turn, run: Run, action: SendWork) -> None:
    host = turn.tx.hosts.find(action.host)
    if host is None:
        why = f'no host is named "{action.host}"; `jaz-lite host add {action.host} --agent NAME` maps it to an agent'
        turn.raise_event(run.run_id, WorkFailed(action.node, action.key, "host", why))
        return
    if not host.enabled and not action.force:
        why = f'host "{action.host}" is disabled'
        turn.raise_event(run.run_id, WorkFailed(action.node, action.key, "host", why))
        return
    spec_map = action.spec if host.encoding.lower() in ("", "utf-8") else {**action.spec, "enc": host.encoding}
    try:
        spec = pack_spec(action.kind, spec_map)
    except LocalProtocolError as error:
        turn.raise_event(run.run_id, WorkFailed(action.node, action.key, "spec", error.message))
        return
    work = Work(
        k=action.key,
        run_id=run.run_id,
        node=action.node,
        visit=run.icons[action.node].visit,
        agent_id=host.agent_id,
        state="ready",
        occ=run.occ,
        key_path=action.key_path,
        attempt=action.attempt,
        kind=action.kind,
        encoding=str(spec_map.get("enc", "utf-8")),
    )
    desk = turn.works.desk(host.agent_id)
    at_once = turn.may_start and desk.has_room and not desk.waiting
    turn.tx.attempts.insert(
        Attempt(
            k=work.k,
            run_id=work.run_id,
            node=work.node,
            visit=work.visit,
            key_path=work.key_path,
            attempt=work.attempt,
            occ=work.occ,
            agent_id=work.agent_id,
            host=action.host,
            kind=work.kind,
            state="sent" if at_once else "ready",
            digest=spec_digest(action.kind, spec_map),
            spec=spec,
            boot_sent=desk.boot if at_once else None,
            term_sent=turn.term if at_once else None,
            created_ms=turn.now_ms,
            sent_ms=turn.now_ms if at_once else None,
        )
    )
    if at_once:
        work.state = "sent"
    turn.works.add(work)
    if at_once:
        _dispatch(turn, desk, work, spec)


def fill(turn: Turn, desk: Desk) -> None:
    """Send what waits for an agent, as far as it has room."""
    while turn.may_start and desk.waiting and desk.has_room:
        work = turn.works.open.get(desk.waiting.popleft())
        if work is None or work.state != "ready":
            continue
        send_again(turn, desk, work)


def send_again(turn: Turn, desk: Desk, work: Work) -> None:
    """Send an attempt whose order is in the store; the same bytes as ever, so that the agent can know them again."""
    row = turn.tx.attempts.find(work.k)
    assert row is not None, "an attempt in memory has a row"
    turn.change_attempt(work, "sent", boot_sent=desk.boot, term_sent=turn.term, sent_ms=turn.now_ms)
    _dispatch(turn, desk, work, row.spec)


def _dispatch(turn: Turn, desk: Desk, work: Work, spec: bytes) -> None:
    port = desk.port
    assert port is not None, "only a synced agent is sent work"

    def send() -> None:
        if port.synced:
            port.link.dispatch(
                k=work.k,
                occ=work.occ,
                path=work.key_path,
                att=work.attempt,
                run=work.run_id,
                kind=work.kind,
                spec=spec,
            )

    turn.after_commit(send, port)


def _kill(turn: Turn, run: Run, action: KillWork) -> None:
    work = turn.works.open.get(action.key)
    if work is None or work.state in ("unknown", "abandoned"):
        return
    if work.state == "ready":
        turn.change_attempt(work, "cancelled", why="server", ended_ms=turn.now_ms)
        turn.raise_event(run.run_id, WorkCancelled(action.node, action.key, "server"))
        return
    turn.change_attempt(work, "stopping", why=action.how)
    kill_again(turn, work, action.how)


def kill_again(turn: Turn, work: Work, how: KillHow) -> None:
    """Tell the agent, if it can be reached, to end or withdraw an attempt. Repeated at every contact."""
    port = turn.works.desk(work.agent_id).port
    if port is None or not port.synced:
        return

    def send(port: Port = port) -> None:
        if port.synced:
            port.link.kill(work.k, how=how, sig="TERM", grace_s=KILL_GRACE_S, why="stop")

    turn.after_commit(send, port)


def cancel_again(turn: Turn, work: Work) -> None:
    """Plant a tombstone on the agent, if it can be reached: this attempt must not start any more."""
    port = turn.works.desk(work.agent_id).port
    if port is None or not port.synced:
        return

    def send(port: Port = port) -> None:
        if port.synced:
            port.link.cancel(work.k, why="server")

    turn.after_commit(send, port)


def _abandon(turn: Turn, action: AbandonWork) -> None:
    work = turn.works.open.get(action.key)
    if work is None:
        return
    if work.state == "ready":
        turn.change_attempt(work, "cancelled", why="abandoned", ended_ms=turn.now_ms)
        return
    turn.change_attempt(work, "abandoned")
    cancel_again(turn, work)


# ---- other runs, calendars


def _start(turn: Turn, run: Run, action: StartRun) -> None:
    found = turn.tx.runs.find_by_occ(action.occ)
    if found is not None:
        answer = Answered(action.node, action.visit, ok=True, value=str(found))
    else:
        try:
            started = starts.start(
                turn,
                jobnet_id=action.jobnet_id,
                occ=action.occ,
                origin=action.origin,
                user=action.user,
                variables=action.variables,
            )
            answer = Answered(action.node, action.visit, ok=True, value=str(started.run_id))
        except StoreDamaged:
            raise
        except JazLiteError as error:
            answer = Answered(action.node, action.visit, ok=False, message=error.message)
    turn.raise_event(run.run_id, answer)


def _release(turn: Turn, run: Run, action: ReleaseIcon) -> None:
    """The lowest-numbered running run of the named jobnet has its held icon released (JAZ 6.1 and later)."""
    jobnet_id, _, path = action.target.lstrip("/").partition("/")
    message = f'no running jobnet "{jobnet_id}" has a held icon "{path}"'
    ok = False
    for other in turn.busy_runs_of(jobnet_id):
        node = other.plan.find(path)
        if node is None:
            continue
        icon = other.icons[node]
        ok = icon.method == "hold" and icon.state in ("waiting", "ready")
        if ok:
            turn.raise_event(other.run_id, ReleaseHold(f"run {run.run_id}", node))
        break
    turn.raise_event(run.run_id, Answered(action.node, action.visit, ok=ok, message="" if ok else message))


def _ask_calendar(turn: Turn, run: Run, action: AskCalendar) -> None:
    stored = turn.tx.definitions.enabled("calendar", action.calendar_id)
    if stored is None:
        message = f'calendar "{action.calendar_id}" has no enabled version'
        answer = Answered(action.node, action.visit, ok=False, message=message)
    else:
        operating = action.day in stored.document.get("days", ())
        answer = Answered(action.node, action.visit, ok=True, value="1" if operating else "0")
    turn.raise_event(run.run_id, answer)
