"""The journal: facts, for people. Nothing is decided from them."""

# Statements are put together from constants; values are always bound.
# ruff: noqa: S608

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from jaz_lite.model.fact import Fact, Severity
from jaz_lite.store import names
from jaz_lite.store.connection import Sql
from jaz_lite.store.journal_rows import FIELDS, FOLDED, SEVERITIES, SEVERITY_NUMBER, JournalLine, lines_of
from jaz_lite.store.rows_in_time import first_key_at

__all__ = ["LINES_MAX", "SEVERITIES", "Journal", "JournalLine", "Page"]

LINES_MAX = 10_000
LOOK_ROWS_MAX = 20_000  # so many rows are looked through in about ten milliseconds
_SELECT = f"select {FIELDS} from journal"


@dataclass(frozen=True, slots=True)
class Page:
    """A piece of the journal, newest line first. `before`: where the next one begins; None: there is no more."""

    lines: list[JournalLine]
    before: int | None


class Journal:
    """All facts."""

    def __init__(self, sql: Sql) -> None:
        self._sql = sql

    def add(self, at_ms: int, run_id: int | None, path: str, fact: Fact) -> None:
        """Write a fact down.

        Args:
            path: plain path of the icon it is about; "" where it is about the run or the site.
        """
        sql = self._sql
        sql.memory.journal_version += 1
        sql.run(
            "insert into journal (at_ms, run_id, path, kind, severity, jaz_code, data) values (?, ?, ?, ?, ?, ?, ?)",
            (
                at_ms,
                run_id,
                names.number_of(sql, path),
                names.number_of(sql, fact.kind),
                SEVERITY_NUMBER[fact.severity],
                names.number_of(sql, fact.jaz_code),
                sql.memory.pack(fact.data) if fact.data else None,
            ),
        )

    def of_run(self, run_id: int, after: int = 0, limit: int = 1_000) -> list[JournalLine]:
        """Return the facts of a run, oldest first, those after the line `after`."""
        rows = self._sql.rows(
            _SELECT + " where run_id = ? and id > ? order by id limit ?", (run_id, after, _bounded(limit))
        )
        lines = [line for row in rows for line in lines_of(self._sql, row) if line.id > after]
        return lines[: _bounded(limit)]

    def since(self, after: int, limit: int = 1_000) -> list[JournalLine]:
        """Return the facts after the line `after`, oldest first; lines of runs that were taken apart are left out."""
        rows = self._sql.rows(
            _SELECT + " where id > ? and kind <> ? order by id limit ?",
            (after, names.find_number(self._sql, FOLDED) or 0, _bounded(limit)),
        )
        return [line for row in rows for line in lines_of(self._sql, row)]

    def newest(self) -> int:
        """Return the id of the newest line; 0: there is none."""
        row = self._sql.row("select max(id) from journal")
        return 0 if row is None or row[0] is None else int(row[0])

    def has_kind(self, kind: str) -> bool:
        """Tell whether a line may be of this kind: it is the name of something that was written down."""
        return names.find_number(self._sql, kind) is not None

    def latest(self, *, limit: int = 100, before: int | None = None, **filters: Any) -> list[JournalLine]:
        """Return the newest lines, newest first; see `page`. `limit`: of lines."""
        lines: list[JournalLine] = []
        while True:
            page = self.page(limit=limit, before=before, **filters)
            lines += page.lines
            before = page.before
            if before is None or len(lines) >= limit:
                return lines[:limit]

    def page(
        self,
        *,
        kinds: Collection[str] = (),
        severity: Severity = "info",
        since_ms: int | None = None,
        until_ms: int | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> Page:
        """Return facts of all runs and of the site, newest first.

        Args:
            kinds: only these; empty: all.
            severity: this one and graver ones.
            since_ms, until_ms: since included, until excluded.
            before: `before` of the page before.
            limit: of rows. A page looks at no more than `LOOK_ROWS_MAX` of them, so it may be empty and not the last;
                and a row may hold several lines.

        Notes:
            The lines of a run that was taken apart stand together, at the time of the last of them.
        """
        sql = self._sql
        text, values = _SELECT + " where severity >= ?", [SEVERITY_NUMBER[severity]]
        if kinds:
            numbers = [names.find_number(sql, kind) for kind in sorted((*kinds, FOLDED))]
            known = [str(number) for number in numbers if number is not None]
            text += f" and kind in ({', '.join(known)})"
        bounds = sql.row("select min(id), max(id) from journal")
        if bounds is None or bounds[0] is None:
            return Page([], None)
        end = bounds[1] + 1 if before is None else before
        if until_ms is not None:
            end = min(end, first_key_at(sql, "journal", until_ms))
        first = bounds[0] if since_ms is None else first_key_at(sql, "journal", since_ms)
        low = max(first, end - LOOK_ROWS_MAX)
        values += [low, end, _bounded(limit)]
        rows = sql.rows(text + " and id >= ? and id < ? order by id desc limit ?", values)
        least = SEVERITY_NUMBER[severity]
        lines = [
            line
            for row in rows
            for line in reversed(lines_of(sql, row))
            if SEVERITY_NUMBER[line.severity] >= least
            and (not kinds or line.kind in kinds)
            and (since_ms is None or line.at_ms >= since_ms)
        ]
        left_at = rows[-1][0] if len(rows) == _bounded(limit) else low
        return Page(lines, left_at if left_at > first else None)


def _bounded(limit: int) -> int:
    return max(1, min(limit, LINES_MAX))
