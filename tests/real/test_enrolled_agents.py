"""Agents that were enrolled with the commands of the manual: a job, a new key, a new certificate, and the end."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.definitions import wide
from bench.site import Site

pytestmark = pytest.mark.real

WITHIN_S = 30.0


class Server(Site):
    """A server without an agent of its own."""

    verb = "server"


class Machine:
    """A machine that becomes an agent, and its data directory."""

    def __init__(self, site: Site, folder: Path) -> None:
        self.site = site
        self.folder = folder
        self.log = folder.with_suffix(".log")
        self.settings = 'listen = "off"\n'
        self.agent: subprocess.Popen[bytes] | None = None

    def command(self, *words: str) -> "subprocess.CompletedProcess[bytes]":
        return subprocess.run(
            [sys.executable, "-m", "jaz_lite.cli.main", "--data", str(self.folder), "agent", *words],
            check=False, capture_output=True, timeout=WITHIN_S,
        )  # fmt: skip

    def enroll(self, name: str) -> None:
        token = self.site.ask("agent", "invite", name)["token"]
        done = self.command("enroll", token)
        assert done.returncode == 0, done.stderr.decode()

    def run(self) -> None:
        self.folder.mkdir(exist_ok=True)
        (self.folder / "agent.toml").write_text(self.settings)
        with self.log.open("ab") as log:
            self.agent = subprocess.Popen(
                [sys.executable, "-m", "jaz_lite.cli.main", "--data", str(self.folder), "agent", "run"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def stop(self) -> None:
        if self.agent is not None:
            self.agent.send_signal(signal.SIGTERM)
            self.agent.wait(WITHIN_S)
            self.agent = None

    def status(self) -> dict[str, Any]:
        (site,) = json.loads(self.command("status", "--json").stdout)["sites"]
        assert isinstance(site, dict)
        return site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Server(tmp_path)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def machine(site: Site, tmp_path: Path) -> Iterator[Callable[[str], Machine]]:
    made: list[Machine] = []

    def make(name: str) -> Machine:
        made.append(Machine(site, tmp_path / name))
        return made[-1]

    yield make
    for one in made:
        one.stop()


def wait_until(holds: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < until, f"{what}: not within {WITHIN_S:.0f} s"
        signal.sigtimedwait([], 0.1)


def reachable(site: Site, name: str) -> bool:
    return any(agent["agent_id"] == name and agent["reachable"] for agent in site.ask("status")["agents"])


def runs_a_job(site: Site, name: str) -> bool:
    site.define(wide("HELLO", 1, "echo hello", hosts=(name,)), "hello")
    return bool(site.ask("exec", "HELLO", "--wait")["state"] == "ended")


def test_an_enrolled_agent_works_at_once_through_new_keys_and_certificates_until_it_is_revoked(
    site: Site, machine: Callable[[str], Machine]
) -> None:
    web1, web2 = machine("web1"), machine("web2")
    for name, one in (("web1", web1), ("web2", web2)):
        one.enroll(name)
        one.run()
    wait_until(lambda: reachable(site, "web1") and reachable(site, "web2"), "both are connected")
    assert runs_a_job(site, "web1")

    assert site.ask("agent", "rekey", "web1")["kid"] == 2
    wait_until(lambda: reachable(site, "web1"), "it is back with its new key")
    assert web1.status()["kid"] == 2

    web2.stop()
    before = site.ask("site", "cert")["sha256"]
    pushed = site.ask("site", "rotate-cert")
    assert (pushed["sha256"], pushed["next"]["have"], pushed["next"]["missing"]) == (before, ["web1"], ["web2"])
    web2.run()
    wait_until(lambda: site.ask("site", "cert")["next"] is None, "the certificate is changed when web2 has it, too")
    assert site.ask("site", "cert")["sha256"] == pushed["next"]["sha256"]
    for one in (web1, web2):
        one.stop()
        one.run()
    wait_until(lambda: reachable(site, "web1") and reachable(site, "web2"), "both know the new certificate")
    assert runs_a_job(site, "web2")

    site.command("agent", "revoke", "web1")
    wait_until(lambda: not reachable(site, "web1"), "it is gone")
    wait_until(lambda: "revoked" in web1.status()["last_error"], "it says why")
    assert runs_a_job(site, "web2")


def test_an_agent_and_a_server_killed_while_a_key_is_on_its_way_find_each_other_again(
    site: Site, machine: Callable[[str], Machine]
) -> None:
    web1 = machine("web1")
    web1.enroll("web1")
    site.command("agent", "rekey", "web1")  # it never came yet: the new key waits for it
    port = site.port()
    web1.run()
    assert web1.agent is not None
    os.kill(web1.agent.pid, signal.SIGKILL)
    web1.agent.wait()
    web1.agent = None
    assert site.server is not None
    site.server.kill()
    site.server.wait()

    site.start(f"127.0.0.1:{port}")
    web1.run()

    wait_until(lambda: reachable(site, "web1"), "they found each other")
    wait_until(lambda: web1.status()["kid"] == 2, "the new key is in use")
    assert runs_a_job(site, "web1")
