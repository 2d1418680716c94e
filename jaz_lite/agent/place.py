"""Places that people name, and where an agent keeps its things when nobody does: one answer for all commands."""

import os
import sys

DATA_VARIABLE = "JAZ_LITE_AGENT_DATA"
FOLDER = "jaz-lite-agent"
SYSTEM_FOLDER = f"/var/lib/{FOLDER}"


def data_folder(given: str | None = None) -> str:
    """Return the agent's data directory, absolute: the one given, else JAZ_LITE_AGENT_DATA, else the usual place.

    Notes:
        The usual place is /var/lib/jaz-lite-agent for root, and below the user's own data for everybody else.
    """
    return absolute(given or os.environ.get(DATA_VARIABLE) or _usual())


def absolute(named: str) -> str:
    """Return a path that a person named, absolute; `~` is a home."""
    return os.path.abspath(os.path.expanduser(named))  # noqa: PTH100, PTH111  # pathlib costs three milliseconds


def _usual() -> str:
    if sys.platform == "win32":
        return os.path.join(os.environ.get("PROGRAMDATA", "C:\\ProgramData"), FOLDER)  # noqa: PTH118
    if os.geteuid() == 0:
        return SYSTEM_FOLDER
    return os.path.join(os.environ.get("XDG_DATA_HOME") or "~/.local/share", FOLDER)  # noqa: PTH118
