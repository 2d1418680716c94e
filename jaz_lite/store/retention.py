"""Retention: what is old goes in small batches, so that the writer is never held up for long (decision 19).

A *sweep* is one pass over everything, in stages; each batch of it removes a bounded number of rows:

    output       of jobs, first, since it is the bulk: its pieces, and what lines of the journal repeat of it
    parts        of runs that are over: icons, frames, attempts, documents. The run becomes *bare*: only its result is
                 left, its row and the lines of its journal, folded
    results      bare runs, each whole, and lines of the journal that belong to no run
    definitions  versions that were replaced or deleted, and that no run refers to

From its first batch on a run is hidden (`purging`) from lists. What is not over is never touched. A sweep that is not
finished is simply begun anew: every batch leaves rows that fit together.
"""

from collections.abc import Callable, Mapping

from jaz_lite.store import names, retention_forecast
from jaz_lite.store.connection import Sql
from jaz_lite.store.journal_rows import fold, without_output
from jaz_lite.store.memory import unpack
from jaz_lite.store.rows_in_time import first_key_at
from jaz_lite.store.settings import Settings
from jaz_lite.store.sweep import Keep, Purged, Sweep

__all__ = ["BATCH_ROWS", "Keep", "Purged", "Retention", "Sweep"]

BATCH_ROWS = 200
WINDOW_ROWS = 100  # so many lines of the journal are looked at at once
LOOKS_A_ROW = 10  # so many cost about as much as the removal of one
CUT_TO = "output_cut_to"  # the counter that says up to which line of the journal output was cut out
ROWS_OF_A_RUN = 8  # about so many a small run has
PAGE_BYTES = 4096  # a row of output counts once more for each page it fills


# ---- output


def _output(sql: Sql, sweep: Sweep, limit: int) -> Purged:
    before_ms = sweep.keep.output_before_ms
    if before_ms is None:
        return Purged()
    if sweep.border is None:
        sweep.border = first_key_at(sql, "attempts", before_ms)
    rows = sql.rows(
        # The order of a cross join is ours: statistics would have the planner sort all that is old for each batch.
        "select o.id, length(o.data), o.attempt from output o cross join attempts a on a.id = o.attempt"
        " where o.attempt >= ? and o.attempt < ? and a.ended_ms < ? order by o.attempt limit ?",
        (sweep.after, sweep.border, before_ms, limit),
    )
    weight, count = _delete_output(sql, rows, limit)
    if count:
        sweep.after = rows[count - 1][2]
    return Purged(weight=weight, output=count)


def _delete_output(sql: Sql, rows: list[tuple[int, int, int]], limit: int) -> tuple[int, int]:
    """Delete rows of output until their weight reaches the limit; return that weight, and how many they were."""
    weight, ids = 0, []
    for row_id, stored_bytes, _ in rows:
        if weight >= limit:
            break
        weight += 1 + stored_bytes // PAGE_BYTES
        ids.append((row_id,))
    sql.many("delete from output where id = ?", ids)
    return weight, len(ids)


def _output_in_journal(sql: Sql, sweep: Sweep, limit: int) -> Purged:
    """Cut the head of its output out of the lines that tell how a job ended; each line is looked at once in its life."""
    before_ms = sweep.keep.output_before_ms
    if before_ms is None:
        return Purged()
    if sweep.border is None:
        sweep.border = first_key_at(sql, "journal", before_ms)
        row = sql.row("select value from counters where name = ?", (CUT_TO,))
        sweep.after = 0 if row is None else row[0]
    weight = count = 0
    while weight < limit and sweep.after < sweep.border:
        end = _window(sql, sweep)
        rows = sql.rows(
            "select id, data from journal where id >= ? and id < ? and data is not null", (sweep.after, end)
        )
        for row_id, packed in rows:
            if weight >= limit:
                end = row_id
                break
            data = unpack(packed)
            if isinstance(data, dict) and len(short := without_output(data)) < len(data):
                weight += 1 + len(packed) // PAGE_BYTES
                count += 1
                sql.run("update journal set data = ? where id = ?", (sql.memory.pack(short) if short else None, row_id))
        weight += 1 + len(rows) // LOOKS_A_ROW
        sweep.after = end
    sql.run("insert or replace into counters (name, value) values (?, ?)", (CUT_TO, sweep.after))
    return Purged(weight=weight, cut=count)


