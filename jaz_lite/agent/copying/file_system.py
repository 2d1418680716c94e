"""The file system as file waits see it: a seam at which a simulator puts files, takes them away and dies."""

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Found:
    """What stands at a path.

    regular: a file, also behind a link. dev, ino: of the entry itself, by which it is known again.
    """

    path: bytes
    regular: bool
    link: bool
    size: int
    dev: int
    ino: int
    mtime_ns: int


class Files(Protocol):
    """What a file wait asks of the file system. Everything may raise OSError, and may take its time."""

    def find(self, path: bytes) -> "Found | None":
        """Return what stands at a path; None where there is nothing, or a link that leads nowhere."""

    def entry(self, path: bytes) -> "Found | None":
        """Return the entry itself, whether it is a link or not; None where there is none."""

    def is_folder(self, path: bytes) -> bool:
        """Tell whether a folder is there."""

    def names(self, folder: bytes) -> list[bytes]:
        """Return the names in a folder, sorted."""

    def delete(self, path: bytes) -> None:
        """Remove an entry; one that is gone is fine."""

    def sync_folders(self, paths: Iterable[bytes]) -> None:
        """Make durable what was removed from the folders of these paths, where the system can."""


class RealFiles:
    """The file system of this machine."""

    def find(self, path: bytes) -> "Found | None":
        try:
            entry = os.lstat(path)
            target = os.stat(path) if stat.S_ISLNK(entry.st_mode) else entry
        except (FileNotFoundError, NotADirectoryError):
            return None
        return _found(path, entry, target)

    def entry(self, path: bytes) -> "Found | None":
        try:
            entry = os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return _found(path, entry, entry)

    def is_folder(self, path: bytes) -> bool:
        try:
            return stat.S_ISDIR(os.stat(path).st_mode)
        except (FileNotFoundError, NotADirectoryError):
            return False

    def names(self, folder: bytes) -> list[bytes]:
        return sorted(os.listdir(folder))

    def delete(self, path: bytes) -> None:
        try:
            os.unlink(path)
        except FileNotFoundError:
            return

    def sync_folders(self, paths: Iterable[bytes]) -> None:
        for folder in {os.path.dirname(path) for path in paths}:
            try:
                descriptor = os.open(folder, os.O_RDONLY)
            except OSError:  # a folder that may be written but not read, or Windows
                continue
            try:
                os.fsync(descriptor)
            except OSError:
                pass
            finally:
                os.close(descriptor)


def _found(path: bytes, entry: os.stat_result, target: os.stat_result) -> Found:
    # The time of the target: a file that is being written behind a link is not stable.
    return Found(
        path=path,
        regular=stat.S_ISREG(target.st_mode),
        link=stat.S_ISLNK(entry.st_mode),
        size=target.st_size,
        dev=entry.st_dev,
        ino=entry.st_ino,
        mtime_ns=target.st_mtime_ns,
    )
