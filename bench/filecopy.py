"""File copy: one large file from agent to agent through the server, beside `cp` and a bare TLS connection.

`--jobs` is the size in MB. The peak of each process is what the kernel counted (VmHWM), idle before and after the copy.
"""

import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from bench.beside import AgentBeside
from bench.definitions import Place, copy
from bench.process import cpu
from bench.report import Result
from bench.site import Site
from jaz_lite.clock import SystemClock
from jaz_lite.net.tls import client_context, server_context
from jaz_lite.store.directory import DataDirectory

SIZE_MB = 1000
MB = 1_000_000
PIECE = bytes(64 * 1024)
GROWTH_BAR_MB = 24.0  # of any of the three, whatever the size of the file


def run(*, rounds: int, jobs: int, place: Path | None) -> Result:
    """MB/s of a copy with the memory it took, and the same file by `cp` and through TLS."""
    size = (jobs or SIZE_MB) * MB
    folder = Path(tempfile.mkdtemp(prefix="jl-bench-", dir=place))
    site = Site(folder)
    with socket.create_server(("127.0.0.1", 0)) as free:
        listen = f"127.0.0.1:{free.getsockname()[1]}"
    agents = [AgentBeside(site, name, address=listen) for name in ("alpha", "beta")]
    source, target = folder / "from", folder / "to"
    for path in (source, target):
        path.mkdir()
    try:
        _fill(source / "file", size)
        floor = {"cp_fsync": _cp(source / "file", target / "file", size), "tls": _tls(folder / "data", size)}
        site.start(listen)
        for agent in agents:
            agent.start()
        for agent in agents:
            agent.wait()
        site.define(
            copy("BENCH_COPY", Place("alpha", str(source), "*"), Place("beta", str(target)), overwrite=True), "c"
        )
        pids = _pids(site, agents)
        before = {role: _peak_mb(pid) for role, pid in pids.items()}
        used = {role: cpu(pid) for role, pid in pids.items()}
        seconds = [_copy(site) for _ in range(max(1, min(rounds, 3)))]
        after = {role: _peak_mb(pid) for role, pid in pids.items()}
        cpu_s = {role: cpu(pid).since(used[role]).own_s / len(seconds) for role, pid in pids.items()}
        same = subprocess.run(["cmp", "-s", source / "file", target / "file"], check=False).returncode == 0
    finally:
        site.stop()
        for agent in agents:
            agent.stop()
        shutil.rmtree(folder, ignore_errors=True)
    growth = {role: round(after[role] - before[role], 1) for role in after}
    return Result(
        bench="filecopy",
        figure=round(size / MB / min(seconds), 1),
        unit=f"MB/s, one file of {size // MB} MB",
        more_is_better=True,
        floor=floor["tls"],
        ratio=size / MB / min(seconds) / floor["tls"],
        also_met=same and all(grown <= GROWTH_BAR_MB for grown in growth.values()),
        details={
            "floor_mb_s": floor,
            "seconds": [round(each, 2) for each in seconds],
            "cpu_s": {role: round(each, 2) for role, each in cpu_s.items()},
            "idle_peak_mb": {role: round(each, 1) for role, each in before.items()},
            "growth_mb": growth,
            "growth_bar_mb": GROWTH_BAR_MB,
        },
    )


def _fill(path: Path, size: int) -> None:
    block = os.urandom(MB)
    with path.open("wb") as file:
        for _ in range(size // MB):
            file.write(block)


def _cp(source: Path, target: Path, size: int) -> float:
    began = time.perf_counter()
    subprocess.run(["cp", source, target], check=True)
    with target.open("rb") as file:
        os.fsync(file.fileno())
    taken = time.perf_counter() - began
    target.unlink()
    return round(size / MB / taken, 1)


def _tls(data: Path, size: int) -> float:
    """Send as many bytes through one TLS connection, with the certificate of the site, and nothing else."""
    keys = DataDirectory(data).open_store(clock=SystemClock()).keys
    server = server_context(keys.site_certificate_file, keys.site_key_file)
    client = client_context(keys.site_certificate_file.read_text("ascii"))
    listener = socket.create_server(("127.0.0.1", 0))

    def send() -> None:
        with server.wrap_socket(listener.accept()[0], server_side=True) as line:
            for _ in range(size // len(PIECE)):
                line.sendall(PIECE)

    sender = threading.Thread(target=send)
    sender.start()
    with client.wrap_socket(socket.create_connection(listener.getsockname())) as line:
        began = time.perf_counter()
        got = 0
        while data_in := _received(line):
            got += data_in
        taken = time.perf_counter() - began
    sender.join()
    listener.close()
    return round(got / MB / taken, 1)


def _received(line: ssl.SSLSocket) -> int:
    try:
        return len(line.recv(len(PIECE)))
    except ssl.SSLError:
        return 0


def _copy(site: Site) -> float:
    run: dict[str, Any] = site.ask("exec", "BENCH_COPY", "--wait")
    if run["state"] != "ended":
        raise RuntimeError(f"the copy is {run['state']}: {run['waiting_for']}")
    began, over = (datetime.fromisoformat(run[name]) for name in ("started_at", "ended_at"))
    return (over - began).total_seconds()


def _pids(site: Site, agents: list[AgentBeside]) -> dict[str, int]:
    assert site.server is not None
    pids = {"server": site.server.pid}
    for role, agent in zip(("source", "target"), agents, strict=True):
        assert agent.process is not None
        pids[role] = agent.process.pid
    return pids


def _peak_mb(pid: int) -> float:
    """Return the most that a process ever had in memory, in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / MB
    raise LookupError(f"no VmHWM line for process {pid}")
