"""Parallel start: sends control along all its flows.

Source: JAZ icon MTS, code 6.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from jaz_lite.icons._instant import resume, stop
from jaz_lite.icons._promise import Place, Problem, Step, Traits, View

name = "parallel_start"
jaz_code = 6
traits = Traits(may_skip=False, may_continue=False, lines_out=(1, None))

__all__ = ["Params", "begin", "check", "jaz_code", "name", "resume", "stop", "traits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Params:
    """No settings."""


def check(params: Params, place: Place) -> Iterable[Problem]:
    return ()


def begin(params: Params, view: View) -> Step:
    """Pass control on."""
    return Step(outcome="ended")
