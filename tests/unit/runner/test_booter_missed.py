"""Times that were missed: each ends in exactly one of started, started late, delayed-start error, skipped or counted."""

from dataclasses import replace
from typing import Any

import pytest

from jaz_lite.model.event import DeleteRun, MoveRun
from jaz_lite.model.schedule import BootTime, LateStart
from jaz_lite.runner import backlog, booter, missed, starts
from jaz_lite.schedule.timetable import Start, Timetable
from tests.unit.runner.scheduling import (
    HOUR_MS,
    MINUTE_MS,
    disable,
    down_until,
    enable,
    instant,
    newer,
    runs,
    schedule,
    tick,
    time_is,
    told,
)
from tests.unit.runner.site import Site


@pytest.mark.parametrize(
    ("late_start", "first", "second", "third"),
    [
        ("error", "delayed-start error", "delayed-start error", "delayed-start error"),
        ("skip", "skipped", "skipped", "skipped"),
        ("run_all", "started late", "started late", "started late"),
        ("run_latest", "skipped", "skipped", "started late"),
    ],
)
def test_after_down_time_the_policy_decides(
    site: Site, late_start: LateStart, first: str, second: str, third: str
) -> None:
    schedule(site, "NIGHTLY", "0730", "0900", "1200", "1300", late_start=late_start)
    assert runs(site) == {"15 07:30": "planned"}  # the others were never planned

    down_until(site, "12:30")

    assert runs(site) == {"15 07:30": first, "15 09:00": second, "15 12:00": third, "15 13:00": "planned"}
    time_is(site, "13:00")
    assert runs(site)["15 13:00"] == "started"


def test_within_the_grace_a_start_is_made_up_for(site: Site) -> None:
    schedule(site, "NIGHTLY", "0854", "0855", "0859", "0900", grace_min=5)

    down_until(site, "09:00:59")

    # 08:54 and its minute and its grace of 5 were over at 09:00:00.
    assert runs(site) == {
        "15 08:54": "delayed-start error",
        "15 08:55": "started late",
        "15 08:59": "started late",
        "15 09:00": "started",
    }


def test_a_clock_that_jumps_over_times_leaves_them_to_the_policy(site: Site) -> None:
    schedule(site, "NIGHTLY", "0900", "1000", late_start="skip")

    site.clock.set_wall(instant("10:30"))
    site.settle()

    assert runs(site) == {"15 09:00": "skipped", "15 10:00": "skipped"}
    assert [line["by_s"] for line in told(site, "clock_jumped")] == [(3 * 60 + 16) * 60 + 40]


def test_a_clock_that_is_set_back_repeats_no_start_and_loses_none(site: Site) -> None:
    schedule(site, "NIGHTLY", every_min=30)
    time_is(site, "10:05")

    site.clock.set_wall(instant("08:15"))
    tick(site)
    assert told(site, "clock_set_back") == [{"by_s": 6600}]
    time_is(site, "12:00")

    assert set(runs(site).values()) == {"started", "planned"}
    assert [at for at, what in runs(site).items() if what == "started"][-1] == "15 12:00"


def test_a_clock_that_was_far_ahead_does_not_keep_a_schedule_from_starting(site: Site) -> None:
    schedule(site, "NIGHTLY", "0900", late_start="skip")
    site.clock.set_wall(instant("2033-01-01 00:00"))
    site.settle()

    site.clock.set_wall(instant("08:00"))
    site.restart()
    site.settle()
    disable(site, "schedule", "NIGHTLY")
    schedule(site, "DAILY", "0900")
    time_is(site, "09:00")

    assert runs(site, "DAILY") == {"15 09:00": "started"}
    assert len(told(site, "clock_set_back")) == 1


def test_a_clock_that_was_set_back_while_no_server_ran_is_noticed(site: Site) -> None:
    schedule(site, "NIGHTLY", every_min=30)
    time_is(site, "10:05")

    site.clock.set_wall(instant("08:15"))
    site.restart()
    site.settle()
    time_is(site, "11:35")

    assert len(told(site, "clock_set_back")) == 1
    assert runs(site)["15 11:30"] == "started"
    assert "delayed-start error" not in runs(site).values()


