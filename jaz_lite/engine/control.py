"""What people ask of a run, and when it is refused.

Each function does what was asked and returns None, or changes nothing and returns the sentence that says why not.

Source: JAZ, execution.md 7 and 8; `decide` answers a doubt, which JAZ does not know.
"""

from collections.abc import Callable, Mapping
from typing import Any

from jaz_lite.engine import boot, limits
from jaz_lite.engine.draft import Draft
from jaz_lite.engine.steps import abandon, apply, give_up, release, retry_due_ms
from jaz_lite.engine.steps import stop as stop_icon
from jaz_lite.icons._promise import Step
from jaz_lite.icons._text import sound
from jaz_lite.model import event as asked
from jaz_lite.wire.limits import ATTEMPT_MAX

Refusal = str | None


def operate(draft: Draft, operation: asked.Operation) -> Refusal:
    """Do what a person asks, or return the sentence that says why not."""
    if draft.is_over:
        return f"the run has ended as {draft.state}; nothing can be asked of it any more"
    match operation:
        case asked.StopRun():
            return _stop_run(draft, operation.by)
        case asked.HoldRun() | asked.ReleaseRun() | asked.MoveRun() | asked.DeleteRun() | asked.RerunRun():
            return boot.operate(draft, operation)
    number: Any = getattr(operation, "node", None)
    if not isinstance(number, int) or not 0 <= number < len(draft.nodes):
        return f"the run has no icon number {number}"
    if isinstance(operation, asked.DecideIcon):
        return _decide(draft, number, operation)
    if draft.stopping:
        return "the run is being stopped; nothing can be asked of its icons any more"
    handler = _HANDLERS.get(type(operation))
    if handler is None:
        return f"{type(operation).__name__} is nothing a run knows"
    return handler(draft, number, operation)


# ---- the run


def _stop_run(draft: Draft, by: str) -> Refusal:
    if draft.stopping:
        return "the run is being stopped already; an icon that does not answer can be abandoned"
    stop_run(draft, by)
    return None


def stop_run(draft: Draft, by: str) -> None:
    """End a run: what works is stopped, what was ready goes back, and when nothing works any more the run is over."""
    draft.stopping = True
    draft.message = f"stopped by {by}"
    draft.tell("run_stop_asked", by=by)
    draft.queue.clear()
    if draft.started_ms is None:
        draft.started_ms = draft.now_ms
        return
    for number, node in enumerate(draft.nodes):
        state = draft.peek(number).state
        if state == "ready":
            draft.move(number, draft.edit(number), "waiting")
        elif node.child is None and state in ("running", "stopping"):
            stop_icon(draft, number)


# ---- one icon


def _hold(draft: Draft, number: int, operation: Any) -> Refusal:
    icon = draft.peek(number)
    if draft.nodes[number].icon.type == "start":
        return f"{_named(draft, number)} is the start; it cannot be held"
    if icon.state != "waiting":
        return _state_refusal(draft, number, "an icon that has not been reached yet can be held")
    if icon.method == "hold":
        return f"{_named(draft, number)} is held already"
    draft.edit(number).method = "hold"
    draft.tell("icon_held", node=number, by=operation.by)
    return None


def _release(draft: Draft, number: int, operation: Any) -> Refusal:
    icon = draft.peek(number)
    if icon.method != "hold":
        return f"{_named(draft, number)} is not held; it is {icon.state}"
    if icon.state not in ("waiting", "ready"):
        return _state_refusal(draft, number, "an icon that waits can be released")
    release(draft, number, by=operation.by)
    return None


def _skip(draft: Draft, number: int, operation: Any) -> Refusal:
    seen = draft.peek(number)
    node = draft.nodes[number]
    if not draft.type_of(node).traits.may_skip:
        return f"{_named(draft, number)} is of the type {node.icon.type}, which cannot be skipped"
    if node.child is not None and seen.state == "run_error":
        return f"{_named(draft, number)} is in error through an icon inside it; skip that one"
    if seen.state not in ("waiting", "ready", "run_error") or seen.continued:
        return _state_refusal(draft, number, "an icon that waits, is ready or is in error can be skipped")
    if seen.method == "skip" and seen.state == "waiting":
        return f"{_named(draft, number)} is marked to be skipped already"
    icon = draft.edit(number)
    icon.method = "skip"
    draft.tell("icon_skip_asked", node=number, by=operation.by)
    if icon.state == "run_error":
        draft.move(number, icon, "ready")
    if icon.state == "ready":
        draft.queue.append(number)
    return None


def _unskip(draft: Draft, number: int, operation: Any) -> Refusal:
    icon = draft.peek(number)
    if icon.method != "skip":
        return f"{_named(draft, number)} is not marked to be skipped"
    if icon.state != "waiting":
        return _state_refusal(draft, number, "the mark can be taken from an icon that has not been reached yet")
    draft.edit(number).method = "normal"
    draft.tell("icon_unskipped", node=number, by=operation.by)
    return None


