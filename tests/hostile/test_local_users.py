"""T9 and T11 with a real agent and real jobs: hostile values reach a job as they are, and nobody else reaches its files."""

import os
import stat
from pathlib import Path

import pytest

from tests.shells.small_server import agent_at, small_server

pytestmark = pytest.mark.real

VALUES = (
    "plain",
    "",
    " ",
    "'",
    '"',
    "`id`",
    "$(id)",
    "${HOME}",
    "$HOME",
    "%PATH%",
    "%VAR%",
    "!VAR!",
    "^&|<>",
    "a;b",
    "a&&b",
    "a||b",
    "a|b",
    "a\nb",
    "a\r\nb",
    "\t",
    "\\",
    "\\n",
    "\\'",
    "';touch MARK;'",
    '";touch MARK;"',
    "$(touch MARK)",
    "`touch MARK`",
    "\n touch MARK\n",
    "> MARK",
    "-e",
    "--help",
    "*",
    "?",
    "[a]",
    "~",
    "#",
    "() { :; }; touch MARK",
    "夜間バッチ",
    "\u202eabc",
    "\x1b[31m",
    "\x07",
    "=",
    "A=B",
    "x" * 100_000,
)


async def test_values_reach_a_job_as_they_are_and_nothing_of_them_is_executed(tmp_path: Path) -> None:
    folder, mark = tmp_path / "agent", tmp_path / "MARK"
    values = [value.replace("MARK", str(mark)) for value in VALUES]
    env = {f"V{number}": value for number, value in enumerate(values)}
    script = "".join(f'printf "%s\\0" "$V{number}"; ' for number in range(len(values)))
    async with small_server(folder) as server, agent_at(folder):
        await server.until_up()

        k = server.dispatch("corpus", script, env=env)

        name, fields = await server.end_of(k)
        await server.until(lambda: (k, 1) in server.ended)
        assert (name, fields.get("exit")) == ("finished", 0)
        assert bytes(server.output[k, 1]).decode().split("\0")[:-1] == values
        assert fields["err"] == 0
    assert not mark.exists()


@pytest.mark.parametrize("name", ["BASH_FUNC_ls%%", "A B", "a-b", "1A", "A=B", "", "é", "x\ny"])
async def test_a_name_that_is_none_starts_nothing(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "agent"
    async with small_server(folder) as server, agent_at(folder):
        await server.until_up()

        k = server.dispatch("named", "echo started", env={name: "() { :; }"})

        event, fields = await server.end_of(k)
        assert (event, fields["why"]) == ("failed", "env")


async def test_nobody_else_may_read_or_write_what_an_agent_keeps(tmp_path: Path) -> None:
    """With the most careless mask that there is; job texts, output and records are looked at while the job runs."""
    folder, gate = tmp_path / "agent", tmp_path / "gate"
    os.mkfifo(gate)
    before = os.umask(0)
    try:
        folder.mkdir(mode=0o700)
        async with small_server(folder) as server, agent_at(folder):
            await server.until_up()
            k = server.dispatch(
                "secret", f"#!/bin/sh\necho out; echo err >&2; read x < '{gate}'\n", env={"S": "secret"}
            )
            await server.until(lambda: bytes(server.output[k, 1]) == b"out\n")

            open_to_others = [
                f"{path.relative_to(folder)} {stat.filemode(path.lstat().st_mode)}"
                for path in sorted(folder.rglob("*"))
                if path.lstat().st_mode & 0o077
            ]
            names = [path.name for path in folder.rglob("*")]

            os.close(os.open(gate, os.O_WRONLY))
            await server.end_of(k)
    finally:
        os.umask(before)
    assert any(name.endswith(".text") for name in names), "the job text was a file while it ran"
    assert "sock" in names
    assert open_to_others == []
