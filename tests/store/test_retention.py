"""Old rows go in small batches; what still matters stays."""

from dataclasses import replace
from typing import Any

import pytest

from jaz_lite.errors import NoSuchObject
from jaz_lite.model.fact import Fact
from jaz_lite.model.run import FrameRun, IconRun
from jaz_lite.store.open import Store
from jaz_lite.store.retention import Purged
from jaz_lite.store.transaction import Transaction
from tests.store.making import RUN, attempt, document, key, plan, run, stored_run

TABLES = ("runs", "icons", "frames", "attempts", "output", "timers", "run_docs", "journal", "definitions")


def counts(tx: Transaction) -> dict[str, int]:
    found = {}
    for table in TABLES:
        row = tx.retention._sql.row(f"select count(*) from {table}")
        assert row is not None
        found[table] = row[0]
    return found


def ended_run(tx: Transaction, number: int, at_ms: int, output: int = 1) -> int:
    """Store a run that ended at `at_ms`, with three icons, one attempt, and pieces of output."""
    made = stored_run(tx, RUN + number, state="ended", created_ms=at_ms - 5, ended_ms=at_ms)
    icon = IconRun(state="ended", visit=1, ended_ms=at_ms)
    frames = (FrameRun(state="ended", visit=1, ended_ms=at_ms),)
    tx.runs.save(replace(made, icons=(icon,) * 3, frames=frames), range(3), [0])
    tx.attempts.insert(attempt(number + 1, run_id=made.run_id, state="done", created_ms=at_ms - 4, ended_ms=at_ms))
    for piece in range(output):
        tx.output.append(key(number + 1), 1, piece, b"x")
    return made.run_id


def purge_all(tx: Transaction, limit: int, **before: Any) -> list[Purged]:
    batches = []
    while True:
        batch = tx.retention.purge(limit=limit, **before)
        batches.append(batch)
        if not batch.more:
            return batches


def test_runs_that_ended_before_go_with_all_their_parts(tx: Transaction) -> None:
    for number in range(10):
        ended_run(tx, number, at_ms=1_000 * (number + 1), output=2)

    purge_all(tx, 200, runs_before_ms=5_500)

    left = counts(tx)
    assert [row.run_id - RUN for row in tx.runs.list()] == [9, 8, 7, 6, 5]
    assert (left["runs"], left["icons"], left["frames"], left["attempts"], left["output"]) == (5, 15, 5, 5, 10)


def test_no_batch_removes_more_than_it_may(tx: Transaction) -> None:
    for number in range(10):
        ended_run(tx, number, at_ms=1_000, output=3)
    before = sum(counts(tx).values())

    batches = purge_all(tx, 7, runs_before_ms=5_000)

    assert len(batches) > 10
    assert all(batch.runs <= 7 for batch in batches)
    assert sum(batch.runs for batch in batches) == before - sum(counts(tx).values()) == 10 * (1 + 3 + 1 + 1 + 3)


def test_a_run_is_hidden_from_its_first_batch_on(tx: Transaction) -> None:
    run_id = ended_run(tx, 0, at_ms=1_000, output=9)

    tx.retention.purge(runs_before_ms=5_000, limit=2)

    assert counts(tx)["runs"] == 1
    assert tx.runs.row(run_id) is None
    assert list(tx.runs.list()) == []
    with pytest.raises(NoSuchObject):
        tx.runs.load(run_id)


def test_runs_that_are_not_over_stay_however_old(tx: Transaction) -> None:
    stored_run(tx, RUN, state="running", created_ms=1)
    stored_run(tx, RUN + 1, state="run_error", created_ms=1)
    tx.timers.set(RUN, None, "timeout", 5)

    purge_all(tx, 200, runs_before_ms=10**12)

    assert len(tx.runs.list()) == 2
    assert counts(tx)["timers"] == 1


@pytest.mark.parametrize("state", ["sent", "accepted", "running", "stopping"])
def test_a_run_stays_while_an_agent_has_work_of_it(tx: Transaction, state: str) -> None:
    ended_run(tx, 0, at_ms=1_000)
    tx.attempts.insert(attempt(99, run_id=RUN, state=state))

    purge_all(tx, 200, runs_before_ms=10**12)
    assert len(tx.runs.list()) == 1

    tx.attempts.update(key(99), state="cancelled", ended_ms=2_000)
    purge_all(tx, 200, runs_before_ms=10**12)
    assert len(tx.runs.list()) == 0
    assert counts(tx)["attempts"] == 0


