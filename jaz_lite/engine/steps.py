"""What becomes of one icon: it begins, it goes on with an event, it ends or fails, it is tried again.

Icon types decide (`begin`, `resume`, `stop` give a `Step`); here the step is put into effect.

Source: JAZ, execution.md 5.1; automatic retries are decision 6.
"""

from collections.abc import Mapping
from dataclasses import replace

from jaz_lite.engine import limits
from jaz_lite.engine.draft import Draft, IconDraft
from jaz_lite.engine.icon_view import IconView
from jaz_lite.engine.join import flow, open_frame
from jaz_lite.engine.replay import as_replayed, doubt_of
from jaz_lite.engine.variables import MESSAGE, at_icon_start, kept
from jaz_lite.icons._promise import IconEvent, Step
from jaz_lite.model.action import AbandonWork, SendWork, SetTimer
from jaz_lite.model.fact import Severity
from jaz_lite.model.run import EMPTY, IconRun
from jaz_lite.wire.limits import ATTEMPT_MAX

RETRY = "retry"  # the timer of a retry, and the memo that says when it is due
RETRY_DUE = "retry_due_ms"
TOLD = "timed_out"  # memo: that this attempt runs over its time has been told
_LOGGED = ("JOB_EXIT_CD", "STD_OUT", "STD_ERR")  # what JAZ's result log shows of a job


def begin(draft: Draft, number: int) -> None:
    """Begin a ready icon, unless it is held by now."""
    seen = draft.peek(number)
    if seen.state != "ready" or seen.method == "hold" or draft.stopping:
        return
    node = draft.nodes[number]
    kind = draft.type_of(node)
    icon = draft.edit(number)
    if icon.method == "skip":
        _skip(draft, number, icon)
        return
    if icon.attempt >= ATTEMPT_MAX:
        _fail(draft, number, icon, Step(outcome="failed", message=f"no more than {ATTEMPT_MAX} attempts are possible"))
        return
    again = icon.method == "rerun" or icon.attempt > 0
    icon.attempt += 1
    icon.results = EMPTY
    icon.memo = _memo(icon, EMPTY)
    icon.exit_code = icon.ended_ms = None
    icon.message = ""
    icon.started_ms = draft.now_ms
    icon.before = at_icon_start(draft.plan, node, icon.before, draft.current_time)
    draft.move(number, icon, "running")
    if again:
        draft.tell(
            "icon_rerun",
            severity="warning",
            node=number,
            jaz_code="JC00000007",
            visit=icon.visit,
            attempt=icon.attempt,
        )
    else:
        draft.tell("icon_started", node=number, jaz_code="JC00000003", visit=icon.visit, attempt=icon.attempt)
    step = kind.begin(node.params, IconView(draft, number, icon))
    icon.doubt = doubt_of(draft, number, icon, step)
    if icon.doubt is None:
        apply(draft, number, as_replayed(draft, icon, step))
    else:
        draft.tell(
            "icon_doubted",
            severity="error",
            node=number,
            reason=icon.doubt.reason,
            message=icon.doubt.message,
            visit=icon.visit,
        )


def resume(draft: Draft, number: int, event: IconEvent) -> bool:
    """Hand an event to an icon that waits for one; tell whether anything changed."""
    node = draft.nodes[number]
    seen = draft.peek(number)
    step = draft.type_of(node).resume(node.params, IconView(draft, number, seen), event)
    idle = step.outcome == "waiting" and not step.actions and step.memo == seen.memo
    if idle and not (step.timed_out and TOLD not in seen.memo):
        return False
    apply(draft, number, step)
    return True


def apply(draft: Draft, number: int, step: Step) -> None:
    """Put a step of an active icon into effect."""
    icon = draft.edit(number)
    if step.timed_out and TOLD not in icon.memo:
        step = replace(step, memo={**step.memo, TOLD: True})
        draft.mark_timed_out(icon, True)
        draft.tell("icon_timed_out", severity="warning", node=number, jaz_code="JC00000005", visit=icon.visit)
    match step.outcome:
        case "waiting":
            icon.memo = _memo(icon, step.memo)
            for action in step.actions:
                if isinstance(action, SendWork):
                    icon.work = action.key
            draft.order(step.actions)
        case "ended":
            _end(draft, number, icon, step)
        case "failed":
            _fail(draft, number, icon, step)
        case "descend":
            child = draft.nodes[number].child
            assert child is not None
            open_frame(draft, child, icon.before)
        case "broken":
            draft.break_off(step.message or f"the icon {draft.plan.path(number)} cannot go on", number)


def stop(draft: Draft, number: int) -> None:
    """End an active icon early; one whose fate is in doubt is given up."""
    seen = draft.peek(number)
    if seen.state == "stopping" and seen.doubt is None:
        return
    icon = draft.edit(number)
    icon.method = "stop"
    if icon.doubt is not None:
        give_up(draft, number, "stopped while its fate was not known")
        return
    node = draft.nodes[number]
    step = draft.type_of(node).stop(node.params, IconView(draft, number, icon))
    if step.outcome == "waiting":
        draft.move(number, icon, "stopping")
    apply(draft, number, step)


def give_up(draft: Draft, number: int, message: str, results: Mapping[str, str] = EMPTY) -> None:
    """Fail an icon whose attempt nobody waits for any more."""
    abandon(draft, number)
    icon = draft.edit(number)
    step = Step(outcome="failed", message=message, results=results, memo=icon.memo, stopped=True)
    _fail(draft, number, icon, step)


def abandon(draft: Draft, number: int) -> None:
    """Stop waiting for the attempt of an icon. Its late result will change nothing."""
    icon = draft.edit(number)
    if icon.work is not None:
        draft.order((AbandonWork(node=number, key=icon.work),))
    icon.work = None
    icon.doubt = None


