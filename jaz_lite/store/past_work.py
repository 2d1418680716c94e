"""What the past tells a forecast: which attempts are open, and how long ended ones took. Read in small pieces."""

from jaz_lite.store import names
from jaz_lite.store.connection import Sql

TEST = 3  # the number of this origin

# A test run does nothing; what was ended by a signal did not take its own time.
_TOOK = (
    "select id, key_path, ended_ms - started_ms from attempts"
    " where run_id = ? and id > ? and state = 5 and signal is null and started_ms is not null"
    " and ended_ms >= started_ms order by id limit ?"
)


class PastWork:
    """Attempts, as a forecast looks at them."""

    def __init__(self, sql: Sql) -> None:
        self._sql = sql

    def open(self) -> list[tuple[bytes, str, int | None]]:
        """Return key, agent ("" where it waits for a member of a group) and start of each attempt that may end."""
        rows = self._sql.rows(
            "select k, agent, case when state in (3, 4) then started_ms end from attempts"
            " where state not in (5, 6, 8) and state < 5"
        )
        return [(k, names.name_of(self._sql, agent), started_ms) for k, agent, started_ms in rows]

    def latest_runs(self, jobnet_id: str, limit: int) -> list[int]:
        """Return the newest runs of a jobnet that began, latest first; test runs are left out."""
        number = names.find_number(self._sql, jobnet_id)
        if number is None:
            return []
        rows = self._sql.rows(
            "select run_id from runs where jobnet = ? and purging = 0 and started_ms is not null and origin <> ?"
            " and load_status in (0, 2) order by run_id desc limit ?",
            (number, TEST, limit),
        )
        return [run_id for (run_id,) in rows]

    def took(self, run_id: int, after: int, limit: int) -> list[tuple[int, str, int]]:
        """Return number, key path and duration in milliseconds of attempts of a run that ended by themselves.

        Args:
            after: the number of the last one of the page before; 0 first.
        """
        return [(row[0], row[1], row[2]) for row in self._sql.rows(_TOOK, (run_id, after, limit))]
