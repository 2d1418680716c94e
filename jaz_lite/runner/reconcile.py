"""Reconciliation: the server's view and the agent's inventory are laid beside each other (protocol section 7).

Runs when the agent says `synced`, after all its events were taken in. `None` in the inventory, on the same spool with
a matching chain, proves that an attempt was not started; after a rotated spool nothing is proven.
"""

from jaz_lite.model.event import WorkCancelled, WorkFound, WorkPlaced
from jaz_lite.model.fact import Fact
from jaz_lite.model.run import DoubtReason
from jaz_lite.runner import actions, adopting, dispatch, groups, missing_output, outcomes, reports
from jaz_lite.runner.inputs import AgentInventory, AgentSynced
from jaz_lite.runner.port import Port
from jaz_lite.runner.turn import Turn
from jaz_lite.runner.work import Work
from jaz_lite.wire.happenings import InventoryItem

SETBACK = "the agent's records were lost or set back; the fate of the job is not known"
GAP = "the agent keeps no record any more of the time in which the job was sent; its fate is not known"
BOOTED = "the machine was started again since the job was sent, and may have been set back (rollback_guard)"
OPEN_THERE = frozenset(("accepted", "starting", "running"))
INVENTORY_KEPT_MAX = 100_000  # far beyond what an agent queues
FORGOT = "the agent has no record of a job that it had accepted"


def note(turn: Turn, item: AgentInventory) -> None:
    """Keep of a page what may matter: what is unsettled here or there. Of the rest an agent has seven days' worth."""
    port = item.port
    if port.synced:
        return
    for entry in item.items:
        if entry.st in OPEN_THERE or entry.k in turn.works.open or port.gap:
            port.inventory[entry.k] = entry
    if len(port.inventory) > INVENTORY_KEPT_MAX:
        port.inventory.clear()

        def refuse() -> None:
            port.link.error("limit", f"more than {INVENTORY_KEPT_MAX} attempts are open")

        turn.after_commit(refuse, port)


def lay_beside(turn: Turn, item: AgentSynced) -> None:
    """Bring every unsettled attempt of the agent in line with what the agent knows, and open its desk."""
    port = item.port
    if not port.up:
        return
    port.synced, port.synced_at = True, port.link.heard_at
    turn.works.copies_changed = True
    desk = turn.works.desk(port.agent_id)
    known = port.inventory
    for k in known:
        unbound = turn.works.open.get(k)
        if unbound is not None and not unbound.agent_id and groups.may_be_at(turn, unbound, port.agent_id):
            groups.found_at(turn, unbound, port.agent_id)
    for work in turn.works.of_agent(port.agent_id):
        entry = known.get(work.k)
        _heard_again(turn, work)
        _settle(turn, work, entry, gap=port.gap)
        if entry is not None and entry.st in OPEN_THERE:
            _found(turn, work)
    for entry in known.values():
        if entry.k not in turn.works.open:
            _not_open_here(turn, port, entry)
    turn.window.heard(turn, port.agent_id)
    missing_output.agent_is_back(turn, port)
    turn.desk_may_have_room(desk)
    turn.after_commit(known.clear)


def records_lost(turn: Turn, agent_id: str, reason: DoubtReason = "setback", sentence: str = SETBACK) -> None:
    """The spool was rotated, or the agent revoked: nothing that was on the agent is proven any more."""
    for work in turn.works.of_agent(agent_id):
        _heard_again(turn, work)
        if work.state in ("sent", "accepted", "running", "stopping"):
            turn.raise_event(work.run_id, outcomes.doubt(turn, work, reason, sentence))
        elif work.state == "abandoned":
            reports.note_of(turn, work, "abandoned_lost")


def _heard_again(turn: Turn, work: Work) -> None:
    """An agent was given up and is there again: its attempts are as they were, until it has said what it knows."""
    row = turn.find_attempt(work.k) if work.state == "unknown" else None
    if row is None or row.why != "unheard":
        return
    state = "running" if row.started_ms is not None else "accepted" if row.accepted_ms is not None else "sent"
    turn.change_attempt(work, "stopping" if _is_stopping(turn, work) else state, why="", message="")
    turn.raise_event(work.run_id, WorkFound(work.node, work.k))


def _found(turn: Turn, work: Work) -> None:
    """An agent has an attempt, and it is open there: that ends a doubt about it."""
    run = turn.find_run(work.run_id)
    if run is not None and not work.is_adopted and run.icons[work.node].doubt is not None:
        turn.raise_event(work.run_id, WorkFound(work.node, work.k))


def _is_stopping(turn: Turn, work: Work) -> bool:
    run = turn.find_run(work.run_id)
    return run is not None and not work.is_adopted and run.icons[work.node].state == "stopping"


