"""One wait for a file, looked at by hand on a real file system."""

import os
from pathlib import Path
from typing import Any

import pytest

from jaz_lite.agent.copying.file_system import Found, RealFiles
from jaz_lite.agent.file_roots import FileRoots, PathRefused
from jaz_lite.agent.file_wait import End, FileWait

K = b"k" * 16


class KeptNotes:
    """Notes in memory, which outlive the process that they stand for."""

    def __init__(self) -> None:
        self.notes: dict[bytes, bytes] = {}

    def find(self, k: bytes) -> "bytes | None":
        return self.notes.get(k)

    def write(self, k: bytes, note: bytes) -> None:
        self.notes[k] = note


class Looking:
    """A folder, and waits that are looked at when the test says so."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.roots = FileRoots((str(folder),), str(folder / "agent"))
        self.notes = KeptNotes()
        self.files: Any = RealFiles()
        self.mono = 100.0

    def wait(self, name: str, mode: str = "exist", *, again: bool = False, **spec: Any) -> FileWait:
        return FileWait(K, {"path": f"{self.folder}/{name}", "mode": mode, **spec}, again=again)

    @property
    def names(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())

    def at(self, wait: FileWait, after_s: float = 0.0) -> "End | None":
        self.mono += after_s
        return wait.look(self.files, self.roots, self.notes, self.mono)


@pytest.fixture
def place(tmp_path: Path) -> Looking:
    return Looking(tmp_path)


def test_a_wait_ends_when_the_file_is_there(place: Looking) -> None:
    wait = place.wait("a")

    assert place.at(wait) is None
    (place.folder / "a").touch()

    assert place.at(wait) == End(0, f'the file "{place.folder}/a" exists\n'.encode())
    assert (place.folder / "a").exists()


@pytest.mark.parametrize(("there", "code"), [(True, 1), (False, 0)])
def test_a_look_says_with_its_code_whether_the_file_is_there(place: Looking, *, there: bool, code: int) -> None:
    if there:
        (place.folder / "a").touch()

    end = place.at(place.wait("a", once=True))

    assert end is not None
    assert end.code == code


def test_deleting_is_told_and_leaves_a_note_that_may_go_later(place: Looking) -> None:
    (place.folder / "a").touch()

    end = place.at(place.wait("a", delete=True))

    assert end == End(0, f'the file "{place.folder}/a" exists\nit was deleted\n'.encode(), deleted=True)
    assert not (place.folder / "a").exists()
    assert K in place.notes.notes


def test_a_look_that_deletes_still_says_that_the_file_was_there(place: Looking) -> None:
    (place.folder / "a").touch()

    end = place.at(place.wait("a", once=True, delete=True))

    assert end is not None
    assert end.code == 1
    assert not (place.folder / "a").exists()


class Dies(Exception):
    pass


class DyingFiles(RealFiles):
    """The process dies before it deletes, or just after."""

    def __init__(self, *, after: bool) -> None:
        self.after = after

    def delete(self, path: bytes) -> None:
        if self.after:
            super().delete(path)
        raise Dies


@pytest.mark.parametrize("after", [False, True], ids=["before-it-deleted", "after-it-deleted"])
@pytest.mark.parametrize("again", [True, False], ids=["known", "forgotten-in-a-power-cut"])
def test_a_crash_while_deleting_ends_well_and_spares_a_new_file_of_that_name(
    place: Looking, *, after: bool, again: bool
) -> None:
    path = place.folder / "a"
    path.touch()
    os.utime(path, (1, 1))
    place.files = DyingFiles(after=after)
    with pytest.raises(Dies):
        place.at(place.wait("a", delete=True))
    place.files = RealFiles()

    path.unlink(missing_ok=True)
    path.write_text("the next one")
    end = place.at(place.wait("a", delete=True, again=again))

    assert end is not None
    assert end.code == 0
    assert path.read_text() == "the next one"


def test_a_crash_before_it_deleted_is_made_good(place: Looking) -> None:
    path = place.folder / "a"
    path.touch()
    place.files = DyingFiles(after=False)
    with pytest.raises(Dies):
        place.at(place.wait("a", delete=True))
    place.files = RealFiles()

    end = place.at(place.wait("a", delete=True, again=True))

    assert end is not None
    assert end.code == 0
    assert not path.exists()


def test_a_wait_that_was_taken_back_deletes_nothing(place: Looking) -> None:
    (place.folder / "a").touch()
    wait = place.wait("a", delete=True)

    assert wait.withdraw()
    assert place.at(wait) is None
    assert (place.folder / "a").exists()


def test_a_wait_that_has_deleted_cannot_be_taken_back(place: Looking) -> None:
    (place.folder / "a").touch()
    wait = place.wait("a", delete=True)
    place.at(wait)

    assert not wait.withdraw()


def test_a_stable_file_is_one_that_nobody_writes_for_a_while(place: Looking) -> None:
    path = place.folder / "a"
    wait = place.wait("a", "stable", stable_s=5)
    assert place.at(wait) is None
    path.write_text("1")
    assert place.at(wait, 1) is None
    assert place.at(wait, 4) is None
    path.write_text("12")
    assert place.at(wait, 1) is None
    assert place.at(wait, 4.9) is None

    assert place.at(wait, 0.1) is not None


def test_a_wait_for_a_file_to_be_gone(place: Looking) -> None:
    path = place.folder / "a"
    path.touch()
    wait = place.wait("a", "absent")
    assert place.at(wait) is None

    path.unlink()

    assert place.at(wait) == End(0, f'the file "{path}" does not exist\n'.encode())


def test_wildcards_match_names_as_a_shell_does(place: Looking) -> None:
    wait = place.wait("order-*.[ct]sv", glob=True, delete=True)
    for name in (".order-1.csv", "order-1.csx", "ORDER-1.csv"):
        (place.folder / name).touch()
    (place.folder / "order-9.csv").mkdir()
    assert place.at(wait) is None
    for name in ("order-2.tsv", "order-1.csv"):
        (place.folder / name).touch()

    end = place.at(wait)

    assert end is not None
    assert end.out.decode().splitlines() == [
        f'the file "{place.folder}/order-1.csv" exists',
        f'the file "{place.folder}/order-2.tsv" exists',
        "they were deleted",
    ]
    assert place.names == [".order-1.csv", "ORDER-1.csv", "order-1.csx", "order-9.csv"]


def test_without_wildcards_a_star_is_a_star(place: Looking) -> None:
    (place.folder / "a1").touch()
    wait = place.wait("a*")
    assert place.at(wait) is None

    (place.folder / "a*").touch()

    assert place.at(wait) is not None


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("nothing/a", 'the folder "{folder}/nothing" does not exist'),
        ("folder", '"{folder}/folder" is not a regular file'),
        ("pipe", '"{folder}/pipe" is not a regular file'),
        ("a/../../outside", '"{folder}/a/../../outside" is in none of the folders that this agent may reach (file_roots'),
        ("out/a", '"{folder}/out/a" is in none of the folders that this agent may reach (file_roots in agent.toml)'),
        ("agent/sites", '"{folder}/agent/sites" leads into the agent\'s own data directory'),
        ("x" * 256, 'the name at the end of "{folder}/xxx'),
        ("a/", 'the path "{folder}/a/" names no file'),
        ("a/..", 'the path "{folder}/a/.." names no file'),
    ],
)  # fmt: skip
def test_what_cannot_be_waited_for_ends_the_wait_with_255_and_a_sentence(
    place: Looking, name: str, sentence: str
) -> None:
    (place.folder / "a").mkdir()
    (place.folder / "folder").mkdir()
    os.mkfifo(place.folder / "pipe")
    (place.folder / "out").symlink_to("/")

    end = place.at(place.wait(name))

    assert end is not None
    assert (end.code, end.out) == (255, b"")
    assert sentence.format(folder=place.folder) in end.err.decode()


def test_a_path_must_be_absolute_and_have_no_nul(place: Looking) -> None:
    for path in ("a", "./a", ""):
        with pytest.raises(PathRefused):
            place.roots.folder_of(path.encode())
    with pytest.raises(PathRefused, match="holds a NUL"):
        place.roots.folder_of(f"{place.folder}/a\0b".encode())


def test_a_link_is_followed_inside_the_roots_and_deleting_takes_the_link(place: Looking) -> None:
    (place.folder / "target").touch()
    (place.folder / "link").symlink_to("target")

    end = place.at(place.wait("link", delete=True))

    assert end is not None
    assert end.code == 0
    assert place.names == ["target"]


def test_a_link_that_leads_out_of_the_roots_is_refused_and_one_that_leads_nowhere_is_absent(place: Looking) -> None:
    (place.folder / "out").symlink_to("/etc/passwd")
    (place.folder / "nowhere").symlink_to("gone")

    out, nowhere = place.at(place.wait("out")), place.at(place.wait("nowhere", once=True))

    assert out is not None
    assert out.code == 255
    assert nowhere is not None
    assert nowhere.code == 0


def test_a_folder_that_goes_away_during_the_wait_may_come_back(place: Looking) -> None:
    folder = place.folder / "in"
    folder.mkdir()
    wait, absent = place.wait("in/a"), place.wait("in/b", "absent")
    (folder / "b").touch()
    assert (place.at(wait), place.at(absent)) == (None, None)

    (folder / "b").unlink()
    folder.rmdir()
    assert (place.at(wait), place.at(absent)) == (None, None)
    folder.mkdir()
    (folder / "a").touch()

    assert place.at(wait) is not None
    assert place.at(absent) is not None


def test_after_a_restart_a_folder_that_is_not_there_is_waited_for(place: Looking) -> None:
    assert place.at(place.wait("in/a", again=True)) is None


class RefusingFiles(RealFiles):
    def delete(self, path: bytes) -> None:
        raise PermissionError(13, "Permission denied")


def test_a_file_that_cannot_be_deleted_is_an_error(place: Looking) -> None:
    (place.folder / "a").touch()
    place.files = RefusingFiles()

    end = place.at(place.wait("a", delete=True))

    assert end == End(255, err=f'the file "{place.folder}/a" could not be deleted: Permission denied\n'.encode())


class BrokenFiles(RealFiles):
    broken = False

    def find(self, path: bytes) -> "Found | None":
        if self.broken:
            raise OSError(5, "Input/output error")
        return super().find(path)


def test_a_fault_of_the_file_system_is_an_error_at_the_first_look_and_waited_out_later(place: Looking) -> None:
    place.files = BrokenFiles()
    wait = place.wait("a")
    assert place.at(wait) is None

    place.files.broken = True
    assert place.at(wait) is None
    first = place.at(place.wait("a"))

    assert first is not None
    assert first.err.decode() == f'the file "{place.folder}/a" cannot be looked at: Input/output error\n'


def test_names_are_written_in_the_encoding_of_the_host(place: Looking) -> None:
    name = "注文\u3000一覧.csv"
    (place.folder / name).touch()
    with open(bytes(place.folder) + b"/" + name.encode("euc_jp"), "wb"):
        pass

    for encoding in ("utf-8", "euc_jp"):
        end = place.at(place.wait(name, enc=encoding))
        assert end is not None
        assert end.code == 0
        assert end.out.decode(encoding) == f'the file "{place.folder}/{name}" exists\n'


def test_a_name_that_the_encoding_has_no_characters_for_is_refused(place: Looking) -> None:
    end = place.at(place.wait("注文.csv", enc="iso-8859-1"))

    assert end is not None
    assert end.code == 255
    assert b"iso-8859-1 has no characters for" in end.err


def test_wildcards_find_names_that_are_no_text(place: Looking) -> None:
    with open(bytes(place.folder) + b"/order-\xff\xfe.csv", "wb"):
        pass

    end = place.at(place.wait("order-*.csv", glob=True, delete=True))

    assert end is not None
    assert end.out.startswith(b'the file "' + bytes(place.folder) + b'/order-\xff\xfe.csv" exists\n')
    assert place.names == []


@pytest.mark.parametrize(
    ("mode", "told"),
    [
        ("exist", "is not there after 60 s"),
        ("absent", "is still there after 60 s"),
        ("stable", "is not there, or still changes, after 60 s"),
    ],
)
def test_a_wait_that_is_over_its_time_says_what_was_not_so(place: Looking, mode: str, told: str) -> None:
    assert place.wait("a", mode, timeout=60).over() == End(255, err=f'the file "{place.folder}/a" {told}\n'.encode())
