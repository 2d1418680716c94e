"""The agent as one file: built, run, replaced while it runs, and carried to a big-endian machine."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.platforms import s390x
from tests.platforms.unix import environment
from tests.shells.small_server import PATIENCE_S, agent_at, small_server

pytestmark = pytest.mark.real
BUILDER = s390x.ROOT / "packaging" / "pyz.py"


def without_our_path() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def built(folder: Path) -> Path:
    target = folder / "agent.pyz"
    done = subprocess.run([sys.executable, BUILDER, target], check=False, capture_output=True, text=True)
    if done.returncode == 1 and "could not be fetched" in done.stderr:
        pytest.skip(f"the libraries of the one-file agent cannot be had: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{target}: ")
    return target


@pytest.fixture(scope="module")
def one_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory.mktemp("pyz"))


def said(one_file: Path, *words: str, env: "Mapping[str, str] | None" = None) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, one_file, *words],
        check=False, capture_output=True, text=True, env=env or without_our_path(), cwd="/", timeout=60,
    )  # fmt: skip


def test_the_same_source_gives_the_same_bytes(one_file: Path, tmp_path: Path) -> None:
    assert built(tmp_path).read_bytes() == one_file.read_bytes()


def test_it_says_its_version_and_what_it_can_do(one_file: Path) -> None:
    from jaz_lite import __version__

    assert said(one_file, "--version").stdout.startswith(f"jaz_lite {__version__} (agent; Python ")
    words = said(one_file, "--help").stdout
    assert all(word in words for word in ("run", "enroll", "selfcheck", "status", "jobs", "policy", "keeper"))


@pytest.mark.parametrize("dress", ["", "aix7"])
def test_it_checks_a_machine(dress: str, one_file: Path) -> None:
    done = said(one_file, "selfcheck", env=environment(dress) if dress else None)

    assert done.returncode == 0, done.stdout
    assert "FAIL" not in done.stdout
    assert ("stand-in" in done.stdout) == bool(dress)


async def test_a_file_that_is_replaced_harms_no_running_agent_and_the_new_one_takes_over_its_jobs(
    one_file: Path, tmp_path: Path
) -> None:
    folder, mine, gate = tmp_path / "agent", tmp_path / "mine.pyz", tmp_path / "gate"
    mine.write_bytes(one_file.read_bytes())
    async with (
        small_server(folder) as server,
        agent_at(folder, program=[sys.executable, str(mine)], env=without_our_path()) as agent,
    ):
        await server.until_up()
        k = server.dispatch("long", f"until test -e '{gate}'; do sleep 0.05; done; exit 7")
        await server.until(lambda: "started" in server.names(k))
        keepers = agent.keeper_pids

        mine.write_bytes(b"rubbish" * 200_000)
        short = server.dispatch("short", "echo out; exit 3")
        assert (await server.end_of(short))[1]["exit"] == 3
        await server.until(lambda: (short, 1) in server.ended)

        mine.write_bytes(one_file.read_bytes())
        assert await agent.stop() == 0
        await server.until(lambda: not server.up)
        await agent.start()
        await server.until_up()
        gate.touch()
        assert (await server.end_of(k))[1]["exit"] == 7
        assert agent.keeper_pids == keepers


@pytest.mark.skipif(not s390x.STAMP.exists(), reason="the emulated machine is not set up: make test-s390x does it")
@pytest.mark.skipif(PATIENCE_S < 60, reason="an emulated agent needs patience: make test-s390x gives it")
async def test_it_runs_jobs_on_a_big_endian_machine(one_file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "agent"
    program = [str(s390x.PYTHON), str(one_file)]
    async with small_server(folder) as server, agent_at(folder, program=program, env=environment("aix7")) as agent:
        await server.until_up()
        assert server.hellos[0].facts.arch == "s390x"
        k = server.dispatch("job", "echo out; exit 7")
        assert (await server.end_of(k))[1]["exit"] == 7

        await agent.kill()
        await server.until(lambda: not server.up)
        await agent.start()
        await server.until_up()
        again = server.dispatch("again", "exit 8")
        assert (await server.end_of(again))[1]["exit"] == 8
