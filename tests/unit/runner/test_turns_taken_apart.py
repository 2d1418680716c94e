"""Turns that our own code fails in: only the culprit is set aside, and people are told of it."""

from collections import Counter
from typing import Any

import pytest

from jaz_lite.model.run import Run
from jaz_lite.runner import actions
from jaz_lite.runner.inputs import Reply, Write
from jaz_lite.runner.turn import Turn
from jaz_lite.store.transaction import Transaction
from tests.unit.runner.scheduling import instant, runs, schedule, tick, time_is, told
from tests.unit.runner.site import Site, chained, job


def broken(_tx: Transaction) -> None:
    raise ZeroDivisionError


def fails_at(run_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our own code cannot carry out what a run wants to be done."""
    real = actions.carry_out

    def carry_out(turn: Turn, run: Run, action: Any) -> None:
        if run.run_id == run_id:
            raise RuntimeError("a fault of ours")
        real(turn, run, action)

    monkeypatch.setattr(actions, "carry_out", carry_out)


def test_a_timer_that_cannot_be_taken_sets_its_run_aside_and_holds_up_no_other(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.define(chained("LOAD", job("load")))
    bad, good = (site.plan("LOAD", instant("08:00"), schedule=name) for name in ("ONE", "TWO"))
    fails_at(bad, monkeypatch)

    time_is(site, "08:00")

    assert site.run(good).state == "running"
    assert site.run(bad).state == "waiting"
    assert "RuntimeError: a fault of ours" in site.run(bad).faulted
    assert told(site, "run_faulted") == [{"message": "RuntimeError: a fault of ours"}]
    assert site.turns.next_due_ms() is None, "nothing is tried again"


def test_the_run_that_fails_is_set_aside_and_not_the_one_whose_timer_woke_it(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.define(chained("LOAD", job("load"), multiple_start="wait", timeout_min=5, timeout_action="stop"))
    first, second, third = (site.start("LOAD") for _ in range(3))
    fails_at(second, monkeypatch)

    site.pass_time(300)  # the first is stopped, and lets the second start
    site.settle()

    assert site.run(first).state == "end_error"
    assert not site.run(first).faulted
    assert site.run(second).faulted
    assert site.run(third).state == "running"


def test_inputs_beside_a_timer_that_cannot_be_taken_are_taken(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.define(chained("LOAD", job("load")))
    bad = site.plan("LOAD", instant("08:00"))
    fails_at(bad, monkeypatch)
    answers: list[Reply] = []

    site.clock.set_wall(instant("08:00"))
    site.turns.submit(Write(lambda _tx: "done", Reply(answers.append)))
    site.settle()

    assert [(answer.value, answer.error) for answer in answers] == [("done", None)]


def test_a_run_that_fails_while_it_is_started_is_told_of(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    from jaz_lite.runner import turn as turn_room

    def advance_all(*_: Any) -> None:
        raise RuntimeError("a fault of ours")

    site.define(chained("LOAD"))
    monkeypatch.setattr(turn_room, "advance_all", advance_all)
    run = site.start("LOAD")

    assert site.run(run).faulted
    assert told(site, "run_faulted") == [{"message": "RuntimeError: a fault of ours"}]


def test_a_change_beside_a_failing_input_does_not_swallow_what_was_missed(site: Site) -> None:
    schedule(site, "NIGHTLY", every_min=30, late_start="skip")
    site.clock.advance((instant("2023-11-16 07:15") - site.clock.now_ms()) / 1000)
    site.restart()

    def disabling(tx: Transaction) -> None:
        tx.definitions.disable("schedule", "NIGHTLY")
        tx.schedule_marks.forget("NIGHTLY")

    site.turns.submit(Write(broken))
    site.turns.submit(Write(disabling))
    site.settle()

    assert Counter(runs(site).values())["skipped"] == 48


def test_that_the_clock_jumped_is_told_although_the_turn_that_saw_it_failed(site: Site) -> None:
    schedule(site, "NIGHTLY", "0900")

    site.clock.set_wall(instant("08:30"))
    site.turns.submit(Write(broken))
    site.settle()
    tick(site)

    assert [line["by_s"] for line in told(site, "clock_jumped")] == [(60 + 16) * 60 + 40]
