"""A wall clock for processes that can be set forward while they run; all their other clocks stay true.

A small library that is loaded before libc adds some seconds, which it finds in a file, to the time of day.
"""

import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

COMPILER = shutil.which("cc")
WHY_NOT = (
    "wall clocks are set on Linux only"
    if sys.platform != "linux"
    else ""
    if COMPILER
    else "there is no C compiler, with which wall clocks are set"
)
SOURCE = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile long long *ahead(void)
{
    static const long long none;
    static const volatile long long *found;
    if (!found) {
        const char *name = getenv("WALL_CLOCK_AHEAD");
        int file = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
        void *seen = file < 0 ? MAP_FAILED : mmap(0, sizeof none, PROT_READ, MAP_SHARED, file, 0);
        if (file >= 0) close(file);
        found = seen == MAP_FAILED ? &none : seen;
    }
    return found;
}

int clock_gettime(clockid_t clock, struct timespec *at)
{
    int fault = syscall(SYS_clock_gettime, clock, at);
    if (!fault && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) at->tv_sec += *ahead();
    return fault;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone)
{
    int fault = syscall(SYS_gettimeofday, at, zone);
    if (!fault && at) at->tv_sec += *ahead();
    return fault;
}

time_t time(time_t *at)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at) *at = now.tv_sec;
    return now.tv_sec;
}
"""


class WallClock:
    """What every process that is started with its environment takes for the time of day."""

    def __init__(self, folder: Path) -> None:
        assert COMPILER is not None, WHY_NOT
        self.ahead_s = 0
        self._file = folder / "ahead"
        self._file.write_bytes(bytes(8))
        self._library = folder / "wall_clock.so"
        command = [COMPILER, "-shared", "-fPIC", "-O1", "-x", "c", "-", "-o", str(self._library)]
        subprocess.run(command, input=SOURCE, check=True, text=True)

    @property
    def environment(self) -> dict[str, str]:
        """What processes are to be started with."""
        return {"LD_PRELOAD": str(self._library), "WALL_CLOCK_AHEAD": str(self._file)}

    def set_forward(self, seconds: int) -> None:
        """Set the clocks of all forward."""
        self.ahead_s += seconds
        with self._file.open("r+b") as file:  # in place: it is mapped
            os.pwrite(file.fileno(), struct.pack("=q", self.ahead_s), 0)
