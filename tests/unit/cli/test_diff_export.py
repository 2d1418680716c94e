"""`diff-export`: what a replaced server knows alone, told from its directory and written as files that `put` takes."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from jaz_lite.clock import SystemClock
from jaz_lite.model.host import Host
from jaz_lite.server.activation import take_over
from jaz_lite.store.directory import DataDirectory
from jaz_lite.store.fencing import FencedBy, write_fenced
from jaz_lite.store.transaction import Transaction
from jaz_lite.wire.ident import term_of
from tests.store.copies import contents
from tests.store.making import RUN, stored_run
from tests.unit.cli.conftest import Cli

CALENDAR = {"calendar_id": "DAYS", "name": "days", "days": ["2026-11-23"]}


def changed(folder: Path, change: Callable[[Transaction], object]) -> None:
    """Change the store of a directory that no server uses, whatever machine it is bound to."""
    directory = DataDirectory(folder)
    with directory.lock():
        store = directory.open_store(clock=SystemClock())
        with store.transaction() as tx:
            change(tx)
        store.close()


def put(cli: Cli, folder: Path, tmp_path: Path, document: dict[str, object], *words: str) -> str:
    file = tmp_path / "one.json"
    file.write_text(json.dumps(document))
    ran = cli("calendar", "put", str(file), "--json", "--data", str(folder), *words)
    assert ran.code == 0, ran.err
    return str(ran.json["version"])


@pytest.fixture
def parted(cli: Cli, prepared: Path, tmp_path: Path) -> tuple[Path, Path]:
    """The directory of a server, and a copy of it that took over."""
    put(cli, prepared, tmp_path, CALENDAR)
    changed(prepared, lambda tx: tx.term.tick(SystemClock().now_ms()))
    copy = tmp_path / "copy"
    assert cli("snapshot", str(copy)).code == 0
    now_ms = SystemClock().now_ms()
    changed(copy, lambda tx: take_over(tx, 2, b"a" * 8, now_ms))
    DataDirectory(copy).rebind(term_of(2, 0))
    return prepared, copy


def fence(folder: Path, act: bytes = b"a" * 8) -> None:
    by = FencedBy(
        term=term_of(2, 0), act=act, addrs=("10.0.0.8:11061",), seen_from="agent a1", at_ms=SystemClock().now_ms()
    )
    write_fenced(folder, by)


def ended_run(tx: Transaction) -> None:
    now_ms = SystemClock().now_ms()
    stored_run(tx, RUN, created_ms=now_ms, started_ms=now_ms, ended_ms=now_ms, state="ended", exit_code=4)


def test_what_was_saved_deleted_and_run_after_the_copy_is_told_by_comparing_with_the_new_server(
    cli: Cli, parted: tuple[Path, Path], tmp_path: Path
) -> None:
    old, new = parted
    put(cli, new, tmp_path, {**CALENDAR, "calendar_id": "THERE"})
    version = put(cli, old, tmp_path, {**CALENDAR, "calendar_id": "HERE"})
    before = cli("calendar", "list", "--json").json["calendars"][0]["version"]
    assert cli("calendar", "delete", f"DAYS@{before}").code == 0
    assert cli("setting", "set", "load_span_min", "90m").code == 0

    def more(tx: Transaction) -> None:
        tx.hosts.put(Host(host="web", agent_id="a1"))
        ended_run(tx)

    changed(old, more)
    fence(old)
    untouched = contents(old), contents(new)

    ran = cli("diff-export", "--against", str(new), "--json")

    assert ran.code == 0, ran.err
    told = ran.json
    assert [(one["id"], one["version"], one["how"]) for one in told["definitions"] if one["kind"] == "calendar"] == [
        ("HERE", version, "saved")
    ]
    assert [(one["id"], one["version"]) for one in told["deleted"]] == [("DAYS", before)]
    assert [(one["host"], one["here"]["target"], one["there"]) for one in told["hosts"]] == [("web", "a1", None)]
    assert told["settings"] == [{"name": "load_span_min", "here": 90, "there": 60}]
    assert [(run["run_id"], run["state"], run["exit_code"], run["how"]) for run in told["runs"]] == [
        (str(RUN), "ended", 4, "only here")
    ]
    assert told["replaced"]["addresses"] == ["10.0.0.8:11061"]
    assert (contents(old), contents(new)) == untouched


def test_the_definitions_are_files_that_put_takes_on_the_new_server(
    cli: Cli, parted: tuple[Path, Path], tmp_path: Path
) -> None:
    old, new = parted
    version = put(cli, old, tmp_path, {**CALENDAR, "name": "changed here"})
    fence(old)
    found = tmp_path / "found"

    ran = cli("diff-export", "--against", str(new), "-o", str(found))

    assert ran.code == 0, ran.err
    name = f"calendar-DAYS@{version}.json"
    assert f"jaz-lite calendar put {name}" in ran.err
    assert json.loads((found / "diff.json").read_text())["files"] == [name]
    assert cli("calendar", "put", str(found / name), "--data", str(new)).code == 0
    assert cli("calendar", "show", "DAYS", "--json", "--data", str(new)).json["document"]["name"] == "changed here"


def test_without_the_new_server_its_newest_snapshot_says_when_they_parted(
    cli: Cli, parted: tuple[Path, Path], tmp_path: Path
) -> None:
    old, _ = parted
    put(cli, old, tmp_path, {**CALENDAR, "calendar_id": "HERE"})
    fence(old)

    ran = cli("diff-export")

    assert ran.code == 0, ran.err
    assert "its newest snapshot is of" in ran.out
    assert "HERE" in ran.out
    assert "DAYS" not in ran.out
    assert "--against compares them" in ran.err


def test_where_nobody_knows_when_they_parted_it_asks(cli: Cli, prepared: Path) -> None:
    fence(prepared)

    ran = cli("diff-export")

    assert ran.code == 2
    assert "--against DIR" in ran.err
    assert cli("diff-export", "--since", "1h").code == 0


def test_who_handed_the_site_over_knows_nothing_alone(cli: Cli, prepared: Path, tmp_path: Path) -> None:
    put(cli, prepared, tmp_path, CALENDAR)
    fence(prepared, act=bytes(8))

    ran = cli("diff-export")

    assert ran.code == 0
    assert "handed the site over" in ran.out
    assert "no definition was changed only here" in ran.err


def test_a_directory_that_is_used_is_not_looked_into(cli: Cli, prepared: Path) -> None:
    with DataDirectory(prepared).lock():
        ran = cli("diff-export", "--since", "1h")

    assert ran.code == 5
    assert "stop it first" in ran.err


def test_a_copy_of_another_site_and_a_folder_with_something_in_it_are_refused(
    cli: Cli, prepared: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    assert cli("init", "--server-id", "test", "--data", str(other)).code == 0

    of_another = cli("diff-export", "--against", str(other))
    full = cli("diff-export", "--since", "1h", "-o", str(other))

    assert (of_another.code, "of another site" in of_another.err) == (1, True)
    assert (full.code, "is not empty" in full.err) == (1, True)
