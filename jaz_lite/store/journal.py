"""The journal: facts, for people. Nothing is decided from them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from jaz_lite.model.fact import Fact, Severity
from jaz_lite.model.run import EMPTY
from jaz_lite.store import names
from jaz_lite.store.connection import Row, Sql
from jaz_lite.store.memory import unpack
from jaz_lite.store.rows_in_time import first_key_at

LINES_MAX = 10_000
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
SEVERITY_NUMBER: Mapping[str, int] = {severity: number for number, severity in enumerate(SEVERITIES)}


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalLine:
    """One line. `id` grows with time: whoever reads on names the last one seen."""

    id: int
    at_ms: int
    run_id: int | None
    path: str  # of the icon; "" about the run or the site
    kind: str
    severity: Severity
    jaz_code: str
    data: Mapping[str, Any]


_SELECT = "select id, at_ms, run_id, path, kind, severity, jaz_code, data from journal"


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
        return [self._line(row) for row in rows]

    def latest(
        self,
        *,
        kinds: Collection[str] = (),
        severity: Severity = "info",
        since_ms: int | None = None,
        until_ms: int | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> list[JournalLine]:
        """Return facts of all runs and of the site, newest first.

        Args:
            kinds: only these; empty: all.
            severity: this one and graver ones.
            since_ms, until_ms: since included, until excluded.
            before: only lines before this one: the last one of the page before.
        """
        sql = self._sql
        text, values = _SELECT + " where severity >= ?", [SEVERITY_NUMBER[severity]]
        if kinds:
            numbers = [names.find_number(sql, kind) for kind in sorted(kinds)]
            known = [str(number) for number in numbers if number is not None]
            text += f" and kind in ({', '.join(known)})"
        if since_ms is not None:
            text += " and id >= ?"
            values.append(first_key_at(sql, "journal", since_ms))
        if until_ms is not None:
            text += " and id < ?"
            values.append(first_key_at(sql, "journal", until_ms))
        if before is not None:
            text += " and id < ?"
            values.append(before)
        values.append(_bounded(limit))
        return [self._line(row) for row in sql.rows(text + " order by id desc limit ?", values)]

    def _line(self, row: Row) -> JournalLine:
        sql = self._sql
        return JournalLine(
            id=row[0],
            at_ms=row[1],
            run_id=row[2],
            path=names.name_of(sql, row[3]),
            kind=names.name_of(sql, row[4]),
            severity=SEVERITIES[row[5]],
            jaz_code=names.name_of(sql, row[6]),
            data=EMPTY if row[7] is None else unpack(row[7]),
        )


def _bounded(limit: int) -> int:
    return max(1, min(limit, LINES_MAX))
