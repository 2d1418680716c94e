"""Finding rows by time without an index on time: their keys grow with it, so a bisection finds the border.

A clock that was set back leaves a few rows out of order; they are found a little early or late, never lost.
"""

from typing import Literal

from jaz_lite.store.connection import Sql

Table = Literal["runs", "attempts", "journal"]

_BOUNDS: dict[Table, str] = {
    "runs": "select (select min(run_id) from runs), (select max(run_id) from runs)",
    "attempts": "select (select min(id) from attempts), (select max(id) from attempts)",
    "journal": "select (select min(id) from journal), (select max(id) from journal)",
}
_FROM_KEY: dict[Table, str] = {
    "runs": "select run_id, created_ms from runs where run_id >= ? order by run_id limit 1",
    "attempts": "select id, created_ms from attempts where id >= ? order by id limit 1",
    "journal": "select id, at_ms from journal where id >= ? order by id limit 1",
}


def first_key_at(sql: Sql, table: Table, at_ms: int) -> int:
    """Return a key that parts the rows: those below it were made before `at_ms`, those from it on not."""
    bounds = sql.row(_BOUNDS[table])
    if bounds is None or bounds[0] is None:
        return 0
    low, high = int(bounds[0]), int(bounds[1]) + 1
    while low < high:
        middle = (low + high) // 2
        row = sql.row(_FROM_KEY[table], (middle,))
        assert row is not None, "the highest key has a row"
        if row[1] >= at_ms:
            high = middle
        else:
            low = int(row[0]) + 1
    return low
