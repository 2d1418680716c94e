"""`python -m tests.fuzz --frames 1000000`: see the package."""

import argparse
import gc
import logging
import random
import resource
import sys
import time
import traceback
from collections.abc import Callable, Mapping

from tests.fuzz import enrolments, links, peers, readers, whole

Play = Callable[[random.Random], int]
# How often each is played: the whole server writes to a real store, so it has few, long sessions.
TARGETS: Mapping[str, tuple[Play, int]] = {
    "links": (links.play, 800),
    "enrolment": (enrolments.play, 100),
    "peers": (peers.play, 100),
    "tokens and bundles": (enrolments.texts, 20),
    "work orders": (readers.work_orders, 60),
    "events": (readers.events, 60),
    "certificates": (readers.certificates, 10),
    "keeper socket": (readers.keeper_socket, 30),
    "keeper log": (readers.keeper_log, 10),
    "agent log": (readers.agent_log, 10),
    "agent records": (readers.agent_records, 10),
    "whole agent": (whole.agent, 30),
    "whole server": (whole.server, 1),
}
GROWTH_MIB_MAX = 64
SESSION_CPU_S_MAX = 1.0
SESSION_CPU_S_MAX_ON_DISK = 20.0  # of the whole server, with its store and a thousand frames
WARM_UP = 0.05  # of all frames, and every target once


class _Faults(logging.Handler):
    """Remembers exceptions that our code caught and logged: they are faults all the same."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info:
            self.found.append(f"{record.getMessage()}\n{''.join(traceback.format_exception(*record.exc_info))}")


def main(arguments: list[str] | None = None) -> int:
    """Play sessions until so many frames were tried; return 1 at the first fault."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--session", type=int, help="play only this one, as a failure names it")
    parser.add_argument("--target", choices=TARGETS, help="play only this target")
    options = parser.parse_args(arguments)
    faults = _Faults()
    quiet = logging.getLogger("jaz_lite")
    quiet.addHandler(faults)
    quiet.propagate, propagated = False, quiet.propagate
    try:
        return _play(options, faults)
    finally:
        quiet.removeHandler(faults)
        quiet.propagate = propagated


def _play(options: argparse.Namespace, faults: _Faults) -> int:
    names = [options.target] if options.target else list(TARGETS)
    weights = [TARGETS[name][1] for name in names]
    frames = session = warm_mib = 0
    slowest = 0.0
    played = dict.fromkeys(names, 0)
    began = time.perf_counter()
    while frames < options.frames:
        number = session if options.session is None else options.session
        chance = random.Random(f"{options.seed} {number}")
        # Each target has its turn at the beginning, so that the warm-up has seen them all.
        name = names[number] if number < len(names) else chance.choices(names, weights)[0]
        cpu = time.process_time()
        try:
            count = TARGETS[name][0](chance)
            assert not faults.found, faults.found[0]
        except Exception:
            _tell_fault(options.seed, number, name)
            return 1
        cpu = time.process_time() - cpu
        slowest = max(slowest, cpu if name != "whole server" else 0.0)
        if cpu > (SESSION_CPU_S_MAX_ON_DISK if name == "whole server" else SESSION_CPU_S_MAX):
            print(f"fuzz: session {number} ({name}) took {cpu:.1f} s of CPU; repeat: --seed {options.seed}")
            return 1
        frames += count
        played[name] += count
        session += 1
        if options.session is not None:
            break
        if not warm_mib and frames >= options.frames * WARM_UP and session >= len(names):
            gc.collect()
            warm_mib = _peak_mib()
    seconds = time.perf_counter() - began
    growth_mib = _peak_mib() - warm_mib if warm_mib else 0
    print(
        f"fuzz: {frames} frames in {session} sessions, {frames / seconds:.0f} frames/s, seed {options.seed}, "
        f"slowest session {slowest:.2f} s of CPU, grew by {growth_mib} MiB to {_peak_mib()} MiB"
    )
    print("fuzz: " + ", ".join(f"{name} {count}" for name, count in played.items()))
    if growth_mib > GROWTH_MIB_MAX:
        print(f"fuzz: more than {GROWTH_MIB_MAX} MiB")
        return 1
    return 0


def _tell_fault(seed: int, session: int, name: str) -> None:
    traceback.print_exc()
    print(f"fuzz: a fault in {name}; repeat: python -m tests.fuzz --seed {seed} --session {session}", flush=True)


def _peak_mib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


if __name__ == "__main__":
    sys.exit(main())
