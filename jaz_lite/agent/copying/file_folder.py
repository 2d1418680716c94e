"""One folder that files are copied from or to, held open while it is used.

Where the system can, everything happens relative to the open folder: who renames a part of the path, or puts a link in
its place, changes nothing for a copy under way. The path is resolved once, checked against the policy, and then walked
from the root without following any link; what has become a link between the two is refused.

Blocking; called in threads. Source: protocol.md section 5.5.
"""

import errno
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import suppress

from jaz_lite.agent.copying.file_paths import FileFault, check_folder, check_name, shown
from jaz_lite.agent.file_roots import FileRoots, PathRefused

WINDOWS = sys.platform == "win32"
_CLOEXEC = getattr(os, "O_CLOEXEC", 0)
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_READ = os.O_RDONLY | _CLOEXEC | _NOFOLLOW | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_WRITE = os.O_RDWR | _CLOEXEC | _NOFOLLOW | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_STEP = os.O_RDONLY | _CLOEXEC | _NOFOLLOW | getattr(os, "O_DIRECTORY", 0)
# Without it (some Unixes, Windows) who may rename a part of the path can lead a copy under way elsewhere.
BY_DESCRIPTOR = hasattr(os, "O_DIRECTORY") and {os.open, os.stat, os.unlink, os.rename, os.link} <= os.supports_dir_fd

_SENTENCES = {
    errno.ENOENT: ("missing", "is not there"),
    errno.EACCES: ("denied", "may not be used by the agent's user"),
    errno.EPERM: ("denied", "may not be used by the agent's user"),
    errno.ELOOP: ("not_regular", "is a symbolic link"),
    errno.ENOTDIR: ("folder", "is not a folder"),
    errno.EISDIR: ("not_regular", "is a folder"),
    errno.ENAMETOOLONG: ("name", "has too long a name for this system"),
    errno.ENOSPC: ("no_space", "does not fit: the disk is full"),
    errno.EDQUOT: ("no_space", "does not fit: the quota is used up"),
    errno.EFBIG: ("no_space", "is too large for this file system"),
    errno.EROFS: ("denied", "is on a disk that cannot be written"),
    errno.ETXTBSY: ("denied", "is a program that runs"),
}


def fault(error: OSError, what: str) -> FileFault:
    """Return what the system says as a sentence about `what`, as in `the file "a"`."""
    code, sentence = _SENTENCES.get(error.errno or 0, ("io", f"cannot be used: {error.strerror or error}"))
    return FileFault(code, f"{what} {sentence}")


def about(name: str) -> str:
    """Return how sentences name a file."""
    return f'the file "{shown(name)}"'


