"""Sub-jobnet: runs another jobnet inside this run.

The engine opens and closes the inner jobnet; of its variables only JOB_EXIT_CD comes back.
Source: JAZ icon JOBNET, code 5.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from jaz_lite.icons import _check
from jaz_lite.icons._instant import resume, stop
from jaz_lite.icons._promise import Place, Problem, Step, Traits, View
from jaz_lite.model import names

name = "sub_jobnet"
jaz_code = 5
traits = Traits(may_continue=False)

__all__ = ["Params", "begin", "check", "jaz_code", "name", "resume", "stop", "traits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Params:
    """Which jobnet."""

    jobnet_id: str = ""


def check(params: Params, place: Place) -> Iterable[Problem]:
    """Give the problems of the settings."""
    if fault := names.id_fault(params.jobnet_id):
        yield _check.at(place, "jobnet_id", fault)
    if params.jobnet_id and params.jobnet_id == place.object_id:
        yield _check.at(place, "jobnet_id", "is the jobnet itself")


def begin(params: Params, view: View) -> Step:
    """Enter the inner jobnet."""
    return Step(outcome="descend")
