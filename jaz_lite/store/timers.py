"""Timers: what is to happen later. A row each, so that none is lost; gone when it has fired."""

from jaz_lite.store.connection import Sql

RUN = -1  # in the place of a node: a timer of the run itself


class Timers:
    """All timers."""

    def __init__(self, sql: Sql) -> None:
        self._sql = sql

    def set(self, run_id: int, node: int | None, name: str, due_ms: int) -> None:
        """Set a timer; one of the same run, node and name is replaced.

        Args:
            node: None for a timer of the run itself.
        """
        self._sql.run(
            "insert into timers (run_id, node, name, due_ms) values (?, ?, ?, ?)"
            " on conflict (run_id, node, name) do update set due_ms = excluded.due_ms",
            (run_id, RUN if node is None else node, name, due_ms),
        )
        self._sql.memory.due_is_known = False

    def delete(self, run_id: int, node: int | None, name: str) -> None:
        """Delete a timer; one that is not there is fine."""
        self._sql.run(
            "delete from timers where run_id = ? and node = ? and name = ?",
            (run_id, RUN if node is None else node, name),
        )
        self._sql.memory.due_is_known = False

    def clear_run(self, run_id: int) -> None:
        """Delete all timers of a run."""
        self._sql.run("delete from timers where run_id = ?", (run_id,))
        self._sql.memory.due_is_known = False

    def due(self, now_ms: int, limit: int) -> list[tuple[int, int | None, str, int]]:
        """Return (run_id, node, name, due_ms) of the timers that are due, longest overdue first."""
        rows = self._sql.rows(
            "select run_id, node, name, due_ms from timers where due_ms <= ? order by due_ms, id limit ?",
            (now_ms, limit),
        )
        return [(run_id, None if node == RUN else node, name, due_ms) for run_id, node, name, due_ms in rows]

    def of_run(self, run_id: int) -> list[tuple[int | None, str, int]]:
        """Return (node, name, due_ms) of the timers of a run."""
        rows = self._sql.rows("select node, name, due_ms from timers where run_id = ? order by id", (run_id,))
        return [(None if node == RUN else node, name, due_ms) for node, name, due_ms in rows]

    def next_due(self) -> int | None:
        """Return when the next timer is due, or None."""
        row = self._sql.row("select min(due_ms) from timers")
        return None if row is None else row[0]
