"""One service for both machines: `jaz-lite serve` is the server or its standby, through any number of switches."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.site import Site
from tests.real.test_activation import free_port
from tests.real.test_dialled_agents import until

pytestmark = pytest.mark.real


class Service(Site):
    """One machine of a site, with `serve` as its service."""

    def __init__(self, folder: Path, name: str, port: int, other: int) -> None:
        super().__init__(folder)
        self.data = folder / name
        self.name = name
        self.port_here = port
        self.other = other

    def settle_in(self) -> None:
        """Say where this one listens and where the other one is."""
        (self.data / "config.toml").write_text(
            f'[server]\nlisten = "127.0.0.1:{self.port_here}"\npeers = "127.0.0.1:{self.other}"\n'
            "embedded_agent = false\n"
        )

    def begin(self, *words: str) -> None:
        with (self.folder / f"{self.name}.log").open("ab") as log:
            self.server = subprocess.Popen(
                [sys.executable, "-m", "jaz_lite.cli.main", "--data", str(self.data), "serve", *words],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def told(self) -> dict[str, Any]:
        assert self.server is not None
        assert self.server.poll() is None, self.said()
        said = self.command("status", "--json", expect=None)  # between two roles there is nobody for a moment
        return json.loads(said) if said else {}

    def said(self) -> str:
        return (self.folder / f"{self.name}.log").read_text()

    def is_active(self) -> bool:
        return self.told().get("state") == "active"

    def follows(self) -> bool:
        told = self.told()
        return bool(told.get("state") == "standby" and told["follows"] and told["behind_changes"] == 0)


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[tuple[Service, Service]]:
    ports = free_port(), free_port()
    first, second = Service(tmp_path, "a", *ports), Service(tmp_path, "b", ports[1], ports[0])
    try:
        first.command("init", "--server-id", "plant")
        first.settle_in()
        first.begin()
        until(first.is_active, "the server did not start")
        token = json.loads(first.command("standby", "invite", "--json"))["token"]
        second.begin("--token", token, "--listen", f"127.0.0.1:{ports[1]}")
        until(second.follows, "the standby does not follow")
        second.settle_in()
        yield first, second
    finally:
        first.stop()
        second.stop()


def test_the_same_service_is_the_server_or_the_standby_after_any_number_of_switches(
    machines: tuple[Service, Service],
) -> None:
    first, second = machines
    processes = [each.server.pid for each in machines if each.server is not None]

    for active, standby in ((first, second), (second, first), (first, second)):
        active.command("switchover")
        until(standby.is_active, "the standby did not take over")
        until(active.follows, "the server did not become the standby")

    assert [each.server.pid for each in machines if each.server is not None] == processes
    assert second.told()["epoch"] == 4


def test_a_server_that_comes_back_after_a_takeover_is_the_standby_and_keeps_what_it_knew_alone(
    machines: tuple[Service, Service], tmp_path: Path
) -> None:
    first, second = machines
    assert first.server is not None
    assert second.server is not None
    second.stop()
    (tmp_path / "one.json").write_text(json.dumps({"calendar_id": "ALONE", "name": "alone", "days": ["2026-11-23"]}))
    first.command("calendar", "put", str(tmp_path / "one.json"))
    os.kill(first.server.pid, signal.SIGKILL)
    first.server.wait()

    second.command("activate", "--yes", "--no-run")
    second.begin()
    until(second.is_active, "the standby did not take over")
    first.begin()
    until(first.follows, "the old server did not become the standby")

    (kept,) = first.data.glob("replaced-*")
    told = json.loads(first.command("diff-export", "--data", str(kept), "--since", "1h", "--json"))
    assert [one["id"] for one in told["definitions"]] == ["ALONE"]
    assert f"jaz-lite diff-export --data {kept}" in first.said()


def test_it_begins_no_site_and_takes_over_with_no_snapshot(tmp_path: Path) -> None:
    nowhere = Service(tmp_path, "nowhere", 1, 2)
    original, copy = Service(tmp_path, "original", 1, 2), Service(tmp_path, "copy", 1, 2)
    original.command("init")
    original.command("snapshot", str(copy.data))

    nowhere.command("serve", expect=8)
    copy.command("serve", expect=4)

    assert not nowhere.data.exists()
