"""A run while it is being changed.

`Run` is a value; making a new one for every small change would cost more than the change. A `Draft` holds what one
batch of events changes as mutable copies and makes the new values once, at the end. It touches only what changes: the
icons and frames it was asked to edit, and the counts of their frames.

The counts say, for each frame, how many icons are ready, active, failed and done, and how many END icons have ended.
They are kept beside the run (`Run.tally`) so that no event has to look at all icons of a jobnet.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from heapq import heappop, heappush
from typing import Any

from jaz_lite.engine.variables import current_time, instant_ms
from jaz_lite.icons import REGISTRY
from jaz_lite.icons._promise import IconType
from jaz_lite.model.action import Action
from jaz_lite.model.fact import Fact, Severity
from jaz_lite.model.run import (
    EMPTY,
    RUN_OVER,
    Doubt,
    FrameRun,
    IconRun,
    IconState,
    JobStatus,
    LoadStatus,
    Method,
    Node,
    Run,
    RunState,
)

READY, ACTIVE, FAILED, DONE, ENDS = range(5)
_NONE = (0, 0, 0, 0, 0)
_BUCKET: Mapping[IconState, int | None] = {
    "waiting": None,
    "ready": READY,
    "running": ACTIVE,
    "stopping": ACTIVE,
    "run_error": FAILED,  # DONE where the flow went on
    "ended": DONE,
    "end_error": None,
}


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts over the icons of a run."""

    frames: tuple[tuple[int, ...], ...]  # READY, ACTIVE, FAILED, DONE, ENDS of each frame
    work: int  # active icons that are no sub-jobnets
    timed_out: int  # icons that ran over their time


def tally_of(run: Run) -> Tally:
    """Count the icons of a run, all of them."""
    frames: list[tuple[int, ...]] = [_NONE] * len(run.plan.frames)
    work = timed_out = 0
    for node, icon in zip(run.plan.nodes, run.icons, strict=True):
        bucket = DONE if icon.continued else _BUCKET[icon.state]
        timed_out += icon.timed_out
        if bucket is None:
            continue
        counts = list(frames[node.frame])
        counts[bucket] += 1
        counts[ENDS] += node.icon.type == "end" and icon.state == "ended"
        work += bucket == ACTIVE and node.child is None
        frames[node.frame] = tuple(counts)
    return Tally(tuple(frames), work, timed_out)


class IconDraft:
    """A mutable `IconRun`. `state` and `continued` are changed by `Draft.move` only: it keeps the counts."""

    __slots__ = (
        "arrivals",
        "attempt",
        "before",
        "continued",
        "doubt",
        "ended_ms",
        "exit_code",
        "memo",
        "message",
        "method",
        "results",
        "started_ms",
        "state",
        "timed_out",
        "visit",
        "work",
    )

    def __init__(self, icon: IconRun) -> None:
        self.state: IconState = icon.state
        self.method: Method = icon.method
        self.visit = icon.visit
        self.attempt = icon.attempt
        self.arrivals = icon.arrivals
        self.before: Mapping[str, str] = icon.before
        self.results: Mapping[str, str] = icon.results
        self.work = icon.work
        self.memo: Mapping[str, Any] = icon.memo
        self.started_ms = icon.started_ms
        self.ended_ms = icon.ended_ms
        self.exit_code = icon.exit_code
        self.message = icon.message
        self.continued = icon.continued
        self.timed_out = icon.timed_out
        self.doubt: Doubt | None = icon.doubt

    def frozen(self) -> IconRun:
        return IconRun(
            state=self.state,
            method=self.method,
            visit=self.visit,
            attempt=self.attempt,
            arrivals=self.arrivals,
            before=self.before,
            results=self.results,
            work=self.work,
            memo=self.memo,
            started_ms=self.started_ms,
            ended_ms=self.ended_ms,
            exit_code=self.exit_code,
            message=self.message,
            continued=self.continued,
            timed_out=self.timed_out,
            doubt=self.doubt,
        )

    def forget(self) -> None:
        """Clear what belongs to one visit; what a person set for the icon's own variables stays."""
        self.attempt = 0
        self.results = EMPTY
        self.work = None
        self.memo = {"set": self.memo["set"]} if "set" in self.memo else EMPTY
        self.started_ms = self.ended_ms = self.exit_code = None
        self.message = ""
        self.doubt = None
        if self.method == "stop":
            self.method = "normal"


