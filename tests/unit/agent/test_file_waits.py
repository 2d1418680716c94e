"""The poller of all waits, in virtual time: threads are stood in for by the loop itself."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from jaz_lite.agent.copying.file_system import Found, RealFiles
from jaz_lite.agent.disk import PosixDisk
from jaz_lite.agent.file_roots import FileRoots
from jaz_lite.agent.file_waits import POLL_S, STUCK_S, FilePoller, FileWaits


def key(number: int) -> bytes:
    return number.to_bytes(16, "big")


async def in_line(work: Callable[[], None]) -> None:
    work()


class CountingFiles(RealFiles):
    def __init__(self) -> None:
        self.looks = 0

    def find(self, path: bytes) -> "Found | None":
        self.looks += 1
        return super().find(path)


class Waits:
    """The waits of one site, and what they said."""

    def __init__(self, folder: Path, in_thread: Any = in_line, files: "CountingFiles | None" = None) -> None:
        self.folder = folder
        self.said: list[tuple[Any, ...]] = []
        self.files = files or CountingFiles()
        (folder / "in").mkdir()
        disk = PosixDisk(folder / "agent")
        roots = FileRoots((str(folder),), str(folder / "agent"))
        self.poller = FilePoller(disk, roots, files=self.files, in_thread=in_thread)
        self.waits = FileWaits(self.poller, self.said.append, lambda: 7)

    def begin(self, number: int, name: str, **spec: Any) -> bytes:
        spec = {"path": f"{self.folder}/in/{name}", "mode": "exist", **spec}
        self.waits.begin(key(number), spec, again=False)
        return key(number)

    @property
    def ended(self) -> list[tuple[bytes, int]]:
        return [(record[1], record[2]) for record in self.said if record[0] == "ended"]

    @property
    def notes(self) -> list[str]:
        return [path.name for path in (self.folder / "agent" / "waits").iterdir()]


@pytest.fixture
def waits(tmp_path: Path) -> Waits:
    return Waits(tmp_path)


async def test_a_wait_begins_at_once_and_ends_within_a_poll(waits: Waits, autojump_clock: Any) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(waits.poller.run)
        there, later = waits.begin(1, "there"), waits.begin(2, "later")
        (waits.folder / "in" / "there").touch()
        assert waits.said == [("started", there, 7), ("started", later, 7)]

        await trio.testing.wait_all_tasks_blocked()
        assert waits.ended == [(there, 0)]
        (waits.folder / "in" / "later").touch()
        await trio.sleep(POLL_S + 0.01)

        assert waits.ended == [(there, 0), (later, 0)]
        nursery.cancel_scope.cancel()


async def test_a_thousand_waits_are_looked_at_once_a_second_and_none_more_often(
    waits: Waits, autojump_clock: Any
) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(waits.poller.run)
        for number in range(1_000):
            waits.begin(number, f"f{number}")
        await trio.sleep(10.5)

        # At 0, 1, .. 10 seconds.
        assert waits.files.looks == 11_000
        nursery.cancel_scope.cancel()


async def test_no_wait_means_no_look(waits: Waits, autojump_clock: Any) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(waits.poller.run)
        k = waits.begin(1, "a")
        await trio.sleep(0.1)
        waits.waits.end(k, "kill")
        await trio.sleep(100)

        assert waits.said == [("started", k, 7), ("cancelled", k)]
        assert waits.files.looks == 1
        nursery.cancel_scope.cancel()


async def test_a_wait_that_is_over_its_time_ends_with_255(waits: Waits, autojump_clock: Any) -> None:
    k = waits.begin(1, "a", timeout=60)

    waits.waits.end(k, "timeout")

    assert waits.said[-1][:3] == ("ended", k, 255)
    assert b"is not there after 60 s" in waits.said[-1][4]


async def test_what_has_ended_says_nothing_when_it_is_told_to_end(waits: Waits, autojump_clock: Any) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(waits.poller.run)
        (waits.folder / "in" / "a").touch()
        k = waits.begin(1, "a", delete=True)
        await trio.testing.wait_all_tasks_blocked()
        before = list(waits.said)

        waits.waits.end(k, "kill")

        assert waits.said == before
        nursery.cancel_scope.cancel()


async def test_a_note_goes_when_the_end_it_speaks_of_has_had_time_to_become_durable(
    waits: Waits, autojump_clock: Any
) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(waits.poller.run)
        (waits.folder / "in" / "a").touch()
        k = waits.begin(1, "a", delete=True)

        await trio.sleep(POLL_S / 2)
        assert waits.ended == [(k, 0)]
        assert waits.notes == [k.hex()]
        await trio.sleep(POLL_S)
        assert waits.notes == []
        nursery.cancel_scope.cancel()


async def test_what_was_dropped_says_nothing_and_may_be_begun_again(waits: Waits, autojump_clock: Any) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(waits.poller.run)
        waits.begin(1, "a")
        waits.waits.drop()
        waits.said.clear()
        (waits.folder / "in" / "a").touch()
        await trio.sleep(POLL_S * 2)
        assert waits.said == []

        k = waits.begin(1, "a")
        await trio.testing.wait_all_tasks_blocked()
        assert waits.ended == [(k, 0)]
        nursery.cancel_scope.cancel()


async def test_one_file_system_that_hangs_does_not_hold_up_the_other_waits(tmp_path: Path, autojump_clock: Any) -> None:
    threads = 0

    async def in_thread(work: Callable[[], None]) -> None:
        nonlocal threads
        threads += 1
        if threads == 2:  # the first removes notes; this one looks at the file on the share that is gone
            await trio.sleep_forever()
        work()

    waits = Waits(tmp_path, in_thread)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(waits.poller.run)
        waits.begin(1, "hung")
        others = [waits.begin(number, f"a{number}") for number in (2, 3)]
        for number in (2, 3):
            (waits.folder / "in" / f"a{number}").touch()

        await trio.sleep(STUCK_S + POLL_S)

        assert waits.ended == [(k, 0) for k in others]
        nursery.cancel_scope.cancel()


class BrokenFiles(CountingFiles):
    def find(self, path: bytes) -> "Found | None":
        if path.endswith(b"broken"):
            raise RuntimeError("a fault of ours")
        return super().find(path)


async def test_a_look_that_breaks_our_code_ends_its_own_wait_and_no_other(tmp_path: Path, autojump_clock: Any) -> None:
    waits = Waits(tmp_path, files=BrokenFiles())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(waits.poller.run)
        broken, there = waits.begin(1, "broken"), waits.begin(2, "there")
        (waits.folder / "in" / "there").touch()
        await trio.sleep(2 * POLL_S)
        nursery.cancel_scope.cancel()

    assert sorted(waits.ended) == [(broken, 255), (there, 0)]
