"""What a standby is sent makes its copy equal to the store, table by table, whatever was done there."""

import random
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import apsw
import pytest

from jaz_lite.clock import VirtualClock
from jaz_lite.model.host import Host
from jaz_lite.store import changes as changes_module
from jaz_lite.store.changes import NeedsCopy
from jaz_lite.store.open import Store
from jaz_lite.store.replica import Replica
from jaz_lite.store.retention import Keep, Sweep
from tests.store.following import STANDBY, Standby, contents, copied
from tests.store.making import document, opened
from tests.store.power_cut import Model, change, prepare


def host(name: str) -> Host:
    return Host(host=name, agent_id="local")


def put(store: Store, *names: str) -> None:
    with store.transaction() as tx:
        for name in names:
            tx.hosts.put(host(name))


@pytest.fixture
def store(tmp_path: Path, clock: VirtualClock) -> Iterator[Store]:
    (tmp_path / "active").mkdir()
    made = opened(tmp_path / "active", clock=clock)
    with made.transaction() as tx:
        prepare(tx)
    yield made
    made.close()


@pytest.fixture
def standby(store: Store, tmp_path: Path) -> Iterator[Standby]:
    made = Standby(store, tmp_path / "standby")
    yield made
    made.replica.close()


def test_each_transaction_that_changes_something_has_the_next_number(store: Store) -> None:
    before = store.changes.position

    put(store, "a")
    store.begin().commit()  # nothing was changed
    store.begin().rollback()
    put(store, "b", "c")

    assert store.changes.position.lsn == before.lsn + 2
    with store.snapshot() as view:
        assert view.commits.position() == store.changes.position


