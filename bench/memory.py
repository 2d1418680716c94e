"""Memory: proportional share (PSS) of server, agent and job keeper, idle and while jobs run."""

import statistics
import subprocess
import sys
import time
from pathlib import Path

from bench.definitions import wide
from bench.process import pss_mb
from bench.report import Result
from bench.site import ROLES, RUN_ENDS_WITHIN_S, Site, site

JOBS = 1000
IDLE_AFTER_S = 2.0
SAMPLE_EVERY_S = 0.05
BARS_MB = {"server": 48.0, "agent": 34.0, "keeper": 14.0}
STRETCH_MB = 38.0  # server


def run(*, rounds: int, jobs: int, place: Path | None) -> Result:
    """The server's idle PSS, with the others and the load beside it."""
    count = jobs or JOBS
    with site(place) as here:
        time.sleep(IDLE_AFTER_S)
        idle = _median([_sample(here) for _ in range(max(rounds, 1))])
        here.define(wide("BENCH_MEMORY", count, "head -c 1000 /dev/zero"), "memory")
        load = _peak_while_running(here, "BENCH_MEMORY")
        time.sleep(IDLE_AFTER_S)
        later = _sample(here)
    return Result(
        bench="memory",
        figure=idle["server"],
        unit="MB PSS, server idle",
        bar=BARS_MB["server"],
        stretch=STRETCH_MB,
        more_is_better=False,
        also_met=all(idle.get(role, 0.0) <= bar for role, bar in BARS_MB.items()),
        details={"idle_mb": idle, "load_mb": load, "after_mb": later, "bars_mb": BARS_MB, "jobs": count},
    )


def _sample(here: Site) -> dict[str, float]:
    pids = here.processes()
    return {role: round(pss_mb(pids[role]), 2) for role in ROLES if role in pids}


def _median(samples: list[dict[str, float]]) -> dict[str, float]:
    return {role: statistics.median(sample[role] for sample in samples) for role in samples[0]}


def _peak_while_running(here: Site, jobnet_id: str) -> dict[str, float]:
    command = [sys.executable, "-m", "jaz_lite.cli.main", "--data", str(here.data), "exec", jobnet_id, "--wait"]
    peak: dict[str, float] = {}
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as waiting:
        until = time.monotonic() + RUN_ENDS_WITHIN_S
        while waiting.poll() is None and time.monotonic() < until:
            sample = _sample(here)
            peak = {role: max(peak.get(role, 0.0), value) for role, value in sample.items()}
            time.sleep(SAMPLE_EVERY_S)
    if waiting.returncode != 0:
        raise RuntimeError(f"exec {jobnet_id} ended with {waiting.returncode}")
    return peak