def _settle(turn: Turn, work: Work, entry: InventoryItem | None, *, gap: bool) -> None:
    st = None if entry is None else entry.st
    match work.state, st:
        case ("sent" | "accepted" | "running" | "stopping", None) if gap:
            turn.raise_event(work.run_id, outcomes.doubt(turn, work, "gap", GAP))
        case ("ready" | "sent", None) if (fault := dispatch.may_have_been_done(turn, work)) is not None:
            turn.raise_event(work.run_id, outcomes.doubt(turn, work, *fault))
        case ("sent", None) if turn.works.desk(work.agent_id).strict and not _sent_in_this_boot(turn, work):
            turn.raise_event(work.run_id, outcomes.doubt(turn, work, "boot", BOOTED))
        case ("sent", None) if work.group and _sent_by_another(turn, work):
            # An earlier active may have had it refused there, and given it to another member.
            groups.give_back(turn, work, "", "", for_good=False)
            turn.raise_event(work.run_id, WorkPlaced(work.node, work.k, work.group, work.group))
        case ("sent", None):
            dispatch.send_as_room_allows(turn, turn.works.desk(work.agent_id), work)
        case ("accepted" | "running", None):
            reports.alarm_of(turn, work, "agent_forgot")
            turn.raise_event(work.run_id, outcomes.doubt(turn, work, "agent_forgot", FORGOT))
        case ("stopping" | "abandoned", None) if (
            work.group and _sent_by_another(turn, work) and groups.may_be_at_another_member(turn, work)
        ):
            groups.look_in_group(turn, work)
        case ("stopping", None):
            actions.cancel_again(turn, work)
        case ("abandoned", None | "accepted" | "starting"):
            actions.cancel_again(turn, work)
        case ("unknown", "accepted" | "starting" | "running") if _is_stopping(turn, work):
            turn.change_attempt(work, "stopping")
            actions.kill_again(turn, work, "signal")
        case ("sent" | "unknown" | "ready", "accepted" | "starting"):
            turn.change_attempt(work, "accepted")
        case ("running", "accepted" | "starting"):
            reports.alarm_of(turn, work, "agent_set_back")
            actions.cancel_again(turn, work)
            turn.raise_event(work.run_id, outcomes.doubt(turn, work, "setback", SETBACK))
        case ("sent" | "accepted" | "unknown" | "ready", "running"):
            turn.change_attempt(work, "running")
        case ("stopping", "accepted" | "starting" | "running"):
            actions.kill_again(turn, work, "signal")
        case ("sent" | "accepted" | "running" | "ready", "lost"):
            turn.raise_event(work.run_id, outcomes.doubt(turn, work, "lost", outcomes.LOST["unknown"]))
        case ("ready" | "sent" | "accepted" | "running", "done" | "failed" | "cancelled"):
            # All its events were taken in, and none said so: they are kept no more.
            turn.raise_event(work.run_id, outcomes.doubt(turn, work, "gap", adopting.NOT_TOLD))
        case ("abandoned", "done" | "failed" | "cancelled" | "lost"):
            if st == "lost":
                reports.note_of(turn, work, "abandoned_lost")
            turn.change_attempt(work, "cancelled", why="abandoned", ended_ms=turn.now_ms)
        case ("stopping", "cancelled"):
            turn.change_attempt(work, "cancelled", why="server", ended_ms=turn.now_ms)
            turn.raise_event(work.run_id, WorkCancelled(work.node, work.k, "server"))
        case _:
            pass  # both say the same, or the agent's events have already said it


def _sent_by_another(turn: Turn, work: Work) -> bool:
    """Tell whether an attempt of a replayed run was sent by another process than this: it may have gone elsewhere since."""
    row = turn.find_attempt(work.k)
    return row is not None and row.term_sent != turn.term and dispatch.is_replayed(turn, work)


def _sent_in_this_boot(turn: Turn, work: Work) -> bool:
    row = turn.find_attempt(work.k)
    return row is not None and row.boot_sent == turn.works.desk(work.agent_id).boot


def _not_open_here(turn: Turn, port: Port, entry: InventoryItem) -> None:
    """An attempt that is settled here, or not known at all, and that its agent still has."""
    row = turn.find_attempt(entry.k)
    if row is None:
        if port.gap:
            adopting.adopt_listed(turn, port.agent_id, entry)
        return
    if row.agent_id != port.agent_id or row.state not in reports.SETTLED or entry.st not in OPEN_THERE:
        return
    # It ended, and its agent says that it did not: the agent was set back. It must not start again; what runs is left.
    kind = "agent_runs_again" if entry.st == "running" else "agent_set_back"
    data = {"agent_id": row.agent_id, "icon": row.key_path}
    turn.tx.journal.add(turn.now_ms, row.run_id, "", Fact(kind=kind, severity="error", data=data))
    if entry.st != "running":
        turn.after_commit(lambda: port.link.cancel(entry.k, why="server") if port.synced else None, port)
