"""File copy: copies files of one folder from one host to another; ends when all of them are there, whole and durable.

The work is done on the target host; the server brings it the files of the source host. It is executed in a test run,
too. Besides the message of a failure it leaves no variables.
Source: JAZ icon FCOPY, code 14; icons.md 4.13. Resuming, stopping and the removal of parts are ours.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from jaz_lite.icons import _agent_work, _check, _text
from jaz_lite.icons._promise import WHOLE, IconEvent, Place, Problem, Step, Traits, View
from jaz_lite.model.event import WorkCancelled, WorkEnded, WorkFailed
from jaz_lite.model.run import WorkResult
from jaz_lite.wire import limits

name = "file_copy"
jaz_code = 14
traits = Traits(may_rerun=True, may_stop=True, may_retry=True)

KIND = "fput"
STOPPED = "the file copy was stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Params:
    """What is copied, and where to."""

    source_host: str = ""
    source_host_from_variable: bool = False  # source_host is the name of a variable
    source_folder: str = field(default="", metadata=WHOLE)  # $NAME allowed
    source_file: str = field(default="", metadata=WHOLE)  # $NAME allowed; may hold * and ?
    target_host: str = ""
    target_host_from_variable: bool = False
    target_folder: str = field(default="", metadata=WHOLE)  # $NAME allowed
    overwrite: bool = False  # False refuses files that exist


def check(params: Params, place: Place) -> Iterable[Problem]:
    """Give the problems of the settings."""
    yield from _check.host(place, "source_host", params.source_host, params.source_host_from_variable)
    yield from _check.required(place, "source_folder", params.source_folder, _check.PATH_CHARS_MAX)
    yield from _check.required(place, "source_file", params.source_file, _check.PATH_CHARS_MAX)
    yield from _check.host(place, "target_host", params.target_host, params.target_host_from_variable)
    yield from _check.required(place, "target_folder", params.target_folder, _check.PATH_CHARS_MAX)


def begin(params: Params, view: View) -> Step:
    """Send the target's agent the order to take the files in."""
    source = _agent_work.host_of(params.source_host, params.source_host_from_variable, view)
    target = _agent_work.host_of(params.target_host, params.target_host_from_variable, view)
    for host, named, what in ((source, params.source_host, "source"), (target, params.target_host, "target")):
        if host is None:
            return _failed(
                f"the variable {named}, which names the {what} host, is not set"
                if named
                else f"no {what} host is named"
            )
    try:
        spec = {
            "source": source or "",
            "from": _path(params.source_folder, "source folder", view),
            "pattern": _path(params.source_file, "source file", view),
            "folder": _path(params.target_folder, "target folder", view),
            "overwrite": params.overwrite,
        }
    except _text.BadText as fault:
        return _failed(str(fault))
    if len(str(source).encode()) > limits.FILE_PATH_BYTES_MAX:
        return _failed("the name of the source host is too long")
    step = _agent_work.send(view, host=target or "", kind=KIND, spec=spec)
    return replace(step, memo={"host": target, "source_host": source})


def resume(params: Params, view: View, event: IconEvent) -> Step:
    """Judge the end of the copy."""
    match event:
        case WorkEnded(result=result):
            return _judged(view, result)
        case WorkFailed(message=message, why=why):
            return _failed(message or f"the file copy could not begin: {why}", view)
        case WorkCancelled(why=why):
            return _failed(STOPPED if why == "server" else f"the file copy was withdrawn: {why}", view)
    return Step(outcome="waiting", memo=view.memo)


def stop(params: Params, view: View) -> Step:
    """End the copy; what is only half there is removed."""
    return _agent_work.stop_work(view, "signal")


def _path(text: str, what: str, view: View) -> str:
    value = _text.sound(_text.whole(text, view.variables))
    if not value:
        raise _text.BadText(f"the {what} is empty")
    if len(value.encode()) > limits.FILE_PATH_BYTES_MAX:
        raise _text.BadText(f"the {what} is longer than {limits.FILE_PATH_BYTES_MAX} bytes")
    return value


def _judged(view: View, result: WorkResult) -> Step:
    if result.exit_code == 0:
        return Step(outcome="ended", exit_code=0, memo=view.memo)
    if result.killed or result.signal is not None:
        return _failed(STOPPED, view)
    return _failed(result.std_err or "the file copy failed", view)


def _failed(message: str, view: View | None = None) -> Step:
    return Step(
        outcome="failed",
        results={"JOBARG_MESSAGE": message},
        message=message,
        memo=Step(outcome="failed").memo if view is None else view.memo,
        stopped=view is not None and view.state == "stopping",
    )
