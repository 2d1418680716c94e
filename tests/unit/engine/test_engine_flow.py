"""How control passes from icon to icon, and when a run ends."""

import pytest

from jaz_lite.model.event import Started
from tests.unit.engine.playing import Site, icon, job, jobnet, number_if, sets, sub


def test_a_run_of_start_job_and_end_ends_with_the_code_of_its_end(site: Site) -> None:
    run = site.start(jobnet("start -> load -> end", load=job("a1", "load.sh"), end=icon("end", exit_code="7")))

    assert run.state == "running"
    assert run.working() == ["/load"]

    site.agent("a1").ends("load")

    assert run.state == "ended"
    assert run.run.exit_code == 7
    assert run.states() == {"START": "ended", "load": "ended", "end": "ended"}


def test_a_run_waits_until_its_time_has_come(site: Site) -> None:
    run = site.create(jobnet("start -> end"), scheduled_ms=site.clock.now_ms + 60_000)
    run.send(Started())

    assert run.state == "waiting"
    assert run.waiting_for == ["waits for its start at 2026-11-23 09:31:00+09:00"]

    site.clock.passes(minutes=1)
    run.send(Started())

    assert run.state == "ended"


def test_parallel_branches_run_side_by_side_and_join(site: Site) -> None:
    net = jobnet(
        """start -> mts -> a -> mte -> end
           mts -> b -> mte""",
        a=job(),
        b=job(),
    )
    run = site.start(net)

    assert run.working() == ["/a", "/b"]

    site.agent().ends("a")

    assert run.icon("mte").state == "waiting"
    assert run.icon("mte").arrivals == 1

    site.agent().ends("b")

    assert run.state == "ended"


def test_a_join_sees_the_variables_of_all_branches_and_the_last_writer_wins(site: Site) -> None:
    net = jobnet(
        """start -> mts -> a -> va -> mte -> end
           mts -> b -> vb -> mte""",
        a=job(),
        b=job(),
        va=sets(A="1", BOTH="a"),
        vb=sets(B="2", BOTH="b"),
    )
    run = site.start(net)
    site.agent().ends("b")
    site.agent().ends("a")

    assert {name: run.before("end")[name] for name in ("A", "B", "BOTH")} == {"A": "1", "B": "2", "BOTH": "a"}


@pytest.mark.parametrize(("value", "taken", "left"), [("5", "yes", "no"), ("11", "no", "yes")])
def test_a_condition_takes_one_of_its_two_flows(site: Site, value: str, taken: str, left: str) -> None:
    net = jobnet(
        """start -> v -> if -true-> yes -> ife -> end
           if -false-> no -> ife""",
        v=sets(N=value),
        **{"if": number_if("N", "1-10")},
        yes=sets(X="yes"),
        no=sets(X="no"),
    )
    run = site.start(net)

    assert run.state == "ended"
    assert run.icon(taken).state == "ended"
    assert run.icon(left).state == "waiting"
    assert run.before("end")["X"] == taken


def test_a_loop_passes_its_icons_again_until_a_condition_lets_it_go(site: Site) -> None:
    net = jobnet(
        """start -> v -> loop -> plus -> work -> if -false-> loop
           if -true-> end""",
        v=sets(N="0"),
        plus=icon("calculation", formula="$N + 1", variable="N"),
        work=job(),
        **{"if": number_if("N", "3")},
    )
    run = site.start(net)
    for _ in range(3):
        site.agent().ends("work")

    assert run.state == "ended"
    assert run.icon("loop").visit == 3
    assert run.before("end")["N"] == "3"
    assert [order.key_path for order in run.sent] == ["/work#1", "/work#2", "/work#3"]


def test_a_loop_stops_in_error_at_its_limit(site: Site) -> None:
    net = jobnet(
        """start -> v -> loop -> if -false-> loop
           if -true-> end""",
        v=sets(N="0"),
        loop=icon("loop", loop_limit=4),
        **{"if": number_if("N", "1")},
    )
    run = site.start(net)

    assert run.state == "run_error"
    assert run.icon("loop").visit == 5
    assert run.icon("loop").message == "the loop limit of 4 passes is used up"


