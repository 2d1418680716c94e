"""The disk as the spool sees it: a seam at which a simulator injects crashes, torn writes and full disks.

Paths are relative to the agent's data directory, with `/`.
"""

import contextlib
import os
import shutil
from pathlib import Path
from typing import Protocol

from jaz_lite.agent.machine.local import sync_folder
from jaz_lite.agent.prepared_file import PreparedFile


class LogFile(Protocol):
    """A file that grows at its end."""

    size: int  # bytes that hold records

    def write(self, data: bytes) -> None:
        """Write at the end; an OSError means that nothing was added."""

    def sync(self) -> None:
        """Make everything written durable."""

    def close(self) -> None:
        """Let go of the file."""


class Disk(Protocol):
    """What the spool asks of a disk. Everything may raise OSError."""

    def make_folder(self, path: str) -> None:
        """Create a folder, 0700, with its parents; one that exists is fine."""

    def names(self, folder: str) -> list[str]:
        """Return the names in a folder, sorted; none where there is no such folder."""

    def read(self, path: str) -> bytes:
        """Return a whole file. Raises FileNotFoundError."""

    def open_log(self, path: str, size: int) -> LogFile:
        """Open or create a log, and cut off what stands behind `size`."""

    def replace(self, path: str, content: bytes) -> None:
        """Write a whole file, 0600, durably: after a crash it is the old one or the new one."""

    def rename(self, old: str, new: str) -> None:
        """Rename durably, over whatever has the new name."""

    def remove(self, path: str) -> None:
        """Remove a file or a folder with all that is in it; one that is not there is fine."""

    def modified_ms(self, path: str) -> int:
        """Return when a file was last written, wall-clock milliseconds; 0 where there is none."""

    def free_bytes(self) -> int:
        """Return the room left for the agent."""


class PosixDisk:
    """A `Disk` in a real directory."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def make_folder(self, path: str) -> None:
        place = self._root
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        for part in path.split("/"):
            # One by one: `parents` would leave those between to the mask of whoever started the agent.
            place = place / part
            place.mkdir(mode=0o700, exist_ok=True)

    def names(self, folder: str) -> list[str]:
        try:
            return sorted(entry.name for entry in (self._root / folder).iterdir())
        except FileNotFoundError:
            return []

    def read(self, path: str) -> bytes:
        return (self._root / path).read_bytes()

    def open_log(self, path: str, size: int) -> LogFile:
        created = not (self._root / path).exists()
        file = PreparedFile(str(self._root / path), size)
        if created:
            self._sync_folder(path)
        return file

    def replace(self, path: str, content: bytes) -> None:
        target = self._root / path
        temporary = target.with_name(target.name + ".new")
        with open(temporary, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
        self._sync_folder(path)

    def rename(self, old: str, new: str) -> None:
        (self._root / old).replace(self._root / new)
        self._sync_folder(new)

    def remove(self, path: str) -> None:
        target = self._root / path
        with contextlib.suppress(FileNotFoundError):
            if target.is_dir() and not target.is_symlink():
                shutil.rmtree(target)
            else:
                target.unlink()

    def modified_ms(self, path: str) -> int:
        try:
            return (self._root / path).stat().st_mtime_ns // 1_000_000
        except FileNotFoundError:
            return 0

    def free_bytes(self) -> int:
        return shutil.disk_usage(self._root).free

    def _sync_folder(self, path: str) -> None:
        sync_folder(str((self._root / path).parent))
