"""Many seeds one after the other, or several at once in processes of their own."""

import multiprocessing
from collections.abc import Iterable, Iterator
from contextlib import closing
from functools import partial

from tests.sim.scenario import Outcome, run_seed

SEEDS_AT_ONCE = 4  # given to a process


def play(seeds: Iterable[int], *, breakage: str | None = None, jobs: int = 1) -> Iterator[Outcome]:
    """Play seeds and yield what came of them, in their order.

    Args:
        jobs: how many processes play.
    """
    one = partial(run_seed, breakage=breakage)
    if jobs == 1:
        yield from map(one, seeds)
        return
    with multiprocessing.Pool(jobs) as pool, closing(pool.imap(one, seeds, SEEDS_AT_ONCE)) as outcomes:
        yield from outcomes
