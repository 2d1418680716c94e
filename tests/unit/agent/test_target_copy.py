"""The target of a file copy: whole files or none, whatever ends in the middle."""

import errno
import hashlib
import os
import random
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from jaz_lite.agent.copying.file_paths import FileFault, part_name
from jaz_lite.agent.copying.file_record import CopyRecord
from jaz_lite.agent.copying.file_target import TargetFile
from jaz_lite.agent.copying.target_copy import TargetCopy
from jaz_lite.agent.file_roots import FileRoots

K = bytes(range(16))
ALL = 2**63


def quiet(_offset: int) -> None:
    """Nobody wants to know."""


def sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


class Target:
    """A folder, and the copies that come into it."""

    def __init__(self, tmp_path: Path) -> None:
        self.folder = tmp_path / "in"
        self.folder.mkdir()
        self.record = tmp_path / "own" / "copies" / K.hex()
        self.roots = FileRoots((str(tmp_path),), str(tmp_path / "own"))

    def copy(self, **changes: Any) -> TargetCopy:
        """Return the copy as a new process of the agent begins it."""
        return TargetCopy(K, {"folder": str(self.folder), **changes}, record=self.record, roots=self.roots)

    @property
    def names(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())


@pytest.fixture
def target(tmp_path: Path) -> Target:
    return Target(tmp_path)


def begin(
    copy: TargetCopy, name: bytes = b"a", *, size: int = 0, mode: int = 0o644, most: int = ALL
) -> TargetFile | None:
    return copy.begin_file(name, size=size, mode=mode, most=most, busy=quiet)


def send(copy: TargetCopy, name: bytes, data: bytes, *, mode: int = 0o644) -> None:
    file = begin(copy, name, size=len(data), mode=mode)
    assert file is not None
    file.write(file.position, [data[file.position :]])
    file.finish(len(data), sha(data))


def test_a_file_appears_under_its_name_when_it_is_whole(target: Target) -> None:
    copy = target.copy()
    file = begin(copy, b"a", mode=0o104751)
    assert file is not None
    file.write(0, [b"hel", b"lo"])
    (part,) = target.folder.iterdir()

    assert part.name == part_name(K, b"a")
    assert stat.S_IMODE(part.stat().st_mode) == 0o600
    file.finish(5, sha(b"hello"))

    assert target.names == ["a"]
    assert (target.folder / "a").read_bytes() == b"hello"
    assert stat.S_IMODE((target.folder / "a").stat().st_mode) == 0o751
    assert copy.clean_up() == f"{sha(b'hello').hex()} 5 a\n".encode()


def test_what_did_not_arrive_as_it_was_sent_gets_no_name(target: Target) -> None:
    copy = target.copy()
    for size, checksum in ((5, sha(b"other")), (4, sha(b"hello")), (6, sha(b"hello"))):
        file = begin(copy)
        assert file is not None
        file.write(0, [b"hello"])
        with pytest.raises(FileFault) as caught:
            file.finish(size, checksum)
        file.close()
        assert caught.value.code == "checksum"

    assert "a" not in target.names
    copy.clean_up()
    assert target.names == []


def test_an_earlier_part_is_gone_on_with_from_where_its_checksum_stands(target: Target) -> None:
    file = begin(target.copy())
    assert file is not None
    file.write(0, [b"hello "])
    file.close()

    again = begin(target.copy())
    assert again is not None
    assert (again.position, again.sha) == (6, sha(b"hello "))
    again.write(6, [b"world"])
    again.finish(11, sha(b"hello world"))

    assert (target.folder / "a").read_bytes() == b"hello world"


def test_no_more_of_a_part_is_kept_than_is_wanted(target: Target) -> None:
    file = begin(target.copy())
    assert file is not None
    file.write(0, [b"hello "])
    file.close()

    again = begin(target.copy(), most=3)

    assert again is not None
    assert (again.position, again.sha) == (3, sha(b"hel"))
    again.write(3, [b"p"])
    again.finish(4, sha(b"help"))
    assert (target.folder / "a").read_bytes() == b"help"


@pytest.mark.parametrize("data", [b"other", b""])
def test_a_source_that_begins_anew_wipes_what_an_earlier_try_left(target: Target, data: bytes) -> None:
    file = begin(target.copy())
    assert file is not None
    file.write(0, [b"a long first try"])
    file.close()

    again = begin(target.copy())
    assert again is not None
    if data:
        again.write(0, [data])
    again.finish(len(data), sha(data))

    assert (target.folder / "a").read_bytes() == data


def test_a_finished_file_is_known_again_also_where_overwriting_is_off(target: Target) -> None:
    send(target.copy(), b"a", b"hello")

    assert begin(target.copy(), b"a") is None


@pytest.mark.parametrize("overwrite", [True, False])
def test_the_overwrite_rule(target: Target, overwrite: bool) -> None:
    (target.folder / "a").write_text("old")
    copy = target.copy(overwrite=overwrite)

    if overwrite:
        send(copy, b"a", b"new")
    else:
        with pytest.raises(FileFault, match='the file "a" exists already, and overwriting is off'):
            begin(copy)

    assert (target.folder / "a").read_text() == ("new" if overwrite else "old")


