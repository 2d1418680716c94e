"""Job: runs a script on the agent behind a host name.

The script is not changed: the shell sees variables as environment. Which exit codes are errors is said by
`stop_codes`; where it is empty, every code is success.
Source: JAZ icon JOB, code 4; execution.md 6 and 9.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from jaz_lite.icons import _agent_work, _check, _ranges, _text
from jaz_lite.icons._promise import IconEvent, Place, Problem, Step, Traits, View
from jaz_lite.icons._text import sound
from jaz_lite.model import names
from jaz_lite.model.assignment import Assignment
from jaz_lite.model.event import WorkCancelled, WorkEnded, WorkFailed, WorkTimedOut
from jaz_lite.model.run import EMPTY, WorkResult

name = "job"
jaz_code = 4
traits = Traits(may_rerun=True, may_stop=True, may_set_variable=True, may_retry=True)

__all__ = ["Params", "begin", "check", "jaz_code", "name", "resume", "stop", "traits"]

TIMEOUT_MIN_MAX = 99_999
STOP_CODES_CHARS_MAX = 32
SCRIPT_CHARS_SENT_MAX = 200_000  # even if each is four bytes, the work order stays under its limit
KILL_GRACE_S = 10
STEERS = "the variable {} changes how programs run, so its value cannot come from outside of the job"
STEERS_HINT = "set it among the job's own variables"


@dataclass(frozen=True, slots=True, kw_only=True)
class Params:
    """Where, what, and what its end means."""

    host: str = ""
    host_from_variable: bool = False  # host is the name of a variable
    script: str = ""
    stop_script: str | None = None  # run to end the job, instead of a kill
    variables: tuple[Assignment, ...] = ()  # environment; a value may be $NAME
    system_variables: tuple[str, ...] = ()  # names of variables that go into the environment
    timeout_min: int = 0  # 0 = none
    timeout_action: Literal["warn", "stop", "skip"] = "warn"
    stop_codes: str = ""  # ranges such as 1-255


def check(params: Params, place: Place) -> Iterable[Problem]:
    """Give the problems of the settings."""
    yield from _check.host(place, "host", params.host, params.host_from_variable)
    yield from _check.required(place, "script", params.script, names.SCRIPT_CHARS_MAX, "write what the job shall run")
    if params.stop_script is not None:
        yield from _check.required(place, "stop_script", params.stop_script, names.SCRIPT_CHARS_MAX)
        yield from _check.ascii_only(place, "stop_script", params.stop_script)
    yield from _check.assignments(place, "variables", params.variables)
    for position, variable in enumerate(params.system_variables):
        yield from _check.variable(place, f"system_variables[{position}]", variable)
        if names.steers_programs(variable):
            yield _check.at(place, f"system_variables[{position}]", STEERS.format(variable), STEERS_HINT)
    yield from _check.number(place, "timeout_min", params.timeout_min, 0, TIMEOUT_MIN_MAX)
    yield from _check.bounded(place, "stop_codes", params.stop_codes, STOP_CODES_CHARS_MAX)
    if fault := _ranges.fault(params.stop_codes):
        yield _check.at(place, "stop_codes", fault, "write numbers and ranges, as in 1-255")


def begin(params: Params, view: View) -> Step:
    """Send the script to the agent of the host."""
    host = _agent_work.host_of(params.host, params.host_from_variable, view)
    if host is None:
        missing = f"the variable {params.host}, which names the host, is not set" if params.host else "no host is named"
        return _agent_work.not_sent(missing)
    if steering := next(filter(names.steers_programs, params.system_variables), None):
        return _agent_work.not_sent(STEERS.format(steering))
    env = _environment(params, view)
    if fault := _agent_work.environment_fault(env):
        return _agent_work.not_sent(fault)
    script = "" if view.test else sound(params.script).replace("\r", "")
    if len(script) > SCRIPT_CHARS_SENT_MAX:
        return _agent_work.not_sent(f"the script is longer than {SCRIPT_CHARS_SENT_MAX} characters")
    spec: dict[str, Any] = {
        "script": script,
        "env": env,
        "secret": (),
        "enc": "utf-8",
        "head": _agent_work.OUTPUT_HEAD_BYTES,
        "grace": KILL_GRACE_S,
    }
    if view.icon.run_user:
        spec["user"] = view.icon.run_user
    if params.timeout_min > 0:
        spec["timeout"] = params.timeout_min * 60
        spec["timeout_act"] = "warn" if params.timeout_action == "warn" else "stop" if params.stop_script else "kill"
    if params.stop_script:
        spec["stop"] = sound(params.stop_script).replace("\r", "")
    return _agent_work.send(view, host=host, kind="cmd", spec=spec)


def resume(params: Params, view: View, event: IconEvent) -> Step:
    """Judge the end of the script."""
    match event:
        case WorkEnded(result=result):
            return _judged(params, view, result)
        case WorkFailed(message=message, why=why):
            return _agent_work.not_started(view, message or f"the job could not be started: {why}")
        case WorkCancelled(why=why):
            return _agent_work.not_started(
                view, _agent_work.ABORTED if why == "server" else f"the job was withdrawn: {why}"
            )
        case WorkTimedOut():
            return Step(outcome="waiting", memo=view.memo, timed_out=True)
    return Step(outcome="waiting", memo=view.memo)


def stop(params: Params, view: View) -> Step:
    """End the script, by its stop script where it has one."""
    return _agent_work.stop_work(view, "stop" if params.stop_script else "signal")


def _environment(params: Params, view: View) -> dict[str, str]:
    """Return the checked variables, absent ones empty, and over them the job's own."""
    env = {name: view.variables.get(name, "") for name in params.system_variables}
    changed: Mapping[str, str] = view.memo.get("set", EMPTY)
    for row in params.variables:
        env[row.name] = sound(_text.whole_or_empty(changed.get(row.name, row.value), view.variables))
    return env