def test_of_many_missed_times_the_latest_become_runs_and_the_others_are_counted(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(missed, "PAIRS_KEPT_MAX", 4)
    schedule(site, "NIGHTLY", every_min=60, jobnets=("LOAD", "SEND"), late_start="skip")

    down_until(site, "18:30")

    # Two times of two jobnets are kept, besides 08:00, which had been planned before the server went down.
    with site.store.snapshot() as view:
        made = {(row.jobnet_id, row.boot.nominal_ms) for row in view.runs.list() if row.boot and row.state == "ended"}
    assert made == {(jobnet, instant(at)) for jobnet in ("LOAD", "SEND") for at in ("08:00", "17:00", "18:00")}
    assert told(site, "schedule_times_missed") == [
        {
            "schedule": "NIGHTLY",
            "jobnet": jobnet,
            "count": 8,
            "first_at": "2023-11-15 09:00:00+09:00",
            "last_at": "2023-11-15 16:00:00+09:00",
            "late_start": "skip",
        }
        for jobnet in ("LOAD", "SEND")
    ]


def test_only_the_latest_missed_starts_stand_as_errors(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(missed, "ERRORS_KEPT_MAX", 2)
    schedule(site, "NIGHTLY", "0900", "1000", "1100", "1200", grace_min=5)

    down_until(site, "12:30")

    assert runs(site) == {
        "15 09:00": "skipped",
        "15 10:00": "skipped",
        "15 11:00": "delayed-start error",
        "15 12:00": "delayed-start error",
    }
    assert {line["message"] for line in told(site, "run_not_started")} == {
        f"its time 2023-11-15 {at}:00+09:00 was missed by more than 5 min, so it was not started;"
        " so many starts were missed that only the latest stand as errors"
        for at in ("09:00", "10:00")
    }


def test_of_many_schedules_only_the_latest_missed_starts_stand_as_errors(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(missed, "SITE_ERRORS_MAX", 6)
    for name in ("ONE", "TWO", "THREE"):
        schedule(site, name, "0900", "1000", "1100", grace_min=5)
    schedule(site, "OTHER", "0900", "1000", "1100", late_start="skip")

    down_until(site, "12:30")

    # 6 for the site, 3 schedules that make errors of what they missed: 2 each.
    for name in ("ONE", "TWO", "THREE"):
        found = ["skipped", "delayed-start error", "delayed-start error"]
        assert runs(site, name) == dict(zip(("15 09:00", "15 10:00", "15 11:00"), found, strict=True))


def test_of_very_many_schedules_the_latest_missed_start_of_each_stands_as_an_error(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(missed, "SITE_ERRORS_MAX", 1)
    for name in ("ONE", "TWO"):
        schedule(site, name, "0900", "1000")

    down_until(site, "12:30")

    for name in ("ONE", "TWO"):
        assert runs(site, name) == {"15 09:00": "skipped", "15 10:00": "delayed-start error"}


def test_counting_goes_by_the_times_and_not_by_times_and_jobnets() -> None:
    minutes = range(0, 31 * 1440 * MINUTE_MS, MINUTE_MS)

    count = missed.Count()
    count.add(minutes, {0, MINUTE_MS, 90_001, minutes[-1]})
    count.add((), ())
    count.add((minutes[-1] + MINUTE_MS,), ())

    # Two at the beginning and one at the end have a run; 90.001 s is no time of the schedule; one came later.
    assert (count.times, count.first_ms, count.last_ms) == (31 * 1440 - 3 + 1, 2 * MINUTE_MS, minutes[-1] + MINUTE_MS)


def test_counting_takes_up_where_it_was_after_a_crash(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(missed, "PAIRS_KEPT_MAX", 2)
    monkeypatch.setattr(missed, "COUNTED_AT_ONCE_MS", HOUR_MS)
    schedule(site, "NIGHTLY", every_min=30, late_start="skip")
    site.clock.advance((instant("18:10") - site.clock.now_ms()) / 1000)
    site.restart()
    for _ in range(3):
        assert site.turn()
    site.restart()
    site.settle()

    (counted,) = told(site, "schedule_times_missed")
    # 07:30 and 08:00 had been planned; 17:30 and 18:00 are kept; 08:30 to 17:00 are 18 times.
    assert counted["count"] == 18
    assert sorted(runs(site)) == ["15 07:30", "15 08:00", "15 17:30", "15 18:00", "15 18:30", "15 19:00"]


def test_a_crash_at_any_turn_of_the_catching_up_leaves_each_time_with_one_run(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "MADE_UP_MAX", 3)
    monkeypatch.setattr(booter, "PLANNED_MAX", 3)
    schedule(site, "NIGHTLY", every_min=30, late_start="skip")
    schedule(site, "OTHER", every_min=60, late_start="run_latest")
    site.clock.advance((instant("18:10") - site.clock.now_ms()) / 1000)
    crashes = 0
    while True:
        site.restart()
        for _ in range(1 + crashes % 3):
            if not site.turn():
                break
        else:
            turn = site.turns.prepare()
            if turn is not None:
                turn.tx.rollback()
                crashes += 1
                continue
        break
    site.settle()

    assert crashes > 5
    assert [at for at, what in runs(site).items() if what == "skipped"] == [
        f"15 {hour:02}:{minute:02}"
        for hour in range(7, 19)
        for minute in (0, 30)
        if (7, 13) < (hour, minute) < (18, 10)
    ]
    assert [what for at, what in runs(site, "OTHER").items() if at <= "15 18:00"] == [*["skipped"] * 10, "started late"]


def test_what_is_due_now_does_not_wait_for_what_was_missed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "MADE_UP_MAX", 1)
    schedule(site, "NIGHTLY", every_min=10, late_start="skip")
    schedule(site, "OTHER", "1810")
    site.clock.advance((instant("18:10") - site.clock.now_ms()) / 1000)
    site.restart()
    assert site.turn()

    assert runs(site, "OTHER") == {"15 18:10": "started"}
    assert len(runs(site)) < 20


def test_the_latest_of_missed_times_starts_at_once_where_only_it_is_wanted(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "MADE_UP_MAX", 1)
    schedule(site, "NIGHTLY", every_min=10, late_start="run_latest")
    site.clock.advance((instant("18:15") - site.clock.now_ms()) / 1000)
    site.restart()
    assert site.turn()

    assert runs(site)["15 18:10"] == "started late"
    site.settle()
    assert [at for at, what in runs(site).items() if what == "started late"] == ["15 18:10"]


def test_a_planned_run_gives_way_to_a_later_time_that_was_missed_as_well(site: Site) -> None:
    schedule(site, "NIGHTLY", "0730", "0900", late_start="run_latest")

    down_until(site, "09:30")

    assert runs(site) == {"15 07:30": "skipped", "15 09:00": "started late"}


@pytest.mark.parametrize("operation", [(DeleteRun,), (MoveRun, "", instant("23:00"))], ids=["deleted", "moved on"])
def test_a_later_start_that_was_taken_back_makes_no_earlier_one_give_way(site: Site, operation: tuple[Any]) -> None:
    schedule(site, "NIGHTLY", "0730", "0800", "1200", late_start="run_latest")
    with site.store.snapshot() as view:
        (later,) = (row.run_id for row in view.runs.list() if row.scheduled_ms == instant("08:00"))
    site.ask(later, *operation)

    down_until(site, "09:30")

    assert runs(site)["15 07:30"] == "started late"


def test_one_of_two_later_starts_that_were_taken_back_is_enough_to_give_way(site: Site) -> None:
    schedule(site, "NIGHTLY", "0730", "0800", "0810", late_start="run_latest")
    with site.store.snapshot() as view:
        (later,) = (row.run_id for row in view.runs.list() if row.scheduled_ms == instant("08:00"))
    site.ask(later, DeleteRun)

    down_until(site, "09:30")

    assert runs(site) == {"15 07:30": "skipped", "15 08:00": "skipped", "15 08:10": "started late"}


def test_a_fault_while_a_late_run_is_judged_sets_only_its_schedule_aside(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule(site, "BAD", "0800", late_start="run_latest")
    time_is(site, "07:59")
    schedule(site, "NIGHTLY", "0900")
    bad, real = site.turns.booter._entries["BAD"].loaded.timetable, Timetable.first_after

    def fails(timetable: Timetable, after_ms: int) -> Start | None:
        if timetable is bad:
            raise RuntimeError("a fault")
        return real(timetable, after_ms)

    monkeypatch.setattr(Timetable, "first_after", fails)

    site.clock.set_wall(instant("09:00"))
    for _ in range(5):
        tick(site)

    assert runs(site)["15 09:00"] == "started"
    assert runs(site, "BAD") == {"15 08:00": "started late"}


def test_a_schedule_that_changes_while_it_is_made_up_for_goes_on_from_there(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "MADE_UP_MAX", 2)
    made = schedule(site, "NIGHTLY", "0900", "1000", "1100", "1200", late_start="skip")
    site.clock.advance((instant("12:30") - site.clock.now_ms()) / 1000)
    site.restart()
    while len(runs(site)) < 2:
        assert site.turn()

    enable(site, newer(made, boot_times=(BootTime(days_id="EVERY_DAY", at="1130"),), late_start="error"))

    assert runs(site) == {"15 09:00": "skipped", "15 10:00": "skipped", "15 11:30": "delayed-start error"}


def test_one_jobnet_more_is_planned_for_the_times_that_were_planned_before(site: Site) -> None:
    made = schedule(site, "NIGHTLY", "0800")
    schedule(site, "OTHER", "2300", jobnets=("SEND",))
    with site.store.snapshot() as view:
        assert view.definitions.enabled("jobnet", "SEND") is not None
    enable(site, newer(made, jobnets=(*made.jobnets, replace(made.jobnets[0], jobnet_id="SEND"))))

    with site.store.snapshot() as view:
        assert sorted(row.jobnet_id for row in view.runs.list()) == ["LOAD", "SEND"]


def test_more_jobnets_than_a_turn_plans_are_all_started(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(booter, "PLANNED_MAX", 3)
    schedule(site, "NIGHTLY", "0800", "0801", jobnets=[f"J{number}" for number in range(10)])
    with site.store.snapshot() as view:
        rows = view.runs.list()
    assert len(rows) == 20

    time_is(site, "08:01")

    assert len(site.turns.live) == 0
    with site.store.snapshot() as view:
        assert {(row.state, row.started_ms == row.scheduled_ms) for row in view.runs.list()} == {("ended", True)}


def test_planning_ahead_waits_while_runs_start(site: Site) -> None:
    schedule(site, "NIGHTLY", "0800", "0900")
    time_is(site, "07:59:59")
    site.clock.advance(1)
    assert site.turn()
    assert runs(site) == {"15 08:00": "started"}

    assert site.turn()
    assert runs(site) == {"15 08:00": "started", "15 09:00": "planned"}


def test_our_own_fault_about_one_schedule_holds_up_no_other(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = starts.plan

    def fails(turn, *, boot, **more):  # type: ignore[no-untyped-def]
        if boot.schedule_id == "BAD":
            raise RuntimeError("a fault")
        return plan(turn, boot=boot, **more)

    monkeypatch.setattr(starts, "plan", fails)
    schedule(site, "BAD", "0800")
    schedule(site, "NIGHTLY", "0800", calendar=None)  # that of the other one does not change
    time_is(site, "08:00")

    assert runs(site) == {"15 08:00": "started"}
    assert [line["schedule"] for line in told(site, "schedule_broken")] == ["BAD"]


@pytest.mark.parametrize("minutes", [1, 59, 60, 61, 24 * 60, 3 * 24 * 60])
def test_every_time_of_a_down_time_ends_in_exactly_one_record(site: Site, minutes: int) -> None:
    schedule(site, "NIGHTLY", every_min=7, late_start="skip")
    began_ms = site.clock.now_ms()
    site.clock.advance(minutes * 60)
    site.restart()
    site.settle()
    now_ms = site.clock.now_ms()

    midnight_ms = instant("00:00")
    days = range(minutes // (24 * 60) + 2)
    wanted = {midnight_ms + (day * 24 * 60 + minute) * MINUTE_MS for day in days for minute in range(0, 1440, 7)}
    with site.store.snapshot() as view:
        made = [row.boot.nominal_ms for row in view.runs.list(limit=1_000) if row.boot]
    assert sorted(made) == sorted(at for at in wanted if began_ms < at <= now_ms + HOUR_MS)
