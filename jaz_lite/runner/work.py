"""Work: attempts that are not settled, in memory beside their rows, and the desk of each agent.

The rows are the truth; this is the copy that decisions are made from. After a failed turn all of it is thrown away
and read again (`Works.reload`). Work orders (`spec`) stay in the store: only what is just being sent is in memory.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from jaz_lite.runner.desk import COPY_KIND, SLOT_KINDS, Desk
from jaz_lite.store.agents import AgentRow
from jaz_lite.store.attempts import Attempt
from jaz_lite.store.open import Store
from jaz_lite.wire.spec import unpack_spec

OPEN_STATES = frozenset(("ready", "sent", "accepted", "running", "stopping", "unknown", "abandoned"))
AT_AGENT_STATES = frozenset(("sent", "accepted", "running", "stopping"))


class Refusal(NamedTuple):
    """A member of a group will never take an attempt: which, and why in a word and in a sentence."""

    agent_id: str
    why: str
    message: str


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
    group: str = ""  # the group it may go elsewhere in; no agent is chosen yet while `agent_id` is ""
    refusals: tuple[Refusal, ...] = ()  # of members that will never take it
    sent_here: bool = False  # by this process of the server, so that no other one can have had its output

    @property
    def is_adopted(self) -> bool:
        """Tell whether no run has come to it: only its agent knows it."""
        return self.node < 0

    @property
    def path(self) -> str:
        """The path of its icon: the key path without the passes."""
        return "/".join(part.partition("#")[0] for part in self.key_path.split("/"))


class Works:
    """All unsettled attempts, by key, the desks of the agents, and what waits for a member of a group."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.open: dict[bytes, Work] = {}
        self._of: dict[str, dict[bytes, Work]] = {}  # those of `open` by agent; "": with no member of their group
        self.next_certificate = b""  # of the site (DER), which agents are offered; b"": there is none
        self.desks: dict[str, Desk] = {}
        self.groups: dict[tuple[str, bool], deque[bytes]] = {}  # group and whether a slot is needed -> oldest first
        # Settled attempts with the size of their output, by agent; None: it was not looked which.
        self.short_of_output: dict[str, dict[bytes, tuple[int, int]]] | None = None
        self.copies: set[bytes] = set()  # those of `open` that are file copies
        self.copies_changed = False  # one came, went or got further, or an agent came: their relays want a look

    def desk(self, agent_id: str) -> Desk:
        """Return the desk of an agent; a new one where there was none."""
        assert agent_id, "work that is bound to nobody lies on no desk"
        found = self.desks.get(agent_id)
        if found is None:
            found = self.desks[agent_id] = Desk(agent_id)
        return found

    def reload(self) -> None:
        """Read everything again from the store; links stay as they are."""
        self.open.clear()
        self._of.clear()
        self.groups.clear()
        self.copies.clear()
        for desk in self.desks.values():
            desk.clear()
        with self._store.snapshot() as view:
            for agent in view.agents.list():
                self.limit(agent).lock = view.host_locks.find(agent.agent_id)
                for row in view.attempts.open_of(agent.agent_id):
                    self.add(work_of(row))
            for row in view.attempts.open_of(""):
                self.add(work_of(row))

    def limit(self, agent: AgentRow) -> Desk:
        """Take over what the server says of an agent; return its desk."""
        desk = self.desk(agent.agent_id)
        desk.par_max, desk.queue_max, desk.draining = agent.par_max, agent.queue_max, agent.state == "draining"
        desk.encoding, desk.revoked = agent.encoding, agent.state == "revoked"
        desk.dial_at, desk.confirmed_term = agent.dial_at, agent.confirmed_term or 0
        return desk

    def add(self, work: Work) -> None:
        """Take an attempt on; it lies where its state says."""
        self.open[work.k] = self._of.setdefault(work.agent_id, {})[work.k] = work
        if work.kind == COPY_KIND:
            self.copies.add(work.k)
            self.copies_changed = True
        if not work.agent_id:
            if work.state == "ready":
                self._pile(work).append(work.k)
        elif work.state == "ready":
            self.desk(work.agent_id).pile_of(work.kind).append(work.k)
        elif work.state in AT_AGENT_STATES:
            self.desk(work.agent_id).place_of(work.kind).add(work.k)

    def move(self, work: Work, state: str) -> None:
        """Put an attempt into another state."""
        work.state = state
        if work.kind == COPY_KIND:
            self.copies_changed = True
        if work.agent_id:
            place = self.desk(work.agent_id).place_of(work.kind)
            if state in AT_AGENT_STATES:
                place.add(work.k)
            else:
                place.discard(work.k)
        if state not in OPEN_STATES:
            if self.open.pop(work.k, None) is not None:
                del self._of[work.agent_id][work.k]
            self.copies.discard(work.k)

    def drop(self, k: bytes) -> None:
        """Forget an attempt that was never ours."""
        work = self.open.pop(k, None)
        if work is not None:
            self._of[work.agent_id].pop(k)
            if work.agent_id:
                self.desk(work.agent_id).place_of(work.kind).discard(k)

    def bind(self, work: Work, agent_id: str) -> None:
        """Let an attempt be with this agent, and with no other."""
        if work.agent_id:
            self.desk(work.agent_id).place_of(work.kind).discard(work.k)
        if work.k in self.open:
            self._of[work.agent_id].pop(work.k)
            self._of.setdefault(agent_id, {})[work.k] = work
        work.agent_id = agent_id
        if agent_id and work.state in AT_AGENT_STATES:
            self.desk(agent_id).place_of(work.kind).add(work.k)

    def unbind(self, work: Work) -> None:
        """Give an attempt back to its group: if it is ready, it waits there for whoever has room first."""
        assert work.state in ("ready", "stopping", "abandoned"), "what was sent stays where it is"
        assert work.group, "it may be with its agent only"
        self.bind(work, "")
        if work.state == "ready":
            self._pile(work).appendleft(work.k)

    def wait_again(self, work: Work) -> None:
        """An unbound attempt that was in doubt waits for a member of its group again."""
        assert work.state == "ready" and not work.agent_id, "only what is with nobody waits"  # noqa: PT018
        self._pile(work).append(work.k)

    def _pile(self, work: Work) -> deque[bytes]:
        return self.groups.setdefault((work.group, work.kind in SLOT_KINDS), deque())

    def of_agent(self, agent_id: str) -> Iterator[Work]:
        """Go through the unsettled attempts of an agent (a copy: states may be changed meanwhile).

        Args:
            agent_id: "": those of groups that are with none of their members.
        """
        return iter(list(self._of.get(agent_id, {}).values()))


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
        group=row.group,
        encoding=str(unpack_spec(row.kind, row.spec).get("enc", "utf-8")) if row.spec else "utf-8",
    )
