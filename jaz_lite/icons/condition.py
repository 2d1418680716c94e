"""Condition: sends control along its true or its false flow.

A number is looked for in a list of ranges, a text is searched for a regular expression. In a test run both flows are
taken; the engine sees to that.
Source: JAZ icon IF, code 2.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from jaz_lite.icons import _check, _ranges, _regex
from jaz_lite.icons._instant import resume, stop
from jaz_lite.icons._promise import NAMED, Place, Problem, Step, Traits, View
from jaz_lite.model import names

name = "condition"
jaz_code = 2
traits = Traits(
    may_skip=False, may_rerun=True, may_set_variable=True, may_continue=False, lines_out=(2, 2), asks_time=True
)

__all__ = ["Params", "begin", "check", "jaz_code", "name", "resume", "stop", "traits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Params:
    """What is compared."""

    mode: Literal["number", "text"] = "number"
    variable: str = field(default="", metadata=NAMED)
    comparison: str = ""  # number: ranges such as 0,5-9; text: a POSIX extended regular expression


def check(params: Params, place: Place) -> Iterable[Problem]:
    """Give the problems of the settings."""
    yield from _check.variable(place, "variable", params.variable)
    yield from _check.required(place, "comparison", params.comparison, names.VARIABLE_VALUE_CHARS_MAX)
    if params.mode == "number" and (fault := _ranges.fault(params.comparison)):
        yield _check.at(place, "comparison", fault, "write numbers and ranges, as in 0,5-9")
    if params.mode == "text" and (fault := _regex.fault(params.comparison)):
        yield _check.at(place, "comparison", f"is no regular expression: {fault}; it never matches", severity="warning")


def begin(params: Params, view: View) -> Step:
    """Compare, and choose the flow."""
    value = view.variables.get(params.variable)
    if value is None:
        return Step(outcome="failed", message=f"the variable {params.variable} is not set")
    if params.mode == "text":
        return _along(_regex.found(params.comparison, value))
    if not value.strip(" ") or not params.comparison.strip(" "):
        return _along(False)
    if (number := _ranges.number(value)) is None:
        return Step(
            outcome="failed", message=f'the variable {params.variable} holds "{value[:40]}", which is no number'
        )
    try:
        return _along(_ranges.holds(params.comparison, number))
    except _ranges.BadRange as fault:
        return Step(outcome="failed", message=f"the comparison {fault}")


def _along(found: bool) -> Step:
    return Step(outcome="ended", branch="true" if found else "false")
