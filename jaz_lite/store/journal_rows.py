"""Rows of the journal and the lines they hold.

A row holds one line as it was written. When retention takes a run apart, the lines of that run are *folded*: up to
`FOLD_LINES_MAX` of them become one row, at the place of the last of them. Eight lines of a small run take about 550
bytes with their index, folded about 130. What a folded line no longer says is what only the parts of the run, which go
at that moment, gave a meaning: the output of its jobs, and numbers that are one.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from jaz_lite.model.fact import Severity
from jaz_lite.model.run import EMPTY
from jaz_lite.store import names
from jaz_lite.store.connection import Row, Sql
from jaz_lite.store.memory import unpack

SEVERITIES: tuple[Severity, ...] = get_args(Severity)
SEVERITY_NUMBER: Mapping[str, int] = {severity: number for number, severity in enumerate(SEVERITIES)}

FIELDS = "id, at_ms, run_id, path, kind, severity, jaz_code, data"
FOLDED = "folded"  # the kind of such a row
FOLD_LINES_MAX = 64
OUTPUT_NAMES = ("std_out", "std_err")


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


def lines_of(sql: Sql, row: Row) -> list[JournalLine]:
    """Return the lines that a row (FIELDS) holds, oldest first."""
    kind = names.name_of(sql, row[4])
    if kind != FOLDED:
        return [_line(sql, row, None if row[7] is None else unpack(row[7]))]
    return list(_unfolded(sql, row))


def _line(sql: Sql, row: Sequence[Any], data: Mapping[str, Any] | None) -> JournalLine:
    return JournalLine(
        id=row[0],
        at_ms=row[1],
        run_id=row[2],
        path=names.name_of(sql, row[3]),
        kind=names.name_of(sql, row[4]),
        severity=SEVERITIES[row[5]],
        jaz_code=names.name_of(sql, row[6]),
        data=EMPTY if data is None else data,
    )


def _unfolded(sql: Sql, row: Row) -> Iterator[JournalLine]:
    last_id, last_ms, run_id = row[:3]
    for back, back_ms, *columns, data in unpack(row[7]):
        yield _line(sql, (last_id - back, last_ms - back_ms, run_id, *columns), data)


def fold(sql: Sql, run_id: int, limit: int) -> tuple[int, bool]:
    """Fold lines of a run that are rows of their own.

    Args:
        limit: rows that may be taken, at least 1.

    Returns:
        How many rows were taken, and whether all lines of the run are folded now.
    """
    folded = names.number_of(sql, FOLDED)
    taken = 0
    while taken < limit:
        count = min(FOLD_LINES_MAX, limit - taken)
        rows = sql.rows(
            f"select {FIELDS} from journal where run_id = ? and kind <> ? order by id limit ?",  # noqa: S608
            (run_id, folded, count),
        )
        if not rows:
            return taken, True
        _fold_rows(sql, run_id, folded, rows)
        taken += len(rows)
        if len(rows) < count:
            return taken, True
    return taken, False


def _fold_rows(sql: Sql, run_id: int, folded: int, rows: Sequence[Row]) -> None:
    *others, last = rows
    last_id, last_ms = last[:2]
    lines = [
        (last_id - row[0], last_ms - row[1], *row[3:7], _lasting(run_id, None if row[7] is None else unpack(row[7])))
        for row in rows
    ]
    if others:
        sql.many("delete from journal where id = ?", [(row[0],) for row in others])
    sql.run(
        "update journal set path = ?, kind = ?, severity = ?, jaz_code = ?, data = ? where id = ?",
        (
            names.number_of(sql, ""),
            folded,
            max(row[5] for row in rows),
            names.number_of(sql, ""),
            sql.memory.pack(lines),
            last_id,
        ),
    )


def _lasting(run_id: int, data: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Return what a folded line still says."""
    if data is None:
        return None
    lasting = {
        name: value
        for name, value in data.items()
        if name not in OUTPUT_NAMES
        and not (name in ("visit", "attempt") and value == 1)
        and not (name == "management_id" and value == str(run_id))
    }
    return lasting or None


def without_output(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a line says beside the output of its job."""
    return {name: value for name, value in data.items() if name not in OUTPUT_NAMES}
