"""Work: attempts that are not settled, in memory beside their rows, and the desk of each agent.

The rows are the truth; this is the copy that decisions are made from. After a failed turn all of it is thrown away
and read again (`Works.reload`). Work orders (`spec`) stay in the store: only what is just being sent is in memory.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from jaz_lite.runner.port import Port
from jaz_lite.store.attempts import Attempt
from jaz_lite.store.open import Store
from jaz_lite.wire.spec import unpack_spec

OPEN_STATES = frozenset(("ready", "sent", "accepted", "running", "stopping", "unknown", "abandoned"))
AT_AGENT_STATES = frozenset(("sent", "accepted", "running", "stopping"))
SLOTS_DEFAULT = 64  # jobs in parallel on one agent until it says otherwise
QUEUE_AHEAD_MAX = 64  # work orders that wait on the agent beyond its slots: they hide the cost of durability


@dataclass(slots=True)
class Work:
    """One unsettled attempt."""

    k: bytes
    run_id: int
    node: int
    visit: int  # the pass of its icon
    agent_id: str
    state: str
    occ: str
    key_path: str
    attempt: int
    kind: str
    encoding: str = "utf-8"  # of its output

    @property
    def path(self) -> str:
        """The path of its icon: the key path without the passes."""
        return "/".join(part.partition("#")[0] for part in self.key_path.split("/"))


@dataclass(slots=True)
class Desk:
    """What is with one agent and what waits for it."""

    agent_id: str
    port: Port | None = None
    slots: int = SLOTS_DEFAULT
    paused: bool = False  # it refused work a moment ago
    at_agent: set[bytes] = field(default_factory=set)
    waiting: deque[bytes] = field(default_factory=deque)
    boot: bytes = b""

    @property
    def synced(self) -> bool:
        """Tell whether the agent may be given work now."""
        return self.port is not None and self.port.synced and not self.paused

    @property
    def has_room(self) -> bool:
        """Tell whether one more work order may be on its way."""
        return self.synced and len(self.at_agent) < self.slots + min(self.slots, QUEUE_AHEAD_MAX)


class Works:
    """All unsettled attempts, by key, and the desks of the agents."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.open: dict[bytes, Work] = {}
        self.desks: dict[str, Desk] = {}

    def desk(self, agent_id: str) -> Desk:
        """Return the desk of an agent; a new one where there was none."""
        found = self.desks.get(agent_id)
        if found is None:
            found = self.desks[agent_id] = Desk(agent_id)
        return found

    def reload(self) -> None:
        """Read everything again from the store; links stay as they are."""
        self.open.clear()
        for desk in self.desks.values():
            desk.at_agent.clear()
            desk.waiting.clear()
            desk.paused = False  # the turn that would have ended the pause may be the one that failed
        with self._store.snapshot() as view:
            for agent in view.agents.list():
                self.desk(agent.agent_id)
                for row in view.attempts.open_of(agent.agent_id):
                    self.add(work_of(row))

    def add(self, work: Work) -> None:
        """Take an attempt on; it lies where its state says."""
        self.open[work.k] = work
        desk = self.desk(work.agent_id)
        if work.state == "ready":
            desk.waiting.append(work.k)
        elif work.state in AT_AGENT_STATES:
            desk.at_agent.add(work.k)

    def move(self, work: Work, state: str) -> None:
        """Put an attempt into another state."""
        desk = self.desk(work.agent_id)
        work.state = state
        if state in AT_AGENT_STATES:
            desk.at_agent.add(work.k)
        else:
            desk.at_agent.discard(work.k)
        if state not in OPEN_STATES:
            self.open.pop(work.k, None)

    def of_agent(self, agent_id: str) -> Iterator[Work]:
        """Go through the unsettled attempts of an agent (a copy: states may be changed meanwhile)."""
        return iter([work for work in self.open.values() if work.agent_id == agent_id])


def work_of(row: Attempt) -> Work:
    """Return the copy in memory of an attempt's row."""
    return Work(
        k=row.k,
        run_id=row.run_id,
        node=row.node,
        visit=row.visit,
        agent_id=row.agent_id,
        state=row.state,
        occ=row.occ,
        key_path=row.key_path,
        attempt=row.attempt,
        kind=row.kind,
        encoding=str(unpack_spec(row.kind, row.spec).get("enc", "utf-8")) if row.spec else "utf-8",
    )
