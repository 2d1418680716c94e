"""Passwords as Job Arranger's exports hold them: scrambled with a fixed key, which keeps nobody out.

The new form is `1` and two hex digits a byte; the old form is the scrambled bytes as they are. An old value can begin
with `1` too, so telling them apart is a guess, as it is in JAZ. Agentless icons put the length before the password.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

_KEY = b"199907"
_NEW_FORM = re.compile(r"1((?:[0-9A-Fa-f]{2})+)", re.ASCII)
_LENGTH_BAR = re.compile(r"([0-9]{1,4})\|(.*)", re.ASCII | re.DOTALL)
_LENGTH_TWO_DIGITS = re.compile(r"([0-9]{2})(.*)", re.ASCII | re.DOTALL)


def scrambled(text: str) -> str:
    """Return `text` in the new form; the empty text stays empty."""
    return "1" + _xor(text.encode()).hex() if text else ""


def unscrambled(text: str) -> str | None:
    """Return what a value of either form holds, or None where it cannot be told."""
    if not text:
        return ""
    match = _NEW_FORM.fullmatch(text)
    data = bytes.fromhex(match[1]) if match else text.encode()
    try:
        return _xor(data).decode()
    except UnicodeDecodeError:
        return None


def with_length(text: str) -> str:
    """Return the password of an agentless icon with its length before it: `6|secret`."""
    return f"{len(text)}|{text}" if text else ""


def without_length(text: str) -> str:
    """Return the password of an agentless icon without the length before it.

    Notes:
        Besides `6|secret` real exports hold `06secret`. A length that does not fit belongs to the password.
    """
    for form in (_LENGTH_BAR, _LENGTH_TWO_DIGITS):
        match = form.fullmatch(text)
        if match and int(match[1]) in (len(match[2]), len(match[2].encode())):
            return match[2]
    return text


def _xor(data: bytes) -> bytes:
    return bytes(byte ^ _KEY[at % len(_KEY)] for at, byte in enumerate(data))


@dataclass(frozen=True, slots=True)
class Secret:
    """A column that holds a secret, and the field of the icon or of its settings that holds it sealed."""

    column: str
    name: str
    form: Literal["scrambled", "with_length", "plain"]

    def plain(self, text: str) -> str | None:
        """Return the secret a column holds, or None where its form is not understood."""
        if self.form == "plain":
            return text
        found = unscrambled(text)
        return without_length(found) if found is not None and self.form == "with_length" else found

    def text(self, plain: str) -> str:
        """Return what a column holds for a secret."""
        if self.form == "plain":
            return plain
        return scrambled(with_length(plain) if self.form == "with_length" else plain)


# The passphrase of a key is not known to be scrambled by any version of JAZ.
SECRETS: Final[Mapping[str, tuple[Secret, ...]]] = {
    "ja_job_control_table": (Secret("run_user_password", "run_user_password", "scrambled"),),
    "ja_icon_agentless_table": (
        Secret("login_password", "password", "with_length"),
        Secret("passphrase", "passphrase", "plain"),
    ),
}
