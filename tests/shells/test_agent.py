"""The agent and its keeper as real processes, with a small server on loopback."""

import os
import signal
from pathlib import Path

import pytest
import trio

from tests.shells.small_server import PATIENCE_S, agent_at, small_server

pytestmark = pytest.mark.real


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "agent"


def line_count(path: Path, line: str) -> int:
    return path.read_text().splitlines().count(line) if path.exists() else 0


async def wait_for_file(path: Path) -> None:
    with trio.fail_after(PATIENCE_S):
        while not path.exists():
            await trio.sleep(0.01)


def fifo(folder: Path, name: str) -> Path:
    path = folder / name
    os.mkfifo(path)
    return path


async def let_go(path: Path) -> None:
    """Let a job go on that waits to read from this fifo."""
    with trio.fail_after(PATIENCE_S):
        while True:
            try:
                os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
            except OSError:
                await trio.sleep(0.01)
            else:
                return


async def test_a_job_runs_and_its_result_and_output_arrive(folder: Path) -> None:
    async with small_server(folder) as server, agent_at(folder):
        await server.until_up()

        k = server.dispatch("one", 'echo "$GREETING"; echo bad >&2; exit 3', head=100, env={"GREETING": "héllo"})

        name, fields = await server.end_of(k)
        assert (name, fields["exit"]) == ("finished", 3)
        assert fields["out_head"] == "héllo\n".encode()
        assert fields["err_head"] == b"bad\n"
        assert server.names(k) == ["accepted", "started", "finished"]
        await server.until(lambda: len(server.ended) == 2)
        assert server.output[k, 1] == "héllo\n".encode()
        assert server.output[k, 2] == b"bad\n"


async def test_every_exit_code_and_deadly_signal_is_told_as_it_is(folder: Path) -> None:
    async with small_server(folder) as server, agent_at(folder):
        await server.until_up()

        exits = {code: server.dispatch(f"exit{code}", f"exit {code}") for code in range(128)}
        await server.until(lambda: all(map(server.has_ended, exits.values())))
        exits |= {code: server.dispatch(f"exit{code}", f"exit {code}") for code in range(128, 256)}
        signals = {number: server.dispatch(f"sig{number}", f"kill -{number} $$") for number in (1, 2, 3, 9, 15)}

        for code, k in exits.items():
            _, fields = await server.end_of(k)
            assert fields.get("exit") == code
        for number, k in signals.items():
            _, fields = await server.end_of(k)
            assert fields.get("sig") == number
            assert "exit" not in fields


async def test_long_output_arrives_whole_and_bytes_stay_as_they_are(folder: Path, tmp_path: Path) -> None:
    content = bytes(range(256)) * 4096
    (tmp_path / "content").write_bytes(content)
    async with small_server(folder) as server, agent_at(folder):
        await server.until_up()

        k = server.dispatch("long", f"cat '{tmp_path}/content'", head=1000)

        _, fields = await server.end_of(k)
        await server.until(lambda: (k, 1) in server.ended)
        assert fields["out"] == len(content)
        assert fields["out_head"] == content[:1000]
        assert bytes(server.output[k, 1]) == content


async def test_output_is_cut_at_its_limit_and_marked(folder: Path) -> None:
    async with small_server(folder) as server, agent_at(folder):
        await server.until_up()

        k = server.dispatch("much", "head -c 300000 /dev/zero", out_max=100_000)

        _, fields = await server.end_of(k)
        await server.until(lambda: (k, 1) in server.ended)
        assert (fields["out"], fields["trunc"]) == (100_000, True)
        assert len(server.output[k, 1]) == 100_000


async def test_output_is_seen_while_the_job_runs(folder: Path, tmp_path: Path) -> None:
    gate = fifo(tmp_path, "gate")
    async with small_server(folder) as server, agent_at(folder):
        await server.until_up()

        k = server.dispatch("live", f"echo first; read x < '{gate}'; echo second")
        await server.until(lambda: bytes(server.output[k, 1]) == b"first\n")
        assert not server.has_ended(k)

        await let_go(gate)
        await server.until(lambda: bytes(server.output[k, 1]) == b"first\nsecond\n")


