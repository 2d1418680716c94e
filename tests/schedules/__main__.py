"""`python -m tests.schedules years --seeds 20`, `python -m tests.schedules booter --seeds 200`: see the package."""

import argparse
import sys
import time
import traceback
from collections import Counter
from collections.abc import Sequence

from tests.schedules.breakages import BREAKAGES
from tests.schedules.comparison import fifty_years
from tests.schedules.play import Outcome, play

TRACE_LINES = 40
KINDS = """years: fifty years of one schedule beside the slow scheduler;
booter: a site with schedules under faults, in virtual time"""


def main() -> int:
    """Play seeds; return 1 if something differed."""
    parser = argparse.ArgumentParser(prog="python -m tests.schedules")
    parser.add_argument("kind", choices=["years", "booter"], help=KINDS)
    parser.add_argument("--seeds", type=int, default=20, help="how many seeds, from --first on")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--seed", type=int, help="only this one")
    parser.add_argument("--breakage", choices=sorted(BREAKAGES), help="booter: switch on a deliberate fault")
    parser.add_argument("--keep-going", action="store_true", help="booter: do not stop at the first violation")
    parser.add_argument("--counts", action="store_true", help="booter: print how often each thing happened")
    options = parser.parse_args()
    seeds = range(options.first, options.first + options.seeds) if options.seed is None else [options.seed]
    if options.kind == "years":
        return _years(seeds)
    return _booter(seeds, options)


def _years(seeds: Sequence[int]) -> int:
    began = time.monotonic()
    starts = 0
    for seed in seeds:
        case, differences, count = fifty_years(seed)
        starts += count
        if differences:
            print(case.schedule, *case.days.calendars.values(), *case.days.filters.values(), sep="\n")
            print(*differences, sep="\n")
            print(f"repeat: python -m tests.schedules years --seed {seed}")
            return 1
    print(f"{len(seeds)} schedules over fifty years: {starts} starts, no difference, {time.monotonic() - began:.1f} s")
    return 0


def _booter(seeds: Sequence[int], options: argparse.Namespace) -> int:
    began = time.monotonic()
    total: Counter[str] = Counter()
    virtual_s = 0.0
    played = violations = 0
    for seed in seeds:
        outcome = play(seed, options.breakage)
        played += 1
        total += outcome.counts
        virtual_s += outcome.virtual_s
        if outcome.violation is not None:
            violations += 1
            _tell(outcome, options.breakage)
            if not options.keep_going:
                break
    if options.counts:
        for name in sorted(total):
            print(f"  {total[name]:>9} {name}")
    print(
        f"booter: {played} seeds, {total['times']} times, {total['runs']} runs, {total['turns']} turns;"
        f" {total['crashes'] + total['crashes in a turn']} crashes, {total['clock steps']} clock steps;"
        f" {virtual_s / 86_400:.0f} virtual days, {violations} violations, {time.monotonic() - began:.1f} s"
    )
    return 1 if violations else 0


def _tell(outcome: Outcome, breakage: str | None) -> None:
    """Print what was violated, how it came to it, and the line that repeats it."""
    print(*outcome.trace[-TRACE_LINES:], sep="\n")
    cause = outcome.error or (outcome.violation and outcome.violation.__cause__)
    if cause is not None:
        traceback.print_exception(cause, file=sys.stdout)
    print(f"seed {outcome.seed}: {outcome.violation}")
    more = f" --breakage {breakage}" if breakage else ""
    print(f"repeat: python -m tests.schedules booter --seed {outcome.seed}{more}")


if __name__ == "__main__":
    sys.exit(main())
