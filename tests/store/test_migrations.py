"""Formats only go up, the file is copied first, and a newer one is refused with the version it needs."""

from pathlib import Path

import apsw
import pytest

from jaz_lite.errors import StoreDamaged
from jaz_lite.model.host import Host
from jaz_lite.store.connection import DATABASE_FILE
from jaz_lite.store.migrate import Migration, migrations
from jaz_lite.store.open import Store
from tests.store.making import opened

PRESENT = len(migrations())
NEXT = Migration(PRESENT + 1, "0.9.0", "alter table hosts add column colour text not null default 'red'")
BROKEN = Migration(PRESENT + 1, "0.9.0", "alter table hosts add column colour text; this is no sql")


def old_store(folder: Path) -> None:
    store = opened(folder)
    with store.transaction() as tx:
        tx.hosts.put(Host(host="kept", agent_id="local"))
    store.close()


def format_of(path: Path) -> int:
    connection = apsw.Connection(str(path))
    found = int(connection.pragma("user_version"))
    connection.close()
    return found


def hosts(store: Store) -> list[str]:
    with store.snapshot() as view:
        return [host.host for host in view.hosts.list()]


def test_a_new_file_has_the_present_format_and_no_copy(tmp_path: Path) -> None:
    opened(tmp_path).close()

    assert format_of(tmp_path / DATABASE_FILE) == len(migrations())
    assert [path.name for path in tmp_path.iterdir()] == [DATABASE_FILE]


def test_an_older_file_is_copied_and_upgraded(tmp_path: Path) -> None:
    old_store(tmp_path)

    store = opened(tmp_path, migrations=[*migrations(), NEXT])

    assert hosts(store) == ["kept"]
    assert store._the_writer._connection.execute("select colour from hosts").fetchall() == [("red",)]
    store.close()
    assert format_of(tmp_path / DATABASE_FILE) == PRESENT + 1
    copy = tmp_path / f"{DATABASE_FILE}.format-{PRESENT}"
    assert format_of(copy) == PRESENT
    connection = apsw.Connection(str(copy))
    assert connection.execute("select host from hosts").fetchall() == [("kept",)]
    connection.close()


def test_hosts_of_the_first_format_stand_for_their_agents(tmp_path: Path) -> None:
    opened(tmp_path, migrations=migrations()[:1]).close()
    connection = apsw.Connection(str(tmp_path / DATABASE_FILE))
    connection.execute("insert into hosts values ('plain', 'a1', 1, 'utf-8', ''), ('old', 'a2', 0, 'cp932', 'memo')")
    connection.close()

    store = opened(tmp_path)

    with store.snapshot() as view:
        assert list(view.hosts.list()) == [
            Host(host="old", agent_id="a2", enabled=False, encoding="cp932", memo="memo"),
            Host(host="plain", agent_id="a1"),
        ]
    store.close()


def test_spans_that_were_set_in_days_are_minutes_now(tmp_path: Path) -> None:
    opened(tmp_path, migrations=migrations()[:5]).close()
    connection = apsw.Connection(str(tmp_path / DATABASE_FILE))
    connection.execute(
        "insert into settings values ('keep_journal_days', '100'), ('keep_output_days', '0'), ('keep_runs_days', '7'),"
        " ('keep_superseded_days', '99999999999'), ('agent_lost_after_min', '5')"
    )
    connection.close()

    store = opened(tmp_path)

    with store.snapshot() as view:
        assert {one.name: one.value for one in view.settings.all() if one.origin == "store"} == {
            "agent_lost_after_min": 5,
            "keep_output_min": 0,
            "keep_results_min": 144_000,  # 100 days of 1,440 minutes
            "keep_runs_min": 10_080,
            "keep_superseded_min": 2_147_483_647,
        }
    store.close()


def test_a_file_of_the_present_format_is_left_alone(tmp_path: Path) -> None:
    steps = [*migrations(), NEXT]
    opened(tmp_path, migrations=steps).close()

    opened(tmp_path, migrations=steps).close()

    assert [path.name for path in tmp_path.iterdir()] == [DATABASE_FILE]


def test_a_migration_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    old_store(tmp_path)

    with pytest.raises(apsw.SQLError):
        opened(tmp_path, migrations=[*migrations(), BROKEN])

    store = opened(tmp_path)
    assert hosts(store) == ["kept"]
    assert store.integrity() == []
    store.close()
    assert format_of(tmp_path / DATABASE_FILE) == PRESENT


@pytest.mark.parametrize("read_only", [False, True])
def test_a_newer_file_is_refused_and_the_needed_version_named(tmp_path: Path, read_only: bool) -> None:
    opened(tmp_path, migrations=[*migrations(), NEXT]).close()
    before = (tmp_path / DATABASE_FILE).read_bytes()

    with pytest.raises(
        StoreDamaged, match=rf"newer jaz_lite \(format {PRESENT + 1}; this program knows up to {PRESENT}\)"
    ) as refused:
        opened(tmp_path, read_only=read_only)

    assert "0.9.0 or later" in refused.value.hint
    assert (tmp_path / DATABASE_FILE).read_bytes() == before


def test_a_database_of_another_program_is_refused(tmp_path: Path) -> None:
    connection = apsw.Connection(str(tmp_path / DATABASE_FILE))
    connection.execute("create table theirs (a)")
    connection.close()

    with pytest.raises(StoreDamaged, match="is not a database of jaz_lite"):
        opened(tmp_path)


def test_migrations_are_numbered_without_gaps() -> None:
    assert [step.number for step in migrations()] == list(range(1, len(migrations()) + 1))
