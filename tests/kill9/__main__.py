"""`python -m tests.kill9 --rounds 20`: see the package."""

import argparse
import contextlib
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.kill9.play import JOBS, play
from tests.kill9.village import Village


@contextlib.contextmanager
def village() -> Iterator[tuple[Village, Path]]:
    """Give a village and the file that its jobs testify in; everything is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="jl-kill9-"))
    here = None
    try:
        here = Village(folder)
        (folder / "witness").touch()
        yield here, folder / "witness"
    finally:
        if here is not None:
            here.close()
        shutil.rmtree(folder, ignore_errors=True)


def main(arguments: list[str] | None = None) -> int:
    """Play rounds; return 1 at the first promise that was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.kill9")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    with village() as (here, witness):
        for number in range(1, options.rounds + 1):
            try:
                done = play(here, witness, number, options.seed)
            except (AssertionError, RuntimeError) as fault:
                print(f"kill9: round {number} broke a promise: {fault}")
                print(f"kill9: repeat: python -m tests.kill9 --rounds {number} --seed {options.seed}", flush=True)
                return 1
            killed = ", ".join(f"{who} {count}" for who, count in sorted(done.killed.items()))
            print(
                f"kill9: round {number} of seed {options.seed}: killed {killed}; {JOBS} jobs, {done.ended} ended,"
                f" {done.doubted} in doubt, none started twice; {done.seconds:.1f} s",
                flush=True,
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
