"""What people may ask of a run, and the sentence they get when they may not."""

import pytest

from jaz_lite.model.event import HoldIcon, Started
from tests.unit.engine.playing import Site, icon, job, jobnet, sets, sub


def test_a_held_icon_waits_until_it_is_released(site: Site) -> None:
    run = site.start(jobnet("start -> a -> b -> end", a=job(), b=job()))
    site.operator.hold(run, "b")
    site.agent().ends("a")

    assert run.icon("b").state == "ready"
    assert run.waiting_for == ["/b is held; release it to go on"]

    site.operator.release(run, "b")

    assert run.working() == ["/b"]


def test_a_skipped_icon_passes_its_variables_on_and_sets_none(site: Site) -> None:
    run = site.start(jobnet("start -> v -> a -> b -> end", v=sets(X="1"), a=job(), b=job()))
    site.operator.skip(run, "b")
    site.agent().ends("a", out="from a")

    assert run.state == "ended"
    assert run.told("b") == ["icon_skip_asked", "icon_skipped"]
    assert (run.before("end")["X"], run.before("end")["STD_OUT"]) == ("1", "from a")


def test_a_skip_can_be_taken_back_before_the_icon_is_reached(site: Site) -> None:
    run = site.start(jobnet("start -> a -> b -> end", a=job(), b=job()))
    site.operator.skip(run, "b")
    site.operator.unskip(run, "b")
    site.agent().ends("a")

    assert run.working() == ["/b"]


def test_a_design_time_skip_counts_in_every_pass(site: Site) -> None:
    run = site.start(jobnet("start -> a -> end", a=job(mark="skip")))

    assert run.state == "ended"
    assert run.icon("a").method == "skip"


def test_an_icon_in_error_can_be_skipped(site: Site) -> None:
    run = site.start(jobnet("start -> a -> end", a=job(stop_codes="1")))
    site.agent().ends("a", exit_code=1)
    site.operator.skip(run, "a")

    assert run.state == "ended"


def test_a_held_icon_can_be_skipped_instead(site: Site) -> None:
    run = site.start(jobnet("start -> a -> end", a=job(mark="hold")))
    site.operator.skip(run, "a")

    assert run.state == "ended"


def test_a_mark_that_skips_what_cannot_be_skipped_is_an_error_when_it_is_reached(site: Site) -> None:
    run = site.start(jobnet("start -> mts -> a -> end", mts=icon("parallel_start", mark="skip"), a=job()))

    assert run.state == "run_error"
    assert run.icon("mts").message == "a parallel_start icon cannot be skipped"


def test_stopping_a_job_asks_the_agent_and_waits_for_its_result(site: Site) -> None:
    run = site.start(jobnet("start -> a -> end", a=job(stop_script="halt")))
    site.operator.stop(run, "a")

    assert run.icon("a").state == "stopping"
    assert [(kill.key, kill.how) for kill in run.kills] == [(run.sent[0].key, "stop")]
    assert run.waiting_for == ["/a is being stopped on a1"]

    site.agent().ends("a", exit_code=0)

    assert run.state == "run_error"
    assert run.icon("a").message == "Aborted the job"
    assert run.fact("icon_failed").severity == "info"


def test_a_stopped_job_that_had_not_started_is_withdrawn(site: Site) -> None:
    run = site.start(jobnet("start -> a -> end", a=job()))
    site.operator.stop(run, "a")
    site.agent().withdraws("a")

    assert run.state == "run_error"


def test_a_job_that_does_not_answer_its_stop_can_be_abandoned(site: Site) -> None:
    run = site.start(jobnet("start -> a -> end", a=job()))
    site.operator.stop(run, "a")
    site.operator.decide(run, "a", "abandon")

    assert run.state == "run_error"
    assert run.abandoned == [run.sent[0].key]


def test_stopping_a_run_stops_its_jobs_and_ends_when_nothing_works_any_more(site: Site) -> None:
    site.enable(jobnet("start -> work -> end", jobnet_id="SUB", work=job()))
    net = jobnet(
        """start -> mts -> a -> mte -> end
           mts -> s -> mte
           mts -> held -> mte
           mts -> x -> mte""",
        a=job(),
        s=sub("SUB"),
        held=job(mark="hold"),
        x=icon("extended_job", command="jacmdsleep", parameter="90"),
    )
    run = site.start(net)
    site.operator.stop(run)

    assert run.state == "running"
    assert run.run.stopping
    assert len(run.kills) == 2
    assert run.icon("held").state == "waiting"
    assert run.icon("x").state == "run_error"

    site.agent().ends("a", exit_code=None, signal=15)

    assert run.state == "running"

    site.agent().ends("s/work", exit_code=None, signal=15)

    assert run.state == "end_error"
    assert (run.icon("s").state, run.icon("s/work").state) == ("end_error", "run_error")
    assert run.run.message == "stopped by kato"
    assert run.fact("run_stopped").severity == "info"


def test_stopping_a_run_does_not_wait_for_jobs_whose_fate_is_not_known(site: Site) -> None:
    run = site.start(jobnet("start -> mts -> a -> mte -> end\nmts -> b -> mte", a=job(), b=job()))
    site.agent().loses("a")
    site.operator.stop(run)

    assert run.state == "running"

    site.agent().loses("b")

    assert run.state == "end_error"
    assert len(run.abandoned) == 2


def test_a_run_whose_agent_never_answers_can_be_ended_all_the_same(site: Site) -> None:
    run = site.start(jobnet("start -> a -> end", a=job()))
    site.operator.stop(run)
    site.operator.stop(run)

    assert run.refusal == "the run is being stopped already; an icon that does not answer can be abandoned"

    site.operator.decide(run, "a", "abandon")

    assert run.state == "end_error"


