"""The simulator in the ordinary test run: a few dozen seeds, old troublemakers, and every deliberate fault."""

import os
import subprocess
import sys

import pytest

from tests.sim.breakages import BREAKAGES, KIND_OF
from tests.sim.kinds import FIRST_SEED, Kind
from tests.sim.regressions import SEEDS
from tests.sim.scenario import run_seed

ORDINARY_FROM = 10_001
SEEDS_PLAYED = 24
PLAYED_OF_A_KIND = 8
SEEDS_MAX = 200  # within which every breakage must be noticed
NOTICED_AS = {
    "random-keys": {"I1", "I6"},  # a key that does not follow from its work is not adopted either
    "no-fencing": {"I4", "I11"},
    "act-not-compared": {"I4", "I8", "I11"},
    "copy-written-in-place": {"I10"},
    "no-chain": {"I1", "I5"},
    "no-window-replay": {"I1", "I3", "I6", "I8"},
    "forget-on-ack": {"I2", "I3", "I6"},
    "cursor-apart-from-effect": {"I6"},
    "no-claim-before-exec": {"I1"},
    "claim-not-synced": {"I1"},
    "dispatch-before-commit": {"I1"},
    "ack-before-commit": {"ACK"},
    "result-applied-twice": {"I2"},
    "term-not-durable": {"I4"},
    "event-sent-before-sync": {"I5"},
    "output-offset-not-checked": {"I9"},
    "sent-work-not-sent-again": {"I3"},
    "doubts-settle-themselves": {"I6", "I7"},
    "deletion-forgotten": {"I3", "I14"},
    "group-work-moves-on": {"I1", "I6"},
    "setback-agent-starts": {"I1"},
    "no-boot-check-on-sent": {"I1"},
    "normal-instead-of-strict": {"I1"},
    "reboot-holds-nothing": {"I15"},
    "host-lock-not-durable": {"I15"},
    "host-lock-stays": {"I3", "I15"},
}


@pytest.mark.parametrize("seed", range(ORDINARY_FROM, ORDINARY_FROM + SEEDS_PLAYED))
def test_every_promise_holds_under_faults(seed: int) -> None:
    outcome = run_seed(seed)

    assert outcome.violation is None, f"make sim SEED={seed}"


@pytest.mark.parametrize("kind", [kind for kind in FIRST_SEED if kind != "ordinary"])
@pytest.mark.parametrize("number", range(PLAYED_OF_A_KIND))
def test_every_promise_holds_in_every_kind_of_world(kind: Kind, number: int) -> None:
    seed = FIRST_SEED[kind] + number
    outcome = run_seed(seed)

    assert outcome.violation is None, f"make sim SEED={seed}"


@pytest.mark.parametrize("seed", sorted(SEEDS))
def test_what_went_wrong_once_stays_right(seed: int) -> None:
    outcome = run_seed(seed)

    assert outcome.violation is None, f"make sim SEED={seed}"


@pytest.mark.parametrize("breakage", sorted(BREAKAGES))
def test_a_deliberate_fault_is_noticed(breakage: str) -> None:
    first = FIRST_SEED[KIND_OF.get(breakage, "ordinary")]
    found = (run_seed(seed, breakage).violation for seed in range(first, first + SEEDS_MAX))
    violation = next((violation for violation in found if violation is not None), None)

    assert violation is not None, f"{breakage} was not noticed in {SEEDS_MAX} seeds"
    assert violation.invariant in NOTICED_AS[breakage], violation


@pytest.mark.parametrize("seed", [2, 100_003, 200_002, 300_004, 300_011])
def test_a_seed_gives_the_same_history_in_every_process(seed: int) -> None:
    histories = {
        subprocess.run(
            [sys.executable, "-m", "tests.sim", "--seed", str(seed), "--verbose", "--no-summary"],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            check=True,
        ).stdout
        for hash_seed in ("1", "2")
    }

    assert len(histories) == 1
    assert histories.pop().count(b"\n") > 30
