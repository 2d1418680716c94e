"""Intake: what each kind of input does to a turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jaz_lite.errors import DiskFull, JazLiteError, StoreDamaged
from jaz_lite.runner import agents, credentials, reconcile, reports, starts, twins
from jaz_lite.runner.actions import not_live
from jaz_lite.runner.inputs import (
    AgentAlive,
    AgentChanged,
    AgentGone,
    AgentIdentified,
    AgentInventory,
    AgentOutput,
    AgentRefused,
    AgentReports,
    AgentRevoked,
    AgentState,
    AgentSynced,
    AgentTook,
    AgentUnheard,
    DeskResumed,
    Input,
    NewcomerDue,
    NewRun,
    RunEvent,
    Write,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from jaz_lite.runner.turn import Turn


def take(turn: Turn, item: Input, *, draw_spool: Callable[[], bytes], pins_changed: Callable[[], None]) -> None:
    """Take one input into a turn.

    Args:
        draw_spool: gives the name of a new log for an agent.
        pins_changed: called after the commit where an agent uses a new key or knows a new certificate.
    """
    match item:
        case AgentReports():
            reports.take_in(turn, item)
        case AgentOutput():
            reports.take_output(turn, item)
        case RunEvent():
            _event(turn, item)
        case NewRun():
            _start(turn, item)
        case Write():
            _write(turn, item)
        case AgentIdentified():
            agents.identified(turn, item, draw_spool)
        case AgentInventory():
            reconcile.note(turn, item)
        case AgentSynced():
            reconcile.lay_beside(turn, item)
        case AgentRefused():
            agents.refused(turn, item)
        case AgentState():
            agents.known_already(turn, item)
        case AgentGone():
            agents.gone(turn, item, draw_spool)
        case AgentTook():
            credentials.took(turn, item, pins_changed)
        case AgentUnheard():
            agents.unheard(turn, item)
        case AgentRevoked():
            agents.revoked(turn, item)
        case AgentAlive():
            twins.alive(turn, item)
        case NewcomerDue():
            agents.newcomer_due(turn, item, draw_spool)
        case DeskResumed():
            agents.resumed(turn, item)
        case AgentChanged():
            agents.changed(turn, item)
        case _:
            raise AssertionError(f"nobody takes {item!r}")


def _event(turn: Turn, item: RunEvent) -> None:
    if item.reply is not None:
        turn.answer(item.reply)
    turn.settle()  # an operation sees the run as all that came before it left it
    event = item.event
    if item.make is not None:
        run = turn.find_run(item.run_id)
        if run is None:
            assert item.reply is not None, "who makes an event wants to know"
            item.reply.error = not_live(turn, item.run_id, run)
            return
        try:
            event = item.make(run)
        except JazLiteError as error:
            assert item.reply is not None, "who makes an event wants to know"
            item.reply.error = error
            return
    assert event is not None, "a run event has an event or makes one"
    turn.raise_event(item.run_id, event, item.reply)


def _start(turn: Turn, item: NewRun) -> None:
    if not turn.may_start:
        if item.reply is not None:
            item.reply.error = DiskFull("the disk is full; nothing new is started", hint="free some space")
        turn.answer(item.reply)
        return
    try:
        run = starts.start(
            turn,
            jobnet_id=item.jobnet_id,
            version=item.version,
            origin=item.origin,
            user=item.user,
            variables=item.variables,
            icon_path=item.icon_path,
            scheduled_ms=item.scheduled_ms,
            boot=item.boot,
        )
    except StoreDamaged:
        raise
    except JazLiteError as error:
        if item.reply is not None:
            item.reply.error = error
        turn.answer(item.reply)
        return
    turn.answer(item.reply, run.run_id)


def _write(turn: Turn, item: Write) -> None:
    turn.settle()
    turn.answer(item.reply)
    try:
        with turn.tx.savepoint():
            value = item.work(turn.tx)
            turn.look_at_groups()  # hosts may be other ones now
    except StoreDamaged:
        raise
    except Exception as error:
        if item.reply is None:
            raise
        item.reply.error = error
        return
    if item.reply is not None:
        item.reply.value = value
