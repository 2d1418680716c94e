"""How the machine of an agent is: load, memory, what the agent's files take; and what its jobs write text in.

Whatever cannot be found out is left out: the server shows it as not known. Source: protocol.md 5, message 128.
"""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

CODE_PAGE_UTF_8 = 65_001
FILES_COUNTED_MAX = 200_000  # a folder with more is told as what these take


@dataclass(frozen=True, slots=True)
class Vitals:
    """What was measured; None where the system does not tell."""

    load: "int | None" = None  # hundredths, over the last minute
    mem_bytes: "int | None" = None
    spool_bytes: "int | None" = None


def measured(folder: Path) -> Vitals:
    """Return how the machine is, and what the files in `folder` take. Walks through the folder: not for the loop."""
    return Vitals(_load(), _free_memory(), taken(folder))


def taken(folder: Path) -> int:
    """Return the bytes that the files in a folder and below it take."""
    total = count = 0
    todo = [str(folder)]
    while todo and count < FILES_COUNTED_MAX:
        try:
            with os.scandir(todo.pop()) as entries:
                for entry in entries:
                    count += 1
                    if entry.is_dir(follow_symlinks=False):
                        todo.append(entry.path)
                    else:
                        total += entry.stat(follow_symlinks=False).st_size
        except OSError:
            continue  # it went away meanwhile
    return total


def job_encoding() -> str:
    """Return the encoding that programs on this machine write text in; "" is UTF-8.

    Source: JAZ converts from the ANSI code page on Windows, and nothing elsewhere.
    """
    if sys.platform == "win32":
        import ctypes

        page = int(ctypes.windll.kernel32.GetACP())
        return "" if page == CODE_PAGE_UTF_8 else f"cp{page}"
    return ""


def _load() -> "int | None":
    try:
        return round(os.getloadavg()[0] * 100)
    except (AttributeError, OSError):
        return None


def _free_memory() -> "int | None":
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None
