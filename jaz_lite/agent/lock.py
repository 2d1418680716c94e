"""Who holds a spool: one agent a data directory, named by the process number in the lock file."""

import fcntl
import os
from pathlib import Path

LOCK_FILE = "lock"


def take(folder: Path) -> int | None:
    """Take the lock of a spool; the lock lives as long as the descriptor that is returned. None: another agent has it."""
    descriptor = os.open(folder / LOCK_FILE, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
    return descriptor


def holder_of(folder: Path) -> int | None:
    """Return the process that holds the lock of a spool, or None.

    Notes:
        Must not be called by the holder itself: closing any descriptor of the file would free a POSIX record lock.
    """
    try:
        with open(folder / LOCK_FILE, "r+b") as file:
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                text = file.read(32).strip()
                return int(text) if text.isdigit() else None
    except FileNotFoundError:
        pass
    return None
