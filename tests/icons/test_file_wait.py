"""What the file wait icon orders, and how it judges what the agent says."""

from collections.abc import Mapping
from typing import Any

import pytest

from jaz_lite.model import event as happened
from jaz_lite.model.action import SendWork
from jaz_lite.model.problem import Place
from jaz_lite.model.run import WorkResult
from tests.icons.looking import trying

HERE = {"host": "web01", "path": "/in/a.csv"}
KEY = b"k" * 16


def ordered(settings: Mapping[str, Any], **view: Any) -> SendWork:
    kind, params, looking = trying("file_wait", settings={**HERE, **settings}, **view)
    (action,) = kind.begin(params, looking).actions
    assert isinstance(action, SendWork)
    return action


@pytest.mark.parametrize(
    ("settings", "spec"),
    [
        ({}, {"path": "/in/a.csv", "mode": "exist", "delete": False}),
        ({"wait_s": 60, "delete": True}, {"path": "/in/a.csv", "mode": "exist", "delete": True, "timeout": 60}),
        ({"mode": "exists", "wait_s": 60}, {"path": "/in/a.csv", "mode": "exist", "delete": False, "once": True}),
        ({"mode": "absent"}, {"path": "/in/a.csv", "mode": "absent", "delete": False}),
        (
            {"mode": "stable", "stable_s": 30, "wildcards": True},
            {"path": "/in/a.csv", "mode": "stable", "delete": False, "stable_s": 30, "glob": True},
        ),
        ({"path": "$FILE"}, {"path": "/in/b 注文.csv", "mode": "exist", "delete": False}),
        ({"path": "$$x"}, {"path": "$x", "mode": "exist", "delete": False}),
    ],
    ids=["appear", "appear-limited", "exists", "absent", "stable", "variable", "dollar"],
)
def test_the_order_says_what_is_waited_for(settings: dict[str, Any], spec: dict[str, Any]) -> None:
    order = ordered(settings, variables={"FILE": "/in/b 注文.csv"})

    assert (order.kind, order.host, dict(order.spec)) == ("fwait", "web01", spec)


def test_a_test_run_reaches_the_agent_and_does_not_look() -> None:
    order = ordered({"path": "$NOT_SET"}, test=True)

    assert (order.kind, dict(order.spec)) == ("test", {})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"path": "$FILE"}, "the variable FILE is not set"),
        ({"path": "$EMPTY"}, "no file is named"),
        ({"path": "/a\0b"}, "the path '/a\\x00b' holds a character that no file name can"),
        ({"host": "HOST", "host_from_variable": True}, "the variable HOST, which names the host, is not set"),
    ],
    ids=["not-set", "empty", "nul", "host"],
)
def test_what_cannot_be_sent_is_an_error(settings: dict[str, Any], message: str) -> None:
    kind, params, view = trying("file_wait", settings={**HERE, **settings}, variables={"EMPTY": ""})
    step = kind.begin(params, view)

    assert (step.outcome, step.message, step.actions) == ("failed", message, ())


@pytest.mark.parametrize(
    ("mode", "code", "outcome"),
    [
        ("appear", 0, "ended"),
        ("appear", 1, "failed"),
        ("appear", 255, "failed"),
        ("exists", 0, "ended"),
        ("exists", 1, "ended"),
        ("exists", 255, "failed"),
        ("stable", 0, "ended"),
        ("absent", 0, "ended"),
        ("absent", 255, "failed"),
    ],
)
def test_0_is_success_and_1_too_where_it_only_looked(mode: str, code: int, outcome: str) -> None:
    kind, params, view = trying("file_wait", settings={**HERE, "mode": mode}, work=KEY)
    step = kind.resume(params, view, happened.WorkEnded(3, KEY, WorkResult(exit_code=code, std_out="out")))

    assert (step.outcome, step.exit_code, step.results["JOB_EXIT_CD"]) == (outcome, code, str(code))
    assert step.results["STD_OUT"] == "out"
    assert step.results.get("ICON_STATUS") == ("0" if outcome == "ended" else None), "set on success only, as in JAZ"


def test_an_error_says_what_the_agent_said_last() -> None:
    kind, params, view = trying("file_wait", settings=HERE, work=KEY)
    result = WorkResult(exit_code=255, std_err='the folder "/in" does not exist\n')
    step = kind.resume(params, view, happened.WorkEnded(3, KEY, result))

    assert (step.message, step.results["JOBARG_MESSAGE"]) == (('the folder "/in" does not exist',) * 2)


def test_a_wait_that_is_stopped_is_aborted_and_not_retried() -> None:
    kind, params, view = trying("file_wait", settings=HERE, work=KEY, state="stopping")
    result = WorkResult(exit_code=None, signal=15, killed="kill")
    step = kind.resume(params, view, happened.WorkEnded(3, KEY, result))

    assert (step.outcome, step.message, step.stopped, step.results["SIGNAL"]) == (
        "failed",
        "Aborted the job",
        True,
        "1",
    )


def test_the_check_warns_of_a_path_that_no_agent_takes_and_of_settings_that_mean_nothing() -> None:
    def problems(**settings: Any) -> list[tuple[str, str]]:
        kind, params, _ = trying("file_wait", settings={**HERE, **settings})
        return [(problem.place.field, problem.severity) for problem in kind.check(params, Place())]

    assert problems() == []
    assert problems(path="C:\\in\\a.csv") == problems(path="\\\\server\\share\\a.csv") == problems(path="$FILE") == []
    assert problems(path="in/a.csv") == [("path", "warning")]
    assert problems(mode="absent", delete=True) == [("delete", "warning")]
    assert problems(mode="stable", stable_s=0) == [("stable_s", "error")]
    assert problems(wait_s=10_000) == [("wait_s", "error")]
