"""Doubt about the wall clock: one that jumped far ahead must not make retention remove everything.

A clock that is suddenly more than a day ahead of the time that has passed is doubted for a day. Whoever set it wrongly
finds out within that day; where it was right (the server was down, the machine slept), what is old goes a day later.
Doubt outlives the server, and ends when the clock is set back.
"""

from jaz_lite.model.fact import Fact
from jaz_lite.store.connection import Sql
from jaz_lite.store.journal import Journal

JUMP_MS = 86_400_000
DOUBT_MS = 86_400_000
HOUR_MS = 3_600_000  # a clock that is set back by less was not wrong by a day
NAME = "clock_doubted_ms"
SEEN = "clock_seen_ms"


class ClockDoubt:
    """Whether retention may believe the wall clock."""

    def __init__(self, sql: Sql) -> None:
        self._sql = sql

    def look(self, now_ms: int, expected_ms: int | None) -> None:
        """Compare the clock with what it should say: begin a doubt, and tell it in the journal, or end one.

        Args:
            expected_ms: the time when it was last looked at, and what has passed since as far as is known; None: it
                never was.
        """
        since = self.since_ms()
        if expected_ms is not None and now_ms - expected_ms > JUMP_MS:
            self._sql.run("insert or replace into counters (name, value) values (?, ?)", (NAME, now_ms))
            data = {"clock_ahead_hours": (now_ms - expected_ms) // HOUR_MS}
            Journal(self._sql).add(now_ms, None, "", Fact(kind="retention_waits", severity="warning", data=data))
        elif since is not None and not since - HOUR_MS <= now_ms < since + DOUBT_MS:
            self.believe()

    def since_ms(self) -> int | None:
        """Return since when the clock is doubted, or None."""
        row = self._sql.row("select value from counters where name = ?", (NAME,))
        return None if row is None else int(row[0])

    def until_ms(self) -> int | None:
        """Return until when the clock is doubted, unless it is set back before; None: it is believed."""
        since = self.since_ms()
        return None if since is None else since + DOUBT_MS

    def look_without_server(self, now_ms: int, last_tick_ms: int | None) -> None:
        """Compare the clock with when it was last believed; nothing but that tells how much time has passed.

        Args:
            last_tick_ms: when a server was last alive.
        """
        row = self._sql.row("select value from counters where name = ?", (SEEN,))
        believed_ms = None if row is None else int(row[0])
        seen_ms = max((each for each in (last_tick_ms, believed_ms) if each is not None), default=None)
        self.look(now_ms, seen_ms if self.since_ms() is None else None)

    def saw(self, now_ms: int) -> None:
        """The clock was believed at this time, without a server."""
        self._sql.run("insert or replace into counters (name, value) values (?, ?)", (SEEN, now_ms))

    def believe(self) -> None:
        """End the doubt."""
        self._sql.run("delete from counters where name = ?", (NAME,))
