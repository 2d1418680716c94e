"""Commands where no server runs: definitions are worked on directly, the rest says how to start one."""

import fcntl
import re
from pathlib import Path

import pytest

import jaz_lite.cli
from jaz_lite.cli.offline import call
from tests.unit.cli.conftest import Cli

DEMO = str(Path(jaz_lite.cli.__file__).with_name("demo.xml"))


def test_init_prepares_a_directory_once(cli: Cli, folder: Path) -> None:
    first = cli("init", "--server-id", "plant-2", "--json")
    again = cli("init")

    assert first.json == {"folder": str(folder), "server_id": "plant-2"}
    assert again.code == 1
    assert "is a data directory already" in again.err


def test_an_import_without_a_server_works_on_the_directory(cli: Cli, prepared: Path) -> None:
    ran = cli("import", DEMO, "--enable", "--json")

    assert ran.code == 0
    assert {row["id"] for row in ran.json["imported"] if row["enabled"]} == {
        "DEMO_HELLO",
        "DEMO_PARALLEL",
        "DEMO_BRANCH",
        "DEMO_LOOP",
        "DEMO_NESTED",
        "DEMO_ERROR",
    }
    assert cli("jobnet", "list", "--json").json["jobnets"][0] == {
        "jobnet_id": "DEMO_BRANCH",
        "version": "20261101090000",
        "enabled": True,
        "name": "a decision",
        "public": True,
        "owner": "Admin",
        "icons": 7,
    }


def test_an_import_that_fails_prints_every_problem_and_exits_with_1(cli: Cli, prepared: Path) -> None:
    cli("import", DEMO)

    ran = cli("import", DEMO)

    assert ran.code == 1
    assert ran.out == ""
    assert ran.err.count("this version is there already") == 6
    assert ran.err.rstrip().endswith("nothing was imported")


def test_a_dry_run_imports_nothing(cli: Cli, prepared: Path) -> None:
    ran = cli("import", DEMO, "--dry-run")

    assert ran.code == 0
    assert "would import 6 versions" in ran.err
    assert cli("jobnet", "list", "--json").json == {"jobnets": []}


def test_what_was_exported_can_be_imported_again(cli: Cli, prepared: Path, tmp_path: Path) -> None:
    cli("import", DEMO, "--enable")
    target = tmp_path / "out.xml"

    assert cli("export", "-o", str(target)).code == 0
    again = cli("import", str(target), "--overwrite", "--enable", "--json")

    assert again.code == 0
    assert {row["action"] for row in again.json["imported"]} == {"replaced"}
    assert cli("export").out == target.read_text()


def test_an_export_that_must_leave_a_jobnet_out_says_so_and_exits_with_1(
    cli: Cli, prepared: Path, tmp_path: Path
) -> None:
    cli("import", DEMO)
    icons = [{"icon_id": "START", "type": "start"}, {"icon_id": "wait", "type": "countdown"}]
    document = {"jobnet_id": "OURS", "name": "ours", "icons": icons}
    call(str(prepared), "definition.put", {"kind": "jobnet", "document": document})
    target = tmp_path / "out.xml"

    everything = cli("export", "-o", str(target))
    alone = cli("export", "jobnet", "OURS")

    assert (everything.code, alone.code, alone.out) == (1, 1, "")
    assert 'Job Arranger has no icon type "countdown"' in everything.err
    assert everything.err.rstrip().endswith("exported 6 versions, left out 1")
    assert "OURS" not in target.read_text()


def test_the_flow_of_a_jobnet_is_drawn_as_text(cli: Cli, prepared: Path) -> None:
    cli("import", DEMO)

    ran = cli("jobnet", "show", "DEMO_BRANCH", "--graph")

    assert ran.out.splitlines()[1:] == [
        "START  start",
        "JOB-1  job  exit 7",
        "IF-1  condition",
        "├─ true: JOB-2  job  echo low",
        "│  → IFE-1",
        "└─ false: JOB-3  job  echo high",
        "   → IFE-1",
        "IFE-1  branch_end",
        "END-1  end",
    ]


def test_versions_are_compared_and_their_history_is_kept(cli: Cli, prepared: Path) -> None:
    cli("import", DEMO)

    same = cli("jobnet", "diff", "DEMO_LOOP", "DEMO_LOOP")
    other = cli("jobnet", "diff", "DEMO_LOOP", "DEMO_HELLO", "--json")
    history = cli("jobnet", "history", "DEMO_LOOP", "--json")
    used = cli("jobnet", "where-used", "DEMO_HELLO", "--json")

    assert (same.code, other.code) == (0, 1)
    assert "icons[CAL-1]" in {change["where"] for change in other.json["changes"]}
    assert [row["version"] for row in history.json["history"]] == ["20261101090000"]
    assert [row["id"] for row in used.json["used_by"]] == ["DEMO_NESTED"]


