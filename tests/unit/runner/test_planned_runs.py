"""Planned runs under the runner: they start at their time, once, in the right order, whatever happens on the way."""

import pytest

from jaz_lite.errors import Refused
from jaz_lite.model.event import DeleteRun, HoldRun, MoveRun, ReleaseRun, RerunRun, StopRun
from tests.unit.runner.site import Site, chained, job

MINUTE_S = 60
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS


def next_minute(site: Site, minutes: int = 1) -> int:
    """Return the beginning of the `minutes`-th minute from now."""
    return (site.clock.now_ms() // MINUTE_MS + minutes) * MINUTE_MS


def pass_until(site: Site, at_ms: int) -> None:
    site.pass_time((at_ms - site.clock.now_ms()) / 1000)


def test_a_planned_run_starts_at_its_time(site: Site) -> None:
    at_ms = next_minute(site, 5)
    run = site.plan(chained("NIGHT", job("load")), at_ms)
    assert site.turns.next_due_ms() == at_ms

    pass_until(site, at_ms - 1)
    assert site.run(run).state == "waiting"

    pass_until(site, at_ms)
    assert site.run(run).state == "running"
    assert site.run(run).started_ms == at_ms
    assert not site.run(run).late


def test_a_planned_run_survives_a_restart(site: Site) -> None:
    at_ms = next_minute(site)
    run = site.plan(chained("NIGHT", job("load")), at_ms, grace_min=3, deadline_ms=at_ms + HOUR_MS)
    planned = site.run(run)

    site.restart()
    assert site.run(run) == planned

    pass_until(site, at_ms)
    assert site.run(run).state == "running"


def test_a_server_that_was_down_over_the_minute_leaves_a_delayed_start_error(site: Site) -> None:
    at_ms = next_minute(site)
    run = site.plan(chained("NIGHT", job("load")), at_ms)
    site.clock.advance(10 * MINUTE_S)
    site.restart()
    site.settle()

    missed = site.run(run)
    assert missed.start_missed
    assert (missed.state, missed.job_status, missed.load_status) == ("run_error", "error", "delayed")
    assert "run_start_missed" in site.journal_kinds()


def test_a_missed_run_is_started_by_hand_past_multiple_start_up(site: Site) -> None:
    night = chained("NIGHT", job("load"), multiple_start="skip")
    first = site.start(night)
    missed = site.plan("NIGHT", next_minute(site, -5))
    assert site.run(missed).start_missed

    site.ask(missed, RerunRun)

    assert site.run(first).state == site.run(missed).state == "running"
    assert site.run(missed).late


def test_a_missed_run_does_not_keep_others_of_its_jobnet_from_starting(site: Site) -> None:
    site.plan(chained("NIGHT", job("load"), multiple_start="skip"), next_minute(site, -5))

    assert site.run(site.start("NIGHT")).state == "running"


def test_a_missed_run_can_be_stopped(site: Site) -> None:
    missed = site.plan(chained("NIGHT", job("load")), next_minute(site, -5))

    site.ask(missed, StopRun)

    assert site.run(missed).state == "end_error"


def test_of_several_missed_times_the_latest_runs(site: Site) -> None:
    site.define(chained("NIGHT", job("load")))
    times = [next_minute(site, minutes) for minutes in (1, 2, 3)]
    runs = [site.plan("NIGHT", at_ms, late_start="run_latest") for at_ms in times]
    site.clock.advance(20 * MINUTE_S)
    site.restart()
    site.settle()

    assert [site.run(run).state for run in runs] == ["ended", "ended", "running"]
    assert [site.run(run).load_status for run in runs] == ["skipped", "skipped", "normal"]
    assert site.run(runs[2]).late


def test_a_held_run_starts_when_it_is_released(site: Site) -> None:
    at_ms = next_minute(site)
    run = site.plan(chained("NIGHT", job("load")), at_ms)
    site.ask(run, HoldRun)
    site.pass_time(30 * MINUTE_S)
    assert site.run(run).state == "waiting"

    site.ask(run, ReleaseRun)

    assert site.run(run).state == "running"
    assert not site.run(run).late


def test_a_run_that_is_released_before_its_time_starts_at_its_time(site: Site) -> None:
    at_ms = next_minute(site)
    run = site.plan(chained("NIGHT", job("load")), at_ms)
    site.ask(run, HoldRun)
    site.ask(run, ReleaseRun)
    assert site.run(run).state == "waiting"

    pass_until(site, at_ms)

    assert site.run(run).state == "running"


def test_holding_a_run_survives_a_restart(site: Site) -> None:
    run = site.plan(chained("NIGHT", job("load")), next_minute(site))
    site.ask(run, HoldRun)
    site.restart()
    site.pass_time(10 * MINUTE_S)

    boot = site.run(run).boot
    assert boot is not None
    assert boot.held == "held"
    assert site.run(run).state == "waiting"


def test_a_released_run_that_is_moved_is_judged_by_its_new_time(site: Site) -> None:
    now_ms = site.clock.now_ms()
    run = site.plan(chained("LOAD"), now_ms + 60_000, late_start="error")
    site.ask(run, HoldRun)
    site.ask(run, ReleaseRun)
    site.ask(run, MoveRun, "", now_ms + 600_000)

    site.clock.advance(3_600)
    site.restart()
    site.settle()

    assert site.run(run).start_missed


def test_a_moved_run_starts_at_its_new_time_only(site: Site) -> None:
    at_ms, later_ms = next_minute(site, 5), next_minute(site, 9)
    run = site.plan(chained("NIGHT", job("load")), at_ms)
    site.ask(run, MoveRun, "", later_ms)

    pass_until(site, at_ms + 1)
    assert site.run(run).state == "waiting"

    pass_until(site, later_ms)
    assert site.run(run).started_ms == later_ms
    boot = site.run(run).boot
    assert boot is not None
    assert boot.nominal_ms == at_ms


def test_a_deleted_run_never_starts_and_keeps_its_record(site: Site) -> None:
    at_ms = next_minute(site)
    run = site.plan(chained("NIGHT", job("load")), at_ms)
    site.ask(run, DeleteRun)
    pass_until(site, at_ms)

    gone = site.run(run)
    assert (gone.state, gone.load_status, gone.message) == ("ended", "skipped", "deleted by op before its start")
    with pytest.raises(Refused, match="over"):
        site.ask(run, DeleteRun)


def test_a_run_that_goes_on_at_its_deadline_is_told_and_goes_on(site: Site) -> None:
    at_ms = next_minute(site)
    run = site.plan(chained("NIGHT", job("load")), at_ms, deadline_ms=at_ms + 30 * MINUTE_MS)
    pass_until(site, at_ms)
    pass_until(site, at_ms + 30 * MINUTE_MS)

    boot = site.run(run).boot
    assert boot is not None
    assert boot.deadline_missed
    assert site.run(run).state == "running"
    assert "run_deadline_missed" in site.journal_kinds()


def test_runs_that_wait_for_another_start_in_the_order_of_their_times(site: Site) -> None:
    agent = site.agents["a1"]
    agent.connect()
    night = chained("NIGHT", job("load"), multiple_start="wait")
    running = site.start(night)
    later = site.plan("NIGHT", next_minute(site, 2))
    earlier = site.plan("NIGHT", next_minute(site, 1))
    site.pass_time(MINUTE_S)
    site.pass_time(MINUTE_S)
    by_hand = site.start("NIGHT")
    assert [site.run(run).load_status for run in (later, earlier, by_hand)] == ["delayed"] * 3

    agent.ends("load")
    assert site.run(running).state == "ended"
    assert [site.run(run).state for run in (by_hand, earlier, later)] == ["running", "waiting", "waiting"]

    agent.ends("load")
    assert [site.run(run).state for run in (by_hand, earlier, later)] == ["ended", "running", "waiting"]


def test_the_end_of_another_run_does_not_wake_one_whose_time_has_not_come(site: Site) -> None:
    agent = site.agents["a1"]
    agent.connect()
    site.start(chained("NIGHT", job("load"), multiple_start="wait"))
    planned = site.plan("NIGHT", next_minute(site, 30))

    agent.ends("load")

    assert site.run(planned).state == "waiting"


def test_a_held_run_keeps_no_other_waiting(site: Site) -> None:
    agent = site.agents["a1"]
    agent.connect()
    site.start(chained("NIGHT", job("load"), multiple_start="wait"))
    held = site.plan("NIGHT", next_minute(site, 1))
    site.pass_time(MINUTE_S)
    site.ask(held, HoldRun)
    other = site.plan("NIGHT", next_minute(site, 1))
    site.pass_time(MINUTE_S)

    agent.ends("load")

    assert [site.run(run).state for run in (held, other)] == ["waiting", "running"]


def test_a_full_disk_puts_a_start_off_and_does_not_lose_it(site: Site) -> None:
    at_ms = next_minute(site)
    run = site.plan(chained("NIGHT", job("load")), at_ms, grace_min=5)
    site.turns.disk_full = True
    pass_until(site, at_ms)
    site.pass_time(2 * MINUTE_S)
    assert site.run(run).state == "waiting"

    site.turns.room_again()
    site.pass_time(10)

    assert site.run(run).state == "running"
    assert site.run(run).late


def test_a_clock_that_is_set_back_loses_no_start(site: Site) -> None:
    at_ms = next_minute(site, 5)
    held = site.plan(chained("NIGHT", job("load")), at_ms)
    site.ask(held, HoldRun)
    pass_until(site, at_ms + 1)
    site.clock.set_wall(site.clock.now_ms() - 3 * MINUTE_MS)
    site.ask(held, ReleaseRun)
    assert site.run(held).state == "waiting"

    pass_until(site, at_ms)

    assert site.run(held).state == "running"


def test_a_run_whose_turn_it_is_before_its_time_because_the_clock_was_set_back_starts_at_its_time(site: Site) -> None:
    agent = site.agents["a1"]
    agent.connect()
    at_ms = next_minute(site, 5)
    site.start(chained("NIGHT", job("load"), multiple_start="wait"))
    waits = site.plan("NIGHT", at_ms)
    pass_until(site, at_ms)
    assert site.run(waits).load_status == "delayed"

    site.clock.set_wall(site.clock.now_ms() - 3 * MINUTE_MS)
    agent.ends("load")
    assert site.run(waits).state == "waiting"

    pass_until(site, at_ms)
    assert site.run(waits).state == "running"


def test_a_turn_that_a_full_disk_undid_loses_no_start(site: Site) -> None:
    at_ms = next_minute(site)
    run = site.plan(chained("NIGHT", job("load")), at_ms)
    site.clock.advance((at_ms - site.clock.now_ms()) / 1000)
    turn = site.turns.prepare()
    assert turn is not None
    turn.tx.rollback()
    site.turns.take_back()
    site.settle()
    assert site.run(run).state == "waiting"

    site.turns.room_again()
    site.pass_time(5)

    assert site.run(run).state == "running"
    assert not site.run(run).late
