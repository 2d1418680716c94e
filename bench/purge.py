"""Retention: how fast old runs with their jobs go, and how late runs start while they do.

Two halves of a long history, one older than the other. The first is purged while nothing else is to be done; beside
the purge of the second, runs are started at a steady pace, and the same starts are timed before with no purge.
"""

import statistics
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bench.definitions import chain
from bench.process import disk_kind
from bench.report import Result
from bench.site import Site, site
from bench.starts import JOBNET, asked, figures, starts, starts_beside

if TYPE_CHECKING:
    from jaz_lite.store.open import Store

RUNS = 1_000_000
BESIDE = 10  # one of so many is purged beside the starts
BATCH = 5_000
FIRST_TERM = (1 << 19) | 1
DAY_MS = 86_400_000
SPANS = ("keep_output_min", "keep_runs_min", "keep_results_min")
STARTS = 500
ROWS_PER_S_BAR = 10_000.0
HELD_UP_MS_BAR = 50.0
TABLES = ("runs", "icons", "frames", "attempts", "output", "journal")


def run(*, rounds: int, jobs: int, place: Path | None) -> Result:
    """Rows a second; `--jobs` sets the number of finished runs, each with one job."""
    del rounds
    runs = jobs or RUNS
    young = max(1, runs // BESIDE)
    with site(place) as here:
        here.define(chain("BENCH_OLD", 1, ":"), "old")
        here.define(chain(JOBNET, 0, ":"), "start")
        for name in SPANS:
            here.command("setting", "set", name, "0")
        here.stop()
        fill(here.data, runs - young, young)
        here.start()
        here.wait_for_agent()
        before = _rows(here)
        _keep(here, "150d")
        began = time.perf_counter()
        asked(here, "purge")
        seconds = time.perf_counter() - began
        middle = _rows(here)
        alone = starts(here, STARTS)
        _keep(here, "50d")
        beside = _beside(here)
        kind = disk_kind(here.folder)
    held_up_ms = max(beside) - statistics.median(alone)
    return Result(
        bench="purge",
        figure=(before - middle) / seconds,
        unit="rows/s",
        bar=ROWS_PER_S_BAR,
        also_met=held_up_ms <= HELD_UP_MS_BAR,
        details={
            "runs": runs,
            "rows": before - middle,
            "seconds": round(seconds, 1),
            "starts_alone_ms": figures(alone),
            "starts_beside_ms": figures(beside),
            "held_up_ms": round(held_up_ms, 1),
            "disk": kind,
        },
    )


def _keep(here: Site, span: str) -> None:
    for name in SPANS:
        here.command("setting", "set", name, span)


def _beside(here: Site) -> list[float]:
    """Start runs as long as a purge goes on; return what each took."""
    rows = _rows(here)
    taken, _ = starts_beside(here, "purge")
    if _rows(here) >= rows:
        raise RuntimeError("nothing was purged beside the starts")
    return taken


def _rows(here: Site) -> int:
    import apsw

    file = apsw.Connection(str(here.data / "jaz.db"), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return sum(int(next(file.execute(f"select count(*) from {table}"))[0]) for table in TABLES)
    finally:
        file.close()


def fill(data: Path, old: int, young: int) -> None:
    """Write runs straight through the store, as the engine would have left them: 200 days old, and 100."""
    from jaz_lite.clock import SystemClock
    from jaz_lite.store.open import Store

    clock = SystemClock()
    store = Store.open(data, clock=clock)
    try:
        first = (FIRST_TERM << 32) + 1
        first = _insert(store, first, old, clock.now_ms() - 200 * DAY_MS)
        _insert(store, first, young, clock.now_ms() - 100 * DAY_MS)
    finally:
        store.close()


def _insert(store: "Store", first: int, count: int, at_ms: int) -> int:
    """Write so many runs of a job that printed a line; return the number after the last of them."""
    from jaz_lite.engine import plan
    from jaz_lite.model.fact import Fact
    from jaz_lite.model.jobnet import Jobnet
    from jaz_lite.model.plain import from_plain
    from jaz_lite.model.run import FrameRun, IconRun
    from jaz_lite.store.attempts import Attempt

    with store.snapshot() as view:
        stored = view.definitions.enabled("jobnet", "BENCH_OLD")
        site_uid = view.term.site().site_uid
    assert stored is not None
    jobnet = from_plain("jobnet", stored.document)
    assert isinstance(jobnet, Jobnet)
    planned = plan.build(jobnet, lambda _jobnet_id: None, doc_id=stored.doc_id)
    icons = len(planned.nodes)
    made = replace(
        plan.create(
            planned, run_id=first, occ=f"M:{first}", site_uid=site_uid, origin="manual", user="bench", now_ms=at_ms
        ),
        state="ended", started_ms=at_ms, ended_ms=at_ms, exit_code=0,
        icons=(IconRun(state="ended", visit=1, ended_ms=at_ms),) * icons,
        frames=(FrameRun(state="ended", visit=1, ended_ms=at_ms),),
    )  # fmt: skip
    end = first + count * (icons + 1)
    for start in range(first, end, BATCH * (icons + 1)):
        with store.transaction() as tx:
            for run_id in range(start, min(start + BATCH * (icons + 1), end), icons + 1):
                one = replace(made, run_id=run_id, occ=f"M:{run_id}")
                tx.runs.insert(one)
                tx.runs.save(one, range(icons), [0])
                k = run_id.to_bytes(16, "big")
                tx.attempts.insert(
                    Attempt(
                        k=k, run_id=run_id, node=1, visit=1, key_path="/JOB-1#1", attempt=1, occ=one.occ,
                        agent_id="local", host="localhost", kind="cmd", state="done", exit_code=0,
                        created_ms=at_ms, ended_ms=at_ms,
                    )
                )  # fmt: skip
                tx.output.append(k, 1, 0, b"a line of output\n")
                for kind, path in (("run_started", ""), ("icon_ended", "/JOB-1"), ("run_ended", "")):
                    tx.journal.add(at_ms, run_id, path, Fact(kind=kind))
    return end
