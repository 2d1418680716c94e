"""Dresses the interpreter as a Unix that nobody has heard of, before anything else is imported.

Put this folder on PYTHONPATH: every Python that is started then believes to run on HP-UX, or on AIX with
`JAZ_LITE_DRESS=aix7`, and finds nothing there that POSIX does not have. The product knows nothing of it. `HIDDEN` lists
what was taken away. What tests themselves need (/proc, to find processes) is hidden from the product's code only.
"""

import _socket
import builtins
import errno
import os
import select
import sys
import time
from collections.abc import Callable
from types import FrameType, ModuleType
from typing import Any

PLATFORM = os.environ.get("JAZ_LITE_DRESS", "hp-ux11")
SYSTEM = {"hp-ux11": "HP-UX", "aix7": "AIX"}[PLATFORM]
HIDDEN: list[str] = []


def _hide(module: ModuleType, *names: str, families: tuple[str, ...] = ()) -> None:
    """Take away single names, and all names that begin like a family."""
    for name in [name for name in vars(module) if name in names or name.startswith(families or ("\0",))]:
        delattr(module, name)
        if name in names:
            HIDDEN.append(f"{module.__name__}.{name}")
    HIDDEN.extend(f"{module.__name__}.{family}*" for family in families)


_hide(select, families=("epoll", "EPOLL", "kqueue", "kevent", "KQ_"))
_hide(
    os,
    "waitid", "wait3", "wait4", "fdatasync", "getgrouplist", "getrandom", "pipe2", "sendfile", "splice",
    "copy_file_range", "O_CLOEXEC", "O_NOFOLLOW", "O_DIRECTORY", "O_PATH", "O_TMPFILE",
    families=("pidfd", "eventfd", "EFD_", "posix_", "POSIX_", "sched_", "SCHED_", "memfd", "MFD_", "P_PID", "SPLICE_"),
)  # fmt: skip
_hide(_socket, "SO_PEERCRED", "SOCK_CLOEXEC", "SOCK_NONBLOCK", "TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT")
_hide(time, "CLOCK_BOOTTIME")
for kind in ("supports_dir_fd", "supports_fd", "supports_follow_symlinks"):
    getattr(os, kind).clear()
    HIDDEN.append(f"os.{kind}")

# A Python that was built there would have its build data under its own name.
os.environ["_PYTHON_SYSCONFIGDATA_NAME"] = (
    f"_sysconfigdata_{sys.abiflags}_{sys.platform}_{sys.implementation._multiarch}"
)
sys.platform = PLATFORM
HIDDEN.append(f"the platform's name (it says {PLATFORM})")
os.environ["MSGPACK_PUREPYTHON"] = "1"
HIDDEN.append("the compiled msgpack")


def _product_asks() -> bool:
    """Tell whether code of the product is among the callers."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        if str(frame.f_globals.get("__name__")).startswith("jaz_lite."):
            return True
        frame = frame.f_back
    return False


def _without_proc(function: Callable[..., Any]) -> Callable[..., Any]:
    def asked(path: Any, *more: Any, **named: Any) -> Any:
        if isinstance(path, (str, bytes, os.PathLike)) and os.fsencode(path).startswith(b"/proc") and _product_asks():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return function(path, *more, **named)

    return asked


builtins.open = _without_proc(builtins.open)
for one in ("open", "stat", "lstat", "listdir", "readlink"):
    setattr(os, one, _without_proc(getattr(os, one)))
HIDDEN.append("/proc, from the product")


def _no_unsetenv(name: Any, _real: Callable[[Any], None] = os.unsetenv) -> None:
    if _product_asks():
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    _real(name)


os.unsetenv = _no_unsetenv
HIDDEN.append("os.unsetenv, from the product")


def _foreign_uname(_real: Callable[[], "os.uname_result"] = os.uname) -> "os.uname_result":
    return os.uname_result((SYSTEM, *_real()[1:]))


os.uname = _foreign_uname
HIDDEN.append(f"os.uname (it says {SYSTEM})")
