"""Handing a site over, seen from the active: in which order, and what is left as it was when it does not work."""

import errno
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from jaz_lite.errors import Fenced, Refused
from jaz_lite.server import standbys
from jaz_lite.server.standby_copy import StandbyCopy
from jaz_lite.server.standbys import Standbys
from jaz_lite.store import fencing, keys
from jaz_lite.store.fencing import read_fenced
from jaz_lite.wire.ident import term_of
from tests.shells.test_standby import HERE, Active, Follower, following
from tests.unit.operations.small_site import opened


class HungDisk(StandbyCopy):
    """A standby whose disk takes nothing any more."""

    async def apply(self, changes) -> None:
        await trio.sleep_forever()


class HungCopy(StandbyCopy):
    """A standby that takes in a copy, and no second one."""

    async def finish(self) -> None:
        if self.position is not None:
            await trio.sleep_forever()
        await super().finish()


@pytest.fixture
def active(tmp_path: Path) -> Iterator[Active]:
    with opened(tmp_path / "site") as store:
        yield Active(store)


@pytest.fixture
def follower(active: Active, tmp_path: Path) -> Iterator[Follower]:
    made = Follower(tmp_path / "standby", active.store.clock)
    yield made
    made.copy.close()


@pytest.fixture
def fenced() -> list[Fenced]:
    return []


@pytest.fixture
def switch(active: Active, fenced: list[Fenced]) -> Standbys:
    return Standbys(active.peers_door, active.turns, describe=active._describe, fence=fenced.append)


def disk_fails(_folder: Path) -> None:
    raise OSError(errno.EIO, "Input/output error")


async def nobody(_sentence: str) -> None:
    """What is told on the way is of no interest."""


async def test_a_switch_leaves_a_mark_and_a_standby_that_has_everything(
    active: Active, follower: Follower, switch: Standbys, fenced: list[Fenced]
) -> None:
    async with following(active, follower):
        active.put("last")
        told = await switch.switch_over("127.0.0.1", nobody)

        assert follower.copy.position == active.store.changes.position
    next_term = term_of(2, 0)
    assert told == {"to": HERE, "term": next_term, "changes": follower.copy.lsn}
    assert active.turns.halted
    mark = read_fenced(active.store.folder)
    assert mark is not None
    assert (mark.term, mark.addrs) == (next_term, (HERE,))
    assert [(error.term, error.addrs) for error in fenced] == [(next_term, (HERE,))]


async def test_a_standby_that_does_not_take_the_last_changes_leaves_everything_as_it_was(
    active: Active,
    tmp_path: Path,
    switch: Standbys,
    fenced: list[Fenced],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(standbys, "KEEPS_UP_S", 0.2)
    slow = Follower(tmp_path / "slow", active.store.clock)
    slow.copy = HungDisk(slow.folder, active.store.clock, live_s=lambda: None, addrs=lambda: ())
    async with following(active, slow):
        active.put("last")
        with pytest.raises(Refused, match="this server goes on"):
            await switch.switch_over("", nobody)
    slow.copy.close()

    assert (active.turns.halted, read_fenced(active.store.folder), fenced) == (False, None, [])


async def test_a_standby_that_needs_another_copy_meanwhile_is_not_handed_the_site(
    active: Active,
    tmp_path: Path,
    switch: Standbys,
    fenced: list[Fenced],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(standbys, "KEEPS_UP_S", 1.0)
    slow = Follower(tmp_path / "slow", active.store.clock)
    slow.copy = HungCopy(slow.folder, active.store.clock, live_s=lambda: None, addrs=lambda: ())
    async with following(active, slow):
        (guest,) = active.peers_door.guests

        async def keys_change(_sentence: str) -> None:
            active.store.keys.make_next_certificate("next", lambda count: b"7" * count)
            active.put("last")
            await slow.until(lambda: guest.following.state == "copying")

        with pytest.raises(Refused, match="this server goes on"):
            await switch.switch_over("", keys_change)
    slow.copy.close()

    assert (active.turns.halted, read_fenced(active.store.folder), fenced) == (False, None, [])


async def test_a_mark_that_cannot_be_made_durable_leaves_everything_as_it_was(
    active: Active, follower: Follower, switch: Standbys, fenced: list[Fenced], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk fails when the mark is in its place already: the standby must not be told, and the mark must go."""
    async with following(active, follower):
        monkeypatch.setattr(keys, "sync_folder", disk_fails)
        with pytest.raises(Refused, match=r"cannot be written .*; this server goes on"):
            await switch.switch_over("", nobody)

        (guest,) = active.peers_door.guests
        assert guest.following is not None
        assert not guest.following.taken_over
    assert (active.turns.halted, read_fenced(active.store.folder), fenced) == (False, None, [])


async def test_a_mark_that_cannot_be_taken_back_is_told(
    active: Active, follower: Follower, switch: Standbys, fenced: list[Fenced], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with following(active, follower):
        monkeypatch.setattr(keys, "sync_folder", disk_fails)
        monkeypatch.setattr(fencing, "sync_folder", disk_fails)
        with pytest.raises(Refused, match="may keep it from its next start") as refused:
            await switch.switch_over("", nobody)

    assert "activate --after-fence" in refused.value.hint
    assert (active.turns.halted, fenced) == (False, [])


async def test_a_standby_that_does_not_answer_has_the_site_all_the_same(
    active: Active, follower: Follower, switch: Standbys, fenced: list[Fenced], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its answer is lost: this server cannot know whether it took over, so it must not go on."""
    monkeypatch.setattr(standbys, "ANSWERS_S", 0.0)
    async with following(active, follower):
        with pytest.raises(Refused, match="this server has ended"):
            await switch.switch_over("", nobody)

    assert (active.turns.halted, len(fenced)) == (True, 1)
    assert read_fenced(active.store.folder) is not None


async def test_a_switch_that_passed_its_mark_is_carried_through_when_the_person_goes_away(
    active: Active, follower: Follower, switch: Standbys, fenced: list[Fenced], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with following(active, follower):
        with trio.CancelScope() as asking:
            real = standbys.write_fenced

            def marked(folder, by) -> None:
                real(folder, by)
                asking.cancel()

            monkeypatch.setattr(standbys, "write_fenced", marked)
            await switch.switch_over("", nobody)

    assert len(fenced) == 1


@pytest.mark.parametrize("name", ["c.example", "127.0.0.2"])
async def test_only_a_standby_that_follows_is_handed_the_site(
    active: Active, follower: Follower, switch: Standbys, name: str
) -> None:
    with pytest.raises(Refused, match="no standby follows"):
        await switch.switch_over("", nobody)
    async with following(active, follower):
        with pytest.raises(Refused, match=r"no standby .* follows") as refusal:
            await switch.switch_over(name, nobody)

    assert HERE in refusal.value.hint
    assert not active.turns.halted
