"""Extended job: waits for a time, or asks for the day of the week; done by the engine itself.

Source: JAZ icon EXTJOB, code 9, with its four defined commands.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta, tzinfo

from jaz_lite.icons import _check, _text
from jaz_lite.icons._promise import ANYWHERE, IconEvent, Place, Problem, Step, Traits, View
from jaz_lite.model import names
from jaz_lite.model.action import SetTimer
from jaz_lite.model.event import TimerFired

name = "extended_job"
jaz_code = 9
traits = Traits(may_rerun=True, may_stop=True, asks_time=True)

__all__ = ["Params", "begin", "check", "jaz_code", "name", "resume", "stop", "traits"]

COMMANDS = ("jacmdsleep", "jacmdtime", "jacmdweek", "zabbix_sender")
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
SENDER_FAILED = "255"  # as when the sender of JAZ fails
NO_SENDER = "this build has no zabbix_sender yet: it comes with the Zabbix capability"
TIMER = "wait"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_REMOVED = str.maketrans("", "", ";`><&|")
_SLEEP = re.compile(r"[0-9]{1,6}", re.ASCII)
_CLOCK = re.compile(r"[0-9]{3,6}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Params:
    """The command and its parameter."""

    command: str = ""  # jacmdsleep, jacmdtime, jacmdweek, zabbix_sender
    parameter: str | None = field(default=None, metadata=ANYWHERE)  # ${NAME} and $NAME allowed anywhere


def check(params: Params, place: Place) -> Iterable[Problem]:
    """Give the problems of the settings."""
    if params.command not in COMMANDS:
        yield _check.at(
            place, "command", f'there is no extended job "{params.command}"', f"one of {', '.join(COMMANDS)}"
        )
    if params.command == "zabbix_sender":
        yield _check.at(place, "command", NO_SENDER, "reached, the icon ends in error", "warning")
    yield from _check.bounded(place, "parameter", params.parameter, names.VARIABLE_VALUE_CHARS_MAX)


def begin(params: Params, view: View) -> Step:
    """Prepare the parameter and do what the command says."""
    try:
        text = _text.anywhere((params.parameter or "").translate(_REMOVED), view.variables, view.compat).strip()
    except _text.BadText as fault:
        return Step(outcome="failed", message=f"the parameter {fault}")
    match params.command:
        case "jacmdsleep":
            if not _SLEEP.fullmatch(text):
                return Step(outcome="failed", message=f'jacmdsleep needs 1 to 6 digits of seconds, not "{text[:40]}"')
            return _wait(view, view.now_ms + int(text) * 1000)
        case "jacmdtime":
            if (due := _due(text, view.run_started)) is None:
                return Step(
                    outcome="failed", message=f'jacmdtime needs a time such as 0930 or 253000, not "{text[:40]}"'
                )
            return _wait(view, due)
        case "jacmdweek":
            return _weekday(text, view)
        case "zabbix_sender":
            results = {"JOB_EXIT_CD": SENDER_FAILED, "JOBARG_MESSAGE": NO_SENDER}
            return Step(outcome="failed", results=results, exit_code=int(SENDER_FAILED), message=NO_SENDER)
    return Step(outcome="failed", message=f'there is no extended job "{params.command}"')


def resume(params: Params, view: View, event: IconEvent) -> Step:
    """End when the timer of this very wait is due."""
    if isinstance(event, TimerFired) and event.name == TIMER and event.due_ms == view.memo.get("due_ms"):
        return Step(outcome="ended")
    return Step(outcome="waiting", memo=view.memo)


def stop(params: Params, view: View) -> Step:
    """End in error at once."""
    return Step(outcome="failed", message="stopped while it waited", stopped=True)


def _wait(view: View, due_ms: int) -> Step:
    if view.test or due_ms <= view.now_ms:
        return Step(outcome="ended")
    timer = SetTimer(node=view.node, name=TIMER, due_ms=due_ms)
    return Step(outcome="waiting", actions=(timer,), memo={"due_ms": due_ms})


def _due(text: str, started: datetime) -> int | None:
    """Return the instant of HMM, HHMM, HMMSS or HHMMSS counted from the day the run started, or None."""
    if not _CLOCK.fullmatch(text):
        return None
    seconds = int(text[-2:]) if len(text) > 4 else 0
    minutes = int(text[-4:-2] if len(text) > 4 else text[-2:])
    hours = int(text[: -4 if len(text) > 4 else -2])
    if minutes > 59 or seconds > 59:
        return None
    day = started.date() + timedelta(days=hours // 24)
    return _instant_ms(datetime.combine(day, time(hours % 24, minutes, seconds)), started.tzinfo)


def _instant_ms(wall: datetime, zone: tzinfo | None) -> int:
    """Return the instant of a wall time: the first one where it is repeated, the end of the gap where it is skipped."""
    early, late = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (1, 0))
    if early < late and early.astimezone(zone).replace(tzinfo=None) != wall:
        # In a gap the two readings lie on both sides of the change of offset; it is searched for by halves.
        offset = late.astimezone(zone).utcoffset()
        while late - early > timedelta(seconds=1):
            middle = early + (late - early) // 2
            early, late = (early, middle) if middle.astimezone(zone).utcoffset() == offset else (middle, late)
        late = late.replace(microsecond=0)
    return (late - EPOCH) // timedelta(milliseconds=1)


def _weekday(text: str, view: View) -> Step:
    wanted = text.lower().split()
    for word in wanted:
        if word not in WEEKDAYS:
            return Step(outcome="failed", message=f'"{word[:40]}" is no weekday; write Sun Mon Tue Wed Thu Fri Sat')
    if len(set(wanted)) < len(wanted):
        return Step(outcome="failed", message="a weekday is named twice")
    today = view.now.isoweekday() % 7
    code = today + 1 if not wanted or WEEKDAYS[today] in wanted else 0
    return Step(outcome="ended", results={"JOB_EXIT_CD": str(code)}, exit_code=code)
