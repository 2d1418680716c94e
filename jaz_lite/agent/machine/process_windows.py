"""Processes on Windows: start one as ordered, tell whether it still is the same one, end all that it started.

One side of the seam that `process.py` describes; only Windows loads this module. Python's own `_winapi` (what
`subprocess` is built on) and `ctypes`, nothing else.

Rules:
    A process is made suspended, put into a job object of its own, and only then let run: nothing escapes a kill.
    It inherits its three streams and no other handle. It has a console without a window, and a process group.
    There are no signals: TERM and KILL both end the whole job object at once, with exit code 137 as in JAZ.
    The end of a process is noticed by a thread of the system, which only puts its number down and wakes the keeper.
"""

import _winapi
import collections
import contextlib
import ctypes
import errno
import os
import subprocess
import sys
import winreg
from collections.abc import Callable, Mapping
from ctypes import wintypes
from typing import Any, NamedTuple

from jaz_lite.agent.command_line import batch_line, batch_text, is_batch, merged, program_line
from jaz_lite.agent.machine import job_object

assert sys.platform == "win32"

KILLED = 137  # exit code of what was killed, as in JAZ
_SHARE_ALL = 0x7  # read, write, delete: we cut and rename output files while jobs have them open
_APPEND_DATA = 0x4
_READ_ATTRIBUTES = 0x80
_DELETE = 0x10000
_SYNCHRONIZE = 0x100000
_OPEN_ALWAYS = 4
_CREATE_NEW = 1
_TEMPORARY = 0x100  # FILE_ATTRIBUTE_TEMPORARY
_DELETE_ON_CLOSE = 0x04000000
_QUERY_LIMITED = 0x1000
_TERMINATE = 0x1
_BREAKAWAY = 0x01000000
_SUSPENDED = 0x4
_BELOW_NORMAL, _IDLE = 0x4000, 0x40
_ONCE_IN_WAIT_THREAD = 0x8 | 0x4
_FOREVER = 0xFFFFFFFF
_BOOT_KEY = r"SYSTEM\CurrentControlSet\Control\Session Manager\Memory Management\PrefetchParameters"

_kernel = ctypes.WinDLL("kernel32", use_last_error=True)
_callback = ctypes.WINFUNCTYPE(None, ctypes.c_void_p, ctypes.c_ubyte)
_kernel.RegisterWaitForSingleObject.argtypes = [
    ctypes.POINTER(wintypes.HANDLE), wintypes.HANDLE, _callback, ctypes.c_void_p, wintypes.ULONG, wintypes.ULONG,
]  # fmt: skip
_kernel.UnregisterWait.argtypes = [wintypes.HANDLE]
_kernel.GetProcessTimes.argtypes = [wintypes.HANDLE, *(ctypes.POINTER(ctypes.c_uint64),) * 4]
_kernel.ResumeThread.argtypes = [wintypes.HANDLE]
_kernel.GetTickCount64.restype = ctypes.c_uint64
_kernel.SetFilePointer.argtypes = [wintypes.HANDLE, wintypes.LONG, wintypes.LPVOID, wintypes.DWORD]
_kernel.K32GetProcessMemoryInfo.argtypes = [wintypes.HANDLE, wintypes.LPVOID, wintypes.DWORD]


class NotStarted(Exception):
    """The process was never started: at which step, and why."""

    def __init__(self, step: str, code: int, what: str) -> None:
        super().__init__(f"{what}: {os.strerror(code)}")
        self.step = step
        self.code = code


class Ended(NamedTuple):
    """How a child ended: `signal` is always None here."""

    pid: int
    code: int | None
    signal: int | None
    cpu_ms: int
    rss_kb: int


class _Child:
    """A process that we started; `job` is None where the system refused a job object."""

    __slots__ = ("handle", "job", "start_time", "unsigned", "wait")

    def __init__(self, handle: int, job: int | None, start_time: int, *, unsigned: bool) -> None:
        self.handle = handle
        self.job = job
        self.start_time = start_time
        self.unsigned = unsigned
        self.wait = wintypes.HANDLE()


