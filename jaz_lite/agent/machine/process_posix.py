"""Processes on POSIX systems: start one as ordered, tell whether it still is the same one, signal its group.

One side of the seam that `process.py` describes.

Rules:
    A job gets a session of its own, default signals, stdin from /dev/null and its output files as descriptors.
    On Linux `posix_spawn` starts it wherever it can: the caller's folder and umask are changed for that moment, which
    is safe only because the keeper has a single thread. Another user, a nice value or another system needs a fork.
    Descriptors need no O_CLOEXEC here: Python makes all of them so, also where the system does not know the flag.
"""

import contextlib
import errno
import os
import signal
import stat
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from jaz_lite.agent.machine.run_user import RunUser

_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_APPEND = os.O_CREAT | os.O_WRONLY | os.O_APPEND | _NOFOLLOW
# Elsewhere it is not there, or cannot make a session, or tells of a failed exec with exit code 127.
_SPAWNS = sys.platform == "linux" and hasattr(os, "posix_spawn")
# AIX has one that does not always tell the truth.
_WAIT4 = hasattr(os, "wait4") and not sys.platform.startswith("aix")
_null: int | None = None
_ignored: tuple[int, ...] | None = None
_proc: bool | None = None


class NotStarted(Exception):
    """The process was never started: at which step, and why."""

    def __init__(self, step: str, code: int, what: str, *, sentence: str = "") -> None:
        super().__init__(sentence or f"{what}: {os.strerror(code)}")
        self.step = step
        self.code = code


def spawn(order: Mapping[str, Any], base: Mapping[str, str]) -> tuple[int, str]:
    """Start the process of `order`.

    Returns:
        Its pid, and the folder that was made for its text, to be removed by `remove_text` at its end ("": none).

    Args:
        order: argv, env, out, err (paths), and where wanted cwd, user, umask, nice, text and text_path (a job text
            that is executed as a file), stdin.
        base: the environment that `order["env"]` is laid over.

    Raises:
        NotStarted: no such user, folder, interpreter …; the process does not and will not exist.
    """
    opened: list[int] = []
    home: int | None = None
    mask: int | None = None
    made = ""
    try:
        argv = list(order["argv"])
        user = _user(order)
        switching = user is not None and user.switch
        if "text" in order:
            path = _write_text(order, user)
            made = path.removesuffix("/text") if switching else ""
            argv = [path if item == order["text_path"] else item for item in argv]
        out = _opened(opened, order["out"], _APPEND)
        err = _opened(opened, order["err"], _APPEND)
        source = _stdin(opened, order.get("stdin"))
        env = {**base, **(user.environment() if user is not None else {}), **order["env"]}
        folder = order.get("cwd") or None
        if user is not None and user.switch:
            for descriptor in (out, err):
                _give(descriptor, user.uid)
        # Without a folder a named user's job begins at home, which perhaps only that user may enter.
        at_home = user is not None and folder is None
        if _SPAWNS and not switching and not at_home and order.get("nice") is None:
            # Changed here for the moment of the spawn; see the rules above.
            if order.get("umask") is not None:
                mask = os.umask(order["umask"])
            if folder is not None:
                home = _opened(opened, ".", os.O_RDONLY)
                _enter(folder)
            return _posix_spawned(argv, env, source, out, err), made
        return _forked(argv, env, (source, out, err), folder=folder, user=user, order=order), made
    except NotStarted:
        remove_text(made)
        raise
    except OSError as error:
        remove_text(made)
        raise NotStarted("open", error.errno or errno.EIO, str(error.filename or "the output files")) from error
    finally:
        if home is not None:
            os.fchdir(home)
        if mask is not None:
            os.umask(mask)
        for descriptor in opened:
            os.close(descriptor)


def _ignored_signals() -> tuple[int, ...]:
    """Return the signals that this process ignores: exec resets all others by itself. They do not change any more."""
    global _ignored  # noqa: PLW0603 - found out once; asking for 64 signals a job costs more than starting it
    if _ignored is None:
        _ignored = tuple(n for n in sorted(signal.valid_signals()) if signal.getsignal(n) is signal.SIG_IGN)
    return _ignored


