"""What it means for the one who must act that a disk refused something: it is full, or it does not work."""

import errno
import shutil
from pathlib import Path

from jaz_lite.errors import DiskFull, StoreDamaged

FULL = frozenset((errno.ENOSPC, errno.EDQUOT))
ROOM_BYTES_MIN = 64 * 1024  # with less, SQLite cannot even have the shared memory of its log, which grows by 32 KiB
FREE_SOME = "free some space; what was saved is safe"


def refused(path: Path | str, error: OSError) -> StoreDamaged:
    """Return what an error of the system at a file or folder means."""
    if error.errno in FULL:
        return DiskFull(f"the disk is full: {path} cannot be written", hint=FREE_SOME)
    return StoreDamaged(f"{path} cannot be used: {error.strerror}")


def has_no_room(path: str) -> bool:
    """Tell whether the disk of a file is full but for what is of no use."""
    try:
        return shutil.disk_usage(Path(path).parent).free < ROOM_BYTES_MIN
    except OSError:
        return False
