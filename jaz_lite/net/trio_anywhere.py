"""Makes `import trio` work on a Unix that trio does not know: one with neither epoll nor kqueue.

Whatever needs trio on an agent's machine calls `prepare` before anything imports trio. On Linux, the BSDs, macOS and Windows it does nothing.

trio chooses its parts by `sys.platform` while it is imported, and demands kqueue of every name that it does not know.
So for the duration of the import the platform calls itself "android", for which trio chooses exactly what any Unix
has: epoll (here the stand-in), a thread with `waitid` for children, no descriptors of processes, and no constants that
only Linux has. Older releases than 0.33 do not know that name.

Source: portability.md section 1.
"""

import os
import select
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import trio

CHILD_LOOK_S_MIN = 0.001  # between two looks whether a child has ended, where nobody tells
CHILD_LOOK_S_MAX = 0.1


def is_known() -> bool:
    """Tell whether trio knows this system: it has epoll or kqueue, or is Windows."""
    return sys.platform == "win32" or hasattr(select, "epoll") or hasattr(select, "kqueue")


def prepare() -> None:
    """Import trio where it would not import by itself; before anything else does."""
    if is_known():
        return
    # These look at the platform's name and at what `select` has, too, and must see the truth.
    import ctypes.util
    import selectors  # noqa: F401
    import socket  # noqa: F401
    import ssl  # noqa: F401
    import subprocess  # noqa: F401

    from jaz_lite.net import poll_epoll

    poll_epoll.install()
    name, find_library = sys.platform, ctypes.util.find_library
    try:
        sys.platform = "android"
        # It runs a program of the system (AIX: /usr/bin/dump), which may not be there; lost are names of threads.
        ctypes.util.find_library = _find_no_library
        import trio._subprocess
    finally:
        sys.platform, ctypes.util.find_library = name, find_library
    if not hasattr(os, "waitid"):
        # trio has no seam for it. May go when trio itself can do without `waitid`.
        trio._subprocess.wait_child_exiting = _wait_child_exiting  # type: ignore[attr-defined]  # noqa: SLF001


def _find_no_library(name: str) -> None:  # noqa: ARG001
    return None


async def _wait_child_exiting(process: "trio.Process") -> None:
    """Wait for a child by looking again and again: the plain `waitpid` of trio's own would block the whole loop."""
    import trio

    pause = CHILD_LOOK_S_MIN
    while process.poll() is None:
        await trio.sleep(pause)
        pause = min(pause * 1.5, CHILD_LOOK_S_MAX)
