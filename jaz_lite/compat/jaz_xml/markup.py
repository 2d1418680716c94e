"""Text as XML 1.0 can hold it."""

import re

_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"}
_TO_ESCAPE = re.compile(r"[&<>\r]")
_IMPOSSIBLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
REPLACEMENT = "\ufffd"


def escaped(text: str) -> str:
    """Return `text` for the inside of an element. A carriage return has to be escaped, or a reader makes it a newline."""
    return _TO_ESCAPE.sub(lambda found: _ESCAPES[found[0]], text)


def has_impossible(text: str) -> bool:
    """Say whether `text` holds a character that XML has no way to write."""
    return _IMPOSSIBLE.search(text) is not None


def replaced(text: str) -> str:
    """Return `text` with the characters XML cannot hold replaced."""
    return _IMPOSSIBLE.sub(REPLACEMENT, text)
