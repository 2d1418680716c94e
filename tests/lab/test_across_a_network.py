"""Agents on machines of their own: firewalls, pulled cables, two sites, copied machines."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.network import Host, network, why_not
from tests.lab.parts import LabAgent, LabServer, comes_true, run_on

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(bool(why_not()), reason=f"no lab network here: {why_not()}"),
]
needs_firewalls = pytest.mark.skipif(
    bool(why_not(firewalls=True)), reason=f"no firewalls here: {why_not(firewalls=True)}"
)

Hosts = dict[str, Host]


@pytest.fixture(scope="module")
def hosts() -> Iterator[Hosts]:
    with network("server1", "server2", "one", "two", "three") as made:
        yield made


@pytest.fixture(scope="module")
def server(hosts: Hosts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    made = LabServer(hosts["server1"], tmp_path_factory.mktemp("server1") / "data")
    yield made
    made.kill()


@pytest.fixture(scope="module")
def other_server(hosts: Hosts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    made = LabServer(hosts["server2"], tmp_path_factory.mktemp("server2") / "data")
    yield made
    made.kill()


def witnessed(file: Path) -> list[str]:
    """Return what jobs wrote of themselves."""
    return file.read_text().split() if file.exists() else []


def job(witness: Path, name: str, seconds: float = 0.0, code: int = 0) -> str:
    return f"echo {name}-began >> {witness}; sleep {seconds}; echo {name}-ended >> {witness}; exit {code}"


@needs_firewalls
def test_an_agent_that_nobody_may_dial_works_as_well(server: LabServer, hosts: Hosts, tmp_path: Path) -> None:
    hosts["one"].refuse_incoming()
    agent = LabAgent(hosts["one"], tmp_path / "agent")
    agent.enrol(server.invite("outbound"))
    agent.start()
    server.wait_for("outbound")

    run = server.ended(server.start_job("echo from inside; exit 3", "outbound"))

    assert run["state"] == "ended"
    assert [(icon["std_out"], icon["exit_code"]) for icon in run["icons"] if icon["type"] == "job"] == [
        ("from inside\n", 3)
    ]
    hosts["one"].allow_all()
    agent.kill()


@needs_firewalls
def test_an_agent_that_may_dial_nobody_is_dialled(server: LabServer, hosts: Hosts, tmp_path: Path) -> None:
    hosts["two"].refuse_outgoing()
    agent = LabAgent(hosts["two"], tmp_path / "agent")
    words = ("agent", "enroll", "--listen", "0.0.0.0:11055", server.invite("inbound"), "--data", str(agent.data))
    agent.start_with(*words)
    comes_true("it listens", lambda: "listening" in agent.said())
    server.command("agent", "add", "inbound", hosts["two"].address)
    agent.start()
    server.wait_for("inbound")

    run = server.ended(server.start_job("echo dialled", "inbound"))

    assert run["state"] == "ended"
    server.kill()
    server.start_again()
    server.wait_for("inbound")
    hosts["two"].allow_all()
    agent.kill()


def test_a_pulled_cable_costs_no_result_and_starts_nothing_twice(
    server: LabServer, hosts: Hosts, tmp_path: Path
) -> None:
    agent = LabAgent(hosts["one"], tmp_path / "agent")
    agent.enrol(server.invite("cable"))
    agent.start()
    server.wait_for("cable")
    witness = tmp_path / "witness"
    run_id = server.start_job(job(witness, "job", seconds=2, code=7), "cable")
    comes_true("the job runs", lambda: witnessed(witness))

    hosts["one"].cut()
    comes_true("the job ended", lambda: len(witnessed(witness)) == 2)
    server.kill()
    server.start_again()
    during = server.ask("run", "show", run_id)
    hosts["one"].mend()
    run = server.ended(run_id)

    assert during["state"] == "running", "unreachable is not failed"
    assert [icon["exit_code"] for icon in run["icons"] if icon["type"] == "job"] == [7]
    assert witnessed(witness) == ["job-began", "job-ended"]
    agent.kill()


def test_one_agent_serves_two_sites_that_see_nothing_of_each_other(
    server: LabServer, other_server: LabServer, hosts: Hosts, tmp_path: Path
) -> None:
    agent = LabAgent(hosts["three"], tmp_path / "agent")
    agent.enrol(server.invite("shared"))
    agent.start()
    server.wait_for("shared")
    agent.enrol(other_server.invite("shared"))  # while it runs
    other_server.wait_for("shared")
    witness = tmp_path / "witness"

    before = len(server.ask("run", "list")["runs"])
    first = server.start_job(job(witness, "first", seconds=2), "shared")
    second = other_server.start_job(job(witness, "second", seconds=2, code=5), "shared")
    comes_true("both run", lambda: len(witnessed(witness)) >= 2)
    agent.kill()
    agent.start()

    codes = [
        [icon["exit_code"] for icon in site.ended(run_id)["icons"] if icon["type"] == "job"]
        for site, run_id in ((server, first), (other_server, second))
    ]
    assert codes == [[0], [5]]
    assert sorted(witnessed(witness)) == ["first-began", "first-ended", "second-began", "second-ended"]
    assert [len(site.ask("run", "list")["runs"]) for site in (server, other_server)] == [before + 1, 1]
    agent.kill()


def test_a_copied_machine_is_refused_while_the_first_one_lives(server: LabServer, hosts: Hosts, tmp_path: Path) -> None:
    first = LabAgent(hosts["one"], tmp_path / "first")
    first.enrol(server.invite("twin"))
    first.start()
    server.wait_for("twin")
    twin = LabAgent(hosts["two"], tmp_path / "twin")
    shutil.copytree(first.data, twin.data, ignore=shutil.ignore_patterns("sock", "lock"))

    twin.start(JAZ_LITE_BOOT_ID="the other machine")
    comes_true("somebody is told", lambda: "dup_agent" in twin.said() or "two machines" in twin.said())

    shown = server.ask("agent", "show", "twin")
    assert shown["address"].startswith(hosts["one"].address), "the first one stays"
    run = server.ended(server.start_job("ip -4 -brief addr show eth0", "twin"))
    outs = [icon["std_out"] for icon in run["icons"] if icon["type"] == "job"]
    assert hosts["one"].address in outs[0]
    twin.kill()
    first.kill()


def test_a_token_is_good_once_and_for_its_site(
    server: LabServer, other_server: LabServer, hosts: Hosts, tmp_path: Path
) -> None:
    token = server.invite("token")
    LabAgent(hosts["one"], tmp_path / "a").enrol(token)
    again = LabAgent(hosts["two"], tmp_path / "b").enrol(token, expect=7)
    address = f"{hosts['server1'].address}:11061"
    foreign = other_server.ask("agent", "invite", "foreign", "--address", address)["token"]
    wrong = run_on(hosts["two"], "agent", "enroll", foreign, "--data", str(tmp_path / "d"), expect=None)

    assert "used already" in again
    assert "#allow_users" in (tmp_path / "a" / "agent.toml").read_text(), "its settings, explained"
    assert wrong.returncode != 0
    assert "certificate" in wrong.stderr
    assert not (tmp_path / "d" / "sites").exists() or not any((tmp_path / "d" / "sites").iterdir())
