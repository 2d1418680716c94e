"""A piece of `make schedules`: some seeds hold every promise, and what leaves out a step is found."""

import pytest

from tests.schedules.play import play

# Seeds that take about a second and crash, set the clock, change definitions. 209: the clock is set back twice by days.
SEEDS = (1, 2, 3, 4, 8, 9, 209)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_time_ends_as_promised_under_faults(seed: int) -> None:
    outcome = play(seed)

    assert outcome.violation is None, "\n".join([*outcome.trace[-20:], str(outcome.violation)])
    assert outcome.counts["turns"] > 10


def test_a_deliberate_fault_is_found() -> None:
    assert any(play(seed, "lateness-ignored").violation for seed in SEEDS)
