"""`python -m tests.failover --rounds 20`: see the package."""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.failover.embedded import embedded
from tests.failover.play import play
from tests.failover.site import failover_site
from tests.failover.switches import KINDS
from tests.failover.trial import LARGE, WHY_NOT, trial
from tests.lab.network import why_not


def main(arguments: list[str] | None = None) -> int:
    """Play rounds; return 1 at the first promise that was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.failover")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--kind", choices=sorted(KINDS), default="", help="how another server takes over, in all rounds"
    )
    parser.add_argument("--calm", action="store_true", help="hardly any accidents beside the takeover")
    parser.add_argument("--trial", action="store_true", help="begin with the trials")
    options = parser.parse_args(arguments)
    if reason := why_not(firewalls=True):
        print(f"failover: not possible here: {reason}", flush=True)
        return 2
    if options.trial and not (_tried() and _tried_embedded()):
        return 1
    again = f"--seed {options.seed}" + (f' --kind "{options.kind}"' if options.kind else "")
    again += " --calm" if options.calm else ""
    with failover_site() as site:
        for number in range(1, options.rounds + 1):
            try:
                done = play(site, number, options.seed, options.kind, calm=options.calm)
            except Exception as fault:  # whatever it was: people want to repeat it
                print(f"failover: round {number} broke a promise: {fault or type(fault).__name__}")
                site.keep_files = True
                print(f"failover: logs: {site.folder}")
                print(f"failover: repeat: python -m tests.failover --rounds {number} {again}", flush=True)
                if isinstance(fault, AssertionError | RuntimeError):
                    return 1
                raise
            seen = done.verdict
            accidents = ", ".join(f"{what} {count}" for what, count in sorted(done.accidents.items()) if count)
            print(
                f"failover: round {number} of seed {options.seed}: old server {done.kind}, copy {done.copy_age};"
                f" {accidents}; {seen.starts} starts, {seen.ends} ends, {seen.runs} runs, {seen.files} files,"
                f" {seen.doubts} in doubt,"
                f" none started twice, one active; {done.seconds:.0f} s",
                flush=True,
            )
    return 0


def _tried() -> bool:
    """Play the trial with the large jobnet, and tell whether it kept its promises."""
    if WHY_NOT:
        print(f"failover: no trial with {LARGE}: {WHY_NOT}", flush=True)
        return True
    with tempfile.TemporaryDirectory(prefix="jl-trial-") as folder:
        try:
            found = trial(Path(folder), LARGE)
        except (AssertionError, RuntimeError) as fault:
            print(f"failover: the trial with {LARGE} broke a promise: {fault}", flush=True)
            return False
    print(
        f"failover: {LARGE}: copied after {found.before} jobs, killed after {found.killed_at}; {found.jobs} jobs ran"
        f" once each, and the old server refuses; {found.seconds:.0f} s",
        flush=True,
    )
    return True


def _tried_embedded() -> bool:
    """Play the trial with jobs of the server's own agent, and tell whether it kept its promises."""
    try:
        took_s = embedded()
    except (AssertionError, RuntimeError) as fault:
        print(f"failover: jobs of the server's own agent: a promise was broken: {fault}", flush=True)
        return False
    print(f"failover: jobs of the server's own agent ran once each, across a takeover; {took_s:.0f} s", flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main())
