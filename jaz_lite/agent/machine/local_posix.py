"""Locks, the keeper's socket and its waiting on POSIX systems; `local.py` says what each name promises."""

import contextlib
import errno
import fcntl
import os
import select
import signal
import socket
from collections.abc import Mapping
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess

# What systems say that cannot sync a folder: AIX wants a descriptor to write with, which a folder never gives.
_NO_FOLDER_SYNC = (errno.EINVAL, errno.EBADF, errno.ENOTSUP)


STOP_FILE = ""


def ask_to_end(_folder: str, pid: int) -> None:
    """Send SIGTERM to the agent of a data directory."""
    os.kill(pid, signal.SIGTERM)


def lock(path: str) -> int | None:
    """Take the lock of a file that is made where it is missing; None: another process has it."""
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        if error.errno not in (errno.EACCES, errno.EAGAIN):
            raise
        return None
    return descriptor


def is_locked(path: str) -> bool:
    """Tell whether a process has the lock of a file.

    Notes:
        Must not be asked by that process itself: closing any descriptor of the file would free a POSIX record lock.
    """
    try:
        with open(path, "r+b") as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def sync_folder(path: str) -> None:
    """Make the names in a folder durable, where the system can."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise
    finally:
        os.close(descriptor)


def detach() -> None:
    """Lead a session of our own."""
    with contextlib.suppress(PermissionError):
        os.setsid()  # refused where we already lead one


def start_keeper(command: list[str], env: Mapping[str, str], errors: IO[bytes]) -> "subprocess.Popen[bytes]":
    """Start the keeper with no descriptor of ours but the pipe of its first word."""
    import subprocess  # the keeper loads this module, too, and does without

    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=errors,
        start_new_session=True,
        close_fds=True,
        env=env,
    )


def dial(folder: str) -> socket.socket:
    """Connect to `sock`, by a relative name: the path of a local socket may not be longer than about 100 bytes."""
    plain = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        place = os.open(folder, os.O_RDONLY)
        home = os.open(".", os.O_RDONLY)
        try:
            os.fchdir(place)
            plain.connect("sock")
        finally:
            os.fchdir(home)
            os.close(home)
            os.close(place)
    except OSError:
        plain.close()
        raise
    plain.setblocking(False)
    return plain


class Waiting:
    """What the keeper waits for: `poll`, with a pipe that signals write into."""

    def __init__(self) -> None:
        self._poll = select.poll()
        self._wakeup, told = os.pipe()
        os.set_blocking(self._wakeup, False)
        os.set_blocking(told, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        # A stray signal must not take the jobs' only witness away; SIGTERM is a request to end when idle.
        self._terminated: list[int] = []
        signal.signal(signal.SIGTERM, lambda number, _: self._terminated.append(number))
        signal.signal(signal.SIGINT, lambda *_: None)
        signal.signal(signal.SIGHUP, lambda *_: None)
        signal.set_wakeup_fd(told, warn_on_full_buffer=False)
        self._poll.register(self._wakeup, select.POLLIN)

    def watch(self, source: socket.socket, *, write: bool = False) -> None:
        """Wait for `source` to be readable, and to be writable, too; watching it again changes that."""
        self._poll.register(source, select.POLLIN | (select.POLLOUT if write else 0))

    def unwatch(self, source: socket.socket) -> None:
        """Do not wait for `source` any more; before it is closed."""
        self._poll.unregister(source)

    def wait(self, timeout_ms: float) -> list[tuple[int, bool, bool]]:
        """Sleep; return the descriptors that are ready, and whether to read and to write."""
        ready = []
        for descriptor, flags in self._poll.poll(timeout_ms):
            if descriptor == self._wakeup:
                with contextlib.suppress(BlockingIOError):
                    while os.read(self._wakeup, 4096):
                        pass
            ready.append((descriptor, flags & ~select.POLLOUT != 0, flags & select.POLLOUT != 0))
        return ready

    def told_to_end(self) -> bool:
        """Tell whether somebody has asked for the end since the last call."""
        told = bool(self._terminated)
        self._terminated.clear()
        return told

    def watch_process(self, pid: int) -> int | None:
        """Wait for the end of a process that is not our child; None where the system cannot."""
        if not hasattr(os, "pidfd_open"):
            return None
        try:
            descriptor = os.pidfd_open(pid)
        except OSError:
            return None
        self._poll.register(descriptor, select.POLLIN)
        return descriptor

    def unwatch_process(self, token: int | None) -> None:
        """Let go of what `watch_process` gave."""
        if token is not None:
            self._poll.unregister(token)
            os.close(token)


class Reception:
    """The listening end of `sock`: only our own user can reach it."""

    def __init__(self, folder: str, waiting: Waiting) -> None:
        """Listen, by a name short enough for every system: relative to its folder."""
        home = os.open(".", os.O_RDONLY)
        mask = os.umask(0o177)
        try:
            os.chdir(folder)
            with contextlib.suppress(FileNotFoundError):
                os.unlink("sock")
            self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self._listener.bind("sock")
            self._listener.listen(8)
            self._listener.setblocking(False)
        finally:
            os.umask(mask)
            os.fchdir(home)
            os.close(home)
        waiting.watch(self._listener)

    def visit(self, descriptor: int) -> socket.socket | None:
        """Something has become ready that is not the agent: return the agent that comes in, if one does."""
        if descriptor != self._listener.fileno():
            return None
        newcomer, _ = self._listener.accept()
        newcomer.setblocking(False)
        return newcomer
