"""The record of one attempt as the agent keeps it in memory, and what it can be rebuilt from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from jaz_lite.agent.orders import OWN_LIMITS
from jaz_lite.wire.happenings import AgentState, InventoryItem

OPEN: frozenset[AgentState] = frozenset(("accepted", "starting", "running"))
STOP_CLAIM = "!stop"


class Moment(NamedTuple):
    """Now, on both clocks: monotonic seconds, wall-clock milliseconds UTC."""

    mono: float
    wall_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputFacts:
    """What a job left in its output files: bytes kept of each stream, their heads, whether anything was cut off."""

    out: int = 0
    err: int = 0
    out_head: bytes = b""
    err_head: bytes = b""
    truncated: bool = False


@dataclass(slots=True)
class Attempt:
    """One attempt. `spec` is there while it is open; `ready`: its work order is known and it may be started.

    withdrawn: the keeper was, or has to be, asked to see that it never starts; then the reason for the event.
    suspect: the log was begun anew over it: it starts no more unless the keeper knows it.
    kill: asked for while the process was being started: signal, grace in seconds, reason.
    awaits_boot: the command of a reboot has ended well. rebooted: the machine was booted after this was accepted.
    """

    k: bytes
    occ: str = ""
    path: str = ""
    att: int = 1
    run: int = 0
    kind: str = ""
    digest: bytes = bytes(32)
    state: AgentState = "accepted"
    eseq: int = 0
    spec: Mapping[str, Any] | None = None
    apart: bool = False  # its spec is in a file of its own
    suspect: bool = False
    has_text: bool = False  # its job text was written to a file
    exit_code: int | None = None
    start_by_ms: int = 0  # known after a restart only; 0: none
    accepted_ms: int = 0
    started_ms: int = 0
    withdrawn: str = ""
    kill: tuple[str, str, float, str] | None = None  # how, signal, grace, why
    ended_ms: int = 0
    awaits_boot: bool = False
    rebooted: bool = False

    @property
    def claim(self) -> str:
        """The name of its claim at the keeper."""
        return self.k.hex()

    @property
    def is_own(self) -> bool:
        """Whether the agent's own process does it: no keeper knows of it, and it takes no slot."""
        return self.kind in OWN_LIMITS

    @property
    def is_open(self) -> bool:
        """Whether its end is still to come."""
        return self.state in OPEN

    def item(self) -> InventoryItem:
        """Return its line of the inventory."""
        return InventoryItem(self.k, self.state, self.eseq, self.digest[:8], self.occ, self.path, self.att, self.run)
