"""File waits of a real agent process, with a small server on loopback."""

from pathlib import Path

import pytest

from tests.shells.small_server import agent_at, small_server

pytestmark = pytest.mark.real


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "agent"


async def test_a_wait_ends_when_the_file_comes_and_needs_no_keeper(folder: Path, tmp_path: Path) -> None:
    async with small_server(folder) as server, agent_at(folder):
        await server.until_up()
        k = server.dispatch("a", kind="fwait", path=f"{tmp_path}/a", mode="exist", delete=True)
        await server.until(lambda: server.names(k) == ["accepted", "started"])

        (tmp_path / "a").touch()

        _, fields = await server.end_of(k)
        assert (fields["exit"], (tmp_path / "a").exists()) == (0, False)
        assert fields["out_head"].decode().splitlines()[-1] == "it was deleted"


async def test_waits_outlive_their_agent_and_end_once(folder: Path, tmp_path: Path) -> None:
    async with small_server(folder) as server, agent_at(folder) as agent:
        await server.until_up()
        waits = [
            server.dispatch(f"w{n}", kind="fwait", path=f"{tmp_path}/f{n}", mode="exist", delete=True)
            for n in range(50)
        ]
        await server.until(lambda: all("started" in server.names(k) for k in waits))

        await agent.kill()
        for n in range(50):
            (tmp_path / f"f{n}").touch()
        await agent.start()

        for n, k in enumerate(waits):
            _, fields = await server.end_of(k)
            assert fields["exit"] == 0
            assert server.names(k) == ["accepted", "started", "finished"]
            assert not (tmp_path / f"f{n}").exists()


async def test_a_wait_is_killed_and_one_goes_over_its_time(folder: Path, tmp_path: Path) -> None:
    async with small_server(folder) as server, agent_at(folder):
        await server.until_up()
        killed = server.dispatch("killed", kind="fwait", path=f"{tmp_path}/a", mode="exist")
        over = server.dispatch("over", kind="fwait", path=f"{tmp_path}/a", mode="exist", timeout=1)
        await server.until(lambda: "started" in server.names(killed))

        assert server.link is not None
        server.link.kill(killed, how="signal", sig="TERM", grace_s=10, why="stop")
        server.flush()

        _, fields = await server.end_of(killed)
        assert (fields["sig"], fields["killed"]) == (15, "kill")
        _, fields = await server.end_of(over)
        assert fields["exit"] == 255
        assert b"is not there after 1 s" in fields["err_head"]


async def test_a_path_into_the_data_directory_of_the_agent_is_refused(folder: Path) -> None:
    async with small_server(folder) as server, agent_at(folder):
        await server.until_up()

        k = server.dispatch("a", kind="fwait", path=f"{folder}/keeper/lock", mode="exist", delete=True)

        _, fields = await server.end_of(k)
        assert fields["exit"] == 255
        assert b"leads into the agent's own data directory" in fields["err_head"]