def _stop(draft: Draft, number: int, operation: Any) -> Refusal:
    seen = draft.peek(number)
    node = draft.nodes[number]
    retried = seen.state == "ready" and retry_due_ms(seen) is not None
    if not draft.type_of(node).traits.may_stop:
        return f"{_named(draft, number)} is of the type {node.icon.type}, which cannot be stopped"
    if seen.doubt is not None:
        return f"the fate of {_named(draft, number)} is not known; decide what it shall count as"
    if seen.state != "running" and not retried:
        return _state_refusal(draft, number, "an icon that is running can be stopped")
    draft.tell("icon_stop_asked", node=number, by=operation.by)
    if retried:
        draft.edit(number).method = "stop"
        give_up(draft, number, f"stopped by {operation.by} before it was tried again", seen.results)
    else:
        stop_icon(draft, number)
    return None


def _rerun(draft: Draft, number: int, operation: Any) -> Refusal:
    seen = draft.peek(number)
    node = draft.nodes[number]
    if not draft.type_of(node).traits.may_rerun:
        return f"{_named(draft, number)} is of the type {node.icon.type}, which cannot be run again"
    if seen.state != "run_error":
        return _state_refusal(draft, number, "an icon in error can be run again")
    if seen.continued:
        return f"{_named(draft, number)} is in error, but the flow went on; it cannot be run again"
    if seen.attempt >= ATTEMPT_MAX:
        return f"{_named(draft, number)} has had {ATTEMPT_MAX} attempts; it cannot be run again"
    _run_again(draft, number, operation.by)
    return None


def _run_again(draft: Draft, number: int, by: str) -> None:
    icon = draft.edit(number)
    icon.method = "rerun"
    draft.mark_timed_out(icon, False)
    draft.move(number, icon, "ready")
    draft.tell("icon_rerun_asked", node=number, by=by)
    draft.queue.append(number)


def _set_variable(draft: Draft, number: int, operation: asked.SetVariable) -> Refusal:
    seen = draft.peek(number)
    node = draft.nodes[number]
    name = operation.name
    held = seen.state == "ready" and seen.method == "hold"
    if not draft.type_of(node).traits.may_set_variable:
        return f"{_named(draft, number)} is of the type {node.icon.type}, whose variables cannot be changed"
    if not (seen.state in ("waiting", "run_error") or held):
        return _state_refusal(draft, number, "variables can be changed while an icon waits, is held or is in error")
    if len(operation.value) > limits.SET_VALUE_CHARS_MAX:
        return f"the value is longer than {limits.SET_VALUE_CHARS_MAX} characters"
    own = node.icon.type == "job" and any(row.name == name for row in node.params.variables)
    if name not in seen.before and not own:
        return f"{_named(draft, number)} has no variable {name}; new names cannot be added"
    value = sound(operation.value)
    icon = draft.edit(number)
    if name in icon.before:
        icon.before = {**icon.before, name: value}
    if own:
        icon.memo = {**icon.memo, "set": {**icon.memo.get("set", {}), name: value}}
    draft.tell("icon_variable_set", node=number, by=operation.by, name=name)
    return None


def _decide(draft: Draft, number: int, operation: asked.DecideIcon) -> Refusal:
    seen = draft.peek(number)
    unanswered = seen.state == "stopping" and seen.work is not None and operation.verdict == "abandon"
    if seen.doubt is None and not unanswered:
        return f"there is nothing to decide about {_named(draft, number)}; it is {seen.state}"
    if operation.verdict == "rerun" and seen.attempt >= ATTEMPT_MAX:
        return f"{_named(draft, number)} has had {ATTEMPT_MAX} attempts; it cannot be run again"
    if operation.verdict == "ended" and draft.nodes[number].icon.type == "condition":
        return f"{_named(draft, number)} must choose one of its flows; decide rerun, and it compares what is so now"
    by = operation.by
    draft.tell("icon_decided", node=number, by=by, verdict=operation.verdict)
    match operation.verdict:
        case "ended":
            code = operation.exit_code or 0
            results = {"JOB_EXIT_CD": str(code), "ICON_STATUS": "0", "SIGNAL": "0"}
            abandon(draft, number)
            apply(
                draft,
                number,
                Step(
                    outcome="ended",
                    results=results,
                    exit_code=code,
                    message=f"ended by decision of {by}",
                    memo=seen.memo,
                ),
            )
        case "failed" | "abandon":
            what = "failed by decision of" if operation.verdict == "failed" else "abandoned by"
            message = f"{what} {by}"
            code = -1 if operation.exit_code is None else operation.exit_code
            results = {"JOB_EXIT_CD": str(code), "ICON_STATUS": "2", "SIGNAL": "0", "JOBARG_MESSAGE": message}
            give_up(draft, number, message, results)
        case "rerun":
            abandon(draft, number)
            draft.edit(number).ended_ms = draft.now_ms
            _run_again(draft, number, by)
    return None


def _named(draft: Draft, number: int) -> str:
    return f"the icon {draft.plan.path(number)}"


def _state_refusal(draft: Draft, number: int, rule: str) -> str:
    icon = draft.peek(number)
    state = "in error, but the flow went on" if icon.continued else icon.state
    return f"{_named(draft, number)} is {state}; only {rule}"


_HANDLERS: Mapping[type[asked.Operation], Callable[[Draft, int, Any], Refusal]] = {
    asked.HoldIcon: _hold,
    asked.ReleaseHold: _release,
    asked.SkipIcon: _skip,
    asked.UnskipIcon: _unskip,
    asked.StopIcon: _stop,
    asked.RerunIcon: _rerun,
    asked.SetVariable: _set_variable,
}
