"""What retention would remove, counted in small pieces as the removal is done, and when something becomes old next."""

from collections.abc import Callable, Mapping

from jaz_lite.store.connection import Sql
from jaz_lite.store.rows_in_time import first_key_at
from jaz_lite.store.settings import Settings
from jaz_lite.store.sweep import MINUTE_MS, Purged, Sweep

PIECE_ROWS = 2_000  # looked at at once: a millisecond or two


def counted(sql: Sql, sweep: Sweep) -> Purged:
    """Return what the next piece of a sweep would remove; nothing is changed but the sweep."""
    found = COUNTS[sweep.stage](sql, sweep)
    if sweep.border is None or sweep.after >= sweep.border:
        sweep.next_stage()
        sweep.over = sweep.stage == len(COUNTS)
    return found


def _output(sql: Sql, sweep: Sweep) -> Purged:
    before_ms = sweep.keep.output_before_ms
    if before_ms is None:
        return Purged()
    _look_up_border(sql, sweep, "select coalesce(max(id) + 1, 0) from output")
    row = sql.row(
        "select count(*) from output o cross join attempts a on a.id = o.attempt where o.id >= ? and o.id < ? and a.ended_ms < ?",
        (sweep.after, sweep.after + PIECE_ROWS, before_ms),
    )
    sweep.after += PIECE_ROWS
    return Purged(output=_count(row))


def _runs(sql: Sql, sweep: Sweep) -> Purged:
    """Whole runs are counted in their index alone; what is older than results goes on to be one of them."""
    runs_ms, results_ms = sweep.keep.runs_before_ms, sweep.keep.results_before_ms
    text = "select count(*) from runs where bare = 0 and ended_ms is not null and ended_ms < ?"
    runs = 0 if runs_ms is None else _count(sql.row(text, (runs_ms,)))
    results = 0 if results_ms is None else _count(sql.row(text, (results_ms,)))
    return Purged(runs=runs, results=results)


def _results(sql: Sql, sweep: Sweep) -> Purged:
    before_ms = sweep.keep.results_before_ms
    if before_ms is None:
        return Purged()
    if sweep.border is None:
        sweep.border = first_key_at(sql, "runs", before_ms)
    rows = sql.rows(
        "select run_id, occ, ended_ms from runs where run_id >= ? and run_id < ? and bare = 1 and ended_ms < ?"
        " order by run_id limit ?",
        (sweep.after, sweep.border, before_ms, PIECE_ROWS),
    )
    sweep.after = rows[-1][0] + 1 if len(rows) == PIECE_ROWS else sweep.border
    return Purged(results=sum(not sweep.keep.needs_occ(occ, ended_ms) for _, occ, ended_ms in rows))


def _journal(sql: Sql, sweep: Sweep) -> Purged:
    before_ms = sweep.keep.results_before_ms
    if before_ms is None:
        return Purged()
    if sweep.border is None:
        sweep.border = first_key_at(sql, "journal", before_ms)
        sweep.after = _count(sql.row("select coalesce(min(id), 0) from journal"))
    row = sql.row(
        "select count(*) from journal j where id >= ? and id < min(?, ?) and id < (select max(id) from journal)"
        " and (run_id is null or not exists (select 1 from runs r where r.run_id = j.run_id))",
        (sweep.after, sweep.after + PIECE_ROWS, sweep.border),
    )
    sweep.after += PIECE_ROWS
    return Purged(journal=_count(row))


def _definitions(sql: Sql, sweep: Sweep) -> Purged:
    before_ms = sweep.keep.superseded_before_ms
    if before_ms is None:
        return Purged()
    row = sql.row(
        "select count(*) from definitions d where superseded_ms < ?"
        " and not exists (select 1 from runs r where r.doc_id = d.doc_id)"
        " and not exists (select 1 from run_docs s where s.doc_id = d.doc_id)",
        (before_ms,),
    )
    return Purged(definitions=_count(row))


def _look_up_border(sql: Sql, sweep: Sweep, text: str) -> None:
    if sweep.border is None:
        sweep.border = _count(sql.row(text))


def _count(row: tuple[int, ...] | None) -> int:
    assert row is not None, "a count always is"
    return row[0]


Count = Callable[[Sql, Sweep], Purged]

COUNTS: tuple[Count, ...] = (_output, _runs, _results, _journal, _definitions)


def next_due(sql: Sql, settings: Settings) -> Mapping[str, int | None]:
    """Return when output, runs, results and definitions have something to lose next, at the earliest; None: never.

    Notes:
        It is told by the oldest of each kind; what must stay all the same is not asked for.
    """
    oldest = {
        "output": (
            "keep_output_min",
            "select a.ended_ms from output o cross join attempts a on a.id = o.attempt order by o.attempt limit 1",
        ),
        "runs": ("keep_runs_min", "select min(ended_ms) from runs where bare = 0 and ended_ms is not null"),
        "results": ("keep_results_min", "select at_ms from journal order by id limit 1"),
        "definitions": (
            "keep_superseded_min",
            "select min(superseded_ms) from definitions where superseded_ms is not null",
        ),
    }
    due: dict[str, int | None] = {}
    for kind, (name, text) in oldest.items():
        row, minutes = sql.row(text), settings.minutes(name)
        due[kind] = None if row is None or row[0] is None or not minutes else row[0] + minutes * MINUTE_MS
    return due
