"""Events: what happened. They may come late or twice; then nothing changes.

`node` is the number of the icon in the run's plan. `key` is the natural key of an attempt: an event about an attempt
that is not the icon's present one changes nothing.
"""

from dataclasses import dataclass
from typing import Literal

from jaz_lite.model.run import DoubtReason, WorkResult

Verdict = Literal["ended", "failed", "rerun", "abandon"]


class Event:
    """The family of all events."""

    __slots__ = ()


# ---- the run


@dataclass(frozen=True, slots=True)
class Started(Event):
    """The time of the run has come.

    `others`: another run of the same jobnet is running now. `superseded`: a later time of the same schedule and
    jobnet is due as well. `crowded`: so many starts were missed that this one does not stand as an error.
    `told`: an agent says that an earlier active started it.
    """

    others: bool = False
    superseded: bool = False
    crowded: bool = False
    told: bool = False


# ---- work on agents


@dataclass(frozen=True, slots=True)
class WorkStarted(Event):
    """The process of an attempt runs."""

    node: int
    key: bytes
    at_ms: int


@dataclass(frozen=True, slots=True)
class WorkEnded(Event):
    """The process of an attempt ended."""

    node: int
    key: bytes
    result: WorkResult


@dataclass(frozen=True, slots=True)
class WorkFailed(Event):
    """The attempt was never started, and never will be: no such host, user, folder, interpreter."""

    node: int
    key: bytes
    why: str
    message: str


@dataclass(frozen=True, slots=True)
class WorkPlaced(Event):
    """The attempt of a group host was given to a member of it, or (host is the group) waits for one."""

    node: int
    key: bytes
    host: str
    group: str


@dataclass(frozen=True, slots=True)
class WorkCancelled(Event):
    """The attempt was withdrawn before it started."""

    node: int
    key: bytes
    why: str  # "server" (we asked), "expired", "elsewhere" (an earlier active did)


@dataclass(frozen=True, slots=True)
class WorkDoubted(Event):
    """The fate of the attempt is not known: it is held until late evidence or a person decides."""

    node: int
    key: bytes
    reason: DoubtReason
    message: str


@dataclass(frozen=True, slots=True)
class WorkFound(Event):
    """The attempt is known again: its agent has it, or will be given it. A doubt that evidence can end is over."""

    node: int
    key: bytes


@dataclass(frozen=True, slots=True)
class WorkTimedOut(Event):
    """The attempt ran over its time; what the agent does about it was decided in the work order."""

    node: int
    key: bytes
    action: str  # warn, kill, stop


# ---- answers to actions that ask


@dataclass(frozen=True, slots=True)
class Answered(Event):
    """The answer to `StartRun`, `ReleaseIcon` or `AskCalendar` of an icon.

    `doubt`: why it is not known; a person decides.
    """

    node: int
    visit: int
    ok: bool
    value: str = ""
    message: str = ""
    doubt: DoubtReason | None = None


@dataclass(frozen=True, slots=True)
class TimerFired(Event):
    """A timer set by `SetTimer` is due. `node` is None for the run's own timers."""

    node: int | None
    name: str
    due_ms: int


# ---- what people ask. `Advance.refusal` says why nothing could be done.


@dataclass(frozen=True, slots=True)
class Operation(Event):
    """The family of what a person asks of a run; `by` is the person."""

    by: str


@dataclass(frozen=True, slots=True)
class HoldIcon(Operation):
    node: int


@dataclass(frozen=True, slots=True)
class ReleaseHold(Operation):
    node: int


@dataclass(frozen=True, slots=True)
class SkipIcon(Operation):
    node: int


@dataclass(frozen=True, slots=True)
class UnskipIcon(Operation):
    node: int


@dataclass(frozen=True, slots=True)
class StopIcon(Operation):
    node: int


@dataclass(frozen=True, slots=True)
class RerunIcon(Operation):
    node: int


@dataclass(frozen=True, slots=True)
class SetVariable(Operation):
    node: int
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class DecideIcon(Operation):
    """Ends a doubt: as ended normally, as failed, run again, or abandoned (the icon fails, the fate is followed)."""

    node: int
    verdict: Verdict
    exit_code: int | None = None


@dataclass(frozen=True, slots=True)
class StopRun(Operation):
    """Ends the whole run; `by` may be a timeout."""


@dataclass(frozen=True, slots=True)
class MoveRun(Operation):
    """Changes the scheduled time of a run that has not started."""

    scheduled_ms: int


@dataclass(frozen=True, slots=True)
class HoldRun(Operation):
    """Keeps a planned run from starting, whatever the time, until it is released."""


@dataclass(frozen=True, slots=True)
class ReleaseRun(Operation):
    """Lets a held planned run start at its time; at once if that is over."""


@dataclass(frozen=True, slots=True)
class DeleteRun(Operation):
    """Takes back a run that has not started; its record stays."""


@dataclass(frozen=True, slots=True)
class RerunRun(Operation):
    """Starts a run now whose time was missed, whatever other runs of the jobnet do."""
