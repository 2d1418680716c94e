"""Runs by the occurrence that names them: a schedule, one of its jobnets, and a time.

The natural key of such a run is `S:<schedule>:<jobnet>:<seconds since 1970, UTC>`. It is kept with the run, so a time
that has one is never planned again. Ids hold no colon and all times since 2001 have ten digits: their texts sort as
the times do, and a span of time is a range of the index.
"""

from jaz_lite.store.connection import Sql

SECONDS_DIGITS_MAX = 11  # until the year 5138; agents tell of occurrences, and may say anything


def occurrence(schedule_id: str, jobnet_id: str, nominal_ms: int) -> str:
    """Return the natural key of the run that a schedule starts of a jobnet at a time."""
    return f"S:{schedule_id}:{jobnet_id}:{nominal_ms // 1000}"


def nominal_ms_of(occ: str) -> int | None:
    """Return the time that a natural key names; None: it is not that of a schedule's run."""
    seconds = occ.rpartition(":")[2]
    is_time = seconds.isascii() and seconds.isdecimal() and len(seconds) <= SECONDS_DIGITS_MAX
    return int(seconds) * 1000 if occ.startswith("S:") and is_time else None


class ScheduledRuns:
    """The runs that schedules planned."""

    def __init__(self, sql: Sql) -> None:
        self._sql = sql

    def nominal_ms(self, schedule_id: str, jobnet_id: str, since_ms: int, until_ms: int) -> set[int]:
        """Return the nominal times, in whole seconds, that have a run; both ends included."""
        rows = self._sql.rows(
            "select occ from runs where occ between ? and ?",
            (occurrence(schedule_id, jobnet_id, since_ms), occurrence(schedule_id, jobnet_id, until_ms)),
        )
        return {int(occ.rpartition(":")[2]) * 1000 for (occ,) in rows}

    def run_ids(self, schedule_id: str, jobnet_id: str, since_ms: int, until_ms: int) -> list[int]:
        """Return the runs whose nominal time is in a span, both ends included, whatever became of them."""
        rows = self._sql.rows(
            "select run_id from runs where occ between ? and ?",
            (occurrence(schedule_id, jobnet_id, since_ms), occurrence(schedule_id, jobnet_id, until_ms)),
        )
        return [run_id for (run_id,) in rows]

    def waiting(self, schedule_id: str) -> tuple[int, int | None]:
        """Return how many runs of a schedule have not started yet, and the time of the first of them."""
        row = self._sql.row(
            "select count(*), min(scheduled_ms) from runs where occ >= ? and occ < ? and state = 0",
            (f"S:{schedule_id}:", f"S:{schedule_id};"),
        )
        assert row is not None, "a count always is"
        return row[0], row[1]