def test_a_run_that_has_not_started_is_over_as_soon_as_it_is_stopped(site: Site) -> None:
    run = site.create(jobnet("start -> end"))
    site.operator.stop(run)

    assert run.state == "end_error"
    assert run.run.started_ms == run.run.ended_ms == site.clock.now_ms

    run.send(Started())

    assert run.state == "end_error"


def test_the_scheduled_time_can_be_moved_until_the_run_starts(site: Site) -> None:
    later = site.clock.now_ms + 3_600_000
    run = site.create(jobnet("start -> end"), scheduled_ms=site.clock.now_ms + 60_000)
    site.operator.move(run, later)

    assert run.run.scheduled_ms == later

    site.clock.passes(minutes=1)
    run.send(Started())

    assert run.state == "waiting"

    site.operator.move(run, site.clock.now_ms)

    assert run.refusal == "the new time of the run is not in the future"

    site.clock.passes(hours=1)
    run.send(Started())
    site.operator.move(run, later)

    assert run.refusal == "the run has ended as ended; nothing can be asked of it any more"


def test_a_variable_of_an_icon_in_error_can_be_changed_before_it_is_run_again(site: Site) -> None:
    work = job(stop_codes="1", variables=[{"name": "MODE", "value": "fast"}, {"name": "IN", "value": "$FILE"}])
    run = site.start(jobnet("start -> v -> a -> end", v=sets(FILE="bad"), a=work))
    site.agent().ends("a", exit_code=1)
    site.operator.set(run, "a", "FILE", "good")
    site.operator.set(run, "a", "MODE", "slow")
    site.operator.rerun(run, "a")

    assert run.order("a").spec["env"] == {"MODE": "slow", "IN": "good"}

    site.operator.set(run, "a", "FILE", "x")

    assert run.refusal is not None


def test_no_new_variable_can_be_added(site: Site) -> None:
    run = site.start(jobnet("start -> a -> end", a=job(mark="hold")))
    site.operator.set(run, "a", "NEW", "1")

    assert run.refusal == "the icon /a has no variable NEW; new names cannot be added"


def test_a_changed_variable_may_be_as_long_as_in_jaz(site: Site) -> None:
    run = site.start(jobnet("start -> v -> a -> end", v=sets(X="1"), a=job(mark="hold")))
    site.operator.set(run, "a", "X", "y" * 4000)

    assert run.refusal is None

    site.operator.set(run, "a", "X", "y" * 4001)

    assert run.refusal == "the value is longer than 4000 characters"


@pytest.mark.parametrize(
    ("verb", "path", "sentence"),
    [
        ("hold", "start", "the icon /START is the start; it cannot be held"),
        ("hold", "a", "the icon /a is running; only an icon that has not been reached yet can be held"),
        ("hold", "held", "the icon /held is held already"),
        ("release", "b", "the icon /b is not held; it is waiting"),
        ("skip", "end", "the icon /end is of the type end, which cannot be skipped"),
        ("skip", "a", "the icon /a is running; only an icon that waits, is ready or is in error can be skipped"),
        ("skip", "skipped", "the icon /skipped is marked to be skipped already"),
        ("unskip", "b", "the icon /b is not marked to be skipped"),
        ("stop", "b", "the icon /b is waiting; only an icon that is running can be stopped"),
        ("stop", "v", "the icon /v is of the type variable, which cannot be stopped"),
        ("rerun", "b", "the icon /b is waiting; only an icon in error can be run again"),
        ("rerun", "v", "the icon /v is of the type variable, which cannot be run again"),
    ],
)
def test_what_cannot_be_done_is_refused_with_one_sentence_and_changes_nothing(
    site: Site, verb: str, path: str, sentence: str
) -> None:
    net = jobnet(
        "start -> v -> a -> b -> held -> skipped -> end",
        v=sets(X="1"),
        a=job(),
        b=job(),
        held=job(mark="hold"),
        skipped=job(mark="skip"),
    )
    run = site.start(net)
    before = run.run
    getattr(site.operator, verb)(run, path)

    assert run.refusal == sentence
    assert run.run is before


def test_nothing_can_be_asked_of_an_icon_that_is_not_there(site: Site) -> None:
    run = site.start(jobnet("start -> a -> end", a=job()))
    run.send(HoldIcon("kato", 99))

    assert run.refusal == "the run has no icon number 99"


# ---- time limits of the whole run


def test_a_run_over_its_time_limit_is_marked(site: Site) -> None:
    run = site.start(jobnet("start -> a -> end", a=job(), timeout_min=5))
    site.clock.passes(minutes=5)

    assert run.run.timed_out
    assert run.state == "running"
    assert run.fact("run_timed_out").jaz_code == "JC00000008"

    site.agent().ends("a")

    assert (run.state, run.run.job_status) == ("ended", "normal")


def test_a_run_over_its_time_limit_may_be_stopped(site: Site) -> None:
    run = site.start(jobnet("start -> a -> end", a=job(), timeout_min=5, timeout_action="stop"))
    site.clock.passes(minutes=5)

    assert len(run.kills) == 1

    site.agent().ends("a", exit_code=None, signal=15)

    assert run.state == "end_error"
    assert run.run.message == "stopped by its time limit"
    assert run.fact("run_stopped").severity == "warning"


def test_the_time_limit_of_a_run_that_is_over_changes_nothing(site: Site) -> None:
    run = site.start(jobnet("start -> a -> end", a=job(), timeout_min=5))
    site.agent().ends("a")
    before = run.run
    site.clock.passes(minutes=10)

    assert run.run is before
