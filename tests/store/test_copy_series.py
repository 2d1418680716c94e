"""A folder of copies: the newest stay, and nothing that is not ours goes."""

from pathlib import Path

import pytest

from jaz_lite.clock import VirtualClock
from jaz_lite.errors import NoSuchObject, Refused
from jaz_lite.store import copy_series
from jaz_lite.store.copy_series import Taken
from jaz_lite.store.directory import DataDirectory
from jaz_lite.store.verifying import verify
from tests.store.copies import TAKEN_MS, site

MINUTE_MS = 60_000


@pytest.fixture
def directory(tmp_path: Path) -> DataDirectory:
    return site(tmp_path / "data")


def take(directory: DataDirectory, series: Path, *, minute: int, keep: int = 2) -> Taken:
    store = directory.open_store(clock=VirtualClock())
    try:
        now_ms = TAKEN_MS + minute * MINUTE_MS
        return copy_series.take(store, directory.folder, series, keep=keep, now_ms=now_ms, gentle=False)
    finally:
        store.close()


def test_a_series_keeps_the_newest_copies(directory: DataDirectory, tmp_path: Path) -> None:
    taken = [take(directory, tmp_path / "series", minute=minute) for minute in range(4)]

    assert [one.place.name for one in taken] == [
        "snapshot-20260921T141320.000Z", "snapshot-20260921T141420.000Z",
        "snapshot-20260921T141520.000Z", "snapshot-20260921T141620.000Z",
    ]  # fmt: skip
    assert sorted((tmp_path / "series").iterdir()) == [taken[2].place, taken[3].place]
    assert [one.removed for one in taken] == [(), (), (taken[0].place,), (taken[1].place,)]
    assert (tmp_path / "series").stat().st_mode & 0o777 == 0o700
    for one in taken[2:]:
        verify(one.place)


def test_the_copy_that_was_just_made_stays_even_if_the_clock_was_set_back(
    directory: DataDirectory, tmp_path: Path
) -> None:
    first, second = (take(directory, tmp_path / "series", minute=minute) for minute in (10, 11))

    late = take(directory, tmp_path / "series", minute=0)

    assert late.place.exists()
    assert late.removed == (first.place,)
    assert second.place.exists()


def test_copies_of_other_sites_and_other_things_are_left_alone(directory: DataDirectory, tmp_path: Path) -> None:
    other = take(site(tmp_path / "other"), tmp_path / "series", minute=0)
    (tmp_path / "series/notes").mkdir()
    damaged = take(directory, tmp_path / "series", minute=1)
    (damaged.place / "manifest.json").write_text("{}")

    for minute in (2, 3, 4):
        take(directory, tmp_path / "series", minute=minute, keep=1)

    assert other.place.exists()
    assert damaged.place.exists()
    assert len(list((tmp_path / "series").iterdir())) == 4


def test_what_a_crash_left_in_a_series_is_cleared_away(directory: DataDirectory, tmp_path: Path) -> None:
    left = tmp_path / "series/snapshot-20260101T000000.000Z.unfinished"
    left.mkdir(parents=True)
    (left / "jaz.db").write_bytes(b"half of it")

    take(directory, tmp_path / "series", minute=0)

    assert not left.exists()


def test_a_series_is_not_begun_where_a_disk_is_missing_or_a_copy_lies(directory: DataDirectory, tmp_path: Path) -> None:
    copy = take(directory, tmp_path / "series", minute=0).place

    with pytest.raises(NoSuchObject, match="mnt is not a folder"):
        take(directory, tmp_path / "mnt/series", minute=1)
    with pytest.raises(Refused, match="is a snapshot itself"):
        take(directory, copy, minute=1)
    with pytest.raises(Refused, match="lies inside the data directory"):
        take(directory, directory.folder / "series", minute=1)
    with pytest.raises(Refused, match="is not a folder"):
        take(directory, directory.folder / "config.toml", minute=1)
