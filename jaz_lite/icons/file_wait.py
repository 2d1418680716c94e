"""File wait: ends when a file appears on a host, is complete, or is gone; or tells whether it exists.

`exists` looks once: exit code 1 says that the file is there, 0 that it is not, and both are success. The others end
with 0. A wait that is over its time, a folder that is not there, what is no regular file and a file that cannot be
deleted are errors with exit code 255. A test run does not look.

Source: JAZ icon FWAIT, code 15; `stable`, `absent` and wildcards are ours.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from jaz_lite.icons import _agent_work, _check, _text
from jaz_lite.icons._promise import WHOLE, IconEvent, Place, Problem, Step, Traits, View

name = "file_wait"
jaz_code = 15
traits = Traits(may_rerun=True, may_stop=True, may_retry=True)

__all__ = ["Params", "begin", "check", "jaz_code", "name", "resume", "stop", "traits"]

WAIT_S_MAX = 9_999
STABLE_S_MAX = 9_999
MODES = {"appear": "exist", "exists": "exist", "stable": "stable", "absent": "absent"}  # ours: the work order's


@dataclass(frozen=True, slots=True, kw_only=True)
class Params:
    """Which file, and how long."""

    host: str = ""
    host_from_variable: bool = False
    path: str = field(default="", metadata=WHOLE)  # $NAME allowed
    mode: Literal["appear", "exists", "stable", "absent"] = "appear"  # appear, stable, absent wait; exists looks once
    stable_s: int = 5  # stable: so long neither its size nor its time has changed
    wildcards: bool = False  # the name, not the folder, may hold * and ? and [...]
    delete: bool = False  # remove the file once found
    wait_s: int = 0  # 0 = without end; not for "exists"


def check(params: Params, place: Place) -> Iterable[Problem]:
    """Give the problems of the settings."""
    yield from _check.host(place, "host", params.host, params.host_from_variable)
    yield from _check.required(place, "path", params.path, _check.PATH_CHARS_MAX)
    if params.path and not _text.is_variable(params.path) and not _is_absolute(params.path):
        hint = "write it from the root on, as in /data/in/orders.csv or C:\\data\\orders.csv"
        yield _check.at(place, "path", "is not absolute; the agent refuses it", hint, "warning")
    if params.mode == "stable":
        yield from _check.number(place, "stable_s", params.stable_s, 1, STABLE_S_MAX)
    if params.mode == "absent" and params.delete:
        yield _check.at(place, "delete", "has no meaning where the wait is for a file to be gone", severity="warning")
    yield from _check.number(place, "wait_s", params.wait_s, 0, WAIT_S_MAX)


def begin(params: Params, view: View) -> Step:
    """Send the wait to the agent of the host."""
    host = _agent_work.host_of(params.host, params.host_from_variable, view)
    if host is None:
        missing = f"the variable {params.host}, which names the host, is not set" if params.host else "no host is named"
        return _agent_work.not_sent(missing)
    if view.test:
        return _agent_work.send(view, host=host, kind="test", spec={})
    try:
        path = _text.whole(params.path, view.variables)
    except _text.NoSuchVariable as fault:
        return _agent_work.not_sent(str(fault))
    if not path:
        return _agent_work.not_sent("no file is named")
    if path != _text.sound(path):
        return _agent_work.not_sent(f"the path {path[:100]!r} holds a character that no file name can")
    spec: dict[str, Any] = {"path": path, "mode": MODES[params.mode], "delete": params.delete}
    if params.mode == "exists":
        spec["once"] = True
    elif params.wait_s > 0:
        spec["timeout"] = params.wait_s
    if params.mode == "stable":
        spec["stable_s"] = max(1, params.stable_s)
    if params.wildcards:
        spec["glob"] = True
    return _agent_work.send(view, host=host, kind="fwait", spec=spec)


def resume(params: Params, view: View, event: IconEvent) -> Step:
    """Judge what the agent found."""
    good = (0, 1) if params.mode == "exists" else (0,)
    return _agent_work.ended_by_code(view, event, good=good, what="the file wait")


def stop(params: Params, view: View) -> Step:
    """End the wait; nothing is deleted."""
    return _agent_work.stop_work(view, "signal")


def _is_absolute(path: str) -> bool:
    return path.startswith(("/", "\\\\")) or path[1:3] in (":\\", ":/")
