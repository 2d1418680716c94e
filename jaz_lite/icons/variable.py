"""Variable: sets variables for the icons after it.

A value `$X` copies the before-variable X, `$$x` gives `$x`, anything else is taken as it stands. The rows do not see
each other.
Source: JAZ icon ENV, code 3.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from jaz_lite.icons import _check, _text
from jaz_lite.icons._instant import resume, stop
from jaz_lite.icons._promise import Place, Problem, Step, Traits, View
from jaz_lite.model.assignment import Assignment

name = "variable"
jaz_code = 3
traits = Traits(may_set_variable=True, asks_time=True)

__all__ = ["Params", "begin", "check", "jaz_code", "name", "resume", "stop", "traits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Params:
    """What is set."""

    values: tuple[Assignment, ...] = ()


def check(params: Params, place: Place) -> Iterable[Problem]:
    """Give the problems of the settings."""
    if not params.values:
        yield _check.at(place, "values", "is empty", "set at least one variable")
    yield from _check.assignments(place, "values", params.values)


def begin(params: Params, view: View) -> Step:
    """Set every variable of the list."""
    try:
        results = {row.name: _text.whole(row.value, view.variables) for row in params.values}
    except _text.NoSuchVariable as missing:
        return Step(outcome="failed", message=str(missing))
    return Step(outcome="ended", results=results)
