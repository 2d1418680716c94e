"""What a job is given, what its end means, and what becomes of one whose fate is not known."""

from typing import Any

import pytest

from jaz_lite.engine.doubts import WHAT_TO_DO
from jaz_lite.model.event import WorkEnded
from jaz_lite.model.run import WorkResult
from jaz_lite.wire.ident import natural_key
from tests.unit.engine.playing import FIRST_RUN_ID, Site, icon, job, jobnet, sets, sub


def _alone(**fields: Any) -> Any:
    return jobnet("start -> work -> end", work=job(**fields))


def test_a_job_that_ends_with_an_error_waits_for_the_operator(site: Site) -> None:
    run = site.start(_alone(stop_codes="1-255"))
    site.agent("a1").ends("work", exit_code=3)

    assert run.state == "run_error"
    assert run.icon("work").exit_code == 3
    assert run.icon("work").results["ICON_STATUS"] == "1"
    assert run.waiting_for == [
        "/work is in error: the exit code 3 is among the stop codes 1-255; rerun or skip it, or stop the run"
    ]

    site.operator.rerun(run, "work")
    site.agent("a1").ends("work", exit_code=0)

    assert run.state == "ended"
    assert run.told("work")[-4:] == ["icon_failed", "icon_rerun_asked", "icon_rerun", "icon_ended"]


def test_stop_codes_that_cannot_be_read_are_named_as_the_reason(site: Site) -> None:
    run = site.start(_alone(stop_codes="1--2-"))
    site.agent("a1").ends("work", exit_code=0)

    assert run.icon("work").message == 'the stop codes "1--2-" cannot be read, so every exit code is an error; it was 0'


@pytest.mark.parametrize(
    ("stop_codes", "result", "state", "variables"),
    [
        pytest.param(
            "",
            {"exit_code": 200},
            "ended",
            {"JOB_EXIT_CD": "200", "ICON_STATUS": "0", "SIGNAL": "0"},
            id="no stop codes",
        ),
        pytest.param("1-255", {"exit_code": 0}, "ended", {"JOB_EXIT_CD": "0", "ICON_STATUS": "0"}, id="not among them"),
        pytest.param("0,5-9", {"exit_code": 7}, "run_error", {"JOB_EXIT_CD": "7", "ICON_STATUS": "1"}, id="among them"),
        pytest.param("x", {"exit_code": 0}, "run_error", {"ICON_STATUS": "1"}, id="unreadable counts as hit"),
        pytest.param("-5--1", {"exit_code": -3}, "run_error", {"JOB_EXIT_CD": "-3"}, id="negative codes"),
        pytest.param(
            "",
            {"exit_code": None, "signal": 9},
            "run_error",
            {"JOB_EXIT_CD": "9", "SIGNAL": "1", "ICON_STATUS": "2"},
            id="ended by a signal",
        ),
    ],
)
def test_the_end_of_a_job_is_judged_as_jaz_does(
    site: Site, stop_codes: str, result: dict[str, Any], state: str, variables: dict[str, str]
) -> None:
    run = site.start(_alone(stop_codes=stop_codes))
    site.agent().ends("work", out="text\n", err="", **result)

    assert run.icon("work").state == state
    assert run.icon("work").results.items() >= variables.items()
    assert run.icon("work").results["STD_OUT"] == "text\n"


def test_a_job_that_cannot_be_started_is_in_error(site: Site) -> None:
    run = site.start(_alone())
    site.agent().fails("work", "there is no user bob")

    assert run.state == "run_error"
    assert run.icon("work").message == "there is no user bob"
    assert run.icon("work").results == {
        "JOB_EXIT_CD": "-1",
        "SIGNAL": "0",
        "ICON_STATUS": "2",
        "JOBARG_MESSAGE": "there is no user bob",
    }


def test_a_job_gets_its_checked_variables_and_its_own_as_environment(site: Site) -> None:
    work = job(
        system_variables=["JOB_ID", "STD_OUT", "LAST_STATUS"],
        variables=[
            {"name": "A", "value": "$X"},
            {"name": "B", "value": "$NOPE"},
            {"name": "C", "value": "$$X"},
            {"name": "D", "value": "cost $X"},
        ],
    )
    run = site.start(jobnet("start -> v -> work -> end", v=sets(X="1"), work=work))

    assert run.order("work").spec["env"] == {
        "JOB_ID": "work",
        "STD_OUT": "",
        "LAST_STATUS": "",
        "A": "1",
        "B": "",
        "C": "$X",
        "D": "cost $X",
    }