def test_a_loop_that_never_waits_takes_a_breath_and_can_be_stopped(site: Site) -> None:
    net = jobnet(
        """start -> v -> loop -> if -false-> loop
           if -true-> end""",
        v=sets(N="0"),
        **{"if": number_if("N", "1")},
    )
    run = site.start(net)

    assert run.state == "running"
    passes = run.icon("loop").visit
    assert passes > 100

    site.clock.passes(seconds=1)

    assert run.icon("loop").visit > passes
    assert any("goes on in a moment" in sentence for sentence in run.waiting_for)

    site.operator.stop(run)

    assert run.state == "end_error"


def test_a_sub_jobnet_gives_back_its_exit_code_and_nothing_else(site: Site) -> None:
    site.enable(jobnet("start -> v -> end", jobnet_id="SUB", v=sets(X="inner"), end=icon("end", exit_code="3")))
    run = site.start(jobnet("start -> v -> s -> end", v=sets(X="outer"), s=sub("SUB")))

    assert run.state == "ended"
    assert run.before("s/v")["X"] == "outer"
    assert run.before("end")["X"] == "outer"
    assert run.before("end")["JOB_EXIT_CD"] == "3"
    assert run.icon("s").exit_code == 3


def test_a_sub_jobnet_inside_a_loop_begins_afresh_each_time(site: Site) -> None:
    site.enable(jobnet("start -> work -> end", jobnet_id="SUB", work=job()))
    net = jobnet(
        """start -> v -> loop -> s -> plus -> if -false-> loop
           if -true-> end""",
        v=sets(N="0"),
        s=sub("SUB"),
        plus=icon("calculation", formula="$N + 1", variable="N"),
        **{"if": number_if("N", "2")},
    )
    run = site.start(net)
    site.agent().ends("s/work")
    site.agent().ends("s/work")

    assert run.state == "ended"
    assert [order.key_path for order in run.sent] == ["/s#1/work#1", "/s#2/work#1"]
    assert len({order.key for order in run.sent}) == 2


def test_an_error_in_a_sub_jobnet_shows_on_all_levels_and_goes_when_it_is_put_right(site: Site) -> None:
    site.enable(
        jobnet("start -> work -> end", jobnet_id="INNER", work=job(stop_codes="1-255")),
        jobnet("start -> deep -> end", jobnet_id="SUB", deep=sub("INNER")),
    )
    run = site.start(jobnet("start -> s -> end", s=sub("SUB")))
    site.agent().ends("s/deep/work", exit_code=1)

    assert run.state == "run_error"
    assert run.run.job_status == "error"
    assert (run.icon("s").state, run.icon("s/deep").state) == ("run_error", "run_error")

    site.operator.rerun(run, "s/deep/work")

    assert run.state == "running"
    assert run.run.job_status == "normal"
    assert (run.icon("s").state, run.icon("s/deep").state) == ("running", "running")

    site.agent().ends("s/deep/work")

    assert run.state == "ended"


def test_an_end_reached_while_a_job_runs_ends_the_run_at_once_and_stops_the_job(site: Site) -> None:
    run = site.start(jobnet("start -> mts -> end\nmts -> work -> end2", work=job(stop_script="kill it")))

    assert run.state == "end_error"
    assert [(kill.how, kill.key) for kill in run.kills] == [("stop", run.sent[0].key)]
    assert run.icon("work").state == "run_error"
    assert run.run.message == "the jobnet reached its END while other icons were not done"

    site.agent().ends("work")

    assert run.state == "end_error"
    assert run.icon("work").state == "run_error"


def test_two_ends_reached_are_a_structural_error(site: Site) -> None:
    run = site.start(jobnet("start -> mts -> end\nmts -> end2"))

    assert run.state == "end_error"
    assert run.run.message == "the jobnet reached 2 END icons"


def test_a_structural_error_inside_a_sub_jobnet_ends_the_whole_run(site: Site) -> None:
    site.enable(jobnet("start -> mts -> end\nmts -> end2", jobnet_id="SUB"))
    run = site.start(jobnet("start -> mts -> s -> mte -> end\nmts -> work -> mte", s=sub("SUB"), work=job()))

    assert run.state == "end_error"
    assert run.icon("s").state == "end_error"
    assert len(run.kills) == 1


