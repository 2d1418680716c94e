"""What an agent's core and its site want done, in order: the shell and the simulator carry out the same values.

Effects are barriers: one is done before the next begins, and a crash may come between any two of them. After `Sync`
the shell may send every event that is durable; nothing else in the list says so.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jaz_lite.agent.records import SiteRecord, TermRecord
from jaz_lite.wire.happenings import AgentState, RefusalReason, Welcomed


@dataclass(frozen=True, slots=True)
class SaveSpec:
    """Keep a work order that is too long for an event, durably."""

    k: bytes
    spec: bytes


@dataclass(frozen=True, slots=True)
class Append:
    """Write these packed events to the agent log; not durable before the next `Sync`."""

    payloads: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Sync:
    """Make the agent log durable."""


@dataclass(frozen=True, slots=True)
class TellKeeper:
    """Send these messages to the job keeper, as one batch."""

    messages: tuple[list[Any], ...]


@dataclass(frozen=True, slots=True)
class SayState:
    """Answer a repeated dispatch or a query."""

    k: bytes
    st: AgentState
    exit_code: int | None = None
    conflict: bool = False
    why: str = ""


@dataclass(frozen=True, slots=True)
class SayRefused:
    """Answer a dispatch of which no record was made."""

    k: bytes
    why: RefusalReason
    msg: str


@dataclass(frozen=True, slots=True)
class SayInventory:
    """Send the inventory again."""


@dataclass(frozen=True, slots=True)
class DropSpec:
    """The work order kept apart is not needed any more."""

    k: bytes


@dataclass(frozen=True, slots=True)
class WriteTerm:
    """Make the accepted term durable, before any command of it is looked at."""

    record: TermRecord


@dataclass(frozen=True, slots=True)
class WriteSite:
    """Make a changed enrolment durable: a new key, or another certificate to pin."""

    record: SiteRecord


@dataclass(frozen=True, slots=True)
class SayTaken:
    """Tell the server that what it gave is durable: a key (its number), the next certificate (its hash)."""

    kid: int | None
    pin: bytes | None


@dataclass(frozen=True, slots=True)
class CheckLog:
    """Compare what the server knows of our log with the log."""

    welcome: Welcomed


@dataclass(frozen=True, slots=True)
class BeginLog:
    """Begin the log anew under the spool id of the server; all that is known is repeated in it."""

    spool: bytes
    why: str


@dataclass(frozen=True, slots=True)
class BeginOwn:
    """Begin work that the agent's own process does.

    again: it was accepted by an earlier process of the agent, which may have begun it.
    """

    k: bytes
    kind: str
    spec: Mapping[str, Any]
    again: bool


@dataclass(frozen=True, slots=True)
class EndOwn:
    """End such work soon; whoever does it answers. `why`: `kill`, `timeout` or `setback`."""

    k: bytes
    kind: str
    why: str


Effect = (
    SaveSpec | Append | Sync | TellKeeper | BeginOwn | EndOwn | SayState | SayRefused | SayInventory | DropSpec
    | WriteTerm | WriteSite | SayTaken | CheckLog | BeginLog
)  # fmt: skip
