"""What ids, names, texts and versions may look like, and how long they may be.

Every function answers with what is wrong, as the end of a sentence (`is longer than 32 characters`), or None. The
caller knows what the text is and where it stands, and makes the sentence. The numbers are Job Arranger's, counted in
characters instead of bytes of Shift-JIS, so that a definition never fits here and is refused there for ASCII text.

Source: JAZ manager 3.0.0, field rules; decision 22.
"""

import re
from collections.abc import Collection
from contextlib import suppress
from datetime import datetime, timedelta

OBJECT_ID_CHARS_MAX = 32
ICON_ID_CHARS_MAX = 32
NAME_CHARS_MAX = 64
MEMO_CHARS_MAX = 100
OWNER_CHARS_MAX = 100
VARIABLE_NAME_CHARS_MAX = 128
VARIABLE_VALUE_CHARS_MAX = 4000
SCRIPT_CHARS_MAX = 4000
RUN_USER_CHARS_MAX = 256
JOBNET_TIMEOUT_MIN_MAX = 9999
LATE_GRACE_MIN_MAX = 1440
END_WITHIN_MIN_MAX = 9999
CYCLE_MIN_MAX = 5999  # from 0000 to 9959
RETRIES_MAX = 1000
RETRY_DELAY_S_MAX = 86_400

STEERING = frozenset(("LIBPATH", "SHLIB_PATH", "IFS", "ENV", "BASH_ENV", "PATH", "HOME", "USER"))
STEERING_STARTS = ("LD_", "DYLD_", "PYTHON", "PERL5")

START_ID = "START"  # the fixed id of the start icon; no other icon may have it
NAME_FORBIDDEN = "\"',\\"
RUN_USER_FORBIDDEN = '"/[]:;|<>+=,?*'  # a backslash divides domain and user on Windows

_ID = re.compile(r"[0-9A-Za-z_-]+", re.ASCII)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_VERSION = re.compile(r"[0-9]{14}", re.ASCII)
_BOOT_TIME = re.compile(r"[0-9]{2}[0-5][0-9]", re.ASCII)


def length_fault(text: str, chars_max: int) -> str | None:
    """Say that `text` is too long, or None."""
    if len(text) > chars_max:
        return f"is longer than {chars_max} characters"
    return None


def id_fault(text: str, chars_max: int = OBJECT_ID_CHARS_MAX) -> str | None:
    """Say what is wrong with the id of an object or an icon, or None."""
    if not text:
        return "is empty"
    if not _ID.fullmatch(text):
        return "may hold only letters, digits, - and _"
    return length_fault(text, chars_max)


def name_fault(text: str, chars_max: int = NAME_CHARS_MAX) -> str | None:
    """Say what is wrong with the name or memo of an object or an icon, or None. An empty one is left to the caller."""
    found = [character for character in NAME_FORBIDDEN if character in text]
    if found:
        return f"must not contain {' '.join(found)}"
    if _CONTROL.search(text):
        return "must not contain control characters"
    return length_fault(text, chars_max)


def variable_name_fault(text: str) -> str | None:
    """Say what is wrong with the name of a variable, or None."""
    if not text:
        return "is empty"
    if not _VARIABLE.fullmatch(text):
        return "may hold only letters, digits and _, and must not begin with a digit"
    return length_fault(text, VARIABLE_NAME_CHARS_MAX)


def steers_programs(name: str) -> bool:
    """Tell whether a variable of this name changes which code a program runs, or who it thinks it runs for.

    A job may set such a variable itself; its value must not come from elsewhere. Source: protocol.md section 12, T9.
    """
    return name.upper() in STEERING or name.upper().startswith(STEERING_STARTS)


def run_user_fault(text: str) -> str | None:
    """Say what is wrong with the user a job shall run as, or None."""
    found = [character for character in RUN_USER_FORBIDDEN if character in text]
    if found:
        return f"must not contain {' '.join(found)}"
    return length_fault(text, RUN_USER_CHARS_MAX)


def version_fault(text: str) -> str | None:
    """Say what is wrong with a version, or None. Any 14 digits will do: old exports hold impossible dates too."""
    if not _VERSION.fullmatch(text):
        return "is not 14 digits YYYYMMDDHHMMSS"
    return None


def boot_time_fault(text: str) -> str | None:
    """Say what is wrong with the boot time of a schedule, or None."""
    if not _BOOT_TIME.fullmatch(text):
        return "is not four digits HHMM from 0000 to 9959"
    return None


def new_version(moment: datetime, taken: Collection[str]) -> str:
    """Return the version of a definition saved at `moment`: its wall time, or the first free second after it.

    A version from the future (another clock wrote it, or this one was set back) is followed by the second after it, so
    that what was saved last is the newest; unless it is no time at all, as some of old exports are not.

    Args:
        moment: in the site's zone.
        taken: the versions the object has already.
    """
    version = moment.strftime("%Y%m%d%H%M%S")
    newest = max(taken, default="")
    if newest > version:
        with suppress(ValueError, OverflowError):
            moment = datetime.strptime(newest, "%Y%m%d%H%M%S") + timedelta(seconds=1)  # noqa: DTZ007 - wall time
            version = moment.strftime("%Y%m%d%H%M%S")
    while version in taken:
        moment += timedelta(seconds=1)
        version = moment.strftime("%Y%m%d%H%M%S")
    return version