def test_the_work_order_of_a_job_says_all_an_agent_must_know(site: Site) -> None:
    work = job(
        host="a1", script="one\r\ntwo\r\n", stop_script="halt\r\n", timeout_min=2, timeout_action="stop", run_user="bob"
    )
    run = site.start(jobnet("start -> work -> end", work=work))
    order = run.order("work")

    assert (order.host, order.kind, order.attempt, order.key_path) == ("a1", "cmd", 1, "/work#1")
    assert order.key == natural_key(run.run.site_uid, f"M:{FIRST_RUN_ID}", "/work#1", 1)
    assert order.spec == {
        "script": "one\ntwo\n",
        "env": {},
        "secret": (),
        "enc": "utf-8",
        "head": 64000,
        "grace": 10,
        "user": "bob",
        "timeout": 120,
        "timeout_act": "stop",
        "stop": "halt\n",
    }


@pytest.mark.parametrize(
    ("action", "stop_script", "act"), [("warn", None, "warn"), ("stop", None, "kill"), ("stop", "halt", "stop")]
)
def test_what_the_agent_does_at_the_time_limit_is_in_the_work_order(
    site: Site, action: str, stop_script: str | None, act: str
) -> None:
    run = site.start(_alone(timeout_min=1, timeout_action=action, stop_script=stop_script))

    assert run.order("work").spec["timeout_act"] == act


def test_the_host_of_a_job_may_come_from_a_variable(site: Site) -> None:
    net = jobnet(
        "start -> v -> work -> end", v=sets(WHERE="b2"), work=job(host="WHERE", host_from_variable=True, force=True)
    )
    run = site.start(net)

    assert run.order("work").host == "b2"
    assert run.order("work").force


def test_a_host_variable_that_is_not_set_is_an_error_in_words(site: Site) -> None:
    run = site.start(_alone(host="WHERE", host_from_variable=True))

    assert run.state == "run_error"
    assert run.icon("work").message == "the variable WHERE, which names the host, is not set"


def test_a_job_that_runs_over_its_time_is_marked_and_goes_on(site: Site) -> None:
    run = site.start(_alone(timeout_min=1))
    site.agent().runs_over("work")
    site.agent().runs_over("work")

    assert run.icon("work").state == "running"
    assert run.told("work").count("icon_timed_out") == 1

    site.agent().ends("work")

    assert run.state == "ended"
    assert run.run.job_status == "timeout"


def test_a_job_ended_at_its_time_limit_is_in_error(site: Site) -> None:
    run = site.start(_alone(timeout_min=1, timeout_action="stop"))
    site.agent().ends("work", exit_code=None, signal=15, killed="timeout")

    assert run.state == "run_error"
    assert run.icon("work").message == "stopped: it ran over its limit of 1 min"
    assert run.icon("work").timed_out


def test_a_job_that_is_skipped_at_its_time_limit_lets_the_flow_go_on(site: Site) -> None:
    run = site.start(_alone(timeout_min=1, timeout_action="skip"))
    site.agent().ends("work", exit_code=None, signal=15, killed="timeout")

    assert run.state == "ended"


def test_an_error_may_let_the_flow_go_on_and_cannot_be_run_again(site: Site) -> None:
    run = site.start(jobnet("start -> a -> b -> end", a=job(stop_codes="1", continue_on_error=True), b=job()))
    site.agent().ends("a", exit_code=1)

    assert run.state == "running"
    assert (run.icon("a").state, run.icon("a").continued) == ("run_error", True)
    assert run.fact("icon_failed").severity == "error"

    site.operator.rerun(run, "a")

    assert run.refusal == "the icon /a is in error, but the flow went on; it cannot be run again"

    site.agent().ends("b")

    assert run.state == "ended"


# ---- retries


def test_a_failed_job_is_tried_again_after_its_delay_which_grows(site: Site) -> None:
    run = site.start(_alone(stop_codes="1-255", retries=2, retry_delay_s=10, retry_backoff=3.0))
    site.agent().ends("work", exit_code=1)

    assert run.state == "running"
    assert run.icon("work").state == "ready"
    assert "is tried again at 2026-11-23 09:30:10+09:00, retry 1 of 2" in run.waiting_for[0]

    site.clock.passes(seconds=9)

    assert run.working() == []

    site.clock.passes(seconds=1)
    site.agent().ends("work", exit_code=1)
    site.clock.passes(seconds=29)  # the second delay is 10 s x 3

    assert run.working() == []

    site.clock.passes(seconds=1)
    site.agent().ends("work", exit_code=1)

    assert run.state == "run_error"
    assert [order.attempt for order in run.sent] == [1, 2, 3]
    assert len({order.key for order in run.sent}) == 3


