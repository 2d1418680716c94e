"""File wait: ends when a file appears on a host, or tells whether it exists.

Source: JAZ icon FWAIT, code 15.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from jaz_lite.icons import _check
from jaz_lite.icons._not_in_build import begin, resume, stop
from jaz_lite.icons._promise import WHOLE, Place, Problem, Traits

name = "file_wait"
jaz_code = 15
traits = Traits(may_rerun=True, may_stop=True, may_retry=True, available=False)

__all__ = ["Params", "begin", "check", "jaz_code", "name", "resume", "stop", "traits"]

WAIT_S_MAX = 9_999


@dataclass(frozen=True, slots=True, kw_only=True)
class Params:
    """Which file, and how long."""

    host: str = ""
    host_from_variable: bool = False
    path: str = field(default="", metadata=WHOLE)  # $NAME allowed
    mode: Literal["appear", "exists"] = "appear"
    delete: bool = False  # remove the file once found
    wait_s: int = 0  # 0 = without end; only for "appear"


def check(params: Params, place: Place) -> Iterable[Problem]:
    """Give the problems of the settings."""
    yield from _check.host(place, "host", params.host, params.host_from_variable)
    yield from _check.required(place, "path", params.path, _check.PATH_CHARS_MAX)
    yield from _check.number(place, "wait_s", params.wait_s, 0, WAIT_S_MAX)
