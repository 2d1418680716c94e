"""Round trip of a command: `jaz-lite status --json` from the start of its process to its end."""

import statistics
import subprocess
import sys
import time
from pathlib import Path

from bench.report import Result
from bench.site import site

CALLS_A_ROUND = 10


def run(*, rounds: int, jobs: int, place: Path | None) -> Result:
    """Milliseconds a command; the floor is the bare interpreter."""
    del jobs
    with site(place) as here:
        words = [sys.executable, "-m", "jaz_lite.cli.main", "--data", str(here.data), "status", "--json"]
        bare = [sys.executable, "-c", "pass"]
        taken, floor = [], []
        for _ in range(rounds * CALLS_A_ROUND):
            floor.append(_seconds(bare))
            taken.append(_seconds(words))
    return Result(
        bench="command",
        figure=statistics.median(taken) * 1000,
        unit="ms round trip",
        floor=statistics.median(floor) * 1000,
        bar=60.0,
        stretch=35.0,
        more_is_better=False,
        details={"calls": len(taken), "floor_is": "python -c pass"},
    )


def _seconds(words: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began