def close_sub_jobnet(draft: Draft, number: int, exit_code: str) -> None:
    """End the icon of a sub-jobnet that has ended."""
    code = int(exit_code) if exit_code.isdigit() else None
    _end(draft, number, draft.edit(number), Step(outcome="ended", results={"JOB_EXIT_CD": exit_code}, exit_code=code))


def retry_due_ms(icon: IconDraft | IconRun) -> int | None:
    """Return when an icon that failed will be tried again, or None."""
    due = icon.memo.get(RETRY_DUE)
    return due if isinstance(due, int) else None


def _skip(draft: Draft, number: int, icon: IconDraft) -> None:
    node = draft.nodes[number]
    if not draft.type_of(node).traits.may_skip:
        _fail(draft, number, icon, Step(outcome="failed", message=f"a {node.icon.type} icon cannot be skipped"))
        return
    icon.memo = _memo(icon, EMPTY)
    icon.results = EMPTY
    icon.exit_code = icon.started_ms = None
    icon.message = ""
    icon.ended_ms = draft.now_ms
    draft.move(number, icon, "ended")
    draft.tell("icon_skipped", node=number, jaz_code="JC00000006", visit=icon.visit)
    flow(draft, number, icon, "plain")


def _end(draft: Draft, number: int, icon: IconDraft, step: Step) -> None:
    _settle_results(draft, number, icon, step)
    draft.move(number, icon, "ended")
    _tell_end(draft, number, icon, "info")
    if step.release is not None:
        release(draft, step.release, by=draft.plan.path(number))
    if draft.nodes[number].icon.type != "end" and not draft.stopping:
        flow(draft, number, icon, step.branch)


def _fail(draft: Draft, number: int, icon: IconDraft, step: Step) -> None:
    node = draft.nodes[number]
    traits = draft.type_of(node).traits
    if step.message and MESSAGE not in step.results:
        step = replace(step, results={**step.results, MESSAGE: step.message})
    _settle_results(draft, number, icon, step)
    if traits.may_retry and icon.attempt <= node.icon.retries and not step.stopped and not draft.stopping:
        _try_again_later(draft, number, icon)
        return
    continued = node.icon.continue_on_error and traits.may_continue and not draft.stopping
    draft.move(number, icon, "run_error", continued=continued)
    _tell_end(draft, number, icon, "info" if step.stopped else "error")
    if continued:
        flow(draft, number, icon, "plain")


def _settle_results(draft: Draft, number: int, icon: IconDraft, step: Step) -> None:
    results, cut_here = kept(step.results)
    cut = tuple(dict.fromkeys((*step.cut, *cut_here)))
    icon.results = results
    icon.memo = _memo(icon, {**step.memo, "cut": list(cut)} if cut else step.memo)
    icon.exit_code = step.exit_code
    icon.message = step.message
    icon.ended_ms = draft.now_ms
    icon.work = None
    icon.doubt = None
    if cut:
        draft.tell("values_cut", severity="warning", node=number, names=list(cut), bytes_max=limits.VALUE_BYTES_MAX)


def _try_again_later(draft: Draft, number: int, icon: IconDraft) -> None:
    delay_ms = _retry_delay_ms(draft, number, icon.attempt)
    draft.mark_timed_out(icon, False)
    draft.move(number, icon, "ready")
    draft.tell(
        "icon_retry",
        severity="warning",
        node=number,
        visit=icon.visit,
        attempt=icon.attempt,
        message=icon.message,
        delay_ms=delay_ms,
    )
    if delay_ms == 0:
        draft.queue.append(number)
        return
    due_ms = draft.now_ms + delay_ms
    icon.memo = {**icon.memo, RETRY_DUE: due_ms}
    draft.order((SetTimer(node=number, name=RETRY, due_ms=due_ms),))


def _retry_delay_ms(draft: Draft, number: int, attempt: int) -> int:
    icon = draft.nodes[number].icon
    if icon.retry_delay_s <= 0:
        return 0
    try:
        delay_s = float(icon.retry_delay_s) * icon.retry_backoff ** (attempt - 1)
    except (OverflowError, ZeroDivisionError):
        delay_s = limits.RETRY_DELAY_S_MAX
    # A definition nobody checked may hold any factor; what is no sensible delay is the longest one.
    sensible = isinstance(delay_s, float) and 0 <= delay_s <= limits.RETRY_DELAY_S_MAX
    return int((delay_s if sensible else limits.RETRY_DELAY_S_MAX) * 1000)


def release(draft: Draft, number: int, *, by: str) -> None:
    """Take the hold from an icon; a ready one begins."""
    icon = draft.edit(number)
    icon.method = "normal"
    draft.tell("icon_released", node=number, by=by)
    if icon.state == "ready" and retry_due_ms(icon) is None:
        draft.queue.append(number)


def _memo(icon: IconDraft, memo: Mapping[str, object]) -> Mapping[str, object]:
    """Return a new memo that keeps what a person set for the icon's own variables."""
    return {**memo, "set": icon.memo["set"]} if "set" in icon.memo else memo


def _tell_end(draft: Draft, number: int, icon: IconDraft, severity: Severity) -> None:
    kind, jaz_code = ("icon_ended", "JC00000004") if icon.state == "ended" else ("icon_failed", "JC90000002")
    data: dict[str, object] = {"visit": icon.visit, "attempt": icon.attempt}
    if icon.message:
        data["message"] = icon.message
    if draft.nodes[number].icon.type in ("job", "agentless") and all(name in icon.results for name in _LOGGED):
        data["return_code"], data["std_out"], data["std_err"] = (icon.results[name] for name in _LOGGED)
    draft.tell(kind, severity=severity, node=number, jaz_code=jaz_code, **data)
