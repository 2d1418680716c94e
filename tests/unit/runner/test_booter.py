"""The booter: the times of schedules become runs, each once, whatever happens on the way."""

from dataclasses import replace

import pytest

from jaz_lite.model.schedule import BootTime, ScheduledJobnet
from tests.unit.runner.scheduling import (
    EVERY_DAY,
    HOUR_MS,
    disable,
    down_until,
    enable,
    instant,
    newer,
    runs,
    schedule,
    time_is,
    told,
)
from tests.unit.runner.site import Site


def test_an_enabled_schedule_starts_its_jobnets_at_its_times(site: Site) -> None:
    schedule(site, "NIGHTLY", "0900", "2530")

    time_is(site, "2023-11-16 09:00")

    assert runs(site) == {"15 09:00": "started", "16 01:30": "started", "16 09:00": "started"}
    with site.store.snapshot() as view:
        started = [row.started_ms for row in view.runs.list()]
    assert started == [instant("2023-11-16 09:00"), instant("2023-11-16 01:30"), instant("09:00")]


def test_times_are_planned_as_far_ahead_as_the_load_span(site: Site) -> None:
    schedule(site, "NIGHTLY", "0900", "0901")

    time_is(site, "07:59:59")
    assert runs(site) == {}

    time_is(site, "08:00")
    assert runs(site) == {"15 09:00": "planned"}


def test_nothing_is_wanted_before_the_next_time_is_to_be_planned(site: Site) -> None:
    schedule(site, "NIGHTLY", "0900")

    assert site.turns.next_due_ms() == instant("08:00")


def test_a_site_without_schedules_wants_nothing(site: Site) -> None:
    site.settle()

    assert site.turns.next_due_ms() is None


def test_a_load_span_that_is_changed_holds_at_once(site: Site) -> None:
    schedule(site, "NIGHTLY", every_min=60)
    with site.store.transaction() as tx:
        tx.settings.set("load_span_min", 180)
    site.settle()
    assert runs(site) == {"15 08:00": "planned", "15 09:00": "planned", "15 10:00": "planned"}

    with site.store.transaction() as tx:
        tx.settings.set("load_span_min", 1)
    time_is(site, "10:59")
    assert runs(site)["15 11:00"] == "planned"
    assert "15 12:00" not in runs(site)


def test_a_run_knows_what_its_schedule_asks_for(site: Site) -> None:
    made = schedule(site, "NIGHTLY", late_start="skip", grace_min=7, end_within_min=30, owner="ann")
    enable(site, newer(made, boot_times=(BootTime(days_id="EVERY_DAY", at="0800"),)))

    run = next(iter(site.turns.live))

    assert run.boot is not None
    assert (run.boot.schedule_id, run.boot.nominal_ms, run.scheduled_ms) == (
        "NIGHTLY",
        instant("08:00"),
        instant("08:00"),
    )
    assert (run.boot.late_start, run.boot.grace_min, run.boot.deadline_ms) == ("skip", 7, instant("08:30"))
    assert (run.origin, run.user, run.occ) == ("schedule", "ann", f"S:NIGHTLY:LOAD:{instant('08:00') // 1000}")


def test_each_jobnet_of_a_schedule_gets_its_own_variables(site: Site) -> None:
    from jaz_lite.model.assignment import Assignment

    made = schedule(site, "NIGHTLY", jobnets=("LOAD", "SEND"))
    jobnets = (
        ScheduledJobnet(jobnet_id="LOAD", variables=(Assignment(name="MODE", value="full"),)),
        ScheduledJobnet(jobnet_id="SEND"),
    )
    enable(site, newer(made, jobnets=jobnets, boot_times=(BootTime(days_id="EVERY_DAY", at="0800"),)))

    assert {run.jobnet.jobnet_id: dict(run.start_variables) for run in site.turns.live} == {
        "LOAD": {"MODE": "full"},
        "SEND": {},
    }


def test_two_schedules_at_one_time_start_two_runs(site: Site) -> None:
    schedule(site, "NIGHTLY", "0900")
    schedule(site, "OTHER", "0900")

    time_is(site, "09:00")

    assert (runs(site), runs(site, "OTHER")) == ({"15 09:00": "started"}, {"15 09:00": "started"})


# ---- definitions change


def test_a_schedule_that_is_enabled_counts_from_that_moment(site: Site) -> None:
    schedule(site, "NIGHTLY", "0700", "0800")

    time_is(site, "08:00")

    assert runs(site) == {"15 08:00": "started"}


def test_what_was_planned_stays_when_a_schedule_is_disabled(site: Site) -> None:
    schedule(site, "NIGHTLY", "0800", "0900")
    disable(site, "schedule", "NIGHTLY")

    time_is(site, "09:30")

    assert runs(site) == {"15 08:00": "started"}


def test_a_new_version_of_a_schedule_holds_for_the_planned_hour_as_well(site: Site) -> None:
    made = schedule(site, "NIGHTLY", "0800")

    enable(site, newer(made, boot_times=tuple(BootTime(days_id="EVERY_DAY", at=at) for at in ("0730", "0800", "0700"))))

    assert runs(site) == {"15 07:30": "planned", "15 08:00": "planned"}


