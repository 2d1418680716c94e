"""The source of a file copy: lists in pages, files that stay what they were."""

import hashlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jaz_lite.agent.copying.file_folder import Folder
from jaz_lite.agent.copying.file_paths import FileFault
from jaz_lite.agent.copying.file_source import SourceFile, list_page, name_of
from jaz_lite.agent.file_roots import FileRoots
from jaz_lite.wire.limits import FILE_NAMES_MAX, FILE_NAMES_PAGE_BYTES_MAX, FILE_NAMES_PAGE_MAX


def quiet(_offset: int) -> None:
    """Nobody wants to know."""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


@pytest.fixture
def folder(place: Path) -> Iterator[Folder]:
    made = Folder(str(place), FileRoots(("/",), "/nowhere"))
    yield made
    made.close()


def listed(folder: Folder, pattern: str) -> list[bytes]:
    """Return all names, page after page."""
    names: list[bytes] = []
    while True:
        page, more = list_page(folder, pattern, names[-1] if names else b"")
        names += [entry.name for entry in page]
        if not more:
            return names


def test_a_list_holds_the_regular_files_that_fit_sorted_with_what_they_are(place: Path, folder: Folder) -> None:
    (place / "b.csv").write_bytes(b"12345")
    (place / "b.csv").chmod(0o640)
    os.utime(place / "b.csv", ns=(0, 1_700_000_000_123_456_789))
    (place / "a.csv").touch()
    (place / "c.txt").touch()
    (place / ".jazl-00-11.part").touch()
    (place / "dir.csv").mkdir()
    (place / "link.csv").symlink_to("b.csv")

    page, more = list_page(folder, "*.csv", b"")

    assert [entry.name for entry in page] == [b"a.csv", b"b.csv"]
    assert not more
    assert page[1][1:] == (5, 0o640, 1_700_000_000_123)
    assert listed(folder, "*") == [b"a.csv", b"b.csv", b"c.txt"]


def test_long_lists_come_in_pages_and_none_is_missed(place: Path, folder: Folder) -> None:
    for number in range(FILE_NAMES_PAGE_MAX * 2 + 7):
        (place / f"{number:05}").touch()

    assert listed(folder, "*") == [b"%05d" % number for number in range(FILE_NAMES_PAGE_MAX * 2 + 7)]


def test_pages_of_long_names_fit_into_a_frame(place: Path, folder: Folder) -> None:
    for number in range(FILE_NAMES_PAGE_MAX * 2):
        (place / f"{number:05}{'夜' * 83}").touch()

    page, more = list_page(folder, "*", b"")

    assert more
    assert sum(len(entry.name) + 40 for entry in page) <= FILE_NAMES_PAGE_BYTES_MAX
    assert len(listed(folder, "*")) == FILE_NAMES_PAGE_MAX * 2


def test_more_files_than_a_copy_may_have_are_refused(place: Path, folder: Folder) -> None:
    for number in range(FILE_NAMES_MAX + 1):
        (place / f"{number}").touch()

    with pytest.raises(FileFault) as caught:
        list_page(folder, "*", b"")

    assert caught.value.code == "too_many"


def test_no_match_is_said_with_the_folder_and_the_pattern(place: Path, folder: Folder) -> None:
    with pytest.raises(FileFault) as caught:
        list_page(folder, "*.csv", b"")

    assert str(caught.value) == f'no file in "{place}" matches "*.csv"'


@pytest.mark.parametrize(
    ("pattern", "code"), [("dir", "not_regular"), ("link", "not_regular"), ("none", "missing"), ("../x", "name")]
)
def test_of_one_name_it_is_said_why_it_will_not_do(place: Path, folder: Folder, pattern: str, code: str) -> None:
    (place / "dir").mkdir()
    (place / "link").symlink_to("/etc/passwd")

    with pytest.raises(FileFault) as caught:
        list_page(folder, pattern, b"")

    assert caught.value.code == code


def test_names_that_are_not_utf_8_are_listed_and_read_all_the_same(place: Path, folder: Folder) -> None:
    raw = "夜".encode("shift_jis")
    Path(os.fsdecode(os.fsencode(place) + b"/" + raw)).write_bytes(b"night")

    (entry,), _ = list_page(folder, "*", b"")
    file = SourceFile(folder, name_of(entry.name))

    assert entry.name == raw
    assert file.read(10) == b"night"
    file.close()


def test_a_file_is_read_on_from_where_the_target_stands(place: Path, folder: Folder) -> None:
    content = os.urandom(300_000)
    (place / "a").write_bytes(content)
    file = SourceFile(folder, "a")

    file.pass_over(200_000, quiet)
    assert file.sha == hashlib.sha256(content[:200_000]).digest()
    rest = b"".join(iter(lambda: file.read(65_536), b""))

    assert rest == content[200_000:]
    assert file.finish() == hashlib.sha256(content).digest()
    file.close()


def test_a_target_that_has_more_than_the_file_is_noticed(place: Path, folder: Folder) -> None:
    (place / "a").write_bytes(b"short")
    file = SourceFile(folder, "a")

    file.pass_over(1_000, quiet)

    assert file.position == 5
    file.begin_anew()
    assert file.read(10) == b"short"
    file.close()


@pytest.mark.parametrize("change", ["grown", "cut", "written"])
def test_a_file_that_changes_while_it_is_read_is_a_failure(place: Path, folder: Folder, change: str) -> None:
    path = place / "a"
    path.write_bytes(b"0123456789")
    os.utime(path, ns=(0, 1_000))
    file = SourceFile(folder, "a")
    assert file.read(5) == b"01234"

    if change == "grown":
        path.write_bytes(b"0123456789abc")
    elif change == "cut":
        os.truncate(path, 3)
    else:
        path.write_bytes(b"9876543210")
    with pytest.raises(FileFault) as caught:
        _read_to_its_end(file)

    assert caught.value.code == "changed"
    file.close()


@pytest.mark.skipif(sys.platform != "linux", reason="the /proc of Linux")
def test_what_the_system_makes_up_is_no_empty_file() -> None:
    folder = Folder("/proc/self", FileRoots(("/",), "/nowhere"))
    file = SourceFile(folder, "status")

    with pytest.raises(FileFault, match="holds more than its size says"):
        _read_to_its_end(file)

    file.close()
    folder.close()


def _read_to_its_end(file: SourceFile) -> None:
    while file.read(5):
        pass
    file.finish()
