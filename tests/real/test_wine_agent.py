"""A native server and an agent under Wine with a Japanese code page: enrolled with a token, driven by the commands."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.definitions import wide
from bench.process import by_command_line
from bench.site import Site
from tests.platforms.wine_prefix import JAPAN, SWITCH, WindowsPython, set_up, windows_path

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(SWITCH not in os.environ, reason="make test-wine runs it: it needs Wine"),
]
AGENT = "win1"
HOST = "windows"
ENDS_WITHIN_S = 60.0
WAIT = """
import os, sys, time
while not os.path.exists(sys.argv[1]):
    time.sleep(0.02)
"""


class ServerAlone(Site):
    """A site whose only agent is the one under Wine."""

    verb = "server"


class WineAgent:
    """The agent's program under Wine, for one data directory."""

    def __init__(self, windows: WindowsPython, folder: Path) -> None:
        self.data = windows_path(folder / "agent")
        self._windows = windows
        self._log = folder / "agent.log"
        self._process: subprocess.Popen[bytes] | None = None

    def run(self, *words: str) -> bytes:
        """Run a command of the agent's program to its end and return what it says."""
        done = subprocess.run(
            self._command(*words), env=self._windows.environment(JAPAN), stdin=subprocess.DEVNULL,
            capture_output=True, check=False, timeout=ENDS_WITHIN_S,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        return done.stdout

    def start(self) -> None:
        self._process = subprocess.Popen(
            self._command("run"), env=self._windows.environment(JAPAN), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip

    def kill(self) -> None:
        """End it as a crash would; its keeper and its jobs go on."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def keepers(self) -> list[int]:
        return by_command_line("jaz_lite.agent.main keeper", self.data)

    def end(self) -> None:
        """Leave no process of this agent."""
        self.kill()
        for pid in self.keepers():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _command(self, *words: str) -> list[str]:
        return self._windows.command("-X", "utf8", "-m", "jaz_lite.agent.main", *words, "--data", self.data)


@pytest.fixture(scope="module")
def windows() -> WindowsPython:
    return set_up()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[ServerAlone]:
    made = ServerAlone(tmp_path)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def agent(windows: WindowsPython, site: ServerAlone, tmp_path: Path) -> Iterator[WineAgent]:
    token = site.command("agent", "invite", AGENT, "--address", f"127.0.0.1:{site.port()}").decode().split()[0]
    made = WineAgent(windows, tmp_path)
    assert AGENT.encode() in made.run("enroll", token)
    site.command("host", "add", HOST, "--agent", AGENT, "--encoding", "cp932")
    made.start()
    site.wait_for_agent()
    yield made
    made.end()


def run_of(site: Site, name: str, text: str) -> str:
    """Define a jobnet with one job on the Windows host, start it, and return the number of the run."""
    site.define(wide(name, 1, text, controller_variables=("JOB_ID",), hosts=(HOST,)), name)
    run_id = site.ask("exec", name)["run_id"]
    assert isinstance(run_id, str)
    return run_id


def until(site: Site, run_id: str, true: Callable[[dict[str, Any], dict[str, Any]], bool]) -> dict[str, Any]:
    """Wait until it is so of the run and its job; return the job."""
    end = time.monotonic() + ENDS_WITHIN_S
    while True:
        run = site.ask("run", "show", run_id)
        job = next(icon for icon in run["icons"] if icon["type"] == "job")
        if true(run, job):
            return job  # type: ignore[no-any-return]
        assert time.monotonic() < end, (run, job)
        signal.sigtimedwait([], 0.05)  # real processes; this is no virtual time


def gate_at(windows: WindowsPython, folder: Path) -> tuple[str, Path]:
    """Return the words of a job text that wait, and the file that lets it go on."""
    (folder / "wait.py").write_text(WAIT)
    words = (windows.python, folder / "wait.py", folder / "gate")
    return " ".join(f'"{windows_path(word)}"' for word in words), folder / "gate"


def test_japanese_text_variables_and_exit_codes_come_through(site: ServerAlone, agent: WineAgent) -> None:
    run_id = run_of(site, "SPEAKS", "echo 日本語 ソ表 %JOB_ID%\nexit 5")

    job = until(site, run_id, lambda run, job: job["state"] == "run_error")

    assert job["exit_code"] == 5
    assert site.command("run", "log", run_id, "/JOB-1").decode() == "日本語 ソ表 JOB-1\r\n"  # read as cp932


def test_a_job_outlives_the_killed_agent_and_its_result_is_found(
    windows: WindowsPython, site: ServerAlone, agent: WineAgent, tmp_path: Path
) -> None:
    wait, gate = gate_at(windows, tmp_path)
    run_id = run_of(site, "OUTLIVES", f"echo before\n{wait}\necho after\nexit 0")
    until(site, run_id, lambda run, job: job["state"] == "running")
    keepers = agent.keepers()

    agent.kill()
    gate.touch()
    agent.start()

    until(site, run_id, lambda run, job: run["state"] == "ended")
    assert site.command("run", "log", run_id, "/JOB-1") == b"before\r\nafter\r\n"
    assert agent.keepers() == keepers


def test_a_killed_keeper_leaves_its_job_to_be_decided_and_not_started_again(
    windows: WindowsPython, site: ServerAlone, agent: WineAgent, tmp_path: Path
) -> None:
    wait, gate = gate_at(windows, tmp_path)
    marks = tmp_path / "marks"
    run_id = run_of(site, "LOST", f'echo started>>"{windows_path(marks)}"\n{wait}')
    until(site, run_id, lambda run, job: job["state"] == "running" and marks.exists())

    for pid in agent.keepers():
        os.kill(pid, signal.SIGKILL)
    gate.touch()

    until(site, run_id, lambda run, job: (job["doubt"] or {}).get("reason") == "lost")
    assert marks.read_text().split() == ["started"]


def test_a_stopped_run_ends_all_that_its_job_has_started(
    windows: WindowsPython, site: ServerAlone, agent: WineAgent, tmp_path: Path
) -> None:
    wait, _ = gate_at(windows, tmp_path)
    run_id = run_of(site, "STOPS", f'start "" /b {wait}\n{wait}')
    until(site, run_id, lambda run, job: job["state"] == "running")
    end = time.monotonic() + ENDS_WITHIN_S
    while len(by_command_line("wait.py", str(tmp_path / "gate").replace("/", "\\"))) < 2:
        assert time.monotonic() < end
        signal.sigtimedwait([], 0.05)

    site.command("run", "stop", run_id)

    job = until(site, run_id, lambda run, job: run["state"] == "end_error")
    assert job["exit_code"] == 137
    assert by_command_line("wait.py", str(tmp_path / "gate").replace("/", "\\")) == []
