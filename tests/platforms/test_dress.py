"""A dressed agent, driven by a server that is not: what `make test-unix` rests on."""

from pathlib import Path

import pytest

from tests.platforms import unix
from tests.shells.small_server import agent_at, small_server

pytestmark = pytest.mark.real


@pytest.mark.parametrize(("dress", "system"), [("hp-ux11", "HP-UX"), ("aix7", "AIX")])
async def test_an_agent_on_an_unknown_unix_runs_jobs_and_survives_its_kill(
    dress: str, system: str, tmp_path: Path
) -> None:
    folder, gate = tmp_path / "agent", tmp_path / "gate"
    async with small_server(folder) as server, agent_at(folder, env=unix.environment(dress)) as agent:
        await server.until_up()
        assert server.hellos[0].facts.os.startswith(system)

        k = server.dispatch("job", f"until test -e '{gate}'; do sleep 0.05; done; exit 7")
        await server.until(lambda: "started" in server.names(k))
        await agent.kill()
        gate.touch()
        await agent.start()

        assert (await server.end_of(k))[1]["exit"] == 7


def test_what_a_dress_takes_away_is_gone() -> None:
    hidden = unix.hidden("hp-ux11")

    assert {"select.epoll*", "os.posix_*", "os.pidfd*", "os.waitid", "os.wait4", "/proc, from the product"} <= set(
        hidden
    )
