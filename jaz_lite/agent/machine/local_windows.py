"""Locks, the keeper's socket and its waiting on Windows; `local.py` says what each name promises.

The keeper listens on a free port of the loopback address, and `sock` holds that port and a secret. Each end proves that
it has read the file before it believes the other: any user of the machine may connect to a port, and after a crash any
program may listen on the one that was ours.
"""

import contextlib
import ctypes
import hmac
import msvcrt
import os
import select
import socket
import subprocess
import sys
from collections.abc import Mapping
from ctypes import wintypes
from typing import IO

from jaz_lite.agent.machine import process_windows

assert sys.platform == "win32"

STOP_FILE = "stop"
# Full access for the system, the administrators and the owner, inherited by all within, and nothing inherited from above.
PRIVATE = "D:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FA;;;OW)"
_ITS_ACCESS_LIST = 0x80000004  # DACL_SECURITY_INFORMATION, PROTECTED_DACL_SECURITY_INFORMATION
HANDSHAKE_S = 2.0
STRANGERS_MAX = 8
_LOCKED_AT = 1 << 30  # a byte that the file has not: the others stay readable
_NONCE = 16
_PROOF = 32
_DETACHED = 0x8
_BREAKAWAY = 0x01000000

_kernel = ctypes.WinDLL("kernel32", use_last_error=True)
_kernel.LocalFree.argtypes = [ctypes.c_void_p]
_kernel.SetDllDirectoryW.argtypes = [wintypes.LPCWSTR]
_security = ctypes.WinDLL("advapi32", use_last_error=True)
_security.SetFileSecurityW.argtypes = [wintypes.LPCWSTR, wintypes.DWORD, ctypes.c_void_p]
_security.ConvertStringSecurityDescriptorToSecurityDescriptorW.argtypes = [
    wintypes.LPCWSTR, wintypes.DWORD, ctypes.c_void_p, ctypes.c_void_p,
]  # fmt: skip


def ask_to_end(folder: str, _pid: int) -> None:
    """Make the file that the agent looks for: without a common console nobody can signal it."""
    with open(f"{folder}\\{STOP_FILE}", "wb"):
        pass


def lock(path: str) -> int | None:
    """Take the lock of a file that is made where it is missing; None: another process has it."""
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_BINARY | os.O_NOINHERIT, 0o600)
    try:
        os.lseek(descriptor, _LOCKED_AT, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        os.lseek(descriptor, 0, os.SEEK_SET)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def is_locked(path: str) -> bool:
    """Tell whether a process has the lock of a file."""
    if not os.path.exists(path):
        return False
    descriptor = lock(path)
    if descriptor is None:
        return True
    os.close(descriptor)
    return False


def sync_folder(path: str) -> None:
    """Nothing to do: a folder cannot be synced here, and the file system keeps a journal of its names."""


def make_private(path: str) -> None:
    """Let nobody but the owner of a folder, the administrators and the system into it; new files in it follow.

    Raises:
        OSError: we may not, and so cannot vouch for what is in it.
    """
    security = ctypes.c_void_p()
    if not _security.ConvertStringSecurityDescriptorToSecurityDescriptorW(PRIVATE, 1, ctypes.byref(security), None):
        raise ctypes.WinError(ctypes.get_last_error())
    try:
        if not _security.SetFileSecurityW(path, _ITS_ACCESS_LIST, security):
            raise ctypes.WinError(ctypes.get_last_error())
    finally:
        _kernel.LocalFree(security)


def detach() -> None:
    """There is no console to leave. A frozen program also gives up the folder in which its children look for DLLs."""
    if getattr(sys, "frozen", False):
        _kernel.SetDllDirectoryW(None)


def start_keeper(command: list[str], env: Mapping[str, str], errors: IO[bytes]) -> "subprocess.Popen[bytes]":
    """Start the keeper without a console, and outside of whatever ends with us where that is allowed."""
    flags = _DETACHED | subprocess.CREATE_NEW_PROCESS_GROUP

    def started(more: int) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            creationflags=flags | more,
            env=env,
        )

    try:
        return started(_BREAKAWAY)
    except PermissionError:
        return started(0)


def _proof(secret: bytes, who: bytes, nonce: bytes) -> bytes:
    return hmac.digest(secret, who + nonce, "sha256")


def dial(folder: str) -> socket.socket:
    """Connect to the port in `sock`, and prove on both ends that the file was read."""
    with open(folder + "\\sock", encoding="ascii") as file:
        port, secret = file.read().split()
    plain = socket.create_connection(("127.0.0.1", int(port)), HANDSHAKE_S)
    try:
        ours = os.urandom(_NONCE)
        plain.sendall(ours)
        told = _received(plain, _PROOF + _NONCE)
        if not hmac.compare_digest(told[:_PROOF], _proof(bytes.fromhex(secret), b"keeper", ours)):
            raise ConnectionRefusedError("something else listens where the job keeper was")
        plain.sendall(_proof(bytes.fromhex(secret), b"agent", told[_PROOF:]))
    except OSError:
        plain.close()
        raise
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    plain.setblocking(False)
    return plain


