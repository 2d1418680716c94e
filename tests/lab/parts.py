"""Servers and agents on the hosts of a lab network, spoken to through the commands."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.lab.network import Host

COMMAND_S_MAX = 60.0
COMES_TRUE_S_MAX = 40.0
JAZ_LITE = (sys.executable, "-m", "jaz_lite.cli.main")


SAMPLE = Path(__file__).resolve().parents[2] / "docs" / "samples" / "hello.xml"


def one_job() -> str:
    """Return the definition of LAB: one job with the text TEXT on the host WHERE."""
    text = SAMPLE.read_text("utf-8").replace("HELLO", "LAB").replace("<value_name>WHO<", "<value_name>TEXT<")
    changes = (
        ("<host_flag>0<", "<host_flag>1<"),
        ("<host_name>localhost<", "<host_name>WHERE<"),
        ("<stop_code>1-255<", "<stop_code><"),  # every exit code is a good end
        ('echo "hello, $WHO"', 'eval "$TEXT"'),
    )
    for old, new in changes:
        assert old in text, f"the sample has changed: {old}"
        text = text.replace(old, new)
    return text


def run_on(host: Host, *words: str, expect: int | None = 0) -> subprocess.CompletedProcess[str]:
    """Run `jaz-lite` on a host; `expect` is the exit code wanted."""
    command = host.inside([*JAZ_LITE, *words])
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=COMMAND_S_MAX)
    if expect is not None and done.returncode != expect:
        raise AssertionError(f"jaz-lite {' '.join(words)} ended with {done.returncode}: {done.stderr[-2000:]}")
    return done


def start_on(host: Host, log: Path, *words: str, **environment: str) -> "subprocess.Popen[bytes]":
    """Start `jaz-lite` on a host in the background."""
    with log.open("ab") as out:
        return subprocess.Popen(
            host.inside([*JAZ_LITE, *words]), stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
            env={**os.environ, **environment},
        )  # fmt: skip


def comes_true(what: str, ask: Any, *, within_s: float = COMES_TRUE_S_MAX) -> Any:
    """Ask until the answer is true and return it."""
    deadline = time.monotonic() + within_s
    while not (answer := ask()):
        assert time.monotonic() < deadline, f"{what}: not within {within_s:.0f} s"
        time.sleep(0.1)  # another process is waited for
    return answer


class LabServer:
    """A server of its own on a host."""

    def __init__(self, host: Host, folder: Path) -> None:
        self.host = host
        self.data = folder
        self._log = folder.with_suffix(".log")
        self.process = self._start()
        definition = folder.with_suffix(".xml")
        definition.write_text(one_job(), "utf-8")
        self.command("import", str(definition), "--enable")

    def _start(self) -> "subprocess.Popen[bytes]":
        started = start_on(self.host, self._log, "server", "--listen", "0.0.0.0:11061", "--data", str(self.data))
        comes_true("the server is up", lambda: self.command("status", expect=None).returncode == 0)
        return started

    def command(self, *words: str, expect: int | None = 0) -> "subprocess.CompletedProcess[str]":
        """Run a command against this server."""
        return run_on(self.host, "--data", str(self.data), *words, expect=expect)

    def ask(self, *words: str) -> Any:
        """The same with `--json`, parsed."""
        return json.loads(self.command(*words, "--json").stdout)

    def invite(self, name: str) -> str:
        """Return a token for an agent."""
        return str(self.ask("agent", "invite", name)["token"])

    def reaches(self, name: str) -> bool:
        """Tell whether an agent is in session."""
        return any(row["agent_id"] == name and row["reachable"] for row in self.ask("agent", "list")["agents"])

    def wait_for(self, name: str) -> None:
        """Wait until an agent is in session."""
        comes_true(f"agent {name} is reachable", lambda: self.reaches(name))

    def start_job(self, text: str, on: str) -> str:
        """Start a run of one job on a host, and return its number."""
        words = ("exec", "LAB", "-E", f"TEXT={text}", "-E", f"WHERE={on}")
        return self.command(*words).stdout.strip()

    def ended(self, run_id: str) -> dict[str, Any]:
        """Wait for the end of a run and return it."""

        def over() -> dict[str, Any] | None:
            shown: dict[str, Any] = self.ask("run", "show", run_id)
            return shown if shown["state"] in ("ended", "run_error", "end_error") else None

        found: dict[str, Any] = comes_true(f"run {run_id} is over", over)
        return found

    def kill(self) -> None:
        """End it as a power cut of the process would."""
        self.process.kill()
        self.process.wait()

    def start_again(self) -> None:
        """Start it on the same data directory."""
        self.process = self._start()


class LabAgent:
    """An agent on a host."""

    def __init__(self, host: Host, folder: Path) -> None:
        self.host = host
        self.data = folder
        self._log = folder.with_suffix(".log")
        self.process: subprocess.Popen[bytes] | None = None

    def enrol(self, token: str, *, expect: int = 0) -> str:
        """Enrol with a token and return what was said."""
        done = run_on(self.host, "agent", "enroll", token, "--data", str(self.data), expect=expect)
        return done.stderr

    def start(self, **environment: str) -> None:
        """Run the agent."""
        self.start_with("agent", "run", "--data", str(self.data), **environment)

    def start_with(self, *words: str, **environment: str) -> None:
        """Start another command that runs on, with more in its environment."""
        if self.process is not None:
            self.process.wait(COMMAND_S_MAX)  # the one before has done its work
        self.process = start_on(self.host, self._log, *words, **environment)

    def kill(self) -> None:
        """Kill the agent's process; its keeper and jobs go on."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def kill_with_keeper(self) -> None:
        """Kill the agent and its keeper, as a machine that goes down does."""
        self.kill()
        os.kill(int((self.data / "keeper" / "lock").read_text()), signal.SIGKILL)

    def said(self) -> str:
        """Return its log."""
        return self._log.read_text(errors="replace")
