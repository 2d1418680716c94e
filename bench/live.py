"""Live output: how old a line is when it is seen, and what a job costs that prints a gigabyte.

The first: a job prints the time, line by line, and `run log --follow` runs beside it; the age of each line when the
command prints it. The second: memory of server, agent and keeper, bytes on the disk, and whether other jobs go on
meanwhile; the caps are the agent's `out_bytes_max` a stream, kept once by the agent and once by the server.
"""

import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from bench.definitions import wide
from bench.process import disk_kind, pss_mb
from bench.report import Result
from bench.site import ROLES, Site, site

LINES = 60
EVERY_S = 0.1
STAMPS = f"i=0; while [ $i -lt {LINES} ]; do date +%s%N; sleep {EVERY_S}; i=$((i + 1)); done"
GIGABYTE = 1_000_000_000
CAP_MB = 64 * 1024 * 1024 / 1e6
SAMPLE_EVERY_S = 0.1
GROWTH_MB_BAR = 32.0  # of each process
OTHERS = 40


def run(*, rounds: int, jobs: int, place: Path | None) -> Result:
    """Milliseconds from a line's birth to its sight, at worst of 95 in 100."""
    del rounds, jobs
    with site(place) as here:
        ages = _ages(here)
        flood = _flood(here)
        kind = disk_kind(here.folder)
    ages.sort()
    return Result(
        bench="live",
        figure=ages[len(ages) * 95 // 100] * 1000,
        unit="ms from print to sight, 95 %",
        bar=200.0,
        stretch=120.0,
        more_is_better=False,
        also_met=flood["met"],
        details={
            "median_ms": round(statistics.median(ages) * 1000, 1),
            "worst_ms": round(ages[-1] * 1000, 1),
            "lines": len(ages),
            "gigabyte": flood,
            "disk": kind,
        },
    )


def _ages(here: Site) -> list[float]:
    here.define(wide("BENCH_LIVE", 1, STAMPS), "live")
    run_id = str(here.ask("exec", "BENCH_LIVE")["run_id"])
    words = [sys.executable, "-m", "jaz_lite.cli.main", "--data", str(here.data)]
    found = []
    with subprocess.Popen([*words, "run", "log", run_id, "/JOB-1", "--follow"], stdout=subprocess.PIPE) as follow:
        assert follow.stdout is not None
        for line in follow.stdout:
            seen_ns = time.time_ns()
            stamps = [word for word in line.split() if len(word) == 19 and word.isdigit()]
            found += [(seen_ns - int(stamp)) / 1e9 for stamp in stamps]
    # Those that were printed before the command looked are history, not live.
    return found[LINES // 6 :]


def _flood(here: Site) -> dict[str, Any]:
    here.define(wide("BENCH_FLOOD", 1, f"head -c {GIGABYTE} /dev/zero"), "flood")
    here.define(wide("BENCH_OTHERS", OTHERS, "echo hello"), "others")
    here.take("BENCH_OTHERS", jobs=OTHERS)
    pids = here.processes()
    before = {role: pss_mb(pids[role]) for role in ROLES}
    disk_before = _disk_mb(here.data)
    peak: dict[str, float] = dict.fromkeys((*ROLES, "disk"), 0.0)
    over = threading.Event()

    def watch() -> None:
        while not over.wait(SAMPLE_EVERY_S):
            for role in ROLES:
                peak[role] = max(peak[role], pss_mb(pids[role]) - before[role])
            peak["disk"] = max(peak["disk"], _disk_mb(here.data) - disk_before)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    began = time.perf_counter()
    run_id = str(here.ask("exec", "BENCH_FLOOD")["run_id"])
    others = here.take("BENCH_OTHERS", jobs=OTHERS)
    run: dict[str, Any] = here.ask("run", "show", run_id)
    while run["state"] not in ("ended", "end_error", "run_error"):
        time.sleep(0.05)
        run = here.ask("run", "show", run_id)
    seconds = time.perf_counter() - began
    kept = 0
    until = time.monotonic() + 60
    while kept < CAP_MB * 1e6 and time.monotonic() < until:
        kept = len(here.command("run", "log", run_id, "/JOB-1", "--raw"))
        time.sleep(0.2)
    delivered_s = time.perf_counter() - began
    over.set()
    watcher.join()
    after = _disk_mb(here.data) - disk_before
    told = here.command("run", "log", run_id).decode()
    grown = {role: round(peak[role], 1) for role in ROLES}
    met = all(mb <= GROWTH_MB_BAR for mb in grown.values()) and peak["disk"] <= 4 * CAP_MB
    return {
        "met": met,
        "cap_mb": round(CAP_MB, 1),
        "memory_grew_mb": grown,
        "disk_grew_mb": {"most": round(peak["disk"], 1), "after": round(after, 1)},
        "kept_mb": round(kept / 1e6, 1),
        "state": run["state"],
        "said_to_be_cut": "more than is kept" in told,
        "ended_after_s": round(seconds, 2),
        "delivered_after_s": round(delivered_s, 2),
        "other_jobs_s": round(others.seconds, 3),
    }


def _disk_mb(folder: Path) -> float:
    total = 0
    for path in folder.rglob("*"):
        try:
            found = path.lstat()
        except FileNotFoundError:
            continue
        total += found.st_blocks * 512
    return total / 1e6
