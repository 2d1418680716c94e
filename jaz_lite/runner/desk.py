"""The desk of one agent: its link, its limits, what is with it and what waits for it."""

from collections import deque
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING

from jaz_lite.runner.port import Port
from jaz_lite.store.host_locks import HostLock

if TYPE_CHECKING:
    from jaz_lite.runner.inputs import AgentIdentified

SLOTS_DEFAULT = 64  # jobs in parallel on one agent until it says otherwise
QUEUE_AHEAD_MAX = 64  # work orders that wait on the agent beyond its slots: they hide the cost of durability
COPY_KIND = "fput"  # a file copy, on its target
SLOT_KINDS = frozenset(("cmd", "test"))  # work that takes a slot on the agent; all else its own process does


@dataclass(slots=True)
class Desk:
    """What is with one agent and what waits for it."""

    agent_id: str
    port: Port | None = None
    slots_said: int = SLOTS_DEFAULT  # as the agent said at its last contact
    queue_said: int | None = None
    par_max: int | None = None  # as the server limits it
    queue_max: int | None = None
    paused: bool = False  # it refused work a moment ago
    refusal: str = ""  # what it said then; until it takes work again
    draining: bool = False  # an administrator wants it to take no new work
    revoked: bool = False  # it was refused for good; perhaps enrolled anew since
    at_agent: set[bytes] = field(default_factory=set)  # takes a slot there
    beside: set[bytes] = field(default_factory=set)  # is there, and takes none
    # What waits here, by whether it takes a slot. Made when something waits: a server has a thousand idle desks.
    piles: dict[bool, deque[bytes]] = field(default_factory=dict)
    boot: bytes = b""
    lock: HostLock | None = None  # a reboot is with the agent
    strict: bool = False  # after a boot it proves nothing by having no record (rollback_guard)
    leaving: int = 0  # work orders of this turn: they go into the link after the commit
    newcomer: "AgentIdentified | None" = None  # says to be this agent, too, and waits for its welcome
    encoding: str = ""  # of the output of its jobs
    since_ms: int | None = None  # wall clock: it came, or went
    heard_at: float = -inf  # on the clock of the links: last over the session before
    dial_at: str = ""  # where it can be dialled, as its last connection showed
    confirmed_term: int = 0  # in which it proved itself last

    @property
    def connected(self) -> bool:
        """Tell whether the agent is there and has told all it knows."""
        return self.port is not None and self.port.synced

    @property
    def synced(self) -> bool:
        """Tell whether the agent may be given work now."""
        return self.connected and not self.paused and not self.draining and self.lock is None

    @property
    def slots(self) -> int:
        """How many jobs the agent runs at once: what it says, and not more than the server's limit."""
        return self.slots_said if self.par_max is None else min(self.slots_said, self.par_max)

    @property
    def free(self) -> int:
        """How many slots nothing lies in."""
        return max(0, self.slots - len(self.at_agent))

    @property
    def has_room(self) -> bool:
        """Tell whether one more work order may be on its way."""
        ahead = min(self.slots, QUEUE_AHEAD_MAX)
        for limit in (self.queue_said, self.queue_max):
            ahead = ahead if limit is None else min(ahead, limit)
        return self.synced and len(self.at_agent) < self.slots + ahead

    @property
    def link_has_room(self) -> bool:
        """Tell whether the session takes one more work order before the agent has answered some."""
        return self.port is not None and self.port.link.dispatch_room > self.leaving

    def has_room_for(self, kind: str) -> bool:
        """Tell whether one more work order of a kind may be on its way."""
        return self.link_has_room and (self.has_room if kind in SLOT_KINDS else self.synced)

    def pile_of(self, kind: str) -> deque[bytes]:
        """Return where work of a kind waits."""
        return self.piles.setdefault(kind in SLOT_KINDS, deque())

    @property
    def waiting(self) -> int:
        """How many work orders wait here."""
        return sum(map(len, self.piles.values()))

    def waits(self, kind: str) -> bool:
        """Tell whether work of this sort waits here."""
        return bool(self.piles.get(kind in SLOT_KINDS))

    def place_of(self, kind: str) -> set[bytes]:
        """Return where work of a kind lies that is with the agent."""
        return self.at_agent if kind in SLOT_KINDS else self.beside

    def clear(self) -> None:
        """Forget all work: it is read again from the store."""
        for pile in (self.at_agent, self.beside, self.piles):
            pile.clear()
        self.leaving = 0  # the turn that meant to send them was undone
        self.paused = False  # the turn that would have ended the pause may be the one that failed
