"""A data directory that others could change is refused (T11)."""

import os
from pathlib import Path

import pytest

from jaz_lite.agent.machine.trusted_folder import refuse_if_others_may_write
from jaz_lite.errors import JazLiteError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "parent" / "agent"
    made.mkdir(parents=True, mode=0o700)
    return made


def test_a_folder_of_ones_own_below_a_sticky_one_is_fine(folder: Path) -> None:
    folder.parent.chmod(0o1777)

    refuse_if_others_may_write(folder)


@pytest.mark.parametrize("mode", [0o702, 0o777, 0o1777])
def test_a_data_directory_in_which_others_may_write_is_refused(folder: Path, mode: int) -> None:
    folder.chmod(mode)

    with pytest.raises(JazLiteError, match="others may write in") as caught:
        refuse_if_others_may_write(folder)

    assert caught.value.hint == f"chmod 700 {folder}"


def test_a_parent_in_which_others_may_write_is_refused_by_name(folder: Path) -> None:
    folder.parent.chmod(0o777)

    with pytest.raises(JazLiteError, match="could put another folder in the place") as caught:
        refuse_if_others_may_write(folder)

    assert f"others may write in {folder.parent}," in caught.value.message


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give folders away")
def test_a_group_that_others_are_in_may_not_write_and_no_other_user_may_own_it(folder: Path) -> None:
    os.chown(folder.parent, 0, 1)  # a group of its own, daemon or bin on every system
    folder.parent.chmod(0o770)
    with pytest.raises(JazLiteError, match="others may write"):
        refuse_if_others_may_write(folder)

    os.chown(folder.parent, 1, 1)
    folder.parent.chmod(0o755)
    with pytest.raises(JazLiteError, match="who could put another one in its place"):
        refuse_if_others_may_write(folder)

    os.chown(folder.parent, 0, 0)
    os.chown(folder, 1, 1)
    with pytest.raises(JazLiteError, match="belongs to user"):
        refuse_if_others_may_write(folder)
