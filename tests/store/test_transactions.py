"""Transactions are whole or nothing, one at a time; snapshots see one committed state."""

import threading
from pathlib import Path

import pytest

from jaz_lite.clock import VirtualClock
from jaz_lite.errors import NoSuchObject, Refused, UsageError
from jaz_lite.model.host import Host
from jaz_lite.store import writer
from jaz_lite.store.open import Store
from jaz_lite.store.transaction import Nouns, Transaction
from tests.store.making import document, opened, stored_run


def hosts(nouns: Nouns) -> list[str]:
    return [host.host for host in nouns.hosts.list()]


def committed(store: Store) -> list[str]:
    with store.snapshot() as view:
        return hosts(view)


def host(name: str) -> Host:
    return Host(host=name, agent_id="local")


# ---- transactions


def put_and_fail(tx: Transaction, name: str) -> None:
    tx.hosts.put(host(name))
    stored_run(tx, user="only inside")
    raise NoSuchObject("of our own")


def test_a_transaction_that_raises_leaves_nothing(store: Store) -> None:
    with pytest.raises(NoSuchObject, match="our own"), store.transaction() as tx:
        put_and_fail(tx, "a")

    assert committed(store) == []
    with store.transaction() as tx:
        tx.hosts.put(host("b"))
    assert committed(store) == ["b"]


def test_transactions_do_not_nest(store: Store) -> None:
    with store.transaction() as tx:
        tx.hosts.put(host("a"))
        with pytest.raises(AssertionError, match="do not nest"):
            store.begin()

    assert committed(store) == ["a"]


def test_a_transaction_that_is_over_cannot_be_used(store: Store) -> None:
    tx = store.begin()
    kept = tx.hosts
    tx.commit()

    with pytest.raises(AssertionError, match="is over"):
        kept.put(host("late"))
    with pytest.raises(AssertionError, match="is over"):
        tx.commit()
    tx.rollback()  # there is nothing left to undo
    assert committed(store) == []


def test_a_savepoint_undoes_just_its_inside(store: Store) -> None:
    with store.transaction() as tx:
        tx.hosts.put(host("before"))
        with pytest.raises(NoSuchObject), tx.savepoint():
            put_and_fail(tx, "inside")
        with tx.savepoint():
            tx.hosts.put(host("kept"))
        tx.hosts.put(host("after"))
        stored_run(tx, user="outside")

    assert committed(store) == ["after", "before", "kept"]
    with store.snapshot() as view:
        assert [row.user for row in view.runs.list()] == ["outside"]


def test_the_commit_may_run_in_another_thread(store: Store) -> None:
    for number in range(20):
        tx = store.begin()
        tx.hosts.put(host(f"h{number:02}"))
        thread = threading.Thread(target=tx.commit)
        thread.start()
        with pytest.raises(AssertionError, match="is over"):
            tx.hosts.put(host("while committing"))
        thread.join()

    assert len(committed(store)) == 20


def test_a_refused_row_is_a_fault_of_ours_and_undone(store: Store) -> None:
    tx = store.begin()
    tx.hosts.put(host("a"))
    with pytest.raises(AssertionError, match="the schema refused a row"):
        tx.hosts.put(host(""))
    tx.rollback()

    assert committed(store) == []


# ---- snapshots


def test_a_snapshot_sees_one_state_while_others_write(store: Store) -> None:
    with store.transaction() as tx:
        tx.hosts.put(host("first"))

    with store.snapshot() as view:
        with store.transaction() as tx:
            tx.hosts.put(host("second"))
            assert hosts(view) == ["first"]
            assert committed(store) == ["first"]
        assert hosts(view) == ["first"]
        assert committed(store) == ["first", "second"]


def test_a_snapshot_in_another_thread_sees_only_whole_transactions(store: Store) -> None:
    seen: list[int] = []
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            with store.snapshot() as view:
                seen.append(len(hosts(view)))

    thread = threading.Thread(target=watch)
    thread.start()
    for number in range(60):
        with store.transaction() as tx:
            tx.hosts.put(host(f"a{number}"))
            tx.hosts.put(host(f"b{number}"))
    stop.set()
    thread.join()

    assert seen == sorted(seen)
    assert all(count % 2 == 0 for count in seen)


def test_a_snapshot_cannot_write(store: Store) -> None:
    with store.snapshot() as view, pytest.raises(AssertionError, match="only reads"):
        view.hosts.put(host("a"))


def test_a_query_that_takes_too_long_is_given_up(store: Store, clock: VirtualClock) -> None:
    endless = "with recursive n (i) as (select 1 union all select i + 1 from n) select count(*) from n"

    with store.snapshot(limit_s=2) as view:
        clock.advance(3)
        with pytest.raises(UsageError, match="took too long"):
            view.hosts._sql.row(endless)

    assert committed(store) == []


