"""Branch end: joins the branches of a condition; goes on at the first arrival.

Source: JAZ icon IFE, code 13.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from jaz_lite.icons._instant import resume, stop
from jaz_lite.icons._promise import Place, Problem, Step, Traits, View

name = "branch_end"
jaz_code = 13
traits = Traits(may_skip=False, may_continue=False, ready_at="first", lines_in=(1, None))

__all__ = ["Params", "begin", "check", "jaz_code", "name", "resume", "stop", "traits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Params:
    """No settings."""


def check(params: Params, place: Place) -> Iterable[Problem]:
    return ()


def begin(params: Params, view: View) -> Step:
    """Pass control on."""
    return Step(outcome="ended")
