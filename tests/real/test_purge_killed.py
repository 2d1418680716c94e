"""Retention as processes do it: killed in the middle, without a server, and with a clock that is far ahead."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import apsw
import pytest

from bench.definitions import chain
from bench.purge import fill
from bench.site import Site
from jaz_lite.errors import Unreachable
from jaz_lite.net.local_client import Stream
from tests.real.test_missed_starts import LIBRARIES

pytestmark = pytest.mark.real

OLD, YOUNG = 3_000, 50
SPANS = ("keep_output_min", "keep_runs_min", "keep_results_min")
TABLES = ("runs", "icons", "frames", "attempts", "output")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A site without a server: 3,000 runs are 200 days old, 50 are 100 days old; 150 days are kept."""
    made = Site(tmp_path)
    made.command("init")
    made.define(chain("BENCH_OLD", 1, ":"), "old")
    for name in SPANS:
        made.command("setting", "set", name, "150d")
    fill(made.data, OLD, YOUNG)
    yield made
    made.stop()


def counts(site: Site) -> dict[str, int]:
    """Return how many rows there are, of a file that is found sound."""
    file = apsw.Connection(os.fspath(site.data / "jaz.db"), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        assert file.execute("pragma integrity_check").fetchall() == [("ok",)]
        assert file.execute("pragma foreign_key_check").fetchall() == []
        return {table: int(next(file.execute(f"select count(*) from {table}"))[0]) for table in TABLES}
    finally:
        file.close()


ONLY_YOUNG = {"runs": YOUNG, "icons": 3 * YOUNG, "frames": YOUNG, "attempts": YOUNG, "output": YOUNG}


def wait_until_something_went(site: Site) -> None:
    until = time.monotonic() + 30
    while counts(site)["output"] == OLD + YOUNG:
        assert time.monotonic() < until, "nothing is purged"


def test_a_server_that_is_killed_while_it_purges_goes_on_with_it_when_it_is_back(site: Site) -> None:
    site.start()
    server = site.server
    assert server is not None

    def purge() -> None:
        with suppress(Unreachable), Stream(os.fspath(site.data), "purge", {}) as answers:
            for _ in answers:
                pass

    asking = threading.Thread(target=purge)
    asking.start()
    wait_until_something_went(site)
    server.send_signal(signal.SIGKILL)
    server.wait()
    asking.join()
    assert counts(site)["runs"] > YOUNG

    site.start()
    site.ask("purge")

    assert counts(site) == ONLY_YOUNG


def test_a_purge_without_a_server_that_is_killed_is_simply_done_again(site: Site) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "jaz_lite.cli.main", "--data", str(site.data), "purge"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as purge:  # fmt: skip
        wait_until_something_went(site)
        purge.kill()
    assert counts(site)["runs"] > YOUNG

    site.ask("purge")

    assert counts(site) == ONLY_YOUNG


@pytest.mark.skipif(not LIBRARIES, reason="the clock of a process is set by libfaketime, which is not installed here")
def test_a_clock_that_is_months_ahead_removes_nothing_unless_it_is_said_to_be_right(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.start()
    site.ask("purge")
    assert counts(site) == ONLY_YOUNG
    site.stop()
    monkeypatch.setenv("LD_PRELOAD", os.fspath(LIBRARIES[0]))
    monkeypatch.setenv("FAKETIME", "+90d")
    without_server = json.loads(site.command("purge", "--json", expect=1))
    site.start()
    doubted = json.loads(site.command("purge", "--json", expect=1))
    kept = counts(site)["runs"]
    notices = site.ask("status")["notices"]
    site.ask("purge", "--trust-clock")

    assert without_server["waits_until"] is not None
    assert doubted["waits_until"] is not None
    assert kept == YOUNG
    assert any("the clock jumped ahead" in notice for notice in notices)
    assert counts(site)["icons"] == 0