def _window(sql: Sql, sweep: Sweep) -> int:
    """Return where the next few lines of the journal end; the sweep is moved to where they begin."""
    assert sweep.border is not None, "the stage has looked where it ends"
    row = sql.row("select min(id) from journal where id >= ?", (sweep.after,))
    if row is None or row[0] is None:
        return sweep.border
    sweep.after = min(int(row[0]), sweep.border)
    return min(sweep.border, sweep.after + WINDOW_ROWS)


# ---- parts of runs


def _parts(sql: Sql, sweep: Sweep, limit: int) -> Purged:
    before_ms = sweep.keep.runs_before_ms
    if before_ms is None:
        return Purged()
    done = runs = 0
    while done < limit:
        wanted = 1 + (limit - done) // ROWS_OF_A_RUN
        candidates = sql.rows(
            "select run_id, frames, icons, first_icon, purging, ended_ms, occ from runs r"
            " where bare = 0 and ended_ms is not null and ended_ms >= ? and ended_ms < ?"
            " and not exists (select 1 from attempts a where a.run_id = r.run_id and a.state between 1 and 4)"
            " order by ended_ms limit ?",
            (sweep.after, before_ms, wanted),
        )
        for run_id, frames, icons, first_icon, purging, ended_ms, occ in candidates:
            if done >= limit:
                break
            sweep.after = ended_ms
            if not purging:
                sql.run("update runs set purging = 1 where run_id = ?", (run_id,))
            done += _parts_of(sql, run_id, frames, icons, first_icon, limit - done)
            if done < limit:
                _make_bare(sql, run_id, keep_occ=sweep.keep.needs_occ(occ, ended_ms))
                done += 1
                runs += 1
        if len(candidates) < wanted:
            break
    return Purged(weight=done, runs=runs)


def _parts_of(sql: Sql, run_id: int, frames: int, icons: int, first_icon: int, limit: int) -> int:
    pieces = sql.rows(
        "select o.id, length(o.data), a.id from attempts a cross join output o on o.attempt = a.id"
        " where a.run_id = ? limit ?",
        (run_id, limit),
    )
    done, _ = _delete_output(sql, pieces, limit)
    for text, values in (
        ("delete from attempts where id in (select id from attempts where run_id = ? limit ?)", (run_id,)),
        (
            "delete from icons where id in (select id from icons where id >= ? and id < ? limit ?)",
            (first_icon, first_icon + icons),
        ),
        (
            "delete from frames where id in (select id from frames where id >= ? and id < ? limit ?)",
            (run_id, run_id + frames),
        ),
        ("delete from run_docs where rowid in (select rowid from run_docs where run_id = ? limit ?)", (run_id,)),
        ("delete from boots where run_id in (select run_id from boots where run_id = ? limit ?)", (run_id,)),
    ):
        if done < limit:
            done += sql.change(text, (*values, limit - done))
    if done < limit:
        folded, _ = fold(sql, run_id, limit - done)
        done += folded
    return done


def _make_bare(sql: Sql, run_id: int, *, keep_occ: bool) -> None:
    """Leave of a run what its result needs; its version by name, so that the document may go in its own time."""
    row = sql.row(
        "select d.version from runs r join definitions d on d.doc_id = r.doc_id where r.run_id = ?", (run_id,)
    )
    sql.run(
        "update runs set bare = 1, version = ?, doc_id = null, start_variables = null, faulted = '',"
        " occ = iif(?, occ, null) where run_id = ?",
        (None if row is None else names.number_of(sql, row[0]), keep_occ, run_id),
    )


def _strays(sql: Sql, sweep: Sweep, limit: int) -> Purged:
    """Remove settled attempts whose run is not here: adopted ones."""
    before_ms = sweep.keep.runs_before_ms
    if before_ms is None:
        return Purged()
    if sweep.border is None:
        sweep.border = first_key_at(sql, "attempts", before_ms)
    rows = sql.rows(
        "select id from attempts a where id >= ? and id < ? and ended_ms < ? and state in (5, 6, 8)"
        " and not exists (select 1 from runs r where r.run_id = a.run_id)"
        " and not exists (select 1 from output o where o.attempt = a.id) order by id limit ?",
        (sweep.after, sweep.border, before_ms, limit),
    )
    sql.many("delete from attempts where id = ?", rows)
    if rows:
        sweep.after = rows[-1][0] + 1
    return Purged(weight=len(rows))


