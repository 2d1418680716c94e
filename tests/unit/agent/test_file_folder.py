"""The folder that files are copied from or to: nothing leads out of it, whatever stands in it or takes its place."""

import errno
import os
import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from jaz_lite.agent.copying.file_folder import BY_DESCRIPTOR, Folder
from jaz_lite.agent.copying.file_paths import FileFault
from jaz_lite.agent.copying.file_source import list_page
from jaz_lite.agent.file_roots import FileRoots

pytestmark = pytest.mark.skipif(os.name == "nt", reason="links and pipes of Unix")
by_descriptor = pytest.mark.skipif(not BY_DESCRIPTOR, reason="this system opens files by their whole path only")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for name in ("data", "secret", "own"):
        (tmp_path / name).mkdir()
    (tmp_path / "secret" / "key").write_text("secret")
    (tmp_path / "own" / "site.msgpack").write_text("own")
    return tmp_path


@pytest.fixture
def roots(place: Path) -> FileRoots:
    return FileRoots((str(place / "data"),), str(place / "own"))


@pytest.fixture
def folder(place: Path, roots: FileRoots) -> Iterator[Folder]:
    made = Folder(str(place / "data"), roots)
    yield made
    made.close()


def refused(path: object, roots: FileRoots) -> str:
    with pytest.raises(FileFault) as caught:
        Folder(str(path), roots).close()
    return caught.value.code


def test_only_folders_under_the_roots_are_opened(place: Path, roots: FileRoots) -> None:
    (place / "data" / "deep").mkdir()
    (place / "data" / "file").write_text("x")
    (place / "data-beside").mkdir()
    (place / "data" / "out").symlink_to(place / "secret")
    (place / "data" / "round").symlink_to(place / "data" / "deep")
    (place / "data" / "loop").symlink_to(place / "data" / "loop")

    Folder(str(place / "data" / "deep"), roots).close()
    Folder(str(place / "data" / "round"), roots).close()
    Folder(f"{place}/data/../data/./deep/", roots).close()
    assert refused(place / "secret", roots) == "roots"
    assert refused(place, roots) == "roots"
    assert refused(place / "data-beside", roots) == "roots"
    assert refused(place / "data" / "out", roots) == "roots"
    assert refused(f"{place}/data/../secret", roots) == "roots"
    assert refused(place / "data" / "none", roots) == "folder"
    assert refused(place / "data" / "file", roots) == "folder"
    assert refused(place / "data" / "loop", roots) == "folder"
    assert refused("data", roots) == "folder"
    assert refused("/a\0b", roots) == "folder"
    assert refused("/" + "x" * 5_000, roots) in ("folder", "name")


def test_the_agents_own_directory_is_never_opened(place: Path) -> None:
    (place / "own" / "sites").mkdir()
    (place / "data" / "in").symlink_to(place / "own" / "sites")
    everything = FileRoots(("/",), str(place / "own"))

    Folder(str(place / "secret"), everything).close()
    for path in (place / "own", place / "own" / "sites", place / "data" / "in", f"/proc/self/root{place}/own"):
        assert refused(path, everything) in ("roots", "folder")


def test_what_is_no_regular_file_is_not_read(place: Path, folder: Folder) -> None:
    data = place / "data"
    (data / "link").symlink_to(place / "secret" / "key")
    (data / "dead").symlink_to("nowhere")
    (data / "dir").mkdir()
    os.mkfifo(data / "pipe")
    with socket.socket(socket.AF_UNIX) as line:
        here = Path.cwd()
        os.chdir(data)
        line.bind("sock")
        os.chdir(here)
    for name in ("link", "dead", "dir", "pipe", "sock"):
        with pytest.raises(FileFault) as caught:
            folder.open_regular(name)
        assert caught.value.code == "not_regular", name
    with pytest.raises(FileFault) as missing:
        folder.open_regular("none")
    assert missing.value.code == "missing"
    with pytest.raises(FileFault):
        list_page(folder, "*", b"")


@by_descriptor
def test_a_link_that_takes_the_place_of_the_folder_changes_nothing(place: Path, folder: Folder) -> None:
    (place / "data" / "a").write_text("ours")
    (place / "data").rename(place / "moved")
    (place / "data").symlink_to(place / "secret")
    (place / "secret" / "a").write_text("theirs")

    descriptor = folder.open_regular("a")
    part = folder.open_part(".jazl-1.part")
    os.write(part, b"x")
    folder.publish(".jazl-1.part", "b", overwrite=True)

    assert os.read(descriptor, 10) == b"ours"
    assert sorted(path.name for path in (place / "moved").iterdir()) == ["a", "b"]
    assert sorted(path.name for path in (place / "secret").iterdir()) == ["a", "key"]
    os.close(descriptor)
    os.close(part)


