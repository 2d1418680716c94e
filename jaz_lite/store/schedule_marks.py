"""Marks: how far the times of schedules have been decided.

Every time of a schedule up to its mark has a run, or a record that says why it has none; so have the times of all
schedules up to the mark of the site. No mark is ever in the future: a time that was planned ahead is known by its run.
"""

from jaz_lite.store.connection import Sql


class ScheduleMarks:
    """The marks of the enabled schedules, and that of the site."""

    def __init__(self, sql: Sql) -> None:
        self._sql = sql

    def all(self) -> dict[str, int]:
        """Return the mark of each schedule that has one."""
        return dict(self._sql.rows("select schedule_id, decided_ms from schedule_marks"))

    def begin(self, schedule_id: str, at_ms: int) -> None:
        """A schedule is enabled: times from now on count. One that was enabled before keeps its mark."""
        self._sql.run(
            "insert into schedule_marks (schedule_id, decided_ms) values (?, ?) on conflict do nothing",
            (schedule_id, at_ms),
        )

    def move(self, schedule_id: str, decided_ms: int) -> None:
        """All times of a schedule up to this one are decided."""
        self._sql.run(
            "insert into schedule_marks (schedule_id, decided_ms) values (?, ?)"
            " on conflict (schedule_id) do update set decided_ms = excluded.decided_ms",
            (schedule_id, decided_ms),
        )

    def forget(self, schedule_id: str) -> None:
        """A schedule is no longer enabled."""
        self._sql.run("delete from schedule_marks where schedule_id = ?", (schedule_id,))

    def site_ms(self) -> int | None:
        """Return the mark of the site; None: no schedule was ever looked at."""
        row = self._sql.row("select schedules_decided_ms from site")
        return None if row is None else row[0]

    def move_site(self, decided_ms: int) -> None:
        """All times of all schedules up to this one are decided."""
        self._sql.run("update site set schedules_decided_ms = ?", (decided_ms,))

    def set_back(self, now_ms: int) -> None:
        """The clock was set back: no mark may be later than it."""
        self._sql.run("update schedule_marks set decided_ms = ?1 where decided_ms > ?1", (now_ms,))
        self._sql.run("update site set schedules_decided_ms = ?1 where schedules_decided_ms > ?1", (now_ms,))
