"""A standby's process and its server, both killed again and again: the copy is equal in the end, and no copy was new."""

import contextlib
import json
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.definitions import chain
from bench.site import Site, site
from jaz_lite.clock import SystemClock
from jaz_lite.store.open import Store
from tests.store.following import contents

pytestmark = pytest.mark.real

JOBS = 60
KILLS = 8
WITHIN_S = 60.0


class Standby:
    """The process of a standby of a server on this machine."""

    def __init__(self, active: Site, folder: Path) -> None:
        self.data = folder
        self._active = active
        self._process: subprocess.Popen[bytes] | None = None
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._listen = f"127.0.0.1:{free.getsockname()[1]}"

    def start(self, *words: str) -> None:
        """Start it."""
        follow = ["standby", "run", "--from", f"127.0.0.1:{self._active.port()}", "--listen", self._listen, *words]
        with self.data.with_suffix(".log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "jaz_lite.cli.main", "--data", str(self.data), *follow],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def end(self, how: int) -> None:
        """End it and wait until it is gone."""
        assert self._process is not None
        self._process.send_signal(how)
        self._process.wait(WITHIN_S)

    def status(self) -> dict[str, Any]:
        """Return what it says of itself; nothing while it does not answer."""
        said = subprocess.run(
            [sys.executable, "-m", "jaz_lite.cli.main", "--data", str(self.data), "standby", "status", "--json"],
            check=False, capture_output=True, timeout=WITHIN_S,
        )  # fmt: skip
        return dict(json.loads(said.stdout)) if said.returncode == 0 else {}

    def follows(self) -> bool:
        """Whether it has everything that the active has."""
        said = self.status()
        return bool(said) and said["trouble"] == "" and said["behind_changes"] == 0 and said["heard_s"] is not None


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < end, "it did not come to that"
        signal.sigtimedwait([], 0.2)


def is_noted(active: Site) -> bool:
    """Whether the server would know, after a restart, that a standby followed."""
    store = Store.open(active.data, clock=SystemClock(), read_only=True)
    try:
        with store.snapshot() as view:
            return view.commits.followed_ms() is not None
    finally:
        store.close()


def _kill_server(active: Site) -> None:
    """Kill the server, and start it again where it was."""
    place = f"127.0.0.1:{active.port()}"
    assert active.server is not None
    active.server.kill()
    active.server.wait()
    active.start(place)


@pytest.fixture
def active() -> Iterator[Site]:
    with site(None) as here:
        yield here


def test_a_standby_killed_at_any_moment_goes_on_and_its_copy_is_equal(active: Site) -> None:
    rng = random.Random(1)
    active.define(chain("NIGHT", JOBS, ":"), "night")
    with tempfile.TemporaryDirectory() as folder:
        standby = Standby(active, Path(folder) / "standby")
        standby.start("--token", active.ask("standby", "invite")["token"])
        until(standby.follows)
        run = subprocess.Popen(
            [sys.executable, "-m", "jaz_lite.cli.main", "--data", str(active.data), "exec", "NIGHT", "--wait"],
            stdout=subprocess.DEVNULL,
        )
        try:
            for _ in range(KILLS):
                with contextlib.suppress(subprocess.TimeoutExpired):
                    run.wait(rng.random() * 1.5)
                standby.end(signal.SIGKILL)
                standby.start()
            assert run.wait(WITHIN_S) == 0
            until(standby.follows)
            until(lambda: is_noted(active))
            _kill_server(active)
            until(lambda: active.ask("status")["boot"] == 2 and standby.follows())

            assert standby.status()["copied_at"] is None, "it went on from where it was, and needed no new copy"
            standby.end(signal.SIGTERM)
            active.stop()
            assert contents(standby.data) == contents(active.data)
        finally:
            if run.poll() is None:
                run.kill()
            standby.end(signal.SIGKILL)
