"""Who holds a folder: one agent a data directory and one keeper, named by the process number in the lock file."""

import os
from typing import TYPE_CHECKING

from jaz_lite.agent.machine import local

if TYPE_CHECKING:
    from pathlib import Path  # the keeper loads this module and does without

LOCK_FILE = "lock"


def take(folder: "Path | str") -> int | None:
    """Take the lock of a folder; it lives as long as the descriptor that is returned. None: another process has it."""
    descriptor = local.lock(f"{folder}/{LOCK_FILE}")
    if descriptor is not None:
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode("ascii"))
    return descriptor


def holder_of(folder: "Path | str") -> int | None:
    """Return the process that holds the lock of a folder, or None.

    Notes:
        Must not be called by the holder itself: closing any descriptor of the file would free a POSIX record lock.
    """
    path = f"{folder}/{LOCK_FILE}"
    if not local.is_locked(path):
        return None
    with open(path, "rb") as file:
        text = file.read(32).strip()
    return int(text) if text.isdigit() else None
