"""Loop: where a back line joins; the icons after it run once more at each pass.

Leave a loop with a condition. A pass beyond `loop_limit` is an error.
Source: JAZ icon LOOP, code 8; the limit is ours (decision 24).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from jaz_lite.icons import _check
from jaz_lite.icons._instant import resume, stop
from jaz_lite.icons._promise import Place, Problem, Step, Traits, View

name = "loop"
jaz_code = 8
traits = Traits(may_skip=False, may_continue=False, ready_at="first", lines_in=(2, 2))

__all__ = ["Params", "begin", "check", "jaz_code", "name", "resume", "stop", "traits"]

LOOP_LIMIT_MAX = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Params:
    """How often it may turn."""

    loop_limit: int = 0  # passes; 0 = none


def check(params: Params, place: Place) -> Iterable[Problem]:
    """Give the problems of the settings."""
    yield from _check.number(place, "loop_limit", params.loop_limit, 0, LOOP_LIMIT_MAX)


def begin(params: Params, view: View) -> Step:
    """Pass control on, unless the limit is used up."""
    if params.loop_limit and view.visit > params.loop_limit:
        return Step(outcome="failed", message=f"the loop limit of {params.loop_limit} passes is used up")
    return Step(outcome="ended")
