"""A real server with its agent in a temporary data directory, spoken to through the commands."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from bench.process import Cpu, by_command_line, cpu

STARTS_WITHIN_S = 30.0
STOPS_WITHIN_S = 20.0
RUN_ENDS_WITHIN_S = 600.0
LOG_CHARS = 4_000
ROLES = ("server", "agent", "keeper")


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A run that ended, and what it took."""

    seconds: float  # from its start to its end by the server's own times
    cpu: dict[str, Cpu]  # by role
    jobs: int


class Site:
    """One data directory, and the server on it while `serving`; `verb` starts it, with an agent of its own or without."""

    verb = "up"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.server: subprocess.Popen[bytes] | None = None

    def command(self, *words: str, expect: int | None = 0) -> bytes:
        """Run `jaz-lite` with these words and return its standard output; `expect` is the exit code wanted."""
        done = subprocess.run(
            [sys.executable, "-m", "jaz_lite.cli.main", "--data", str(self.data), *words],
            check=False, capture_output=True, timeout=RUN_ENDS_WITHIN_S,
        )  # fmt: skip
        if expect is not None and done.returncode != expect:
            said = done.stderr.decode(errors="replace")[-2000:]
            raise RuntimeError(f"jaz-lite {' '.join(words)} ended with {done.returncode}: {said}")
        return done.stdout

    def ask(self, *words: str) -> Any:
        """The same with `--json`, parsed."""
        return json.loads(self.command(*words, "--json"))

    def start(self, listen: str = "127.0.0.1:0") -> float:
        """Start the server and return the seconds until its local socket answered."""
        log = (self.folder / "up.log").open("ab")
        began = time.perf_counter()
        with log:
            self.server = subprocess.Popen(
                [sys.executable, "-m", "jaz_lite.cli.main", "--data", str(self.data), self.verb, "--listen", listen],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        while not self._answers():
            if self.server.poll() is not None or time.perf_counter() - began > STARTS_WITHIN_S:
                raise RuntimeError(f"the server did not start: {self.log()}")
            time.sleep(0.002)
        return time.perf_counter() - began

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as line:
            try:
                line.connect(str(self.data / "server.sock"))
            except OSError:
                return False
            return True

    def port(self) -> int:
        """Return the TCP port on which the server listens."""
        assert self.server is not None
        inodes = set()
        for entry in Path(f"/proc/{self.server.pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                inodes.add(str(entry.readlink()).removeprefix("socket:[").removesuffix("]"))
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                return int(fields[1].partition(":")[2], 16)
        raise RuntimeError("the server does not listen")

    def log(self) -> str:
        """Return the end of what the server said."""
        return (self.folder / "up.log").read_text(errors="replace")[-LOG_CHARS:]

    def wait_for_agent(self) -> None:
        """Return when the embedded agent is connected."""
        until = time.monotonic() + STARTS_WITHIN_S
        while not any(agent["reachable"] for agent in self.ask("status")["agents"]):
            if time.monotonic() > until:
                raise RuntimeError(f"no agent came: {self.log()}")
            time.sleep(0.05)

    def stop(self) -> None:
        """End the server as a service manager would, then whatever of ours is left."""
        if self.server is not None and self.server.poll() is None:
            self.server.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.server.wait(STOPS_WITHIN_S)
        for pid in by_command_line(str(self.data)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self.server is not None:
            self.server.wait()
            self.server = None

    def processes(self) -> dict[str, int]:
        """Return the process number of each role that lives."""
        assert self.server is not None
        found = {"server": self.server.pid}
        for role, word in (("agent", " run "), ("keeper", " keeper ")):
            pids = by_command_line("jaz_lite.agent", word, str(self.data))
            if pids:
                found[role] = pids[0]
        return found

    def define(self, document: str, name: str) -> None:
        """Import and enable generated definitions."""
        path = self.folder / f"{name}.xml"
        path.write_text(document, encoding="utf-8")
        self.command("import", str(path), "--enable", "--overwrite")

    def take(self, jobnet_id: str, *, jobs: int) -> Taken:
        """Run a jobnet to its end and say what it took; all of its jobs must have ended well."""
        pids = self.processes()
        before = {role: cpu(pid) for role, pid in pids.items()}
        run = self.ask("exec", jobnet_id, "--wait")
        after = {role: cpu(pid) for role, pid in pids.items()}
        ended = sum(1 for icon in run["icons"] if icon["type"] == "job" and icon["state"] == "ended")
        if run["state"] != "ended" or ended != jobs:
            raise RuntimeError(f"{jobnet_id} is {run['state']} with {ended} of {jobs} jobs ended: {run['waiting_for']}")
        began, over = (datetime.fromisoformat(run[name]) for name in ("started_at", "ended_at"))
        used = {role: after[role].since(before[role]) for role in pids}
        return Taken(seconds=(over - began).total_seconds(), cpu=used, jobs=jobs)


@contextlib.contextmanager
def site(place: Path | None) -> Iterator[Site]:
    """A site with a running server and a connected agent; everything is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="jl-bench-", dir=place))
    here = Site(folder)
    try:
        here.start()
        here.wait_for_agent()
        yield here
    except BaseException:
        print(f"server: {here.server and here.server.poll()}; its log:\n{here.log()}", file=sys.stderr)
        raise
    finally:
        here.stop()
        shutil.rmtree(folder, ignore_errors=True)


def cpu_us_per_job(taken: list[Taken]) -> dict[str, float]:
    """Return microseconds of CPU a job, by role over all rounds, the jobs' own processes as `jobs`."""
    jobs = sum(one.jobs for one in taken)
    figures = {
        role: round(sum(one.cpu[role].own_s for one in taken if role in one.cpu) / jobs * 1e6, 1) for role in ROLES
    }
    children = sum(one.cpu[role].children_s for one in taken for role in ("agent", "keeper") if role in one.cpu)
    return figures | {"jobs": round(children / jobs * 1e6, 1)}
