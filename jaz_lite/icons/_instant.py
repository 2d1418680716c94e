"""`resume` and `stop` of icon types that are over as soon as they are reached: nothing can happen to them."""

from typing import Any

from jaz_lite.icons._promise import IconEvent, Step, View


def resume(params: Any, view: View, event: IconEvent) -> Step:
    """Stay as it is."""
    return Step(outcome="waiting", memo=view.memo)


def stop(params: Any, view: View) -> Step:
    """End in error."""
    return Step(outcome="failed", message="stopped", stopped=True)
