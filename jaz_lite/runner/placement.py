"""Groups: which member of a group host takes an attempt, and why the others do not.

An attempt is bound to a member when it is sent and not before, so that the first member with a free slot gets it.
Once sent it stays there: only a refusal, which proves that it never started, sends it back to the group
(protocol.md 6.5).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from jaz_lite.model.host import Host
from jaz_lite.runner.desk import Desk
from jaz_lite.store.transaction import Nouns

MEMBERS_MAX = 1_000  # agents behind one group, all groups inside it included


@dataclass(frozen=True, slots=True)
class Member:
    """One agent behind a group. `disabled` names the host that is."""

    name: str  # the host, or the agent where it was named itself
    agent_id: str
    encoding: str = ""
    disabled: str = ""


def members_of(nouns: Nouns, group: Host) -> list[Member]:
    """Return the agents behind a group in their order, each once; names that are not there any more are left out."""
    found: dict[str, Member] = {}
    seen = {group.host}
    # Names still to be looked at, the next one last: with the encoding and the disabled host that they came through.
    todo = [(name, group.encoding, "") for name in reversed(group.members)]
    while todo and len(found) < MEMBERS_MAX:
        name, encoding, disabled = todo.pop()
        host = nouns.hosts.find(name)
        if host is None:
            if nouns.agents.find(name) is not None:
                found.setdefault(name, Member(name, name, encoding, disabled))
            continue
        off = disabled or ("" if host.enabled else name)
        if host.kind == "agent":
            found.setdefault(host.agent_id, Member(name, host.agent_id, host.encoding or encoding, off))
        elif host.kind == "group" and name not in seen:
            seen.add(name)
            todo += [(inner, host.encoding or encoding, off) for inner in reversed(host.members)]
    return list(found.values())


def obstacle(member: Member, desk: Desk | None, kind: str, *, force: bool = False) -> str:
    """Say why a member takes no work of a kind now, going on from its name; "" where it does."""
    if member.disabled and not force:
        return "is disabled" if member.disabled == member.name else f"is in the disabled group {member.disabled}"
    if desk is None or not desk.connected:
        return "is not reachable"
    if desk.draining:
        return "is being drained"
    if desk.lock is not None:
        return "is being rebooted"
    if desk.paused:
        return f"refused work a moment ago: {desk.refusal}"
    if desk.has_room_for(kind) and (desk.free or desk.place_of(kind) is not desk.at_agent):
        return ""
    return f"has no free slot ({len(desk.at_agent)} of {desk.slots} taken)"


def choose(
    members: Sequence[Member],
    desk_of: Callable[[str], Desk | None],
    kind: str,
    *,
    force: bool,
    not_to: Iterable[str] = (),
) -> Member | None:
    """Return the member with the largest share of free slots, the first of equals; None where none takes work.

    Args:
        not_to: agents that have refused this very work for good.
    """
    best: Member | None = None
    best_share = -1.0
    for member in members:
        desk = desk_of(member.agent_id)
        if desk is None or member.agent_id in not_to or obstacle(member, desk, kind, force=force):
            continue
        share = desk.free / desk.slots
        if share > best_share:
            best, best_share = member, share
    return best