def _no_input() -> int:
    global _null  # noqa: PLW0603 - opened once, for all jobs
    if _null is None:
        _null = os.open(os.devnull, os.O_RDONLY)
    return _null


def _opened(opened: list[int], path: str, flags: int) -> int:
    descriptor = os.open(path, flags, 0o600)
    opened.append(descriptor)
    return descriptor


def _give(descriptor: int, uid: int) -> None:
    """Let a job open its own output once more, as /dev/stderr; devices stay whose they are."""
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.fchown(descriptor, uid, -1)


def _stdin(opened: list[int], text: str | None) -> int:
    if text is None:
        return _no_input()
    # At most 64 KiB by the protocol: it fits into a pipe, so nobody has to feed it.
    reader, writer = os.pipe()
    opened.append(reader)
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        os.write(writer, os.fsencode(text))
    os.close(writer)
    return reader


def _enter(folder: str) -> None:
    try:
        os.chdir(folder)
    except OSError as error:
        raise NotStarted("cwd", error.errno or errno.EIO, f"folder {folder}") from error


def _posix_spawned(argv: list[str], env: Mapping[str, str], source: int, out: int, err: int) -> int:
    actions = [(os.POSIX_SPAWN_DUP2, source, 0), (os.POSIX_SPAWN_DUP2, out, 1), (os.POSIX_SPAWN_DUP2, err, 2)]
    place = os.posix_spawn if "/" in argv[0] else os.posix_spawnp
    try:
        return place(argv[0], argv, env, file_actions=actions, setsid=True, setsigdef=_ignored_signals(), setsigmask=())
    except (OSError, ValueError) as error:
        raise NotStarted("exec", getattr(error, "errno", None) or errno.EINVAL, argv[0]) from error


def _forked(
    argv: list[str],
    env: Mapping[str, str],
    streams: tuple[int, int, int],
    *,
    folder: str | None,
    user: "RunUser | None",
    order: Mapping[str, Any],
) -> int:
    """Start by fork, for what posix_spawn cannot do; the first failure travels back through a pipe."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        step = "exec"
        try:
            os.setsid()
            for number in _ignored_signals():
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
            for place, descriptor in enumerate(streams):
                os.dup2(descriptor, place)
            os.umask(order["umask"] if order.get("umask") is not None else _umask(user))
            if order.get("nice") is not None:
                step = "nice"
                os.nice(order["nice"])
            if user is not None and user.switch:
                step = "user"
                user.become()
            if folder is not None:
                step = "cwd"
                os.chdir(folder)
            elif user is not None:
                user.enter_home()
            step = "exec"
            os.execvpe(argv[0], argv, env)
        except BaseException as error:  # the child of a fork must never return into the keeper's loop
            os.write(writer, f"{step} {getattr(error, 'errno', None) or errno.EINVAL}".encode())
        finally:
            os._exit(127)
    os.close(writer)
    told = os.read(reader, 64)
    os.close(reader)
    if told:
        os.waitpid(pid, 0)
        step, _, code = told.decode().partition(" ")
        what = {"user": f"user {order.get('user')}", "cwd": f"folder {folder}", "nice": "nice value"}.get(step, argv[0])
        raise NotStarted(step, int(code), what)
    return pid


def _user(order: Mapping[str, Any]) -> "RunUser | None":
    """Return the user that the order names, None where it names none."""
    if not order.get("user"):
        return None
    from jaz_lite.agent.machine import run_user

    try:
        return run_user.find(order["user"], deny_root=bool(order.get("deny_root")))
    except run_user.UserRefused as error:
        raise NotStarted("user", error.code, "", sentence=str(error)) from None


def _umask(user: "RunUser | None") -> int:
    """Return the umask of a job that names none: ours, or what JAZ gives where the user is another."""
    if user is not None and user.switch:
        return 0o002
    mine = os.umask(0o022)
    os.umask(mine)
    return mine


def _write_text(order: Mapping[str, Any], user: "RunUser | None") -> str:
    """Write a job text as a file that only its user may read and execute; return its path."""
    path: str = order["text_path"]
    if user is not None and user.switch:
        # Another user cannot reach into our data directory, so the text gets a new folder of that user's own.
        folder = f"/tmp/jazl-{os.urandom(16).hex()}"  # noqa: S108 - made here, 0700, under a name nobody can guess
        os.mkdir(folder, 0o700)
        os.chown(folder, user.uid, user.gid)
        path = folder + "/text"
    descriptor = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | _NOFOLLOW, 0o700)
    try:
        data = memoryview(os.fsencode(order["text"]))
        while data:
            data = data[os.write(descriptor, data) :]
        if user is not None and user.switch:
            os.fchown(descriptor, user.uid, user.gid)
        os.fchmod(descriptor, 0o700)
    finally:
        os.close(descriptor)
    return path


def remove_text(folder: str) -> None:
    """Remove the folder that was made for a job text."""
    if folder:
        with contextlib.suppress(OSError):
            os.unlink(folder + "/text")
        with contextlib.suppress(OSError):
            os.rmdir(folder)


def signal_group(pid: int, name: str) -> bool:
    """Send signal `name` (`TERM`, `KILL` …) to the process group of a job; False where nobody is left in it."""
    number = getattr(signal, f"SIG{name}", signal.SIGTERM)
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        return False
    except PermissionError:
        # Some systems say so for a group of zombies only.
        return False
    return True


def group_exists(pid: int) -> bool:
    """Tell whether any process of the group is left."""
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def start_time(pid: int) -> int:
    """Return the start time of a process in the system's own count, 0 where the process or the count is not there."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        if _tells_of_processes():
            return 0
        from jaz_lite.agent.machine import process_unix

        return process_unix.start_time(pid)
    # A zombie has ended; only its parent does not know yet.
    return 0 if fields[0] in (b"Z", b"X") else int(fields[19])


