"""What single icon types decide, where the engine's own tests do not show it."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from jaz_lite.model.action import SetTimer
from jaz_lite.model.event import TimerFired
from jaz_lite.model.problem import Place
from tests.icons.looking import NOW, TOKYO, trying


@pytest.mark.parametrize(
    ("text", "code"),
    [("0", "0"), ("255", "255"), ("256", "255"), ("9" * 30, "255"), ("", "0"), ("-1", "0"), ("x", "0"), ("$N", "7")],
)
def test_the_code_of_an_end_is_a_number_from_0_to_255(text: str, code: str) -> None:
    kind, params, view = trying("end", settings={"exit_code": text}, variables={"N": "7"})

    assert kind.begin(params, view).results == {"JOB_EXIT_CD": code}


@pytest.mark.parametrize(
    ("value", "comparison", "branch"),
    [("5", "1-9", "true"), ("10", "1-9", "false"), ("", "1-9", "false"), ("5", "", "false"), (" 5 ", "5", "true")],
)
def test_a_number_condition(value: str, comparison: str, branch: str) -> None:
    kind, params, view = trying(
        "condition", settings={"variable": "N", "comparison": comparison}, variables={"N": value}
    )

    assert kind.begin(params, view).branch == branch


@pytest.mark.parametrize(
    ("variables", "comparison", "message"),
    [
        ({}, "1", "the variable N is not set"),
        ({"N": "five"}, "1", 'the variable N holds "five", which is no number'),
        ({"N": "5"}, "9-1", 'the comparison holds the range "9-1", which runs backwards'),
    ],
)
def test_a_number_condition_that_cannot_be_decided(variables: dict[str, str], comparison: str, message: str) -> None:
    kind, params, view = trying("condition", settings={"variable": "N", "comparison": comparison}, variables=variables)
    step = kind.begin(params, view)

    assert (step.outcome, step.message) == ("failed", message)


def test_a_text_condition_searches_and_a_bad_expression_is_false_and_a_finding() -> None:
    for comparison, branch in (("a+b", "true"), ("^b", "false"), ("(", "false")):
        kind, params, view = trying(
            "condition",
            settings={"mode": "text", "variable": "T", "comparison": comparison},
            variables={"T": "xaab"},
        )

        assert kind.begin(params, view).branch == branch
        assert [problem.severity for problem in kind.check(params, Place())] == (
            ["warning"] if comparison == "(" else []
        )


@pytest.mark.parametrize(
    ("parameter", "due"),
    [
        ("930", datetime(2026, 11, 23, 9, 30, tzinfo=TOKYO)),
        ("1000", datetime(2026, 11, 23, 10, 0, tzinfo=TOKYO)),
        ("95959", datetime(2026, 11, 23, 9, 59, 59, tzinfo=TOKYO)),
        ("253000", datetime(2026, 11, 24, 1, 30, tzinfo=TOKYO)),
        ("9959", datetime(2026, 11, 27, 3, 59, tzinfo=TOKYO)),
        ("$WHEN", datetime(2026, 11, 23, 12, 0, tzinfo=TOKYO)),
        ("1;2|0`0", datetime(2026, 11, 23, 12, 0, tzinfo=TOKYO)),
    ],
)
def test_waiting_for_a_time_counts_from_the_day_the_run_started(parameter: str, due: datetime) -> None:
    settings = {"command": "jacmdtime", "parameter": parameter}
    kind, params, view = trying("extended_job", settings=settings, variables={"WHEN": "1200"})
    step = kind.begin(params, view)

    if due <= NOW:
        assert (step.outcome, step.actions) == ("ended", ())
    else:
        assert step.actions == (SetTimer(node=3, name="wait", due_ms=round(due.timestamp() * 1000)),)


def test_waiting_for_a_time_that_the_clocks_skip_ends_after_the_gap() -> None:
    # Berlin's clocks went from 02:00 to 03:00 on 29 March 2026, that is at 01:00 UTC.
    berlin = ZoneInfo("Europe/Berlin")
    started = datetime(2026, 3, 29, 1, 0, tzinfo=berlin)
    settings = {"command": "jacmdtime", "parameter": "0230"}
    kind, params, view = trying("extended_job", settings=settings, now=started, run_started=started)
    timer: Any = kind.begin(params, view).actions[0]

    assert timer.due_ms == round(datetime(2026, 3, 29, 3, 0, tzinfo=berlin).timestamp() * 1000)


@pytest.mark.parametrize("parameter", ["", "x", "12", "1260", "120060", "1234567"])
def test_a_time_that_is_none_is_an_error(parameter: str) -> None:
    kind, params, view = trying("extended_job", settings={"command": "jacmdtime", "parameter": parameter})

    assert kind.begin(params, view).outcome == "failed"


@pytest.mark.parametrize(
    ("parameter", "code"), [("", "2"), ("Mon", "2"), ("sun MON", "2"), ("Tue Wed", "0"), (None, "2")]
)
def test_the_day_of_the_week_is_its_number_when_it_is_listed(parameter: str | None, code: str) -> None:
    kind, params, view = trying("extended_job", settings={"command": "jacmdweek", "parameter": parameter})

    assert kind.begin(params, view).results == {"JOB_EXIT_CD": code}


@pytest.mark.parametrize("parameter", ["Mon Mon", "Monday", "1"])
def test_a_list_of_weekdays_with_a_fault_is_an_error(parameter: str) -> None:
    kind, params, view = trying("extended_job", settings={"command": "jacmdweek", "parameter": parameter})

    assert kind.begin(params, view).outcome == "failed"


def test_the_sender_of_zabbix_says_what_it_comes_with_when_it_is_checked_and_when_it_is_reached() -> None:
    kind, params, view = trying("extended_job", settings={"command": "zabbix_sender"})
    step = kind.begin(params, view)
    (problem,) = kind.check(params, Place())

    assert step.message == "this build has no zabbix_sender yet: it comes with the Zabbix capability"
    assert (step.outcome, step.exit_code, step.results["JOB_EXIT_CD"]) == ("failed", 255, "255")
    assert (problem.severity, problem.message) == ("warning", step.message)


@pytest.mark.parametrize("parameter", [None, "", "x", "1.5", "-1", "+1", "1234567", "1 2", "\uff11"])
def test_a_sleep_that_is_none_is_an_error_also_in_a_test_run(parameter: str | None) -> None:
    for test in (False, True):
        kind, params, view = trying(
            "extended_job", settings={"command": "jacmdsleep", "parameter": parameter}, test=test
        )

        assert kind.begin(params, view).outcome == "failed"


def test_a_sleep_ends_with_its_own_timer_and_sets_no_exit_code() -> None:
    kind, params, view = trying("extended_job", settings={"command": "jacmdsleep", "parameter": " 999999 "})
    step = kind.begin(params, view)
    due_ms = view.now_ms + 999_999_000
    assert step.actions == (SetTimer(node=3, name="wait", due_ms=due_ms),)

    view.memo = step.memo
    assert kind.resume(params, view, TimerFired(3, "wait", due_ms - 1)).outcome == "waiting"
    ended = kind.resume(params, view, TimerFired(3, "wait", due_ms))
    assert (ended.outcome, ended.exit_code, dict(ended.results)) == ("ended", None, {})


def test_a_weekday_is_asked_for_in_a_test_run_too() -> None:
    kind, params, view = trying("extended_job", settings={"command": "jacmdweek", "parameter": "Tue"}, test=True)

    assert kind.begin(params, view).results == {"JOB_EXIT_CD": "0"}


def test_waits_are_over_at_once_in_a_test_run() -> None:
    for settings in ({"command": "jacmdsleep", "parameter": "60"}, {"command": "jacmdtime", "parameter": "2300"}):
        kind, params, view = trying("extended_job", settings=settings, test=True)

        assert kind.begin(params, view).outcome == "ended"


@pytest.mark.parametrize(
    ("others", "outcome"),
    [({"A": ("waiting", True)}, "ended"), ({"A": ("ready", True)}, "ended"), ({"A": ("running", False)}, "failed")],
)
def test_release_needs_a_held_icon(others: dict[str, Any], outcome: str) -> None:
    kind, params, view = trying("release", settings={"target": "A"}, others=others)

    assert kind.begin(params, view).outcome == outcome


def test_information_about_an_icon_that_is_not_there_is_an_error() -> None:
    kind, params, view = trying("information", settings={"icon_path": "x/y"})

    assert kind.begin(params, view).message == 'there is no icon "x/y" in this jobnet'


def test_an_environment_that_no_work_order_can_carry_is_an_error() -> None:
    rows = [{"name": f"V{number}", "value": "x"} for number in range(513)]
    kind, params, view = trying("job", settings={"host": "a", "script": "true", "variables": rows})

    assert kind.begin(params, view).message == "the environment holds more than 512 variables"


def test_a_stop_code_and_a_host_with_faults_are_told() -> None:
    kind, params, _ = trying("job", settings={"host": "", "script": "", "stop_codes": "5-1"})

    assert [str(problem.place) for problem in kind.check(params, Place(icon_id="J"))] == [
        "J: host",
        "J: script",
        "J: stop_codes",
    ]
