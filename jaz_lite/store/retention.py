"""Retention: old rows go in small batches, so that the writer is never held up for long (decision 19).

One call removes at most `limit` rows of all kinds together. Output goes first, since it is the bulk; of a run its
parts go before its row, and from the first batch on such a run is hidden (`purging`). Nothing is searched by time
without an index: keys grow with time and the border is found by bisection.
"""

from dataclasses import dataclass

from jaz_lite.store.connection import Sql
from jaz_lite.store.rows_in_time import first_key_at

BATCH_ROWS = 200
PAGE_BYTES = 4096  # a row of output counts once more for each page it fills


@dataclass(frozen=True, slots=True, kw_only=True)
class Purged:
    """What one batch removed. `more`: call again."""

    output: int = 0
    runs: int = 0  # rows of runs and of their parts
    journal: int = 0
    definitions: int = 0
    more: bool = False


class Retention:
    """The removal of what is old."""

    def __init__(self, sql: Sql) -> None:
        self._sql = sql

    def purge(
        self,
        *,
        output_before_ms: int | None = None,
        runs_before_ms: int | None = None,
        journal_before_ms: int | None = None,
        superseded_before_ms: int | None = None,
        limit: int = BATCH_ROWS,
    ) -> Purged:
        """Remove one batch of what ended, was written or was superseded before these times; None keeps everything.

        Args:
            limit: rows of this batch, at least 1; 200 stay well below 50 ms.

        Notes:
            Runs that are not over stay, however old; so does a run with an attempt at an agent. The newest line of
            the journal stays, so that numbers of lines are not used again.
        """
        assert limit >= 1, limit
        left = limit
        output = runs = journal = definitions = 0
        if output_before_ms is not None:
            output = self._purge_output(output_before_ms, left)
            left -= output
        if runs_before_ms is not None and left > 0:
            runs = self._purge_runs(runs_before_ms, left)
            left -= runs
        if journal_before_ms is not None and left > 0:
            journal = self._purge_journal(journal_before_ms, left)
            left -= journal
        if superseded_before_ms is not None and left > 0:
            definitions = self._purge_definitions(superseded_before_ms, left)
            left -= definitions
        return Purged(output=output, runs=runs, journal=journal, definitions=definitions, more=left <= 0)

    # ---- output

    def _purge_output(self, before_ms: int, limit: int) -> int:
        border = first_key_at(self._sql, "attempts", before_ms)
        rows = self._sql.rows(
            "select o.id, length(o.data) from output o join attempts a on a.id = o.attempt"
            " where o.attempt < ? and a.ended_ms < ? order by o.attempt limit ?",
            (border, before_ms, limit),
        )
        return self._delete_output(rows, limit)

    def _delete_output(self, rows: list[tuple[int, int]], limit: int) -> int:
        """Delete rows of output until their weight reaches the limit; return that weight."""
        weight, ids = 0, []
        for row_id, stored_bytes in rows:
            if weight >= limit:
                break
            weight += 1 + stored_bytes // PAGE_BYTES
            ids.append((row_id,))
        self._sql.many("delete from output where id = ?", ids)
        return weight

    # ---- runs

    def _purge_runs(self, before_ms: int, limit: int) -> int:
        sql = self._sql
        border = first_key_at(sql, "runs", before_ms)
        candidates = sql.rows(
            "select run_id, frames, icons, first_icon, purging from runs r where run_id < ? and ended_ms < ?"
            " and not exists (select 1 from attempts a where a.run_id = r.run_id and a.state between 1 and 4)"
            " order by run_id limit ?",
            (border, before_ms, limit),
        )
        done = 0
        for run_id, frames, icons, first_icon, purging in candidates:
            if done >= limit:
                break
            if not purging:
                sql.run("update runs set purging = 1 where run_id = ?", (run_id,))
            done += self._purge_parts(run_id, frames, icons, first_icon, limit - done)
            if done < limit:
                sql.run("delete from runs where run_id = ?", (run_id,))  # documents and timers go with it
                done += 1
        if done < limit:
            done += self._purge_strays(before_ms, limit - done)
        return done

    def _purge_parts(self, run_id: int, frames: int, icons: int, first_icon: int, limit: int) -> int:
        sql = self._sql
        pieces = sql.rows(
            "select o.id, length(o.data) from attempts a join output o on o.attempt = a.id where a.run_id = ? limit ?",
            (run_id, limit),
        )
        done = self._delete_output(pieces, limit)
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
        ):
            if done < limit:
                done += sql.change(text, (*values, limit - done))
        return done

    def _purge_strays(self, before_ms: int, limit: int) -> int:
        """Remove settled attempts whose run is not here: adopted ones."""
        border = first_key_at(self._sql, "attempts", before_ms)
        rows = self._sql.rows(
            "select id from attempts a where id < ? and ended_ms < ? and state in (5, 6, 8)"
            " and not exists (select 1 from runs r where r.run_id = a.run_id)"
            " and not exists (select 1 from output o where o.attempt = a.id) order by id limit ?",
            (border, before_ms, limit),
        )
        self._sql.many("delete from attempts where id = ?", rows)
        return len(rows)

    # ---- journal and definitions

    def _purge_journal(self, before_ms: int, limit: int) -> int:
        border = first_key_at(self._sql, "journal", before_ms)
        return self._sql.change(
            "delete from journal where id in (select id from journal where id < ?"
            " and id < (select max(id) from journal) order by id limit ?)",
            (border, limit),
        )

    def _purge_definitions(self, before_ms: int, limit: int) -> int:
        return self._sql.change(
            "delete from definitions where doc_id in (select doc_id from definitions d where superseded_ms < ?"
            " and not exists (select 1 from runs r where r.doc_id = d.doc_id)"
            " and not exists (select 1 from run_docs s where s.doc_id = d.doc_id)"
            " order by superseded_ms limit ?)",
            (before_ms, limit),
        )
