"""A takeover on a disk with hardly any room: it says that the disk is full, and the copy is as good as before."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from jaz_lite.clock import VirtualClock
from jaz_lite.errors import DiskFull
from jaz_lite.store import keys
from jaz_lite.store.directory import DataDirectory
from jaz_lite.store.stopped import in_present_format
from jaz_lite.store.verifying import verify
from jaz_lite.wire.ident import epoch_and_boot
from tests.lab.disks import Disk, why_not
from tests.store import copies

ROOMS_KIB = (*range(0, 76, 4), 512)


@pytest.fixture(scope="module", params=["snapshot", "cold copy"])
def copy(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("origin")
    directory = copies.site(folder / "site")
    if request.param == "snapshot":
        copies.snapshot(directory, folder / "copy")
        return folder / "copy"
    with directory.lock():
        store = directory.open_store(clock=VirtualClock())
        copies.save(store, 1)  # lies in the log beside the database, as when a server was killed
        shutil.copytree(directory.folder, folder / "copy", ignore=shutil.ignore_patterns("*-shm", "lock"))
        store.close()
    return folder / "copy"


@pytest.fixture
def disk(tmp_path: Path, copy: Path) -> Iterator[Disk]:
    made = Disk(tmp_path / "copy")
    shutil.copytree(copy, made.folder, dirs_exist_ok=True)
    yield made
    made.take_away()


def take_over(folder: Path) -> int:
    """Do what a takeover does to a copy, in its order; return the new term."""
    directory = DataDirectory(folder, machine=copies.HERE)
    with directory.lock():
        verify(folder)
        with in_present_format(folder, clock=VirtualClock()) as store, store.snapshot() as view:
            epoch, _ = epoch_and_boot(view.term.site().term)
        directory.keep_reserve()
        store = directory.open_store(clock=VirtualClock())
        try:
            with store.transaction() as tx:
                term = tx.term.activate(epoch + 1, bytes(8))
            directory.rebind(term)
        finally:
            store.close()
    return term


def refused(folder: Path) -> str:
    """Take over, and return what is said where the disk is too full for it."""
    try:
        take_over(folder)
    except DiskFull as error:
        return error.message
    return ""


@pytest.mark.skipif(bool(why_not()), reason=f"no disk of its own: {why_not()}")
@pytest.mark.parametrize("room_kib", ROOMS_KIB)
def test_a_takeover_that_a_full_disk_ends_says_so_and_the_copy_is_good_for_the_next_try(
    disk: Disk, room_kib: int
) -> None:
    disk.leave(room_kib * 1024)

    said = refused(disk.folder)

    disk.grow()
    verify(disk.folder)
    if said:
        assert "the disk is full" in said
        assert room_kib < 512
        assert refused(disk.folder) == ""
        verify(disk.folder)


def test_a_private_file_is_written_whole_where_the_system_takes_it_in_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = keys.os.write
    monkeypatch.setattr(keys.os, "write", lambda descriptor, data: write(descriptor, bytes(data)[:5]))

    keys.write_private(tmp_path / "key", b"0123456789ab")

    assert (tmp_path / "key").read_bytes() == b"0123456789ab"
