"""What Linux tells of processes, found out on Unixes that do not: by `ps` and `who`, as POSIX has them.

`process_posix` asks here where `/proc` is not as Linux has it. Each answer costs a process, so nothing here is asked
for a job that lives a moment only. Standard library only.

Source: protocol.md section 9.6; POSIX.1-2017, ps (options -o and -p) and who (option -b).
"""

import os
import resource
import subprocess
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

End = TypeVar("End")

ASK_S_MAX = 10.0  # a system that takes longer to say who runs is beyond help
AGE_S_MAX = 100 * 365 * 86_400  # older is a negative age, as some `ps` say it of a process that began just now
START_S_TOLERANCE = 3  # ps counts whole seconds, and takes its time to look


def start_time(pid: int) -> int:
    """Return the second at which a process began, on the monotonic clock of this boot; 0 where it does not run."""
    words = _answer(["ps", "-o", "etime=", "-o", "args=", "-p", str(pid)]).split()
    age_s = age(words[0]) if words else None
    # A zombie has ended; only its parent does not know yet.
    if age_s is None or words[-1] == "<defunct>":
        return 0
    return max(1, int(time.monotonic()) - age_s)


def still_is(pid: int, started: int) -> bool:
    """Tell whether the process that began at `started` (as `start_time` says it) still runs under this number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    now = start_time(pid)
    return now > 0 and abs(now - started) <= START_S_TOLERANCE


def reaped(make: Callable[[int, int, int, int], End]) -> "End | None":
    """Return the next child that has ended, None where there is none.

    Args:
        make: called with pid, wait status, CPU milliseconds and peak KiB.

    Notes:
        What all children have used so far is asked before and after, since each counts when it is waited for. Of the
        peak the system tells only the highest of all; where this child did not raise it, 0 is said.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    try:
        pid, status = os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return None
    if pid == 0:
        return None
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_ms = round((after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime) * 1000)
    return make(pid, status, cpu_ms, after.ru_maxrss if after.ru_maxrss > before.ru_maxrss else 0)


def boot_text() -> str:
    """Return a text that changes with each boot of the operating system; "" where nothing tells."""
    # The last one asks when the first process began.
    for command in (["sysctl", "-n", "kern.boottime"], ["who", "-b"], ["ps", "-o", "lstart=", "-p", "1"]):
        if told := " ".join(_answer(command).split()):
            return told
    return ""


def age(text: str) -> int | None:
    """Return the seconds that `[[days-]hours:]minutes:seconds` means, None where it is something else.

    Source: POSIX.1-2017, ps, `etime`.
    """
    days, dash, clock = text.rpartition("-")
    parts = clock.split(":")
    if not all(part.isdigit() for part in parts) or len(parts) not in (2, 3) or (dash and not days.isdigit()):
        return None
    hours, minutes, seconds = [0, *map(int, parts)][-3:]
    found = ((int(days or 0) * 24 + hours) * 60 + minutes) * 60 + seconds
    return found if found < AGE_S_MAX else 0


def _answer(command: Sequence[str]) -> str:
    """Return what a program of the system says; "" where it is not there, fails or is silent."""
    environment = {**os.environ, "LC_ALL": "C", "UNIX95": "1"}  # HP-UX's ps speaks POSIX only when asked
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=environment, timeout=ASK_S_MAX, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode("ascii", errors="replace")
