"""`python -m tests.store.power --cuts 1000`: many power cuts, one JSON line; a failure says how to repeat it."""

import argparse
import json
import sys
from collections import Counter

from jaz_lite.store import writer
from tests.store.power_cut import cut, template


def main() -> int:
    """Cut as often as is asked for and print what became of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cuts", type=int, default=1_000)
    parser.add_argument("--seed", type=int, help="only this one")
    parser.add_argument("--synchronous", default=writer.SYNCHRONOUS, help="`normal` must fail")
    asked = parser.parse_args()
    writer.SYNCHRONOUS = asked.synchronous
    start = template()
    seeds = range(1, asked.cuts + 1) if asked.seed is None else (asked.seed,)
    counts: Counter[str] = Counter()
    for seed in seeds:
        outcome = cut(seed, start)
        counts[outcome] += 1
        if outcome != "ok":
            print(f"seed {seed}: {outcome}; again: python -m tests.store.power --seed {seed}", file=sys.stderr)
    print(json.dumps({"cuts": len(seeds), "first_seed": seeds[0], **counts}))
    return 0 if set(counts) == {"ok"} else 1


if __name__ == "__main__":
    sys.exit(main())