def test_a_name_that_was_rolled_back_is_not_remembered(store: Store) -> None:
    tx = store.begin()
    stored_run(tx, user="ann")
    tx.rollback()
    with store.transaction() as tx:
        stored_run(tx, user="bob")

    with store.snapshot() as view:
        assert [row.user for row in view.runs.list(user="bob")] == ["bob"]
        assert list(view.runs.list(user="ann")) == []


# ---- the writer's policies


class SlowDisk(VirtualClock):
    """A clock on which every commit takes as long as is said."""

    commit_s = 0.0

    def monotonic(self) -> float:
        self.advance(self.commit_s)
        return super().monotonic()


def test_slow_commits_are_noticed_and_forgotten_with_hysteresis(tmp_path: Path) -> None:
    clock = SlowDisk()
    store = opened(tmp_path, clock=clock)

    def commits(count: int, each_ms: float) -> bool:
        clock.commit_s = each_ms / 1000
        for number in range(count):
            with store.transaction() as tx:
                tx.hosts.put(host(f"{each_ms} {number}"))
        return store.commit_slow

    assert not commits(30, 1.4)  # below the upper limit
    assert commits(30, 5.0)
    assert commits(60, 0.9)  # between the limits nothing changes
    assert not commits(60, 0.3)
    assert not commits(1, 500.0)  # one hiccup counts as 10 ms: 0.3 + 0.1 * (10 - 0.3) = 1.27
    store.close()


def test_an_empty_transaction_says_nothing_about_the_disk(tmp_path: Path) -> None:
    clock = SlowDisk()
    store = opened(tmp_path, clock=clock)
    clock.commit_s = 1.0

    for _ in range(50):
        store.begin().commit()

    assert not store.commit_slow
    store.close()


def test_the_wal_is_moved_by_the_commit_when_it_is_large(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "WAL_PAGES_MAX", 50)
    store.checkpoint(truncate=True)  # what the tables took to be made is not counted
    largest = 0

    for number in range(200):
        with store.transaction() as tx:
            tx.definitions.put("jobnet", document("J", str(number)), by="ann", at_ms=1)
        largest = max(largest, store._the_writer.wal_pages)

    assert largest < 70
    assert (store.folder / "jaz.db-wal").stat().st_size < 100 * 4_200


def test_a_reader_in_the_way_puts_the_move_off(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "WAL_PAGES_MAX", 50)
    monkeypatch.setattr(writer, "WAL_PAGES_RETRY", 50)
    store.checkpoint()

    with store.snapshot() as view:
        for number in range(100):
            with store.transaction() as tx:
                tx.hosts.put(host(f"h{number:03}"))
        assert store._the_writer.wal_pages > 100
        assert hosts(view) == []
    for number in range(60):
        with store.transaction() as tx:
            tx.hosts.put(host(f"i{number:03}"))

    assert store._the_writer.wal_pages < 50


def test_an_idle_moment_is_used_when_enough_has_gathered(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jaz_lite.store.open.WAL_PAGES_IDLE", 10)
    store.checkpoint()
    assert not store.wants_checkpoint

    for number in range(10):
        with store.transaction() as tx:
            tx.hosts.put(host(f"h{number}"))

    assert store.wants_checkpoint
    store.checkpoint()
    assert not store.wants_checkpoint


def test_the_file_has_the_settings_that_were_decided(store: Store) -> None:
    pragma = store._the_writer._connection.pragma

    assert pragma("journal_mode") == "wal"
    assert pragma("synchronous") == 2
    assert pragma("foreign_keys") == 1
    assert pragma("page_size") == 4096
    assert pragma("auto_vacuum") == 2
    assert pragma("wal_autocheckpoint") == 0
    assert pragma("busy_timeout") == 5_000
    assert pragma("temp_store") == 2
    assert pragma("journal_size_limit") == 64 * 1024 * 1024
    assert pragma("application_id") == 0x6A617A6C
    assert pragma("cache_size") == -16_384


# ---- opening


def test_a_store_opened_for_reading_refuses_to_write(store: Store) -> None:
    with store.transaction() as tx:
        tx.hosts.put(host("a"))

    reader = opened(store.folder, read_only=True)
    assert committed(reader) == ["a"]
    with pytest.raises(Refused, match="for reading only"):
        reader.begin()
    reader.close()


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NoSuchObject, match="is not a data directory"):
        opened(tmp_path / "nowhere")
    with pytest.raises(NoSuchObject, match="is not a data directory"):
        opened(tmp_path, read_only=True)


def test_what_was_committed_is_there_when_the_store_is_opened_again(tmp_path: Path) -> None:
    store = opened(tmp_path)
    with store.transaction() as tx:
        tx.hosts.put(host("a"))
    store.close()

    again = opened(tmp_path)
    assert committed(again) == ["a"]
    assert again.integrity() == []
    again.close()
