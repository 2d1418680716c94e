"""Old rows go in small batches; what still matters stays."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from jaz_lite.errors import NoSuchObject
from jaz_lite.model.fact import Fact
from jaz_lite.model.run import FrameRun, IconRun
from jaz_lite.store.open import Store
from jaz_lite.store.retention import Keep, Purged, Sweep
from jaz_lite.store.scheduled_runs import occurrence
from jaz_lite.store.transaction import Transaction
from tests.store.making import RUN, VERSION, attempt, document, key, plan, run, stored_run

DAY_MIN = 24 * 60
DAY_MS = DAY_MIN * 60_000
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
    sweep = Sweep(Keep(**before))
    batches = []
    while not sweep.over:
        batches.append(tx.retention.batch(sweep, limit))
    return batches


def whole(tx: Transaction) -> list[int]:
    """Return the runs that are listed, oldest first, by their number."""
    return sorted(row.run_id - RUN for row in tx.runs.list())


def results(tx: Transaction) -> list[int]:
    """Return the runs of which there is a result, by their number."""
    return [number for number in range(100) if tx.runs.row(RUN + number) is not None]


def test_the_parts_of_runs_that_ended_before_go_and_their_results_stay(tx: Transaction) -> None:
    for number in range(10):
        ended_run(tx, number, at_ms=1_000 * (number + 1), output=2)
        tx.journal.add(7, RUN + number, "", Fact(kind="run_ended"))

    batches = purge_all(tx, 200, runs_before_ms=5_500)

    left = counts(tx)
    assert whole(tx) == [5, 6, 7, 8, 9]
    assert results(tx) == list(range(10))
    assert (left["runs"], left["icons"], left["frames"], left["attempts"], left["output"]) == (10, 15, 5, 5, 10)
    assert sum(batch.runs for batch in batches) == 5
    row = tx.runs.row(RUN)
    assert row is not None
    assert (row.whole, row.jobnet_id, row.version, row.state, row.user, row.ended_ms, row.doc_id) == (
        False, "NIGHT", VERSION, "ended", "ann", 1_000, 0,
    )  # fmt: skip
    assert [line.kind for line in tx.journal.of_run(RUN)] == ["run_ended"]


def test_results_go_each_with_all_its_lines_when_their_time_is_over(tx: Transaction) -> None:
    for number in range(4):
        ended_run(tx, number, at_ms=1_000 * (number + 1))
        for at_ms in (1_000 * number, 9_000):  # a line that came late goes with its run
            tx.journal.add(at_ms, RUN + number, "", Fact(kind="run_ended"))
    tx.journal.add(9_000, None, "", Fact(kind="last"))

    batches = purge_all(tx, 3, runs_before_ms=10_000, results_before_ms=2_500)

    assert results(tx) == [2, 3]
    assert sum(batch.results for batch in batches) == 2
    assert {line.run_id for line in tx.journal.latest()} == {RUN + 2, RUN + 3, None}


def test_no_batch_does_more_than_it_may(tx: Transaction) -> None:
    for number in range(10):
        ended_run(tx, number, at_ms=1_000, output=3)
    before = sum(counts(tx).values())

    batches = purge_all(tx, 7, runs_before_ms=5_000, results_before_ms=5_000)

    assert len(batches) > 10
    assert all(batch.weight <= 7 for batch in batches)
    assert sum(batch.weight for batch in batches) >= before - sum(counts(tx).values()) == 10 * (1 + 3 + 1 + 1 + 3)


def test_a_run_is_not_listed_from_the_first_batch_on(tx: Transaction) -> None:
    run_id = ended_run(tx, 0, at_ms=1_000, output=9)

    tx.retention.batch(Sweep(Keep(runs_before_ms=5_000)), limit=2)

    assert counts(tx)["output"] == 7
    assert list(tx.runs.list()) == []
    row = tx.runs.row(run_id)
    assert row is not None
    assert not row.whole
    with pytest.raises(NoSuchObject, match="are no longer kept"):
        tx.runs.load(run_id)


def test_a_result_is_kept_at_least_as_long_as_its_run(tx: Transaction) -> None:
    now_ms = 10 * DAY_MS
    tx.settings.set("keep_runs_min", 5 * DAY_MIN)
    tx.settings.set("keep_results_min", 60)

    assert Keep.at(tx.settings, now_ms).results_before_ms == 5 * DAY_MS
    tx.settings.set("keep_runs_min", 0)
    assert Keep.at(tx.settings, now_ms).results_before_ms is None


def test_the_natural_key_of_a_run_stays_while_its_time_may_be_asked_for_again(tx: Transaction) -> None:
    now_ms = 100 * DAY_MS
    long_ago, yesterday, tomorrow = now_ms - 8 * DAY_MS, now_ms - DAY_MS, now_ms + DAY_MS
    for number, (nominal_ms, ended_ms) in enumerate(
        ((long_ago, long_ago), (yesterday, yesterday), (tomorrow, long_ago))  # the last was deleted before its start
    ):
        occ = occurrence("S", f"J{number}", nominal_ms)
        stored_run(tx, RUN + number, occ=occ, state="ended", created_ms=ended_ms, ended_ms=ended_ms)
    for name in ("keep_runs_min", "keep_results_min"):
        tx.settings.set(name, 1)

    sweep = Sweep(Keep.at(tx.settings, now_ms))
    while not sweep.over:
        tx.retention.batch(sweep)

    assert results(tx) == [1, 2]
    assert tx.runs.find_by_occ(occurrence("S", "J1", yesterday)) == RUN + 1
    assert tx.runs.find_by_occ(occurrence("S", "J2", tomorrow)) == RUN + 2


def test_a_result_lets_go_of_a_natural_key_that_nobody_asks_for(tx: Transaction) -> None:
    stored_run(tx, RUN, occ="S:A:B:1", state="ended", created_ms=1_000, ended_ms=1_000)

    purge_all(tx, 200, runs_before_ms=5_000, occ_before_ms=5_000)

    assert tx.runs.find_by_occ("S:A:B:1") is None
    assert tx.runs.row(RUN) is not None


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
    purge_all(tx, 200, runs_before_ms=10**12, results_before_ms=10**12)
    assert results(tx) == []
    assert len(tx.runs.list()) == 0
    assert counts(tx)["attempts"] == 0


def test_the_lines_of_a_run_say_the_same_after_it_was_taken_apart(tx: Transaction) -> None:
    ended_run(tx, 0, at_ms=1_000)
    for number in range(100):
        data = {"return_code": str(number), "visit": 1, "attempt": 2, "std_out": "x" * 300, "std_err": ""}
        tx.journal.add(number, RUN, f"/JOB-{number % 3}", Fact(kind="icon_ended", severity="warning", data=data))
        tx.journal.add(number, None, "", Fact(kind="between"))
    before = tx.journal.of_run(RUN)

    purge_all(tx, 40, runs_before_ms=5_000)

    after = tx.journal.of_run(RUN)
    assert [replace(line, data={}) for line in after] == [replace(line, data={}) for line in before]
    assert [dict(line.data) for line in after] == [{"return_code": str(n), "attempt": 2} for n in range(100)]
    assert counts(tx)["journal"] < 100 + 10
    assert tx.journal.of_run(RUN, after=after[70].id, limit=5) == after[71:76]
    assert [line.id for line in tx.journal.latest(kinds=["icon_ended"], limit=1_000)] == [
        line.id for line in reversed(after)
    ]
    assert [line.data["return_code"] for line in tx.journal.latest(since_ms=97, severity="warning", limit=1_000)] == [
        "99", "98", "97",
    ]  # fmt: skip
    assert tx.journal.latest(severity="error", limit=1_000) == []


def test_pages_of_the_journal_pass_over_nothing(tx: Transaction) -> None:
    for number in range(6):
        ended_run(tx, number, at_ms=1_000)
    for at_ms in range(30):
        for number in range(6):
            tx.journal.add(at_ms, RUN + number, "", Fact(kind="note", data={"n": at_ms}))
    purge_all(tx, 200, runs_before_ms=5_000)
    tx.journal.add(31, None, "", Fact(kind="note", data={"n": 31}))

    seen, before = [], None
    while True:
        page = tx.journal.page(before=before, limit=2)
        seen += [(line.run_id, line.data["n"]) for line in page.lines]
        if page.before is None:
            break
        before = page.before

    assert len(seen) == len(set(seen)) == 1 + 6 * 30


def test_output_goes_before_its_run(tx: Transaction) -> None:
    for number in range(4):
        ended_run(tx, number, at_ms=1_000 * (number + 1), output=5)
    tx.attempts.insert(attempt(50, run_id=RUN + 3, state="running", created_ms=1))
    tx.output.append(key(50), 1, 0, b"still running")

    batches = purge_all(tx, 6, output_before_ms=2_500)

    assert sum(batch.output for batch in batches) == 10
    assert whole(tx) == [0, 1, 2, 3]
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

    sweep = Sweep(Keep(output_before_ms=5_000))
    tx.retention.batch(sweep, limit=22)

    assert counts(tx)["output"] == 8  # a piece of ten pages weighs eleven
    assert not sweep.over


def test_what_the_journal_repeats_of_output_goes_with_it(tx: Transaction) -> None:
    stored_run(tx)
    for at_ms in (1_000, 2_000, 3_000):
        data = {"return_code": "0", "std_out": "o" * 9_000, "std_err": "e"}
        tx.journal.add(at_ms, RUN, "/JOB-1", Fact(kind="icon_ended", data=data))

    purge_all(tx, 2, output_before_ms=2_500)

    assert [sorted(line.data) for line in tx.journal.of_run(RUN)] == [
        ["return_code"],
        ["return_code"],
        ["return_code", "std_err", "std_out"],
    ]
    purge_all(tx, 2, output_before_ms=10_000)
    assert {name for line in tx.journal.of_run(RUN) for name in line.data} == {"return_code"}


def test_adopted_attempts_without_a_run_go_by_their_own_time(tx: Transaction) -> None:
    tx.attempts.insert(attempt(1, run_id=555, state="done", created_ms=900, ended_ms=1_000, origin="adopted"))
    tx.attempts.insert(attempt(2, run_id=555, state="running", created_ms=900, origin="adopted"))
    tx.attempts.insert(attempt(3, run_id=555, state="done", created_ms=9_000, ended_ms=9_500, origin="adopted"))

    purge_all(tx, 200, runs_before_ms=5_000)

    assert [tx.attempts.find(key(number)) is not None for number in (1, 2, 3)] == [False, True, True]


def test_the_journal_is_cut_by_time_but_never_empty(tx: Transaction) -> None:
    for number in range(10):
        tx.journal.add(number, RUN, "", Fact(kind="icon_ended", data={"n": number}))  # there is no such run

    purge_all(tx, 3, results_before_ms=6)
    assert [line.data["n"] for line in tx.journal.of_run(RUN)] == [6, 7, 8, 9]

    last = tx.journal.latest(limit=1)[0].id
    purge_all(tx, 3, results_before_ms=10**12)
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

    assert not any(batch.anything for batch in purge_all(tx, 200))
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


def vm_steps(tx: Transaction, work: Callable[[], object]) -> int:
    """Return how many steps of SQLite's machine some work takes."""
    sql = tx.retention._sql
    connection = sql._connection
    assert connection is not None
    steps = 0

    def count() -> bool:
        nonlocal steps
        steps += 10
        return False

    connection.set_progress_handler(count, 10)
    work()
    connection.set_progress_handler(None)
    return steps


def test_a_batch_is_as_short_after_a_long_history_as_after_a_short_one(tx: Transaction) -> None:
    # With the statistics that SQLite gathers, its planner sorted everything old for each batch, 0.2 s for a million
    # runs; and the writer was held up so long.
    worst = {}
    connection = tx.retention._sql._connection
    assert connection is not None
    for runs in (100, 1_000):
        for number in range(runs):
            ended_run(tx, number, at_ms=1_000)
            tx.journal.add(1_000, RUN + number, "", Fact(kind="run_ended", data={"by": "ann"}))
        tx.journal.add(9_000, None, "", Fact(kind="server_started"))
        connection.execute("analyze")
        sweep = Sweep(Keep(output_before_ms=5_000, runs_before_ms=5_000, results_before_ms=5_000))
        taken = []
        while not sweep.over:
            taken.append(vm_steps(tx, lambda sweep=sweep: tx.retention.batch(sweep, 10)))  # type: ignore[misc]
        worst[runs] = max(taken)
        assert results(tx) == []

    assert worst[1_000] < worst[100] * 2
