"""The rounds that `throughput` and `fanout` share: jobs a second against children a second."""

import statistics
from pathlib import Path

from bench.floor import measure, middle
from bench.process import disk_kind
from bench.report import Result
from bench.site import cpu_us_per_job, site

COMMAND = ":"  # a shell text, so the floor is `/bin/sh -c :`
SERVER_US, AGENT_US = 350, 300  # bars of CPU a job besides the job's own process, TLS included here


def rounds_of(*, bench: str, document: str, jobnet_id: str, jobs: int, rounds: int, place: Path | None) -> Result:
    """Run the jobnet `rounds` times between floors and return the median rate."""
    with site(place) as here:
        here.define(document, bench)
        here.take(jobnet_id, jobs=jobs)  # the first round warms caches and is not counted
        rates, ratios, floors, taken = [], [], [], []
        before = measure(here.folder)
        for _ in range(rounds):
            one = here.take(jobnet_id, jobs=jobs)
            after = measure(here.folder)
            floor = middle(before, after)
            before = after
            rate = jobs / one.seconds
            rates.append(rate)
            ratios.append(rate / floor.f8_shell)
            floors.append(floor)
            taken.append(one)
        kind = disk_kind(here.folder)
    used = cpu_us_per_job(taken)
    return Result(
        bench=bench,
        figure=statistics.median(rates),
        unit="jobs/s",
        floor=statistics.median(floor.f8_shell for floor in floors),
        ratio=statistics.median(ratios),
        bar=0.42,
        stretch=0.60,
        details={
            "jobs": jobs,
            "rounds": rounds,
            "floor_is": "F8py of /bin/sh -c :",
            "f8_true": round(statistics.median(floor.f8 for floor in floors), 1),
            "cpu_us_per_job": used,
            "cpu_bar_us": {"server": SERVER_US, "agent": AGENT_US},
            "cpu_met": used["server"] <= SERVER_US and used["agent"] <= AGENT_US,
            "disk": kind,
        },
    )
