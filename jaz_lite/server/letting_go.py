"""Taking a copy out of the hands of the standby that keeps it, on the same machine.

The standby holds the lock of its directory. It is asked through its local socket to finish what it has, close the
copy and end; only then whoever takes over begins with it.
"""

import time
from contextlib import suppress
from pathlib import Path

from jaz_lite.errors import AlreadyRunning, JazLiteError, Unreachable
from jaz_lite.net import local_client
from jaz_lite.store.folder_lock import is_in_use

WITHIN_S = 10.0
LOOK_S = 0.02


def state_of(folder: Path) -> str:
    """Return what the process that uses a folder says to be: "active", "standby"; "" where none answers."""
    try:
        told = local_client.call(str(folder), "status")
    except JazLiteError:
        return ""
    return str(told.get("state", "")) if isinstance(told, dict) else ""


def let_go(folder: Path) -> None:
    """Have the standby of a folder end.

    Raises:
        AlreadyRunning: it takes too long.
    """
    with suppress(Unreachable):  # it may end before its answer is read
        local_client.call(str(folder), "standby.release")
    until = time.monotonic() + WITHIN_S
    while is_in_use(folder):
        if time.monotonic() > until:
            raise AlreadyRunning(f"the standby on {folder} does not end", hint="stop it, then activate again")
        time.sleep(LOOK_S)
