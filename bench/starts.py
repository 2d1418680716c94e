"""Runs that are started at a steady pace, alone and beside something else, and how late each start was answered."""

import statistics
import threading
import time
from typing import Any

from bench.site import Site

JOBNET = "BENCH_START"  # defined by the benchmark
EVERY_S = 0.02


def starts(here: Site, count: int) -> list[float]:
    """Start runs at a steady pace; return how many milliseconds each took to be answered."""
    return [_start(here) for _ in range(count)]


def starts_beside(here: Site, name: str, **args: Any) -> tuple[list[float], float]:
    """Start runs as long as an operation goes on; return what each took, and the seconds of the operation."""
    seconds: list[float] = []
    work = threading.Thread(target=lambda: seconds.append(asked(here, name, **args)))
    work.start()
    taken = [_start(here)]
    while work.is_alive():
        taken.append(_start(here))
    work.join()
    if not seconds:
        raise RuntimeError(f"{name} failed beside the starts")
    return taken, seconds[0]


def _start(here: Site) -> float:
    took_s = asked(here, "run.start", jobnet=JOBNET)
    time.sleep(max(0.0, EVERY_S - took_s))
    return took_s * 1000


def asked(here: Site, name: str, **args: Any) -> float:
    """Return after how many seconds the server had done what was asked, however long it took."""
    from jaz_lite.net.local_client import Stream

    began = time.perf_counter()
    with Stream(str(here.data), name, args) as answers:
        for _ in answers:
            pass
    return time.perf_counter() - began


def figures(taken: list[float]) -> dict[str, float]:
    """Return what is shown of such milliseconds."""
    ordered = sorted(taken)
    return {
        "median": round(statistics.median(ordered), 2),
        "99 %": round(ordered[len(ordered) * 99 // 100], 2),
        "worst": round(ordered[-1], 2),
        "starts": len(ordered),
    }
