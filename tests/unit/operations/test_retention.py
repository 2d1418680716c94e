"""Retention as people ask for it: what goes, what is told, and when it waits."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import trio

from jaz_lite.clock import VirtualClock
from jaz_lite.errors import NoSuchObject
from jaz_lite.operations import registry
from jaz_lite.operations.site import OfflineSite, Site
from jaz_lite.store.open import Store
from tests.unit.operations.small_site import OWNER, ask, icon, incoming, jobnet, offline, running

HELLO = jobnet("HELLO", icon("ENV-1", "variable", values=[{"name": "WHO", "value": "x"}]))
DAY_S = 86_400


async def call(site: Site, op: str, emit: Any = registry.no_stream, **args: Any) -> Any:
    return await registry.call(site, OWNER, op, args, emit)


@pytest.fixture
async def live(store: Store) -> AsyncIterator[Site]:
    async with running(store) as site:
        await call(site, "definition.import", documents=[incoming("jobnet", HELLO, enabled=True)], enable=True)
        yield site


async def ended(site: Site) -> str:
    run_id: str = (await call(site, "run.start", jobnet="HELLO"))["run_id"]
    with trio.fail_after(5):
        await call(site, "run.wait", run=run_id)
    return run_id


def later(site: Site, days: float) -> None:
    clock = site.clock
    assert isinstance(clock, VirtualClock)
    clock.advance(days * DAY_S)


async def test_a_run_goes_first_and_its_result_later(live: Site) -> None:
    run_id = await ended(live)

    later(live, 31)
    first = await call(live, "purge")
    result = await call(live, "run.show", run=run_id)

    assert (first["gone"]["runs"], first["gone"]["results"], first["waits_until"]) == (1, 0, None)
    assert (await call(live, "run.list"))["runs"] == []
    assert (result["kept"], result["state"], result["version"], result["icons"]) == (
        "result", "ended", HELLO["version"], [],
    )  # fmt: skip
    found = (await call(live, "results", jobnet="HELLO"))["results"]
    assert [line["kind"] for line in found][::-1][:2] == ["run_started", "icon_started"]
    assert {(line["version"], line["user"], line["run_state"]) for line in found} == {
        (HELLO["version"], "owner", "ended")
    }
    with pytest.raises(NoSuchObject, match="the icons of run .* are no longer kept") as caught:  # noqa: RUF043
        await call(live, "run.vars", run=run_id)
    assert "run log" in caught.value.hint

    later(live, 60)
    second = await call(live, "purge")
    assert (second["gone"]["results"], second["gone"]["runs"]) == (1, 0)
    assert (await call(live, "results", jobnet="HELLO"))["results"] == []
    with pytest.raises(NoSuchObject, match="there is no run"):
        await call(live, "run.show", run=run_id)


async def test_a_dry_run_tells_what_would_go_and_removes_nothing(live: Site) -> None:
    for _ in range(3):
        await ended(live)
    later(live, 31)

    told = await call(live, "purge", dry_run=True)
    again = await call(live, "purge", dry_run=True)
    done = await call(live, "purge")

    assert told == again
    assert told["gone"]["runs"] == 3
    assert done["gone"] == told["gone"]


async def test_what_is_due_next_is_told_by_the_oldest_of_each_kind(live: Site) -> None:
    await ended(live)

    due = (await call(live, "purge"))["next"]

    assert due == {
        "output": None,
        "runs": "2026-12-23T03:12:09.000+09:00",  # 30 days after 23 November
        "results": "2027-02-21T03:12:09.000+09:00",
        "definitions": None,
    }


async def test_progress_is_told_after_each_batch(live: Site) -> None:
    for _ in range(3):
        await ended(live)
    later(live, 31)
    told: list[Any] = []

    async def emit(item: Any) -> None:
        told.append(item)

    done = await call(live, "purge", emit)

    assert told[-1] == done["gone"]


async def test_a_changed_span_counts_at_once(live: Site) -> None:
    await ended(live)
    await call(live, "setting.set", name="keep_runs_min", value="1m")
    later(live, 0.01)

    assert (await call(live, "purge"))["gone"]["runs"] == 1


async def test_runs_start_while_much_is_removed(live: Site) -> None:
    for _ in range(30):
        await ended(live)
    later(live, 31)
    batches = 0

    async def start_one(_item: Any) -> None:
        nonlocal batches
        batches += 1
        await ended(live)

    with trio.fail_after(10):
        done = await call(live, "purge", start_one)

    assert done["gone"]["runs"] == 30
    assert len((await call(live, "run.list"))["runs"]) == batches > 0


async def test_a_clock_that_jumps_years_ahead_removes_nothing(live: Site) -> None:
    await ended(live)
    clock = live.clock
    assert isinstance(clock, VirtualClock)
    right_ms = clock.now_ms()

    clock.set_wall(right_ms + 3_650 * DAY_S * 1_000)
    waits = await call(live, "purge")
    notices = (await call(live, "status"))["notices"]

    assert waits["gone"]["runs"] == 0
    assert waits["waits_until"] is not None
    assert any("the clock jumped ahead" in notice for notice in notices)
    assert (await call(live, "journal.list", kinds=["retention_waits"]))["lines"][0]["severity"] == "warning"

    clock.set_wall(right_ms + 60_000)
    assert (await call(live, "purge"))["waits_until"] is None
    assert len((await call(live, "run.list"))["runs"]) == 1


async def test_a_jump_that_was_right_may_be_trusted(live: Site) -> None:
    await ended(live)
    clock = live.clock
    assert isinstance(clock, VirtualClock)
    clock.set_wall(clock.now_ms() + 40 * DAY_S * 1_000)
    await call(live, "purge")

    done = await call(live, "purge", trust_clock=True)

    assert (done["gone"]["runs"], done["waits_until"]) == (1, None)
    assert (await call(live, "purge"))["waits_until"] is None


def test_it_works_without_a_server(site: OfflineSite) -> None:
    ask(site, "definition.put", kind="jobnet", document=jobnet("OLD"))
    ask(site, "definition.delete", kind="jobnet", name="OLD")
    assert isinstance(site.clock, VirtualClock)
    site.clock.advance(366 * DAY_S)

    told = ask(site, "purge", dry_run=True)
    done = ask(site, "purge")

    assert told["gone"] == done["gone"] == {"output": 0, "runs": 0, "results": 0, "journal": 0, "definitions": 1}


def test_without_a_server_a_clock_far_ahead_is_doubted_for_a_day_and_then_believed(store: Store) -> None:
    clock = store.clock
    assert isinstance(clock, VirtualClock)
    with store.transaction() as tx:
        tx.term.tick(clock.now_ms())
    site = offline(store)

    clock.advance(40 * DAY_S)
    first = ask(site, "purge")
    clock.advance(DAY_S / 2)
    second = ask(site, "purge")
    clock.advance(DAY_S / 2 + 1)
    third = ask(site, "purge")
    clock.advance(DAY_S / 2)
    fourth = ask(site, "purge")

    assert first["waits_until"] == second["waits_until"] is not None
    assert third["waits_until"] is None
    assert fourth["waits_until"] is None
