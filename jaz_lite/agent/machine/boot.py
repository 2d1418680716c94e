"""This boot of the machine, and the command that leads to the next one."""

import os
import sys
from typing import TYPE_CHECKING

from jaz_lite.agent.machine import process

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT_PATH = "/sbin:/usr/sbin:/etc:/bin:/usr/bin"  # where shutdown is; the agent's own PATH may lack it
BOOT_VARIABLE = "JAZ_LITE_BOOT_ID"


def boot_text() -> str:
    """Return a text that changes with each boot of the operating system; "" where nothing tells.

    Notes:
        Tests of real processes set the environment variable JAZ_LITE_BOOT_ID for agent and keeper in its place, since
        they cannot boot the machine. It is of no other use: with a text that stays, no boot is ever noticed.
    """
    return os.environ.get(BOOT_VARIABLE) or process.boot_text()


def boot_id() -> bytes:
    """Return 16 bytes that change with each boot of the operating system."""
    import hashlib  # the keeper needs only the text, and has to stay small

    return hashlib.sha256(boot_text().encode()).digest()[:16]


def reboot_command(platform: str, *, root: bool, find: "Callable[[str], str | None]") -> "tuple[str, ...]":
    """Return the command that reboots a machine; empty where the agent may not.

    Args:
        platform: as `sys.platform` names it.
        root: the agent runs as root; does not matter on Windows, where the command asks for the right itself.
        find: gives the path of a program, or None.

    Source: JAZ's scripts for Linux, AIX, HP-UX and Windows.
    """
    if platform == "win32":
        return ("shutdown", "-r", "-f", "-t", "10")
    program = find("shutdown")
    if not root or program is None:
        return ()
    if platform.startswith("aix"):
        return (program, "-Fr", "now")
    if platform.startswith("hp-ux"):
        return (program, "-r", "-y", "now")
    if platform.startswith("sunos"):
        return (program, "-y", "-g0", "-i6")
    return (program, "-r", "now")


def own_reboot_command() -> "tuple[str, ...]":
    """Return the command that reboots this machine; empty where this process may not."""
    import shutil

    if sys.platform == "win32":
        return reboot_command(sys.platform, root=False, find=shutil.which)
    return reboot_command(sys.platform, root=os.geteuid() == 0, find=lambda name: shutil.which(name, path=ROOT_PATH))
