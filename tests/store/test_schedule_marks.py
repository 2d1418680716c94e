"""What the store promises about schedules: their marks, the runs they planned, and that a change of them is noticed."""

import pytest

from jaz_lite.store.enabled_days import EnabledDays
from jaz_lite.store.open import Store
from jaz_lite.store.scheduled_runs import occurrence
from jaz_lite.store.transaction import Transaction
from tests.store.making import SITE_UID, stored_run

HOUR_MS = 3_600_000
NOON_MS = 1_800_014_400_000


def test_a_schedule_that_was_enabled_before_keeps_its_mark(tx: Transaction) -> None:
    tx.schedule_marks.begin("NIGHT", 10)
    tx.schedule_marks.begin("NIGHT", 20)

    assert tx.schedule_marks.all() == {"NIGHT": 10}


def test_a_schedule_that_is_forgotten_begins_anew(tx: Transaction) -> None:
    tx.schedule_marks.begin("NIGHT", 10)
    tx.schedule_marks.forget("NIGHT")
    tx.schedule_marks.begin("NIGHT", 20)

    assert tx.schedule_marks.all() == {"NIGHT": 20}


def test_no_mark_is_later_than_a_clock_that_was_set_back(tx: Transaction) -> None:
    tx.term.create(site_uid=SITE_UID, server_id="test")
    tx.schedule_marks.move("NIGHT", 100)
    tx.schedule_marks.move("DAY", 30)
    tx.schedule_marks.move_site(90)

    tx.schedule_marks.set_back(50)

    assert tx.schedule_marks.all() == {"NIGHT": 50, "DAY": 30}
    assert tx.schedule_marks.site_ms() == 50


def test_planned_times_are_found_by_schedule_jobnet_and_span(tx: Transaction) -> None:
    for number, at_ms in enumerate((NOON_MS, NOON_MS + HOUR_MS, NOON_MS + 2 * HOUR_MS), 1):
        for schedule in ("NIGHT", "NIGHT2"):
            occ = occurrence(schedule, "LOAD", at_ms)
            stored_run(tx, 100 * number + len(schedule), jobnet_id="LOAD", occ=occ, scheduled_ms=at_ms)

    found = tx.scheduled_runs.nominal_ms("NIGHT", "LOAD", NOON_MS + 1000, NOON_MS + 2 * HOUR_MS)

    assert found == {NOON_MS + HOUR_MS, NOON_MS + 2 * HOUR_MS}
    assert tx.scheduled_runs.nominal_ms("NIGHT", "OTHER", 0, 2 * NOON_MS) == set()
    assert tx.scheduled_runs.waiting("NIGHT") == (3, NOON_MS)
    assert tx.scheduled_runs.waiting("NIGH") == (0, None)


@pytest.mark.parametrize("change", ["put", "enable", "disable", "delete"])
def test_a_change_of_definitions_is_noticed(store: Store, change: str) -> None:
    with store.transaction() as tx:
        tx.definitions.put("calendar", {"calendar_id": "C", "version": "1"}, by="ann", at_ms=1)
    before = store.definitions_version

    with store.transaction() as tx:
        match change:
            case "put":
                tx.definitions.put("calendar", {"calendar_id": "C", "version": "2"}, by="ann", at_ms=1)
            case "enable":
                tx.definitions.enable("calendar", "C", "1")
            case "disable":
                tx.definitions.disable("calendar", "C")
            case "delete":
                tx.definitions.delete("calendar", "C", "1")

    assert store.definitions_version > before


def test_a_change_of_a_setting_is_noticed(store: Store) -> None:
    before = store.settings_version

    with store.transaction() as tx:
        tx.settings.set("load_span_min", 5)

    assert store.settings_version > before


def test_schedules_see_the_enabled_calendars_and_filters_only(tx: Transaction) -> None:
    for version in ("1", "2"):
        calendar = {"calendar_id": "C", "version": version, "days": [f"2026-01-0{version}"]}
        tx.definitions.put("calendar", calendar, by="ann", at_ms=1)
    tx.definitions.put("filter", {"filter_id": "F", "version": "1", "base_calendar_id": "C"}, by="ann", at_ms=1)
    tx.definitions.enable("calendar", "C", "2")

    days = EnabledDays(tx)

    calendar_seen = days.calendar("C")
    assert calendar_seen is not None
    assert calendar_seen.days == ("2026-01-02",)
    assert days.filter("F") is None
    assert days.calendar("F") is None
