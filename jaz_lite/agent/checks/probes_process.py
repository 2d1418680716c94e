"""Probes of processes, for `selfcheck`: jobs are started, signalled and told apart as the job keeper does it."""

import os
import sys
import time
from collections.abc import Callable
from typing import Any

from jaz_lite.agent.checks.probes import Place, Shortcoming, must
from jaz_lite.agent.machine import process
from jaz_lite.agent.machine.job_environment import job_environment

ENDS_S_MAX = 10.0
GROUP_S_MAX = 1.0
LOOK_S = 0.01
TERM = 15
SHELL = "cmd" if sys.platform == "win32" else "/bin/sh"


class _Job:
    """A job of one line, started as the keeper does."""

    def __init__(self, place: Place, name: str, line: str, **more: Any) -> None:
        self._out = place.scratch / f"{name}.out"
        argv = [SHELL, "/d", "/c", line] if sys.platform == "win32" else [SHELL, "-c", line]
        order = {"argv": argv, "env": {}, "out": str(self._out), "err": str(place.scratch / f"{name}.err"), **more}
        self.pid, self._made = process.spawn(order, job_environment())

    def end(self) -> process.Ended:
        """Wait for its end."""
        until = time.monotonic() + ENDS_S_MAX
        while (ended := process.reaped()) is None or ended.pid != self.pid:
            must(time.monotonic() < until, "the system does not tell of the end of a job")
            time.sleep(LOOK_S)
        process.remove_text(self._made)
        return ended

    def signalled(self, name: str) -> bool:
        """Signal its group; one that is being born may need a moment until it is there."""
        until = time.monotonic() + GROUP_S_MAX
        while not (reached := process.signal_group(self.pid, name)) and time.monotonic() < until:
            time.sleep(LOOK_S)
        return reached

    def printed(self) -> str:
        """Return its output."""
        return self._out.read_bytes().decode(errors="replace").strip()


def exit_codes(place: Place) -> str:
    """Whether a job starts, and its output and exit code are told."""
    began = time.monotonic()
    job = _Job(place, "exit", "echo out & exit 7" if sys.platform == "win32" else "echo out; exit 7")
    ended = job.end()
    must(ended.code == 7, f"a job that ended with 7 is told as {ended.code}")
    must(job.printed() == "out", f"the output of a job is {job.printed()!r} instead of 'out'")
    try:
        _Job(place, "missing", "", argv=[str(place.scratch / "no-such-program")]).end()
    except process.NotStarted:
        return f"start, output and exit code of a job take {(time.monotonic() - began) * 1000:.0f} ms"
    raise Shortcoming("a program that does not exist counts as started and ended with 127")


def signals(place: Place) -> str:
    """Whether a job and what it started can be ended, as a group."""
    if sys.platform == "win32":
        job = _Job(place, "group", "ping -n 60 127.0.0.1 > nul")
    else:
        job = _Job(place, "group", "sleep 60 & sleep 60 & wait")
    must(job.signalled("TERM"), "the group of a job cannot be signalled")
    ended = job.end()
    must(ended.signal == TERM or sys.platform == "win32", f"a job ended by SIGTERM is told as {ended}")
    until = time.monotonic() + ENDS_S_MAX
    while process.group_exists(job.pid):
        if time.monotonic() > until:
            raise Shortcoming("processes that a job had started outlive the end of its group, or stay as zombies")
        time.sleep(LOOK_S)
    return "a job and all that it started end together"


def start_time(place: Place) -> str:
    """Whether a job can be known again after its keeper was killed."""
    job = _Job(place, "known", "ping -n 60 127.0.0.1 > nul" if sys.platform == "win32" else "exec sleep 60")
    try:
        began = process.start_time(job.pid)
        known = process.still_is(job.pid, began)
        mistaken = process.still_is(job.pid, max(1, began - 1_000_000))
    finally:
        job.signalled("KILL")
        job.end()
    if not began or not known:
        raise Shortcoming("the system does not tell when a process began: jobs of a killed keeper are lost at once")
    must(not mistaken, "any process is taken for a job that runs")
    must(not process.still_is(job.pid, began), "a job that has ended is taken for one that runs")
    return f"known by its start ({began})"


def environment(place: Place) -> str:
    """Whether jobs get a clean environment, and what was meant for them."""
    line = "echo %PROBE%" if sys.platform == "win32" else 'echo "$PROBE"'
    job = _Job(place, "environment", line, env={"PROBE": "for the job"})
    job.end()
    must(job.printed() == "for the job", f"a job sees {job.printed()!r} instead of its variable")
    left = sorted(name for name in job_environment() if name.startswith(("_PYI_", "_MEIPASS")))
    must(not left, f"jobs see what the agent's packaging left: {', '.join(left)}")
    return f"jobs get {len(job_environment())} variables of ours, and their own"


def users(place: Place) -> str:
    """Whether jobs may run as other users."""
    if sys.platform == "win32":
        return "jobs run as the user of the agent"
    import pwd

    me = pwd.getpwuid(os.geteuid()).pw_name
    if os.geteuid() != 0:
        return f'jobs run as "{me}", the user of the agent; only an agent of root may switch'
    other = next((entry.pw_name for entry in pwd.getpwall() if entry.pw_uid not in (0, os.geteuid())), None)
    if other is None:
        return "this machine has no user but root"
    job = _Job(place, "user", "id -un", user=other)
    job.end()
    must(job.printed() == other, f'a job as user "{other}" says that it is {job.printed()!r}')
    return f'the agent is root and switches users (tried with "{other}")'


PROBES: tuple[tuple[str, Callable[[Place], str]], ...] = (
    ("jobs", exit_codes),
    ("signals", signals),
    ("start time", start_time),
    ("job environment", environment),
    ("users", users),
)
