"""Whatever is done to whichever table, the copy that follows is equal: for the tables we have, and those to come.

The schema of the tests has more than ours: tables without row numbers, without keys, with generated columns, with
numbers that are never used twice, with triggers, and names that must be quoted.
"""

import os
import random
from contextlib import suppress
from pathlib import Path

import apsw
import pytest

from jaz_lite.clock import VirtualClock
from jaz_lite.store import migrate
from jaz_lite.store.migrate import Migration, migrations
from jaz_lite.store.open import Store
from jaz_lite.store.transaction import Transaction
from tests.store.any_rows import AnyRows
from tests.store.following import Standby, contents

SEEDS = int(os.environ.get("SEEDS", "24"))

TO_COME = """
create table without_rowid (a text not null, b integer not null, c blob, primary key (b, a)) strict, without rowid;
create unique index without_rowid_c on without_rowid (c);
create table without_key (a integer, b text, c real) strict;
create unique index without_key_b on without_key (b, a);
create table numbered (id integer primary key autoincrement, a text unique) strict;
create table generated (
    id integer primary key,
    a integer,
    b text generated always as (a || '!') stored,
    c text generated always as (a || '?') virtual,
    d any
) strict;
create table "to be" ("select" text primary key, "a b" integer) strict;
create table trail (what text, id integer) strict;
create table counted (id integer primary key, n integer) strict;
create trigger numbered_in after insert on numbered begin insert into trail values ('in', new.id); end;
create trigger numbered_out after delete on numbered begin insert into trail values ('out', old.id); end;
create trigger generated_changed after update on generated begin
    insert into counted (id, n) values (new.id, 1) on conflict (id) do update set n = n + 1;
end;
create table parent (id integer primary key, name text unique) strict;
create table child (id integer primary key, parent integer references parent on delete cascade) strict;
create table other_child (parent integer references parent on delete set null on update cascade) strict;
insert into numbered (a) values ('first');
delete from numbered;
"""


@pytest.fixture(autouse=True)
def a_later_format(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = (*migrations(), Migration(len(migrations()) + 1, "9.9.9", TO_COME))
    monkeypatch.setattr(migrate, "migrations", lambda: steps)


@pytest.fixture
def store(tmp_path: Path, clock: VirtualClock) -> Store:
    (tmp_path / "active").mkdir()
    return Store.open(tmp_path / "active", clock=clock)


@pytest.mark.parametrize("seed", range(1, SEEDS + 1))
def test_the_copy_is_equal_after_any_changes_of_any_table(store: Store, tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    connection = store._the_writer._connection
    # Rows that make sense are the business of other tests: here every table gets everything it can hold.
    connection.execute("pragma ignore_check_constraints = on")
    connection.execute(f"pragma foreign_keys = {rng.choice(('on', 'off'))}")
    rows = AnyRows(connection, rng)
    if rng.random() < 0.3:
        rows.tables = dict(rng.sample(sorted(rows.tables.items()), 3))  # many changes of the same rows
    standby = Standby(store, tmp_path / "standby")
    standby.replica._connection.execute("pragma ignore_check_constraints = on")

    for _ in range(rng.randrange(1, 40)):
        tx = store.begin()
        for _ in range(rng.randrange(1, 60)):
            if rng.random() < 0.1:
                _undo_some(connection, rows, rng)
            else:
                rows.change()
        _end(store, tx, rng)
        _keep_house(store, standby, rng)
    standby.catch_up()

    assert standby.replica.position == store.changes.position
    assert contents(standby.folder) == contents(store.folder)
    assert standby.replica._connection.execute("pragma integrity_check").fetchall() == [("ok",)]
    standby.replica.close()
    store.close()


def _undo_some(connection: apsw.Connection, rows: AnyRows, rng: random.Random) -> None:
    connection.execute("savepoint undone")
    for _ in range(rng.randrange(1, 20)):
        rows.change()
    connection.execute("rollback to undone")
    connection.execute("release undone")


def _end(store: Store, tx: Transaction, rng: random.Random) -> None:
    connection = store._the_writer._connection
    match rng.choice(("commit", "commit", "commit", "rollback", "fails")):
        case "commit":
            tx.commit()
        case "rollback":
            tx.rollback()
        case _:
            connection.set_commit_hook(lambda: True)  # what was to be committed is undone
            with suppress(apsw.Error, AssertionError):  # one that changed nothing does not fail
                tx.commit()
            connection.set_commit_hook(None)


def _keep_house(store: Store, standby: Standby, rng: random.Random) -> None:
    """What happens between transactions, at either side."""
    match rng.choice(
        ("catch up", "catch up", "give back", "move", "optimize", "lose", "give back there", "move there", "")
    ):
        case "catch up":
            standby.catch_up()
        case "give back":
            store.give_back(rng.randrange(1, 64))
        case "move":
            store.checkpoint(truncate=rng.random() < 0.5)
        case "optimize":
            store._the_writer._connection.execute("analyze")
            store.optimize()
        case "lose":
            standby.received()  # what was sent is lost with the connection
            standby.follower.close()
            standby.follow(store)
        case "give back there":
            standby.replica.give_back(rng.randrange(1, 64))
        case "move there":
            standby.replica.checkpoint(truncate=rng.random() < 0.5)


def test_every_table_of_ours_can_be_followed(store: Store, tmp_path: Path) -> None:
    """A table whose rows the session extension would not note is found here, before it is found at a fail-over."""
    connection = store._the_writer._connection
    connection.execute("pragma ignore_check_constraints = on; pragma foreign_keys = off")
    rows = AnyRows(connection, random.Random(1))
    standby = Standby(store, tmp_path / "standby")
    standby.replica._connection.execute("pragma ignore_check_constraints = on")

    for table, columns in rows.tables.items():
        names = ", ".join(column.name for column in columns)
        with store.transaction():
            connection.execute(f'delete from "{table}"')
            connection.execute(
                f'insert into "{table}" ({names}) values ({", ".join("?" * len(columns))})',
                [column.values[-1] if len(column.values) < 10 else column.values[1] for column in columns],
            )
        (change,) = standby.received()
        assert any(row.name == table for row in apsw.Changeset.iter(change.rows)), table
        standby.replica.apply([change])

    assert contents(standby.folder) == contents(store.folder)
    standby.replica.close()
    store.close()