def test_a_retry_without_delay_begins_at_once(site: Site) -> None:
    run = site.start(_alone(stop_codes="1-255", retries=1))
    site.agent().ends("work", exit_code=1)

    assert run.working() == ["/work"]

    site.agent().ends("work", exit_code=0)

    assert run.state == "ended"


def test_a_stopped_job_is_not_tried_again(site: Site) -> None:
    run = site.start(_alone(retries=5))
    site.operator.stop(run, "work")
    site.agent().ends("work", exit_code=None, signal=15)

    assert run.state == "run_error"
    assert run.icon("work").message == "Aborted the job"


def test_waiting_for_a_retry_can_be_stopped_or_skipped(site: Site) -> None:
    net = jobnet(
        "start -> a -> b -> end",
        a=job(stop_codes="1", retries=1, retry_delay_s=60),
        b=job(stop_codes="1", retries=1, retry_delay_s=60),
    )
    run = site.start(net)
    site.agent().ends("a", exit_code=1)
    site.operator.skip(run, "a")

    assert run.icon("a").state == "ended"

    site.agent().ends("b", exit_code=1)
    site.operator.stop(run, "b")

    assert run.icon("b").state == "run_error"

    site.clock.passes(minutes=2)

    assert run.icon("b").state == "run_error"


# ---- late, doubled, foreign


def test_a_second_result_of_the_same_attempt_changes_nothing(site: Site) -> None:
    run = site.start(jobnet("start -> a -> b -> end", a=job(), b=job()))
    event = site.agent().ends("a")
    before = run.run
    run.send(event)

    assert run.run is before


def test_the_result_of_an_earlier_attempt_changes_nothing(site: Site) -> None:
    run = site.start(_alone(stop_codes="1"))
    first = run.order("work")
    site.agent().ends("work", exit_code=1)
    site.operator.rerun(run, "work")
    before = run.run
    run.send(WorkEnded(first.node, first.key, WorkResult(exit_code=0)))

    assert run.run is before
    assert run.icon("work").state == "running"


# ---- doubt


def test_an_attempt_whose_fate_is_not_known_stays_running_until_a_person_decides(site: Site) -> None:
    run = site.start(_alone())
    site.agent().loses("work")

    assert run.state == "running"
    assert run.icon("work").state == "running"
    assert run.icon("work").doubt is not None
    [waits] = run.waiting_for
    assert waits == (
        "/work needs a decision since 2026-11-23 09:30:00+09:00: its fate is not known (lost: the host went down); "
        f"{WHAT_TO_DO['lost']}; then `jaz-lite run decide {run.run.run_id} /work ended|failed|rerun|abandon`"
    )

    site.operator.decide(run, "work", "ended", 0)

    assert run.state == "ended"
    assert run.icon("work").results["JOB_EXIT_CD"] == "0"


@pytest.mark.parametrize(
    ("verdict", "state"), [("failed", "run_error"), ("abandon", "run_error"), ("rerun", "running")]
)
def test_a_decision_ends_the_doubt_and_lets_the_old_attempt_go(site: Site, verdict: str, state: str) -> None:
    run = site.start(_alone())
    first = run.order("work").key
    site.agent().loses("work")
    site.operator.decide(run, "work", verdict)

    assert run.state == state
    assert run.icon("work").doubt is None
    assert run.abandoned == [first]
    assert [order.attempt for order in run.sent] == ([1, 2] if verdict == "rerun" else [1])


def test_a_late_result_resolves_a_doubt_that_nobody_decided(site: Site) -> None:
    run = site.start(_alone())
    site.agent().loses("work")
    site.agent().ends("work")

    assert run.state == "ended"


def test_a_late_result_after_a_decision_changes_nothing(site: Site) -> None:
    run = site.start(_alone())
    order = run.order("work")
    site.agent().loses("work")
    site.operator.decide(run, "work", "rerun")
    before = run.run
    run.send(WorkEnded(order.node, order.key, WorkResult(exit_code=0)))

    assert run.run is before


