"""How control passes from icon to icon, and into a sub-jobnet.

An icon is ready when all its incoming flows have arrived; a branch end and a loop at the first one. An icon that is
over and is reached again (a loop turned) starts afresh. Reaching an icon in any other state is impossible: the flow
is broken, and with it the run. In a test run, where a condition takes both its flows, nothing is passed twice.

Source: JAZ, icons.md 4.7 and 4.8; execution.md 5.1 and 6.1.
"""

from collections.abc import Mapping

from jaz_lite.engine.draft import Draft, IconDraft
from jaz_lite.engine.variables import at_jobnet_start, moment
from jaz_lite.model.jobnet import FlowKind
from jaz_lite.model.run import FrameRun


def flow(draft: Draft, number: int, icon: IconDraft, branch: FlowKind) -> None:
    """Pass control from an icon that is done along its flows of a kind."""
    node = draft.nodes[number]
    both = draft.test and node.icon.type == "condition"
    targets = [target for target, kind in node.targets if both or kind == branch]
    if not targets:
        draft.break_off(f"the icon {draft.plan.path(number)} has no flow to go on along", number)
        return
    after = {**icon.before, **icon.results} if icon.results else icon.before
    for target in targets:
        _arrive(draft, number, target, after)
        if draft.broken:
            return


def _arrive(draft: Draft, source: int, number: int, after: Mapping[str, str]) -> None:
    node = draft.nodes[number]
    seen = draft.peek(number)
    if seen.state != "waiting":
        if draft.test:
            return
        if not _may_be_passed_again(draft, number):
            what, where = draft.plan.path(source), draft.plan.path(number)
            draft.break_off(f"the flow from {what} reaches {where}, which is {seen.state}", source)
            return
    icon = draft.edit(number)
    if icon.state != "waiting":
        draft.move(number, icon, "waiting")
        icon.arrivals = 0
    icon.before = {**icon.before, **after} if icon.before else after
    icon.arrivals += 1
    if icon.arrivals >= node.arrivals_needed or draft.type_of(node).traits.ready_at == "first":
        make_ready(draft, number, icon)


def _may_be_passed_again(draft: Draft, number: int) -> bool:
    node = draft.nodes[number]
    if draft.peek(number).state not in ("ended", "run_error") or node.icon.type == "end":
        return False
    # A sub-jobnet in error is not over: its icons may still work.
    return node.child is None or draft.peek(number).state == "ended"


def make_ready(draft: Draft, number: int, icon: IconDraft) -> None:
    """Begin a new visit of an icon; it waits in the queue unless it is held."""
    icon.forget()
    icon.visit += 1
    draft.move(number, icon, "ready")
    if icon.method != "hold":
        draft.queue.append(number)


def open_frame(draft: Draft, number: int, given: Mapping[str, str]) -> None:
    """Start a jobnet: its icons begin afresh, its START becomes ready.

    Args:
        given: the before set of the sub-jobnet icon, or what the run was started with.
    """
    frame = draft.plan.frames[number]
    visit = 1 if frame.parent is None else draft.peek(frame.parent).visit
    if draft.frame(number).state != "waiting":
        _reset(draft, frame.first, frame.last)
    draft.set_frame(number, FrameRun(state="running", visit=visit, started_ms=draft.now_ms))
    draft.tell("run_started", node=frame.parent, jaz_code="JC00000001", management_id=str(draft.run.run_id + number))
    if frame.start is None:
        draft.break_off(f'the jobnet "{frame.jobnet.jobnet_id}" has not exactly one START, or no END', frame.parent)
        return
    started = draft.now if draft.own_start_ms is None else moment(draft.own_start_ms, draft.now.tzinfo)
    icon = draft.edit(frame.start)
    fresh = at_jobnet_start(frame, draft.run.run_id, given, started, draft.scheduled_ms)
    icon.before = {**icon.before, **fresh} if icon.before else fresh
    make_ready(draft, frame.start, icon)


def _reset(draft: Draft, first: int, last: int) -> None:
    """Have the icons of a sub-jobnet wait again. Their before sets stay, as in a loop; so do the marks of people."""
    for number in range(first, last):
        seen = draft.peek(number)
        if seen.state == "waiting" and not seen.visit and not seen.arrivals:
            continue
        icon = draft.edit(number)
        draft.move(number, icon, "waiting")
        icon.forget()
        icon.visit = icon.arrivals = 0
