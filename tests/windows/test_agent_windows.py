"""The agent and its keeper as real processes on Windows: what `tests/shells/test_agent.py` promises elsewhere."""

import os
import sys
from pathlib import Path

import pytest
import trio

if sys.platform != "win32":
    pytest.skip("needs Windows; make test-wine runs it under Wine", allow_module_level=True)

from jaz_lite.agent.machine import process
from tests.shells.small_server import agent_at, small_server
from tests.windows.small_jobs import Bench, lines_of, until_exists

pytestmark = pytest.mark.real


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "agent"


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


async def test_a_job_runs_and_its_result_and_output_arrive(folder: Path) -> None:
    async with small_server(folder) as server, agent_at(folder):
        await server.until_up()

        k = server.dispatch("one", "echo %GREETING%\necho bad>&2\nexit 3", head=100, env={"GREETING": "hello"})

        name, fields = await server.end_of(k)
        assert (name, fields["exit"]) == ("finished", 3)
        assert (fields["out_head"], fields["err_head"]) == (b"hello\r\n", b"bad\r\n")
        assert server.names(k) == ["accepted", "started", "finished"]
        await server.until(lambda: len(server.ended) == 2)
        assert (server.output[k, 1], server.output[k, 2]) == (b"hello\r\n", b"bad\r\n")
        assert [path.name for path in next(folder.glob("sites/*/out")).iterdir() if path.suffix == ".cmd"] == []


EXITS = {
    "exit 0": 0, "exit 7": 7, "exit /b 9": 9, "exit 255": 255, "exit 256": 256, "exit 65536": 65_536, "exit -1": -1,
    "exit -1073741819": -1_073_741_819, "rem nothing": 0, "cmd /c exit 4": 4, "cmd /c exit 4\necho after": 4, "": 0,
}  # fmt: skip


async def test_the_exit_code_of_a_text_is_told_as_it_is(folder: Path) -> None:
    async with small_server(folder) as server, agent_at(folder):
        await server.until_up()

        jobs = {text: server.dispatch(text, text) for text in EXITS}

        found = {text: (await server.end_of(k))[1].get("exit") for text, k in jobs.items()}
        assert found == EXITS


async def test_exit_codes_stay_unsigned_where_the_policy_says_so(folder: Path) -> None:
    async with small_server(folder) as server:
        (folder / "agent.toml").write_text("unsigned_exit_codes = true\n")
        async with agent_at(folder):
            await server.until_up()

            k = server.dispatch("exits", "exit -1")

            assert (await server.end_of(k))[1]["exit"] == 4_294_967_295


async def test_variables_reach_a_program_whatever_is_in_them(folder: Path, bench: Bench) -> None:
    values = {
        "PERCENT": "100%PATH%",
        "SIGNS": "a & b | c < d > e ^ f ! g ( h )",
        "QUOTES": '"a" \'b\' "',
        "KANJI": "日本語 ソ表",
        "LINES": "one\ntwo",
        "BACK": "C:\\dir\\",
        "Path": os.environ["PATH"],
    }
    show = bench.program(
        "show", "import os, sys; [sys.stdout.buffer.write(os.environ[n].encode() + b'\\0') for n in sys.argv[1:]]"
    )
    async with small_server(folder) as server, agent_at(folder):
        await server.until_up()

        k = server.dispatch("show", f"{show} {' '.join(values)}", env=values, head=60_000)

        _, fields = await server.end_of(k)
        assert fields["out_head"].decode().split("\0")[:-1] == list(values.values())


async def test_a_variable_of_a_job_takes_the_place_of_the_machines_in_any_case(folder: Path) -> None:
    async with small_server(folder) as server, agent_at(folder):
        await server.until_up()

        k = server.dispatch("sees", "echo %temp%", env={"TEMP": "mine"}, head=1000)

        assert (await server.end_of(k))[1]["out_head"] == b"mine\r\n"
        assert "mine" not in os.environ["TEMP"]


async def test_a_stopped_agent_takes_an_idle_keeper_with_it_and_leaves_a_busy_one(folder: Path, bench: Bench) -> None:
    gate = bench.gate("gate")
    async with small_server(folder) as server, agent_at(folder) as agent:
        await server.until_up()

        async def stop() -> int:
            done = await trio.run_process([*agent.command[:3], "stop", "--data", str(folder)], check=False)
            assert agent.process is not None
            await agent.process.wait()
            return done.returncode

        k = server.dispatch("waits", f"{gate.wait}\nexit 6")
        await server.until(lambda: "started" in server.names(k))

        assert await stop() == 0
        assert len(agent.keeper_pids) == 1
        await agent.start()
        gate.open()
        assert (await server.end_of(k))[1]["exit"] == 6

        assert await stop() == 0
        with trio.fail_after(10):
            while agent.keeper_pids:
                await trio.sleep(0.05)
        assert await stop() == 8  # nobody is there any more


