"""A group of real agents: the work is spread, an agent that is killed keeps what it has, and nothing starts twice."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.process import by_command_line
from bench.site import Site
from tests.real.oracle import Oracle

pytestmark = pytest.mark.real

JOBS = 24
JOB_SECONDS = 0.4
WITHIN_S = 60.0


class Farm:
    """A server with two agents of their own data directories, each with two slots, behind the host of the jobs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.site = Site(folder)
        self.agents: dict[str, subprocess.Popen[bytes]] = {}

    def begin(self) -> None:
        self.site.start()
        self.site.wait_for_agent()
        for name in ("w1", "w2"):
            token = self.site.ask("agent", "invite", name)["token"]
            self.agent(name, "enroll", token).wait(WITHIN_S)
            (self.folder / name / "agent.toml").write_text('par = 2\nlisten = "off"\n')
            self.run(name)
        until(lambda: all(row["reachable"] for row in self.rows().values()), "the agents do not come")
        self.site.command("host", "set", "localhost", "--group", "w1,w2")

    def agent(self, name: str, *words: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [sys.executable, "-m", "jaz_lite.cli.main", "agent", *words, "--data", str(self.folder / name)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def run(self, name: str) -> None:
        self.agents[name] = self.agent(name, "run")

    def rows(self) -> dict[str, dict[str, Any]]:
        return {row["agent_id"]: row for row in self.site.ask("agent", "list")["agents"]}

    def end(self) -> None:
        for name, process in self.agents.items():
            process.kill()
            process.wait()
            for pid in by_command_line(str(self.folder / name)):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        self.site.stop()


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Farm]:
    made = Farm(tmp_path)
    try:
        made.begin()
        yield made
    finally:
        made.end()


def until(what: Callable[[], bool], sentence: str) -> None:
    end = time.monotonic() + WITHIN_S
    while not what():
        assert time.monotonic() < end, sentence
        signal.sigtimedwait([], 0.1)


def test_work_is_spread_and_an_agent_that_is_killed_keeps_what_it_was_given(farm: Farm, tmp_path: Path) -> None:
    oracle = Oracle(tmp_path)
    farm.site.define(oracle.jobnet("MANY", JOBS, JOB_SECONDS), "many")
    run_id = farm.site.ask("exec", "MANY")["run_id"]
    until(lambda: sum(oracle.counts()[0].values()) >= 6, "the jobs do not start")

    farm.agents["w1"].kill()
    farm.agents["w1"].wait()
    until(lambda: not farm.rows()["w1"]["reachable"], "the server does not notice")
    signal.sigtimedwait([], 1.0)
    farm.run("w1")
    until(lambda: farm.site.ask("run", "show", run_id)["state"] == "ended", "the run does not end")

    starts, ends = oracle.counts()
    assert len(starts) == len(ends) == JOBS
    assert set(starts.values()) == set(ends.values()) == {1}
    used = {icon["host"] for icon in farm.site.ask("run", "show", run_id)["icons"] if icon["type"] == "job"}
    assert used == {"w1", "w2"}


def test_a_drained_agent_gets_nothing_until_it_is_used_again(farm: Farm, tmp_path: Path) -> None:
    oracle = Oracle(tmp_path)
    farm.site.define(oracle.jobnet("FEW", 4, 0.1), "few")
    farm.site.command("agent", "drain", "w1")

    run = farm.site.ask("exec", "FEW", "--wait")

    assert {icon["host"] for icon in run["icons"] if icon["type"] == "job"} == {"w2"}
    assert farm.rows()["w1"]["state"] == "draining"
    assert farm.site.ask("agent", "undrain", "w1")["state"] == "active"