# ---- results


def _results(sql: Sql, sweep: Sweep, limit: int) -> Purged:
    before_ms = sweep.keep.results_before_ms
    if before_ms is None:
        return Purged()
    if sweep.border is None:
        sweep.border = first_key_at(sql, "runs", before_ms)
    done = results = 0
    while done < limit:
        found = sql.rows(
            "select run_id, occ, ended_ms from runs where run_id >= ? and run_id < ? and bare = 1 and ended_ms < ?"
            " order by run_id limit ?",
            (sweep.after, sweep.border, before_ms, limit - done),
        )
        asked = limit - done
        for run_id, occ, ended_ms in found:
            if done >= limit:
                break
            if not sweep.keep.needs_occ(occ, ended_ms):
                done += sql.change(
                    "delete from journal where id in (select id from journal where run_id = ? limit ?)",
                    (run_id, limit - done),
                )
                if done >= limit:
                    break
                sql.run("delete from runs where run_id = ?", (run_id,))
                results += 1
            done += 1
            sweep.after = run_id + 1
        if len(found) < asked:
            break
    return Purged(weight=done, results=results)


def _journal(sql: Sql, sweep: Sweep, limit: int) -> Purged:
    """Remove old lines about the site, and of runs that are not here."""
    before_ms = sweep.keep.results_before_ms
    if before_ms is None:
        return Purged()
    if sweep.border is None:
        sweep.border = first_key_at(sql, "journal", before_ms)
    weight = count = 0
    while weight < limit and sweep.after < sweep.border:
        end = _window(sql, sweep)
        rows = sql.rows(
            "select id from journal j where id >= ? and id < ? and id < (select max(id) from journal)"
            " and (run_id is null or not exists (select 1 from runs r where r.run_id = j.run_id)) order by id limit ?",
            (sweep.after, end, limit - weight),
        )
        if len(rows) == limit - weight:
            end = rows[-1][0] + 1
        sql.many("delete from journal where id = ?", rows)
        count += len(rows)
        weight += 1 + len(rows)
        sweep.after = end
    return Purged(weight=weight, journal=count)


# ---- definitions


def _definitions(sql: Sql, sweep: Sweep, limit: int) -> Purged:
    before_ms = sweep.keep.superseded_before_ms
    if before_ms is None:
        return Purged()
    count = sql.change(
        "delete from definitions where doc_id in (select doc_id from definitions d where superseded_ms < ?"
        " and not exists (select 1 from runs r where r.doc_id = d.doc_id)"
        " and not exists (select 1 from run_docs s where s.doc_id = d.doc_id)"
        " order by superseded_ms limit ?)",
        (before_ms, limit),
    )
    return Purged(weight=count, definitions=count)


Stage = Callable[[Sql, Sweep, int], Purged]

STAGES: tuple[Stage, ...] = (
    _output,
    _output_in_journal,
    _parts,
    _strays,
    _results,
    _journal,
    _definitions,
)


class Retention:
    """The removal of what is old."""

    def __init__(self, sql: Sql) -> None:
        self._sql = sql

    def batch(self, sweep: Sweep, limit: int = BATCH_ROWS) -> Purged:
        """Remove the next batch of a sweep, inside this transaction.

        Args:
            limit: rows of this batch, at least 1; 200 take a few milliseconds.

        Notes:
            Runs that are not over stay, however old; so does a run with an attempt at an agent. The newest line of
            the journal stays, so that numbers of lines are not used again.
        """
        assert limit >= 1, limit
        gone = Purged()
        while not sweep.over and gone.weight < limit:
            left = limit - gone.weight
            step = STAGES[sweep.stage](self._sql, sweep, left)
            gone += step
            if step.weight < left:
                sweep.next_stage()
                sweep.over = sweep.stage == len(STAGES)
        return gone

    def count(self, sweep: Sweep) -> Purged:
        """Return what the next piece of a sweep would remove, and remove nothing; works in a snapshot."""
        return retention_forecast.counted(self._sql, sweep)

    def next_due_ms(self) -> Mapping[str, int | None]:
        """Return when something becomes old next, at the earliest: of output, runs, results, definitions."""
        return retention_forecast.next_due(self._sql, Settings(self._sql))