def test_hearing_that_the_job_runs_takes_the_doubt_away(site: Site) -> None:
    run = site.start(_alone())
    site.agent().loses("work")
    site.agent().starts("work")

    assert run.icon("work").doubt is None
    assert run.told("work")[-1] == "icon_found"


def test_work_that_an_earlier_active_server_withdrew_is_in_doubt(site: Site) -> None:
    run = site.start(_alone())
    site.agent().withdraws("work", "elsewhere")

    assert run.icon("work").doubt is not None
    assert run.icon("work").doubt.reason == "cancelled_elsewhere"


def test_nothing_can_be_decided_where_nothing_is_in_doubt(site: Site) -> None:
    run = site.start(_alone())
    site.operator.decide(run, "work", "ended")

    assert run.refusal == "there is nothing to decide about the icon /work; it is running"


# ---- icon types that ask or wait


def test_a_task_starts_its_jobnet_and_goes_on(site: Site) -> None:
    net = jobnet(
        "start -> v -> t -> end", v=sets(A="1", B="2"), t=icon("task", jobnet_id="OTHER", hand_over=["A", "NOPE"])
    )
    run = site.start(net)
    question: Any = run.asked[0]

    assert (question.jobnet_id, question.origin, question.user) == ("OTHER", "task", "kato")
    assert dict(question.variables) == {"A": "1"}
    assert question.occ.startswith("T:")
    assert run.waiting_for == ["/t waits for an answer"]

    run.answer(value="17")

    assert run.state == "ended"


def test_a_task_whose_jobnet_has_no_enabled_version_is_in_error(site: Site) -> None:
    run = site.start(jobnet("start -> t -> end", t=icon("task", jobnet_id="OTHER")))
    run.answer(ok=False, message='jobnet "OTHER" has no enabled version')

    assert run.state == "run_error"
    assert run.icon("t").message == 'jobnet "OTHER" has no enabled version'


def test_information_about_an_icon_is_the_number_of_its_state(site: Site) -> None:
    site.enable(jobnet("start -> work -> end", jobnet_id="SUB", work=job()))
    net = jobnet(
        "start -> mts -> s -> mte -> end\nmts -> i -> mte", s=sub("SUB"), i=icon("information", icon_path="s/work")
    )
    run = site.start(net)

    # The sub-jobnet's START is still on its way when the icon is asked about: it waits, number 0.
    assert run.icon("i").results["LAST_STATUS"] == "0"


def test_information_about_a_calendar_is_asked_for_today(site: Site) -> None:
    run = site.start(jobnet("start -> i -> end", i=icon("information", about="calendar", calendar_id="CAL")))
    question: Any = run.asked[0]

    assert (question.calendar_id, question.day) == ("CAL", "2026-11-23")

    run.answer(value="1")

    assert run.before("end")["LAST_STATUS"] == "1"


def test_release_lets_go_of_a_held_icon_of_the_same_jobnet(site: Site) -> None:
    net = jobnet(
        "start -> mts -> work -> mte -> end\nmts -> r -> mte",
        work=job(mark="hold"),
        r=icon("release", target="work"),
    )
    run = site.start(net)

    assert run.working() == ["/work"]
    assert run.icon("work").method == "normal"


def test_release_of_another_run_is_asked_for(site: Site) -> None:
    run = site.start(jobnet("start -> r -> end", r=icon("release", target="OTHER/work")))
    question: Any = run.asked[0]

    assert question.target == "OTHER/work"

    run.answer(ok=False, message="the icon OTHER/work is not held")

    assert run.state == "run_error"


def test_sleeping_ends_when_its_time_is_over(site: Site) -> None:
    run = site.start(jobnet("start -> x -> end", x=icon("extended_job", command="jacmdsleep", parameter="90")))

    assert run.waiting_for == ["/x waits until 2026-11-23 09:31:30+09:00"]

    site.clock.passes(seconds=89)

    assert run.state == "running"

    site.clock.passes(seconds=1)

    assert run.state == "ended"


def test_the_timer_of_an_earlier_attempt_does_not_end_a_later_sleep(site: Site) -> None:
    run = site.start(jobnet("start -> x -> end", x=icon("extended_job", command="jacmdsleep", parameter="90")))
    site.clock.passes(seconds=30)
    site.operator.stop(run, "x")

    assert run.icon("x").state == "run_error"

    first = dict(run.timers)
    site.operator.rerun(run, "x")
    run.timers = first
    site.clock.passes(seconds=60)

    assert run.icon("x").state == "running"
