"""A standby that follows: how far it is behind at 50 jobs a second, and what it costs both sides, or nobody.

The lag is from a commit of the active to the answer that the standby has it on its disk, over loopback. Its floor is
one round trip and one fdatasync. Beside it, a job: bytes on the wire, microseconds of both sides at 1, 8 and 64 jobs a
commit, and what a commit takes more because commits are numbered, while nobody follows.
"""

import json
import select
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import deque
from itertools import islice
from pathlib import Path

import apsw

from bench.booter_site import spread
from bench.floor import echo_seconds, sync_seconds
from bench.process import disk_kind
from bench.report import Result
from bench.ship_jobs import Jobs, Write, made
from bench.ship_standby import ACK, HEAD
from jaz_lite.clock import SystemClock
from jaz_lite.runner.shipping import SHIP_EVERY_S
from jaz_lite.store.changes import Follower
from jaz_lite.store.commits import Position
from jaz_lite.store.connection import DATABASE_FILE
from jaz_lite.store.open import Store
from jaz_lite.store.replica import Replica
from jaz_lite.store.shipment import Packing, Unpacking

JOBS = 1_000  # at 50 a second: 20 s
JOBS_A_S = 50
COMMITS_A_JOB = 3
GROUPS = (1, 8, 64)
LAG_MS_BAR = 1_000.0
LAG_MS_STRETCH = 200.0
BYTES_BAR = 400
STANDBY = "standby"


