"""Throughput: N independent no-op jobs of one wide jobnet through server and agent, all durable."""

from pathlib import Path

from bench.definitions import wide
from bench.rate import COMMAND, rounds_of
from bench.report import Result

JOBS = 5000


def run(*, rounds: int, jobs: int, place: Path | None) -> Result:
    """Jobs a second ÷ F8py."""
    count = jobs or JOBS
    document = wide("BENCH_WIDE", count, COMMAND)
    return rounds_of(
        bench="throughput", document=document, jobnet_id="BENCH_WIDE", jobs=count, rounds=rounds, place=place
    )
