"""Groups: work that any member of a group host may do, from when it waits until one of them has it.

It is bound to a member when that one has a free slot, at the end of a turn (`placement.py` chooses). After a takeover
it is to be known first that no member has it already (protocol 7, dynamic targets).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jaz_lite.model.event import WorkFailed, WorkPlaced
from jaz_lite.runner import adopting, dispatch, outcomes, placement
from jaz_lite.runner.work import Refusal, Work
from jaz_lite.wire.spec import pack_spec, unpack_spec

if TYPE_CHECKING:
    from jaz_lite.runner.turn import Turn


def fill(turn: Turn) -> None:
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
        if (fault := dispatch.may_have_been_done(turn, work, member.agent_id)) is not None:
            turn.raise_event(work.run_id, outcomes.doubt(turn, work, *fault))
            return True
    return False


def _is_forced(turn: Turn, work: Work) -> bool:
    run = turn.find_run(work.run_id)
    return run is not None and run.plan.nodes[work.node].icon.force


def _bind(turn: Turn, work: Work, member: placement.Member) -> None:
    desk = turn.works.desk(member.agent_id)
    row = turn.tx.attempts.find(work.k)
    assert row is not None, "an attempt in memory has a row"
    # It was never sent, or refused before any record was made, so its bytes may still change.
    spec_map = dispatch.with_encoding(work.kind, unpack_spec(work.kind, row.spec), member.encoding or desk.encoding)
    spec = pack_spec(work.kind, spec_map)
    turn.works.bind(work, member.agent_id)
    work.encoding = str(spec_map.get("enc", "utf-8"))
    turn.change_attempt(
        work, "sent", agent_id=member.agent_id, host=member.name, spec=spec, boot_sent=desk.boot,
        term_sent=turn.term, sent_ms=turn.now_ms,
    )  # fmt: skip
    turn.raise_event(work.run_id, WorkPlaced(work.node, work.k, member.name, work.group))
    dispatch.hand_over(turn, desk, work, spec)


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
    if work.state not in unsure or not dispatch.is_replayed(turn, work) or turn.works.desk(work.agent_id).connected:
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