class Folder:
    """An open folder. All names are plain names of files in it."""

    def __init__(self, path: str, roots: FileRoots) -> None:
        """Open a folder that the policy allows.

        Args:
            path: absolute. roots: what may be reached.

        Raises:
            FileFault: it is not there, no folder, or not allowed.
        """
        check_folder(path, windows=WINDOWS)
        self.path = path
        try:
            self._real = os.path.realpath(path)
            if not stat.S_ISDIR(os.stat(self._real).st_mode):
                raise FileFault("folder", f'"{shown(path)}" is not a folder')
            roots.check_real(os.fsencode(self._real), f'the folder "{shown(path)}"')
            self._descriptor = _walk(self._real) if BY_DESCRIPTOR else None
        except PathRefused as refusal:
            raise FileFault("roots", str(refusal)) from None
        except FileNotFoundError:
            raise FileFault("folder", f'the folder "{shown(path)}" is missing') from None
        except (OSError, ValueError) as error:
            # EINVAL: what was a link when it was looked at is none when it is read.
            if isinstance(error, OSError) and error.errno in (errno.ELOOP, errno.EINVAL):
                raise FileFault("folder", f'the folder "{shown(path)}" changed while it was opened') from error
            if isinstance(error, OSError):
                raise fault(error, f'the folder "{shown(path)}"') from error
            raise FileFault("folder", f'the folder "{shown(path)}" cannot be named here') from error

    def close(self) -> None:
        """Let go of the folder; may be said twice."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
        self._real = ""

    def _at(self, name: str) -> str:
        """Return how a system call names a file of this folder, beside `dir_fd`."""
        assert self._real, "the folder is closed"
        return name if self._descriptor is not None else os.path.join(self._real, name)

    # ---- looks

    def names(self) -> Iterator[tuple[str, bool]]:
        """Give the names in the folder, in no order, each with whether it is a regular file."""
        with os.scandir(self._descriptor if self._descriptor is not None else self._real) as entries:
            for entry in entries:
                yield entry.name, entry.is_file(follow_symlinks=False)

    def look(self, name: str) -> "os.stat_result | None":
        """Return how a file is, a link as itself; None where there is none."""
        try:
            return os.stat(self._at(name), dir_fd=self._descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def free_bytes(self) -> int:
        """Return the room on its disk; a very large number where the system does not say."""
        if not hasattr(os, "statvfs"):
            return 2**62
        seen = os.statvfs(self._real) if self._descriptor is None else os.fstatvfs(self._descriptor)
        return seen.f_bavail * seen.f_frsize

    # ---- files

    def open_regular(self, name: str) -> int:
        """Return a descriptor to read a regular file.

        Raises:
            FileFault: it is not there, something else, or may not be read.
        """
        check_name(name, windows=WINDOWS)
        try:
            # Looked at first: opening a device may already do something.
            named = os.stat(self._at(name), dir_fd=self._descriptor, follow_symlinks=False)
            _refuse_others(named, name)
            descriptor = os.open(self._at(name), _READ, dir_fd=self._descriptor)
        except OSError as error:
            raise fault(error, about(name)) from error
        try:
            seen = os.fstat(descriptor)
            _refuse_others(seen, name)
            # Where opening follows links, one may have come between the two looks.
            if not (_NOFOLLOW or WINDOWS) and (named.st_dev, named.st_ino) != (seen.st_dev, seen.st_ino):
                raise FileFault("not_regular", f"{about(name)} changed while it was opened")
        except FileFault:
            os.close(descriptor)
            raise
        return descriptor

    def open_part(self, part: str) -> int:
        """Return a descriptor to write a part, with what is in it; what is not our own gives way to a new one.

        Raises:
            OSError: it cannot be made.
        """
        with suppress(OSError):
            descriptor = os.open(self._at(part), _WRITE, dir_fd=self._descriptor)
            seen = os.fstat(descriptor)
            ours = not hasattr(os, "geteuid") or seen.st_uid == os.geteuid()
            # Where opening follows links (no O_NOFOLLOW), what was opened need not be what has the name.
            named = self.look(part)
            same = named is not None and (named.st_dev, named.st_ino) == (seen.st_dev, seen.st_ino)
            if stat.S_ISREG(seen.st_mode) and seen.st_nlink == 1 and ours and (same or WINDOWS):
                return descriptor
            os.close(descriptor)
        self.remove(part)
        return os.open(self._at(part), _WRITE | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=self._descriptor)

    def publish(self, part: str, name: str, *, overwrite: bool) -> None:
        """Give a whole part its name, durably.

        Raises:
            FileFault: something that must not be replaced has the name.
            OSError: the system refuses.
        """
        self.refuse_taken(name, overwrite=overwrite)
        here = self._descriptor
        if overwrite:
            os.replace(self._at(part), self._at(name), src_dir_fd=here, dst_dir_fd=here)
        else:
            self._publish_new(part, name)
        self.sync()

    def _publish_new(self, part: str, name: str) -> None:
        here = self._descriptor
        try:
            # A link, unlike a rename, never replaces a file that somebody made a moment ago.
            os.link(self._at(part), self._at(name), src_dir_fd=here, dst_dir_fd=here, follow_symlinks=False)
        except FileExistsError:
            raise _taken(name) from None
        except (OSError, NotImplementedError):
            # No hard links on this disk: then only the look before the rename.
            self.refuse_taken(name, overwrite=False)
            os.rename(self._at(part), self._at(name), src_dir_fd=here, dst_dir_fd=here)
        else:
            self.remove(part)

    def refuse_taken(self, name: str, *, overwrite: bool) -> None:
        """Refuse a name that a file to come may not have.

        Raises:
            FileFault: something else than a regular file has it, or a file has it and `overwrite` is off.
        """
        seen = self.look(name)
        if seen is None:
            return
        if not stat.S_ISREG(seen.st_mode):
            _refuse_others(seen, name)
        if not overwrite:
            raise _taken(name)

    def remove(self, name: str) -> None:
        """Remove a file; one that is not there is fine."""
        with suppress(FileNotFoundError):
            os.unlink(self._at(name), dir_fd=self._descriptor)

    def sync(self) -> None:
        """Make the names of the folder durable, where the system can."""
        if self._descriptor is not None:
            with suppress(OSError):  # some file systems have no such thing for a folder
                os.fsync(self._descriptor)


def _walk(real: str) -> int:
    """Open a folder whose path had no links a moment ago; one that has come since is not followed."""
    descriptor = os.open("/", _STEP)
    for step in real.split("/"):
        if not step:
            continue
        try:
            below = os.open(step, _STEP, dir_fd=descriptor)
        finally:
            os.close(descriptor)
        descriptor = below
    return descriptor


def _taken(name: str) -> FileFault:
    return FileFault("exists", f"{about(name)} exists already, and overwriting is off")


def _refuse_others(seen: os.stat_result, name: str) -> None:
    if stat.S_ISREG(seen.st_mode):
        return
    kinds = ((stat.S_ISLNK, "a symbolic link"), (stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a pipe"))
    kind = next((word for test, word in kinds if test(seen.st_mode)), "a device or socket")
    raise FileFault("not_regular", f'"{shown(name)}" is {kind}, no regular file')
