"""The schema itself refuses what must never be: each case is one bad statement."""

import apsw
import pytest

from jaz_lite.store.open import Store
from jaz_lite.store.transaction import Transaction
from tests.store.making import RUN, SITE_UID, attempt, key, stored_run


@pytest.fixture
def filled(tx: Transaction) -> Transaction:
    made = stored_run(tx)
    tx.runs.save(made, [0, 1], [0])
    tx.attempts.insert(attempt(1))
    tx.output.append(key(1), 1, 0, b"x")
    tx.term.create(site_uid=SITE_UID, server_id="test")
    return tx


@pytest.mark.parametrize(
    "statement",
    [
        "update runs set state = 6",
        "update runs set state = 3",  # over without a time
        "update runs set ended_ms = 5",  # a time without being over
        "update runs set purging = 1",
        "update runs set origin = 7",
        "update runs set job_status = 3",
        "update runs set load_status = 4",
        "update runs set late = 2",
        "update runs set created_ms = 'noon'",
        "update runs set doc_id = 99",
        "update runs set jobnet = 99",
        (
            "insert into runs select run_id + 1, jobnet, doc_id, 0, icons, first_icon, occ, icon_path, origin, user, state,"
            " job_status, load_status, scheduled_ms, created_ms, started_ms, ended_ms, exit_code, late, stopping,"
            " timed_out, purging, message, faulted, start_variables, bare, version, replayed_since_ms from runs"
        ),
        "update runs set bare = 1",  # it was never taken apart
        "delete from definitions",  # a run was planned from it
        "update icons set state = 7",
        "update icons set state = 3",  # ended without a time
        "update icons set method = 5",
        "update icons set visit = -1",
        "update icons set work = x'00'",
        "update icons set before = 'text'",
        "update frames set state = 3",
        "update frames set state = 6",
        "update attempts set state = 10",
        "update attempts set state = 5",  # settled without a time
        "update attempts set ended_ms = 5",  # a time without being settled
        "update attempts set k = x'00'",
        "update attempts set attempt = 0",
        "update attempts set attempt = 65536",
        "update attempts set agent = 99",
        "update attempts set origin = 2",
        "insert into output (attempt, stream, off, size, data) values (1, 1, 0, 1, x'00')",  # there is one already
        "insert into output (attempt, stream, off, size, data) values (1, 3, 9, 1, x'00')",
        "insert into output (attempt, stream, off, size, data) values (99, 1, 9, 1, x'00')",
        "insert into output (attempt, stream, off, size, data) values (1, 1, 9, 1, x'0000')",
        "insert into timers (run_id, node, name, due_ms) values (99, 1, 'x', 1)",
        (
            "insert into definitions (kind, object_id, version, name, public, owner, icons, saved_ms, saved_by, size,"
            " document) select kind, object_id, version, name, public, owner, icons, saved_ms, saved_by, size, document"
            " from definitions"
        ),  # the same version twice
        "update definitions set kind = 4",
        "update definitions set enabled = 1, superseded_ms = 1, superseded_by = '', superseded_why = 0",
        "update definitions set superseded_ms = 1",
        "insert into site (id, site_uid, server_id, epoch, boot) values (2, zeroblob(16), 'x', 1, 0)",
        "update site set epoch = 4096",
        "update site set boot = 524288",
        "update site set server_id = ''",
        "insert into journal (at_ms, path, kind, severity, jaz_code) values (1, 1, 1, 3, 1)",
        "insert into hosts values ('', 0, 'a', '', 22, '', 1, '', '')",
        "insert into hosts values ('g', 1, 'a', '', 22, '', 1, '', '')",
        "insert into hosts values ('h', 0, '', '', 22, '', 1, '', '')",
        "insert into hosts values ('s', 2, '', '', 22, '', 1, '', '')",
        "insert into settings values ('x', 'no json')",
        "insert into names (name) select name from names",
    ],
)
def test_the_schema_refuses(filled: Transaction, store: Store, statement: str) -> None:
    connection = store._the_writer._connection
    connection.execute("savepoint before")

    with pytest.raises(apsw.ConstraintError):
        connection.execute(statement)

    connection.execute("rollback to before")


def test_two_runs_cannot_be_the_same_occurrence(filled: Transaction) -> None:
    stored_run(filled, RUN + 1, occ="S:A:B:1")

    with pytest.raises(AssertionError, match=r"UNIQUE.*runs\.occ"):
        stored_run(filled, RUN + 2, occ="S:A:B:1")


def test_two_attempts_cannot_have_the_same_key(filled: Transaction) -> None:
    with pytest.raises(AssertionError, match=r"UNIQUE.*attempts\.k"):
        filled.attempts.insert(attempt(1))


def test_every_table_is_strict_and_none_is_without_rowid(store: Store) -> None:
    tables = store._the_writer._connection.execute(
        "select name, wr, strict from pragma_table_list where schema = 'main' and name not like 'sqlite_%'"
    ).fetchall()

    assert len(tables) >= 17
    assert [name for name, without_rowid, strict in tables if without_rowid or not strict] == []


def test_the_live_runs_and_open_attempts_are_found_by_small_indexes(store: Store) -> None:
    def way(statement: str) -> str:
        rows = store._the_writer._connection.execute("explain query plan " + statement).fetchall()
        return " / ".join(row[3] for row in rows)

    assert "runs_live" in way("select run_id from runs where state not in (3, 5) and faulted = '' order by run_id")
    listed = "select run_id from runs r where r.purging = 0 and {} and r.state in (4) order by r.run_id desc limit 9"
    assert "runs_error" in way(listed.format("r.state in (4, 5)"))
    assert "runs_jobnet" in way("select run_id from runs r where r.purging = 0 and r.jobnet = 1 order by r.run_id desc")
    assert "runs_whole" in way(
        "select run_id from runs r where bare = 0 and ended_ms is not null and ended_ms >= 1 and ended_ms < 9"
        " order by ended_ms limit 9"
    )
    assert "runs_doc" in way("select 1 from runs where doc_id = 1")
    assert "attempts_open" in way("select k from attempts where agent = 1 and state not in (5, 6, 8) order by id")
    assert "timers_due" in way("select name from timers where due_ms <= 5 order by due_ms, id limit 9")
    assert "timers_due" in way("select min(due_ms) from timers")
    assert "journal_run" in way("select id from journal where run_id = 1 and id > 5 order by id limit 9")
    assert "output_place" in way("select off from output where attempt = 1 and stream = 1 order by off desc limit 1")