class Draft:
    """A run while a batch of events changes it."""

    def __init__(self, run: Run, now: datetime) -> None:
        self.run = run
        self.plan = run.plan
        self.nodes = run.plan.nodes
        self.now = now
        self.now_ms = instant_ms(now)
        self.current_time = current_time(now)
        self.test = run.origin == "test"
        # Of the run itself.
        self.state: RunState = run.state
        self.job_status: JobStatus = run.job_status
        self.load_status: LoadStatus = run.load_status
        self.scheduled_ms = run.scheduled_ms
        self.boot = run.boot
        self.late = run.late
        self.started_ms = run.started_ms
        self.ended_ms = run.ended_ms
        self.exit_code = run.exit_code
        self.stopping = run.stopping
        self.timed_out = run.timed_out
        self.message = run.message
        # What was ordered and told.
        self.actions: list[Action] = []
        self.facts: list[Fact] = []
        # What is still to be done for the present event.
        self.queue: deque[int] = deque()  # ready icons that shall begin
        self.broken: str | None = None  # the flow is impossible: why
        self.broken_at: int | None = None  # the icon that found out
        self._unsettled: list[int] = []  # frames whose icons changed, as a heap of negative numbers
        self._is_unsettled: set[int] = set()
        # What has changed.
        self.icons: dict[int, IconDraft] = {}
        self.frames: dict[int, FrameRun] = {}
        self._counts: dict[int, list[int]] = {}
        tally: Tally = run.tally if isinstance(run.tally, Tally) else tally_of(run)
        self._tally = tally
        self.work = tally.work
        self._overdue = tally.timed_out

    # ---- looking

    @property
    def began_in_replay(self) -> bool:
        """Whether an earlier active may have started the run before it started here."""
        since_ms = self.run.replayed_since_ms
        return since_ms is not None and self.started_ms is not None and self.started_ms >= since_ms

    @property
    def own_start_ms(self) -> int | None:
        """When the run started, as its icons see it: for one that is replayed from its start, its own time."""
        return self.scheduled_ms if self.began_in_replay and self.scheduled_ms is not None else self.started_ms

    @property
    def is_over(self) -> bool:
        return self.state in RUN_OVER

    @property
    def any_timed_out(self) -> bool:
        return self._overdue > 0

    def type_of(self, node: Node) -> IconType:
        return REGISTRY[node.icon.type]

    def peek(self, number: int) -> IconDraft | IconRun:
        """Return an icon for reading."""
        return self.icons.get(number) or self.run.icons[number]

    def frame(self, number: int) -> FrameRun:
        return self.frames.get(number) or self.run.frames[number]

    def counts(self, frame: int) -> list[int]:
        """Return READY, ACTIVE, FAILED, DONE, ENDS of a frame; to be changed by `move` only."""
        found = self._counts.get(frame)
        if found is None:
            found = self._counts[frame] = list(self._tally.frames[frame])
        return found

    # ---- changing

    def edit(self, number: int) -> IconDraft:
        """Return an icon for changing."""
        found = self.icons.get(number)
        if found is None:
            found = self.icons[number] = IconDraft(self.run.icons[number])
        return found

    def move(self, number: int, icon: IconDraft, state: IconState, *, continued: bool = False) -> None:
        """Bring an icon into a state, and its frame's counts with it."""
        node = self.nodes[number]
        counts = self.counts(node.frame)
        old = DONE if icon.continued else _BUCKET[icon.state]
        new = DONE if continued else _BUCKET[state]
        if old is not None:
            counts[old] -= 1
        if new is not None:
            counts[new] += 1
        if node.child is None:
            self.work += (new == ACTIVE) - (old == ACTIVE)
            if node.icon.type == "end":
                counts[ENDS] += (state == "ended") - (icon.state == "ended")
        icon.state = state
        icon.continued = continued
        self.unsettle(node.frame)

    def mark_timed_out(self, icon: IconDraft, timed_out: bool) -> None:
        self._overdue += timed_out - icon.timed_out
        icon.timed_out = timed_out

    def set_frame(self, number: int, frame: FrameRun) -> None:
        self.frames[number] = frame

    def unsettle(self, frame: int) -> None:
        """Have a frame looked at once nothing more begins."""
        if frame not in self._is_unsettled:
            self._is_unsettled.add(frame)
            heappush(self._unsettled, -frame)

    def next_unsettled(self) -> int | None:
        """Return the innermost frame to be looked at, or None."""
        if not self._unsettled:
            return None
        frame = -heappop(self._unsettled)
        self._is_unsettled.discard(frame)
        return frame

    def break_off(self, message: str, at: int | None = None) -> None:
        """Note that the flow of the run is impossible; the first reason counts."""
        if self.broken is None:
            self.broken, self.broken_at = message, at

    def drop_pending(self) -> None:
        """Forget what was still to be done for the present event."""
        self.queue.clear()
        self._unsettled.clear()
        self._is_unsettled.clear()

    # ---- ordering and telling

    def order(self, actions: Iterable[Action]) -> None:
        self.actions.extend(actions)

    def tell(
        self, kind: str, *, severity: Severity = "info", node: int | None = None, jaz_code: str = "", **data: Any
    ) -> None:
        self.facts.append(Fact(kind=kind, severity=severity, node=node, jaz_code=jaz_code, data=data))

    # ---- done

    def frozen(self) -> Run:
        """Return the run as changed; the very same one where nothing was."""
        run = self.run
        icons, frames = run.icons, run.frames
        tally = self._tally
        if self.icons:
            every = list(icons)
            for number, icon in self.icons.items():
                every[number] = icon.frozen()
            icons = tuple(every)
        if self.frames:
            every_frame = list(frames)
            for number, frame in self.frames.items():
                every_frame[number] = frame
            frames = tuple(every_frame)
        if self._counts:
            counts = list(tally.frames)
            for number, count in self._counts.items():
                counts[number] = tuple(count)
            tally = Tally(tuple(counts), self.work, self._overdue)
        elif self._overdue != tally.timed_out:
            tally = replace(tally, timed_out=self._overdue)
        head = {
            name: value
            for name in _HEAD
            if (value := getattr(self, name)) is not (old := getattr(run, name)) and value != old
        }
        if icons is run.icons and frames is run.frames and not head:
            # Knowing the counts is no change of the run: they are worked out again where they are missing.
            return run
        return replace(run, **head, icons=icons, frames=frames, tally=tally)


_HEAD = (
    "state",
    "job_status",
    "load_status",
    "scheduled_ms",
    "boot",
    "late",
    "started_ms",
    "ended_ms",
    "exit_code",
    "stopping",
    "timed_out",
    "message",
)