def test_output_goes_before_its_run(tx: Transaction) -> None:
    for number in range(4):
        ended_run(tx, number, at_ms=1_000 * (number + 1), output=5)
    tx.attempts.insert(attempt(50, run_id=RUN + 3, state="running", created_ms=1))
    tx.output.append(key(50), 1, 0, b"still running")

    batches = purge_all(tx, 6, output_before_ms=2_500)

    assert sum(batch.output for batch in batches) == 10
    assert tx.output.read(key(1), 1, 0, 9) == b""
    assert tx.output.length(key(4), 1) == 5
    assert tx.output.read(key(50), 1, 0, 99) == b"still running"
    assert len(tx.runs.list()) == 4


def test_long_output_counts_by_its_pages(tx: Transaction) -> None:
    ended_run(tx, 0, at_ms=1_000, output=0)
    for piece in range(10):
        noise = bytes((piece * 7 + n * n + (n >> 3)) % 251 for n in range(100))
        tx.retention._sql.run(
            "insert into output (attempt, stream, off, size, data) values (1, 1, ?, 40960, ?)",
            (piece * 40_960, (noise * 410)[:40_960]),
        )

    first = tx.retention.purge(output_before_ms=5_000, limit=22)

    assert counts(tx)["output"] == 8  # a piece of ten pages weighs eleven
    assert first.more


def test_adopted_attempts_without_a_run_go_by_their_own_time(tx: Transaction) -> None:
    tx.attempts.insert(attempt(1, run_id=555, state="done", created_ms=900, ended_ms=1_000, origin="adopted"))
    tx.attempts.insert(attempt(2, run_id=555, state="running", created_ms=900, origin="adopted"))
    tx.attempts.insert(attempt(3, run_id=555, state="done", created_ms=9_000, ended_ms=9_500, origin="adopted"))

    purge_all(tx, 200, runs_before_ms=5_000)

    assert [tx.attempts.find(key(number)) is not None for number in (1, 2, 3)] == [False, True, True]


def test_the_journal_is_cut_by_time_but_never_empty(tx: Transaction) -> None:
    for number in range(10):
        tx.journal.add(number, RUN, "", Fact(kind="icon_ended", data={"n": number}))

    purge_all(tx, 3, journal_before_ms=6)
    assert [line.data["n"] for line in tx.journal.of_run(RUN)] == [6, 7, 8, 9]

    last = tx.journal.latest(limit=1)[0].id
    purge_all(tx, 3, journal_before_ms=10**12)
    tx.journal.add(99, RUN, "", Fact(kind="icon_ended", data={"n": 10}))
    assert [line.data["n"] for line in tx.journal.of_run(RUN, after=last)] == [10]


def test_superseded_documents_go_when_they_are_old_and_unused(tx: Transaction) -> None:
    used, unused, young, subs = (
        tx.definitions.put("jobnet", document(name), by="ann", at_ms=1) for name in ("USED", "UNUSED", "YOUNG", "SUB")
    )
    tx.runs.insert(run(plan("USED", used, 1, {"SUB": subs}), state="ended", ended_ms=8_000))
    for name, at_ms in (("USED", 10), ("UNUSED", 10), ("YOUNG", 5_000), ("SUB", 10)):
        tx.definitions.put("jobnet", document(name), by="ann", at_ms=at_ms, replace=True)

    purge_all(tx, 200, superseded_before_ms=1_000)

    def kept() -> set[str]:
        return {name for name in ("USED", "UNUSED", "YOUNG", "SUB") if len(tx.definitions.history("jobnet", name)) == 2}

    assert kept() == {"USED", "YOUNG", "SUB"}
    purge_all(tx, 200, superseded_before_ms=1_000, runs_before_ms=10_000)
    assert kept() == {"YOUNG"}
    assert tx.definitions.by_doc(young).superseded_why == "replaced"
    assert unused != used


def test_nothing_is_removed_where_no_time_is_given(tx: Transaction) -> None:
    ended_run(tx, 0, at_ms=1)
    before = counts(tx)

    assert tx.retention.purge() == Purged()
    assert counts(tx) == before


def test_the_freed_space_goes_back_to_the_disk(store: Store) -> None:
    with store.transaction() as tx:
        ended_run(tx, 0, at_ms=1_000, output=0)
        for piece in range(300):
            tx.retention._sql.run(
                "insert into output (attempt, stream, off, size, data) values (1, 1, ?, 4000, zeroblob(4000))",
                (piece * 4_000,),
            )
    store.checkpoint(truncate=True)
    large = (store.folder / "jaz.db").stat().st_size

    with store.transaction() as tx:
        purge_all(tx, 50, output_before_ms=5_000)
    while store.give_back():
        pass
    store.checkpoint(truncate=True)

    assert (store.folder / "jaz.db").stat().st_size < large / 4
    assert (store.folder / "jaz.db-wal").stat().st_size == 0
    assert store.integrity() == []
