"""`snapshot`, `verify` and what `status` says of copies."""

import shutil
from pathlib import Path

import pytest

from jaz_lite.store.fencing import FencedBy, write_fenced
from jaz_lite.store.incoming import unbind
from jaz_lite.wire.ident import term_of
from tests.unit.cli.conftest import Cli


def test_a_copy_of_a_running_server_is_taken_verified_and_told(
    cli: Cli, server: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "last snapshot: never" in cli("status").out

    taken = cli("snapshot", "copy")
    found = cli("verify", "copy")

    assert taken.code == 0
    assert taken.out.startswith(f"{tmp_path}/copy: ")
    assert "protect it like the original" in taken.err
    assert found.code == 0
    assert found.out.startswith(f"{tmp_path}/copy is sound: a snapshot, taken 20")
    assert "0 agents, 0 live runs" in found.out
    assert found.err == ""
    status = cli("status").out
    assert f"ago) in {tmp_path}/copy" in status


def test_a_series_keeps_as_many_copies_as_asked_for(cli: Cli, prepared: Path, tmp_path: Path) -> None:
    first, second = (cli("snapshot", str(tmp_path / "series"), "--keep", "1", "--json").json for _ in range(2))

    assert second["removed"] == [first["folder"]]
    assert [str(place) for place in (tmp_path / "series").iterdir()] == [second["folder"]]


def test_an_existing_place_is_refused(cli: Cli, prepared: Path, tmp_path: Path) -> None:
    ran = cli("snapshot", str(tmp_path))

    assert ran.code == 1
    assert "exists already" in ran.err


def test_a_damaged_copy_is_refused_with_the_reason(cli: Cli, prepared: Path, tmp_path: Path) -> None:
    cli("snapshot", str(tmp_path / "copy"))
    with (tmp_path / "copy/jaz.db").open("r+b") as database:
        database.truncate(8192)

    ran = cli("verify", str(tmp_path / "copy"))

    assert ran.code == 6
    assert "jaz.db has 8192 bytes, the manifest says" in ran.err
    assert "use another copy" in ran.err


def test_a_directory_without_manifest_says_what_was_not_compared(cli: Cli, prepared: Path) -> None:
    ran = cli("verify", str(prepared))

    assert ran.code == 0
    assert "is sound: a data directory without manifest" in ran.out
    assert "compared with nothing" in ran.err
    assert cli("verify", str(prepared), "--json").json["snapshot"] is False


def test_a_folder_that_is_no_copy_is_refused(cli: Cli, tmp_path: Path) -> None:
    ran = cli("verify", str(tmp_path))

    assert ran.code == 8
    assert "is not a data directory" in ran.err


def test_a_copy_does_not_start_by_habit(cli: Cli, prepared: Path, tmp_path: Path) -> None:
    cli("snapshot", str(tmp_path / "copy"))

    ran = cli("up", "--data", str(tmp_path / "copy"))

    assert ran.code == 4
    assert "is a snapshot of" in ran.err
    assert "`jaz-lite activate`" in ran.err


def replace_server(folder: Path) -> None:
    by = FencedBy(term=term_of(2, 0), act=b"a" * 8, addrs=("10.0.0.8:11061",), seen_from="agent a1", at_ms=1)
    write_fenced(folder, by)


def test_where_no_server_runs_the_hint_says_what_the_directory_is_for(cli: Cli, prepared: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    cli("snapshot", str(copy))

    assert f"start one: jaz-lite up --data {prepared}" in cli("status").err
    assert f"jaz-lite activate --data {copy}" in cli("status", "--data", str(copy)).err
    unbind(copy, 1)
    assert f"a standby keeps this copy: jaz-lite serve --data {copy}" in cli("status", "--data", str(copy)).err
    replace_server(prepared)
    ran = cli("status")
    assert ran.code == 9
    assert "this server was replaced: ask the one at 10.0.0.8:11061" in ran.err
    assert "jaz-lite up" not in ran.err


def test_a_replaced_directory_can_be_looked_at_and_not_changed(cli: Cli, prepared: Path, tmp_path: Path) -> None:
    replace_server(prepared)

    assert cli("jobnet", "list").code == 0
    assert cli("export").code == 0
    ran = cli("setting", "set", "load_span_min", "90m")
    assert ran.code == 3
    assert "was replaced" in ran.err


def test_a_standbys_copy_that_is_started_by_habit_says_what_it_is(cli: Cli, prepared: Path, tmp_path: Path) -> None:
    cli("snapshot", str(tmp_path / "copy"))
    unbind(tmp_path / "copy", 1)

    ran = cli("up", "--data", str(tmp_path / "copy"))

    assert ran.code == 4
    assert "is the copy of a standby" in ran.err
    assert "`jaz-lite serve` keeps it current" in ran.err


def test_a_servers_own_directory_does_not_become_a_standby(cli: Cli, prepared: Path) -> None:
    ran = cli("standby", "run", "--from", "127.0.0.1:9")

    assert ran.code == 1
    assert "is a server's own directory" in ran.err
    assert "jaz-lite serve" in ran.err


def test_who_does_not_say_where_the_active_is_is_asked(cli: Cli, prepared: Path, tmp_path: Path) -> None:
    cli("snapshot", str(tmp_path / "copy"))

    ran = cli("standby", "run", "--data", str(tmp_path / "copy"))

    assert ran.code == 2
    assert "--from HOST" in ran.err


@pytest.mark.parametrize("words", [("verify", "{copy}"), ("activate", "--yes", "--no-run", "--data", "{copy}")])
def test_settings_that_no_server_could_start_with_are_damage_of_the_copy(
    cli: Cli, prepared: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    copy = shutil.copytree(prepared, tmp_path / "copy")
    (copy / "config.toml").write_text('[site]\nzone = "Nowhere/At_all"\n')

    ran = cli(*(word.format(copy=copy) for word in words))

    assert ran.code == 6
    assert 'there is no time zone "Nowhere/At_all"' in ran.err
