"""A standby of a real server: it follows, takes over when it is asked to or elected, and nothing is lost or done twice."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.site import Site
from tests.real.cutter import Cutter
from tests.real.oracle import Oracle
from tests.real.test_activation import free_port
from tests.real.test_dialled_agents import Machine, reachable, until

pytestmark = pytest.mark.real


class Active(Site):
    """The active server, without an agent of its own, and a machine that knows both addresses."""

    verb = "server"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.ports = free_port(), free_port()
        self.machine = Machine(folder / "machine", free_port())
        self.agent: subprocess.Popen[bytes] | None = None

    def begin(self) -> None:
        self.start(f"127.0.0.1:{self.ports[0]}")
        both = [word for port in self.ports for word in ("--address", f"127.0.0.1:{port}")]
        token = json.loads(self.command("agent", "invite", "m1", "--json", *both))["token"]
        assert self.machine.run("enroll", token).wait(30) == 0
        self.agent = self.machine.run("run")
        until(lambda: reachable(self, "m1"), "the agent did not come")

    def stop(self) -> None:
        super().stop()
        if self.agent is not None:
            self.agent.kill()
            self.agent.wait()
        self.machine.clean_up()


class Standby(Site):
    """A standby of it."""

    def __init__(self, of: Active, name: str = "standby") -> None:
        super().__init__(of.folder)
        self.data = of.folder / name
        self.of = of

    def follow(self, *words: str, port: int | None = None, at: int | None = None) -> None:
        listen = self.of.ports[1] if port is None else port
        at = self.of.ports[0] if at is None else at
        log = (self.folder / f"{self.data.name}.log").open("ab")
        with log:
            self.server = subprocess.Popen(
                [sys.executable, "-m", "jaz_lite.cli.main", "--data", str(self.data), "standby", "run",
                 "--from", f"127.0.0.1:{at}", "--listen", f"127.0.0.1:{listen}", *words],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        until(self.has_everything, "the standby does not follow")

    def has_everything(self) -> bool:
        assert self.server is not None
        assert self.server.poll() is None, (self.folder / f"{self.data.name}.log").read_text()
        if not self._answers():
            return False
        told: dict[str, Any] = self.ask("standby", "status")
        return bool(told["follows"]) and told["behind_changes"] == 0

    def activate(self) -> None:
        """Take over with its copy; the process that followed ends."""
        before = self.server
        log = self.folder / "activated.log"
        with log.open("ab") as out:
            self.server = subprocess.Popen(
                [sys.executable, "-m", "jaz_lite.cli.main", "--data", str(self.data), "activate", "--yes",
                 "--listen", f"127.0.0.1:{self.of.ports[1]}"],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
            )  # fmt: skip
        assert before is not None
        assert before.wait(30) == 0, f"the standby does not let go of its copy: {log.read_text()}"
        until(self.is_active, log.read_text())

    def is_active(self) -> bool:
        said = self.command("status", "--json", expect=None)  # between two servers there is none for a moment
        return bool(said) and json.loads(said)["state"] == "active"


@pytest.fixture
def active(tmp_path: Path) -> Iterator[Active]:
    made = Active(tmp_path)
    made.begin()
    yield made
    made.stop()


@pytest.fixture
def follow(active: Active) -> Iterator[Callable[..., Standby]]:
    """Give a standby that follows, begun with an invitation."""
    begun: list[Standby] = []

    def make() -> Standby:
        standby = Standby(active)
        begun.append(standby)
        token = json.loads(active.command("standby", "invite", "--json"))["token"]
        standby.follow("--token", token)
        return standby

    yield make
    for standby in begun:
        standby.stop()


def refused(site: Site, *words: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "jaz_lite.cli.main", "--data", str(site.data), *words],
        check=False, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    return done.returncode, done.stderr


def test_a_switch_in_the_middle_of_a_run_loses_nothing_and_goes_back_again(
    active: Active, follow: Callable[..., Standby]
) -> None:
    witness = Oracle(active.folder)
    active.define(witness.jobnet("NIGHT", 12, 3.0, host="m1"), "night")
    standby = follow()
    assert refused(standby, "up")[0] == 4
    (shown,) = active.ask("status")["standbys"]
    assert shown["who"] == f"127.0.0.1:{active.ports[1]}"
    run_id = active.ask("exec", "NIGHT")["run_id"]
    until(lambda: len(witness.counts()[0]) > 3, "the jobs did not begin")

    active.command("switchover", "127.0.0.1")

    assert active.server is not None
    assert active.server.wait(10) == 3
    until(standby.is_active, "the standby did not take over")
    until(lambda: standby.ask("run", "show", str(run_id))["state"] == "ended", "the run did not end")
    starts, ends = witness.counts()
    assert (len(starts), set(starts.values()), len(ends), set(ends.values())) == (12, {1}, 12, {1})
    assert refused(active, "up")[0] == 3

    back = Standby(active, "data")
    back.follow(port=active.ports[0], at=active.ports[1])
    code, said = refused(back, "activate", "--yes")
    assert code == 5, said  # its lock says so, or agents and the server itself do
    assert back.has_everything(), "a takeover that was refused leaves the standby as it was"
    standby.command("switchover")
    until(back.is_active, "the old one did not take over again")
    until(lambda: reachable(back, "m1"), "the agent did not come back")
    assert back.ask("status")["epoch"] == 3
    back.stop()


def test_a_killed_active_is_replaced_by_what_its_standby_has(active: Active, follow: Callable[..., Standby]) -> None:
    witness = Oracle(active.folder)
    standby = follow()
    active.define(witness.jobnet("NIGHT", 8, 2.0, host="m1"), "night")
    run_id = active.ask("exec", "NIGHT")["run_id"]
    until(lambda: len(witness.counts()[0]) > 1, "the jobs did not begin")
    until(standby.has_everything, "the standby does not keep up")

    assert active.server is not None
    os.kill(active.server.pid, signal.SIGKILL)
    active.server.wait()
    standby.activate()

    until(lambda: standby.ask("run", "show", str(run_id))["state"] == "ended", "the run did not end")
    starts, ends = witness.counts()
    assert (len(starts), set(starts.values()), len(ends), set(ends.values())) == (8, {1}, 8, {1})


def test_a_standby_that_began_with_a_carried_snapshot_and_was_cut_off_catches_up_and_takes_over(active: Active) -> None:
    witness = Oracle(active.folder)
    active.define(witness.jobnet("NIGHT", 4, 0.5, host="m1"), "night")
    standby = Standby(active)
    active.command("snapshot", str(standby.data))
    door = Cutter(("127.0.0.1", active.ports[0]))
    try:
        standby.follow(at=int(door.address.rpartition(":")[2]))
        taken_at = standby.ask("standby", "status")["copied_at"]
        door.shut_for_now()
        assert active.ask("exec", "NIGHT", "--wait")["state"] == "ended"

        told = standby.ask("standby", "status")
        assert (told["follows"], "is not followed" in told["notices"][0]) == ("", True)
        assert active.ask("status")["standbys"] == []

        door.shut = False
        until(standby.has_everything, "the standby does not catch up")
        assert standby.ask("standby", "status")["copied_at"] == taken_at, "it got what it missed, and no new copy"
        assert active.server is not None
        active.server.kill()
        active.server.wait()
        standby.activate()
        assert [run["state"] for run in standby.ask("run", "list")["runs"]] == ["ended"]
        starts, ends = witness.counts()
        assert (len(starts), set(starts.values()), len(ends), set(ends.values())) == (4, {1}, 4, {1})
    finally:
        standby.stop()
        door.close()
