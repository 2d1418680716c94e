"""Connections of which one end is gone and the other was not told: a pulled cable, and an agent that comes again."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from jaz_lite.wire.limits import HEARTBEAT_S, HEARTBEATS_MISSED_MAX
from tests.lab.network import Host, network, why_not
from tests.lab.parts import LabAgent, LabServer, comes_true

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(bool(why_not()), reason=f"no lab network here: {why_not()}"),
]

SILENCE_S = HEARTBEAT_S * HEARTBEATS_MISSED_MAX
SLACK_S = 5.0  # commands that ask, and a machine that is busy
DIAL_S = 10.0  # until the agent says that its next attempt came to nothing
AT_ONCE_S = 10.0  # far less than silence takes

Hosts = dict[str, Host]


@pytest.fixture(scope="module")
def hosts() -> Iterator[Hosts]:
    with network("server", "one", "two") as made:
        yield made


@pytest.fixture(scope="module")
def server(hosts: Hosts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    made = LabServer(hosts["server"], tmp_path_factory.mktemp("server") / "data")
    yield made
    made.kill()


def enrolled(server: LabServer, host: Host, name: str, folder: Path) -> LabAgent:
    """Return an agent that is in session."""
    agent = LabAgent(host, folder / name)
    agent.enrol(server.invite(name))
    agent.start()
    server.wait_for(name)
    return agent


def job_that_outlives_the_session(server: LabServer, name: str, witness: Path, code: int) -> str:
    """Start a job, and return its run when it has begun."""
    text = f"echo began >> {witness}; sleep 3; echo ended >> {witness}; exit {code}"
    run_id = server.start_job(text, name)
    comes_true("the job runs", witness.exists)
    return run_id


def code_of(server: LabServer, run_id: str) -> int:
    (code,) = [icon["exit_code"] for icon in server.ended(run_id)["icons"] if icon["type"] == "job"]
    assert isinstance(code, int)
    return code


def ended_once(witness: Path) -> bool:
    return witness.read_text().split() == ["began", "ended"]


def test_an_agent_started_again_behind_a_pulled_cable_takes_its_dead_session_over_at_once(
    server: LabServer, hosts: Hosts, tmp_path: Path
) -> None:
    agent = enrolled(server, hosts["one"], "again", tmp_path)
    witness = tmp_path / "witness"
    run_id = job_that_outlives_the_session(server, "again", witness, 7)
    before = server.ask("agent", "show", "again")["since"]

    hosts["one"].cut()
    agent.kill()  # its last words are lost with the cable
    comes_true("the job ended", lambda: ended_once(witness))
    assert server.reaches("again"), "the server was told nothing"
    hosts["one"].mend()
    agent.start()
    began = time.monotonic()
    code = code_of(server, run_id)
    took = time.monotonic() - began

    assert code == 7
    assert took < AT_ONCE_S
    assert server.ask("agent", "show", "again")["since"] != before, "it is another session"
    assert ended_once(witness)
    agent.kill()


def test_an_agent_that_moves_to_another_address_takes_its_dead_session_over_at_once(
    server: LabServer, hosts: Hosts, tmp_path: Path
) -> None:
    agent = enrolled(server, hosts["one"], "moves", tmp_path)
    witness = tmp_path / "witness"
    run_id = job_that_outlives_the_session(server, "moves", witness, 5)

    hosts["one"].cut()
    agent.kill()
    assert server.reaches("moves"), "the server was told nothing"
    moved = LabAgent(hosts["two"], agent.data)
    moved.start()
    began = time.monotonic()
    at = hosts["two"].address
    comes_true("it is there", lambda: server.ask("agent", "show", "moves")["address"].startswith(at))
    took = time.monotonic() - began

    assert took < AT_ONCE_S
    assert code_of(server, run_id) == 5
    assert ended_once(witness)
    hosts["one"].mend()
    moved.kill()


def test_a_silent_session_ends_at_both_ends_after_three_heartbeats_and_no_result_is_lost(
    server: LabServer, hosts: Hosts, tmp_path: Path
) -> None:
    agent = enrolled(server, hosts["one"], "silent", tmp_path)
    witness = tmp_path / "witness"
    run_id = job_that_outlives_the_session(server, "silent", witness, 9)
    said_before = len(agent.said())

    hosts["one"].cut()
    began = time.monotonic()
    comes_true("the job ended", lambda: ended_once(witness))
    assert server.reaches("silent"), "the server was told nothing"
    comes_true("the server notices", lambda: not server.reaches("silent"))
    noticed = time.monotonic() - began
    comes_true("the agent dials again", lambda: "link.failed" in agent.said()[said_before:])
    agent_noticed = time.monotonic() - began
    during = server.ask("run", "show", run_id)["state"]
    hosts["one"].mend()

    assert noticed < SILENCE_S + SLACK_S
    assert agent_noticed < SILENCE_S + DIAL_S + SLACK_S
    assert during == "running", "unreachable is not failed"
    assert code_of(server, run_id) == 9
    assert ended_once(witness)
    agent.kill()
