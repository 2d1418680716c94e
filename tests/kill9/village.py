"""A server and several agents as real processes, each of which may be killed and comes back."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from bench.process import by_command_line
from bench.site import Site

AGENTS = ("b", "c")  # beside the server's own, whose host is called localhost
HOSTS = ("localhost", *AGENTS)
COMES_WITHIN_S = 30.0


class Village:
    """One site with its agents."""

    def __init__(self, folder: Path) -> None:
        self.site = Site(folder)
        self._folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self.site.start()
        self._listen = f"127.0.0.1:{self.site.port()}"
        for name in AGENTS:
            self._enrol(name)
            self.start_agent(name)
        self.wait_for_all()

    def _data(self, host: str) -> Path:
        return self.site.data / "agent" if host == "localhost" else self._folder / host

    def _enrol(self, name: str) -> None:
        token = self.site.ask("agent", "invite", name)["token"]
        words = ["agent", "enroll", token, "--data", str(self._data(name))]
        subprocess.run(
            [sys.executable, "-m", "jaz_lite.cli.main", *words], check=True, capture_output=True, timeout=COMES_WITHIN_S
        )

    def start_agent(self, host: str) -> None:
        """Start an agent as a service manager would; the server's own is started by the server."""
        if host == "localhost":
            return
        words = ["agent", "run", "--data", str(self._data(host))]
        with (self._folder / f"{host}.log").open("ab") as log:
            self._running[host] = subprocess.Popen(
                [sys.executable, "-m", "jaz_lite.cli.main", *words],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def kill_server(self) -> bool:
        """Kill the server's process."""
        server = self.site.server
        assert server is not None
        server.kill()
        server.wait()
        return True

    def start_server(self) -> None:
        """Start the server again where it was."""
        self.site.start(listen=self._listen)

    def kill_agent(self, host: str) -> bool:
        """Kill an agent; tell whether there was one."""
        running = self._running.get(host)
        if running is None:
            return self._kill(host, " run ")
        running.kill()
        running.wait()
        return True

    def kill_keeper(self, host: str) -> bool:
        """Kill a job keeper; tell whether there was one."""
        return self._kill(host, " keeper ")

    def _kill(self, host: str, word: str) -> bool:
        # The folder of one agent lies in that of the server; the space ends the name.
        pids = by_command_line(word, f"--data {self._data(host)} ") or by_command_line(
            word, f"--data {self._data(host)}"
        )
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return bool(pids)

    def wait_for_all(self) -> None:
        """Return when every agent is there."""
        until = time.monotonic() + COMES_WITHIN_S
        while True:
            reachable = [agent["reachable"] for agent in self.site.ask("status")["agents"]]
            if len(reachable) == len(HOSTS) and all(reachable):
                return
            if time.monotonic() > until:
                raise RuntimeError(f"only {sum(reachable)} of {len(HOSTS)} agents came")
            time.sleep(0.1)

    def close(self) -> None:
        """End every process of ours."""
        self.site.stop()
        for running in self._running.values():
            running.kill()
            running.wait()
        for pid in by_command_line("jaz_lite", str(self._folder)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
