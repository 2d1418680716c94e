"""Information: asks for the state of an icon, or whether today is an operating day.

The answer is in LAST_STATUS: JAZ's number of the icon's state, or 1 and 0 for the calendar.
Source: JAZ icon INF, code 12.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from jaz_lite.icons import _check
from jaz_lite.icons._instant import stop
from jaz_lite.icons._promise import IconEvent, Place, Problem, Step, Traits, View
from jaz_lite.model import names
from jaz_lite.model.action import AskCalendar
from jaz_lite.model.event import Answered
from jaz_lite.model.run import ICON_STATES

name = "information"
jaz_code = 12
traits = Traits(asks_time=True)

__all__ = ["Params", "begin", "check", "jaz_code", "name", "resume", "stop", "traits"]

PATH = re.compile(r"[A-Za-z0-9_/-]+", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Params:
    """What is asked."""

    about: Literal["icon", "item", "trigger", "calendar"] = "icon"
    icon_path: str | None = None  # from the own jobnet through sub-jobnet icons: a/b/c
    calendar_id: str | None = None
    item_id: int | None = None  # kept for JAZ's old queries, which it no longer answers
    trigger_id: int | None = None
    host_group: str | None = None
    host: str | None = None


def check(params: Params, place: Place) -> Iterable[Problem]:
    """Give the problems of the settings."""
    if params.about == "icon":
        yield from _check.required(place, "icon_path", params.icon_path, _check.PATH_CHARS_MAX, "name the icon")
        if params.icon_path and not PATH.fullmatch(params.icon_path):
            yield _check.at(place, "icon_path", "may hold only letters, digits, -, _ and /")
    elif params.about == "calendar":
        if fault := names.id_fault(params.calendar_id or ""):
            yield _check.at(place, "calendar_id", fault)
    else:
        yield _check.at(place, "about", f'"{params.about}" is no longer answered', "ask about an icon or a calendar")


def begin(params: Params, view: View) -> Step:
    """Look the icon up at once, or ask about the calendar."""
    if params.about == "icon":
        node = view.find(params.icon_path or "")
        if node is None:
            return Step(outcome="failed", message=f'there is no icon "{params.icon_path or ""}" in this jobnet')
        number = ICON_STATES.index(view.state_of(node))
        return Step(outcome="ended", results={"LAST_STATUS": str(number)})
    if params.about == "calendar":
        day = view.now.date().isoformat()
        ask = AskCalendar(node=view.node, visit=view.visit, calendar_id=params.calendar_id or "", day=day)
        return Step(outcome="waiting", actions=(ask,))
    return Step(outcome="failed", message=f'asking about "{params.about}" is not possible')


def resume(params: Params, view: View, event: IconEvent) -> Step:
    """Take the answer about the calendar."""
    if not isinstance(event, Answered):
        return Step(outcome="waiting", memo=view.memo)
    if not event.ok:
        calendar = params.calendar_id or ""
        return Step(outcome="failed", message=event.message or f"the calendar {calendar} has no enabled version")
    return Step(outcome="ended", results={"LAST_STATUS": event.value})
