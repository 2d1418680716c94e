"""`begin`, `resume` and `stop` of icon types that are modelled and checked, but that this build cannot run.

An icon type comes to life by writing its own three functions and dropping `available=False` from its traits.
"""

from typing import Any

from jaz_lite.icons._instant import resume, stop
from jaz_lite.icons._promise import Step, View

__all__ = ["begin", "resume", "stop"]


def begin(params: Any, view: View) -> Step:
    """Fail with a sentence that names the icon type."""
    return Step(outcome="failed", message=f"the icon type {view.icon.type} is not available in this build")
