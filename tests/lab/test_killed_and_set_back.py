"""Agents that are killed over and over, and agents whose disk is set back after jobs ran."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.network import Host, network, why_not
from tests.lab.parts import LabAgent, LabServer, comes_true

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(bool(why_not()), reason=f"no lab network here: {why_not()}"),
]

JOBS = 24


@pytest.fixture(scope="module")
def hosts() -> Iterator[dict[str, Host]]:
    with network("server", "one") as made:
        yield made


@pytest.fixture(scope="module")
def server(hosts: dict[str, Host], tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    made = LabServer(hosts["server"], tmp_path_factory.mktemp("server") / "data")
    yield made
    made.kill()


def exit_codes(shown: dict[str, object]) -> list[object]:
    icons = shown["icons"]
    assert isinstance(icons, list)
    return [icon["exit_code"] for icon in icons if icon["type"] == "job"]


def test_an_agent_killed_again_and_again_starts_each_job_once_and_loses_no_result(
    server: LabServer, hosts: dict[str, Host], tmp_path: Path
) -> None:
    agent = LabAgent(hosts["one"], tmp_path / "agent")
    agent.enrol(server.invite("often"))
    agent.start()
    server.wait_for("often")
    witness = tmp_path / "witness"
    runs = []
    for n in range(JOBS):
        runs.append(server.start_job(f"echo {n} >> {witness}; sleep 0.3; exit {n}", "often"))
        if n % 4 == 3:
            agent.kill()
            agent.start()

    assert [exit_codes(server.ended(run_id)) for run_id in runs] == [[n] for n in range(JOBS)]
    assert sorted(map(int, witness.read_text().split())) == list(range(JOBS))
    agent.kill()


def test_an_agent_set_back_after_jobs_ran_starts_none_of_them_again(
    server: LabServer, hosts: dict[str, Host], tmp_path: Path
) -> None:
    agent = LabAgent(hosts["one"], tmp_path / "agent")
    agent.enrol(server.invite("back"))
    agent.start()
    server.wait_for("back")
    server.ended(server.start_job("exit 0", "back"))
    agent.kill_with_keeper()
    shutil.copytree(agent.data, tmp_path / "snapshot", ignore=shutil.ignore_patterns("sock"))
    agent.start()
    server.wait_for("back")
    witness = tmp_path / "witness"
    before = server.start_job(f"echo before >> {witness}; exit 3", "back")
    assert exit_codes(server.ended(before)) == [3]
    during = server.start_job(f"echo during >> {witness}; sleep 600", "back")
    comes_true("it runs", lambda: witness.read_text().split() == ["before", "during"])

    agent.kill_with_keeper()
    shutil.rmtree(agent.data)
    shutil.copytree(tmp_path / "snapshot", agent.data)
    agent.start()
    after = server.start_job(f"echo after >> {witness}; exit 5", "back")

    assert exit_codes(server.ended(after)) == [5]
    (doubt,) = [icon["doubt"] for icon in server.ask("run", "show", during)["icons"] if icon["type"] == "job"]
    assert doubt["reason"] == "setback"
    assert exit_codes(server.ask("run", "show", before)) == [3]
    assert witness.read_text().split() == ["before", "during", "after"]
    agent.kill()
