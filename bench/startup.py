"""Start-up: from the start of the process to an answering server, over a long history and many active runs."""

import statistics
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bench.definitions import chain
from bench.report import Result
from bench.site import Site, site

if TYPE_CHECKING:
    from jaz_lite.model.run import Run
    from jaz_lite.store.open import Store

FINISHED = 1_000_000
ACTIVE = 1000
BATCH = 5000
FIRST_TERM = (1 << 19) | 1


def run(*, rounds: int, jobs: int, place: Path | None) -> Result:
    """Milliseconds until the local socket answers; `--jobs` sets the number of finished runs."""
    finished = jobs or FINISHED
    with site(place) as here:
        here.define(chain("BENCH_START", 3, ":"), "startup")
        empty = _starts(here, rounds)
        here.stop()
        _fill(here.data, finished)
        here.start()  # the first start reads cold pages and is not counted
        full = _starts(here, rounds)
        agents_answer = here.ask("status")
    return Result(
        bench="startup",
        figure=statistics.median(full) * 1000,
        unit="ms to listening",
        bar=600.0,
        stretch=300.0,
        more_is_better=False,
        details={
            "finished_runs": finished,
            "active_runs": ACTIVE,
            "empty_ms": round(statistics.median(empty) * 1000, 1),
            "runs_seen": agents_answer["runs"],
        },
    )


def _starts(here: Site, rounds: int) -> list[float]:
    taken = []
    for _ in range(rounds):
        here.stop()
        taken.append(here.start())
    return taken


def _fill(data: Path, finished: int) -> None:
    """Write runs straight through the store, as the engine would have left them."""
    from jaz_lite.clock import SystemClock
    from jaz_lite.engine import plan
    from jaz_lite.model.jobnet import Jobnet
    from jaz_lite.model.plain import from_plain
    from jaz_lite.store.open import Store

    clock = SystemClock()
    store = Store.open(data, clock=clock)
    try:
        with store.snapshot() as view:
            stored = view.definitions.enabled("jobnet", "BENCH_START")
            site_uid = view.term.site().site_uid
        assert stored is not None
        jobnet = from_plain("jobnet", stored.document)
        assert isinstance(jobnet, Jobnet)
        planned = plan.build(jobnet, lambda _jobnet_id: None, doc_id=stored.doc_id)
        first = FIRST_TERM << 32
        now_ms = clock.now_ms()
        model = plan.create(
            planned, run_id=first, occ=f"M:{first}", site_uid=site_uid, origin="manual", user="bench", now_ms=now_ms
        )
        over = replace(model, state="ended", started_ms=now_ms, ended_ms=now_ms, exit_code=0)
        held = replace(model, state="waiting", origin="hold")
        _insert(store, over, first + 1, finished)
        _insert(store, held, first + 1 + finished, ACTIVE)
    finally:
        store.close()


def _insert(store: "Store", model: "Run", first: int, count: int) -> None:
    for start in range(first, first + count, BATCH):
        with store.transaction() as tx:
            for run_id in range(start, min(start + BATCH, first + count)):
                tx.runs.insert(replace(model, run_id=run_id, occ=f"M:{run_id}"))
