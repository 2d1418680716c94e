"""The newest copy that was taken of this directory: its age is what a takeover from it would lose."""

from dataclasses import dataclass

from jaz_lite.store.connection import Sql


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """A copy that was made."""

    taken_ms: int  # it holds what was committed then
    place: str  # the folder, absolute


class LastCopy:
    """The row that names it."""

    def __init__(self, sql: Sql) -> None:
        self._sql = sql

    def find(self) -> Copied | None:
        """Return the newest copy; None: none was ever taken."""
        row = self._sql.row("select taken_ms, place from last_copy")
        return None if row is None else Copied(taken_ms=row[0], place=row[1])

    def put(self, copied: Copied) -> None:
        """Note a copy that was just made."""
        self._sql.run(
            "insert or replace into last_copy (id, taken_ms, place) values (1, ?, ?)", (copied.taken_ms, copied.place)
        )
