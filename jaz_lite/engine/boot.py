"""The start of a run: its time, its lateness, other runs of the jobnet, and what people ask before it.

    Started reaches a run that waits      it
    held                                  waits on, whatever the time
    released, or waited for another run   starts; its time is no matter any more
    started by an earlier active          starts: what was done of it is taken over (an agent told of it)
    within the minute from its time on    starts
    within the grace after that minute    starts, and is marked late
    later than that                       late_start "error":      is a delayed-start error, which a person settles;
                                                                   over as skipped if very many were missed
                                          "skip":                  is over as skipped
                                          "run_all":               starts, late
                                          "run_latest":            starts, late; skipped if a later time is due, too

What may start is then judged by the multiple start-up of its jobnet.

Source: JAZ, scheduling.md 6 and 8 (there the policy is always "error" and the grace is nothing); decision 2.
"""

from dataclasses import replace

from jaz_lite.engine import limits
from jaz_lite.engine.draft import Draft
from jaz_lite.engine.join import open_frame
from jaz_lite.engine.variables import moment
from jaz_lite.model import event as asked
from jaz_lite.model.action import SetTimer
from jaz_lite.model.event import Started, TimerFired
from jaz_lite.model.run import Boot, LoadStatus, Run, RunState

BOOT = "boot"  # timers of the run itself; what makes turns has this one come as `Started`
DEADLINE = "deadline"
TIMEOUT = "timeout"
MINUTE_MS = 60_000

_DELETED = "deleted by "
_BESIDES = {
    "run_latest": ", and a later one is due, too",
    "error": "; so many starts were missed that only the latest stand as errors",
}

Refusal = str | None


def start(draft: Draft, event: Started) -> None:
    """Start a run whose time has come, or say what becomes of it instead."""
    missed = draft.state == "run_error" and draft.load_status == "delayed"
    if draft.state != "waiting" and not (missed and event.told):
        return
    if draft.scheduled_ms is not None and draft.now_ms < draft.scheduled_ms and not event.told:
        return
    if event.told:
        _was_started(draft)
    elif draft.boot is not None and not _may_start(draft, draft.boot, event):
        return
    jobnet = draft.run.jobnet
    if event.others and jobnet.multiple_start == "wait":
        if draft.load_status != "delayed":
            draft.load_status = "delayed"
            draft.tell("run_delayed", severity="warning")
        return
    if event.others and jobnet.multiple_start == "skip" and not event.told:
        _end_unstarted(draft, "skipped: another run of the jobnet was running")
        draft.tell("run_skipped", severity="warning")
        return
    _begin(draft)


def _was_started(draft: Draft) -> None:
    """An earlier active did start it: its time was kept, whatever was made of it here."""
    if draft.state == "run_error":
        draft.state = "waiting"
        draft.job_status = "normal"
        draft.load_status = "normal"
        draft.message = ""
    draft.tell("run_replayed")


def _begin(draft: Draft) -> None:
    draft.state = "running"
    draft.load_status = "normal"
    draft.started_ms = draft.now_ms
    if draft.late and draft.scheduled_ms is not None:
        late_s = (draft.now_ms - draft.scheduled_ms) // 1000
        draft.tell("run_started_late", severity="warning", scheduled_at=_at(draft, draft.scheduled_ms), late_s=late_s)
    if draft.run.jobnet.timeout_min > 0:
        draft.order((SetTimer(node=None, name=TIMEOUT, due_ms=timeout_due_ms(draft)),))
    open_frame(draft, 0, draft.run.start_variables)


def _end_unstarted(draft: Draft, message: str) -> None:
    draft.state = "ended"
    draft.load_status = "skipped"
    draft.started_ms = draft.ended_ms = draft.now_ms
    draft.message = message


def timeout_due_ms(draft: Draft) -> int:
    """Return when the time limit of the jobnet is reached."""
    return (draft.started_ms or 0) + draft.run.jobnet.timeout_min * MINUTE_MS


# ---- lateness


def _may_start(draft: Draft, boot: Boot, event: Started) -> bool:
    """Judge the lateness of a planned run; where it is not to start, say what becomes of it."""
    assert draft.scheduled_ms is not None, "a planned run has a scheduled time"
    if boot.held == "held":
        return False
    if boot.held == "released" or draft.load_status == "delayed" or draft.now_ms < draft.scheduled_ms + MINUTE_MS:
        return True
    if draft.now_ms < draft.scheduled_ms + MINUTE_MS + boot.grace_min * MINUTE_MS or boot.late_start == "run_all":
        draft.late = True
        return True
    if boot.late_start == "error" and not event.crowded:
        _miss(draft, boot)
        return False
    if boot.late_start == "run_latest" and not event.superseded:
        draft.late = True
        return True
    _end_unstarted(draft, f"{_missed(draft, boot)}, so it was not started{_BESIDES.get(boot.late_start, '')}")
    draft.tell("run_not_started", severity="warning", message=draft.message, late_start=boot.late_start)
    return False


def is_judged(run: Run, now_ms: int) -> bool:
    """Tell whether a planned run that has not started was missed by more than the grace, so its policy decides."""
    boot = run.boot
    if run.state != "waiting" or boot is None or boot.held != "no" or run.load_status == "delayed":
        return False
    return now_ms >= (run.scheduled_ms or 0) + MINUTE_MS + boot.grace_min * MINUTE_MS


