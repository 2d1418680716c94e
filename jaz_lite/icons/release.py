"""Release: lets go of a held icon, in this run or in other running runs.

The target is a path inside the own jobnet, or else `<jobnet id>/<icon path>`.
Source: JAZ icon RELEASE, code 17.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from jaz_lite.icons import _check
from jaz_lite.icons._instant import stop
from jaz_lite.icons._promise import IconEvent, Place, Problem, Step, Traits, View
from jaz_lite.model.action import ReleaseIcon
from jaz_lite.model.event import Answered

name = "release"
jaz_code = 17
traits = Traits(may_rerun=True)

__all__ = ["Params", "begin", "check", "jaz_code", "name", "resume", "stop", "traits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Params:
    """Which icon."""

    target: str = ""


def check(params: Params, place: Place) -> Iterable[Problem]:
    """Give the problems of the settings."""
    yield from _check.required(place, "target", params.target, _check.PATH_CHARS_MAX, "name the icon to release")
    yield from _check.ascii_only(place, "target", params.target)


def begin(params: Params, view: View) -> Step:
    """Release an icon of the own jobnet at once, or ask for another run's."""
    node = view.find(params.target)
    if node is None:
        ask = ReleaseIcon(node=view.node, visit=view.visit, target=params.target)
        return Step(outcome="waiting", actions=(ask,))
    if not view.is_held(node):
        return Step(outcome="failed", message=f"the icon {params.target} is not held")
    return Step(outcome="ended", release=node)


def resume(params: Params, view: View, event: IconEvent) -> Step:
    """Take the answer about the other run."""
    if not isinstance(event, Answered):
        return Step(outcome="waiting", memo=view.memo)
    if not event.ok:
        return Step(outcome="failed", message=event.message or f"the icon {params.target} is not held")
    return Step(outcome="ended")
