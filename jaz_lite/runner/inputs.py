"""What can be handed to a turn, and how the one who handed it in learns the outcome.

An input is dealt with in the next turn, in one transaction with all others that have gathered. Its `Reply`, if it has
one, is answered after the commit of that transaction and never before.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jaz_lite.model.event import Event
from jaz_lite.model.run import EMPTY, Boot, Origin, Run
from jaz_lite.runner.port import Port
from jaz_lite.store.transaction import Transaction
from jaz_lite.wire.happenings import AgentEvents, ConfigTaken, Identified, InventoryItem, Output, RefusedWork, WorkState


class Reply:
    """The outcome of an input: filled in while the turn is applied, told once it is committed."""

    __slots__ = ("_told", "error", "value")

    def __init__(self, told: Callable[["Reply"], None]) -> None:
        self._told = told
        self.value: Any = None
        self.error: Exception | None = None

    def forget(self) -> None:
        """The turn that filled it in was undone; another one will fill it in."""
        self.value = self.error = None

    def tell(self) -> None:
        """Let the one who waits know. Only the release of a turn calls this."""
        self._told(self)


class Input:
    """The family of all inputs."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class RunEvent(Input):
    """An event for one run. `make` is for events that need a look at the run first; it may raise Refused."""

    run_id: int
    event: Event | None = None
    make: Callable[[Run], Event] | None = None
    reply: Reply | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun(Input):
    """A person, a command or a schedule wants a run."""

    jobnet_id: str
    version: str | None = None  # None: the enabled one
    origin: Origin = "manual"
    user: str = ""
    variables: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    icon_path: str = ""  # a single icon run: the icon to run
    scheduled_ms: int | None = None  # None: now; else `boot` says what is planned for its start
    boot: Boot | None = None
    reply: Reply | None = None


@dataclass(frozen=True, slots=True)
class Write(Input):
    """A change of definitions, hosts, settings: runs in the turn's transaction under a savepoint of its own."""

    work: Callable[[Transaction], Any]
    reply: Reply | None = None


# ---- from agents


@dataclass(frozen=True, slots=True)
class AgentIdentified(Input):
    """An agent has proved who it is and waits for its welcome."""

    port: Port
    happening: Identified


@dataclass(frozen=True, slots=True)
class AgentReports(Input):
    """Events of an agent, in order."""

    port: Port
    happening: AgentEvents


@dataclass(frozen=True, slots=True)
class AgentOutput(Input):
    """A piece of the output of a job."""

    port: Port
    happening: Output


@dataclass(frozen=True, slots=True)
class AgentInventory(Input):
    """A page of what the agent's records say of attempts."""

    port: Port
    items: Sequence[InventoryItem]


@dataclass(frozen=True, slots=True)
class AgentSynced(Input):
    """The agent has told all it knows; now both views are laid beside each other."""

    port: Port


@dataclass(frozen=True, slots=True)
class AgentRefused(Input):
    """The agent made no record of a dispatch: it is definitely not started."""

    port: Port
    happening: RefusedWork


@dataclass(frozen=True, slots=True)
class AgentState(Input):
    """The agent's answer to a dispatch it already knew."""

    port: Port
    happening: WorkState


@dataclass(frozen=True, slots=True)
class AgentGone(Input):
    """The link of an agent is closed. This changes its reachability and nothing else."""

    port: Port


@dataclass(frozen=True, slots=True)
class AgentTook(Input):
    """The agent has made a new key or the next certificate durable."""

    port: Port
    happening: ConfigTaken


@dataclass(frozen=True, slots=True)
class AgentRevoked(Input):
    """A person refuses an agent from now on. remove: it is forgotten, and the hosts that lead to it."""

    agent_id: str
    remove: bool = False
    reply: Reply | None = None


@dataclass(frozen=True, slots=True)
class AgentUnheard(Input):
    """An agent of a machine that may be gone for good has not been heard since the takeover."""

    agent_id: str


@dataclass(frozen=True, slots=True)
class AgentAlive(Input):
    """An agent's session that was asked whether it lives has answered."""

    port: Port


@dataclass(frozen=True, slots=True)
class NewcomerDue(Input):
    """The time is over in which the older session of an agent could answer; `port` is the newcomer's."""

    agent_id: str
    port: Port


@dataclass(frozen=True, slots=True)
class DeskResumed(Input):
    """The pause after an agent's refusal is over."""

    agent_id: str


@dataclass(frozen=True, slots=True)
class AgentChanged(Input):
    """What the store says of an agent was changed by a person."""

    agent_id: str
