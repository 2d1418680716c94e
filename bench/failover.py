"""A takeover with real processes: the server is killed, a copy is activated (REL-9).

Agents that listen, each with jobs that run through the takeover. Timed from the start of `jaz-lite activate`, its
Python included, with the kill just before it: to the first agent that confirmed, to all, to the first result of the
old server's run that the new one took over.
"""

import contextlib
import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from bench.definitions import wide
from bench.process import disk_kind
from bench.report import Result
from bench.site import Site, site
from jaz_lite.errors import JazLiteError
from jaz_lite.net.local_client import Stream

AGENTS = 10
JOB_S = 4
FIRST_S_BAR = 3.0
FIRST_S_STRETCH = 1.0
WITHIN_S = 60.0
LOOK_S = 0.01


def run(*, rounds: int, jobs: int, place: Path | None) -> Result:
    """Seconds from `activate` to the first agent confirmed; `--jobs` sets the number of agents."""
    del rounds
    agents = jobs or AGENTS
    with site(place) as here:
        processes = [_agent(here, number) for number in range(agents)]
        copy = Site(here.folder)
        copy.data = here.folder / "copy"
        try:
            _until(lambda: sum(each["reachable"] for each in here.ask("status")["agents"]) == agents + 1)
            hosts = tuple(f"a{number}" for number in range(agents))
            here.define(wide("THROUGH", agents, f"sleep {JOB_S}", hosts=hosts), "through")
            run_id = here.ask("exec", "THROUGH")["run_id"]
            _until(lambda: sum(each["running"] for each in here.ask("status")["agents"]) == agents)
            here.command("snapshot", str(copy.data))
            assert here.server is not None
            here.server.kill()
            here.server.wait()
            first_s, all_s, result_s, run_s = _activated(copy, agents + 1, run_id)
        finally:
            for process in processes:
                process.kill()
                process.wait()
            copy.stop()
        kind = disk_kind(here.folder)
    return Result(
        bench="failover",
        figure=first_s,
        unit="s",
        bar=FIRST_S_BAR,
        stretch=FIRST_S_STRETCH,
        more_is_better=False,
        details={
            "agents": agents,
            "all_confirmed_s": round(all_s, 2),
            "first_result_s": round(result_s, 2),
            "run_ended_s": round(run_s, 2),
            "disk": kind,
        },
    )


def _agent(here: Site, number: int) -> "subprocess.Popen[bytes]":
    """Enrol a listening agent and start it."""
    name = f"a{number}"
    data = here.folder / name
    data.mkdir(mode=0o700)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (data / "agent.toml").write_text(f'listen = "127.0.0.1:{port}"\n')
    token = json.loads(here.command("agent", "invite", name, "--json"))["token"]
    words = [sys.executable, "-m", "jaz_lite.cli.main", "agent"]
    subprocess.run([*words, "enroll", token, "--data", str(data)], check=True, capture_output=True)
    return subprocess.Popen(
        [*words, "run", "--data", str(data)],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip


def _activated(copy: Site, agents: int, run_id: str) -> tuple[float, float, float, float]:
    """Activate the copy; return the seconds to the first agent, to all, to the first result and to the end of the run."""
    began = time.perf_counter()
    with (copy.folder / "activate.log").open("ab") as log:
        copy.server = subprocess.Popen(
            [sys.executable, "-m", "jaz_lite.cli.main", "--data", str(copy.data), "activate", "--listen", "127.0.0.1:0"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    times: dict[str, float] = {}

    def seen() -> bool:
        if copy.server is not None and copy.server.poll() is not None:
            raise RuntimeError((copy.folder / "activate.log").read_text()[-2000:])
        status, shown = _asked(copy, "status"), _asked(copy, "run.show", run=run_id)
        if status is None or shown is None:
            return False
        now_s = time.perf_counter() - began
        # The copy's own agent is new, and no witness of the takeover.
        confirmed = sum(each["confirmed"] for each in status["agents"] if each["agent_id"] != "local-2")
        ended = any(icon["state"] == "ended" for icon in shown["icons"] if icon["type"] == "job")
        for what, is_so in (
            ("first", confirmed >= 1),
            ("all", confirmed == agents),
            ("result", ended),
            ("run", shown["state"] == "ended"),
        ):
            if is_so:
                times.setdefault(what, now_s)
        return len(times) == 4

    _until(seen)
    return times["first"], times["all"], times["result"], times["run"]


def _asked(here: Site, op: str, **args: Any) -> Any:
    with contextlib.suppress(JazLiteError, OSError), Stream(str(here.data), op, args) as answers:
        for _ in answers:
            pass
        return answers.value
    return None


def _until(what: Any) -> None:
    end = time.monotonic() + WITHIN_S
    while not what():
        if time.monotonic() > end:
            raise RuntimeError("the takeover did not come to its end")
        signal.sigtimedwait([], LOOK_S)