class _Memory(ctypes.Structure):
    _fields_ = (
        ("cb", wintypes.DWORD),
        ("PageFaultCount", wintypes.DWORD),
        ("PeakWorkingSetSize", ctypes.c_size_t),
        *((f"other{n}", ctypes.c_size_t) for n in range(7)),
    )


_children: dict[int, _Child] = {}
_left: dict[int, int] = {}  # pid of a process that has ended -> its job object, in which others still live
_orphans: dict[int, tuple[int, int, int | None]] = {}  # pid -> handle, wait, job object of an earlier keeper's child
_ended: "collections.deque[int]" = collections.deque()
_wake: Callable[[], None] = lambda: None  # noqa: E731 - replaced by `wake_with`


def wake_with(wake: Callable[[], None]) -> None:
    """Call `wake`, from a thread of the system, whenever a process has ended."""
    global _wake  # noqa: PLW0603 - one keeper a process
    _wake = wake


def _note_end(pid: int, _timed_out: int) -> None:
    _ended.append(pid)
    _wake()


_noticed = _callback(_note_end)  # kept for as long as the system may call it


def spawn(order: Mapping[str, Any], base: Mapping[str, str]) -> tuple[int, str]:
    """Start the process of `order`.

    Returns:
        Its pid, and "": a job text lies beside the output files and goes with them.

    Args:
        order: argv, env, out, err (paths), and where wanted cwd, nice, stdin, unsigned (exit codes), and text with
            text_path: a job text that is written as a batch file; exact: it came as bytes.
        base: the environment that `order["env"]` is laid over.

    Raises:
        NotStarted: no such folder, program …; the process does not and will not exist.
    """
    if order.get("user"):
        raise NotStarted("user", errno.EPERM, "running as another user is not available on Windows in this build")
    env = merged(base, order["env"])
    folder = order.get("cwd") or None
    if folder is not None and not os.path.isdir(folder):
        raise NotStarted("cwd", errno.ENOENT, f"folder {folder}")
    streams: list[int] = []
    try:
        program, line = _called(order, env)
        streams = [_stdin(order), _output(order["out"]), _output(order["err"])]
        return _started(program, line, env, folder, streams, order), ""
    except OSError as error:
        raise NotStarted("open", error.errno or errno.EIO, str(error.filename or "the output files")) from error
    finally:
        for handle in streams:
            _winapi.CloseHandle(handle)


def _called(order: Mapping[str, Any], env: Mapping[str, str]) -> tuple[str, str]:
    """Return the program of an order and the line it is called with; a text is written as a file."""
    argv = order["argv"]
    batch = ""
    if "text" in order:
        path = os.path.abspath(order["text_path"])
        batch = path if is_batch(path) else ""
        _write_text(path, order)
    program = _found(argv[0], env)
    if program is None:
        raise NotStarted("exec", errno.ENOENT, argv[0])
    if batch:
        return program, batch_line(program, batch)
    if is_batch(program):
        raise NotStarted("exec", errno.EINVAL, f"{argv[0]} is a batch file, which only a job text can call")
    return program, program_line(argv)


def _found(name: str, env: Mapping[str, str]) -> str | None:
    """Return the program called `name`: looked for in PATH, never in the folder we happen to be in."""
    if not name:
        return None
    if any(sign in name for sign in "\\/:"):
        places = [name]
    else:
        path = next((value for key, value in env.items() if key.upper() == "PATH"), "")
        places = [os.path.join(folder, name) for folder in path.split(";") if os.path.isabs(folder)]
    for place in places:
        for suffix in ("", ".exe", ".com"):
            if os.path.isfile(place + suffix):
                return os.path.abspath(place + suffix)
    return None


def _write_text(path: str, order: Mapping[str, Any]) -> None:
    ansi, oem = _kernel.GetACP(), _kernel.GetOEMCP()
    # `cmd` reads a batch file by the page of its console, which starts as the OEM one; JAZ writes the ANSI one.
    first = f"@chcp {ansi} >nul" if ansi != oem and not order.get("exact") else ""
    try:
        content = batch_text(order["text"], exact=bool(order.get("exact")), code_page="mbcs", first=first)
    except UnicodeEncodeError as error:
        what = f"the job text holds {error.object[error.start : error.end]!r}, which code page {ansi} has not"
        raise NotStarted("text", errno.EILSEQ, what) from error
    with open(path, "wb") as file:
        file.write(content)


