"""A takeover with 100 and with 1,000 agents: how long until the first knows of it, until all do, until results come.

A real server is killed while every agent runs a job; the jobs end while nobody serves; a snapshot is activated on
another port. The agents are real sessions in driver processes (see `agents_driver`): each dials, and can be dialled. All
times run from the start of the process `jaz-lite activate`, so starting Python, verifying the copy and asking all agents
whether the old server still lives are in them. The floor is what nobody can spare: a server that starts on such a
directory until it listens, and as many TLS handshakes on bare dials, 64 at a time.
"""

import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import trio

from bench.agents_driver import name_of
from bench.definitions import wide
from bench.fleet import Fleet, drivers, prepare
from bench.floor import sync_seconds
from bench.process import cpu, disk_kind
from bench.report import Result
from bench.site import Site
from jaz_lite.failover.judgement import RESTART_S
from jaz_lite.net import tls
from jaz_lite.net.dial import Address, parse_address
from jaz_lite.net.tcp import connect

SIZES = (100, 1000)
AT_ONCE = 64
EPOCH = 2
ALL_BAR_S, ALL_STRETCH_S = 60.0, 15.0  # 1,000 agents
FIRST_BAR_S = 3.0  # target 1


def run(*, rounds: int, jobs: int, place: Path | None) -> Result:
    """Seconds until all agents confirmed; `--jobs` sets the number of agents."""
    del rounds  # one round of each size takes a minute
    sizes = (jobs,) if jobs else SIZES
    measured = {size: _measure(size, place) for size in sizes}
    most = measured[sizes[-1]]
    return Result(
        bench="announce",
        figure=most["all_confirmed_s"],
        unit="s to all agents confirmed",
        floor=most["floor_s"],
        bar=ALL_BAR_S,
        stretch=ALL_STRETCH_S,
        more_is_better=False,
        also_met=all(each["first_confirmed_s"] <= FIRST_BAR_S for each in measured.values()),
        details={
            "agents": sizes[-1],
            **{f"with_{size}": each for size, each in measured.items()},
            "floor_is": "a server's start until it listens, and bare TLS dials to all agents, 64 at a time",
        },
    )


def _measure(agents: int, place: Path | None) -> dict[str, Any]:
    folder = Path(tempfile.mkdtemp(prefix="jl-announce-", dir=place))
    old = Site(folder)
    old.verb = "server"
    new: subprocess.Popen[bytes] | None = None
    try:
        prepare(old, agents)
        old.start()
        port = _free_port()
        with drivers(old.data, old.port(), agents, f"also={port}", "listen", "hold") as fleet:
            fleet.say("go")
            fleet.all_up()
            old.define(wide("ANNOUNCE", agents, ":", hosts=[name_of(n) for n in range(agents)]), "announce")
            old.ask("exec", "ANNOUNCE")
            fleet.jobs_began()
            dials_s = trio.run(_bare_dials, old)
            copy = folder / "copy"
            old.command("snapshot", str(copy))
            assert old.server is not None
            old.server.kill()
            old.server.wait()
            fleet.all_down()
            fleet.say("finish")
            listening_s = _start_floor(old)
            time.sleep(RESTART_S)  # so soon after its end a server might only be starting again, and is waited for
            began = time.monotonic()
            new = _activate(copy, port, folder / "activate.log")
            return _times(fleet, began, new, port) | {
                "floor_s": round(listening_s + dials_s, 2),
                "floor_listening_s": round(listening_s, 2),
                "floor_dials_s": round(dials_s, 2),
                "sync_ms": round(sync_seconds(folder) * 1000, 4),
                "disk": disk_kind(folder),
                "attempts_that_failed": fleet.failures(),
            }
    except BaseException:
        for log in sorted(folder.glob("*.log")):
            print(f"{log.name}: {log.read_text(errors='replace')[-2000:]}", file=sys.stderr)
        raise
    finally:
        if new is not None:
            new.kill()
            new.wait()
        old.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _times(fleet: Fleet, began: float, new: "subprocess.Popen[bytes]", port: int) -> dict[str, Any]:
    """Wait until everything has happened; return when it did."""
    listening = _wait_listening(new, port)
    first, last = fleet.counted("confirmed", EPOCH)
    first_result, last_result = fleet.counted("results", EPOCH)
    found = {
        "listening_s": listening,
        "first_confirmed_s": first,
        "all_confirmed_s": last,
        "first_result_s": first_result,
        "all_results_s": last_result,
    }
    return {name: round(at - began, 2) for name, at in found.items()} | {"server_cpu_s": round(cpu(new.pid).own_s, 2)}


def _activate(copy: Path, port: int, log: Path) -> "subprocess.Popen[bytes]":
    words = ["activate", "--yes", "--no-agent", "--listen", f"127.0.0.1:{port}"]
    with log.open("ab") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "jaz_lite.cli.main", "--data", str(copy), *words],
            stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
        )  # fmt: skip


def _wait_listening(new: "subprocess.Popen[bytes]", port: int) -> float:
    """Return the monotonic second at which the new server listens."""
    while True:
        if new.poll() is not None:
            raise RuntimeError(f"the takeover ended with {new.returncode}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return time.monotonic()
        time.sleep(0.005)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# ---- the floor


def _start_floor(old: Site) -> float:
    """Return the seconds that a server takes to listen, on an empty directory of its own."""
    bare = Site(old.folder / "bare")
    bare.folder.mkdir()
    bare.verb = "server"
    bare.command("init")
    try:
        return bare.start()
    finally:
        bare.stop()


async def _bare_dials(old: Site) -> float:
    """Return the seconds that dialling all agents takes, with nothing but the scheduler's side of TLS."""
    keys = old.data / "keys"
    context = tls.server_context(keys / "site.crt", keys / "site.key")
    places = [parse_address(each, 0) for each in _places(old)]
    room = trio.CapacityLimiter(AT_ONCE)

    async def dial(address: Address) -> None:
        async with room:
            line = await tls.as_scheduler(await connect(address), context)
            line.close()

    began = time.monotonic()
    async with trio.open_nursery() as nursery:
        for each in places:
            nursery.start_soon(dial, each)
    return time.monotonic() - began


def _places(old: Site) -> list[str]:
    """Return where the agents of a site can be dialled, as its server learnt."""
    from jaz_lite.clock import SystemClock
    from jaz_lite.store.open import Store

    store = Store.open(old.data, clock=SystemClock(), read_only=True)
    try:
        with store.snapshot() as view:
            return [row.dial_at for row in view.agents.list()]
    finally:
        store.close()
