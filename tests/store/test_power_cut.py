"""What was acknowledged survives a power cut; and this test would notice if it did not."""

import os

import pytest

from jaz_lite.store import writer
from tests.store.power_cut import cut, template

CUTS = int(os.environ.get("CUTS", "200"))


def test_acknowledged_transactions_survive_every_power_cut() -> None:
    start = template()

    outcomes = {seed: cut(seed, start) for seed in range(1, CUTS + 1)}

    assert {seed: outcome for seed, outcome in outcomes.items() if outcome != "ok"} == {}


def test_without_a_sync_at_each_commit_the_cuts_find_losses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "SYNCHRONOUS", "normal")
    start = template()

    outcomes = [cut(seed, start) for seed in range(1, 31)]

    assert outcomes.count("lost") > 10


def test_without_any_sync_the_cuts_find_damage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "SYNCHRONOUS", "off")
    start = template()

    outcomes = [cut(seed, start) for seed in range(1, 31)]

    assert outcomes.count("ok") < 15