def _output(path: str) -> int:
    access = _APPEND_DATA | _READ_ATTRIBUTES | _SYNCHRONIZE
    return _inherited(_winapi.CreateFile(path, access, _SHARE_ALL, 0, _OPEN_ALWAYS, 0x80, 0))


def _stdin(order: Mapping[str, Any]) -> int:
    text = order.get("stdin")
    if text is None:
        return _inherited(_winapi.CreateFile("NUL", _winapi.GENERIC_READ, _SHARE_ALL, 0, _winapi.OPEN_EXISTING, 0, 0))
    access = _winapi.GENERIC_READ | _winapi.GENERIC_WRITE | _DELETE
    handle = _winapi.CreateFile(
        order["out"] + ".in", access, _SHARE_ALL, 0, _CREATE_NEW, _TEMPORARY | _DELETE_ON_CLOSE, 0
    )
    _winapi.WriteFile(handle, os.fsencode(text))
    _kernel.SetFilePointer(handle, 0, None, 0)
    return _inherited(handle)


def _inherited(handle: int) -> int:
    os.set_handle_inheritable(handle, True)
    return handle


def _started(
    program: str, line: str, env: Mapping[str, str], folder: str | None, streams: list[int], order: Mapping[str, Any]
) -> int:
    startup = subprocess.STARTUPINFO(
        dwFlags=_winapi.STARTF_USESTDHANDLES,
        hStdInput=streams[0],
        hStdOutput=streams[1],
        hStdError=streams[2],
        lpAttributeList={"handle_list": list(streams)},
    )
    flags = _winapi.CREATE_NO_WINDOW | _winapi.CREATE_NEW_PROCESS_GROUP | _SUSPENDED | _priority(order.get("nice"))
    try:
        made = _created(program, line, env, folder, flags, startup)
    except (OSError, ValueError) as error:
        raise NotStarted("exec", getattr(error, "errno", None) or errno.EINVAL, order["argv"][0]) from error
    handle, thread, pid, _ = made
    started = _times(handle)[0]
    child = _Child(handle, job_object.made_for(handle, pid, started), started, unsigned=bool(order.get("unsigned")))
    _sweep(pid)
    _children[pid] = child
    _kernel.RegisterWaitForSingleObject(ctypes.byref(child.wait), handle, _noticed, pid, _FOREVER, _ONCE_IN_WAIT_THREAD)
    _kernel.ResumeThread(thread)
    _winapi.CloseHandle(thread)
    return pid


def _created(
    program: str, line: str, env: Mapping[str, str], folder: str | None, flags: int, startup: Any
) -> tuple[int, int, int, int]:
    try:
        return _winapi.CreateProcess(program, line, None, None, True, flags | _BREAKAWAY, dict(env), folder, startup)
    except PermissionError:
        # Whoever started us may not let processes leave its own job object; ours is then one within that.
        return _winapi.CreateProcess(program, line, None, None, True, flags, dict(env), folder, startup)


def _priority(nice: int | None) -> int:
    if not nice or nice < 0:
        return 0
    return _IDLE if nice >= 10 else _BELOW_NORMAL


def _sweep(pid: int) -> None:
    """Let go of job objects in which nobody lives any more, and of one whose number has come round again."""
    for other, job in list(_left.items()):
        if other == pid or not job_object.living(job):
            _winapi.CloseHandle(_left.pop(other))


def remove_text(folder: str) -> None:
    """No folder is made for a text here."""
    assert not folder