async def test_arguments_reach_a_program_whatever_is_in_them(folder: Path, bench: Bench) -> None:
    odd = ["", "a b", 'say "hi"', "C:\\dir\\", 'C:\\dir\\ "x"', "100%PATH%", "a & b", "^", "日本語", "*"]
    program = bench.folder / "show.py"
    program.write_text("import sys; [sys.stdout.buffer.write(a.encode() + b'\\0') for a in sys.argv[1:]]")
    async with small_server(folder) as server, agent_at(folder):
        await server.until_up()

        k = server.dispatch("show", argv=[sys.executable, str(program), *odd], head=60_000)

        _, fields = await server.end_of(k)
        assert fields["out_head"].decode().split("\0")[:-1] == odd


async def test_standard_input_of_a_job_is_what_was_ordered_or_nothing(folder: Path, bench: Bench) -> None:
    text = "line\n" * 12_000  # 60 KB, more than a pipe takes
    count = bench.program("count", "import sys; print(len(sys.stdin.buffer.read()))")
    async with small_server(folder) as server, agent_at(folder):
        await server.until_up()

        fed = server.dispatch("fed", count, stdin=text.encode(), head=100)
        bare = server.dispatch("bare", count, head=100)

        assert (await server.end_of(fed))[1]["out_head"] == b"60000\r\n"
        assert (await server.end_of(bare))[1]["out_head"] == b"0\r\n"
        assert [path.name for path in next(folder.glob("sites/*/out")).iterdir() if path.suffix == ".in"] == []


async def test_long_output_arrives_whole_and_bytes_stay_as_they_are(folder: Path, bench: Bench) -> None:
    content = bytes(range(256)) * 4_000  # 1,000 KiB
    pour = bench.program("pour", "import sys; sys.stdout.buffer.write(bytes(range(256)) * 4000)")
    async with small_server(folder) as server, agent_at(folder):
        await server.until_up()

        k = server.dispatch("long", pour, head=1000)

        _, fields = await server.end_of(k)
        await server.until(lambda: (k, 1) in server.ended)
        assert (fields["out"], fields["out_head"]) == (1_024_000, content[:1000])
        assert bytes(server.output[k, 1]) == content


async def test_output_is_cut_at_its_limit_and_marked(folder: Path, bench: Bench) -> None:
    pour = bench.program("pour", "import sys; sys.stdout.buffer.write(bytes(300_000))")
    async with small_server(folder) as server, agent_at(folder):
        await server.until_up()

        k = server.dispatch("much", pour, out_max=100_000)

        _, fields = await server.end_of(k)
        await server.until(lambda: (k, 1) in server.ended)
        assert (fields["out"], fields["trunc"]) == (100_000, True)
        assert len(server.output[k, 1]) == 100_000


async def test_output_is_seen_while_the_job_runs(folder: Path, bench: Bench) -> None:
    gate = bench.gate("gate")
    async with small_server(folder) as server, agent_at(folder):
        await server.until_up()

        k = server.dispatch("live", f"echo first\n{gate.wait}\necho second")
        await server.until(lambda: bytes(server.output[k, 1]) == b"first\r\n")
        assert not server.has_ended(k)

        gate.open()
        await server.until(lambda: bytes(server.output[k, 1]) == b"first\r\nsecond\r\n")


async def test_a_killed_agent_finds_its_jobs_again_and_starts_none_twice(folder: Path, bench: Bench) -> None:
    gate, marks = bench.gate("gate"), bench.folder / "marks"
    text = f'echo start%N%>>"{marks}"\n{gate.wait}\necho end%N%>>"{marks}"\necho out%N%\nexit 7'
    async with small_server(folder) as server, agent_at(folder) as agent:
        await server.until_up()
        jobs = [server.dispatch(f"job{n}", text, env={"N": f"-{n}"}) for n in range(3)]
        await server.until(lambda: all("started" in server.names(k) for k in jobs))
        keepers = agent.keeper_pids

        await agent.kill()
        gate.open()
        await agent.start()

        for n, k in enumerate(jobs):
            assert (await server.end_of(k))[1]["exit"] == 7
            assert server.names(k) == ["accepted", "started", "finished"]
            assert (lines_of(marks).count(f"start-{n}"), lines_of(marks).count(f"end-{n}")) == (1, 1)
            await server.until(lambda k=k, n=n: bytes(server.output[k, 1]) == f"out-{n}\r\n".encode())  # type: ignore[misc]
        assert agent.keeper_pids == keepers


