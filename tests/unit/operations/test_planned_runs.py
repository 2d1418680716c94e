"""What people do with planned runs, on the product's own engine without agents."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from jaz_lite.clock import VirtualClock
from jaz_lite.errors import NoSuchObject, Refused, UsageError
from jaz_lite.model.run import Boot
from jaz_lite.operations import registry
from jaz_lite.operations.site import Site, StartRequest, control_of
from jaz_lite.store.open import Store
from tests.unit.operations.small_site import NOW_MS, OWNER, icon, incoming, jobnet, running

HELLO = jobnet("HELLO", icon("ENV-1", "variable", values=[{"name": "WHO", "value": "日本"}]))
HOUR_MS = 3_600_000


async def call(site: Site, op: str, **args: Any) -> Any:
    return await registry.call(site, OWNER, op, args)


@pytest.fixture
async def live(store: Store) -> AsyncIterator[Site]:
    async with running(store) as site:
        await call(site, "definition.import", documents=[incoming("jobnet", HELLO, enabled=True)], enable=True)
        yield site


async def planned_by_schedule(site: Site, at_ms: int, schedule_id: str = "NIGHTLY", **boot: Any) -> str:
    """Plan a run as a schedule does, and return its id."""
    request = StartRequest(
        jobnet_id="HELLO",
        origin="schedule",
        scheduled_ms=at_ms,
        boot=Boot(schedule_id=schedule_id, nominal_ms=at_ms, **boot),
    )
    return str(await control_of(site).start_run(request))


async def passes(site: Site, seconds: float) -> None:
    """Let time pass, and have the server look at its clock."""
    assert isinstance(site.clock, VirtualClock)
    site.clock.advance(seconds)
    await site.write(lambda tx: None)


async def test_a_run_waits_for_the_time_a_person_asked_for(live: Site) -> None:
    started = await call(live, "run.start", jobnet="HELLO", at="03:20")
    run = await call(live, "run.show", run=started["run_id"])

    assert started["scheduled_at"] == "2026-11-23T03:20:00.000+09:00"
    assert (run["state"], run["origin"], run["scheduled_at"]) == ("waiting", "manual", started["scheduled_at"])
    assert (run["schedule_id"], run["nominal_at"], run["held"]) == (None, started["scheduled_at"], "no")
    assert run["waiting_for"] == ["waits for its start at 2026-11-23 03:20:00+09:00"]

    await passes(live, 471)  # 03:12:09 and 7 min 51 s

    ended = await call(live, "run.wait", run=started["run_id"])
    assert (ended["state"], ended["started_at"]) == ("ended", "2026-11-23T03:20:00.000+09:00")


@pytest.mark.parametrize("at", ["now", "03:12:09", "2026-11-23 03:12:09", "2h", "2026-11-22"])
async def test_a_run_cannot_be_asked_for_in_the_past(live: Site, at: str) -> None:
    with pytest.raises(UsageError, match=r"is not in the future|is not a time"):
        await call(live, "run.start", jobnet="HELLO", at=at)


async def test_a_run_for_a_time_needs_an_enabled_jobnet_now(live: Site) -> None:
    with pytest.raises(NoSuchObject, match="NOWHERE"):
        await call(live, "run.start", jobnet="NOWHERE", at="+10m")


async def test_a_run_for_a_time_may_be_held_from_the_beginning(live: Site) -> None:
    run = (await call(live, "run.start", jobnet="HELLO", at="+10m", origin="hold"))["run_id"]
    await passes(live, 3600)
    assert (await call(live, "run.show", run=run))["held"] == "held"

    await call(live, "run.release", run=run)

    assert (await call(live, "run.wait", run=run))["state"] == "ended"


async def test_planned_runs_are_listed_soonest_first(live: Site) -> None:
    later = await planned_by_schedule(live, NOW_MS + 2 * HOUR_MS)
    sooner = await planned_by_schedule(live, NOW_MS + HOUR_MS, "HOURLY")
    by_hand = (await call(live, "run.start", jobnet="HELLO", at="+90m"))["run_id"]
    await call(live, "run.start", jobnet="HELLO")

    every = await call(live, "run.planned")
    of_schedule = await call(live, "run.planned", schedule="HOURLY")
    first = await call(live, "run.planned", limit=1)

    assert [row["run_id"] for row in every["runs"]] == [sooner, by_hand, later]
    assert [row["schedule_id"] for row in every["runs"]] == ["HOURLY", None, "NIGHTLY"]
    assert not every["more"]
    assert [row["run_id"] for row in of_schedule["runs"]] == [sooner]
    assert first["more"]


async def test_a_moved_run_tells_where_it_was_moved_from(live: Site) -> None:
    run = await planned_by_schedule(live, NOW_MS + HOUR_MS)

    await call(live, "run.move", run=run, at="2026-11-24 05:00")

    (row,) = (await call(live, "run.planned"))["runs"]
    assert row["scheduled_at"] == "2026-11-24T05:00:00.000+09:00"
    assert row["nominal_at"] == "2026-11-23T04:12:09.000+09:00"


async def test_a_run_cannot_be_moved_into_the_past_or_after_it_started(live: Site) -> None:
    run = await planned_by_schedule(live, NOW_MS + HOUR_MS)
    started = (await call(live, "run.start", jobnet="HELLO", origin="hold"))["run_id"]

    with pytest.raises(UsageError, match="not in the future"):
        await call(live, "run.move", run=run, at="2026-11-23 03:00")
    with pytest.raises(Refused, match="only one that has not started"):
        await call(live, "run.move", run=started, at="+1h")


async def test_all_runs_of_a_schedule_are_deleted_together(live: Site) -> None:
    nightly = [await planned_by_schedule(live, NOW_MS + hours * HOUR_MS) for hours in (1, 2, 3)]
    other = await planned_by_schedule(live, NOW_MS + HOUR_MS, "OTHER")

    answer = await call(live, "run.delete", schedule="NIGHTLY")

    assert sorted(answer["deleted"]) == nightly
    assert answer["refused"] == []
    assert [row["run_id"] for row in (await call(live, "run.planned"))["runs"]] == [other]
    gone = await call(live, "run.show", run=nightly[0])
    assert (gone["state"], gone["load_status"], gone["message"]) == (
        "ended",
        "skipped",
        "deleted by owner before its start",
    )


async def test_of_several_runs_those_that_cannot_be_deleted_are_told(live: Site) -> None:
    planned = await planned_by_schedule(live, NOW_MS + HOUR_MS)
    running_ = (await call(live, "run.start", jobnet="HELLO", origin="hold"))["run_id"]

    answer = await call(live, "run.delete", runs=[planned, running_, "99"])

    assert answer["deleted"] == [planned]
    assert [each["run_id"] for each in answer["refused"]] == [running_, "99"]
    assert "only one that has not started" in answer["refused"][0]["message"]
    with pytest.raises(Refused, match="is over"):
        await call(live, "run.delete", runs=[planned])


@pytest.mark.parametrize("args", [{}, {"runs": []}, {"runs": ["1"], "schedule": "S"}])
async def test_what_is_to_be_deleted_is_named_in_one_way(live: Site, args: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="name either"):
        await call(live, "run.delete", **args)


async def test_last_is_no_run_that_a_schedule_only_planned(live: Site) -> None:
    by_hand = (await call(live, "run.start", jobnet="HELLO"))["run_id"]
    await planned_by_schedule(live, NOW_MS + HOUR_MS)

    assert (await call(live, "run.show", run="last"))["run_id"] == by_hand

    reserved = (await call(live, "run.start", jobnet="HELLO", at="+10m"))["run_id"]
    assert (await call(live, "run.show", run="last"))["run_id"] == reserved


async def test_a_missed_start_is_counted_and_started_by_hand(live: Site) -> None:
    run = await planned_by_schedule(live, NOW_MS - HOUR_MS)
    await planned_by_schedule(live, NOW_MS + HOUR_MS)
    counted = (await call(live, "status"))["runs"]
    assert counted == {"running": 0, "error": 1, "waiting": 0, "planned": 1, "missed": 1}

    await call(live, "run.rerun", run=run)

    ended = await call(live, "run.wait", run=run)
    assert (ended["state"], ended["late"], ended["job_status"]) == ("ended", True, "normal")


async def test_waiting_for_a_run_ends_when_its_start_is_missed(live: Site) -> None:
    run = await planned_by_schedule(live, NOW_MS - HOUR_MS)

    assert (await call(live, "run.wait", run=run))["state"] == "run_error"