@pytest.mark.parametrize("overwrite", [True, False])
@pytest.mark.parametrize("step", ["os.link", "os.replace", "os.unlink", "os.fsync", "record"])
def test_a_crash_between_any_two_steps_leaves_a_whole_file_or_none_and_is_gone_on_with(
    target: Target, monkeypatch: pytest.MonkeyPatch, step: str, overwrite: bool
) -> None:
    """The process dies before and after each step of giving the name; the next one ends with the same file."""
    for after in (False, True):
        with monkeypatch.context() as patch:
            _die_at(patch, step, after=after)
            with suppress(Died):
                send(target.copy(overwrite=overwrite), b"a", b"hello")
        if (target.folder / "a").exists():
            assert (target.folder / "a").read_bytes() == b"hello"

        copy = target.copy(overwrite=overwrite)
        again = begin(copy)
        if again is not None:
            again.write(again.position, [b"hello"[again.position :]])
            again.finish(5, sha(b"hello"))
        assert copy.clean_up() == f"{sha(b'hello').hex()} 5 a\n".encode()
        assert target.names == ["a"]
        assert (target.folder / "a").read_bytes() == b"hello"
        (target.folder / "a").unlink()
        target.record.unlink()


class Died(BaseException):
    """The process is gone."""


def _die_at(patch: pytest.MonkeyPatch, step: str, *, after: bool) -> None:
    died: list[bool] = []

    def dying(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            if died:
                raise Died
            if after:
                real(*arguments, **named)
            died.append(True)
            raise Died

        return call

    if step == "record":
        patch.setattr(CopyRecord, "finish", dying(CopyRecord.finish))
    else:
        name = step.removeprefix("os.")
        patch.setattr(os, name, dying(getattr(os, name)))


def test_a_torn_end_of_the_record_is_passed_over(target: Target) -> None:
    send(target.copy(), b"a", b"hello")
    with target.record.open("ab") as file:
        file.write(b"\x00\x00\x00\x40torn")

    copy = target.copy()
    assert begin(copy, b"a") is None
    send(copy, b"b", b"more")

    assert begin(target.copy(), b"b") is None


def test_a_full_disk_is_said_in_a_sentence_and_leaves_nothing(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = target.copy()
    with pytest.raises(FileFault, match='the file "a" does not fit: the disk is full'):
        begin(copy, size=2**61)
    file = begin(copy)
    assert file is not None

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(FileFault, match="the disk is full"):
            file.write(0, [b"hello"])
    file.close()
    copy.clean_up()

    assert target.names == []


def test_a_folder_that_is_missing_is_said(target: Target) -> None:
    with pytest.raises(FileFault, match=r'the folder ".*" is missing'):
        begin(target.copy(folder=str(target.folder / "none")))


@pytest.mark.parametrize("name", [b"../a", b"/etc/cron.d/a", b"..", b".", b"a/b", b"a\\b", b"a\0b", b".jazl-x.part"])
def test_names_that_a_source_sends_lead_nowhere(target: Target, name: bytes) -> None:
    with pytest.raises(FileFault) as caught:
        begin(target.copy(), name)

    assert caught.value.code == "name"
    assert target.names == []


def test_only_the_parts_of_this_copy_are_removed(target: Target) -> None:
    copy = target.copy()
    file = begin(copy)
    assert file is not None
    file.close()
    (target.folder / part_name(bytes(16), b"a")).touch()
    (target.folder / "mine.part").touch()

    copy.clean_up()

    assert target.names == [part_name(bytes(16), b"a"), "mine.part"]


def test_what_is_told_of_many_files_is_bounded(target: Target) -> None:
    copy = target.copy()
    for number in range(700):
        send(copy, b"%0200d" % number, b"")

    told = copy.clean_up()

    assert len(told) <= 64_000
    assert told.splitlines()[-1].startswith(b"and ")


@pytest.mark.parametrize("seed", range(30))
def test_cut_anywhere_any_number_of_times_the_target_is_the_source(target: Target, seed: int) -> None:
    chance = random.Random(seed)
    files = {b"%d" % number: chance.randbytes(chance.choice([0, 1, 5_000, 70_000])) for number in range(4)}
    for _ in range(200):
        copy = target.copy(overwrite=False)
        for name, data in files.items():
            file = begin(copy, name, size=len(data))
            if file is None:
                continue
            assert file.sha == sha(data[: file.position])
            while file.position < len(data) and chance.random() < 0.9:
                piece = data[file.position : file.position + chance.randrange(1, 9_000)]
                file.write(file.position, [piece])
            if file.position < len(data) or chance.random() < 0.3:
                file.close()
                break
            file.finish(len(data), sha(data))
        else:
            break
        if chance.random() < 0.5:
            copy.close()
    copy.clean_up()

    assert {path.name.encode(): path.read_bytes() for path in target.folder.iterdir()} == files
