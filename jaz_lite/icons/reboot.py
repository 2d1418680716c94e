"""Reboot: restarts a host and waits until its agent is back.

Source: JAZ icon REBOOT, code 16.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from jaz_lite.icons import _check
from jaz_lite.icons._not_in_build import begin, resume, stop
from jaz_lite.icons._promise import Place, Problem, Traits

name = "reboot"
jaz_code = 16
traits = Traits(may_rerun=True, may_stop=True, may_retry=True, available=False)

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
