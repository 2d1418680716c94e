"""`python -m tests.sim --seeds 200`: see the package."""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator

from tests.sim.breakages import BREAKAGES, KIND_OF
from tests.sim.kinds import FIRST_SEED, Kind
from tests.sim.playing import play
from tests.sim.scenario import Outcome

TRACE_LINES = 60
BREAKAGE_SEEDS_MAX = 1_000  # within which each deliberate fault must be noticed
PROCESSES = ("server", "agent", "keeper")


def main() -> int:
    """Play seeds; return 1 if a promise was broken, or a deliberate fault was not noticed."""
    parser = argparse.ArgumentParser(prog="python -m tests.sim")
    parser.add_argument("--seeds", type=int, default=200, help="how many seeds, from --first on")
    parser.add_argument("--first", type=int, help="the first seed; else the first of each kind")
    parser.add_argument(
        "--kind", choices=list(FIRST_SEED), help="only this kind of worlds; else the same number of all"
    )
    parser.add_argument("--seed", type=int, help="only this one")
    parser.add_argument("--jobs", type=int, default=1, help="so many processes play at once")
    parser.add_argument("--breakage", choices=sorted(BREAKAGES), help="switch on a deliberate fault")
    parser.add_argument("--breakages", action="store_true", help="switch on every deliberate fault, one at a time")
    parser.add_argument("--keep-going", action="store_true", help="do not stop at the first violation")
    parser.add_argument("-v", "--verbose", action="store_true", help="print the whole trace")
    parser.add_argument("--counts", action="store_true", help="print how often each thing happened")
    parser.add_argument("--no-summary", action="store_true", help="leave out the counts and the time it took")
    options = parser.parse_args()
    return _try_breakages(options) if options.breakages else _play(options)


def _play(options: argparse.Namespace) -> int:
    seeds = [options.seed] if options.seed is not None else _seeds(options.seeds, options.first, options.kind)
    began = time.monotonic()
    total: Counter[str] = Counter()
    virtual_ms = played = violations = 0
    for outcome in play(seeds, breakage=options.breakage, jobs=options.jobs):
        played += 1
        total += outcome.counts
        virtual_ms += outcome.virtual_ms
        if outcome.violation is not None:
            violations += 1
            tell(outcome, whole=options.verbose, breakage=options.breakage)
            if not options.keep_going:
                break
        elif options.verbose:
            print_trace(outcome, len(outcome.trace))
    if options.no_summary:
        return 1 if violations else 0
    if options.counts:
        for name in sorted(total):
            print(f"  {total[name]:>9} {name}")
    crashes = {who: sum(total[name] for name in total if name.startswith(f"{who} crashes")) for who in PROCESSES}
    told = ", ".join(f"{who} {count}" for who, count in crashes.items())
    print(
        f"simulator: {played} seeds, {total['runs']} runs asked for, {total['starts']} starts,"
        f" {total['activations']} activations, {total['servers begun']} starts of servers; crashes: {told},"
        f" {total['power cuts']} power cuts, {total['reboots']} reboots,"
        f" {total['machines set back']} machines and {total['directories set back']} directories set back,"
        f" {total['cuts']} cut connections; {virtual_ms / 3_600_000:.1f} virtual hours,"
        f" {violations} violations, {time.monotonic() - began:.1f} s"
    )
    return 1 if violations else 0


def _try_breakages(options: argparse.Namespace) -> int:
    """Play each deliberate fault until it is noticed, and say after how many seeds."""
    missed = 0
    for name in sorted(BREAKAGES):
        first = FIRST_SEED[KIND_OF.get(name, "ordinary")]
        seeds = range(first, first + BREAKAGE_SEEDS_MAX)
        outcomes = enumerate(play(seeds, breakage=name, jobs=options.jobs), 1)
        found = next(((number, each) for number, each in outcomes if each.violation is not None), None)
        if found is None:
            missed += 1
            print(f"{name:<28} NOT NOTICED in {BREAKAGE_SEEDS_MAX} seeds", flush=True)
        else:
            number, outcome = found
            print(f"{name:<28} after {number:>4} seeds: {str(outcome.violation)[:110]}", flush=True)
    print(f"breakages: {len(BREAKAGES) - missed} of {len(BREAKAGES)} noticed")
    return 1 if missed else 0


def _seeds(count: int, first: int | None, kind: Kind | None) -> Iterator[int]:
    """Yield the seeds to play: a row from `first` on, or the first ones of one kind, or of each in turn."""
    if first is not None:
        yield from range(first, first + count)
        return
    starts = list(FIRST_SEED.values()) if kind is None else [FIRST_SEED[kind]]
    for number in range(count):
        yield starts[number % len(starts)] + number // len(starts)


def tell(outcome: Outcome, *, whole: bool, breakage: str | None) -> None:
    """Print what was violated, how it came to it, and the line that repeats it."""
    print_trace(outcome, len(outcome.trace) if whole else TRACE_LINES)
    print(outcome.error, end="")
    print(f"seed {outcome.seed} at {outcome.virtual_ms / 1000:.3f} s: {outcome.violation}")
    print(
        f"repeat: make sim SEED={outcome.seed}"
        if not breakage
        else f"repeat: python -m tests.sim --seed {outcome.seed} --breakage {breakage}"
    )


def print_trace(outcome: Outcome, lines: int) -> None:
    """Print the last lines of a trace."""
    for at_ms, who, text in outcome.trace[-lines:]:
        print(f"{at_ms / 1000:>10.3f} {who:>8}  {text}")


if __name__ == "__main__":
    sys.exit(main())
