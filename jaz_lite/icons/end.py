"""End: ends its jobnet with an exit code.

The code is digits or `$NAME`. The engine asks for it and closes the jobnet; an end icon has no flows.
Source: JAZ icon END, code 1.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from jaz_lite.icons import _check, _text
from jaz_lite.icons._instant import resume, stop
from jaz_lite.icons._promise import WHOLE, Place, Problem, Step, Traits, View

name = "end"
jaz_code = 1
traits = Traits(may_skip=False, may_continue=False, may_set_variable=True, lines_out=(0, 0))

__all__ = ["Params", "begin", "check", "jaz_code", "name", "resume", "stop", "traits"]

EXIT_CODE_MAX = 255
EXIT_CODE_CHARS_MAX = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Params:
    """What the end icon sets."""

    hold: bool = False  # the jobnet waits here until the icon is released
    exit_code: str = field(default="0", metadata=WHOLE)  # 0 .. 255, or $NAME


def check(params: Params, place: Place) -> Iterable[Problem]:
    """Give the problems of the settings."""
    code = params.exit_code
    if code.startswith("$"):
        yield from _check.variable(place, "exit_code", code[1:])
    elif not (code.isascii() and code.isdigit() and int(code[:9]) <= EXIT_CODE_MAX):
        yield _check.at(place, "exit_code", f'"{code}" is neither a number from 0 to 255 nor $NAME')
    yield from _check.bounded(place, "exit_code", code, EXIT_CODE_CHARS_MAX)


def begin(params: Params, view: View) -> Step:
    """Set JOB_EXIT_CD from the code: no digits at all is 0, more than 255 is 255."""
    try:
        text = _text.whole(params.exit_code, view.variables)
    except _text.NoSuchVariable as missing:
        return Step(outcome="failed", message=str(missing))
    digits = text.isascii() and text.isdigit()
    code = min(int(text[:9]), EXIT_CODE_MAX) if digits else 0
    return Step(outcome="ended", results={"JOB_EXIT_CD": str(code)}, exit_code=code)
