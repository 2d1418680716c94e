"""Commands that talk to a server."""

import json
from pathlib import Path

import pytest

import jaz_lite.cli
from tests.unit.cli.conftest import Cli

DEMO = str(Path(jaz_lite.cli.__file__).with_name("demo.xml"))


@pytest.fixture
def loaded(cli: Cli, server: Path) -> Path:
    """A running engine with the demonstration's jobnets enabled; no host is mapped, so that jobs fail at once."""
    assert cli("import", DEMO, "--enable").code == 0
    return server


def test_exec_prints_the_number_of_the_run(cli: Cli, loaded: Path) -> None:
    plain = cli("exec", "DEMO_HELLO", "-E", "WHO=me")
    as_json = cli("exec", "DEMO_HELLO", "--json")

    assert plain.out.strip().isdigit()
    assert int(as_json.json["run_id"]) > int(plain.out)


def test_a_run_is_marked_with_how_it_was_started(cli: Cli, loaded: Path) -> None:
    cli("exec", "DEMO_ERROR", "--test")
    cli("exec", "DEMO_ERROR", "--hold")
    cli("exec", "DEMO_ERROR", "--icon", "/JOB-1")

    origins = [run["origin"] for run in cli("run", "list", "--json").json["runs"]]

    assert origins == ["single", "hold", "test"]


def test_wait_exits_with_1_when_the_run_waits_in_error(cli: Cli, loaded: Path) -> None:
    ran = cli("exec", "DEMO_ERROR", "--wait", "--json")

    assert ran.code == 1
    assert ran.json["state"] == "run_error"
    assert ran.json["icons"][1]["state"] == "run_error"


def test_follow_shows_each_state_once_and_json_stays_alone_on_stdout(cli: Cli, loaded: Path) -> None:
    ran = cli("exec", "DEMO_ERROR", "--follow", "--json")
    plain = cli("exec", "DEMO_ERROR", "--follow")

    assert json.loads(ran.out)["state"] == "run_error"
    assert "/JOB-1  job  run_error" in ran.err
    assert plain.out.count("/START  start  ended") == 1


def test_a_held_run_is_waited_for_no_longer_than_asked(cli: Cli, loaded: Path) -> None:
    ran = cli("exec", "DEMO_HELLO", "--hold", "--wait", "--timeout", "0.1")
    after = cli("run", "list", "--json")

    assert ran.code == 10
    assert "is not over yet; it goes on" in ran.err
    assert after.json["runs"][0]["state"] == "running"


def test_variables_are_taken_from_the_command_line_or_the_environment(
    cli: Cli, loaded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHO", "日本 = x")

    cli("exec", "DEMO_HELLO", "-E", "A=1=2", "-E", "WHO", "-E", "EMPTY=")

    assert cli("run", "vars", "last", "--json").json["before"] == {"A": "1=2", "WHO": "日本 = x", "EMPTY": ""}


def test_an_operator_takes_a_run_through_its_error(cli: Cli, loaded: Path) -> None:
    cli("exec", "DEMO_ERROR", "--wait")

    assert cli("explain", "last", "/JOB-1").out.startswith("/JOB-1 is in error")
    assert cli("run", "skip", "last", "/JOB-1").code == 0
    shown = cli("run", "show", "last")
    log = cli("run", "log", "last")

    assert "  ended" in shown.out.splitlines()[0]
    assert "skip was set (by owner)" in log.out
    assert cli("run", "stop", "last").code == 1


def test_results_come_as_csv_with_doubled_quotes(cli: Cli, loaded: Path) -> None:
    cli("exec", "DEMO_ERROR", "--wait")

    ran = cli("results", "--icon", "JOB", "--csv")

    lines = ran.out.splitlines()
    assert lines[0].startswith('"at","run_id","jobnet_id"')
    assert '""localhost""' in ran.out


def test_status_is_one_screen_and_one_document(cli: Cli, loaded: Path) -> None:
    as_json = cli("status", "--json")

    assert {"server_id", "epoch", "boot", "state", "agents", "runs", "last_snapshot_at"} <= as_json.json.keys()
    assert cli("status").out.startswith("server test: active, term ")


def test_data_may_be_given_before_or_after_the_command(cli: Cli, loaded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JAZ_LITE_DATA")

    assert cli("--data", str(loaded), "status").code == 0
    assert cli("status", "--data", str(loaded)).code == 0


def test_a_server_that_runs_is_asked_instead_of_the_directory(cli: Cli, loaded: Path) -> None:
    ran = cli("jobnet", "disable", "DEMO_LOOP")

    assert ran.code == 0
    assert cli("exec", "DEMO_LOOP").code == 8


def test_a_run_is_planned_held_moved_released_and_deleted(cli: Cli, loaded: Path) -> None:
    planned = cli("exec", "DEMO_HELLO", "--at", "23:59")
    run = planned.out.strip()
    assert "starts at 2026-11-23 23:59:00+09:00" in planned.err

    cli("run", "hold", run)
    cli("run", "move", run, "2026-11-25 04:00")
    listed = cli("run", "list", "--planned").out
    shown = cli("run", "show", run).out
    for words in ("held", "2026-11-25 04:00:00+09:00", "2026-11-23 23:59:00+09:00"):
        assert words in listed
        assert words in shown

    assert cli("run", "release", run).code == 0
    assert cli("run", "delete", run).err == "1 run deleted\n"
    assert cli("run", "list", "--planned").err == "no run is planned\n"


def test_several_runs_are_deleted_or_stopped_in_one_command(cli: Cli, loaded: Path) -> None:
    planned = [cli("exec", "DEMO_HELLO", "--at", "+1h").out.strip() for _ in range(3)]
    held = cli("exec", "DEMO_HELLO", "--hold").out.strip()

    deleted = cli("run", "delete", planned[0], planned[1], held)
    assert deleted.code == 1
    assert f"run {held}" in deleted.err
    assert "2 runs deleted" in deleted.err

    stopped = cli("run", "stop", planned[2], held, "--json")
    assert (stopped.code, stopped.json) == (0, {"stopped": [planned[2], held], "refused": []})


def test_what_is_no_number_after_a_run_is_the_icon_to_stop(cli: Cli, loaded: Path) -> None:
    run = cli("exec", "DEMO_HELLO", "--hold").out.strip()

    assert "has no icon" in cli("run", "stop", run, "NOWHERE").err
    assert "has no icon" in cli("run", "stop", run, "/123").err


def test_a_list_of_runs_leaves_out_what_only_waits_for_its_time(cli: Cli, loaded: Path) -> None:
    assert cli("exec", "DEMO_HELLO", "--at", "+1h").code == 0

    nothing = cli("run", "list")

    assert "run list --planned" in nothing.out + nothing.err
    assert cli("run", "list", "--json").json["runs"] == []
    assert len(cli("run", "list", "--state", "waiting", "--json").json["runs"]) == 1
    assert len(cli("run", "list", "--planned", "--json").json["runs"]) == 1
