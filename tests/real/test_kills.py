"""Real processes, killed: nothing is lost, nothing starts twice, and the jobs' own file proves it."""

import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.site import Site
from tests.real.oracle import Oracle

pytestmark = pytest.mark.real

JOBS = 60
JOB_SECONDS = 0.15
ENDS_WITHIN_S = 60.0


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    made.start()
    made.wait_for_agent()
    yield made
    made.stop()


@pytest.fixture
def oracle(site: Site, tmp_path: Path) -> Oracle:
    made = Oracle(tmp_path)
    site.define(made.jobnet("MANY", JOBS, JOB_SECONDS), "many")
    return made


def start(site: Site) -> str:
    run_id = site.ask("exec", "MANY")["run_id"]
    assert isinstance(run_id, str)
    return run_id


def wait_until_started(oracle: Oracle, jobs: int) -> None:
    until = time.monotonic() + ENDS_WITHIN_S
    while sum(oracle.counts()[0].values()) < jobs:
        assert time.monotonic() < until, "the jobs do not start"
        pause(0.01)


def pause(seconds: float) -> None:
    """Let real processes go on; this is no virtual time."""
    signal.sigtimedwait([], seconds)


def wait_for(site: Site, run_id: str, states: set[str]) -> dict[str, Any]:
    until = time.monotonic() + ENDS_WITHIN_S
    while True:
        run: dict[str, Any] = site.ask("run", "show", run_id)
        if run["state"] in states:
            return run
        assert time.monotonic() < until, f"the run is {run['state']}: {run['waiting_for']}"
        pause(0.1)


def assert_each_ran_once(oracle: Oracle) -> None:
    starts, ends = oracle.counts()
    assert len(starts) == JOBS
    assert set(starts.values()) == {1}, "a job started twice"
    assert set(ends.values()) == {1}
    assert len(ends) == JOBS


def test_a_killed_server_is_as_if_nothing_had_happened(site: Site, oracle: Oracle) -> None:
    run_id = start(site)
    for seed in range(3):
        wait_until_started(oracle, 5 + 15 * seed)
        pause(random.Random(seed).random() * 0.2)
        assert site.server is not None
        site.server.kill()
        site.server.wait()
        site.start()

    run = wait_for(site, run_id, {"ended", "run_error", "end_error"})

    assert run["state"] == "ended"
    assert_each_ran_once(oracle)


def test_a_killed_agent_is_as_if_nothing_had_happened(site: Site, oracle: Oracle) -> None:
    run_id = start(site)
    for seed in range(3):
        wait_until_started(oracle, 5 + 15 * seed)
        pause(random.Random(seed).random() * 0.2)
        os.kill(site.processes()["agent"], signal.SIGKILL)
        site.wait_for_agent()

    run = wait_for(site, run_id, {"ended", "run_error", "end_error"})

    assert run["state"] == "ended"
    assert_each_ran_once(oracle)


def test_server_and_agent_killed_together_are_as_if_nothing_had_happened(site: Site, oracle: Oracle) -> None:
    run_id = start(site)
    wait_until_started(oracle, 20)
    os.kill(site.processes()["agent"], signal.SIGKILL)
    assert site.server is not None
    site.server.kill()
    site.server.wait()
    pause(1.0)
    site.start()

    run = wait_for(site, run_id, {"ended", "run_error", "end_error"})

    assert run["state"] == "ended"
    assert_each_ran_once(oracle)


def test_a_killed_keeper_leaves_its_jobs_to_be_decided_and_starts_none_again(site: Site, oracle: Oracle) -> None:
    run_id = start(site)
    wait_until_started(oracle, 10)
    os.kill(site.processes()["keeper"], signal.SIGKILL)

    until = time.monotonic() + ENDS_WITHIN_S
    while True:
        run = site.ask("run", "show", run_id)
        jobs = [icon for icon in run["icons"] if icon["type"] == "job"]
        doubted = [icon for icon in jobs if icon["doubt"]]
        if len(doubted) + sum(icon["state"] == "ended" for icon in jobs) == JOBS:
            break
        assert time.monotonic() < until, run["waiting_for"]
        pause(0.2)
    starts, _ = oracle.counts()
    assert doubted, "the keeper was killed while jobs ran"
    assert {icon["doubt"]["reason"] for icon in doubted} == {"lost"}
    assert set(starts.values()) == {1}, "a job started twice"

    for icon in doubted:
        site.command("run", "decide", run_id, icon["path"], "ended")
    assert wait_for(site, run_id, {"ended"})["state"] == "ended"
    assert set(oracle.counts()[0].values()) == {1}


def test_a_clean_stop_leaves_jobs_running_and_the_next_start_takes_their_results(site: Site, oracle: Oracle) -> None:
    run_id = start(site)
    wait_until_started(oracle, 10)
    site.command("stop")
    assert site.server is not None
    assert site.server.wait(20) == 0
    assert "agent" not in site.processes()
    site.start()

    assert wait_for(site, run_id, {"ended", "run_error"})["state"] == "ended"
    assert_each_ran_once(oracle)
