"""The start of planned runs: in time, late, missed, held, moved, deleted. The clock stands at 09:30:00."""

from typing import Any

import pytest

from jaz_lite.model import event as happened
from tests.unit.engine.playing import Playing, Site, job, jobnet

MINUTE_MS = 60_000
POLICIES = ("error", "skip", "run_all", "run_latest")


def net(**fields: Any) -> Any:
    return jobnet("start -> load -> end", load=job("a1"), **fields)


def outcome(run: Playing) -> tuple[str, str, bool]:
    return run.run.state, run.run.load_status, run.run.late


MISSED = ("run_error", "delayed", False)
SKIPPED = ("ended", "skipped", False)
IN_TIME = ("running", "normal", False)
LATE = ("running", "normal", True)


# ---- lateness


@pytest.mark.parametrize("late_start", POLICIES)
@pytest.mark.parametrize("seconds", [0, 1, 59.999])
def test_within_its_minute_a_run_starts_whatever_the_policy(site: Site, late_start: str, seconds: float) -> None:
    run = site.plan(net(), in_min=10, late_start=late_start)
    site.clock.jumps(minutes=10, seconds=seconds)

    assert outcome(run) == IN_TIME
    assert "run_started_late" not in run.told()


@pytest.mark.parametrize("late_start", POLICIES)
@pytest.mark.parametrize("seconds", [60, 61, 5 * 60, 5 * 60 + 59.999])
def test_within_the_grace_a_run_starts_late_whatever_the_policy(site: Site, late_start: str, seconds: float) -> None:
    run = site.plan(net(), in_min=10, late_start=late_start, grace_min=5)
    site.clock.jumps(minutes=10, seconds=seconds)

    assert outcome(run) == LATE
    assert run.fact("run_started_late").data["late_s"] == int(seconds)


@pytest.mark.parametrize(
    ("late_start", "superseded", "expected"),
    [
        ("error", False, MISSED),
        ("error", True, MISSED),
        ("skip", False, SKIPPED),
        ("run_all", True, LATE),
        ("run_latest", False, LATE),
        ("run_latest", True, SKIPPED),
    ],
)
@pytest.mark.parametrize("grace_min", [0, 5])
def test_beyond_the_grace_the_policy_decides(
    site: Site, late_start: str, superseded: bool, expected: tuple[str, str, bool], grace_min: int
) -> None:
    run = site.plan(net(), in_min=10, late_start=late_start, grace_min=grace_min)
    site.clock.now = site.clock.now.replace(minute=41 + grace_min)
    run.send(happened.Started(superseded=superseded))

    assert outcome(run) == expected


def test_before_its_time_nothing_starts_a_run(site: Site) -> None:
    run = site.plan(net(), in_min=10)
    site.clock.now = site.clock.now.replace(minute=39, second=59)
    made = run.send(happened.Started())

    assert run.state == "waiting"
    assert not made.facts


def test_a_delayed_start_error_says_which_time_was_missed(site: Site) -> None:
    run = site.plan(net(), in_min=10, grace_min=5)
    site.clock.jumps(hours=1)

    assert run.run.start_missed
    assert run.run.job_status == "error"
    assert run.run.message == "its time 2026-11-23 09:40:00+09:00 was missed by more than 5 min, so it was not started"
    assert (run.fact("run_start_missed").severity, run.fact("run_start_missed").jaz_code) == ("error", "JC90000001")
    assert run.working() == []


def test_a_skipped_start_says_that_a_later_one_is_due(site: Site) -> None:
    run = site.plan(net(), in_min=10, late_start="run_latest")
    site.clock.now = site.clock.now.replace(hour=11)
    run.send(happened.Started(superseded=True))

    assert run.run.message == (
        "its time 2026-11-23 09:40:00+09:00 was missed, so it was not started, and a later one is due, too"
    )
    assert run.fact("run_not_started").severity == "warning"
    assert run.run.ended_ms == site.clock.now_ms


def test_a_run_without_a_plan_is_never_late(site: Site) -> None:
    run = site.create(net(), scheduled_ms=site.clock.now_ms - 3_600_000)
    run.send(happened.Started())

    assert outcome(run) == IN_TIME


