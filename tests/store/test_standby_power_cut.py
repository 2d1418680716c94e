"""A standby that loses power keeps what it acknowledged and goes on from there; and this test would notice if not."""

import os

import pytest

from jaz_lite.store import writer
from tests.store.standby_power_cut import cut

CUTS = int(os.environ.get("CUTS", "60"))


def test_a_standby_stands_at_a_state_of_the_active_after_every_power_cut() -> None:
    outcomes = {seed: cut(seed) for seed in range(1, CUTS + 1)}

    assert {seed: outcome for seed, outcome in outcomes.items() if outcome != "ok"} == {}


def test_without_a_sync_at_each_commit_a_standby_loses_what_it_acknowledged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "SYNCHRONOUS", "normal")

    outcomes = [cut(seed) for seed in range(1, 31)]

    assert outcomes.count("lost") > 10
