"""Jobs on the server's own machine: its built-in agent outlives the server, and tells who took over what it ran."""

import tempfile
import time
from pathlib import Path

from tests.failover.machines import PORT, REPLACED, Server
from tests.lab.network import network
from tests.lab.parts import comes_true
from tests.real.oracle import Oracle

JOBNET = "HERE"
JOBS = 12
JOB_S = 4.0
SERVERS = ("s1", "s2")
OVER_WITHIN_S = 120.0


def embedded() -> float:
    """Kill a server whose own agent runs jobs, and take over on another machine; raises AssertionError.

    Returns:
        The seconds that it took.
    """
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="jl-embedded-") as name, network(*SERVERS) as hosts:
        folder = Path(name)
        for host in hosts.values():
            host.own_machine()
        peers = ", ".join(f"{host.address}:{PORT}" for host in hosts.values())
        old = Server(hosts["s1"], folder / "first", embedded=True)
        new = Server(hosts["s2"], folder / "second", embedded=True)
        witness = Oracle(folder)
        (folder / "here.xml").write_text(witness.jobnet(JOBNET, JOBS, JOB_S), "utf-8")
        old.command("init")
        old.configure(peers)
        old.start()
        assert old.wait_started(), old.said()
        old.command("import", str(folder / "here.xml"), "--enable")
        run_id = old.ask("run.start", jobnet=JOBNET)["run_id"]
        comes_true("jobs run", lambda: len(witness.counts()[0]) > 1)
        old.command("snapshot", str(new.data))
        comes_true("all jobs run", lambda: len(witness.counts()[0]) == JOBS)
        old.kill()

        new.activate()
        assert new.wait_started(), new.said()

        _ends(new, run_id)
        starts, ends = witness.counts()
        assert set(starts.values()) == set(ends.values()) == {1}, f"{starts} {ends}"
        agents = {row["agent_id"] for row in new.ask("agent.list")["agents"] if row["reachable"]}
        assert agents == {"local", "local-2"}, f"only {sorted(agents)} are there: {new.said()}"
        _ends(new, new.ask("run.start", jobnet=JOBNET)["run_id"])
        starts, ends = witness.counts()
        assert set(starts.values()) == set(ends.values()) == {2}, f"{starts} {ends}"
        old.start()
        assert old.ended() == REPLACED, f"{old} ended with {old.exit_code}: {old.said()}"
        new.kill()
    return time.monotonic() - began


def _ends(server: Server, run_id: str) -> None:
    """Wait for the end of a run, which must be a good one."""

    def over() -> bool:
        return bool(server.ask("run.show", run=run_id)["state"] in ("ended", "run_error"))

    comes_true(f"run {run_id} is over", over, within_s=OVER_WITHIN_S)
    run = server.ask("run.show", run=run_id)
    assert run["state"] == "ended", f"run {run_id} is {run['state']}: {run['waiting_for']}"
