"""The pages about fail-over are played: every command that they show in a block is run, on the machine it is meant for.

Commands are taken from the pages as they stand there; only names of machines, folders and tokens are put in.
"""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.site import Site
from tests.real.test_activation import free_port
from tests.real.test_dialled_agents import until

pytestmark = pytest.mark.real

DOCS = Path(__file__).resolve().parents[2] / "docs"


class Page:
    """The commands in the blocks of a page, and which of them were run."""

    def __init__(self, name: str) -> None:
        text = (DOCS / name).read_text(encoding="utf-8")
        blocks = re.findall(r"^ *```(?:text|console|ini)\n(.*?)```", text, re.DOTALL | re.MULTILINE)
        self.left = {
            " ".join(line.split())
            for block in blocks
            for line in re.findall(r"^ *(?:\$ |ExecStart=/usr/local/bin/)?(jaz-lite .*)$", block, re.MULTILINE)
        }
        self.shown = frozenset(self.left)

    def words(self, line: str, names: dict[str, str]) -> list[str]:
        """Return the words of a command that the page shows, with the names that hold here."""
        assert line in self.shown, f"the page does not show: {line}"
        self.left.discard(line)
        for shown, real in names.items():
            line = line.replace(shown, real)
        return line.split()[1:]


class Here(Site):
    """One of two machines, and where it is found."""

    def __init__(self, folder: Path, name: str, port: int, other: int) -> None:
        super().__init__(folder)
        self.name = name
        self.data = folder / name
        self.port_here = port
        self.names = {
            "a.example:11061": f"127.0.0.1:{port if name == 'a' else other}",
            "a.example": f"127.0.0.1:{port if name == 'a' else other}",
            "b.example": f"127.0.0.1:{other if name == 'a' else port}",
            "0.0.0.0:11061": f"127.0.0.1:{port}",
            "/var/lib/jaz-lite": str(self.data),
        }

    def settle_in(self, other: int) -> None:
        (self.data / "config.toml").write_text(
            f'[server]\nlisten = "127.0.0.1:{self.port_here}"\npeers = "127.0.0.1:{other}"\n'
        )

    def run(self, words: list[str], expect: int = 0) -> str:
        """Run a command to its end, and return all that it says."""
        place = [] if "--data" in words or words[0] == "verify" else ["--data", str(self.data)]
        done = subprocess.run(
            [sys.executable, "-m", "jaz_lite.cli.main", *place, *words],
            check=False, capture_output=True, text=True, timeout=60, cwd=self.folder,
        )  # fmt: skip
        said = done.stdout + done.stderr
        assert done.returncode == expect, said
        return said

    def begin(self, words: list[str]) -> None:
        """Start what runs on."""
        place = [] if "--data" in words else ["--data", str(self.data)]
        with (self.folder / f"{self.name}.log").open("ab") as log:
            self.server = subprocess.Popen(
                [sys.executable, "-m", "jaz_lite.cli.main", *place, *words],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def is_active(self) -> bool:
        return self._state().get("state") == "active"

    def follows(self) -> bool:
        told = self._state()
        return bool(told.get("state") == "standby" and told["follows"] and told["behind_changes"] == 0)

    def _state(self) -> dict[str, str]:
        assert self.server is not None
        assert self.server.poll() is None, (self.folder / f"{self.name}.log").read_text()
        said = self.command("status", "--json", expect=None)
        return json.loads(said) if said else {}

    def ended(self) -> int:
        assert self.server is not None
        return self.server.wait(30)

    def kill(self) -> None:
        assert self.server is not None
        os.kill(self.server.pid, signal.SIGKILL)
        self.server.wait()


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[tuple[Here, Here]]:
    ports = free_port(), free_port()
    a, b = Here(tmp_path, "a", *ports), Here(tmp_path, "b", ports[1], ports[0])
    a.run(["init", "--server-id", "plant"])
    a.settle_in(b.port_here)
    try:
        a.begin(["up"])
        until(a.is_active, "the server did not start")
        a.wait_for_agent()
        yield a, b
    finally:
        a.stop()
        b.stop()


def test_the_page_of_the_standby_holds_from_the_first_copy_to_the_last_takeover(machines: tuple[Here, Here]) -> None:
    a, b = machines
    page = Page("standby.md")

    assert "no standby is connected" in a.run(page.words("jaz-lite standby status", a.names))
    token = a.run(page.words("jaz-lite standby invite --address a.example:11061", a.names)).splitlines()[0]
    first = "jaz-lite standby run --from a.example --token jazls1-... --listen 0.0.0.0:11061 --data /var/lib/jaz-lite"
    b.begin(page.words(first, {**b.names, "jazls1-...": token}))
    until(b.follows, "the standby does not follow")
    b.settle_in(a.port_here)

    a.run(page.words("jaz-lite switchover b.example", a.names))
    assert a.ended() == 3
    until(b.is_active, "the standby did not take over")
    a.begin(page.words("jaz-lite standby run --from b.example --data /var/lib/jaz-lite", a.names))
    until(a.follows, "the old server does not follow")
    b.run(page.words("jaz-lite switchover a.example", b.names))
    assert b.ended() == 3
    until(a.is_active, "the first one did not take over again")

    service = "jaz-lite serve --data /var/lib/jaz-lite"
    b.begin(page.words(service, b.names))
    until(b.follows, "the service is no standby")
    a.kill()
    b.run(page.words("jaz-lite activate --data /var/lib/jaz-lite --no-run", b.names))
    assert b.ended() == 0, "the standby let go of its copy"
    b.begin(page.words(service, b.names))
    until(b.is_active, "the service is not the server")

    a.begin(page.words(service, a.names))
    until(a.follows, "the replaced server did not become the standby")
    b.kill()
    standby = a.server
    a.begin(page.words("jaz-lite activate --data /var/lib/jaz-lite", a.names))
    assert standby is not None
    assert standby.wait(30) == 0
    until(a.is_active, "the standby was not activated")
    assert page.left == set()


def test_the_page_of_failover_holds_from_the_snapshot_to_taking_it_back(
    machines: tuple[Here, Here], tmp_path: Path
) -> None:
    a, b = machines
    page = Page("failover.md")
    copies = tmp_path / "copies"
    a.run(["snapshot", str(copies), "--keep", "8"])
    (copy,) = copies.iterdir()
    names = {**b.names, "/mnt/standby/jaz-lite/snapshot-...": str(copy)}
    (tmp_path / "one.json").write_text(json.dumps({"calendar_id": "ALONE", "name": "x", "days": ["2026-11-23"]}))
    a.run(["calendar", "put", str(tmp_path / "one.json")])
    a.kill()

    assert "is sound" in b.run(page.words("jaz-lite verify /mnt/standby/jaz-lite/snapshot-...", names))
    b.data = copy
    taking_over = "jaz-lite activate --data /mnt/standby/jaz-lite/snapshot-... --listen 0.0.0.0:11061"
    b.begin(page.words(taking_over, names))
    until(b.is_active, "the snapshot did not take over")
    said = (tmp_path / "b.log").read_text()
    assert re.search(r"\d of \d answered: no other server is active", said)
    assert "server plant is up, term 2.0" in said

    assert "was replaced" in a.run(["up"], expect=3)
    b.run(["snapshot", str(tmp_path / "of-the-new")])
    export = "jaz-lite diff-export --data /var/lib/jaz-lite --against /mnt/copy-of-the-new-server -o found"
    told = a.run(page.words(export, {**a.names, "/mnt/copy-of-the-new-server": str(tmp_path / "of-the-new")}))
    (file,) = (tmp_path / "found").glob("calendar-ALONE@*.json")
    assert f"jaz-lite calendar put {file.name}" in told
    b.run(["calendar", "put", str(file)])

    a.begin(["activate", "--after-fence", "--force"])
    until(a.is_active, "the takeover was not taken back")
    assert b.ended() == 3
    assert page.left == set()
