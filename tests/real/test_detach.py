"""`--detach`: the terminal is given back once the server is up; what keeps it from coming up ends the command."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from bench.process import by_command_line
from bench.site import Site
from jaz_lite.cli.session import READY_VARIABLE
from tests.real.test_activation import free_port
from tests.real.test_dialled_agents import until

pytestmark = pytest.mark.real


def ran(site: Site, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "jaz_lite.cli.main", "--data", str(site.data), *words],
        check=False, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


def test_the_server_is_up_when_the_command_ends_and_is_stopped_as_any_other(tmp_path: Path) -> None:
    site = Site(tmp_path)
    try:
        begun = ran(site, "up", "--listen", "127.0.0.1:0", "--detach")
        again = ran(site, "up", "--detach")
        state = site.ask("status")["state"]
        stopped = ran(site, "stop")
    finally:
        site.stop()

    assert (begun.returncode, state, stopped.returncode) == (0, "active", 0)
    assert "it goes on in the background as process" in begun.stdout
    assert " is up, term 1.1" in begun.stderr
    assert again.returncode == 5
    assert "another process" in again.stderr
    assert " is up, term 1.1" in (site.data / "server.log").read_text()


def test_a_standby_and_a_takeover_go_on_in_the_background_too(tmp_path: Path) -> None:
    active, standby = Site(tmp_path), Site(tmp_path)
    standby.data = tmp_path / "standby"
    port, other = free_port(), free_port()
    try:
        assert ran(active, "server", "--listen", f"127.0.0.1:{port}", "--detach").returncode == 0
        token = json.loads(active.command("standby", "invite", "--json"))["token"]
        follows = ran(standby, "standby", "run", "--token", token, "--listen", f"127.0.0.1:{other}", "--detach")
        refused = ran(standby, "activate", "--detach")
        active.command("stop")
        taken = ran(standby, "activate", "--yes", "--detach", "--listen", f"127.0.0.1:{other}")
        until(lambda: standby.ask("status")["state"] == "active", "the standby did not take over")
        standby.command("stop")
    finally:
        active.stop()
        standby.stop()

    assert (follows.returncode, refused.returncode, taken.returncode) == (0, 5, 0)
    assert "its copy stands at change" in follows.stderr
    assert "another server of this site seems active" in refused.stderr or "is running" in refused.stderr
    assert "term 2.0" in taken.stderr
    assert by_command_line(str(tmp_path)) == []


@pytest.mark.parametrize(
    ("words", "code"), [("activate --yes", 8), ("serve", 8), ("standby run --from 127.0.0.1:1", 2)]
)
def test_a_mistyped_directory_leaves_nothing_behind(tmp_path: Path, words: str, code: int) -> None:
    site = Site(tmp_path)

    assert ran(site, *words.split(), "--detach").returncode == code
    assert not site.data.exists()


def test_a_log_that_cannot_be_written_ends_no_server(tmp_path: Path) -> None:
    site = Site(tmp_path)
    told, ready = os.pipe()
    with open("/dev/full", "wb") as full:
        process = subprocess.Popen(
            [sys.executable, "-m", "jaz_lite.cli.main", "--data", str(site.data), "up", "--listen", "127.0.0.1:0"],
            stdout=full, stderr=full, pass_fds=(ready,), env={**os.environ, READY_VARIABLE: str(ready)},
        )  # fmt: skip
    os.close(ready)
    try:
        assert os.read(told, 1) == b"1", "it ended"
        assert site.ask("status")["state"] == "active"
        site.command("stop")
        assert process.wait() == 0
    finally:
        os.close(told)
        process.kill()
        process.wait()
        site.stop()


def test_who_ends_with_a_log_that_cannot_be_written_ends_with_the_same_code_and_a_sentence(tmp_path: Path) -> None:
    site = Site(tmp_path)
    ran(site, "init")
    (site.data / "server.log").touch()
    (site.data / "config.toml").write_text("[server]\nlisten = 7\n")

    def no_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))

    words = [sys.executable, "-m", "jaz_lite.cli.main", "--data", str(site.data), "up"]
    here = subprocess.run(words, check=False, capture_output=True, text=True, timeout=60, preexec_fn=no_room)
    behind = subprocess.run(
        [*words, "--detach"], check=False, capture_output=True, text=True, timeout=60, preexec_fn=no_room
    )

    assert behind.returncode == here.returncode
    assert "server.log cannot be written" in behind.stderr, here.stderr