def test_a_schedule_of_once_a_year_that_becomes_daily_has_missed_nothing(site: Site) -> None:
    made = schedule(site, "NIGHTLY", calendar=replace(EVERY_DAY, rule=None, days=("2024-11-01",)))
    site.pass_time(30 * 86_400)

    enable(site, EVERY_DAY, newer(made, boot_times=(BootTime(days_id="EVERY_DAY", at="0700"),)))

    assert runs(site) == {}
    time_is(site, "2023-12-16 07:00")
    assert runs(site) == {"16 07:00": "started"}


def test_a_calendar_that_changes_is_looked_at_at_once(site: Site) -> None:
    schedule(site, "NIGHTLY", "0800", calendar=replace(EVERY_DAY, rule=None))
    assert runs(site) == {}

    enable(site, newer(EVERY_DAY))

    assert runs(site) == {"15 08:00": "planned"}


def test_a_schedule_whose_calendar_is_gone_is_told_once_and_starts_again_with_it(site: Site) -> None:
    schedule(site, "NIGHTLY", "0800", calendar=None)
    schedule(site, "OTHER", "2300", calendar=None)
    site.pass_time(60)

    assert [line["message"] for line in told(site, "schedule_broken") if line["schedule"] == "NIGHTLY"] == [
        'calendar "EVERY_DAY" has no enabled version'
    ]

    enable(site, EVERY_DAY)
    time_is(site, "08:00")
    assert runs(site) == {"15 08:00": "started"}


def test_a_jobnet_without_an_enabled_version_is_a_load_error_and_the_schedule_goes_on(site: Site) -> None:
    schedule(site, "NIGHTLY", "0800", "1100")
    disable(site, "jobnet", "LOAD")
    time_is(site, "10:00")

    assert runs(site) == {"15 08:00": "started", "15 11:00": "load error"}


def test_a_schedule_that_cannot_be_read_holds_up_no_other(site: Site) -> None:
    with site.store.transaction() as tx:
        tx.definitions.put("schedule", {"schedule_id": "BAD", "version": "1", "late_start": 7}, by="t", at_ms=1)
        tx.definitions.enable("schedule", "BAD", "1")

    schedule(site, "NIGHTLY", "0800")

    assert runs(site) == {"15 08:00": "planned"}
    assert [line["schedule"] for line in told(site, "schedule_broken")] == ["BAD"]


# ---- crashes and restarts


def test_a_turn_that_was_not_committed_planned_nothing(site: Site) -> None:
    schedule(site, "NIGHTLY", "0900")
    site.clock.advance((instant("08:00") - site.clock.now_ms()) / 1000)
    turn = site.turns.prepare()
    assert turn is not None
    assert len(turn._staged) == 1
    turn.tx.rollback()

    site.restart()
    site.settle()

    assert runs(site) == {"15 09:00": "planned"}


@pytest.mark.parametrize("at", ["08:00", "08:59:59", "09:00", "09:00:59"])
def test_a_restart_within_the_minute_starts_what_was_planned(site: Site, at: str) -> None:
    schedule(site, "NIGHTLY", "0900")
    time_is(site, "08:00")

    down_until(site, at)
    time_is(site, "09:00")

    assert runs(site) == {"15 09:00": "started"}


def test_a_start_within_the_minute_needs_no_planning_before(site: Site) -> None:
    schedule(site, "NIGHTLY", "0900")

    down_until(site, "09:00:59")

    assert runs(site) == {"15 09:00": "started"}


def test_two_boots_one_after_the_other_plan_nothing_twice(site: Site) -> None:
    schedule(site, "NIGHTLY", every_min=10)
    before = runs(site)

    down_until(site, "07:14")
    down_until(site, "07:15")

    assert runs(site) == before
    assert len(before) == 6


def test_marks_of_schedules_that_are_gone_are_forgotten(site: Site) -> None:
    schedule(site, "NIGHTLY", "0900")
    schedule(site, "OTHER", "0900")
    disable(site, "schedule", "NIGHTLY")

    with site.store.snapshot() as view:
        assert view.schedule_marks.all().keys() == {"OTHER"}


def test_a_schedule_enabled_while_no_server_ran_counts_from_then(site: Site) -> None:
    made = schedule(site, "NIGHTLY", every_min=60)
    disable(site, "schedule", "NIGHTLY")
    time_is(site, "08:30")
    site.clock.advance(HOUR_MS / 1000)  # nobody is there from 08:30 on; at 09:30 a command enables it
    with site.store.transaction() as tx:
        tx.definitions.enable("schedule", "NIGHTLY", made.version)
        tx.schedule_marks.begin("NIGHTLY", site.clock.now_ms())

    down_until(site, "10:30")

    assert runs(site) == {"15 08:00": "started", "15 10:00": "delayed-start error", "15 11:00": "planned"}


def test_a_planned_run_that_was_deleted_is_not_planned_again(site: Site) -> None:
    from jaz_lite.model.event import DeleteRun

    schedule(site, "NIGHTLY", "0800")
    run = next(iter(site.turns.live))
    site.ask(run.run_id, DeleteRun)

    down_until(site, "07:30")
    enable(site, newer(EVERY_DAY))
    time_is(site, "08:00")

    assert runs(site) == {"15 08:00": "skipped"}


def test_a_full_disk_stops_planning_and_loses_nothing(site: Site) -> None:
    schedule(site, "NIGHTLY", "0900", late_start="run_all")
    site.turns.disk_full = True
    site.clock.advance(2 * HOUR_MS / 1000)
    assert not site.turn()

    site.turns.room_again()
    site.settle()

    assert runs(site) == {"15 09:00": "started late"}
