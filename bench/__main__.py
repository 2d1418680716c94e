"""`python -m bench NAME…`: run benchmarks by name, or `all` of them; exit 1 where a bar was missed."""

import argparse
import os
import sys
import tempfile
from importlib import import_module
from pathlib import Path

from bench.report import emit

NAMES = (
    "floor",
    "throughput",
    "chain",
    "fanout",
    "memory",
    "startup",
    "command",
    "live",
    "agents",
    "filecopy",
    "booter",
    "purge",
    "ship",
    "snapshot",
    "failover",
    "announce",
    "forecast",
)


def main() -> int:
    """Parse, run, print one JSON line a benchmark."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("name", nargs="+", choices=(*NAMES, "all"), metavar="NAME", help=", ".join((*NAMES, "all")))
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each; the median counts (default 5)")
    parser.add_argument("--jobs", type=int, default=0, help="how many jobs, where that is not the benchmark's own")
    parser.add_argument(
        "--dir",
        type=Path,
        default=None,
        help="where the temporary data directory is made; its disk is what is measured",
    )
    arguments = parser.parse_args()
    names = NAMES if "all" in arguments.name else arguments.name
    met = True
    with tempfile.TemporaryDirectory(prefix="jl-bytecode-") as folder:
        if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
            # An installed server has its modules compiled; to compile them at every start takes half a second.
            os.environ["PYTHONPYCACHEPREFIX"] = folder
        for name in names:
            module = import_module(f"bench.{name}")
            result = module.run(rounds=arguments.rounds, jobs=arguments.jobs, place=arguments.dir)
            emit(result)
            met = met and result.met is not False
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
