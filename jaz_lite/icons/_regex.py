"""Regular expressions that people write, in time proportional to the text (RE2), so that none can stall the engine.

`found` takes POSIX extended expressions: not anchored, case counts, `.` matches a line end too, `^` and `$` are the
ends of the text. `match_length` takes POSIX basic ones, as the `:` of expr does.

Source: IEEE Std 1003.1 chapter 9; JAZ's IF. Back-references do not exist here: RE2 cannot do them in linear time.
"""

from functools import lru_cache
from typing import Any

import re2

CACHE_SIZE = 128
PATTERN_CHARS_MAX = 4_000


class BadPattern(Exception):
    """The pattern is none. The message says why."""


def found(pattern: str, text: str) -> bool:
    """Tell whether an extended expression occurs in a text. A pattern that is none never does, as in JAZ."""
    try:
        return _compiled(pattern).search(text) is not None
    except BadPattern:
        return False


def fault(pattern: str) -> str | None:
    """Say what is wrong with an extended expression, or None."""
    try:
        _compiled(pattern)
    except BadPattern as bad:
        return str(bad)
    return None


def matched(pattern: str, text: str) -> str:
    """Return what `text : pattern` of expr gives for a basic expression, anchored at the beginning of the text.

    Returns:
        The part in the first `\\( \\)`, or the number of characters matched where there is none; "" or "0" when
        nothing matches.

    Raises:
        BadPattern: the pattern is none, or has a back-reference.
    """
    compiled = _compiled(extended(pattern))
    hit = compiled.match(text)
    if compiled.groups:
        return (hit[1] or "") if hit else ""
    return str(len(hit[0])) if hit else "0"


def extended(basic: str) -> str:
    """Return a basic expression as an extended one.

    Raises:
        BadPattern: it has a back-reference, or ends with a single backslash.
    """
    parts: list[str] = []
    place = 0
    fresh = True  # at the beginning of the expression, a group or an alternative: * is a star and ^ an anchor
    while place < len(basic):
        sign = basic[place]
        place += 1
        if sign == "\\":
            if place == len(basic):
                raise BadPattern("it ends with a backslash")
            sign = basic[place]
            place += 1
            if sign in "123456789":
                raise BadPattern("back-references are not possible")
            # The backslash gives these signs their meaning in basic expressions and takes it in extended ones.
            parts.append(sign if sign in "(){}|+?" else "\\" + sign)
            fresh = sign in "(|"
            continue
        if sign == "[":
            end = _bracket_end(basic, place)
            parts.append(basic[place - 1 : end])
            place = end
        elif sign in "(){}|+?" or (sign == "*" and fresh):
            parts.append("\\" + sign)
        elif sign == "^":
            parts.append("^" if fresh else "\\^")
            fresh = fresh or place == 0
            continue
        elif sign == "$":
            last = place == len(basic) or basic.startswith(("\\)", "\\|"), place)
            parts.append("$" if last else "\\$")
        else:
            parts.append(sign)
        fresh = False
    return "".join(parts)


def _bracket_end(text: str, place: int) -> int:
    """Return where a bracket expression ends that was opened just before `place`."""
    if text.startswith("^", place):
        place += 1
    if text.startswith("]", place):
        place += 1
    while place < len(text) and text[place] != "]":
        if text.startswith(("[:", "[.", "[="), place):
            closing = text.find(text[place + 1] + "]", place + 2)
            place = len(text) if closing < 0 else closing + 2
        else:
            place += 1
    if place >= len(text):
        raise BadPattern("a [ is not closed")
    return place + 1


@lru_cache(maxsize=CACHE_SIZE)
def _compiled(pattern: str) -> Any:
    if len(pattern) > PATTERN_CHARS_MAX:
        raise BadPattern(f"it is longer than {PATTERN_CHARS_MAX} characters")
    options = re2.Options()
    options.posix_syntax = True
    options.longest_match = True
    options.one_line = True
    options.dot_nl = True
    options.perl_classes = True  # \w and \s, which the C library knows too
    options.word_boundary = True
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except (re2.error, UnicodeEncodeError) as bad:
        reason = bad.args[0] if bad.args else ""
        raise BadPattern(reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)) from None