async def test_a_killed_agent_finds_its_jobs_again_and_starts_none_twice(folder: Path, tmp_path: Path) -> None:
    gate, marks = fifo(tmp_path, "gate"), tmp_path / "marks"
    script = f"echo start$N >> '{marks}'; read x < '{gate}'; echo end$N >> '{marks}'; echo out$N; exit 7"
    async with small_server(folder) as server, agent_at(folder) as agent:
        await server.until_up()
        jobs = [server.dispatch(f"job{n}", script, env={"N": str(n)}) for n in range(3)]
        await server.until(lambda: all("started" in server.names(k) for k in jobs))
        keepers = agent.keeper_pids

        await agent.kill()
        await let_go(gate)  # a writer that comes and goes lets every reader go on
        await agent.start()

        for n, k in enumerate(jobs):
            _, fields = await server.end_of(k)
            assert fields["exit"] == 7
            assert server.names(k) == ["accepted", "started", "finished"]
            assert (line_count(marks, f"start{n}"), line_count(marks, f"end{n}")) == (1, 1)
            await server.until(lambda k=k, n=n: bytes(server.output[k, 1]) == f"out{n}\n".encode())  # type: ignore[misc]
        assert agent.keeper_pids == keepers


async def test_a_storm_of_kills_of_the_agent_loses_and_doubles_nothing(folder: Path, tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    async with small_server(folder) as server, agent_at(folder) as agent:
        await server.until_up()
        jobs = [server.dispatch(f"job{n}", f"echo {n} >> '{marks}'") for n in range(150)]

        for round_number in range(1, 5):
            await server.until(lambda r=round_number: sum(map(server.has_ended, jobs)) >= 20 * r)  # type: ignore[misc]
            await agent.kill()
            await agent.start()
        await server.until_up()
        for n, k in enumerate(jobs):
            if not server.events[k]:
                server.dispatch(f"job{n}", f"echo {n} >> '{marks}'")  # the server never heard of it: asked again

        for n, k in enumerate(jobs):
            name, _ = await server.end_of(k)
            assert name == "finished"
            assert line_count(marks, str(n)) == 1


async def test_a_killed_keeper_loses_its_jobs_and_none_is_started_again(folder: Path, tmp_path: Path) -> None:
    marks, gate = tmp_path / "marks", fifo(tmp_path, "gate")
    async with small_server(folder) as server, agent_at(folder) as agent:
        await server.until_up()
        k = server.dispatch("long", f"echo start >> '{marks}'; read x < '{gate}'")
        await server.until(lambda: "started" in server.names(k))
        await wait_for_file(marks)

        os.kill(agent.keeper_pids[0], signal.SIGKILL)
        await let_go(gate)

        name, fields = await server.end_of(k)
        assert (name, fields["why"]) == ("lost", "shim")
        again = server.dispatch("after", "exit 0")
        assert (await server.end_of(again))[1]["exit"] == 0
        server.dispatch("long", f"echo start >> '{marks}'; read x < '{gate}'")
        await server.until(lambda: bool(server.states))
        assert server.states[0].st == "lost"
        assert line_count(marks, "start") == 1


async def test_a_repeated_dispatch_is_answered_and_another_definition_is_a_conflict(folder: Path) -> None:
    async with small_server(folder) as server, agent_at(folder):
        await server.until_up()
        k = server.dispatch("same", "exit 4")
        await server.end_of(k)

        server.dispatch("same", "exit 4")
        server.dispatch("same", "exit 5")

        await server.until(lambda: len(server.states) == 2)
        assert [(state.st, state.exit, state.conflict) for state in server.states] == [
            ("done", 4, False),
            ("done", 4, True),
        ]
        assert server.names(k) == ["accepted", "started", "finished"]


async def test_a_kill_ends_the_whole_group_and_says_so(folder: Path, tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    async with small_server(folder) as server, agent_at(folder):
        await server.until_up()
        deaf = server.dispatch("deaf", f"trap '' TERM; echo > '{ready}'; sleep 1000 & wait; wait")
        await wait_for_file(ready)
        assert server.link is not None

        server.link.kill(deaf, how="signal", sig="TERM", grace_s=0, why="test")
        server.flush()

        _, fields = await server.end_of(deaf)
        assert (fields["sig"], fields["killed"]) == (9, "kill")
        assert "kill_sent" in server.names(deaf)


async def test_a_stop_command_runs_with_the_environment_of_its_job(folder: Path, tmp_path: Path) -> None:
    gate, ready = fifo(tmp_path, "gate"), tmp_path / "ready"
    async with small_server(folder) as server, agent_at(folder):
        await server.until_up()
        k = server.dispatch(
            "stoppable", f"echo > '{ready}'; read x < '{gate}'; exit 9", stop='echo > "$GATE"', env={"GATE": str(gate)}
        )
        await wait_for_file(ready)
        assert server.link is not None

        server.link.kill(k, how="stop", why="test")
        server.flush()

        _, fields = await server.end_of(k)
        assert fields["exit"] == 9


async def test_a_withdrawn_job_never_starts(folder: Path) -> None:
    async with small_server(folder) as server, agent_at(folder):
        await server.until_up()
        k = bytes.fromhex("ab" * 16)
        assert server.link is not None

        server.link.cancel(k, "test")
        server.flush()

        name, _ = await server.end_of(k)
        assert name == "cancelled"


async def test_a_timeout_ends_a_job_on_the_agent(folder: Path) -> None:
    async with small_server(folder) as server, agent_at(folder):
        await server.until_up()

        k = server.dispatch("slow", "sleep 1000", timeout=1, timeout_act="kill")

        _, fields = await server.end_of(k)
        assert (fields["sig"], fields["killed"]) == (15, "timeout")
        assert "timeout" in server.names(k)


@pytest.mark.parametrize(
    ("spec", "why", "part"),
    [
        ({"argv": ["/no/such/program"]}, "exec", "No such file"),
        ({"script": "exit 0", "cwd": "/no/such/folder"}, "cwd", "No such file"),
        ({"script": "exit 0", "user": "no-such-user"}, "user", "no-such-user"),
        ({"script": "exit 0", "user": "root"}, "user", "deny_root"),
    ],
)
async def test_what_cannot_be_started_is_told_in_a_sentence(
    folder: Path, spec: dict[str, object], why: str, part: str
) -> None:
    async with small_server(folder) as server, agent_at(folder):
        await server.until_up()

        k = server.dispatch("wrong", **spec)  # type: ignore[arg-type]

        name, fields = await server.end_of(k)
        assert (name, fields["why"]) == ("failed", why)
        assert part in fields["msg"]


async def test_texts_with_an_interpreter_line_and_long_texts_are_executed(folder: Path) -> None:
    async with small_server(folder) as server, agent_at(folder):
        await server.until_up()

        marked = server.dispatch("marked", "#!/bin/sed 1d\nthis text prints itself\r\n")
        long = server.dispatch("long", "# " + "x" * 150_000 + "\nexit 5")

        await server.end_of(marked)
        await server.until(lambda: (marked, 1) in server.ended)
        assert server.output[marked, 1] == b"this text prints itself\n"
        assert (await server.end_of(long))[1]["exit"] == 5
        out = next(folder.glob("sites/*/out"))
        assert [path.name for path in out.iterdir() if path.suffix == ".text"] == []


@pytest.mark.skipif(os.geteuid() != 0, reason="switching users needs root")
async def test_a_root_agent_runs_a_job_as_another_user(folder: Path) -> None:
    async with small_server(folder) as server, agent_at(folder):
        await server.until_up()

        k = server.dispatch("other", "id -un; pwd; umask", user="nobody")
        marked = server.dispatch("other text", "#!/bin/sh\nid -un", user="nobody")

        await server.end_of(k)
        await server.until(lambda: {(k, 1), (marked, 1)} <= server.ended)
        assert server.output[k, 1].split() == [b"nobody", b"/", b"0002"]
        assert server.output[marked, 1] == b"nobody\n"
        assert not [path for path in Path("/tmp").glob("jazl-*") if path.is_dir() and path.owner() == "nobody"]


async def test_two_hundred_jobs_end_each_once(folder: Path) -> None:
    async with small_server(folder) as server, agent_at(folder):
        await server.until_up()

        jobs = [server.dispatch(f"job{n}", argv=["/bin/true"]) for n in range(200)]

        for k in jobs:
            assert (await server.end_of(k))[1]["exit"] == 0
            assert server.names(k) == ["accepted", "started", "finished"]


async def test_a_second_agent_on_the_same_folder_is_refused_in_a_sentence(folder: Path) -> None:
    async with small_server(folder) as server, agent_at(folder) as first:
        await server.until_up()

        result = await trio.run_process([*first.command], capture_stderr=True, check=False)

        assert result.returncode == 5
        assert b"another agent already runs" in result.stderr


async def test_a_stopped_agent_takes_an_idle_keeper_with_it_and_leaves_a_busy_one(folder: Path, tmp_path: Path) -> None:
    gate = fifo(tmp_path, "gate")
    async with small_server(folder) as server, agent_at(folder) as agent:
        await server.until_up()
        k = server.dispatch("waits", f"read x < '{gate}'; exit 6")
        await server.until(lambda: "started" in server.names(k))

        assert await agent.stop() == 0
        assert len(agent.keeper_pids) == 1
        await agent.start()
        await let_go(gate)
        assert (await server.end_of(k))[1]["exit"] == 6

        assert await agent.stop() == 0
        with trio.fail_after(PATIENCE_S):
            while agent.keeper_pids:
                await trio.sleep(0.01)


async def test_a_lost_server_is_found_again_and_told_what_happened_meanwhile(folder: Path, tmp_path: Path) -> None:
    gate = fifo(tmp_path, "gate")
    async with small_server(folder) as server, agent_at(folder):
        await server.until_up()
        k = server.dispatch("away", f"read x < '{gate}'; exit 8")
        await server.until(lambda: "started" in server.names(k))
        assert server.link is not None

        server.link.bye("shutdown", "test")
        server.flush()
        await server.until(lambda: not server.up)
        await let_go(gate)

        assert (await server.end_of(k))[1]["exit"] == 8


async def test_a_server_of_a_lower_term_is_refused(folder: Path) -> None:
    async with small_server(folder) as server, agent_at(folder):
        await server.until_up()
        assert server.link is not None

        server.term, server.act = 0, b"act-0000"
        server.link.bye("shutdown", "test")
        server.flush()

        await server.until(lambda: bool(server.deposed))
        assert (server.deposed[0].term, server.deposed[0].act) == (1, b"act-0001")
        assert not server.up


async def test_a_set_back_log_is_begun_anew_and_nothing_known_starts_again(folder: Path, tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    async with small_server(folder) as server, agent_at(folder) as agent:
        await server.until_up()
        k = server.dispatch("known", f"echo ran >> '{marks}'")
        await server.end_of(k)
        spool = server.spool

        assert await agent.stop() == 0
        server.chain = b"another history."
        await agent.start()
        await server.until(lambda: server.spool != spool and server.up)

        assert server.names(k).count("finished") == 2  # told again in the new log
        server.dispatch("known", f"echo ran >> '{marks}'")
        await server.until(lambda: bool(server.states))
        assert server.states[0].st == "done"
        assert line_count(marks, "ran") == 1
