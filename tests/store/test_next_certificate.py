"""The change of the site's certificate on the disk: after a crash between any two steps both files are of one pair."""

import os
from pathlib import Path

import pytest

from jaz_lite.store.keys import (
    NEXT_CERTIFICATE_FILE,
    NEXT_KEY_FILE,
    SITE_CERTIFICATE_FILE,
    SITE_KEY_FILE,
    SWITCHING_FILE,
    Keys,
)


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    made = Keys.create(tmp_path, name="site")
    made.make_next_certificate("site", os.urandom)
    return made


def pair(folder: Path) -> tuple[bytes, bytes]:
    return (folder / SITE_CERTIFICATE_FILE).read_bytes(), (folder / SITE_KEY_FILE).read_bytes()


def following(folder: Path) -> tuple[bytes, bytes]:
    return (folder / NEXT_CERTIFICATE_FILE).read_bytes(), (folder / NEXT_KEY_FILE).read_bytes()


def test_the_next_pair_takes_the_place_of_the_present_one(keys: Keys) -> None:
    wanted = following(keys.folder)
    assert pair(keys.folder) != wanted

    keys.use_next_certificate()

    assert pair(keys.folder) == wanted
    assert keys.next_certificate() is None
    assert not (keys.folder / SWITCHING_FILE).exists()
    assert (keys.folder / SITE_KEY_FILE).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("steps", [0, 1, 2], ids=["marked", "certificate moved", "both moved"])
def test_a_crash_in_the_middle_is_finished_at_the_next_start(keys: Keys, steps: int) -> None:
    folder, wanted = keys.folder, following(keys.folder)
    (folder / SWITCHING_FILE).touch()
    moves = ((NEXT_CERTIFICATE_FILE, SITE_CERTIFICATE_FILE), (NEXT_KEY_FILE, SITE_KEY_FILE))
    for source, target in moves[:steps]:
        (folder / source).replace(folder / target)

    Keys.load(folder.parent)

    assert pair(folder) == wanted
    assert not (folder / SWITCHING_FILE).exists()


def test_without_the_mark_nothing_is_changed(keys: Keys) -> None:
    before = pair(keys.folder)

    Keys.load(keys.folder.parent)

    assert pair(keys.folder) == before
    assert keys.next_certificate() is not None
