"""Idle moments: what the store wants done between transactions."""

from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from jaz_lite.clock import VirtualClock
from jaz_lite.model.fact import Fact
from jaz_lite.runner.idle_chores import FULL_REST_S, OPTIMIZE_EVERY_S, PAGES_A_PIECE, IdleChores
from jaz_lite.store.keys import Keys
from jaz_lite.store.open import Store
from jaz_lite.store.retention import Keep, Sweep


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def store(tmp_path: Path, clock: VirtualClock) -> Iterator[Store]:
    Keys.create(tmp_path, name="test")
    opened = Store.open(tmp_path, clock=clock)
    yield opened
    opened.close()


def idle(chores: IdleChores) -> int:
    """Use idle moments until nothing is left to do; return how many."""
    pieces = 0
    while chores.wanted:
        chores.do_one()
        pieces += 1
        assert pieces < 1_000, "there is always something left to do"
    return pieces


def fill(store: Store, clock: VirtualClock) -> None:
    with store.transaction() as tx:
        for _ in range(4_000):
            tx.journal.add(clock.now_ms(), None, "", Fact(kind="note", data={"text": "x" * 1_000}))


def purge(store: Store, clock: VirtualClock) -> None:
    with store.transaction() as tx:
        sweep = Sweep(Keep(results_before_ms=clock.now_ms() + 1))
        while not sweep.over:
            tx.retention.batch(sweep)


def test_what_a_purge_freed_goes_back_to_the_file_system_piece_by_piece(store: Store, clock: VirtualClock) -> None:
    chores = IdleChores(store, clock)
    idle(chores)
    fill(store, clock)
    idle(chores)
    store.checkpoint(truncate=True)
    file = store.folder / "jaz.db"
    full = file.stat().st_size

    purge(store, clock)
    chores.purged()
    pieces = idle(chores)

    assert pieces > full // 4096 // PAGES_A_PIECE
    assert file.stat().st_size < full / 4


def test_without_a_purge_idle_moments_cost_nothing(store: Store, clock: VirtualClock) -> None:
    chores = IdleChores(store, clock)
    idle(chores)

    assert not chores.wanted


def test_the_planner_learns_once_a_day(store: Store, clock: VirtualClock) -> None:
    chores = IdleChores(store, clock)
    idle(chores)

    clock.advance(OPTIMIZE_EVERY_S)

    assert idle(chores) == 1
    assert not chores.wanted


class Disk(apsw.VFS):
    """A disk on which, while it is full, the database cannot grow."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "")
        self.is_full = False

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:
        return _File(self, name, flags)


class _File(apsw.VFSFile):
    def __init__(self, disk: Disk, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        self._disk = disk
        self._is_database = bool(flags[0] & apsw.SQLITE_OPEN_MAIN_DB)
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:
        if self._disk.is_full and self._is_database:
            raise apsw.FullError
        super().xWrite(data, offset)


def test_a_checkpoint_that_a_full_disk_has_no_room_for_waits_and_ends_no_server(
    tmp_path: Path, clock: VirtualClock
) -> None:
    # The server ended with exit code 6 then, and its reserve lay unused beside it.
    Keys.create(tmp_path, name="test")
    disk = Disk("a disk that is full")
    store = Store.open(tmp_path, clock=clock, vfs="a disk that is full")
    chores = IdleChores(store, clock)
    idle(chores)
    fill(store, clock)
    assert chores.wanted
    disk.is_full = True
    chores.do_one()
    assert not chores.wanted

    disk.is_full = False
    clock.advance(FULL_REST_S)
    assert chores.wanted
    idle(chores)
    assert not store.wants_checkpoint
    store.close()
