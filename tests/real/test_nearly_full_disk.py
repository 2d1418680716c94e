"""Taking over with a copy whose disk has hardly any room: the server waits for room, and then everything is done."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.site import Site
from tests.lab.disks import Disk, why_not
from tests.real.oracle import Oracle
from tests.real.test_activation import Standby, kill, run_state
from tests.real.test_dialled_agents import until

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(bool(why_not()), reason=f"no disk of its own can be made here: {why_not()}"),
]

ROOM_BYTES = 96 * 1024


@pytest.fixture
def old(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    made.start()
    made.wait_for_agent()
    yield made
    made.stop()


class OnADisk(Standby):
    """A copy on a disk of its own."""

    def __init__(self, of: Site) -> None:
        super().__init__(of, "carried")
        self.disk = Disk(of.folder / "small")
        shutil.copytree(self.data, self.disk.folder, dirs_exist_ok=True)
        self.data = self.disk.folder

    def stop(self) -> None:
        super().stop()
        self.disk.take_away()


def is_full(site: Site) -> bool:
    return any("the disk is full" in notice for notice in site.ask("status")["notices"])


def test_a_server_that_took_over_on_a_full_disk_goes_on_when_there_is_room(old: Site, tmp_path: Path) -> None:
    witness = Oracle(tmp_path)
    old.define(witness.jobnet("NIGHT", 40, 3.0), "night")
    old.ask("exec", "NIGHT")
    until(lambda: len(witness.counts()[0]) > 3, "the jobs did not begin")
    copy = OnADisk(old)
    try:
        kill(old)
        copy.disk.leave(ROOM_BYTES)

        copy.activate()
        copy.disk.leave(0)

        until(lambda: is_full(copy), "the disk does not become full")
        assert run_state(copy) == "running"
        copy.disk.grow()
        until(lambda: run_state(copy) == "ended", "the run did not end when there was room")
        starts, ends = witness.counts()
        assert (len(starts), set(starts.values()), len(ends), set(ends.values())) == (40, {1}, 40, {1})
        until(lambda: not is_full(copy), "the server does not notice that there is room")
    finally:
        copy.stop()