def still_is(pid: int, started: int) -> bool:
    """Tell whether the process that began at `started` (as `start_time` says it) still runs under this number."""
    if _tells_of_processes():
        return started > 0 and start_time(pid) == started
    from jaz_lite.agent.machine import process_unix

    return process_unix.still_is(pid, started)


def _tells_of_processes() -> bool:
    """Tell whether /proc is there as Linux has it; AIX and Solaris have one of another kind."""
    global _proc  # noqa: PLW0603 - found out once
    if _proc is None:
        _proc = os.path.exists("/proc/self/stat")
    return _proc


class Ended(NamedTuple):
    """How a child ended: with an exit code, or by the number of a signal; the other one is None."""

    pid: int
    code: int | None
    signal: int | None
    cpu_ms: int
    rss_kb: int


def reaped() -> Ended | None:
    """Return the next child that has ended, None where there is none."""
    if not _WAIT4:
        from jaz_lite.agent.machine import process_unix

        return process_unix.reaped(_ended)
    try:
        pid, status, used = os.wait4(-1, os.WNOHANG)
    except ChildProcessError:
        return None
    if pid == 0:
        return None
    return _ended(pid, status, round((used.ru_utime + used.ru_stime) * 1000), used.ru_maxrss)


def _ended(pid: int, status: int, cpu_ms: int, rss_kb: int) -> Ended:
    code, number = ended(status)
    return Ended(pid, code, number, cpu_ms, rss_kb)


def ended(status: int) -> tuple[int | None, int | None]:
    """Return exit code and signal number of a wait status; one of them is None."""
    if os.WIFSIGNALED(status):
        return None, os.WTERMSIG(status)
    return os.WEXITSTATUS(status), None


def boot_text() -> str:
    """Return a text that changes with each boot of the operating system; "" where nothing tells."""
    try:
        with open("/proc/sys/kernel/random/boot_id") as file:
            return file.read().strip()
    except OSError:
        from jaz_lite.agent.machine import process_unix

        return process_unix.boot_text()