def _received(plain: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = plain.recv(size - len(data))
        if not piece:
            raise ConnectionRefusedError("the job keeper hung up")
        data += piece
    return data


class Waiting:
    """What the keeper waits for: `select`, with a socket that the ends of processes write into."""

    def __init__(self) -> None:
        self._read: set[socket.socket] = set()
        self._write: set[socket.socket] = set()
        self._wakeup, self._told = socket.socketpair()
        self._wakeup.setblocking(False)
        self._told.setblocking(False)
        self._read.add(self._wakeup)
        process_windows.wake_with(self._wake)

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._told.send(b"!")

    def watch(self, source: socket.socket, *, write: bool = False) -> None:
        """Wait for `source` to be readable, and to be writable, too; watching it again changes that."""
        self._read.add(source)
        if write:
            self._write.add(source)
        else:
            self._write.discard(source)

    def unwatch(self, source: socket.socket) -> None:
        """Do not wait for `source` any more; before it is closed."""
        self._read.discard(source)
        self._write.discard(source)

    def wait(self, timeout_ms: float) -> list[tuple[int, bool, bool]]:
        """Sleep; return the descriptors that are ready, and whether to read and to write."""
        read, write, _ = select.select(self._read, self._write, (), timeout_ms / 1000)
        if self._wakeup in read:
            with contextlib.suppress(BlockingIOError):
                while self._wakeup.recv(4096):
                    pass
        ready = {source.fileno(): [False, False] for source in (*read, *write)}
        for source in read:
            ready[source.fileno()][0] = True
        for source in write:
            ready[source.fileno()][1] = True
        return [(descriptor, *flags) for descriptor, flags in ready.items()]  # type: ignore[misc]

    def close(self) -> None:
        """Let go of the socket that wakes us."""
        self._wakeup.close()
        self._told.close()

    def told_to_end(self) -> bool:
        """Nobody can ask a process without a console to end; the agent says it over the socket."""
        return False

    def watch_process(self, pid: int) -> int | None:
        """Wait for the end of a process that is not our child."""
        return process_windows.watch(pid)

    def unwatch_process(self, token: int | None) -> None:
        """Let go of what `watch_process` gave."""
        if token is not None:
            process_windows.unwatch(token)


class _Stranger:
    """Somebody who has connected and has not yet proved to have read `sock`."""

    __slots__ = ("challenge", "data", "plain")

    def __init__(self, plain: socket.socket) -> None:
        self.plain = plain
        self.data = b""
        self.challenge = b""


class Reception:
    """The listening end, with those who have not proved themselves."""

    def __init__(self, folder: str, waiting: Waiting) -> None:
        self._waiting = waiting
        self._secret = os.urandom(_PROOF)
        self._strangers: dict[int, _Stranger] = {}
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(8)
        self._listener.setblocking(False)
        waiting.watch(self._listener)
        with open(folder + "\\sock.new", "w", encoding="ascii") as file:
            file.write(f"{self._listener.getsockname()[1]} {self._secret.hex()}\n")
        os.replace(folder + "\\sock.new", folder + "\\sock")

    def visit(self, descriptor: int) -> socket.socket | None:
        """Something has become ready that is not the agent: return the agent that has proved itself, if one has."""
        if descriptor == self._listener.fileno():
            self._let_in()
            return None
        stranger = self._strangers.get(descriptor)
        if stranger is None:
            return None
        try:
            return self._heard(descriptor, stranger)
        except BlockingIOError:
            return None
        except OSError:
            self._turn_away(descriptor)
            return None

    def _let_in(self) -> None:
        try:
            plain, _ = self._listener.accept()
        except OSError:
            return
        plain.setblocking(False)
        if len(self._strangers) >= STRANGERS_MAX:
            self._turn_away(next(iter(self._strangers)))
        self._strangers[plain.fileno()] = _Stranger(plain)
        self._waiting.watch(plain)

    def _heard(self, descriptor: int, stranger: _Stranger) -> socket.socket | None:
        wanted = _PROOF if stranger.challenge else _NONCE
        # Not a byte more: what follows the proof is for the keeper.
        piece = stranger.plain.recv(wanted - len(stranger.data))
        if not piece:
            raise ConnectionResetError
        stranger.data += piece
        if len(stranger.data) < wanted:
            return None
        if not stranger.challenge:
            stranger.challenge = os.urandom(_NONCE)
            stranger.plain.send(_proof(self._secret, b"keeper", stranger.data) + stranger.challenge)
            stranger.data = b""
            return None
        if not hmac.compare_digest(stranger.data, _proof(self._secret, b"agent", stranger.challenge)):
            raise PermissionError
        del self._strangers[descriptor]
        self._waiting.unwatch(stranger.plain)
        stranger.plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return stranger.plain

    def _turn_away(self, descriptor: int) -> None:
        stranger = self._strangers.pop(descriptor)
        self._waiting.unwatch(stranger.plain)
        stranger.plain.close()

    def close(self) -> None:
        """Hang up on everybody, and listen no more."""
        for descriptor in list(self._strangers):
            self._turn_away(descriptor)
        self._waiting.unwatch(self._listener)
        self._listener.close()
