"""Where work goes in a forecast: agents with slots and queues, groups that give work to the freest member.

The same rules as the dispatcher's: a host binds its work at once, and it waits there in order; a group binds it when a
member has a free slot, the member with the largest share of free slots, the first of equals. Work that is no job
takes no slot. An agent that is drained takes nothing new; one that is out of reach is taken to be back.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from jaz_lite.forecast.outcome import Activity, Crowd
from jaz_lite.forecast.world import Machine
from jaz_lite.model.host import Host

SLOT_KINDS = frozenset(("cmd", "test"))
GROUP_KINDS = frozenset(("cmd", "test", "fwait"))
MEMBERS_MAX = 1_000


@dataclass(slots=True)
class Waiting:
    """An attempt that waits for a slot, or works in one."""

    key: bytes
    node: int
    activity: Activity
    takes_slot: bool
    force: bool
    agent_id: str = ""  # "": any member of the group will do
    group: str = ""


@dataclass(slots=True)
class _Desk:
    """An agent, or a group (which has no slots of its own). Work that takes a slot never holds up work that takes none."""

    name: str
    slots: int
    takes: bool
    jobs: deque[Waiting] = field(default_factory=deque)
    beside: deque[Waiting] = field(default_factory=deque)
    at_work: int = 0
    freed: int | None = None  # the activity that left a slot last
    crowded_since: int | None = None
    most: int = 0

    @property
    def free(self) -> int:
        return self.slots - self.at_work

    def queue_of(self, waiting: Waiting) -> deque[Waiting]:
        return self.jobs if waiting.takes_slot else self.beside


class Places:
    """All desks and groups."""

    def __init__(self, hosts: Mapping[str, Host], machines: Mapping[str, Machine]) -> None:
        self._hosts = hosts
        self._machines = machines
        self._desks: dict[str, _Desk] = {}
        self._groups: dict[str, _Desk] = {}
        self._behind: dict[str, list[tuple[_Desk, bool]]] = {}
        self._touched: dict[str, None] = {}
        self.crowds: list[Crowd] = []

    def fault(self, name: str, kind: str, *, force: bool) -> str:
        """Say why no agent will ever do this for a host; "" where one may."""
        host = self._hosts.get(name)
        if host is None:
            return f'no host is named "{name}"'
        if host.kind == "ssh":
            return f'host "{name}" is an SSH target ({host.target}), and this work needs an agent'
        if not host.enabled and not force:
            return f'host "{name}" is disabled'
        if host.kind == "group" and kind not in GROUP_KINDS:
            return f'host "{name}" is a group, and this work is for one machine'
        if host.kind == "agent":
            machine = self._machines.get(host.agent_id)
            if machine is None or machine.revoked:
                return f'agent "{host.agent_id}" of host "{name}" was revoked'
        return ""

    def take(self, waiting: Waiting) -> None:
        """Have work wait for its turn. The host of its activity is known to be without fault."""
        if not waiting.agent_id:
            host = self._hosts[waiting.activity.host]
            if host.kind == "agent":
                waiting.agent_id = host.agent_id
            else:
                waiting.group = host.host
        desk = self._place_of(waiting)
        desk.queue_of(waiting).append(waiting)
        self._touched[desk.name] = None

    def occupy(self, waiting: Waiting) -> None:
        """Put work in a slot that has it already; there may be more of that than slots."""
        if waiting.takes_slot:
            self._desk(waiting.agent_id).at_work += 1

    def leave(self, waiting: Waiting, *, worked: bool) -> None:
        """Take work away, from its slot or from the queue."""
        desk = self._place_of(waiting)
        if not worked:
            desk.queue_of(waiting).remove(waiting)
        elif waiting.takes_slot:
            desk.at_work -= 1
            desk.freed = waiting.activity.number
        self._touched[desk.name] = None

    def fill(self, now_ms: int) -> list[Waiting]:
        """Return the work that begins now, in order; where it goes is in its activity."""
        begun: list[Waiting] = []
        touched, self._touched = self._touched, {}
        if not touched:
            return begun
        desks = [self._desks[name] for name in touched if name in self._desks]
        for desk in desks:
            self._serve(desk, now_ms, begun)
        for group in self._groups.values():
            for queue in (group.jobs, group.beside):
                if queue:
                    self._serve_group(group, queue, now_ms, begun)
        for desk in (*desks, *self._groups.values()):
            self._note(desk, now_ms)
        return begun

    def close(self) -> None:
        """Note the queues that are still there at the end."""
        for desk in (*self._desks.values(), *self._groups.values()):
            if desk.crowded_since is not None:
                self.crowds.append(Crowd(desk.name, desk.slots, desk.crowded_since, None, desk.most))

    def _serve(self, desk: _Desk, now_ms: int, begun: list[Waiting]) -> None:
        if not desk.takes:
            return
        while desk.beside:
            self._begin(desk, desk.beside.popleft(), now_ms, begun)
        while desk.jobs and desk.free > 0:
            self._begin(desk, desk.jobs.popleft(), now_ms, begun)

    def _serve_group(self, group: _Desk, queue: deque[Waiting], now_ms: int, begun: list[Waiting]) -> None:
        passed_over: list[Waiting] = []
        while queue:
            best = self._choose(group, queue[0])
            if best is None and not queue[0].force:
                break
            waiting = queue.popleft()
            if best is None:
                passed_over.append(waiting)  # what holds this one back need not hold back the next
                continue
            waiting.agent_id = best.name
            self._begin(best, waiting, now_ms, begun)
        queue.extendleft(reversed(passed_over))

    def _choose(self, group: _Desk, waiting: Waiting) -> _Desk | None:
        best: _Desk | None = None
        if not (self._hosts[group.name].enabled or waiting.force):
            return None
        for desk, enabled in self._members(group):
            if not desk.takes or not (enabled or waiting.force) or (waiting.takes_slot and desk.free <= 0):
                continue
            if best is None or desk.free / desk.slots > best.free / best.slots:
                best = desk
        return best

    def _begin(self, desk: _Desk, waiting: Waiting, now_ms: int, begun: list[Waiting]) -> None:
        activity = waiting.activity
        activity.agent_id = desk.name
        activity.started_ms = now_ms
        if waiting.takes_slot:
            desk.at_work += 1
            if activity.begun_ms < now_ms:
                activity.freed = desk.freed
        begun.append(waiting)

    def _note(self, desk: _Desk, now_ms: int) -> None:
        waits = len(desk.jobs)
        if waits:
            if desk.crowded_since is None:
                desk.crowded_since, desk.most = now_ms, 0
            desk.most = max(desk.most, waits)
        elif desk.crowded_since is not None:
            self.crowds.append(Crowd(desk.name, desk.slots, desk.crowded_since, now_ms, desk.most))
            desk.crowded_since = None

    # ---- who is who

    def _place_of(self, waiting: Waiting) -> _Desk:
        return self._desk(waiting.agent_id) if waiting.agent_id else self._group(waiting.group)

    def _desk(self, agent_id: str) -> _Desk:
        desk = self._desks.get(agent_id)
        if desk is None:
            machine = self._machines.get(agent_id) or Machine(agent_id=agent_id)
            desk = self._desks[agent_id] = _Desk(agent_id, machine.slots, takes=not machine.draining)
        return desk

    def _group(self, name: str) -> _Desk:
        group = self._groups.get(name)
        if group is None:
            group = self._groups[name] = _Desk(name, 0, takes=True)
            group.slots = sum(desk.slots for desk, _ in self._members(group))
        return group

    def _members(self, group: _Desk) -> list[tuple[_Desk, bool]]:
        """Return the desks behind a group in their order, each once, and whether its host is enabled."""
        known = self._behind.get(group.name)
        if known is not None:
            return known
        found: dict[str, tuple[_Desk, bool]] = {}
        seen = {group.name}
        todo = [(member, True) for member in reversed(self._hosts[group.name].members)]
        while todo and len(found) < MEMBERS_MAX:
            member, enabled = todo.pop()
            host = self._hosts.get(member)
            if host is None:
                if member in self._machines:
                    found.setdefault(member, (self._desk(member), enabled))
                continue
            enabled = enabled and host.enabled
            if host.kind == "agent":
                found.setdefault(host.agent_id, (self._desk(host.agent_id), enabled))
            elif host.kind == "group" and member not in seen:
                seen.add(member)
                todo += [(inner, enabled) for inner in reversed(host.members)]
        self._behind[group.name] = list(found.values())
        return self._behind[group.name]
