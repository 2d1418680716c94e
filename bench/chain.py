"""Chain: 100 jobs one after the other; what a step costs besides what physics asks."""

import statistics
from pathlib import Path

from bench.definitions import chain
from bench.floor import measure, middle
from bench.process import disk_kind
from bench.rate import COMMAND
from bench.report import Result
from bench.site import cpu_us_per_job, site

JOBS = 100


def run(*, rounds: int, jobs: int, place: Path | None) -> Result:
    """Milliseconds a step ÷ chain floor."""
    count = jobs or JOBS
    with site(place) as here:
        here.define(chain("BENCH_CHAIN", count, COMMAND), "chain")
        here.take("BENCH_CHAIN", jobs=count)
        steps, ratios, floors, taken = [], [], [], []
        before = measure(here.folder)
        for _ in range(rounds):
            one = here.take("BENCH_CHAIN", jobs=count)
            after = measure(here.folder)
            floor = middle(before, after)
            before = after
            step_s = one.seconds / count
            steps.append(step_s)
            ratios.append(step_s / floor.chain_shell_s)
            floors.append(floor)
            taken.append(one)
        kind = disk_kind(here.folder)
    return Result(
        bench="chain",
        figure=statistics.median(steps) * 1000,
        unit="ms/step",
        floor=statistics.median(floor.chain_shell_s for floor in floors) * 1000,
        ratio=statistics.median(ratios),
        bar=3.3,
        stretch=2.0,
        more_is_better=False,
        details={
            "jobs": count,
            "rounds": rounds,
            "floor_is": "1/F1 of /bin/sh -c : + 2 S + R",
            "sync_ms": round(statistics.median(floor.sync_s for floor in floors) * 1000, 4),
            "cpu_us_per_job": cpu_us_per_job(taken),
            "disk": kind,
        },
    )
