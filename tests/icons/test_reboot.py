"""What the reboot icon orders, and how it judges what the agent says."""

from typing import Any

import pytest

from jaz_lite.model import event as happened
from jaz_lite.model.action import SendWork
from jaz_lite.model.run import WorkResult
from tests.icons.looking import trying

KEY = b"k" * 16


@pytest.mark.parametrize(
    ("settings", "spec"),
    [
        ({}, {"wait": False}),
        ({"mode": "force", "wait_s": 60}, {"wait": False}),
        ({"mode": "after_jobs"}, {"wait": True}),
        ({"mode": "after_jobs", "wait_s": 60, "timeout_min": 5}, {"wait": True, "wait_s": 60, "timeout": 300}),
    ],
)
def test_the_order_says_whether_jobs_are_waited_for(settings: dict[str, Any], spec: dict[str, Any]) -> None:
    kind, params, view = trying("reboot", settings={"host": "web01", **settings})
    (order,) = kind.begin(params, view).actions

    assert isinstance(order, SendWork)
    assert (order.kind, order.host, dict(order.spec)) == ("reboot", "web01", {**spec, "head": 64_000})


def test_a_test_run_does_not_reboot() -> None:
    kind, params, view = trying("reboot", settings={"host": "web01"}, test=True)
    (order,) = kind.begin(params, view).actions

    assert isinstance(order, SendWork)
    assert order.kind == "test"


@pytest.mark.parametrize(("code", "outcome"), [(0, "ended"), (1, "failed"), (255, "failed")])
def test_the_code_0_is_success(code: int, outcome: str) -> None:
    kind, params, view = trying("reboot", settings={"host": "web01"}, work=KEY)
    result = WorkResult(exit_code=code, std_err="shutdown: must be root\n")
    step = kind.resume(params, view, happened.WorkEnded(3, KEY, result))

    assert (step.outcome, step.exit_code) == (outcome, code)
    assert step.message == ("" if outcome == "ended" else "shutdown: must be root")


def test_running_over_its_time_is_a_warning_only() -> None:
    kind, params, view = trying("reboot", settings={"host": "web01", "timeout_min": 5}, work=KEY)
    step = kind.resume(params, view, happened.WorkTimedOut(3, KEY, "warn"))

    assert (step.outcome, step.timed_out, step.actions) == ("waiting", True, ())


def test_an_agent_that_may_not_reboot_says_so() -> None:
    kind, params, view = trying("reboot", settings={"host": "web01"}, work=KEY)
    step = kind.resume(params, view, happened.WorkFailed(3, KEY, "policy", "this agent may not reboot its machine"))

    assert (step.outcome, step.message) == ("failed", "this agent may not reboot its machine")
    assert step.results["JOB_EXIT_CD"] == "-1"
