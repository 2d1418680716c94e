"""A server that dials its agents: listening agents enrolled through the commands, real processes."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.definitions import wide
from bench.process import by_command_line
from bench.site import Site

pytestmark = pytest.mark.real

WITHIN_S = 30.0


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    made.start()
    made.wait_for_agent()
    yield made
    made.stop()


class Machine:
    """An agent's data directory, and the agent on it."""

    def __init__(self, folder: Path, port: int) -> None:
        self.data = folder
        self.port = port
        folder.mkdir(mode=0o700)
        (folder / "agent.toml").write_text(f'listen = "127.0.0.1:{port}"\n')

    def run(self, *words: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [sys.executable, "-m", "jaz_lite.cli.main", "agent", *words],
            env={**os.environ, "JAZ_LITE_AGENT_DATA": str(self.data)},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def clean_up(self) -> None:
        for pid in by_command_line(str(self.data)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    made = Machine(tmp_path / "machine", port)
    yield made
    made.clean_up()


def until(what: Any, sentence: str) -> None:
    end = time.monotonic() + WITHIN_S
    while not what():
        assert time.monotonic() < end, sentence
        signal.sigtimedwait([], 0.1)


def reachable(site: Site, name: str) -> bool:
    row = site.ask("agent", "show", name)
    assert isinstance(row, dict)
    return bool(row["reachable"])


def test_an_agent_where_only_inbound_is_allowed_runs_jobs_and_is_found_again(site: Site, machine: Machine) -> None:
    token = json.loads(site.command("agent", "invite", "dmz1", "--json"))["token"]
    enrolling = machine.run("enroll", "--listen", f"127.0.0.1:{machine.port}", token)
    until(lambda: answers(machine.port), "nobody listens for the enrolment")
    site.command("agent", "add", "dmz1", f"127.0.0.1:{machine.port}")
    assert enrolling.wait(WITHIN_S) == 0

    agent = machine.run("run")
    until(lambda: reachable(site, "dmz1"), "the server did not dial the agent")
    site.define(wide("THERE", 3, "exit 0", hosts=("dmz1",)), "there")
    assert site.ask("exec", "THERE", "--wait")["state"] == "ended"

    agent.kill()
    agent.wait()
    until(lambda: not reachable(site, "dmz1"), "the server did not notice the end of the agent")
    agent = machine.run("run")
    until(lambda: reachable(site, "dmz1"), "the server did not dial the agent again")
    assert site.ask("exec", "THERE", "--wait")["state"] == "ended"
    agent.kill()
    agent.wait()


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
