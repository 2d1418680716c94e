"""A run: one execution of a jobnet with all its sub-jobnets, as one tree held in flat tuples.

`Plan` is what was planned and never changes: nodes (icons) and frames (the jobnet itself and each sub-jobnet),
numbered in the order parents first, so that the same definitions always give the same numbers. A run is stored as the
document ids it was planned from plus the rows of what has changed; loading it plans it again.

`Run`, `FrameRun` and `IconRun` are values: a change makes a new one. An icon that was never touched is `UNTOUCHED`.
Times are integer milliseconds since the epoch, UTC.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Literal, get_args

from jaz_lite.model.jobnet import FlowKind, Icon, Jobnet
from jaz_lite.model.schedule import LateStart

IconState = Literal["waiting", "ready", "running", "ended", "run_error", "end_error", "stopping"]
RunState = Literal["waiting", "ready", "running", "ended", "run_error", "end_error"]
Method = Literal["normal", "hold", "skip", "stop", "rerun"]
JobStatus = Literal["normal", "timeout", "error"]
LoadStatus = Literal["normal", "load_error", "delayed", "skipped"]
Held = Literal["no", "held", "released"]
Origin = Literal["schedule", "manual", "hold", "test", "command", "task", "single"]

ICON_STATES: tuple[IconState, ...] = ("waiting", "ready", "running", "ended", "run_error", "end_error", "stopping")
RUN_STATES: tuple[RunState, ...] = ("waiting", "ready", "running", "ended", "run_error", "end_error")
RUN_OVER: frozenset[str] = frozenset(("ended", "end_error"))

EMPTY: Mapping[str, Any] = MappingProxyType({})


# ---- the plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One icon inside the plan of a run."""

    number: int
    frame: int  # number of the frame the icon is in
    icon: Icon
    params: Any  # the icon type's Params
    arrivals_needed: int  # number of incoming flows
    targets: tuple[tuple[int, FlowKind], ...]  # node number and kind of each outgoing flow
    child: int | None = None  # number of the frame that a sub-jobnet icon opens


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A jobnet inside the plan: number 0 is the run's own, the others are sub-jobnets."""

    number: int
    jobnet: Jobnet
    doc_id: int  # the stored document it was planned from; 0 where there is none
    parent: int | None  # the node that opens it
    first: int  # its nodes are first .. last-1
    last: int
    start: int | None = None  # its one START; None where it has none or several, or no END


@dataclass(frozen=True, slots=True, kw_only=True, weakref_slot=True)
class Plan:
    """All that was decided when the run was created."""

    nodes: tuple[Node, ...]
    frames: tuple[Frame, ...]

    def path(self, number: int) -> str:
        """Return the plain path of a node, for people: `/JOBNET-1/JOB-1`."""
        parts: list[str] = []
        step: int | None = number
        while step is not None:
            node = self.nodes[step]
            parts.append(node.icon.icon_id)
            step = self.frames[node.frame].parent
        return "/" + "/".join(reversed(parts))

    def find(self, path: str) -> int | None:
        """Return the number of the node at a plain path (a leading slash may be missing), or None."""
        frame = self.frames[0]
        parts = [part for part in path.split("/") if part]
        found: int | None = None
        for depth, part in enumerate(parts):
            found = next((n for n in range(frame.first, frame.last) if self.nodes[n].icon.icon_id == part), None)
            if found is None:
                return None
            child = self.nodes[found].child
            if depth < len(parts) - 1:
                if child is None:
                    return None
                frame = self.frames[child]
        return found


# ---- the state


