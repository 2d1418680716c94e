"""Steps that icon types share whose work is done by an agent."""

from collections.abc import Container, Mapping
from typing import Any, Literal

from jaz_lite.icons._promise import IconEvent, Step, View
from jaz_lite.model.action import KillWork, SendWork
from jaz_lite.model.event import WorkCancelled, WorkEnded, WorkFailed, WorkTimedOut
from jaz_lite.model.run import WorkResult
from jaz_lite.wire import limits

ICON_OK = "0"  # values of ICON_STATUS
ICON_STOP_CODE = "1"
ICON_OTHER_ERROR = "2"

ABORTED = "Aborted the job"
OUTPUT_HEAD_BYTES = 64_000


def host_of(name: str, from_variable: bool, view: View) -> str | None:
    """Return the host a host field stands for, or None where its variable is not set or empty."""
    if not from_variable:
        return name or None
    return view.variables.get(name, "").strip() or None


def send(view: View, *, host: str, kind: str, spec: Mapping[str, Any]) -> Step:
    """Send the present attempt to the agent behind a host and wait for its end."""
    order = SendWork(
        node=view.node,
        key=view.key,
        key_path=view.key_path,
        attempt=view.attempt,
        host=host,
        kind=kind,
        spec=spec,
        force=view.icon.force,
    )
    return Step(outcome="waiting", actions=(order,), memo={"host": host})


def not_sent(message: str) -> Step:
    """Fail before anything reached an agent."""
    return Step(outcome="failed", results={"ICON_STATUS": ICON_OTHER_ERROR, "JOBARG_MESSAGE": message}, message=message)


def not_started(view: View, message: str) -> Step:
    """Fail because the agent did not start the work."""
    results = {"JOB_EXIT_CD": "-1", "SIGNAL": "0", "ICON_STATUS": ICON_OTHER_ERROR, "JOBARG_MESSAGE": message}
    stopped = view.state == "stopping"
    return Step(outcome="failed", results=results, exit_code=-1, message=message, memo=view.memo, stopped=stopped)


def ended_by_code(view: View, event: IconEvent, *, good: Container[int], what: str) -> Step:
    """Judge the end of work whose good exit codes are fixed.

    Args:
        what: the work, for messages that begin with it.

    Notes:
        ICON_STATUS is set on success only, as JAZ does it for these icons.
    """
    match event:
        case WorkEnded(result=result):
            return _by_code(view, result, good)
        case WorkFailed(message=message, why=why):
            return not_started(view, message or f"{what} could not be started: {why}")
        case WorkCancelled(why=why):
            return not_started(view, ABORTED if why == "server" else f"{what} was withdrawn: {why}")
        case WorkTimedOut():
            return Step(outcome="waiting", memo=view.memo, timed_out=True)
    return Step(outcome="waiting", memo=view.memo)


def _by_code(view: View, result: WorkResult, good: Container[int]) -> Step:
    code = result.signal if result.signal is not None else result.exit_code
    code = -1 if code is None else code
    message = ""
    if view.state == "stopping":
        message = ABORTED
    elif result.killed == "timeout":
        message = "its time is over"
    elif result.signal is not None:
        message = f"ended by signal {result.signal}"
    elif result.exit_code is None:
        message = "ended without an exit code"
    elif code not in good:
        lines = result.std_err.strip().splitlines() or [f"ended with exit code {code}"]
        message = lines[-1]
    results = {
        "STD_OUT": result.std_out,
        "STD_ERR": result.std_err,
        "JOB_EXIT_CD": str(code),
        "SIGNAL": "0" if result.signal is None else "1",
    }
    if message:
        results["JOBARG_MESSAGE"] = message
    else:
        results["ICON_STATUS"] = ICON_OK
    return Step(
        outcome="failed" if message else "ended",
        results=results,
        exit_code=code,
        message=message,
        cut=result.cut,
        memo=view.memo,
        stopped=view.state == "stopping",
    )


def stop_work(view: View, how: Literal["signal", "stop"]) -> Step:
    """Ask the agent to end the present attempt; its result ends the icon."""
    if view.work is None:
        return Step(outcome="failed", message="stopped", stopped=True)
    kill = KillWork(node=view.node, key=view.work, how=how, why="stop")
    return Step(outcome="waiting", actions=(kill,), memo=view.memo)


def environment_fault(env: Mapping[str, str]) -> str | None:
    """Say why no work order can carry an environment, or None."""
    if len(env) > limits.ENV_ENTRIES_MAX:
        return f"the environment holds more than {limits.ENV_ENTRIES_MAX} variables"
    if sum(len(name) + len(value.encode()) for name, value in env.items()) > limits.ENV_BYTES_MAX:
        return f"the environment is larger than {limits.ENV_BYTES_MAX} bytes"
    return None
