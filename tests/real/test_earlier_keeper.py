"""A job keeper that an earlier version of the agent has used: its claims have names without a site."""

import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.definitions import wide
from bench.site import Site
from jaz_lite.agent.batches import Unbatcher, batch
from jaz_lite.agent.disk import PosixDisk
from jaz_lite.agent.machine import local
from jaz_lite.agent.machine.job_environment import job_environment
from jaz_lite.agent.records import load_sites, site_folder
from jaz_lite.agent.spool import Spool
from tests.real.test_enrolled_agents import WITHIN_S, Machine, machine, reachable, site, wait_until

__all__ = ["machine", "site"]  # fixtures

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(sys.platform == "win32", reason="the keeper is spoken to over its Unix socket"),
]


def waiting_attempt(data: Path) -> tuple[str, str]:
    """Return the claim of the one attempt that was accepted and not started, and the folder of its output."""
    disk = PosixDisk(data)
    (record,) = load_sites(disk)
    folder = site_folder(record.site_uid)
    events = [event for event in Spool(disk, folder).events() if event[2] is not None]
    accepted, started = ({k for _, _, k, e, _ in events if e == kind} for kind in ("accepted", "started"))
    (k,) = accepted - started
    assert k is not None
    return k.hex(), str(data / folder / "out")


def start_as_an_earlier_version_did(data: Path, claim: str, out_folder: str, text: str) -> None:
    """Have the living keeper start a job under a name without a site."""
    path = f"{out_folder}/{claim}"
    order = {"argv": ["/bin/sh", "-c", text], "env": {}, "out": path + ".out", "err": path + ".err"}
    with local.dial(str(data / "keeper")) as keeper:
        keeper.settimeout(WITHIN_S)
        keeper.sendall(batch([["base", job_environment()], ["start", claim, order]]))
        await_word(keeper, ["pid", claim])


def await_word(keeper: socket.socket, start: list[str]) -> None:
    unbatcher = Unbatcher()
    while data := keeper.recv(65_536):
        if any(message[:2] == start for message in unbatcher.feed(data)):
            return
    raise AssertionError(f"the keeper did not say {start}")


def test_a_job_that_an_earlier_version_had_started_is_taken_over_and_not_started_again(
    site: Site, machine: Callable[[str], Machine], tmp_path: Path
) -> None:
    witness, first_may_end, second_may_end = tmp_path / "witness", tmp_path / "first", tmp_path / "second"
    web1 = machine("web1")
    web1.settings += "par = 1\n"
    web1.enroll("web1")
    web1.run()
    wait_until(lambda: reachable(site, "web1"), "it is connected")
    text = f"echo began >> {witness}; until [ -e {first_may_end} ]; do sleep 0.05; done; echo from this version"
    site.define(wide("TWO", 2, text, hosts=("web1",)), "two")
    run_id = site.ask("exec", "TWO")["run_id"]
    wait_until(witness.exists, "the first job runs")
    wait_until(lambda: web1.status()["waiting"] == 1, "the second one waits for its slot")

    assert web1.agent is not None
    web1.agent.kill()
    web1.agent.wait(WITHIN_S)
    claim, out_folder = waiting_attempt(web1.folder)
    text = f"until [ -e {second_may_end} ]; do sleep 0.05; done; echo from the earlier version"
    start_as_an_earlier_version_did(web1.folder, claim, out_folder, text)
    first_may_end.touch()
    web1.run()
    wait_until(lambda: web1.status()["running"] == 1, "the job of the earlier version is known to run")
    second_may_end.touch()
    wait_until(lambda: site.ask("run", "show", run_id)["state"] == "ended", "the run has ended")

    icons = site.ask("run", "show", run_id)["icons"]
    outs = sorted(icon["std_out"] for icon in icons if icon["type"] == "job")
    assert outs == ["from the earlier version\n", "from this version\n"]
    assert witness.read_text().split() == ["began"]