# ---- multiple start-up


def test_a_run_that_waited_for_another_starts_however_late(site: Site) -> None:
    run = site.plan(net(multiple_start="wait"), in_min=10)
    site.clock.now = site.clock.now.replace(minute=40)
    run.send(happened.Started(others=True))
    assert outcome(run) == ("waiting", "delayed", False)

    site.clock.jumps(hours=5)
    run.send(happened.Started())

    assert outcome(run) == IN_TIME


def test_a_late_run_that_has_to_wait_for_another_is_told_late_when_it_starts(site: Site) -> None:
    run = site.plan(net(multiple_start="wait"), in_min=10, grace_min=5)
    site.clock.now = site.clock.now.replace(minute=42)
    run.send(happened.Started(others=True))
    assert "run_started_late" not in run.told()

    site.clock.jumps(hours=1)
    run.send(happened.Started())

    assert outcome(run) == LATE
    assert run.fact("run_started_late").data["late_s"] == 62 * 60


def test_a_late_run_is_skipped_while_another_runs_if_the_jobnet_says_so(site: Site) -> None:
    run = site.plan(net(multiple_start="skip"), in_min=10, late_start="run_all")
    site.clock.now = site.clock.now.replace(hour=11)
    run.send(happened.Started(others=True))

    assert (run.run.state, run.run.load_status) == ("ended", "skipped")
    assert "another run" in run.run.message


# ---- people


def test_a_held_run_waits_whatever_the_time_and_starts_when_released(site: Site) -> None:
    run = site.plan(net(), in_min=10)
    site.operator.hold_run(run)
    site.clock.jumps(days=3)
    assert run.state == "waiting"

    site.operator.release_run(run)
    site.clock.passes()

    assert outcome(run) == IN_TIME
    assert run.told()[:2] == ["run_held", "run_released"]


def test_a_run_released_before_its_time_starts_at_its_time(site: Site) -> None:
    run = site.plan(net(), in_min=10)
    site.operator.hold_run(run)
    site.operator.release_run(run)
    site.clock.passes(minutes=9)
    assert run.state == "waiting"

    site.clock.passes(minutes=1)

    assert outcome(run) == IN_TIME


def test_a_released_run_still_heeds_multiple_start_up(site: Site) -> None:
    run = site.plan(net(multiple_start="wait"), in_min=10)
    site.operator.hold_run(run)
    site.clock.jumps(hours=1)
    site.operator.release_run(run)
    run.send(happened.Started(others=True))

    assert outcome(run) == ("waiting", "delayed", False)


def test_a_moved_run_is_judged_by_its_new_time(site: Site) -> None:
    run = site.plan(net(), in_min=10)
    site.operator.move(run, site.clock.now_ms + 60 * MINUTE_MS)
    site.clock.passes(minutes=59)
    assert run.state == "waiting"

    site.clock.jumps(minutes=3)

    assert outcome(run) == MISSED
    assert "10:30:00" in run.run.message
    assert run.run.boot is not None
    assert run.run.boot.nominal_ms == run.run.scheduled_ms - 50 * MINUTE_MS  # type: ignore[operator]


def test_a_run_that_waits_for_another_can_be_moved(site: Site) -> None:
    run = site.plan(net(multiple_start="wait"), in_min=10)
    site.clock.now = site.clock.now.replace(minute=40)
    run.send(happened.Started(others=True))

    site.operator.move(run, site.clock.now_ms + 30 * MINUTE_MS)
    run.send(happened.Started())
    assert outcome(run) == ("waiting", "normal", False)

    site.clock.passes(minutes=30)
    assert outcome(run) == IN_TIME


def test_a_deleted_run_is_over_and_says_by_whom(site: Site) -> None:
    run = site.plan(net(), in_min=10)
    site.operator.delete_run(run)
    site.clock.passes(hours=1)

    assert outcome(run) == SKIPPED
    assert run.run.message == "deleted by kato before its start"
    assert run.fact("run_deleted").severity == "info"


