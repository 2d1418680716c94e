"""Work orders on their way: from the action of a run to the desk of an agent, and from there to the agent.

A host that stands for one agent binds the attempt at once. A group binds it when a member has a free slot, at the end
of a turn; until then it lies with the group (`placement.py` chooses).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from jaz_lite.errors import LocalProtocolError
from jaz_lite.model.event import WorkFailed, WorkPlaced
from jaz_lite.runner import adopting, locks, outcomes, placement
from jaz_lite.runner.desk import COPY_KIND
from jaz_lite.runner.work import Refusal, Work
from jaz_lite.store.attempts import Attempt
from jaz_lite.wire.ident import epoch_and_boot, spec_digest
from jaz_lite.wire.limits import RUN_COUNTER_BITS
from jaz_lite.wire.spec import pack_spec, unpack_spec

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
    spec_map = _with_encoding(action.kind, action.spec, host.encoding or (desk.encoding if desk else ""))
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
        _dispatch(turn, desk, work, spec)


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
    spec_map = _with_encoding(action.kind, action.spec, encoding)
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


def _with_encoding(kind: str, spec: Mapping[str, Any], encoding: str) -> Mapping[str, Any]:
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
    _dispatch(turn, desk, work, row.spec)


def _dispatch(turn: Turn, desk: Desk, work: Work, spec: bytes) -> None:
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


# ---- groups


def fill_groups(turn: Turn) -> None:
    """Bind what waits for a member of a group to members with room, and send it."""
    for (name, slotted), pile in list(turn.works.groups.items()):
        host = turn.tx.hosts.find(name)
        open_to = host is not None and host.kind != "ssh"
        members = placement.members_of(turn.tx, host) if host is not None and open_to else []
        passed_over: list[bytes] = []
        while pile:
            work = turn.works.open.get(pile[0])
            if work is None or work.state != "ready" or work.agent_id:
                pile.popleft()
                continue
            if not open_to:
                pile.popleft()
                _fail(turn, work, "host", f'the group "{name}" is not there any more')
                continue
            refused_by = {refusal.agent_id for refusal in work.refusals}
            if members and all(member.agent_id in refused_by for member in members):
                pile.popleft()
                _, why, message = work.refusals[-1]
                _fail(turn, work, why, f'no member of the group "{name}" takes this work: {message}')
                continue
            if _may_be_at_a_member(turn, work, members):
                pile.popleft()
                if work.state == "ready":
                    passed_over.append(work.k)
                continue
            force = _is_forced(turn, work)
            member = None
            if turn.may_start and host is not None and (host.enabled or force):
                member = placement.choose(members, turn.works.desks.get, work.kind, force=force, not_to=refused_by)
            if member is not None:
                pile.popleft()
                _bind(turn, work, member)
            elif work.refusals or force:
                passed_over.append(pile.popleft())  # what holds this one back need not hold back the next
            else:
                break
        pile.extendleft(reversed(passed_over))
        if not pile:
            del turn.works.groups[name, slotted]


def _may_be_at_a_member(turn: Turn, work: Work, members: list[placement.Member]) -> bool:
    """Tell whether work must not be given to any member of its group yet: one of them may have it (protocol 7)."""
    missing = turn.window.group_waits_for(turn, work, [each.agent_id for each in members])
    if missing and turn.now_ms < turn.window.deadline_ms:
        return True
    if missing:
        turn.window.doubt_group(turn, work, missing)
        return True
    for member in members:
        if (fault := may_have_been_done(turn, work, member.agent_id)) is not None:
            turn.raise_event(work.run_id, outcomes.doubt(turn, work, *fault))
            return True
    return False


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


def _is_forced(turn: Turn, work: Work) -> bool:
    run = turn.find_run(work.run_id)
    return run is not None and run.plan.nodes[work.node].icon.force


def _bind(turn: Turn, work: Work, member: placement.Member) -> None:
    desk = turn.works.desk(member.agent_id)
    row = turn.tx.attempts.find(work.k)
    assert row is not None, "an attempt in memory has a row"
    # It was never sent, or refused before any record was made, so its bytes may still change.
    spec_map = _with_encoding(work.kind, unpack_spec(work.kind, row.spec), member.encoding or desk.encoding)
    spec = pack_spec(work.kind, spec_map)
    turn.works.bind(work, member.agent_id)
    work.encoding = str(spec_map.get("enc", "utf-8"))
    turn.change_attempt(
        work, "sent", agent_id=member.agent_id, host=member.name, spec=spec, boot_sent=desk.boot,
        term_sent=turn.term, sent_ms=turn.now_ms,
    )  # fmt: skip
    turn.raise_event(work.run_id, WorkPlaced(work.node, work.k, member.name, work.group))
    _dispatch(turn, desk, work, spec)


def give_back(turn: Turn, work: Work, why: str, message: str, *, for_good: bool) -> None:
    """An agent refused an attempt of a group: it never started there, and any other member may have it."""
    turn.change_attempt(work, "ready", host=work.group)
    if for_good:
        work.refusals = (*work.refusals, Refusal(work.agent_id, why, message))
    turn.works.unbind(work)
    turn.change_attempt(work, agent_id="")
    turn.look_at_groups(work)


def may_be_at_another_member(turn: Turn, work: Work) -> bool:
    """Tell whether a member of the group that was not heard yet may have an attempt that its own agent does not have."""
    others = [each for each in turn.members_of(work.group) if each != work.agent_id]
    return bool(turn.window.group_waits_for(turn, work, others))


def look_in_group(turn: Turn, work: Work) -> None:
    """An attempt that is to end is not where it was sent: if another member has it, that one will say so."""
    turn.works.unbind(work)
    turn.change_attempt(work, agent_id="", host=work.group)


def may_be_at(turn: Turn, work: Work, agent_id: str) -> bool:
    """Tell whether an unbound attempt may have been given to this agent: only to a member of its group."""
    group = turn.tx.hosts.find(work.group)
    return group is not None and any(each.agent_id == agent_id for each in placement.members_of(turn.tx, group))


def was_elsewhere(turn: Turn, work: Work, agent_id: str) -> bool:
    """Tell whether what another agent says of a replayed attempt counts: its own has not been heard yet.

    A member of the same group has it, if it is there; of another agent it is only known that it may have.
    """
    unsure = ("ready", "sent", "stopping", *(("abandoned",) if work.group else ()))
    if work.state not in unsure or not is_replayed(turn, work) or turn.works.desk(work.agent_id).connected:
        return False
    if work.group:
        if not may_be_at(turn, work, agent_id):
            return False
        if work.state == "sent":
            turn.change_attempt(work, "ready")
        found_at(turn, work, agent_id)
        return True
    row = turn.find_attempt(work.k)
    message = adopting.FOREIGN.format(agent=agent_id, host="" if row is None else row.host)
    turn.raise_event(work.run_id, outcomes.doubt(turn, work, "foreign", message))
    return True


def found_at(turn: Turn, work: Work, agent_id: str) -> None:
    """An agent knows an attempt that is bound to nobody here: an older copy of the store meets what it had sent."""
    turn.works.bind(work, agent_id)
    turn.change_attempt(work, agent_id=agent_id, host=agent_id)
    turn.raise_event(work.run_id, WorkPlaced(work.node, work.k, agent_id, work.group))


def _fail(turn: Turn, work: Work, why: str, message: str) -> None:
    turn.change_attempt(work, "failed", why=why, message=message, ended_ms=turn.now_ms)
    turn.raise_event(work.run_id, WorkFailed(work.node, work.k, why, message))