def test_enable_disable_and_delete_follow_the_rules(cli: Cli, prepared: Path) -> None:
    cli("import", DEMO)

    refused = cli("jobnet", "enable", "DEMO_NESTED")
    together = cli("jobnet", "enable", "DEMO_NESTED", "DEMO_HELLO", "DEMO_PARALLEL")
    in_use = cli("jobnet", "disable", "DEMO_HELLO")
    deleted = cli("jobnet", "delete", "DEMO_LOOP", "--json")

    assert refused.code == 1
    assert "has no enabled version" in refused.err
    assert together.out.count("enabled jobnet") == 3
    assert (in_use.code, "DEMO_NESTED" in in_use.err) == (1, True)
    assert deleted.json == {"deleted": [{"kind": "jobnet", "id": "DEMO_LOOP", "version": "20261101090000"}]}


def test_check_tells_problems_and_exits_with_1_if_it_could_not_be_enabled(cli: Cli, prepared: Path) -> None:
    cli("import", DEMO)

    bad = cli("jobnet", "check", "DEMO_NESTED", "--json")
    good = cli("jobnet", "check", "DEMO_PARALLEL")

    assert bad.code == 1
    assert {problem["severity"] for problem in bad.json["problems"]} >= {"error"}
    assert good.code == 0


def test_settings_are_shown_with_their_origin(cli: Cli, prepared: Path) -> None:
    (prepared / "config.toml").write_text('[site]\nzone = "Asia/Tokyo"\n')

    rows = {row["name"]: row for row in cli("config", "show", "--json").json["settings"]}

    assert (rows["site.zone"]["value"], rows["site.zone"]["origin"]) == ("Asia/Tokyo", "config.toml")
    assert rows["server.listen"]["origin"] == "default"


def test_settings_are_changed_without_a_server(cli: Cli, prepared: Path) -> None:
    changed = cli("setting", "set", "keep_output_min", "36h")
    shown = cli("setting", "show", "keep_output_min")
    listed = cli("setting", "list")
    reset = cli("setting", "reset", "keep_output_min", "--json")

    assert changed.out == "keep_output_min: 36h (set; the default is 14d); it was 14d\n"
    assert shown.out.startswith("keep_output_min: 36h (set; the default is 14d)\n")
    assert re.search(r"^keep_output_min +36h +14d +output of jobs", listed.out, re.MULTILINE)
    assert (reset.json["value"], reset.json["was_text"]) == (20_160, "36h")


def test_a_setting_that_cannot_be_is_refused_with_a_hint(cli: Cli, prepared: Path) -> None:
    wrong = cli("setting", "set", "keep_output_min", "soon")
    elsewhere = cli("setting", "set", "server.listen", "0.0.0.0:1")

    assert (wrong.code, elsewhere.code) == (2, 8)
    assert 'wants a span of time, not "soon"' in wrong.err
    assert "config.toml" in elsewhere.err


def test_a_directory_that_somebody_else_uses_is_left_alone(cli: Cli, prepared: Path) -> None:
    with open(prepared / "lock", "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ran = cli("jobnet", "list")

    assert ran.code == 5
    assert "uses" in ran.err


def test_a_directory_from_elsewhere_is_refused_with_exit_code_4(cli: Cli, prepared: Path, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    prepared.rename(moved)

    ran = cli("jobnet", "list", "--data", str(moved))

    assert ran.code == 4
    assert "belongs at" in ran.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["status"],
        ["stop"],
        ["exec", "X"],
        ["run", "list"],
        ["run", "show", "last"],
        ["run", "log", "1", "--follow"],
        ["explain", "1"],
        ["results"],
    ],
    ids=" ".join,
)
def test_what_needs_a_server_says_how_to_start_one(cli: Cli, prepared: Path, arguments: list[str]) -> None:
    ran = cli(*arguments)

    assert ran.code == 9
    assert ran.out == ""
    assert ran.err == f"jaz-lite: no server runs on {prepared}\n  start one: jaz-lite up --data {prepared}\n"


def test_without_a_directory_there_is_nothing_to_work_on(cli: Cli, folder: Path) -> None:
    ran = cli("jobnet", "list")

    assert ran.code == 9
    assert "there is no data directory" in ran.err
    assert not folder.exists()
