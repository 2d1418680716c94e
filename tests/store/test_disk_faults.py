"""A disk that fails or fills up, at every write of a session: nothing acknowledged is lost, and it is said plainly."""

from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from jaz_lite.errors import StoreDamaged
from jaz_lite.store import writer
from jaz_lite.store.connection import DATABASE_FILE
from jaz_lite.store.open import Store
from jaz_lite.store.transaction import Transaction
from tests.store.making import document, opened
from tests.store.power_cut import Disk, Vfs, no_fault, template

SAVES = 4


@pytest.fixture(scope="module")
def start() -> bytes:
    return template()


@pytest.fixture
def disk(tmp_path: Path, start: bytes) -> Iterator[Disk]:
    (tmp_path / DATABASE_FILE).write_bytes(start)
    watched = Disk()
    vfs = Vfs("disk-faults", watched)
    yield watched
    vfs.unregister()


def save(store: Store, number: int) -> None:
    with store.transaction() as tx:
        tx.definitions.put("jobnet", document("SAVED", str(number), memo="x" * 9_000), by="ann", at_ms=number)


def saved(store: Store) -> list[str]:
    with store.snapshot() as view:
        return sorted(row.version for row in view.definitions.rows("jobnet", versions=True) if row.object_id == "SAVED")


def save_until_it_fails(store: Store, acknowledged: list[str]) -> None:
    for number in range(SAVES):
        save(store, number)
        acknowledged.append(str(number))
        store.checkpoint()


def count_operations(folder: Path, disk: Disk) -> int:
    store = opened(folder, vfs="disk-faults")
    before = disk.operations
    for number in range(SAVES):
        save(store, number)
        store.checkpoint()
    operations = disk.operations - before
    store.close()
    return operations


@pytest.mark.parametrize(("error", "sentence"), [(apsw.FullError, "is full"), (apsw.IOError, "fails")])
def test_a_disk_that_fails_at_any_write_loses_nothing_acknowledged(
    tmp_path: Path, start: bytes, disk: Disk, error: type[apsw.Error], sentence: str
) -> None:
    operations = count_operations(tmp_path, disk)
    assert operations > 30

    for failing in range(operations):
        for left in tmp_path.glob(DATABASE_FILE + "*"):
            left.unlink()
        (tmp_path / DATABASE_FILE).write_bytes(start)
        store = opened(tmp_path, vfs="disk-faults")
        first = disk.operations

        def fault(_name: str, number: int, at: int = first + failing) -> None:
            if number > at:
                raise error

        disk.fault = fault
        acknowledged: list[str] = []
        with pytest.raises(StoreDamaged, match=sentence) as damaged:
            save_until_it_fails(store, acknowledged)
        assert damaged.value.hint
        disk.fault = no_fault

        # The same store goes on as soon as the disk does.
        assert set(acknowledged) <= set(saved(store)), failing
        save(store, 99)
        assert store.integrity() == []
        store.close()
        again = opened(tmp_path)
        assert {*acknowledged, "99"} <= set(saved(again)), failing
        again.close()


def fill(tx: Transaction) -> None:
    for number in range(500):
        tx.definitions.put("jobnet", document("BIG", str(number)), by="ann", at_ms=1)


def test_after_a_full_disk_undid_a_transaction_nothing_more_can_be_written_through_it(
    tmp_path: Path, disk: Disk
) -> None:
    store = opened(tmp_path, vfs="disk-faults")
    store._the_writer._connection.execute("pragma cache_size = 1")  # so that pages are written before the commit
    tx = store.begin()

    def fault(_name: str, _number: int) -> None:
        raise apsw.FullError

    disk.fault = fault
    with pytest.raises(StoreDamaged):
        fill(tx)
    disk.fault = no_fault
    with pytest.raises(AssertionError, match="is over"):
        tx.hosts.list()
    with pytest.raises(StoreDamaged, match="undone by an earlier error"):
        tx.commit()

    save(store, 1)
    assert saved(store) == ["1"]
    store.close()


def test_a_commit_is_acknowledged_although_the_move_of_the_wal_fails(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "WAL_PAGES_MAX", 1)
    store = opened(tmp_path, vfs="disk-faults")
    store._the_writer._wal_pages_wanted = 1

    def fault(name: str, _number: int) -> None:
        if name == DATABASE_FILE:
            raise apsw.IOError

    disk.fault = fault
    save(store, 1)
    with pytest.raises(StoreDamaged, match="fails"):
        save(store, 2)
    disk.fault = no_fault

    assert saved(store) == ["1"]
    save(store, 3)
    assert saved(store) == ["1", "3"]
    store.close()


def test_a_file_that_is_no_database_is_called_damaged(tmp_path: Path) -> None:
    (tmp_path / DATABASE_FILE).write_bytes(b"this is no database" * 500)

    with pytest.raises(StoreDamaged, match=r"jaz\.db is damaged"):
        opened(tmp_path)


def test_a_damaged_page_is_found_by_the_integrity_check(tmp_path: Path, start: bytes) -> None:
    torn = bytearray(start)
    torn[4096 * 2 : 4096 * 3] = bytes(4096)
    (tmp_path / DATABASE_FILE).write_bytes(torn)

    try:
        store = opened(tmp_path)
    except StoreDamaged:
        return
    found = store.integrity()
    store.close()
    assert found