async def test_a_storm_of_kills_of_the_agent_loses_and_doubles_nothing(folder: Path, bench: Bench) -> None:
    marks = bench.folder / "marks"
    async with small_server(folder) as server, agent_at(folder) as agent:
        await server.until_up()
        marks.mkdir()
        texts = [f'echo ran>>"{marks}\\{n}"' for n in range(40)]
        jobs = [server.dispatch(f"job{n}", text) for n, text in enumerate(texts)]

        for round_number in range(1, 4):
            await server.until(lambda r=round_number: sum(map(server.has_ended, jobs)) >= 8 * r)  # type: ignore[misc]
            await agent.kill()
            await agent.start()
        await server.until_up()
        for n, k in enumerate(jobs):
            if not server.events[k]:
                server.dispatch(f"job{n}", texts[n])  # the server never heard of it: asked again

        for n, k in enumerate(jobs):
            assert (await server.end_of(k))[0] == "finished"
            assert lines_of(marks / str(n)) == ["ran"]


async def test_a_killed_keeper_loses_its_jobs_and_none_is_started_again(folder: Path, bench: Bench) -> None:
    gate, marks = bench.gate("gate"), bench.folder / "marks"
    text = f'echo start>>"{marks}"\n{gate.wait}'
    async with small_server(folder) as server, agent_at(folder) as agent:
        await server.until_up()
        k = server.dispatch("long", text)
        await server.until(lambda: "started" in server.names(k))
        await until_exists(marks)

        os.kill(agent.keeper_pids[0], 9)
        gate.open()

        name, fields = await server.end_of(k)
        assert (name, fields["why"]) == ("lost", "shim")
        again = server.dispatch("after", "exit 0")
        assert (await server.end_of(again))[1]["exit"] == 0
        server.dispatch("long", text)
        await server.until(lambda: bool(server.states))
        assert server.states[0].st == "lost"
        assert lines_of(marks) == ["start"]


async def test_a_new_keeper_watches_the_job_of_a_killed_one_and_can_end_all_of_it(folder: Path, bench: Bench) -> None:
    gate, pids = bench.gate("gate"), bench.folder / "pids"
    grandchild = bench.program(
        "grandchild", f"import os, time; open(r'{pids}', 'w').write(str(os.getpid())); time.sleep(1000)"
    )
    async with small_server(folder) as server, agent_at(folder) as agent:
        await server.until_up()
        k = server.dispatch("long", f'start "" /b {grandchild}\n{gate.wait}')
        await until_exists(pids)
        await trio.sleep(0.5)  # the age at which the keeper notes which process it is
        first = agent.keeper_pids

        os.kill(first[0], 9)
        with trio.fail_after(20):
            while agent.keeper_pids in ([], first):
                await trio.sleep(0.05)
        assert not server.has_ended(k)
        assert server.link is not None
        server.link.kill(k, how="signal", sig="TERM", grace_s=0, why="test")
        server.flush()

        assert (await server.end_of(k))[0] == "lost"  # its exit code nobody could learn
        with trio.fail_after(10):
            while process.start_time(int(pids.read_text())):
                await trio.sleep(0.05)


async def test_a_repeated_dispatch_is_answered_and_another_definition_is_a_conflict(folder: Path) -> None:
    async with small_server(folder) as server, agent_at(folder):
        await server.until_up()
        k = server.dispatch("same", "exit 4")
        await server.end_of(k)

        server.dispatch("same", "exit 4")
        server.dispatch("same", "exit 5")

        await server.until(lambda: len(server.states) == 2)
        assert [(state.exit, state.conflict) for state in server.states] == [(4, False), (4, True)]


async def test_a_kill_ends_all_that_a_job_has_started_with_137(folder: Path, bench: Bench) -> None:
    gate, pids = bench.gate("gate"), bench.folder / "pids"
    grandchild = bench.program(
        "grandchild", f"import os, time; open(r'{pids}', 'w').write(str(os.getpid())); time.sleep(1000)"
    )
    async with small_server(folder) as server, agent_at(folder):
        await server.until_up()
        k = server.dispatch("tree", f'start "" /b {grandchild}\n{gate.wait}')
        await until_exists(pids)
        assert server.link is not None

        server.link.kill(k, how="signal", sig="TERM", grace_s=10, why="test")
        server.flush()

        _, fields = await server.end_of(k)
        assert (fields["exit"], fields["killed"]) == (137, "kill")
        assert "kill_sent" in server.names(k)
        with trio.fail_after(10):
            while process.start_time(int(pids.read_text())):
                await trio.sleep(0.05)


async def test_a_stop_command_runs_with_the_environment_of_its_job(folder: Path, bench: Bench) -> None:
    gate, ready = bench.gate("gate"), bench.folder / "ready"
    async with small_server(folder) as server, agent_at(folder):
        await server.until_up()
        k = server.dispatch(
            "stoppable", f'echo x>"{ready}"\n{gate.wait}\nexit 9', stop='echo x>"%GATE%"',
            env={"GATE": str(bench.folder / "gate")},
        )  # fmt: skip
        await until_exists(ready)
        assert server.link is not None

        server.link.kill(k, how="stop", why="test")
        server.flush()

        assert (await server.end_of(k))[1]["exit"] == 9


