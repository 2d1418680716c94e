"""Taking over with a copy: real servers, agents and jobs, killed and activated. The jobs' own file is the witness."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.site import Site
from tests.real.oracle import Oracle
from tests.real.test_dialled_agents import Machine, answers, reachable, until

pytestmark = pytest.mark.real

ENDS_WITHIN_S = 20.0
NOT_COPIED = shutil.ignore_patterns("server.sock", "sock", "lock")


class Standby(Site):
    """A copy of another site's data directory, and the server that takes over with it."""

    def __init__(self, of: Site, name: str) -> None:
        super().__init__(of.folder)
        self.data = of.folder / name
        self.name = name
        with stopped(of):
            shutil.copytree(of.data, self.data, ignore=NOT_COPIED)

    def elsewhere(self) -> None:
        """Let the copy look as if it had been made on another machine."""
        path = self.data / "instance.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"machine_id": "another"}))

    def activate(self, *words: str) -> None:
        with (self.folder / f"{self.name}.log").open("ab") as log:
            self.server = subprocess.Popen(
                [sys.executable, "-m", "jaz_lite.cli.main", "--data", str(self.data),
                 "activate", "--listen", "127.0.0.1:0", *words],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        until(lambda: self._answers() or self.server.poll() is not None, "nothing came of the activation")
        assert self.server.poll() is None, (self.folder / f"{self.name}.log").read_text()

    def refused(self, *words: str) -> tuple[int, str]:
        """Run a command that is to be refused; return its exit code and what it says."""
        done = subprocess.run(
            [sys.executable, "-m", "jaz_lite.cli.main", "--data", str(self.data), *words],
            check=False, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        return done.returncode, done.stderr


@contextlib.contextmanager
def stopped(site: Site) -> Iterator[None]:
    """Copying a directory is no copy while its server writes; so it stands still for that time."""
    assert site.server is not None
    alive = site.server.poll() is None
    if alive:
        os.kill(site.server.pid, signal.SIGSTOP)
    yield
    if alive:
        os.kill(site.server.pid, signal.SIGCONT)


def kill(site: Site) -> None:
    assert site.server is not None
    site.server.kill()
    site.server.wait()


def run_state(site: Site) -> str:
    return str(site.ask("run", "list")["runs"][0]["state"])


@pytest.fixture
def clean_up() -> Iterator[Callable[[Site], None]]:
    """What is begun in a test is stopped after it, the newest first."""
    begun: list[Site] = []
    yield begun.append
    for site in reversed(begun):
        site.stop()


def test_a_copy_made_in_the_middle_carries_on_and_the_old_server_starts_no_more(
    tmp_path: Path, clean_up: Callable[[Site], None]
) -> None:
    old = Site(tmp_path)
    clean_up(old)
    old.start()
    old.wait_for_agent()
    witness = Oracle(tmp_path)
    old.define(witness.jobnet("NIGHT", 12, 3.0), "night")
    old.ask("exec", "NIGHT")
    until(lambda: len(witness.counts()[0]) > 3, "the jobs did not begin")
    copy = Standby(old, "copy")
    clean_up(copy)

    assert copy.refused("up")[0] == 4
    code, said = copy.refused("activate")
    assert (code, "is running" in said) == (5, True)

    kill(old)
    copy.activate()

    until(lambda: run_state(copy) == "ended", "the run did not end at the server that took over")
    starts, ends = witness.counts()
    assert (len(starts), set(starts.values()), len(ends), set(ends.values())) == (12, {1}, 12, {1})
    began = time.monotonic()
    for _ in range(2):  # the first learns it from an agent, the second from its own mark
        done = subprocess.run(
            [sys.executable, "-m", "jaz_lite.cli.main", "--data", str(old.data), "up", "--listen", "127.0.0.1:0"],
            check=False, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == 3, done.stderr
        assert "accepted epoch 2" in done.stderr
        assert "activate --after-fence" in done.stderr
    assert time.monotonic() - began < ENDS_WITHIN_S
    assert run_state(copy) == "ended"

    kill(copy)
    old.command("activate", "--yes", "--no-run", expect=3)
    old.command("activate", "--yes", "--no-run", "--after-fence")
    old.start()
    until(lambda: reachable(old, "local"), "the agent does not come back to the first server")
    assert old.ask("status")["epoch"] == 3
    assert len(witness.counts()[0]) == 12
    assert copy.refused("up")[0] == 3


def test_of_two_copies_that_are_activated_one_remains_and_agents_that_were_off_are_found(
    tmp_path: Path, clean_up: Callable[[Site], None]
) -> None:
    old = Site(tmp_path)
    old.verb = "server"
    clean_up(old)
    old.start()
    machines = []
    for name in ("m1", "m2"):
        token = json.loads(old.command("agent", "invite", name, "--json"))["token"]
        machine = Machine(tmp_path / name, free_port())
        assert machine.run("enroll", token).wait(30) == 0
        machines.append(machine)
    m1, m2 = machines
    agents = [m1.run("run"), m2.run("run")]
    try:
        for name in ("m1", "m2"):
            until(lambda name=name: reachable(old, name), "the agents did not come")
        first, second = Standby(old, "first"), Standby(old, "second")
        for copy in (first, second):
            clean_up(copy)
            copy.elsewhere()

        code, said = first.refused("activate")
        assert (code, "agent m1 heard the active server" in said) == (5, True)

        kill(old)
        agents[0].kill()
        first.activate()
        until(lambda: reachable(first, "m2"), "the agent that lived was not found")
        takeover = first.ask("status")["takeover"]
        assert (takeover["confirmed"] >= 1, [each["agent_id"] for each in takeover["rest"]]) == (True, ["m1"])
        agents.append(m1.run("run"))
        until(lambda: answers(m1.port), "the agent did not start")
        until(lambda: reachable(first, "m1"), "the agent that was off was not found")

        code, said = second.refused("activate")
        assert (code, "is connected to it" in said) == (5, True)
        second.activate("--force")

        assert first.server is not None
        assert first.server.wait(ENDS_WITHIN_S) == 3
        until(lambda: reachable(second, "m1") and reachable(second, "m2"), "the agents did not change over")
        assert "accepted epoch 3" in (tmp_path / "first.log").read_text()
        assert first.refused("up")[0] == 3
    finally:
        for agent in agents:
            agent.kill()
            agent.wait()
        for machine in machines:
            machine.clean_up()


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
