"""File copies between real agents through a real server: cut, killed, stopped; the target is the source or nothing."""

import hashlib
import os
import random
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.beside import AgentBeside
from bench.definitions import Place, copy
from bench.site import Site
from tests.real.cutter import Cutter

pytestmark = pytest.mark.real

WAIT_S = 60.0
SIZE = 48 * 1024 * 1024


def pause(seconds: float) -> None:
    """Let real processes go on; this is no virtual time."""
    signal.sigtimedwait([], seconds)


def until(what: Callable[[], Any], told: str) -> Any:
    """Return what `what` gives as soon as it is something."""
    over = time.monotonic() + WAIT_S
    while not (found := what()):
        assert time.monotonic() < over, told
        pause(0.02)
    return found


class Copying:
    """A site with two agents that reach it through a door that can be shut."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.listen = f"127.0.0.1:{port}"
        self.door = Cutter(("127.0.0.1", port))
        self.site = Site(folder)
        self.agents = {name: AgentBeside(self.site, name, address=self.door.address) for name in ("alpha", "beta")}
        self.source, self.target = folder / "from", folder / "to"
        self.source.mkdir()
        self.target.mkdir()
        self.site.start(self.listen)
        for agent in self.agents.values():
            agent.start()
        for agent in self.agents.values():
            agent.wait()

    def define(self, pattern: str, *, overwrite: bool = False) -> None:
        here = Place("alpha", str(self.source), pattern), Place("beta", str(self.target))
        self.site.define(copy("COPY", *here, overwrite=overwrite), "copy")

    def start(self) -> str:
        run_id = self.site.ask("exec", "COPY")["run_id"]
        assert isinstance(run_id, str)
        return run_id

    def wait(self, run_id: str, *states: str) -> dict[str, Any]:
        def over() -> Any:
            run = self.site.ask("run", "show", run_id)
            return run if run["state"] in states else None

        found: dict[str, Any] = until(over, "the copy does not end")
        return found

    def taken_in(self) -> int:
        """Return how many bytes lie in the target's folder."""
        size = 0
        for path in self.target.iterdir():
            try:
                size += path.stat().st_size
            except FileNotFoundError:
                continue
        return size

    def wait_for_bytes(self, size: int) -> None:
        until(lambda: self.taken_in() >= size, "nothing comes")

    def stop(self) -> None:
        self.site.stop()
        for agent in self.agents.values():
            agent.stop()
        self.door.close()


@pytest.fixture
def copying(tmp_path: Path) -> Iterator[Copying]:
    made = Copying(tmp_path)
    yield made
    made.stop()


def sums(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def assert_same(copying: Copying) -> None:
    assert sums(copying.target) == sums(copying.source)


def test_files_arrive_whole_with_their_names_and_modes(copying: Copying) -> None:
    chance = random.Random(1)
    for name, size in (("empty", 0), ("日本語 の名.txt", 10), ("big", 3_000_000), ("a b;$(c)'\"", 65_536)):
        (copying.source / name).write_bytes(chance.randbytes(size))
        (copying.source / name).chmod(0o640)
    (copying.source / "folder").mkdir()
    (copying.source / "link").symlink_to("big")
    copying.define("*")

    run = copying.wait(copying.start(), "ended", "run_error")

    assert run["state"] == "ended"
    for name in ("folder", "link"):
        path = copying.source / name
        path.rmdir() if path.is_dir() else path.unlink()
    assert_same(copying)
    assert {path.stat().st_mode & 0o777 for path in copying.target.iterdir()} == {0o640}
    journal = copying.site.command("run", "log", run["run_id"]).decode()
    assert "files were copied (count 4" in journal
    assert hashlib.sha256((copying.source / "big").read_bytes()).hexdigest() in journal


def test_a_link_that_is_cut_three_times_costs_what_was_under_way_and_no_more(copying: Copying) -> None:
    (copying.source / "big").write_bytes(os.urandom(SIZE))
    copying.define("big")
    run_id = copying.start()
    for number in range(1, 4):
        copying.wait_for_bytes(number * SIZE // 5)
        copying.door.cut()

    run = copying.wait(run_id, "ended", "run_error")

    assert run["state"] == "ended", run["waiting_for"]
    assert_same(copying)
    # In and out once, and for each cut at most a window both ways, beside the talk of agents and server.
    assert copying.door.bytes_passed < 2 * SIZE * 1.02 + 3 * 4 * 512 * 1024 + 1_000_000


@pytest.mark.parametrize("who", ["alpha", "beta", "server"])
def test_whoever_is_killed_the_copy_goes_on_where_it_stood(copying: Copying, who: str) -> None:
    for name in ("1", "2"):
        (copying.source / name).write_bytes(os.urandom(SIZE // 2))
    copying.define("?")
    run_id = copying.start()
    for number in (1, 3):
        copying.wait_for_bytes(number * SIZE // 5)
        if who == "server":
            assert copying.site.server is not None
            copying.site.server.kill()
            copying.site.server.wait()
            copying.site.start(copying.listen)
        else:
            copying.agents[who].kill()
            copying.agents[who].start()

    run = copying.wait(run_id, "ended", "run_error")

    assert run["state"] == "ended", run["waiting_for"]
    assert_same(copying)


def test_a_copy_that_is_stopped_leaves_no_half_file(copying: Copying) -> None:
    (copying.source / "big").write_bytes(os.urandom(SIZE))
    copying.define("big")
    run_id = copying.start()
    copying.wait_for_bytes(1)

    copying.site.command("run", "stop", run_id, "FCOPY-1", expect=None)
    run = copying.wait(run_id, "run_error", "ended")

    assert run["state"] == "run_error"
    assert next(icon for icon in run["icons"] if icon["path"] == "/FCOPY-1")["message"] == "the file copy was stopped"
    assert sums(copying.target) == {}


def test_a_source_that_is_away_is_waited_for_and_said(copying: Copying) -> None:
    (copying.source / "a").write_text("hello")
    copying.define("*")
    copying.agents["alpha"].kill()
    run_id = copying.start()

    def told() -> bool:
        words = copying.site.command("explain", run_id).decode()
        return 'the agent "alpha" of the host "alpha" is not reachable' in words

    until(told, "nobody says why")
    copying.agents["alpha"].start()

    assert copying.wait(run_id, "ended", "run_error")["state"] == "ended"
    assert_same(copying)


@pytest.mark.parametrize(
    ("pattern", "told"),
    [("*.csv", 'matches "*.csv"'), ("none", 'the file "none" is not there'), ("../to/x", "is no name")],
)
def test_what_cannot_be_copied_is_said_in_a_sentence(copying: Copying, pattern: str, told: str) -> None:
    (copying.source / "a").touch()
    copying.define(pattern)

    run = copying.wait(copying.start(), "run_error", "ended")

    (icon,) = [icon for icon in run["icons"] if icon["path"] == "/FCOPY-1"]
    assert run["state"] == "run_error"
    assert icon["message"].startswith('source host "alpha": ')
    assert told in icon["message"]


def test_without_overwriting_what_is_there_stays_and_with_it_it_is_replaced(copying: Copying) -> None:
    (copying.source / "a").write_text("new")
    (copying.target / "a").write_text("old")
    copying.define("*")
    run = copying.wait(copying.start(), "run_error", "ended")

    assert run["state"] == "run_error"
    assert (copying.target / "a").read_text() == "old"
    copying.define("*", overwrite=True)
    assert copying.wait(copying.start(), "run_error", "ended")["state"] == "ended"
    assert (copying.target / "a").read_text() == "new"
