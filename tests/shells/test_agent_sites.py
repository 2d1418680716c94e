"""One real agent that belongs to several sites, whose servers know nothing of each other."""

import os
import shutil
from pathlib import Path

import pytest

from jaz_lite.agent.enrol.enrolment import write_site
from jaz_lite.agent.records import site_folder
from jaz_lite.wire import x509
from tests.shells.small_server import SmallServer, agent_at, small_server

pytestmark = pytest.mark.real

OTHER_SITE = b"other-site-12345"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "agent"


@pytest.fixture
def other() -> SmallServer:
    return SmallServer(OTHER_SITE, x509.self_signed("jazl-test", os.urandom))


async def all_output(server: SmallServer, jobs: list[bytes]) -> None:
    await server.until(lambda: all((k, 1) in server.ended for k in jobs))


async def test_jobs_of_two_sites_run_on_one_agent_and_nothing_crosses(
    folder: Path, tmp_path: Path, other: SmallServer
) -> None:
    marks = tmp_path / "marks"
    async with small_server(folder) as one, small_server(folder, other), agent_at(folder) as agent:
        await one.until_up()
        await other.until_up()

        ours = [one.dispatch(f"job{n}", f"echo one{n} >> '{marks}'; echo out-one{n}") for n in range(30)]
        theirs = [other.dispatch(f"job{n}", f"echo other{n} >> '{marks}'; echo out-other{n}") for n in range(30)]
        await one.until(lambda: sum(map(one.has_ended, ours)) >= 5)
        await agent.kill()
        await agent.start()
        for server, jobs in ((one, ours), (other, theirs)):
            for k in jobs:
                name, _ = await server.end_of(k)
                assert name == "finished"

        lines = marks.read_text().splitlines()
        assert sorted(lines) == sorted([f"one{n}" for n in range(30)] + [f"other{n}" for n in range(30)])
        for server, jobs, name in ((one, ours, "one"), (other, theirs, "other")):
            assert {k for k in server.events if k is not None} == set(jobs)
            assert {item.k for item in server.inventory} <= set(jobs)
            await all_output(server, jobs)
            for n, k in enumerate(jobs):
                assert bytes(server.output[k, 1]) == f"out-{name}{n}\n".encode()
        assert len(agent.keeper_pids) == 1


async def test_a_site_that_is_enrolled_while_the_agent_runs_is_served_at_once(
    folder: Path, tmp_path: Path, other: SmallServer
) -> None:
    async with small_server(folder) as one, agent_at(folder) as agent:
        await one.until_up()
        async with small_server(folder, other):
            await other.until_up()

            assert (await other.end_of(other.dispatch("job", "exit 4")))[1]["exit"] == 4

        assert (await one.end_of(one.dispatch("job", "exit 5")))[1]["exit"] == 5
        assert agent.process is not None
        assert agent.process.returncode is None


async def test_a_site_that_is_removed_is_left_and_the_others_go_on(folder: Path, other: SmallServer) -> None:
    async with small_server(folder) as one, small_server(folder, other), agent_at(folder):
        await one.until_up()
        await other.until_up()

        shutil.rmtree(folder / site_folder(OTHER_SITE))

        await other.until(lambda: bool(other.closed))
        assert other.closed[0].code == "shutdown"
        assert (await one.end_of(one.dispatch("job", "exit 5")))[1]["exit"] == 5


async def test_an_agent_whose_server_has_moved_follows_its_enrolment(folder: Path) -> None:
    first, second = SmallServer(), SmallServer()
    write_site(folder, first.enrolment("127.0.0.1:1"))
    async with agent_at(folder):
        async with small_server(folder, first):
            await first.until_up()

        async with small_server(folder, second):
            await second.until_up()