def test_a_number_is_given_once_also_by_a_store_that_was_set_back(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    store = opened(tmp_path / "a")
    put(store, "a")
    store.close()
    copied(tmp_path / "a", tmp_path / "b")
    here, there = opened(tmp_path / "a"), opened(tmp_path / "b")
    assert here.changes.position == there.changes.position

    put(here, "one")
    put(there, "other")

    assert here.changes.position.lsn == there.changes.position.lsn
    assert here.changes.position != there.changes.position
    here.close()
    there.close()


@pytest.mark.parametrize("seed", range(1, 21))
def test_the_copy_is_equal_after_any_changes_of_the_nouns(store: Store, standby: Standby, seed: int) -> None:
    rng = random.Random(seed)
    model = Model()
    for _ in range(30):
        with store.transaction() as tx:
            for _ in range(rng.randrange(1, 8)):
                change(tx, model, rng)
        if rng.random() < 0.5:
            standby.catch_up()

    assert standby.catch_up() == store.changes.position

    assert contents(standby.folder) == contents(store.folder)


@pytest.mark.parametrize("seed", range(1, 6))
def test_the_copy_follows_a_purge_batch_by_batch(store: Store, standby: Standby, seed: int) -> None:
    rng = random.Random(seed)
    model = Model()
    with store.transaction() as tx:
        for _ in range(200):
            change(tx, model, rng)
        tx.runs._sql.run("update runs set state = 3, ended_ms = 10")
        tx.runs._sql.run("update attempts set state = 5, ended_ms = 10")
    far_ms = store.clock.now_ms() * 2
    sweep = Sweep(Keep(output_before_ms=far_ms, runs_before_ms=far_ms, results_before_ms=far_ms))

    while not sweep.over:
        with store.transaction() as tx:
            tx.retention.batch(sweep, 10)
        if rng.random() < 0.5:
            standby.catch_up()
            assert contents(standby.folder) == contents(store.folder)
    while store.give_back():
        pass
    store.checkpoint(truncate=True)
    standby.catch_up()

    assert contents(standby.folder)["runs"] == []
    assert contents(standby.folder) == contents(store.folder)


def test_what_was_undone_is_not_shipped(store: Store, standby: Standby) -> None:
    with store.transaction() as tx:
        tx.hosts.put(host("kept"))
        with suppress(ZeroDivisionError), tx.savepoint():
            tx.hosts.put(host("undone"))
            tx.definitions.put("jobnet", document("UNDONE"), by="ann", at_ms=1)
            raise ZeroDivisionError
    tx = store.begin()
    tx.hosts.put(host("rolled back"))
    tx.rollback()

    (shipped,) = standby.received()
    standby.replica.apply([shipped])

    assert contents(standby.folder) == contents(store.folder)
    assert b"undone" not in shipped.rows


def test_what_was_made_and_removed_again_leaves_no_number_to_be_used_twice(store: Store, standby: Standby) -> None:
    connection = store._the_writer._connection
    with store.transaction() as tx:
        doc_id = tx.definitions.put("jobnet", document("GONE"), by="ann", at_ms=1)
        tx.definitions._sql.run("delete from definitions where doc_id = ?", (doc_id,))

    standby.catch_up()

    assert (
        contents(standby.folder)["sequences"] == connection.execute("select name, seq from sqlite_sequence").fetchall()
    )
    assert contents(standby.folder) == contents(store.folder)


def test_rows_that_exchange_unique_values_arrive(store: Store, standby: Standby) -> None:
    run = store._the_writer._connection.execute
    put(store, "h", "g", "i")
    with store.transaction() as tx:
        for place, name in enumerate(("h", "g", "i")):
            tx.hosts._sql.run("insert into host_members (host, place, member) values (?, ?, 'm')", (name, place % 2))
    standby.catch_up()

    with store.transaction() as tx:
        swap = tx.hosts._sql.run
        swap("update host_members set host = 'i', place = 77 where rowid = 1")
        swap("update host_members set host = 'h', place = 0 where rowid = 3")
        swap("update host_members set host = 'i', place = 0 where rowid = 1")
    standby.catch_up()

    assert [row[0] for row in run("select host from host_members order by rowid")] == ["i", "g", "h"]
    assert contents(standby.folder) == contents(store.folder)


def test_a_copy_that_another_position_has_does_not_fit(store: Store, standby: Standby) -> None:
    put(store, "a")
    first = standby.received()
    put(store, "b")
    second = standby.received()

    with pytest.raises(NeedsCopy, match="cannot follow on"):
        standby.replica.apply(second)
    standby.replica.apply(first)
    with pytest.raises(NeedsCopy, match="cannot follow on"):
        standby.replica.apply(first)
    standby.replica.apply(second)

    assert contents(standby.folder) == contents(store.folder)


def test_a_copy_that_somebody_wrote_into_is_noticed_and_left_as_it_is(store: Store, standby: Standby) -> None:
    put(store, "a", "b")
    standby.catch_up()
    before = standby.replica.position
    standby.replica._connection.execute("delete from hosts where host = 'a'")

    with store.transaction() as tx:
        tx.hosts.put(host("c"))
        tx.hosts.put(Host(host="a", agent_id="other"))
    with pytest.raises(NeedsCopy, match="is not in the copy"):
        standby.catch_up()

    assert standby.replica.position == before
    assert [row[0] for row in contents(standby.folder)["hosts"]] == ["b", "localhost"]


def test_nothing_is_noted_while_nobody_follows(store: Store, tmp_path: Path, clock: VirtualClock) -> None:
    put(store, "a")
    assert not store.changes.recording

    standby = Standby(store, tmp_path / "standby")
    put(store, "b")
    assert store.changes.recording
    standby.follower.close()
    clock.advance(601)
    put(store, "c")

    assert not store.changes.recording
    standby.replica.close()


def test_a_standby_that_comes_back_goes_on_where_it_was(store: Store, standby: Standby, clock: VirtualClock) -> None:
    put(store, "a")
    standby.catch_up()
    put(store, "b")
    lost = standby.received()  # it was sent, and never arrived
    assert lost
    standby.follower.close()
    put(store, "c")
    clock.advance(599)

    standby.follow(store)
    standby.catch_up()

    assert contents(standby.folder) == contents(store.folder)


@pytest.mark.parametrize("expected", [True, False])
def test_a_server_that_is_started_again_keeps_what_it_does_for_the_standby_it_expects(
    tmp_path: Path, clock: VirtualClock, expected: bool
) -> None:
    (tmp_path / "active").mkdir()
    store = opened(tmp_path / "active", clock=clock)
    standby = Standby(store, tmp_path / "standby")
    put(store, "a")
    standby.catch_up()
    store.close()

    again = opened(tmp_path / "active", clock=clock)
    if expected:
        again.changes.expect()
    put(again, "b")

    if expected:
        standby.follow(again)
        standby.catch_up()
        assert contents(standby.folder) == contents(again.folder)
    else:
        with pytest.raises(NeedsCopy):
            standby.follow(again)
    again.close()
    standby.replica.close()


def test_a_standby_that_does_not_come_is_not_expected_for_ever(store: Store, clock: VirtualClock) -> None:
    store.changes.expect()
    put(store, "a")
    assert store.changes.recording

    clock.advance(601)
    put(store, "b")

    assert not store.changes.recording
    assert store.changes._kept_bytes == 0


def test_a_standby_that_was_away_too_long_needs_a_copy(store: Store, standby: Standby, clock: VirtualClock) -> None:
    standby.follower.close()
    put(store, "a")
    clock.advance(601)
    put(store, "b")

    with pytest.raises(NeedsCopy, match="is not kept"):
        standby.follow(store)


def test_a_standby_that_has_missed_nothing_may_follow_however_long_it_was_away(
    store: Store, standby: Standby, clock: VirtualClock
) -> None:
    put(store, "a")
    standby.catch_up()
    standby.follower.close()
    clock.advance(100_000)

    standby.follow(store)
    put(store, "b")
    standby.catch_up()

    assert contents(standby.folder) == contents(store.folder)


def test_a_standby_that_is_too_slow_needs_a_copy(
    store: Store, standby: Standby, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes_module, "KEPT_BYTES_MAX", 20_000)
    monkeypatch.setattr(changes_module, "NOTED_BYTES_MAX", 1_000)

    for number in range(50):
        with store.transaction() as tx:
            tx.definitions.put("jobnet", document(f"J{number}", memo="x" * 1_000), by="ann", at_ms=1)

    with pytest.raises(NeedsCopy, match="behind"):
        standby.catch_up()
    assert store.changes._kept_bytes <= 20_000


def test_what_every_standby_has_is_not_kept(store: Store, standby: Standby) -> None:
    for number in range(5):
        put(store, f"h{number}")
        standby.catch_up()

    assert store.changes._kept_bytes == 0


def test_a_copy_taken_between_any_two_commits_can_be_followed_from(store: Store, tmp_path: Path) -> None:
    with store.changes.hold():
        for number in range(5):
            put(store, f"h{number}")
            copied(store.folder, tmp_path / f"copy{number}")
        put(store, "last")
        copies = [Replica.open(tmp_path / f"copy{number}", clock=VirtualClock()) for number in range(5)]
        followers = [store.changes.follow(f"s{number}", copy.position) for number, copy in enumerate(copies)]

    for number, (copy, follower) in enumerate(zip(copies, followers, strict=True)):
        copy.apply(follower.take())
        copy.close()
        assert contents(tmp_path / f"copy{number}") == contents(store.folder)


def test_a_commit_that_failed_is_not_shipped(store: Store, standby: Standby) -> None:
    before = store.changes.position
    connection = store._the_writer._connection
    tx = store.begin()
    tx.hosts.put(host("failed"))
    connection.set_commit_hook(lambda: True)  # the commit is turned into a rollback
    with pytest.raises((apsw.Error, AssertionError)):
        tx.commit()
    connection.set_commit_hook(None)
    assert store.changes.position == before

    put(store, "after")
    standby.catch_up()

    assert store.changes.position.lsn == before.lsn + 1
    assert contents(standby.folder) == contents(store.folder)


def test_the_copy_is_taken_over_by_opening_it_as_a_store(store: Store, standby: Standby) -> None:
    put(store, "a")
    position = standby.catch_up()
    standby.replica.close()

    taken_over = opened(standby.folder)
    assert taken_over.changes.position == position
    put(taken_over, "b")
    assert taken_over.integrity() == []
    assert taken_over.changes.position.lsn == position.lsn + 1
    taken_over.close()
    standby.replica = Replica.open(standby.folder, clock=VirtualClock())
    with pytest.raises(NeedsCopy):
        store.changes.follow(STANDBY, standby.replica.position)