async def test_a_timeout_ends_a_job_on_the_agent(folder: Path, bench: Bench) -> None:
    async with small_server(folder) as server, agent_at(folder):
        await server.until_up()

        k = server.dispatch("slow", bench.gate("never").wait, timeout=1, timeout_act="kill")

        _, fields = await server.end_of(k)
        assert (fields["exit"], fields["killed"]) == (137, "timeout")


NOT_STARTABLE = [
    ({"argv": ["C:\\no\\such\\program.exe"]}, "exec", "No such file"),
    ({"argv": ["no-such-program"]}, "exec", "No such file"),
    ({"script": "exit 0", "cwd": "C:\\no such folder"}, "cwd", "No such file"),
    ({"script": "exit 0", "user": "somebody"}, "user", "not available on Windows"),
    ({"script": "exit 0", "user": "root"}, "user", "deny_root"),
]


async def test_what_cannot_be_started_is_told_in_a_sentence(folder: Path) -> None:
    async with small_server(folder) as server, agent_at(folder):
        await server.until_up()

        jobs = [server.dispatch(f"wrong{n}", **spec) for n, (spec, _, _) in enumerate(NOT_STARTABLE)]  # type: ignore[arg-type]

        for k, (_, why, part) in zip(jobs, NOT_STARTABLE, strict=True):
            name, fields = await server.end_of(k)
            assert (name, fields["why"]) == ("failed", why)
            assert part in fields["msg"]


async def test_a_batch_file_is_not_called_with_arguments_that_nobody_can_quote(folder: Path, bench: Bench) -> None:
    batch = bench.folder / "a.bat"
    batch.write_text("@exit 0")
    async with small_server(folder) as server, agent_at(folder):
        await server.until_up()

        k = server.dispatch("batch", argv=[str(batch), '" & echo hacked'])

        name, fields = await server.end_of(k)
        assert (name, fields["why"]) == ("failed", "exec")
        assert "batch file" in fields["msg"]


async def test_a_job_begins_in_the_folder_that_it_names(folder: Path, bench: Bench) -> None:
    place = bench.folder / "a folder & more"
    place.mkdir()
    async with small_server(folder) as server, agent_at(folder):
        await server.until_up()

        k = server.dispatch("where", "cd", cwd=str(place), head=1000)

        assert (await server.end_of(k))[1]["out_head"].decode().strip() == str(place)


async def test_forty_jobs_end_each_once(folder: Path) -> None:
    async with small_server(folder) as server, agent_at(folder):
        await server.until_up()

        jobs = [server.dispatch(f"job{n}", kind="test") for n in range(40)]

        for k in jobs:
            assert (await server.end_of(k))[1]["exit"] == 0
            assert server.names(k) == ["accepted", "started", "finished"]


async def test_a_second_agent_on_the_same_folder_is_refused_in_a_sentence(folder: Path) -> None:
    async with small_server(folder) as server, agent_at(folder) as first:
        await server.until_up()

        result = await trio.run_process([*first.command], capture_stderr=True, check=False)

        assert result.returncode == 5
        assert b"another agent already runs" in result.stderr


async def test_a_lost_server_is_found_again_and_told_what_happened_meanwhile(folder: Path, bench: Bench) -> None:
    gate = bench.gate("gate")
    async with small_server(folder) as server, agent_at(folder):
        await server.until_up()
        k = server.dispatch("away", f"{gate.wait}\nexit 8")
        await server.until(lambda: "started" in server.names(k))
        assert server.link is not None

        server.link.bye("shutdown", "test")
        server.flush()
        await server.until(lambda: not server.up)
        gate.open()

        assert (await server.end_of(k))[1]["exit"] == 8


async def test_a_set_back_log_is_begun_anew_and_nothing_known_starts_again(folder: Path, bench: Bench) -> None:
    marks = bench.folder / "marks"
    async with small_server(folder) as server, agent_at(folder) as agent:
        await server.until_up()
        k = server.dispatch("known", f'echo ran>>"{marks}"')
        await server.end_of(k)
        spool = server.spool

        await agent.kill()
        server.chain = b"another history."
        await agent.start()
        await server.until(lambda: server.spool != spool and server.up)

        assert server.names(k).count("finished") == 2  # told again in the new log
        server.dispatch("known", f'echo ran>>"{marks}"')
        await server.until(lambda: bool(server.states))
        assert server.states[0].st == "done"
        assert lines_of(marks) == ["ran"]
