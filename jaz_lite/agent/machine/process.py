"""Processes of the operating system: the one seam between the job keeper and the machine it runs on.

`process_posix` and `process_windows` offer the same names; everybody imports them from here. Standard library only, and
little of it: the job keeper loads this and must stay small.

    NotStarted(step, code, what)   the process was never started; step is a word, the message a sentence
    Ended                          how a child ended: pid, exit code or signal number, CPU milliseconds, peak KiB
    spawn(order, base)             start one; its pid, and the folder made for its text ("": none)
    remove_text(folder)            remove that folder
    reaped()                       the next child that has ended and was not told yet, or None
    signal_group(pid, name)        signal a job and all that it started; False where nobody is left
    group_exists(pid)              whether anybody of it is left
    start_time(pid)                in the system's own count, 0 where it has ended or nobody tells; tells a process from
                                   a later one with its pid
    still_is(pid, started)         whether the process that began then still runs under this number
    boot_text()                    changes with each boot; "" where nothing tells
"""

import sys

if sys.platform == "win32":
    from jaz_lite.agent.machine.process_windows import (
        Ended,
        NotStarted,
        boot_text,
        group_exists,
        reaped,
        remove_text,
        signal_group,
        spawn,
        start_time,
        still_is,
    )
else:
    from jaz_lite.agent.machine.process_posix import (
        Ended,
        NotStarted,
        boot_text,
        group_exists,
        reaped,
        remove_text,
        signal_group,
        spawn,
        start_time,
        still_is,
    )

__all__ = [
    "Ended",
    "NotStarted",
    "boot_text",
    "group_exists",
    "reaped",
    "remove_text",
    "signal_group",
    "spawn",
    "start_time",
    "still_is",
]
