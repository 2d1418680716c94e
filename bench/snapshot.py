"""A snapshot of a large store under load: how long it takes, and how much later runs start meanwhile (REL-11).

Runs of one job are started at a steady pace, first with no snapshot, then beside one. Then the copy is verified.
"""

import os
import statistics
import time
from pathlib import Path

from bench.definitions import chain
from bench.process import disk_kind
from bench.report import Result
from bench.site import Site, site
from bench.starts import JOBNET, figures, starts, starts_beside

MIB = 1024 * 1024
SIZE_MIB = 1024
PIECE_BYTES = 60_000
PIECES_A_COMMIT = 200
STARTS = 500
DELAY_MS_BAR = 500.0
DELAY_MS_STRETCH = 100.0


def run(*, rounds: int, jobs: int, place: Path | None) -> Result:
    """Milliseconds by which the worst start beside a snapshot is later; `--jobs` sets the size of the store in MiB."""
    del rounds
    size_bytes = (jobs or SIZE_MIB) * MIB
    with site(place) as here:
        here.define(chain(JOBNET, 1, ":"), "start")
        here.define(chain("BENCH_OLD", 1, ":"), "old")
        run_id = int(here.ask("exec", "BENCH_OLD", "--wait")["run_id"])
        here.stop()
        _fill(here.data, run_id, size_bytes)
        here.start()
        here.wait_for_agent()
        alone = starts(here, STARTS)
        beside, seconds = starts_beside(here, "snapshot", folder=str(here.folder / "copy"))
        idle_s = _seconds(here, "snapshot", str(here.folder / "idle"))
        verify_s = _seconds(here, "verify", str(here.folder / "copy"))
        kind = disk_kind(here.folder)
        database_bytes = (here.folder / "copy/jaz.db").stat().st_size
    return Result(
        bench="snapshot",
        figure=max(beside) - statistics.median(alone),
        unit="ms",
        bar=DELAY_MS_BAR,
        stretch=DELAY_MS_STRETCH,
        more_is_better=False,
        details={
            "mib": round(database_bytes / MIB),
            "seconds": round(seconds, 1),
            "seconds_idle": round(idle_s, 1),
            "verify_seconds": round(verify_s, 1),
            "starts_alone_ms": figures(alone),
            "starts_beside_ms": figures(beside),
            "disk": kind,
        },
    )


def _seconds(here: Site, *words: str) -> float:
    began = time.perf_counter()
    here.command(*words)
    return time.perf_counter() - began


def _fill(data: Path, run_id: int, size_bytes: int) -> None:
    """Give a run that is over the output of many more attempts, straight through the store."""
    from jaz_lite.clock import SystemClock
    from jaz_lite.store.attempts import Attempt
    from jaz_lite.store.open import Store

    clock = SystemClock()
    store = Store.open(data, clock=clock)
    at_ms = clock.now_ms()
    pieces = size_bytes // PIECE_BYTES
    try:
        for first in range(0, pieces, PIECES_A_COMMIT):
            with store.transaction() as tx:
                for number in range(first, min(first + PIECES_A_COMMIT, pieces)):
                    k = (number + 1).to_bytes(16, "big")
                    tx.attempts.insert(
                        Attempt(
                            k=k, run_id=run_id, node=1, visit=1, key_path="/JOB-1#1", attempt=number + 2,
                            occ=f"M:{run_id}", agent_id="local", host="localhost", kind="cmd", state="done",
                            exit_code=0, created_ms=at_ms, ended_ms=at_ms,
                        )
                    )  # fmt: skip
                    tx.output.append(k, 1, 0, os.urandom(PIECE_BYTES))  # what can be pressed together would be
    finally:
        store.close()