def test_an_icon_without_a_flow_to_go_on_along_is_a_structural_error(site: Site) -> None:
    run = site.start(jobnet("start -> mts -> a\nmts -> b -> end", a=job(), b=job()))
    site.agent().ends("a")

    assert run.state == "end_error"
    assert run.icon("a").state == "end_error"
    assert run.run.message == "the icon /a has no flow to go on along"


def test_reaching_an_icon_that_still_works_is_a_structural_error(site: Site) -> None:
    net = jobnet("start -> mts -> a -> ife -> work -> end\nmts -> b -> ife", a=job(), b=job(), work=job())
    run = site.start(net)
    site.agent().ends("a")
    site.agent().ends("b")

    assert run.icon("ife").visit == 2
    assert run.state == "end_error"
    assert run.run.message == "the flow from /ife reaches /work, which is running"


def test_a_jobnet_without_exactly_one_start_ends_as_soon_as_it_starts(site: Site) -> None:
    run = site.start(jobnet("a -> end", a=job()))

    assert run.state == "end_error"
    assert "has not exactly one START" in run.run.message


def test_a_parallel_end_that_can_never_fill_is_explained(site: Site) -> None:
    net = jobnet(
        """start -> v -> if -true-> mte -> end
           if -false-> x -> mte""",
        v=sets(N="1"),
        x=sets(X="1"),
        **{"if": number_if("N", "1")},
    )
    run = site.start(net)

    assert run.state == "running"
    assert run.waiting_for[0] == (
        "/mte waits for 1 of its 2 flows, and nothing is left that could bring them; stop the run"
    )


@pytest.mark.parametrize(
    ("rule", "state", "load_status"),
    [("parallel", "ended", "normal"), ("skip", "ended", "skipped"), ("wait", "waiting", "delayed")],
)
def test_what_another_run_of_the_jobnet_means_is_said_by_its_multiple_start(
    site: Site, rule: str, state: str, load_status: str
) -> None:
    run = site.create(jobnet("start -> end", multiple_start=rule))
    run.send(Started(others=True))

    assert (run.state, run.run.load_status) == (state, load_status)
    assert run.icon("end").state == ("ended" if rule == "parallel" else "waiting")


def test_a_run_that_waits_for_another_starts_when_it_is_gone(site: Site) -> None:
    run = site.create(jobnet("start -> end", multiple_start="wait"))
    run.send(Started(others=True))
    before = run.run
    run.send(Started(others=True))

    assert run.run is before

    run.send(Started(others=False))

    assert run.state == "ended"
    assert run.run.load_status == "normal"


def test_a_test_run_takes_both_flows_and_runs_empty_scripts(site: Site) -> None:
    net = jobnet(
        """start -> v -> if -true-> a -> end
           if -false-> b -> end2""",
        v=sets(N="1"),
        a=job(script="rm -rf"),
        b=job(script="rm -rf"),
        **{"if": number_if("N", "1")},
    )
    run = site.start(net, origin="test")

    assert [order.spec["script"] for order in run.sent] == ["", ""]

    site.agent().ends("a")

    assert run.state == "running"

    site.agent().ends("b")

    assert run.state == "ended"


def test_a_test_run_turns_a_loop_once(site: Site) -> None:
    net = jobnet(
        """start -> v -> loop -> if -false-> loop
           if -true-> end""",
        v=sets(N="0"),
        **{"if": number_if("N", "1")},
    )
    run = site.start(net, origin="test")

    assert run.state == "ended"
    assert run.icon("loop").visit == 1


def test_a_hold_run_waits_at_its_start(site: Site) -> None:
    run = site.start(jobnet("start -> end"), origin="hold")

    assert (run.state, run.icon("start").state) == ("running", "ready")
    assert run.waiting_for == ["/START is held; release it to go on"]

    site.operator.release(run, "start")

    assert run.state == "ended"


def test_an_end_that_holds_keeps_the_jobnet_until_it_is_released(site: Site) -> None:
    run = site.start(jobnet("start -> end", end=icon("end", hold=True)))

    assert run.state == "running"

    site.operator.release(run, "end")

    assert run.state == "ended"
