"""Copies as people ask for them, and the timer: what the recovery point is, and when people are warned."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from jaz_lite import config
from jaz_lite.clock import VirtualClock
from jaz_lite.config import Config
from jaz_lite.errors import DiskFull, UsageError
from jaz_lite.operations import registry
from jaz_lite.operations.site import Site
from jaz_lite.server.site import ServerSite
from jaz_lite.server.snapshots import Snapshots
from jaz_lite.store import copying
from jaz_lite.store.open import Store
from jaz_lite.store.verifying import verify
from tests.unit.operations.small_site import OWNER, ask, offline, running

WITHIN_S = 10


async def call(site: Site, op: str, emit: Any = registry.no_stream, **args: Any) -> Any:
    return await registry.call(site, OWNER, op, args, emit)


def timed(folder: Path, every_min: int = 10) -> Config:
    return config.defaults().over(
        "config.toml", {"snapshot.every_min": every_min, "snapshot.folder": str(folder), "snapshot.keep": 2}
    )


def later(store: Store, minutes: float) -> None:
    assert isinstance(store.clock, VirtualClock)
    store.clock.advance(minutes * 60)


async def timer_has_run(site: ServerSite, settings: Config) -> Snapshots:
    """Let the timer take its first copy, or fail."""
    snapshots = Snapshots(site.store, site._write, settings)
    site.control._snapshots = snapshots
    with trio.fail_after(WITHIN_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(snapshots.keep_taking)
            await wait_all_tasks_blocked()
            async with snapshots._one_at_a_time:  # it holds this while it takes one
                pass
            await wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
    return snapshots


async def test_a_running_server_takes_a_copy_and_says_since_when_its_changes_would_be_lost(
    store: Store, tmp_path: Path
) -> None:
    async with running(store) as site:
        before = await call(site, "status")
        answer = await call(site, "snapshot", folder=str(tmp_path / "copy"))
        later(store, 5)
        after = await call(site, "status")

    assert before["last_snapshot_at"] is None
    assert answer["removed"] == []
    assert verify(tmp_path / "copy").manifest is not None
    assert (after["last_snapshot_at"], after["last_snapshot_in"], after["last_snapshot_age_s"]) == (
        answer["taken_at"], str(tmp_path / "copy"), 300,
    )  # fmt: skip


def test_without_a_server_the_directory_itself_is_copied(store: Store, tmp_path: Path) -> None:
    answer = ask(offline(store), "snapshot", folder=str(tmp_path / "series"), keep=1)

    assert verify(Path(answer["folder"])).manifest is not None
    assert Path(answer["folder"]).parent == tmp_path / "series"


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        ({"folder": "here"}, "must be named from the root on"),
        ({"folder": "/x\0y"}, "must be named from the root on"),
        ({"folder": "/x", "keep": 0}, "1 to 10000 copies can be kept"),
    ],
)
def test_a_senseless_request_is_refused(store: Store, args: Mapping[str, Any], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        ask(offline(store), "snapshot", **args)


async def test_how_far_it_is_is_told(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jaz_lite.server.snapshots.TELL_EVERY_S", 0.0)
    told: list[dict[str, int]] = []

    async def tell(item: dict[str, int]) -> None:
        told.append(item)

    async with running(store) as site:
        await call(site, "snapshot", tell, folder=str(tmp_path / "copy"))

    assert told[-1]["done"] == told[-1]["all"] > 0


async def test_a_person_who_gives_up_leaves_no_copy(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jaz_lite.server.snapshots.TELL_EVERY_S", 0.0)

    async with running(store) as site:
        with trio.CancelScope() as scope:

            async def give_up(_item: object) -> None:
                scope.cancel()

            await call(site, "snapshot", give_up, folder=str(tmp_path / "copy"))
        status = await call(site, "status")

    assert scope.cancelled_caught
    assert not list(tmp_path.glob("copy*"))
    assert status["last_snapshot_at"] is None


# ---- the timer


async def test_the_timer_takes_a_copy_at_once_where_there_is_none(store: Store, tmp_path: Path) -> None:
    async with running(store) as site:
        await timer_has_run(site, timed(tmp_path / "series"))
        status = await call(site, "status")

    assert Path(status["last_snapshot_in"]).parent == tmp_path / "series"
    assert status["notices"] == []


async def test_a_server_that_starts_again_waits_until_the_next_copy_is_due(store: Store, tmp_path: Path) -> None:
    settings = timed(tmp_path / "series")
    async with running(store) as site:
        first = await timer_has_run(site, settings)
        later(store, 4)
        assert first._first_in_s() == 6 * 60
        await timer_has_run(site, settings)
        assert len(list((tmp_path / "series").iterdir())) == 1

        later(store, 7)
        await timer_has_run(site, settings)
        assert len(list((tmp_path / "series").iterdir())) == 2


async def test_people_are_warned_when_the_newest_copy_is_older_than_two_intervals(store: Store, tmp_path: Path) -> None:
    async with running(store) as site:
        await timer_has_run(site, timed(tmp_path / "series"))
        later(store, 20)
        assert (await call(site, "status"))["notices"] == []
        later(store, 1)
        status = await call(site, "status")

    assert status["notices"] == ["the newest copy is 21 min old: one is due every 10 min"]


async def test_a_copy_that_fails_is_told_once_in_the_journal_and_always_in_the_status(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "BESIDE_FREE_BYTES", 1 << 60)
    async with running(store) as site:
        snapshots = await timer_has_run(site, timed(tmp_path / "series"))
        await snapshots._try()
        notices = (await call(site, "status"))["notices"]
        lines = (await call(site, "journal.list", kinds=["snapshot_failed"]))["lines"]

        with pytest.raises(DiskFull):
            await call(site, "snapshot", folder=str(tmp_path / "copy"))

    assert len(notices) == 1
    assert notices[0].startswith("the last snapshot failed: the disk of")
    assert len(lines) == 1
