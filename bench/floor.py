"""Floors: what this machine can do at best, in the plainest Python that does nothing else.

F1, F8    children a second by `os.posix_spawn` + `os.waitpid`, one at a time and eight in flight; of `/bin/true`, and
          of `/bin/sh -c :` for jobs that are shell texts.
S         one fdatasync after overwriting 4 KiB of a file whose blocks exist, in a folder of the disk to be judged.
R         60 bytes there and back over a loopback TCP connection.
chain     1/F1 + 2 S + R: start a process, make two things durable one after the other, say one thing to a peer.
"""

import os
import socket
import statistics
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from bench.report import Result

TRUE = ("/bin/true",)
SHELL = ("/bin/sh", "-c", ":")
SPAWNS = 800  # children a measurement
SYNCS = 200
ECHOES = 2000
BLOCK_BYTES = 4096
FILE_BLOCKS = 64
ECHO_BYTES = 60


def spawn_rate(command: tuple[str, ...], *, in_flight: int, count: int = SPAWNS) -> float:
    """Return children a second, started and waited for by one thread."""
    flying: set[int] = set()
    started = time.perf_counter()
    for _ in range(count):
        if len(flying) >= in_flight:
            flying.discard(_reap_one(flying))
        flying.add(os.posix_spawn(command[0], command, os.environ))
    while flying:
        flying.discard(_reap_one(flying))
    return count / (time.perf_counter() - started)


def _reap_one(flying: set[int]) -> int:
    """Wait for any child; only ours count, since the server under test is a child too."""
    while True:
        pid, _ = os.waitpid(0, 0)
        if pid in flying:
            return pid


def sync_seconds(folder: Path, *, count: int = SYNCS) -> float:
    """Return the median seconds of an fdatasync after overwriting 4 KiB in place."""
    with tempfile.TemporaryFile(dir=folder) as file:
        descriptor = file.fileno()
        os.write(descriptor, bytes(BLOCK_BYTES * FILE_BLOCKS))
        os.fsync(descriptor)
        taken = []
        for turn in range(count):
            os.pwrite(descriptor, bytes([turn % 256]) * BLOCK_BYTES, BLOCK_BYTES * (turn % FILE_BLOCKS))
            started = time.perf_counter()
            os.fdatasync(descriptor)
            taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def echo_seconds(*, count: int = ECHOES) -> float:
    """Return the median seconds of 60 bytes there and back over loopback TCP, both ends blocking."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        peer = threading.Thread(target=_echo, args=(listener,), daemon=True)
        peer.start()
        with socket.create_connection(listener.getsockname()) as line:
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            message = bytes(ECHO_BYTES)
            taken = []
            for _ in range(count):
                started = time.perf_counter()
                line.sendall(message)
                _receive(line)
                taken.append(time.perf_counter() - started)
        peer.join()
    return statistics.median(taken)


def _receive(line: socket.socket) -> bytes:
    got = b""
    while len(got) < ECHO_BYTES:
        part = line.recv(ECHO_BYTES - len(got))
        if not part:
            return b""
        got += part
    return got


def _echo(listener: socket.socket) -> None:
    line, _ = listener.accept()
    with line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while message := _receive(line):
            line.sendall(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Floors:
    """One measurement of all of them; rates a second, times in seconds."""

    f1: float
    f8: float
    f1_shell: float
    f8_shell: float
    sync_s: float
    echo_s: float

    @property
    def chain_s(self) -> float:
        """Seconds of a chain step at best, with `/bin/true` as the job."""
        return 1 / self.f1 + 2 * self.sync_s + self.echo_s

    @property
    def chain_shell_s(self) -> float:
        """The same with `/bin/sh -c :` as the job."""
        return 1 / self.f1_shell + 2 * self.sync_s + self.echo_s


def measure(folder: Path) -> Floors:
    """Measure all floors once; about three seconds."""
    return Floors(
        f1=spawn_rate(TRUE, in_flight=1, count=SPAWNS // 2),
        f8=spawn_rate(TRUE, in_flight=8),
        f1_shell=spawn_rate(SHELL, in_flight=1, count=SPAWNS // 2),
        f8_shell=spawn_rate(SHELL, in_flight=8),
        sync_s=sync_seconds(folder),
        echo_s=echo_seconds(),
    )


def middle(before: Floors, after: Floors) -> Floors:
    """Return the floor to judge by what happened between two measurements."""
    return Floors(
        f1=(before.f1 + after.f1) / 2,
        f8=(before.f8 + after.f8) / 2,
        f1_shell=(before.f1_shell + after.f1_shell) / 2,
        f8_shell=(before.f8_shell + after.f8_shell) / 2,
        sync_s=(before.sync_s + after.sync_s) / 2,
        echo_s=(before.echo_s + after.echo_s) / 2,
    )


def run(*, rounds: int, jobs: int, place: Path | None) -> Result:
    """The floors by themselves."""
    del jobs
    with tempfile.TemporaryDirectory(prefix="jl-bench-", dir=place) as folder:
        seen = [measure(Path(folder)) for _ in range(rounds)]
    return Result(
        bench="floor",
        figure=statistics.median(one.f8 for one in seen),
        unit="children/s, 8 in flight",
        details={
            "f1": round(statistics.median(one.f1 for one in seen), 1),
            "f8_shell": round(statistics.median(one.f8_shell for one in seen), 1),
            "f1_shell": round(statistics.median(one.f1_shell for one in seen), 1),
            "sync_ms": round(statistics.median(one.sync_s for one in seen) * 1000, 4),
            "echo_ms": round(statistics.median(one.echo_s for one in seen) * 1000, 4),
            "chain_ms": round(statistics.median(one.chain_s for one in seen) * 1000, 4),
            "chain_shell_ms": round(statistics.median(one.chain_shell_s for one in seen) * 1000, 4),
        },
    )
