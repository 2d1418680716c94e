"""Reboot: restarts a host and ends when its agent is back.

From when it is sent until it ends, the host is locked: other work for it waits and then starts by itself. It ends with
0 after the boot; with an error if the reboot command of the agent fails. Jobs that a forced reboot cuts off are in
doubt afterwards. A test run does not reboot.

Source: JAZ icon REBOOT, code 16.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from jaz_lite.icons import _agent_work, _check
from jaz_lite.icons._promise import IconEvent, Place, Problem, Step, Traits, View

name = "reboot"
jaz_code = 16
traits = Traits(may_rerun=True, may_stop=True, may_retry=True)

__all__ = ["Params", "begin", "check", "jaz_code", "name", "resume", "stop", "traits"]

WAIT_S_MAX = 9_999
TIMEOUT_MIN_MAX = 99_999


@dataclass(frozen=True, slots=True, kw_only=True)
class Params:
    """Which host, and when."""

    host: str = ""
    host_from_variable: bool = False
    mode: Literal["force", "after_jobs"] = "force"
    wait_s: int = 0  # after_jobs: then the jobs are ended; 0 = wait without end
    timeout_min: int = 0  # a warning; 0 = none


def check(params: Params, place: Place) -> Iterable[Problem]:
    """Give the problems of the settings."""
    yield from _check.host(place, "host", params.host, params.host_from_variable)
    yield from _check.number(place, "wait_s", params.wait_s, 0, WAIT_S_MAX)
    yield from _check.number(place, "timeout_min", params.timeout_min, 0, TIMEOUT_MIN_MAX)


def begin(params: Params, view: View) -> Step:
    """Send the reboot to the agent of the host."""
    host = _agent_work.host_of(params.host, params.host_from_variable, view)
    if host is None:
        missing = f"the variable {params.host}, which names the host, is not set" if params.host else "no host is named"
        return _agent_work.not_sent(missing)
    if view.test:
        return _agent_work.send(view, host=host, kind="test", spec={})
    spec: dict[str, Any] = {"wait": params.mode == "after_jobs", "head": _agent_work.OUTPUT_HEAD_BYTES}
    if params.mode == "after_jobs" and params.wait_s > 0:
        spec["wait_s"] = params.wait_s
    if params.timeout_min > 0:
        spec["timeout"] = params.timeout_min * 60
    return _agent_work.send(view, host=host, kind="reboot", spec=spec)


def resume(params: Params, view: View, event: IconEvent) -> Step:
    """Judge how the reboot went."""
    return _agent_work.ended_by_code(view, event, good=(0,), what="the reboot")


def stop(params: Params, view: View) -> Step:
    """Take the reboot back, if the machine is not going down already."""
    return _agent_work.stop_work(view, "signal")