def reaped() -> Ended | None:
    """Return the next child that has ended, None where there is none."""
    while _ended:
        pid = _ended.popleft()
        child = _children.pop(pid, None)
        if child is None:
            continue
        _kernel.UnregisterWait(child.wait)
        code = _winapi.GetExitCodeProcess(child.handle)
        if code >= 1 << 31 and not child.unsigned:
            code -= 1 << 32
        _, _, kernel, user = _times(child.handle)
        memory = _Memory(cb=ctypes.sizeof(_Memory))
        _kernel.K32GetProcessMemoryInfo(child.handle, ctypes.byref(memory), memory.cb)
        _winapi.CloseHandle(child.handle)
        if child.job is not None:
            _left[pid] = child.job
            _sweep(0)
        return Ended(pid, code, None, (kernel + user) // 10_000, memory.PeakWorkingSetSize // 1024)
    return None


def signal_group(pid: int, name: str) -> bool:  # noqa: ARG001 - there is only one way to end a process here
    """End a job and all that it started; False where nobody is left of it."""
    job, handle = _job_of(pid)
    if job is not None:
        return job_object.living(job) > 0 and job_object.end(job, KILLED)
    if handle is None:
        return False
    try:
        _winapi.TerminateProcess(handle, KILLED)
    except OSError:
        return False
    return True


def group_exists(pid: int) -> bool:
    """Tell whether any process of a job is left."""
    job, handle = _job_of(pid)
    if job is not None:
        return job_object.living(job) > 0
    return handle is not None and _winapi.WaitForSingleObject(handle, 0) != _winapi.WAIT_OBJECT_0


def _job_of(pid: int) -> tuple[int | None, int | None]:
    if (child := _children.get(pid)) is not None:
        return child.job, child.handle
    if (orphan := _orphans.get(pid)) is not None:
        return orphan[2], orphan[0]
    return _left.get(pid), None


def watch(pid: int) -> int | None:
    """Watch the process of an earlier keeper; the wake-up comes when it ends, and it can be killed meanwhile."""
    try:
        handle = _winapi.OpenProcess(_SYNCHRONIZE | _QUERY_LIMITED | _TERMINATE, False, pid)
    except OSError:
        return None
    wait = wintypes.HANDLE()
    _kernel.RegisterWaitForSingleObject(ctypes.byref(wait), handle, _noticed, pid, _FOREVER, _ONCE_IN_WAIT_THREAD)
    _orphans[pid] = (handle, wait.value or 0, job_object.found(pid, _times(handle)[0]))
    return pid


def unwatch(pid: int) -> None:
    """Let go of a watched process."""
    handle, wait, job = _orphans.pop(pid)
    _kernel.UnregisterWait(wait)
    _winapi.CloseHandle(handle)
    if job is not None:
        _winapi.CloseHandle(job)


def start_time(pid: int) -> int:
    """Return when a process was made, in 100 ns since 1601; 0 where it has ended or may not be looked at."""
    try:
        handle = _winapi.OpenProcess(_SYNCHRONIZE | _QUERY_LIMITED, False, pid)
    except OSError:
        return 0
    try:
        if _winapi.WaitForSingleObject(handle, 0) == _winapi.WAIT_OBJECT_0:
            return 0
        return _times(handle)[0]
    finally:
        _winapi.CloseHandle(handle)


def still_is(pid: int, started: int) -> bool:
    """Tell whether the process that was made at `started` still runs under this number."""
    return started > 0 and start_time(pid) == started


def _times(handle: int) -> tuple[int, int, int, int]:
    """Return creation, exit, kernel and user time of a process in 100 ns."""
    found = [ctypes.c_uint64() for _ in range(4)]
    if not _kernel.GetProcessTimes(handle, *map(ctypes.byref, found)):
        return 0, 0, 0, 0
    created, ended, kernel, user = (each.value for each in found)
    return created, ended, kernel, user


def boot_text() -> str:
    """Return a text that changes with each boot of the operating system.

    Notes:
        The registry counts boots. The time of the boot is not taken beside it, as protocol.md 9.6 would have it: it is
        reckoned from a clock that people set, and a living job must not look as if it were from before a boot.
    """
    with contextlib.suppress(OSError), winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, _BOOT_KEY) as key:
        return f"BootId {winreg.QueryValueEx(key, 'BootId')[0]}"
    import time

    return f"up since minute {round((time.time() - _kernel.GetTickCount64() / 1000) / 60)}"
