"""The lock of a data directory: one process uses it, or several look at it while nobody does.

The system lets go of it when its process ends, however that comes about. The file says which process has it, for people.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jaz_lite.errors import AlreadyRunning
from jaz_lite.store.disk_trouble import refused
from jaz_lite.store.network_disk import refuse_network

LOCK_FILE = "lock"


@contextmanager
def hold_folder(folder: Path) -> Iterator[None]:
    """Keep other processes out of a folder that need not be a data directory yet.

    Raises:
        AlreadyRunning: another process holds it. Refused: it lies on a network file system.
        StoreDamaged: the disk does not let us.
    """
    refuse_network(folder, allow=False)
    try:
        lock = take_lock(folder)
    except OSError as error:
        raise refused(folder, error) from error
    try:
        yield
    finally:
        os.close(lock)


def take_lock(folder: Path) -> int:
    """Take the lock of a directory and return its descriptor, which children do not inherit."""
    descriptor = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.read(descriptor, 32).decode("ascii", "replace").strip()
        os.close(descriptor)
        who = f" (process {holder})" if holder else ""
        raise AlreadyRunning(
            f"another process{who} uses {folder}", hint="stop it with `jaz-lite stop`, or give another --data"
        ) from error
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


@contextmanager
def undisturbed(folder: Path) -> Iterator[None]:
    """Look at a directory that nobody uses, and keep servers out meanwhile. Nothing is written into it.

    Raises:
        AlreadyRunning: a server uses it.
    """
    try:
        descriptor = os.open(folder / LOCK_FILE, os.O_RDONLY)
    except OSError:
        yield  # nobody ever used it, or what is wrong with it shows when it is looked at
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise AlreadyRunning(
            f"a server uses {folder}", hint="copies are verified: `jaz-lite snapshot` takes one of a running server"
        ) from error
    finally:
        os.close(descriptor)


def is_in_use(folder: Path) -> bool:
    """Tell whether a process holds the lock of a directory; False where there is none, or it cannot be read."""
    try:
        descriptor = os.open(folder / LOCK_FILE, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False