def is_in_time(run: Run, now_ms: int) -> bool:
    """Tell whether a planned run that starts now is not even late: nothing else about it is then asked."""
    return now_ms < (run.scheduled_ms or 0) + MINUTE_MS


def _miss(draft: Draft, boot: Boot) -> None:
    """Make it a delayed-start error: nothing of it has begun, and it waits for a person."""
    draft.state = "run_error"
    draft.job_status = "error"
    draft.load_status = "delayed"
    draft.message = f"{_missed(draft, boot)}, so it was not started"
    draft.tell("run_start_missed", severity="error", jaz_code="JC90000001", message=draft.message)


def _missed(draft: Draft, boot: Boot) -> str:
    assert draft.scheduled_ms is not None, "a planned run has a scheduled time"
    grace = f" by more than {boot.grace_min} min" if boot.grace_min else ""
    return f"its time {_at(draft, draft.scheduled_ms)} was missed{grace}"


def deadline(draft: Draft, event: TimerFired) -> None:
    """Note that a run is not over at its deadline; nothing is stopped."""
    boot = draft.boot
    if boot is None or boot.deadline_missed or event.due_ms != boot.deadline_ms:
        return
    draft.boot = replace(boot, deadline_missed=True)
    draft.tell("run_deadline_missed", severity="warning", deadline_at=_at(draft, event.due_ms), state=draft.state)


def was_taken_back(state: RunState, load_status: LoadStatus, message: str) -> bool:
    """Tell whether a run is over because a person deleted it before its start."""
    return state == "ended" and load_status == "skipped" and message.startswith(_DELETED)


# ---- what people ask


def operate(
    draft: Draft, operation: asked.HoldRun | asked.ReleaseRun | asked.MoveRun | asked.DeleteRun | asked.RerunRun
) -> Refusal:
    """Do what a person asks of a run that has not started, or return the sentence that says why not."""
    if draft.stopping:
        return "the run is being stopped; nothing can be asked of it any more"
    if isinstance(operation, asked.RerunRun):
        return _rerun(draft, operation.by)
    if draft.state == "run_error" and draft.load_status == "delayed":
        return "the run was not started and its time is over; rerun or stop it"
    match operation:
        case asked.MoveRun():
            return _move(draft, operation)
        case asked.DeleteRun():
            return _delete(draft, operation.by)
        case asked.HoldRun():
            return _hold(draft, operation.by)
        case asked.ReleaseRun():
            return _release(draft, operation.by)


def _move(draft: Draft, operation: asked.MoveRun) -> Refusal:
    if draft.state != "waiting":
        return f"the run is {draft.state}; only one that has not started can be moved"
    if draft.scheduled_ms is None:
        return "the run has no scheduled time that could be moved"
    if operation.scheduled_ms <= draft.now_ms:
        return "the new time of the run is not in the future"
    if operation.scheduled_ms >= limits.YEAR_9999_MS:
        return "the new time of the run is later than the year 9998"
    draft.scheduled_ms = operation.scheduled_ms
    if draft.boot is not None and draft.boot.held == "released":
        draft.boot = replace(draft.boot, held="no")  # its time was no matter any more; the new one is
    draft.load_status = "normal"
    draft.late = False
    draft.order((SetTimer(node=None, name=BOOT, due_ms=operation.scheduled_ms),))
    draft.tell(
        "run_moved",
        by=operation.by,
        scheduled_ms=operation.scheduled_ms,
        scheduled_at=_at(draft, operation.scheduled_ms),
    )
    return None


def _delete(draft: Draft, by: str) -> Refusal:
    if draft.state != "waiting":
        return f"the run is {draft.state}; only one that has not started can be deleted"
    _end_unstarted(draft, f"{_DELETED}{by} before its start")
    draft.tell("run_deleted", by=by)
    return None


def _hold(draft: Draft, by: str) -> Refusal:
    if draft.state != "waiting":
        return f"the run is {draft.state}; only one that has not started can be held"
    if draft.boot is None:
        return "the run was not planned for a time; only an icon of it can be held"
    if draft.boot.held == "held":
        return "the run is held already"
    draft.boot = replace(draft.boot, held="held")
    draft.tell("run_held", by=by)
    return None


def _release(draft: Draft, by: str) -> Refusal:
    if draft.boot is None or draft.boot.held != "held":
        return f"the run is not held; it is {draft.state}"
    assert draft.scheduled_ms is not None, "a planned run has a scheduled time"
    draft.boot = replace(draft.boot, held="released")
    draft.tell("run_released", by=by)
    # Whether others of the jobnet run is not known here: it comes with `Started`, as at its time. The timer may be used
    # up while its time lies ahead: the clock was set back.
    draft.order((SetTimer(node=None, name=BOOT, due_ms=max(draft.scheduled_ms, draft.now_ms)),))
    return None


def _rerun(draft: Draft, by: str) -> Refusal:
    if draft.state != "run_error" or draft.load_status != "delayed":
        return f"the run is {draft.state}; only one whose start was missed is run again as a whole, else an icon of it"
    draft.job_status = "normal"
    draft.message = ""
    draft.late = True
    draft.tell("run_rerun_asked", by=by)
    _begin(draft)
    return None


def _at(draft: Draft, at_ms: int) -> str:
    return moment(at_ms, draft.now.tzinfo).isoformat(sep=" ", timespec="seconds")
