"""Jobs: simulated processes with a fate of their own, which count their own starts.

What a job does follows from the seed and its claim alone, so that the oracle knows it without asking anybody.
"""

import random
from dataclasses import dataclass

# What a job of each kind does: run time in ms, exit codes, bytes on both streams, chance to be deaf to SIGTERM.
KINDS: dict[str, tuple[tuple[int, int], tuple[int, ...], tuple[int, int], float]] = {
    "quick": ((1, 60), (0,), (0, 0), 0.0),
    "plain": ((20, 3_000), (0, 0, 0, 1), (0, 400), 0.2),
    "slow": ((5_000, 25_000), (0, 0, 7), (0, 4_000), 0.3),
    "noisy": ((500, 6_000), (0, 0, 2), (1_000, 150_000), 0.1),
    "failing": ((10, 1_000), (1, 2, 255), (0, 100), 0.1),
    "reboot": ((1, 4_000), (0, 0, 0, 0, 1), (0, 0), 0.3),
    "broken": ((0, 0), (0,), (0, 0), 0.0),
}
TERM, KILL = 15, 9


@dataclass(frozen=True, slots=True)
class Fate:
    """What a claim's process does if nobody disturbs it."""

    startable: bool
    run_ms: int
    exit_code: int
    output: tuple[bytes, bytes]
    deaf: bool  # does not heed SIGTERM
    pieces: int  # in so many portions it writes


def fate_of(seed: int, claim: str, script: str) -> Fate:
    """Return the fate of a claim."""
    dice = random.Random(f"{seed}/{claim}")
    word = script.partition(" ")[2].strip()
    run_ms, codes, size, deaf = KINDS.get(word, KINDS["quick"])
    return Fate(
        startable=word != "broken",
        run_ms=dice.randint(*run_ms),
        exit_code=dice.choice(codes),
        output=(dice.randbytes(dice.randint(*size)), dice.randbytes(dice.randint(0, size[1] // 8))),
        deaf=dice.random() < deaf,
        pieces=dice.randint(1, 5),
    )


@dataclass(slots=True)
class Job:
    """A process that runs. `keeper`: the life of the keeper that is its parent."""

    pid: int
    claim: str  # as its site names it
    named: str  # as its keeper names it
    fate: Fate
    start_time: int
    keeper: int
    paths: tuple[str, str]
    ends_ms: int = 0
    ended: bool = False
    status: int = 0  # as from wait()
    ending: bool = False  # a signal is on its way
