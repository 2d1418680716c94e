"""`python -m tests.schedules years --seeds 20`: see the package."""

import argparse
import sys
import time

from tests.schedules.comparison import fifty_years


def main() -> int:
    """Play seeds; return 1 if something differed."""
    parser = argparse.ArgumentParser(prog="python -m tests.schedules")
    parser.add_argument("kind", choices=["years"], help="years: fifty years of one schedule beside the slow scheduler")
    parser.add_argument("--seeds", type=int, default=20, help="how many seeds, from --first on")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--seed", type=int, help="only this one")
    options = parser.parse_args()
    seeds = range(options.first, options.first + options.seeds) if options.seed is None else [options.seed]
    return _years(seeds)


def _years(seeds: range | list[int]) -> int:
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


if __name__ == "__main__":
    sys.exit(main())
