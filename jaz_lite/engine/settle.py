"""What the states of its icons make of a jobnet, and how a run ends.

A jobnet ends when one of its END icons has ended and no other icon is ready, active or in error; two ENDs, or an END
while others go on, cannot be put right: the whole run ends at once as `end_error` and its running jobs are stopped
(decision 5). A jobnet with an icon in error is in error itself until the last one is put right, and so are the
jobnets around it. A test run ends when all its icons have.

Source: JAZ, execution.md 5.2 and 8.
"""

from dataclasses import replace

from jaz_lite.engine.draft import ACTIVE, DONE, ENDS, FAILED, READY, Draft, IconDraft
from jaz_lite.engine.icon_view import IconView
from jaz_lite.engine.steps import abandon, close_sub_jobnet
from jaz_lite.model.fact import Severity
from jaz_lite.model.run import RunState

OPEN: frozenset[RunState] = frozenset(("running", "run_error"))


def settle(draft: Draft, number: int) -> None:
    """Bring the state of a jobnet in line with its icons."""
    if draft.frame(number).state not in OPEN:
        return
    counts = draft.counts(number)
    frame = draft.plan.frames[number]
    if draft.test:
        if counts[DONE] == frame.last - frame.first:
            _end_frame(draft, number)
        else:
            _set_error(draft, number, counts[FAILED] > 0)
        return
    if counts[ENDS] > 1:
        draft.break_off(f"{_name(draft, number)} reached {counts[ENDS]} END icons", frame.parent)
    elif counts[ENDS] == 1 and counts[READY] + counts[ACTIVE] + counts[FAILED]:
        draft.break_off(f"{_name(draft, number)} reached its END while other icons were not done", frame.parent)
    elif counts[ENDS] == 1:
        _end_frame(draft, number)
    else:
        _set_error(draft, number, counts[FAILED] > 0)


def _name(draft: Draft, number: int) -> str:
    parent = draft.plan.frames[number].parent
    return "the jobnet" if parent is None else f"the sub-jobnet {draft.plan.path(parent)}"


def _set_error(draft: Draft, number: int, in_error: bool) -> None:
    state: RunState = "run_error" if in_error else "running"
    frame = draft.frame(number)
    if frame.state == state:
        return
    draft.set_frame(number, replace(frame, state=state))
    parent = draft.plan.frames[number].parent
    if parent is None:
        draft.state = state
        draft.job_status = "error" if in_error else "timeout" if draft.any_timed_out else "normal"
        return
    icon = draft.edit(parent)
    draft.move(parent, icon, "run_error" if in_error else "running")
    icon.message = "an icon of the sub-jobnet is in error" if in_error else ""
    if in_error:
        draft.tell("icon_failed", severity="error", node=parent, jaz_code="JC90000002", notify=False, visit=icon.visit)


def _end_frame(draft: Draft, number: int) -> None:
    frame = draft.plan.frames[number]
    ended = [
        place
        for place in range(frame.first, frame.last)
        if draft.nodes[place].icon.type == "end" and draft.peek(place).state == "ended"
    ]
    code = draft.peek(ended[0]).results.get("JOB_EXIT_CD", "0") if ended else "0"
    draft.set_frame(number, replace(draft.frame(number), state="ended", ended_ms=draft.now_ms))
    draft.tell("run_ended", node=frame.parent, jaz_code="JC00000002", management_id=str(draft.run.run_id + number))
    if frame.parent is not None:
        close_sub_jobnet(draft, frame.parent, code)
        return
    draft.state = "ended"
    draft.job_status = "timeout" if draft.any_timed_out else "normal"
    draft.ended_ms = draft.now_ms
    draft.exit_code = int(code) if code.isdigit() else 0


def end_broken(draft: Draft, message: str) -> None:
    """End the whole run at once because its flow is impossible."""
    draft.message = message
    if draft.broken_at is not None:
        icon = draft.edit(draft.broken_at)
        icon.message = message
        icon.ended_ms = draft.now_ms
        draft.move(draft.broken_at, icon, "end_error")
    _end_all(draft)
    draft.tell("run_failed", severity="error", jaz_code="JC90000003", message=message)


def end_stopped(draft: Draft) -> None:
    """End a run that was stopped and in which nothing works any more."""
    _end_all(draft)
    severity: Severity = "warning" if draft.timed_out else "info"
    draft.tell("run_stopped", severity=severity, jaz_code="JC90000003", message=draft.message)


def _end_all(draft: Draft) -> None:
    """Close every icon and jobnet that is open, whatever it does, and the run with them. Nothing changes after that."""
    draft.drop_pending()
    for number, node in enumerate(draft.nodes):
        state = draft.peek(number).state
        if state == "ready":
            draft.move(number, draft.edit(number), "waiting")
        elif node.child is not None and state in ("running", "run_error"):
            icon = draft.edit(number)
            draft.move(number, icon, "end_error")
            icon.ended_ms = draft.now_ms
        elif state in ("running", "stopping"):
            _cut_off(draft, number, draft.edit(number))
    for number in range(len(draft.plan.frames)):
        frame = draft.frame(number)
        if frame.state in OPEN:
            draft.set_frame(number, replace(frame, state="end_error", ended_ms=draft.now_ms))
    draft.drop_pending()
    draft.state = "end_error"
    draft.job_status = "error"
    draft.ended_ms = draft.now_ms


def _cut_off(draft: Draft, number: int, icon: IconDraft) -> None:
    """Order the end of a working icon and fail it without waiting."""
    node = draft.nodes[number]
    if icon.doubt is None and icon.state == "running":
        draft.order(draft.type_of(node).stop(node.params, IconView(draft, number, icon)).actions)
    if icon.doubt is not None:
        abandon(draft, number)
    icon.work = None
    icon.message = "stopped because the run ended"
    icon.ended_ms = draft.now_ms
    draft.move(number, icon, "run_error")