DoubtReason = Literal[
    "lost",  # it had started, and its agent lost it
    "setback",  # the records of its agent were lost or set back
    "gap",  # its agent keeps its records no more
    "too_old",  # the copy is older than what agents remember
    "boot",  # the machine may have been set back when it was booted
    "agent_forgot",  # its agent had accepted it and knows nothing of it
    "revoked",  # its agent was revoked
    "cancelled_elsewhere",  # an earlier active withdrew it
    "differs",  # what was executed is not what the definition says
    "foreign",  # another agent than the one it is meant for executed it
    "no_witness",  # it works without an agent, and an earlier active may have done it
    "time",  # its answer depends on when it was asked, and an earlier active may have asked before
    "unheard",  # its agent, or a member of its group that may have it, was not heard of since the takeover
]
DOUBT_REASONS: tuple[DoubtReason, ...] = get_args(DoubtReason)
# No evidence ends these doubts, only a person.
FOR_PEOPLE: frozenset[str] = frozenset(("differs", "foreign", "no_witness", "time"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """Why the fate of an attempt is not known. Whatever is held for a decision has one."""

    reason: DoubtReason
    since_ms: int
    message: str = ""

    def __post_init__(self) -> None:
        assert self.reason in DOUBT_REASONS, f"{self.reason} is no reason of the list"


@dataclass(frozen=True, slots=True, kw_only=True)
class IconRun:
    """The state of one icon inside a run."""

    state: IconState = "waiting"
    method: Method = "normal"
    visit: int = 0  # "pass": how often it was entered within the enclosing visit; 0 = never
    attempt: int = 0  # within the visit; 1 first, +1 per retry or rerun
    arrivals: int = 0  # incoming flows since the last reset
    before: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    results: Mapping[str, str] = field(
        default_factory=lambda: EMPTY
    )  # what the icon set; its after-set is before with these over it
    work: bytes | None = None  # natural key of the attempt whose fate is not settled
    memo: Mapping[str, Any] = field(
        default_factory=lambda: EMPTY
    )  # the icon type's own, from begin to resume; plain values only
    started_ms: int | None = None
    ended_ms: int | None = None
    exit_code: int | None = None
    message: str = ""
    continued: bool = False  # in error, but the flow went on
    timed_out: bool = False
    doubt: Doubt | None = None


UNTOUCHED = IconRun()


@lru_cache(maxsize=256)
def untouched(count: int) -> tuple[IconRun, ...]:
    """Return so many icons that were never touched; runs that wait for their time have the same tuple."""
    return (UNTOUCHED,) * count


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameRun:
    """The state of one jobnet or sub-jobnet inside a run."""

    state: RunState = "waiting"
    visit: int = 0  # how often it was entered within the enclosing visit of its icon
    started_ms: int | None = None
    ended_ms: int | None = None


UNOPENED = FrameRun()


@dataclass(frozen=True, slots=True, kw_only=True)
class Boot:
    """What was planned for the start of a run. Its time itself is `Run.scheduled_ms`, which an operator may move."""

    schedule_id: str = ""  # "": a person asked for this time
    nominal_ms: int  # as first planned; a move does not change it
    late_start: LateStart = "error"  # what becomes of it when its time was missed by more than the grace
    grace_min: int = 0
    deadline_ms: int | None = None  # it should have ended by then
    held: Held = "no"  # released: it was held, and its time is no matter any more
    deadline_missed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One execution of a jobnet."""

    run_id: int  # frame n has the management id run_id + n
    occ: str  # names the occurrence in natural keys: M:<run_id>, T:<hex>, S:...
    site_uid: bytes
    origin: Origin
    plan: Plan
    state: RunState = "waiting"
    job_status: JobStatus = "normal"
    load_status: LoadStatus = "normal"
    user: str = ""  # who started it
    scheduled_ms: int | None = None
    boot: Boot | None = None  # of a planned run
    created_ms: int = 0
    started_ms: int | None = None
    ended_ms: int | None = None
    exit_code: int | None = None
    late: bool = False  # it started, or is to start, after its minute
    stopping: bool = False  # a person, a timeout or a structural error ends the whole run
    timed_out: bool = False
    message: str = ""  # why it ended abnormally or could not be loaded
    replayed_since_ms: int | None = None  # what an earlier active did of it, it did since then; None: none had it
    faulted: str = ""  # traceback of our own fault; such a run is left alone
    start_variables: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    frames: tuple[FrameRun, ...] = ()
    icons: tuple[IconRun, ...] = ()
    # The engine's counts over the icons. Worked out from them where it is None; never stored, never compared.
    tally: Any = field(default=None, compare=False, repr=False)

    @property
    def jobnet(self) -> Jobnet:
        return self.plan.frames[0].jobnet

    @property
    def start_missed(self) -> bool:
        """Tell whether it stands as a delayed-start error: its time passed, and it was not started."""
        return self.state == "run_error" and self.load_status == "delayed"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkResult:
    """How a process on an agent ended."""

    exit_code: int | None  # None when a signal ended it
    signal: int | None = None
    std_out: str = ""  # the head, decoded; at most 64,000 bytes of UTF-8
    std_err: str = ""
    killed: str = ""  # "", "kill", "timeout": who asked the agent to end it
    cut: tuple[str, ...] = ()  # STD_OUT, STD_ERR: of which only the beginning is here
    truncated: bool = False  # output went over the cap
    started_ms: int | None = None
    ended_ms: int | None = None
    extra: Mapping[str, Any] = field(default_factory=lambda: EMPTY)
