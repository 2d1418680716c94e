"""The heart: a run and an event give a new run, what to do, and what to tell.

    event                       changes a run when
    Started                     it waits and its time has come; `boot` judges lateness and other runs
    WorkStarted .. WorkTimedOut the key is that of the icon's present attempt
    Answered, TimerFired        the icon waits for this very answer, this very time
    operations of people        the state allows it; otherwise `refusal` says why not

Anything else — late, doubled, impossible — changes nothing and gives back the very same run. Nothing is raised for
anything that may come from outside.

One event is worked through in two alternating stages: ready icons begin, in the order in which they became ready,
until none is left; then the innermost jobnet whose icons changed is looked at (`settle`), which may make icons ready
again. A jobnet is thus never judged in the middle of a step. A loop without waiting icons would never let go: after a
number of steps the run takes a breath and goes on by a timer.

Pure: the draft is a copy, the run that came in is never changed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from jaz_lite.engine import boot, limits
from jaz_lite.engine.control import operate, stop_run
from jaz_lite.engine.draft import Draft
from jaz_lite.engine.settle import OPEN, end_broken, end_stopped, settle
from jaz_lite.engine.steps import RETRY, RETRY_DUE, begin, give_up, resume, retry_due_ms
from jaz_lite.model.action import Action, SetTimer
from jaz_lite.model.event import (
    Answered,
    Event,
    Operation,
    Started,
    TimerFired,
    WorkCancelled,
    WorkDoubted,
    WorkEnded,
    WorkFailed,
    WorkFound,
    WorkPlaced,
    WorkStarted,
    WorkTimedOut,
)
from jaz_lite.model.fact import Fact
from jaz_lite.model.run import FOR_PEOPLE, Doubt, DoubtReason, Run

GO_ON = "go_on"  # a timer of the run itself; `boot` has the others
_WorkEvent = WorkPlaced | WorkStarted | WorkFound | WorkEnded | WorkFailed | WorkCancelled | WorkDoubted | WorkTimedOut


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    """What one event, or a batch of them, made of a run.

    `changed` and `changed_frames` are the numbers of the icons and frames that are to be saved. `refusals` maps the
    place of an event in the batch to the sentence that says why it was refused; `refusal` is the first of them.
    """

    run: Run
    actions: tuple[Action, ...] = ()
    facts: tuple[Fact, ...] = ()
    refusal: str | None = None
    refusals: Mapping[int, str] = field(default_factory=dict)
    changed: frozenset[int] = frozenset()
    changed_frames: frozenset[int] = frozenset()


def advance(run: Run, event: Event, now: datetime) -> Advance:
    """Return what an event makes of a run.

    Args:
        now: the time of the event, aware, in the site's zone.
    """
    return advance_all(run, (event,), now)


def advance_all(run: Run, events: Iterable[Event], now: datetime) -> Advance:
    """Return what several events, one after the other, make of a run.

    Notes:
        The same as `advance` for each in turn, but the new run is made once.
    """
    draft = Draft(run, now)
    refusals: dict[int, str] = {}
    for place, event in enumerate(events):
        refusal = _take(draft, event)
        if refusal is not None:
            refusals[place] = refusal
    return Advance(
        run=draft.frozen(),
        actions=tuple(draft.actions),
        facts=tuple(draft.facts),
        refusal=next(iter(refusals.values()), None),
        refusals=refusals,
        changed=frozenset(draft.icons),
        changed_frames=frozenset(draft.frames),
    )


def _take(draft: Draft, event: Event) -> str | None:
    refusal: str | None = None
    if isinstance(event, Operation):
        refusal = operate(draft, event)
    elif draft.is_over:
        return None
    elif isinstance(event, _WorkEvent):
        _work(draft, event)
    elif isinstance(event, Answered):
        _answered(draft, event)
    elif isinstance(event, TimerFired):
        _timer(draft, event)
    elif isinstance(event, Started):
        boot.start(draft, event)
    if refusal is None and not draft.is_over:
        _work_through(draft)
    return refusal


def _work_through(draft: Draft) -> None:
    """Begin what is ready and judge what has changed, until nothing is left to do for the present event."""
    steps_left = max(limits.STEPS_MIN, 2 * len(draft.nodes))
    while draft.broken is None:
        if draft.queue and steps_left:
            steps_left -= 1
            begin(draft, draft.queue.popleft())
        elif draft.queue:
            draft.drop_pending()
            draft.order((SetTimer(node=None, name=GO_ON, due_ms=draft.now_ms + limits.PAUSE_MS),))
            return
        elif (frame := draft.next_unsettled()) is not None:
            if not draft.stopping:
                settle(draft, frame)
        else:
            break
    if draft.broken is not None:
        end_broken(draft, draft.broken)
    elif draft.stopping and draft.work == 0:
        end_stopped(draft)


# ---- the run


def _timer(draft: Draft, event: TimerFired) -> None:
    if event.node is None and event.name == boot.DEADLINE:
        boot.deadline(draft, event)
        return
    if draft.state not in OPEN:
        return
    if event.node is not None:
        _icon_timer(draft, event, event.node)
    elif event.name == GO_ON and not draft.stopping:
        _go_on(draft)
    elif event.name == boot.TIMEOUT and not draft.timed_out and event.due_ms == boot.timeout_due_ms(draft):
        jobnet = draft.run.jobnet
        if jobnet.timeout_min <= 0:
            return
        draft.timed_out = True
        draft.tell("run_timed_out", severity="warning", jaz_code="JC00000008", timeout_min=jobnet.timeout_min)
        if jobnet.timeout_action == "stop" and not draft.stopping:
            stop_run(draft, "its time limit")


def _go_on(draft: Draft) -> None:
    """Take up again what was left when the run took a breath."""
    for number in range(len(draft.nodes)):
        icon = draft.peek(number)
        if icon.state == "ready" and icon.method != "hold" and retry_due_ms(icon) is None:
            draft.queue.append(number)
    for number in range(len(draft.plan.frames)):
        draft.unsettle(number)


# ---- one icon


def _icon_timer(draft: Draft, event: TimerFired, number: int) -> None:
    if not 0 <= number < len(draft.nodes):
        return
    seen = draft.peek(number)
    if event.name == RETRY:
        if seen.state == "ready" and retry_due_ms(seen) == event.due_ms and not draft.stopping:
            icon = draft.edit(number)
            icon.memo = {name: value for name, value in icon.memo.items() if name != RETRY_DUE}
            draft.queue.append(number)
    elif seen.state == "running" and seen.work is None:
        resume(draft, number, event)


def _answered(draft: Draft, event: Answered) -> None:
    if not 0 <= event.node < len(draft.nodes):
        return
    seen = draft.peek(event.node)
    if seen.state != "running" or seen.work is not None or seen.visit != event.visit or seen.doubt is not None:
        return
    if event.doubt is not None:
        _doubt(draft, event.node, event.doubt, event.message)
    else:
        resume(draft, event.node, event)


def _work(draft: Draft, event: _WorkEvent) -> None:
    if not 0 <= event.node < len(draft.nodes):
        return
    seen = draft.peek(event.node)
    if seen.work is None or seen.work != event.key or seen.state not in ("running", "stopping"):
        return
    if seen.doubt is not None and seen.doubt.reason in FOR_PEOPLE:
        return  # what becomes of it is known, or will be, and is no answer
    match event:
        case WorkPlaced(host=host, group=group):
            icon = draft.edit(event.node)
            icon.memo = {**icon.memo, "host": host, "group": group}
            if icon.doubt is not None and icon.doubt.reason == "unheard":
                icon.doubt = None
                draft.tell("icon_found", node=event.node, visit=icon.visit, attempt=icon.attempt)
        case WorkStarted() | WorkFound():
            if seen.doubt is not None:
                draft.edit(event.node).doubt = None
                draft.tell("icon_found", node=event.node, visit=seen.visit, attempt=seen.attempt)
        case WorkDoubted(reason=reason, message=message):
            _doubt(draft, event.node, reason, message)
        case WorkCancelled(why="elsewhere"):
            _doubt(draft, event.node, "cancelled_elsewhere", "cancelled by an earlier active server")
        case WorkEnded() | WorkFailed() | WorkCancelled() | WorkTimedOut():
            resume(draft, event.node, event)


def _doubt(draft: Draft, number: int, reason: DoubtReason, message: str) -> None:
    """Hold an icon whose fate is not known; in a run that is being stopped nobody waits for it."""
    seen = draft.peek(number)
    if draft.stopping:
        give_up(draft, number, f"abandoned because the run was stopped: {message or reason}")
        return
    if seen.doubt is not None and (seen.doubt.reason, seen.doubt.message) == (reason, message):
        return
    icon = draft.edit(number)
    since_ms = draft.now_ms if icon.doubt is None else icon.doubt.since_ms
    icon.doubt = Doubt(reason=reason, since_ms=since_ms, message=message)
    draft.tell("icon_doubted", severity="error", node=number, reason=reason, message=message, visit=icon.visit)