def _judged(params: Params, view: View, result: WorkResult) -> Step:
    """Apply the rules of JAZ, the first that fits: stopped, ended by a signal, a stop code, else success."""
    code = result.signal if result.signal is not None else result.exit_code
    code = -1 if code is None else code
    by_signal = result.signal is not None
    timed_out = result.killed == "timeout"
    message = ""
    status = _agent_work.ICON_OTHER_ERROR
    if view.state == "stopping":
        message = _agent_work.ABORTED
    elif timed_out and params.timeout_action == "skip":
        status = _agent_work.ICON_OK
    elif timed_out:
        message = f"stopped: it ran over its limit of {params.timeout_min} min"
    elif by_signal:
        message = f"ended by signal {result.signal}"
    elif result.exit_code is None:
        message = "ended without an exit code"
    elif stopped_by := _stop_code(params.stop_codes, code):
        message, status = stopped_by, _agent_work.ICON_STOP_CODE
    else:
        status = _agent_work.ICON_OK
    results = {
        "STD_OUT": result.std_out,
        "STD_ERR": result.std_err,
        "JOB_EXIT_CD": str(code),
        "SIGNAL": "1" if by_signal else "0",
        "ICON_STATUS": status,
    }
    if message:
        results["JOBARG_MESSAGE"] = message
    return Step(
        outcome="ended" if status == _agent_work.ICON_OK else "failed",
        results=results,
        exit_code=code,
        message=message,
        cut=result.cut,
        memo=view.memo,
        timed_out=timed_out,
        stopped=view.state == "stopping",
    )


def _stop_code(stop_codes: str, code: int) -> str:
    """Return why a code is an error, "" where it is none; a list that cannot be read makes an error of every code."""
    try:
        hit = _ranges.holds(stop_codes, code)
    except _ranges.BadRange:
        return f'the stop codes "{stop_codes}" cannot be read, so every exit code is an error; it was {code}'
    return f"the exit code {code} is among the stop codes {stop_codes}" if hit else ""
