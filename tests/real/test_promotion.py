"""A standby that the agents elect, with real processes whose clocks all run fast: half a minute is a few seconds."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real.oracle import Oracle
from tests.real.test_activation import free_port, kill
from tests.real.test_dialled_agents import Machine, reachable, until
from tests.real.test_standby import Active, Standby

SPEED = 6
AFTER_S = 30
LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
SETTINGS = f"[failover]\nauto_promote = true\npromote_after_s = {AFTER_S}\n"

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not LIBRARIES, reason="clocks are made fast by libfaketime, which is not installed"),
]


class Elective(Active):
    """An active server with three agents that may elect its standby."""

    def begin(self) -> None:
        self.command("init")
        (self.data / "config.toml").write_text(SETTINGS)
        self.start(f"127.0.0.1:{self.ports[0]}")
        both = [word for port in self.ports for word in ("--address", f"127.0.0.1:{port}")]
        self.machines = {name: Machine(self.folder / name, free_port()) for name in ("m1", "m2", "m3")}
        enrolling = []
        for name, machine in self.machines.items():
            token = json.loads(self.command("agent", "invite", name, "--json", *both))["token"]
            enrolling.append(machine.run("enroll", token))
        assert [one.wait(30) for one in enrolling] == [0, 0, 0]
        self.agents = [machine.run("run") for machine in self.machines.values()]
        for name in self.machines:
            until(lambda name=name: reachable(self, name), f"agent {name} did not come")

    def stop(self) -> None:
        super().stop()
        for agent in self.agents:
            agent.kill()
            agent.wait()
        for machine in self.machines.values():
            machine.clean_up()


@pytest.fixture
def active(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Elective]:
    monkeypatch.setenv("LD_PRELOAD", str(LIBRARIES[0]))
    monkeypatch.setenv("FAKETIME", f"+0 x{SPEED}")
    made = Elective(tmp_path)
    made.begin()
    yield made
    made.stop()


@pytest.fixture
def standby(active: Elective) -> Iterator[Standby]:
    made = Standby(active)
    made.follow("--token", json.loads(active.command("standby", "invite", "--json"))["token"])
    yield made
    made.stop()


def test_a_killed_active_is_replaced_by_the_standby_that_the_agents_elect(active: Elective, standby: Standby) -> None:
    witness = Oracle(active.folder)
    active.define(witness.jobnet("NIGHT", 9, 1.0, host="m1"), "night")
    until(standby.has_everything, "the standby does not keep up")
    run_id = active.ask("exec", "NIGHT")["run_id"]
    until(lambda: len(witness.counts()[0]) > 1, "the jobs did not begin")
    until(standby.has_everything, "the standby does not keep up")

    kill(active)

    until(standby.is_active, "the standby was not elected")
    until(lambda: standby.ask("run", "show", str(run_id))["state"] == "ended", "the run did not end")
    starts, ends = witness.counts()
    assert (len(starts), set(starts.values()), len(ends), set(ends.values())) == (9, {1}, 9, {1})
    assert standby.ask("status")["epoch"] == 2
