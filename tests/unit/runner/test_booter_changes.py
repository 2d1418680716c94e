"""Definitions that change while starts are still to be made up for: each time is judged as its schedule was then."""

from collections import Counter
from dataclasses import replace
from typing import Any

from jaz_lite.model.plain import id_of, kind_of, to_plain
from jaz_lite.runner.inputs import Write
from jaz_lite.store.transaction import Transaction
from tests.unit.runner.scheduling import EVERY_DAY, instant, newer, runs, schedule, told
from tests.unit.runner.site import Site


def back_after(site: Site, text: str, change: Any) -> None:
    """Kill the server, and start another one at a time; a change is in its very first turn."""
    site.clock.advance((instant(text) - site.clock.now_ms()) / 1000)
    site.restart()
    site.turns.submit(Write(change))
    site.settle()


def enabling(site: Site, definition: Any) -> Any:
    def work(tx: Transaction) -> None:
        tx.definitions.put(kind_of(definition), to_plain(definition), by="test", at_ms=site.clock.now_ms())
        tx.definitions.enable(kind_of(definition), id_of(definition), definition.version)

    return work


def disabling(tx: Transaction) -> None:
    tx.definitions.disable("schedule", "NIGHTLY")
    tx.schedule_marks.forget("NIGHTLY")


def test_what_was_missed_is_judged_although_the_schedule_is_disabled_at_once(site: Site) -> None:
    schedule(site, "NIGHTLY", every_min=10, late_start="skip")

    back_after(site, "2023-11-17 07:15", disabling)  # 2 days: 288 times, the first at 07:20

    # What the first turn had planned before the change stays planned.
    assert Counter(runs(site).values()) == {"skipped": 288, "planned": 6}


def test_what_was_missed_is_judged_by_the_version_that_was_enabled_then(site: Site) -> None:
    nightly = schedule(site, "NIGHTLY", every_min=30, late_start="error")
    hourly = newer(nightly, cycles=(replace(nightly.cycles[0], every_min=60),), late_start="run_all")

    back_after(site, "2023-11-16 07:15", enabling(site, hourly))  # a day: 48 times

    found = runs(site)
    # 07:30 and 08:00 were planned by the first turn, before the change.
    assert Counter(found.values()) == {"delayed-start error": 48, "planned": 2}
    assert found["16 07:30"] == "planned"


def test_a_calendar_that_changes_does_not_swallow_what_was_missed(site: Site) -> None:
    schedule(site, "NIGHTLY", every_min=30, late_start="skip")
    never = newer(EVERY_DAY, rule=None)

    back_after(site, "2023-11-16 07:15", enabling(site, never))

    assert Counter(runs(site).values())["skipped"] == 48


def test_very_many_missed_times_are_counted_before_the_change(site: Site) -> None:
    schedule(site, "NIGHTLY", every_min=1, late_start="skip")

    back_after(site, "2023-11-18 07:15", disabling)  # 3 days: 4,321 times, those of the first hour planned

    (record,) = told(site, "schedule_times_missed")
    assert record["count"] == 4_321 - 60 - 1_000
    assert record["first_at"].startswith("2023-11-15 08:14")


def test_after_a_crash_a_new_version_does_not_reach_back(site: Site) -> None:
    nightly = schedule(site, "NIGHTLY", every_min=60, late_start="skip")
    often = newer(nightly, cycles=(replace(nightly.cycles[0], every_min=10),))
    back_after(site, "2023-11-16 07:15", enabling(site, often))

    site.restart()
    site.settle()

    assert Counter(found := runs(site).values())["skipped"] == 24, found
