"""How texts in definitions name variables.

Whole value: a text that begins with `$` *is* a variable, the rest of it being the name; `$$x` is the text `$x`.
Anywhere: `${NAME}` and `$NAME` are replaced inside a text, `$$` is one `$`.

Source: JAZ, execution.md 6.3; where a bare `$NAME` ends is decision 11.
"""

import re
from collections.abc import Mapping

from jaz_lite.model.jobnet import Compat

_BRACED = re.compile(r"\{([^}]*)\}")
_BARE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_BARE_JAZ = re.compile(r"[^$}\r\n]*")
NAME_CHARS_SHOWN_MAX = 60


class BadText(Exception):
    """A text does not name its variables properly. The message goes on from "the parameter"."""


class NoSuchVariable(BadText):
    """A text names a variable that is not set. The message is a sentence."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the variable {name[:NAME_CHARS_SHOWN_MAX]} is not set")


def is_variable(text: str) -> bool:
    """Tell whether the whole of a text stands for a variable."""
    return len(text) > 1 and text[0] == "$" and text[1] != "$"


def whole(text: str, variables: Mapping[str, str]) -> str:
    """Return what a whole-value field stands for.

    Raises:
        NoSuchVariable: it names a variable that is not set.
    """
    if not is_variable(text):
        return text[1:] if text.startswith("$$") else text
    value = variables.get(text[1:])
    if value is None:
        raise NoSuchVariable(text[1:])
    return value


def whole_or_empty(text: str, variables: Mapping[str, str]) -> str:
    """Return what a whole-value field stands for; a variable that is not set is the empty text."""
    if is_variable(text):
        return variables.get(text[1:], "")
    return text[1:] if text.startswith("$$") else text


def anywhere(text: str, variables: Mapping[str, str], compat: Compat) -> str:
    """Return a text with every variable in it replaced.

    Args:
        compat: "jaz": a bare name runs to the next `$`, `}` or line end. "lite": to the first character that cannot
            be in a name.

    Raises:
        BadText: a name is empty or not closed.
        NoSuchVariable: a variable is not set.
    """
    parts: list[str] = []
    place = 0
    while (dollar := text.find("$", place)) >= 0:
        parts.append(text[place:dollar])
        place = dollar + 1
        if text.startswith("$", place):
            parts.append("$")
            place += 1
            continue
        braced = text.startswith("{", place)
        bare = _BARE_JAZ if compat == "jaz" else _BARE
        found = (_BRACED if braced else bare).match(text, place)
        if found is None and braced:
            raise BadText("has a ${ that is not closed")
        name = "" if found is None else found[1] if braced else found[0]
        if found is None or not name:
            raise BadText("has a $ without a name; write $$ for the sign itself")
        value = variables.get(name)
        if value is None:
            raise BadText(f"names a variable that is not set: {name[:NAME_CHARS_SHOWN_MAX]}")
        parts.append(value)
        place = found.end()
    parts.append(text[place:])
    return "".join(parts)


def sound(text: str) -> str:
    """Return a text without NUL and without what UTF-8 cannot carry (half of a surrogate pair becomes `?`)."""
    if "\0" in text:
        text = text.replace("\0", "")
    if text.isascii():
        return text
    return text.encode("utf-8", "replace").decode("utf-8")
