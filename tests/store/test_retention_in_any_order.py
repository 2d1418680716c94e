"""Whatever is purged in whatever order, and wherever it is interrupted: what is left fits together and says the truth."""

from dataclasses import replace
from itertools import count
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from jaz_lite.clock import VirtualClock
from jaz_lite.model.fact import Fact
from jaz_lite.model.run import FrameRun, IconRun
from jaz_lite.store.open import Store
from jaz_lite.store.retention import Keep, Sweep
from jaz_lite.store.transaction import Transaction
from tests.store.making import RUN, attempt, key, stored_run

TIMES = st.integers(0, 100)
LIVE = ("waiting", "running", "run_error")
ICONS = 3
LOOKS_MAX = 11  # beyond its limit a batch looks at a window of the journal at most

# A run: when it was made, how long it took (None: it is not over), attempts, pieces of output, lines of the journal.
RUNS = st.lists(
    st.tuples(TIMES, st.none() | st.integers(0, 50), st.integers(0, 2), st.integers(0, 3), st.integers(0, 5)),
    min_size=1,
    max_size=8,
)
# A sweep: what is old for it, how large its batches are, and after how many of them it is interrupted.
SWEEPS = st.lists(
    st.tuples(st.none() | TIMES, st.none() | TIMES, st.none() | TIMES, st.integers(1, 9), st.integers(0, 30)),
    min_size=1,
    max_size=5,
)


def fill(tx: Transaction, runs: list[tuple[int, int | None, int, int, int]]) -> None:
    """Put the runs into the store, oldest first, as time goes."""
    attempts = count(1)
    for number, (created_ms, took_ms, attempt_count, pieces, lines) in enumerate(sorted(runs, key=lambda run: run[0])):
        over = took_ms is not None
        ended_ms = created_ms + took_ms if took_ms is not None else None
        state: Any = "ended" if over else LIVE[number % 3]
        made = stored_run(tx, RUN + number * 10, state=state, created_ms=created_ms, ended_ms=ended_ms)
        icon = IconRun(state="ended", visit=1, ended_ms=created_ms)
        frame = FrameRun(state="ended" if over else "running", visit=1, ended_ms=ended_ms)
        tx.runs.save(replace(made, icons=(icon,) * ICONS, frames=(frame,)), range(ICONS), [0])
        for _ in range(attempt_count):
            n = next(attempts)
            settled: dict[str, Any] = {"state": "done", "ended_ms": ended_ms} if over else {"state": "running"}
            tx.attempts.insert(attempt(n, run_id=made.run_id, created_ms=created_ms, **settled))
            for piece in range(pieces):
                tx.output.append(key(n), 1, piece, b"x")
        for line in range(lines):
            data = {"line": line, "std_out": "out"}
            tx.journal.add(created_ms, made.run_id, "/JOB-1", Fact(kind="icon_ended", data=data))


def check(tx: Transaction, runs: list[tuple[int, int | None, int, int, int]], past: list[Keep]) -> None:
    """Look whether what is left is what the sweeps of the past may have left."""
    listed = {row.run_id for row in tx.runs.list(limit=1_000)}
    runs_before = max((keep.runs_before_ms or 0 for keep in past), default=0)
    results_before = max((keep.results_before_ms or 0 for keep in past), default=0)
    output_before = max((keep.output_before_ms or 0 for keep in past), default=0)
    for number, (created_ms, took_ms, attempt_count, pieces, lines) in enumerate(sorted(runs, key=lambda run: run[0])):
        run_id = RUN + number * 10
        row = tx.runs.row(run_id)
        over_ms = None if took_ms is None else created_ms + took_ms
        if over_ms is None or over_ms >= results_before:
            assert row is not None, "a result went before its time"
        if over_ms is None or over_ms >= runs_before:
            assert run_id in listed, "a run went before its time"
        if row is None:
            assert run_id not in listed
            assert tx.journal.of_run(run_id) == []
            assert tx.attempts.of_run(run_id) == []
            continue
        told = tx.journal.of_run(run_id)
        assert [line.data["line"] for line in told] == list(range(lines)), "the journal of a result is not whole"
        assert row.whole == (run_id in listed)
        if not row.whole:
            assert (row.jobnet_id, row.state, row.ended_ms) == ("NIGHT", "ended", over_ms)
            continue
        stored = tx.runs.load(run_id)
        assert (len(stored.icons), len(stored.frames)) == (ICONS, 1), "a run that is shown whole is not"
        kept = tx.attempts.of_run(run_id)
        assert len(kept) == attempt_count
        for one in kept:
            length = tx.output.length(one.k, 1)
            assert length == pieces or (over_ms is not None and over_ms < output_before), "output went before its time"


@settings(max_examples=150)
@given(runs=RUNS, sweeps=SWEEPS)
def test_what_is_left_fits_together(runs: Any, sweeps: Any, tmp_path_factory: Any) -> None:
    store = Store.open(tmp_path_factory.mktemp("kept"), clock=VirtualClock())
    with store.transaction() as tx:
        fill(tx, runs)
    past: list[Keep] = []
    for output, parts, results, limit, batches in sweeps:
        # As the settings are read: a result is kept at least as long as its run.
        result = None if results is None or parts is None else min(results, parts)
        keep = Keep(output_before_ms=output, runs_before_ms=parts, results_before_ms=result)
        past.append(keep)
        sweep = Sweep(keep)
        for _ in range(batches):
            if sweep.over:
                break
            with store.transaction() as tx:
                assert tx.retention.batch(sweep, limit).weight <= limit + LOOKS_MAX, "a batch is too large"
        tx = store.begin()
        check(tx, runs, past)
        tx.rollback()

    everything = Sweep(Keep(output_before_ms=10**6, runs_before_ms=10**6, results_before_ms=10**6))
    with store.snapshot() as view:
        counting, counted = Sweep(everything.keep), 0
        while not counting.over:
            counted += view.retention.count(counting).results
    while not everything.over:
        with store.transaction() as tx:
            counted -= tx.retention.batch(everything).results
    assert counted == 0, "a dry run told something else"
    with store.snapshot() as view:
        left = [run_id for run_id in range(RUN, RUN + 100, 10) if view.runs.row(run_id) is not None]
        assert len(left) == sum(took is None for _, took, *_ in runs), "what is not over stays, all else went"
    assert store.integrity() == []
    store.close()
