"""Calculation: works out a formula and puts the result into a variable.

`integer` is the language of the program expr; `time` is `date;format` as the program date takes them.
Source: JAZ icon CAL, code 10; both languages are ours (see _expr.py, _date.py).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from jaz_lite.icons import _check, _date, _expr
from jaz_lite.icons._instant import resume, stop
from jaz_lite.icons._promise import ANYWHERE, SETS, Place, Problem, Step, Traits, View

name = "calculation"
jaz_code = 10
traits = Traits(asks_time=True)

__all__ = ["Params", "begin", "check", "jaz_code", "name", "resume", "stop", "traits"]

FORMULA_CHARS_MAX = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Params:
    """The formula and where its result goes."""

    mode: Literal["integer", "time"] = "integer"
    formula: str = field(default="", metadata=ANYWHERE)  # $NAME is replaced by the before-variable
    variable: str = field(default="", metadata=SETS)


def check(params: Params, place: Place) -> Iterable[Problem]:
    """Give the problems of the settings."""
    yield from _check.required(place, "formula", params.formula, FORMULA_CHARS_MAX)
    yield from _check.ascii_only(place, "formula", params.formula)
    if params.formula and params.mode == "time" and ";" not in params.formula:
        yield _check.at(place, "formula", "has no ; between date and format", "write now;%Y%m%d")
    yield from _check.variable(place, "variable", params.variable)


def begin(params: Params, view: View) -> Step:
    """Work the formula out."""
    try:
        if params.mode == "integer":
            value = _expr.evaluate(params.formula, view.variables)
        else:
            value = _date.formatted(params.formula, view.variables, view.now)
    except (_expr.BadFormula, _date.BadDate) as fault:
        return Step(outcome="failed", message=f"the formula {fault}")
    return Step(outcome="ended", results={params.variable: value})