def run(*, rounds: int, jobs: int, place: Path | None) -> Result:
    """Lag at 50 jobs a second; `--jobs` sets how many, `--rounds` how often the costs are taken."""
    jobs = jobs or JOBS
    folder = Path(tempfile.mkdtemp(prefix="jl-bench-", dir=place))
    try:
        floor_ms = (echo_seconds() + sync_seconds(folder)) * 1000
        lags_ms, lag_bytes, standby_us = _lag(folder / "lag", jobs)
        costs = {each: _costs(folder / f"costs-{each}", each, max(jobs, each * 20)) for each in GROUPS}
        unfollowed = _unfollowed(folder / "unfollowed", rounds, jobs)
        kind = disk_kind(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    found = spread(lags_ms)
    bytes_a_job = {str(each): cost["bytes"] for each, cost in costs.items()}
    return Result(
        bench="ship",
        figure=found["p99"],
        unit="ms behind, p99",
        floor=floor_ms,
        bar=LAG_MS_BAR,
        stretch=LAG_MS_STRETCH,
        more_is_better=False,
        also_met=bytes_a_job["8"] <= BYTES_BAR,
        details={
            "jobs_a_s": JOBS_A_S,
            "lag_ms": found,
            "bytes_a_job_at_50_a_s": round(lag_bytes / jobs),
            "standby_cpu_us_a_job_at_50_a_s": round(standby_us / jobs),
            "by_jobs_a_commit": {str(each): cost for each, cost in costs.items()},
            "unfollowed": unfollowed,
            "disk": kind,
        },
    )


# ---- how far behind


def _lag(folder: Path, jobs: int) -> tuple[list[float], int, float]:
    """Commit jobs at a steady pace beside a standby's process; return each commit's lag, the bytes, its CPU µs."""
    folder.mkdir()
    store = made(folder / "active")
    listener = socket.create_server(("127.0.0.1", 0))
    with store.changes.hold():
        since = _copied(store, folder / "standby")
        follower = store.changes.follow(STANDBY, since)
    words = [sys.executable, "-m", "bench.ship_standby", str(folder / "standby"), str(listener.getsockname()[1])]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as standby:
        line, _ = listener.accept()
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        lags_ms, sent = _paced(store, follower, line, jobs)
        line.shutdown(socket.SHUT_WR)
        told = json.loads(standby.communicate()[0])
        line.close()
    listener.close()
    store.close()
    return lags_ms, sent, told["cpu_s"] * 1e6


def _paced(store: Store, follower: Follower, line: socket.socket, jobs: int) -> tuple[list[float], int]:
    writes = deque(write for job in islice(Jobs(), jobs) for write in job)
    under_way: deque[tuple[int, float]] = deque()
    packing = Packing()
    lags_ms: list[float] = []
    sent = 0
    began = ship_at = time.monotonic()
    every_s = 1 / (JOBS_A_S * COMMITS_A_JOB)
    done = 0
    while writes or under_way:
        now = time.monotonic()
        if now >= ship_at:  # first, as in a server: commits that are late do not keep it waiting
            ship_at = now + SHIP_EVERY_S
            for change in follower.take():
                for piece in packing.pack(change):
                    line.sendall(HEAD.pack(piece.lsn, len(piece.data)) + piece.data)
                    sent += len(piece.data)
        if writes and now >= began + done * every_s:
            with store.transaction() as tx:
                writes.popleft()(tx)
            done += 1
            under_way.append((store.changes.position.lsn, time.monotonic()))
            _idle(store)
        until = min(ship_at, began + done * every_s if writes else ship_at)
        if select.select([line], [], [], max(0.0, until - time.monotonic()))[0]:
            (lsn,) = ACK.unpack(line.recv(ACK.size, socket.MSG_WAITALL))
            follower.acked(lsn)
            while under_way and under_way[0][0] <= lsn:
                lags_ms.append((time.monotonic() - under_way.popleft()[1]) * 1000)
    return lags_ms, sent


def _idle(store: Store) -> None:
    if store.wants_checkpoint:
        store.checkpoint()


def _copied(store: Store, target: Path) -> Position:
    target.mkdir()
    source = apsw.Connection(str(store.folder / DATABASE_FILE), flags=apsw.SQLITE_OPEN_READONLY)
    copy = apsw.Connection(str(target / DATABASE_FILE))
    with copy.backup("main", source, "main") as backup:
        backup.step()
    copy.close()
    source.close()
    return store.changes.position


# ---- what it costs


def _committed(store: Store, writes: list[list[Write]]) -> float:
    """Make each list one transaction; return the CPU seconds it took."""
    began = time.process_time()
    for each in writes:
        with store.transaction() as tx:
            for write in each:
                write(tx)
    return time.process_time() - began


def _grouped(jobs: int, a_commit: int) -> list[list[Write]]:
    """Return the writes of jobs that go through their three steps together, so many at a time."""
    every = list(islice(Jobs(), jobs))
    groups = [every[at : at + a_commit] for at in range(0, jobs, a_commit)]
    return [[job[step] for job in group] for group in groups for step in range(COMMITS_A_JOB)]


def _costs(folder: Path, a_commit: int, jobs: int) -> dict[str, float]:
    """Take what noting, packing and applying cost a job, each commit cut and applied by itself."""
    folder.mkdir()
    writes = _grouped(jobs, a_commit)
    alone = made(folder / "alone")
    alone_s = _committed(alone, writes)
    alone.close()
    store = made(folder / "active")
    with store.changes.hold():
        since = _copied(store, folder / "standby")
        follower = store.changes.follow(STANDBY, since)
    packing, unpacking = Packing(), Unpacking()
    replica = Replica.open(folder / "standby", clock=SystemClock())
    active_s = standby_s = 0.0
    sent = 0
    for each in writes:
        active_s += _committed(store, [each])
        began = time.process_time()
        pieces = [piece for change in follower.take() for piece in packing.pack(change)]
        packed = time.process_time()
        changes = [change for piece in pieces if (change := unpacking.add(piece)) is not None]
        replica.apply(changes)
        follower.acked(replica.position.lsn)
        active_s += packed - began
        standby_s += time.process_time() - packed
        sent += sum(len(piece.data) for piece in pieces)
    replica.close()
    store.close()
    return {
        "bytes": round(sent / jobs),
        "active_alone_us": round(alone_s / jobs * 1e6),
        "active_more_us": round((active_s - alone_s) / jobs * 1e6),
        "standby_us": round(standby_s / jobs * 1e6),
    }


def _unfollowed(folder: Path, rounds: int, jobs: int) -> dict[str, float]:
    """Take what a commit costs with its number and without, in turns, nobody following."""
    folder.mkdir()
    with_us, without_us = [], []
    for number in range(max(rounds, 3)):
        for taken, counting in ((with_us, True), (without_us, False)):
            store = made(folder / f"{number}-{counting}")
            if not counting:
                store._the_writer._counter = None  # as if there were no standbys at all
            writes = _grouped(jobs, 1)
            taken.append(_committed(store, writes) / len(writes) * 1e6)
            store.close()
    return {
        "commit_us": round(statistics.median(with_us), 1),
        "commit_us_without_numbers": round(statistics.median(without_us), 1),
    }
