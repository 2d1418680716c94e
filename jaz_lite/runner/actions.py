"""Carrying out actions: each one a row or a word on the release list, safe to repeat."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import TYPE_CHECKING

from jaz_lite.engine.replay import TIME
from jaz_lite.errors import DefinitionError, JazLiteError, NoSuchObject, Refused, StoreDamaged
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
from jaz_lite.model.calendar import Calendar
from jaz_lite.model.event import Answered, ReleaseHold, WorkCancelled
from jaz_lite.model.plain import from_plain
from jaz_lite.model.run import Run
from jaz_lite.runner import dispatch, starts
from jaz_lite.runner.port import Port
from jaz_lite.runner.work import Work
from jaz_lite.schedule.days import operates
from jaz_lite.schedule.public_holidays import HOLIDAYS
from jaz_lite.wire.happenings import KillHow

if TYPE_CHECKING:
    from jaz_lite.runner.turn import Turn

KILL_GRACE_S = 10
DAYS_ASKED_MAX = 400  # a run that was away for longer is for a person


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
            dispatch.send(turn, run, action)
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


def _kill(turn: Turn, run: Run, action: KillWork) -> None:
    work = turn.works.open.get(action.key)
    if work is None or work.state in ("unknown", "abandoned"):
        return
    if work.state == "ready" and not turn.window.may_be_elsewhere(turn, work):
        turn.change_attempt(work, "cancelled", why="server", ended_ms=turn.now_ms)
        turn.raise_event(run.run_id, WorkCancelled(action.node, action.key, "server"))
        return
    turn.change_attempt(work, "stopping", why=action.how)
    kill_again(turn, work, action.how)


def kill_again(turn: Turn, work: Work, how: KillHow) -> None:
    """Tell the agent, if it can be reached, to end or withdraw an attempt. Repeated at every contact."""
    port = turn.works.desk(work.agent_id).port if work.agent_id else None
    if port is None or not port.synced:
        return

    def send(port: Port = port) -> None:
        if port.synced:
            port.link.kill(work.k, how=how, sig="TERM", grace_s=KILL_GRACE_S, why="stop")

    turn.after_commit(send, port)


def cancel_again(turn: Turn, work: Work) -> None:
    """Plant a tombstone on the agent, if it can be reached: this attempt must not start any more."""
    port = turn.works.desk(work.agent_id).port if work.agent_id else None
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
    never_sent = work.state == "ready" or not work.agent_id
    if never_sent and not turn.window.may_be_elsewhere(turn, work):
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
                replayed_since_ms=run.replayed_since_ms,
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
    day = date.fromisoformat(action.day)
    first = date.fromisoformat(action.since) if action.since else day
    try:
        operates = _operating(turn, action)
        answers = {operates(day - timedelta(days)) for days in range(min((day - first).days, DAYS_ASKED_MAX) + 1)}
    except DefinitionError as fault:
        answer = Answered(action.node, action.visit, ok=False, message=fault.message)
    else:
        answer = Answered(action.node, action.visit, ok=True, value="1" if answers == {True} else "0")
        if len(answers) > 1 or (day - first).days > DAYS_ASKED_MAX:
            answer = Answered(action.node, action.visit, ok=False, message=TIME, doubt="time")
    turn.raise_event(run.run_id, answer)


def _operating(turn: Turn, action: AskCalendar) -> Callable[[date], bool]:
    stored = turn.tx.definitions.enabled("calendar", action.calendar_id)
    if stored is None:
        raise DefinitionError(f'calendar "{action.calendar_id}" has no enabled version')
    calendar = from_plain("calendar", stored.document)
    assert isinstance(calendar, Calendar), "documents of the kind calendar are calendars"
    return lambda day: operates(calendar, day, HOLIDAYS)
