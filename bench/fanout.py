"""Fan-out: one job, then 1,000 side by side, then one again."""

from pathlib import Path

from bench.definitions import fanout
from bench.rate import COMMAND, rounds_of
from bench.report import Result

JOBS = 1000


def run(*, rounds: int, jobs: int, place: Path | None) -> Result:
    """Jobs a second ÷ F8py, over the whole run."""
    count = jobs or JOBS
    document = fanout("BENCH_FANOUT", count, COMMAND)
    return rounds_of(
        bench="fanout", document=document, jobnet_id="BENCH_FANOUT", jobs=count + 2, rounds=rounds, place=place
    )