def test_a_stopped_planned_run_never_starts(site: Site) -> None:
    run = site.plan(net(), in_min=10)
    site.operator.stop(run)
    site.clock.passes(hours=1)

    assert (run.run.state, run.run.message) == ("end_error", "stopped by kato")
    assert run.run.started_ms == run.run.ended_ms


def test_a_missed_run_is_run_again_at_once_past_multiple_start_up(site: Site) -> None:
    run = site.plan(net(multiple_start="skip"), in_min=10)
    site.clock.jumps(hours=1)
    site.operator.rerun_run(run)

    assert outcome(run) == LATE
    assert (run.run.job_status, run.run.message) == ("normal", "")
    site.agent().ends("load")
    assert run.state == "ended"


def test_a_missed_run_can_be_stopped_for_good(site: Site) -> None:
    run = site.plan(net(), in_min=10)
    site.clock.jumps(hours=1)
    site.operator.stop(run)

    assert run.state == "end_error"
    assert run.run.started_ms == run.run.ended_ms == site.clock.now_ms


@pytest.mark.parametrize(
    ("ask", "sentence"),
    [
        ("hold_run", "rerun or stop it"),
        ("release_run", "rerun or stop it"),
        ("delete_run", "rerun or stop it"),
    ],
)
def test_of_a_missed_run_only_rerun_and_stop_can_be_asked(site: Site, ask: str, sentence: str) -> None:
    run = site.plan(net(), in_min=10)
    site.clock.jumps(hours=1)
    getattr(site.operator, ask)(run)

    assert run.refusal is not None
    assert sentence in run.refusal


@pytest.mark.parametrize("ask", ["hold_run", "release_run", "delete_run", "rerun_run"])
def test_nothing_of_a_plan_can_be_asked_once_a_run_has_started(site: Site, ask: str) -> None:
    run = site.plan(net(), in_min=10)
    site.clock.passes(minutes=10)
    getattr(site.operator, ask)(run)

    assert run.refusal is not None
    assert "running" in run.refusal


def test_a_run_that_nobody_planned_cannot_be_held_as_a_whole(site: Site) -> None:
    run = site.create(net(multiple_start="wait"))
    run.send(happened.Started(others=True))
    site.operator.hold_run(run)

    assert run.refusal == "the run was not planned for a time; only an icon of it can be held"


def test_holding_twice_and_releasing_what_is_not_held_is_refused(site: Site) -> None:
    run = site.plan(net(), in_min=10)
    site.operator.release_run(run)
    assert run.refusal == "the run is not held; it is waiting"

    site.operator.hold_run(run)
    site.operator.hold_run(run)
    assert run.refusal == "the run is held already"


# ---- deadline


def test_at_its_deadline_a_run_that_goes_on_is_told_once_and_goes_on(site: Site) -> None:
    run = site.plan(net(), in_min=10, deadline_ms=site.clock.now_ms + 40 * MINUTE_MS)
    site.clock.passes(minutes=41)

    assert run.run.boot is not None
    assert run.run.boot.deadline_missed
    assert run.fact("run_deadline_missed").severity == "warning"
    assert run.fact("run_deadline_missed").data == {"deadline_at": "2026-11-23 10:10:00+09:00", "state": "running"}
    assert run.state == "running"

    run.send(happened.TimerFired(None, "deadline", run.run.boot.deadline_ms or 0))
    assert run.told().count("run_deadline_missed") == 1


@pytest.mark.parametrize("state", ["waiting", "run_error"])
def test_the_deadline_also_counts_for_a_run_that_did_not_start(site: Site, state: str) -> None:
    run = site.plan(net(), in_min=10, deadline_ms=site.clock.now_ms + 40 * MINUTE_MS)
    if state == "waiting":
        site.operator.hold_run(run)
    site.clock.jumps(hours=1)

    assert run.state == state
    assert "run_deadline_missed" in run.told()


def test_a_run_that_is_over_in_time_misses_no_deadline(site: Site) -> None:
    run = site.plan(net(), in_min=10, deadline_ms=site.clock.now_ms + 40 * MINUTE_MS)
    site.clock.passes(minutes=10)
    site.agent().ends("load")
    site.clock.passes(hours=1)

    assert run.run.boot is not None
    assert not run.run.boot.deadline_missed