@by_descriptor
def test_while_links_and_folders_are_swapped_nothing_outside_is_ever_opened(place: Path, roots: FileRoots) -> None:
    """One thread swaps a folder for a link to the secret one all the time; another opens it. Bounded by rounds."""
    target = place / "data" / "x"
    target.mkdir()
    (target / "key").write_text("ours")
    away = place / "data" / "away"
    over = threading.Event()

    def swap() -> None:
        while not over.is_set():
            target.rename(away)
            target.symlink_to(place / "secret")
            target.unlink()
            away.rename(target)
            for _ in range(30):
                target.stat()  # for a moment it is in place

    swapper = threading.Thread(target=swap)
    swapper.start()
    read, faults = set(), set()
    try:
        for _ in range(3_000):
            try:
                folder = Folder(str(target), roots)
            except FileFault as fault:
                faults.add(fault.code)
                continue
            descriptor = folder.open_regular("key")
            read.add(os.read(descriptor, 10))
            os.close(descriptor)
            folder.close()
    finally:
        over.set()
        swapper.join()

    assert read <= {b"ours"}
    assert faults <= {"roots", "folder"}


def test_a_link_that_becomes_a_folder_while_it_is_resolved_is_told_as_that(
    place: Path, roots: FileRoots, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_link_any_more(_path: str) -> str:
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(os.path, "realpath", no_link_any_more)

    with pytest.raises(FileFault, match="changed while it was opened") as fault:
        Folder(str(place / "data"), roots)
    assert fault.value.code == "folder"


def test_a_file_that_becomes_a_link_between_two_looks_is_not_followed(place: Path, folder: Folder) -> None:
    name = place / "data" / "a"
    over = threading.Event()

    def swap() -> None:
        while not over.is_set():
            name.write_text("ours")
            name.unlink()
            name.symlink_to(place / "secret" / "key")
            name.unlink()

    swapper = threading.Thread(target=swap)
    swapper.start()
    read, faults = set(), set()
    try:
        for _ in range(3_000):
            try:
                descriptor = folder.open_regular("a")
            except FileFault as fault:
                faults.add(fault.code)
                continue
            read.add(os.read(descriptor, 10))
            os.close(descriptor)
    finally:
        over.set()
        swapper.join()

    assert read <= {b"ours", b""}
    assert faults <= {"missing", "not_regular"}


@pytest.mark.parametrize("what", ["link", "hard link", "pipe", "folder link"])
def test_a_part_that_somebody_else_put_there_gives_way(place: Path, folder: Folder, what: str) -> None:
    part = place / "data" / ".jazl-1.part"
    match what:
        case "link":
            part.symlink_to(place / "secret" / "key")
        case "hard link":
            os.link(place / "secret" / "key", part)
        case "pipe":
            os.mkfifo(part)
        case _:
            part.symlink_to(place / "secret")

    descriptor = folder.open_part(part.name)
    os.write(descriptor, b"ours")
    os.close(descriptor)

    seen = part.lstat()
    assert stat.S_ISREG(seen.st_mode)
    assert (stat.S_IMODE(seen.st_mode), seen.st_nlink) == (0o600, 1)
    assert (place / "secret" / "key").read_text() == "secret"


@pytest.mark.parametrize("overwrite", [True, False])
@pytest.mark.parametrize("what", ["link", "dead link", "folder", "pipe"])
def test_what_is_no_regular_file_is_not_replaced(place: Path, folder: Folder, what: str, overwrite: bool) -> None:
    name = place / "data" / "a"
    match what:
        case "link":
            name.symlink_to(place / "secret" / "key")
        case "dead link":
            name.symlink_to("nowhere")
        case "folder":
            name.mkdir()
        case _:
            os.mkfifo(name)
    os.close(folder.open_part(".jazl-1.part"))

    with pytest.raises(FileFault) as caught:
        folder.publish(".jazl-1.part", "a", overwrite=overwrite)

    assert caught.value.code == "not_regular"
    assert (place / "secret" / "key").read_text() == "secret"


def test_without_overwriting_a_file_that_came_a_moment_ago_is_kept(
    place: Path, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.close(folder.open_part(".jazl-1.part"))
    look = folder.refuse_taken

    def looked_and_then_somebody_was_faster(name: str, *, overwrite: bool) -> None:
        look(name, overwrite=overwrite)
        (place / "data" / name).write_text("theirs")

    monkeypatch.setattr(folder, "refuse_taken", looked_and_then_somebody_was_faster)
    with pytest.raises(FileFault) as caught:
        folder.publish(".jazl-1.part", "a", overwrite=False)

    assert caught.value.code == "exists"
    assert (place / "data" / "a").read_text() == "theirs"
