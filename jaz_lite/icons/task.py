"""Task: starts another jobnet as a run of its own and does not wait for it.

Source: JAZ icon TASK, code 11; handing variables over is ours (decision 23).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from jaz_lite.icons import _check
from jaz_lite.icons._instant import stop
from jaz_lite.icons._promise import IconEvent, Place, Problem, Step, Traits, View
from jaz_lite.model import names
from jaz_lite.model.action import StartRun
from jaz_lite.model.event import Answered

name = "task"
jaz_code = 11
traits = Traits()

__all__ = ["Params", "begin", "check", "jaz_code", "name", "resume", "stop", "traits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Params:
    """Which jobnet, and what it is given."""

    jobnet_id: str = ""
    hand_over: tuple[str, ...] = ()  # names of variables it starts with


def check(params: Params, place: Place) -> Iterable[Problem]:
    """Give the problems of the settings."""
    if fault := names.id_fault(params.jobnet_id):
        yield _check.at(place, "jobnet_id", fault)
    if params.jobnet_id and params.jobnet_id == place.object_id:
        yield _check.at(place, "jobnet_id", "is the jobnet itself")
    for position, variable in enumerate(params.hand_over):
        yield from _check.variable(place, f"hand_over[{position}]", variable)


def begin(params: Params, view: View) -> Step:
    """Ask for the run. Its name is computed from this attempt, so that a repeated request finds it."""
    start = StartRun(
        node=view.node,
        visit=view.visit,
        occ=view.task_occ,
        jobnet_id=params.jobnet_id,
        origin="test" if view.test else "task",
        user=view.user,
        variables={name: view.variables[name] for name in params.hand_over if name in view.variables},
    )
    return Step(outcome="waiting", actions=(start,))


def resume(params: Params, view: View, event: IconEvent) -> Step:
    """Go on once the run is there."""
    if not isinstance(event, Answered):
        return Step(outcome="waiting", memo=view.memo)
    if not event.ok:
        return Step(outcome="failed", message=event.message or f"the jobnet {params.jobnet_id} cannot be started")
    return Step(outcome="ended", message=event.value and f"run {event.value}")
