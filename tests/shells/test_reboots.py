"""A reboot by a real agent process: its command is a script, and the boot of the machine is a new agent and keeper."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from jaz_lite.agent.machine.boot import BOOT_VARIABLE
from tests.shells.small_server import AgentProcess, agent_at, small_server

pytestmark = [pytest.mark.real, pytest.mark.skipif(os.name == "nt", reason="the command is a script of a Unix shell")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data directory whose agent reboots by a script that writes that down and ends as the file `code` says."""
    folder = tmp_path / "agent"
    folder.mkdir(mode=0o700)
    script = tmp_path / "reboot.sh"
    (tmp_path / "code").write_text("0")
    script.write_text(f"#!/bin/sh\necho down >> {tmp_path}/reboots; echo going >&2; exit $(cat {tmp_path}/code)\n")
    script.chmod(0o755)
    (folder / "agent.toml").write_text(f'reboot_command = ["{script}"]\n')
    return folder


def boot(number: int) -> Mapping[str, str]:
    return {**os.environ, BOOT_VARIABLE: f"boot-{number}"}


async def machine_boots(agent: AgentProcess, number: int, *, job: "int | None" = None) -> None:
    """Everything dies at once, and the agent comes up under another boot id."""
    await agent.kill()
    for pid in (*agent.keeper_pids, *([] if job is None else [job])):
        os.kill(pid, 9)
    agent._env = boot(number)
    await agent.start()


def reboots(tmp_path: Path) -> int:
    file = tmp_path / "reboots"
    return len(file.read_text().splitlines()) if file.exists() else 0


async def test_a_reboot_ends_with_the_next_boot_and_what_came_meanwhile_starts_then(
    folder: Path, tmp_path: Path
) -> None:
    async with small_server(folder) as server, agent_at(folder, env=boot(1)) as agent:
        await server.until_up()
        k = server.dispatch("reboot", kind="reboot", wait=False, head=1000)
        await server.until(lambda: "started" in server.names(k))
        later = server.dispatch("later", "exit 7")
        await server.until(lambda: server.names(later) == ["accepted"])

        await agent.kill()
        await agent.start()  # the agent alone: that is no boot
        await server.until(lambda: len(server.hellos) == 2 and server.up)
        assert not server.has_ended(k)
        await machine_boots(agent, 2)

        name, fields = await server.end_of(k)
        assert (name, fields["exit"], fields["err_head"]) == ("finished", 0, b"going\n")
        _, fields = await server.end_of(later)
        assert fields["exit"] == 7
        assert reboots(tmp_path) == 1


async def test_a_reboot_command_that_fails_is_an_error_and_work_goes_on(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "code").write_text("3")
    async with small_server(folder) as server, agent_at(folder, env=boot(1)):
        await server.until_up()
        k = server.dispatch("reboot", kind="reboot", wait=False, head=1000)
        later = server.dispatch("later", "exit 0")

        _, fields = await server.end_of(k)
        assert (fields["exit"], fields["err_head"]) == (3, b"going\n")
        await server.end_of(later)


async def test_jobs_that_take_too_long_are_killed_before_the_reboot(folder: Path, tmp_path: Path) -> None:
    async with small_server(folder) as server, agent_at(folder, env=boot(1)) as agent:
        await server.until_up()
        job = server.dispatch("job", "sleep 600")
        await server.until(lambda: "started" in server.names(job))

        k = server.dispatch("reboot", kind="reboot", wait=True, wait_s=1)

        _, fields = await server.end_of(job)
        assert (fields["sig"], fields["killed"]) == (15, "reboot")
        await server.until(lambda: "started" in server.names(k))
        await machine_boots(agent, 2)
        await server.end_of(k)
        assert reboots(tmp_path) == 1


async def test_a_job_that_a_forced_reboot_cuts_off_is_lost(folder: Path, tmp_path: Path) -> None:
    async with small_server(folder) as server, agent_at(folder, env=boot(1)) as agent:
        await server.until_up()
        job = server.dispatch("job", f"echo $$ > {tmp_path}/pid; exec sleep 600")
        await server.until(lambda: "started" in server.names(job))
        k = server.dispatch("reboot", kind="reboot", wait=False)
        await server.until(lambda: "started" in server.names(k) and bool((tmp_path / "pid").read_text()))

        await machine_boots(agent, 2, job=int((tmp_path / "pid").read_text()))

        assert (await server.end_of(job))[0] == "lost"
        assert (await server.end_of(k))[1]["exit"] == 0
