"""A thousand agents over TLS on loopback: what they cost the server, and how fast all of them are there.

One real server process; the agents are real sessions in a few driver processes on the same machine, without disks and
job processes (see `agents_driver`), so a job here is everything but its process. The drivers take CPU from the server
as agents elsewhere would not. Each figure stands beside its floor: bare TLS handshakes of the same context, the bytes
of a bare TLS object, a bare fdatasync.
"""

import contextlib
import os
import shutil
import ssl
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.agents_driver import name_of
from bench.definitions import wide
from bench.fleet import DRIVERS, drivers, prepare
from bench.floor import sync_seconds
from bench.process import cpu, disk_kind, pss_mb
from bench.report import Result
from bench.site import Site

AGENTS = 1000
JOBS_AN_AGENT = 5
IDLE_S = 20.0
SETTLE_S = 3.0
HANDSHAKES = 300
IDLE_CPU_BAR = 0.05  # of one core, with 1,000 agents (target 10)
PER_AGENT_KB_BAR = 32.0  # target 8, with TLS


def run(*, rounds: int, jobs: int, place: Path | None) -> Result:
    """Idle CPU with all agents as a share of one core; `--jobs` sets the number of agents."""
    del rounds  # one round takes a minute
    agents = jobs or AGENTS
    folder = Path(tempfile.mkdtemp(prefix="jl-agents-", dir=place))
    here = Site(folder)
    try:
        return _measure(here, agents)
    finally:
        here.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _measure(here: Site, agents: int) -> Result:
    prepare(here, agents)
    here.start()
    time.sleep(SETTLE_S)
    server = here.processes()["server"]
    empty_mb = pss_mb(server)
    port = here.port()
    floor = _handshake_floor(here.data)
    with drivers(here.data, port, agents) as fleet:
        began, before = time.monotonic(), cpu(server)
        fleet.say("go")
        cold_s = fleet.all_up() - began
        cold_cpu_s = cpu(server).since(before).own_s
        time.sleep(SETTLE_S)
        full_mb = pss_mb(server)
        before = cpu(server)
        time.sleep(IDLE_S)
        idle = cpu(server).since(before).own_s / IDLE_S
        count = agents * JOBS_AN_AGENT
        here.define(wide("BENCH_AGENTS", count, ":", hosts=[name_of(n) for n in range(agents)]), "agents")
        here.take("BENCH_AGENTS", jobs=count)  # the first round warms caches
        taken = here.take("BENCH_AGENTS", jobs=count)
        loaded_mb = pss_mb(server)
        assert here.server is not None
        here.server.kill()
        here.server.wait()
        fleet.all_down()
        here.start(listen=f"127.0.0.1:{port}")
        began, before = time.monotonic(), cpu(here.processes()["server"])
        back_s = fleet.all_up() - began
        back_cpu_s = cpu(here.processes()["server"]).since(before).own_s
        failed = fleet.failures()
    per_agent_kb = (full_mb - empty_mb) * 1000 / agents
    return Result(
        bench="agents",
        figure=idle,
        unit="of a core, idle",
        bar=IDLE_CPU_BAR,
        stretch=0.03,
        more_is_better=False,
        also_met=per_agent_kb <= PER_AGENT_KB_BAR,
        details={
            "agents": agents,
            "agents_are": f"real TLS sessions in {DRIVERS} driver processes; jobs answered from memory",
            "server_mb": {"empty": round(empty_mb, 1), "all": round(full_mb, 1), "after_jobs": round(loaded_mb, 1)},
            "per_agent_kb": round(per_agent_kb, 1),
            "per_agent_floor_kb": round(floor["session_kb"], 1),
            "all_synced_s": {"cold": round(cold_s, 2), "after_kill": round(back_s, 2)},
            "server_cpu_s": {"cold": round(cold_cpu_s, 2), "after_kill": round(back_cpu_s, 2)},
            "floor_s": round(floor["server_s"] * agents, 2),
            "floor_is": "the server's half of so many bare TLS handshakes of the same context, in this process",
            "cold_to_floor": round(cold_s / (floor["server_s"] * agents), 2),
            "handshakes_per_s": {"server_half": round(1 / floor["server_s"]), "both": round(1 / floor["both_s"])},
            "jobs": count,
            "jobs_per_s": round(count / taken.seconds, 1),
            "server_us_per_job": round(taken.cpu["server"].own_s / count * 1e6, 1),
            "sync_ms": round(sync_seconds(here.folder) * 1000, 4),
            "attempts_that_failed": failed,
            "disk": disk_kind(here.folder),
        },
    )


def _handshake_floor(data: Path) -> dict[str, float]:
    """Return seconds of a bare handshake (both halves, the server's half), and the memory of a session's TLS objects."""
    from jaz_lite.net.tls import client_context, server_context

    keys = data / "keys"
    server_side = server_context(keys / "site.crt", keys / "site.key")
    client_side = client_context((keys / "site.crt").read_text())
    kept: list[Any] = []
    before_mb = pss_mb(os.getpid())
    ours = 0.0
    began = time.perf_counter()
    for _ in range(HANDSHAKES):
        up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = client_side.wrap_bio(down, up)
        server = server_side.wrap_bio(up, down, server_side=True)
        for _ in range(2):
            with contextlib.suppress(ssl.SSLWantReadError):
                client.do_handshake()
            since = time.perf_counter()
            with contextlib.suppress(ssl.SSLWantReadError):
                server.do_handshake()
            ours += time.perf_counter() - since
        kept.append((client, server, up, down))
    both_s = (time.perf_counter() - began) / HANDSHAKES
    both_kb = (pss_mb(os.getpid()) - before_mb) * 1000 / HANDSHAKES
    return {"both_s": both_s, "server_s": ours / HANDSHAKES, "session_kb": both_kb / 2}
