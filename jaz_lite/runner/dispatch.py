"""Work orders on their way: from the action of a run to the desk of an agent, and from there to the agent.

A host that stands for one agent binds the attempt at once. A group binds it when a member has a free slot, at the end
of a turn; until then it lies with the group (`groups.py`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from jaz_lite.errors import LocalProtocolError
from jaz_lite.model.event import WorkFailed
from jaz_lite.runner import adopting, locks, outcomes, placement
from jaz_lite.runner.desk import COPY_KIND
from jaz_lite.runner.work import Work
from jaz_lite.store.attempts import Attempt
from jaz_lite.wire.ident import epoch_and_boot, spec_digest
from jaz_lite.wire.limits import RUN_COUNTER_BITS
from jaz_lite.wire.spec import pack_spec

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from jaz_lite.model.action import SendWork
    from jaz_lite.model.host import Host
    from jaz_lite.model.run import DoubtReason, Run
    from jaz_lite.runner.desk import Desk
    from jaz_lite.runner.turn import Turn

GROUP_KINDS = frozenset(("cmd", "test", "fwait"))  # work that any machine of a group may do
TEXT_KINDS = frozenset(("cmd", "fwait"))  # work with output that is text, or names of files


def send(turn: Turn, run: Run, action: SendWork) -> None:
    """Take a work order on: it is sent now or as soon as an agent has room, or fails where no agent ever will."""
    host = _as_it_was(turn, run, action)
    if _known(turn, run, action, host):
        return
    reason = _fault(host, action) or _source_fault(turn, action)
    if reason or host is None:
        turn.raise_event(run.run_id, WorkFailed(action.node, action.key, "host", reason))
        return
    desk = turn.works.desk(host.agent_id) if host.kind == "agent" else None
    if desk is not None and _is_revoked(turn, desk):
        why = f'agent "{host.agent_id}" of host "{action.host}" was revoked'
        turn.raise_event(run.run_id, WorkFailed(action.node, action.key, "host", why))
        return
    spec_map = with_encoding(action.kind, action.spec, host.encoding or (desk.encoding if desk else ""))
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
        group=host.host if desk is None else "",
    )
    fault = None if desk is None or not desk.connected else may_have_been_done(turn, work)
    at_once = (
        desk is not None
        and fault is None
        and turn.may_start
        and desk.has_room_for(work.kind)
        and not desk.waits(work.kind)
    )
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
            boot_sent=desk.boot if desk and at_once else None,
            term_sent=turn.term if at_once else None,
            created_ms=turn.now_ms,
            sent_ms=turn.now_ms if at_once else None,
            group=work.group,
        )
    )
    if at_once:
        work.state = "sent"
    turn.works.add(work)
    if fault is not None:
        turn.raise_event(run.run_id, outcomes.doubt(turn, work, *fault))
    elif desk is None:
        turn.look_at_groups(work)
    elif at_once:
        locks.begin(turn, desk, work, action.host)
        hand_over(turn, desk, work, spec)


def _as_it_was(turn: Turn, run: Run, action: SendWork) -> Host | None:
    """Return where a host leads for a run: a replayed one goes on where an earlier active may have sent its work.

    A takeover on another machine lets the names of the server's own machine lead to another agent, and natural keys
    protect at the same agent only. Where that agent is gone for good, a person revokes it, or has the icon run again.
    """
    host = turn.tx.hosts.find(action.host)
    if host is None or host.kind != "agent" or run.replayed_since_ms is None:
        return host
    epoch, _ = epoch_and_boot(run.run_id >> RUN_COUNTER_BITS)
    present, _ = epoch_and_boot(turn.term)
    before = turn.tx.hosts.led_in(host.host, min(epoch, present - 1))
    if not before or _is_revoked(turn, turn.works.desk(before)) or run.icons[action.node].method == "rerun":
        return host
    return replace(host, agent_id=before)


def _known(turn: Turn, run: Run, action: SendWork, host: Host | None) -> bool:
    """Look whether an agent told of this attempt before this server meant it; tell whether nothing is to be sent.

    What was done is taken as it is: whether its host is disabled today is no question any more.
    """
    row = turn.find_attempt(action.key)
    if row is None:
        return False
    assert row.origin == "adopted", f"attempt {action.key_path} is sent a second time"
    meant: dict[str, str] = {}
    if host is not None and host.kind == "agent":
        meant = {host.agent_id: host.host}
    elif host is not None and host.kind == "group":
        meant = {member.agent_id: member.name for member in placement.members_of(turn.tx, host)}
    if host is None or row.agent_id not in meant:
        return not adopting.foreign(turn, run, action, row)
    encoding = host.encoding or turn.works.desk(row.agent_id).encoding
    spec_map = with_encoding(action.kind, action.spec, encoding)
    try:
        spec = pack_spec(action.kind, spec_map)
    except LocalProtocolError:
        spec = b""  # what is too large now was not when it was sent
    adopting.take(
        turn,
        run,
        action,
        row,
        host=meant[row.agent_id],
        group=host.host if host.kind == "group" else "",
        digest=spec_digest(action.kind, spec_map),
        spec=spec,
    )
    return True


def _fault(host: Host | None, action: SendWork) -> str:
    """Say why no agent will ever do this for a host; "" where one may."""
    name = action.host
    if host is None:
        return f'no host is named "{name}"; `jaz-lite host add {name} --agent NAME` maps it to an agent'
    if host.kind == "ssh":
        return f'host "{name}" is an SSH target ({host.target}), and this work needs an agent'
    if not host.enabled and not action.force:
        return f'host "{name}" is disabled'
    if host.kind == "group" and action.kind not in GROUP_KINDS:
        return f'host "{name}" is a group, and this work is for one machine; name one of {host.target}'
    return ""


def _is_revoked(turn: Turn, desk: Desk) -> bool:
    if desk.revoked:
        # It may have been enrolled anew; that is looked up only in this rare case.
        row = turn.tx.agents.find(desk.agent_id)
        desk.revoked = row is None or row.state == "revoked"
    return desk.revoked


def _source_fault(turn: Turn, action: SendWork) -> str:
    """Say why no copy can come from the source host of a file copy; "" where one may, or this is none."""
    if action.kind != COPY_KIND:
        return ""
    name = str(action.spec["source"])
    return _fault(turn.tx.hosts.find(name), replace(action, host=name))


def with_encoding(kind: str, spec: Mapping[str, Any], encoding: str) -> Mapping[str, Any]:
    """Return a work order that says in which encoding its output is, where it has output of text."""
    if kind not in TEXT_KINDS or not encoding or spec.get("enc") == encoding:
        return spec
    return {**spec, "enc": encoding}


# ---- desks


def fill(turn: Turn, desk: Desk) -> None:
    """Send what waits for an agent, as far as it has room."""
    for takes_slot, pile in list(desk.piles.items()):
        kind = "cmd" if takes_slot else ""
        while turn.may_start and pile and desk.has_room_for(kind):
            work = turn.works.open.get(pile.popleft())
            if work is not None and work.state == "ready" and work.agent_id == desk.agent_id:
                send_again(turn, desk, work)


def send_as_room_allows(turn: Turn, desk: Desk, work: Work) -> None:
    """Send an attempt again that did not arrive; where the session is full of unanswered orders, it waits."""
    if desk.link_has_room:
        send_again(turn, desk, work)
    else:
        turn.change_attempt(work, "ready")
        desk.pile_of(work.kind).append(work.k)


def send_again(turn: Turn, desk: Desk, work: Work) -> None:
    """Send an attempt whose order is in the store; the same bytes as ever, so that the agent can know them again."""
    row = turn.tx.attempts.find(work.k)
    assert row is not None, "an attempt in memory has a row"
    turn.change_attempt(work, "sent", boot_sent=desk.boot, term_sent=turn.term, sent_ms=turn.now_ms)
    locks.begin(turn, desk, work, row.host)
    hand_over(turn, desk, work, row.spec)


def hand_over(turn: Turn, desk: Desk, work: Work, spec: bytes) -> None:
    """Give a work order to the link of an agent, after the commit that says it was sent."""
    port = desk.port
    assert port is not None, "only a synced agent is sent work"
    desk.leaving += 1
    work.sent_here = True
    run = turn.find_run(work.run_id)
    desc = {} if run is None else {"jobnet": run.jobnet.jobnet_id}

    def send() -> None:
        desk.leaving -= 1
        if port.synced:
            port.link.dispatch(
                k=work.k,
                occ=work.occ,
                path=work.key_path,
                att=work.attempt,
                run=work.run_id,
                kind=work.kind,
                spec=spec,
                desc=desc,
            )

    turn.after_commit(send, port)


# ---- replayed runs


def is_replayed(turn: Turn, work: Work) -> bool:
    """Tell whether an earlier active may have had the run of an attempt."""
    run = turn.find_run(work.run_id)
    return run is not None and run.replayed_since_ms is not None


def may_have_been_done(turn: Turn, work: Work, agent_id: str = "") -> tuple[DoubtReason, str] | None:
    """Return why an attempt that its agent does not know may have been made all the same; None: it was not.

    Notes:
        What a person has asked to be run again is done again, whatever was.
    """
    fault = turn.window.no_proof(agent_id or work.agent_id)
    run = None if fault is None else turn.find_run(work.run_id)
    if run is None or run.replayed_since_ms is None or run.icons[work.node].method == "rerun":
        return None
    return fault
