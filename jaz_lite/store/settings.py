"""Settings that may change while the server runs. The list is here; the table holds what differs from the defaults."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from jaz_lite.errors import NoSuchObject, UsageError
from jaz_lite.store.connection import Sql

Value = int | bool | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting as it is. Its type is that of its default; numbers are not negative."""

    name: str
    value: Value
    default: Value
    origin: Literal["default", "store"]
    meaning: str


KNOWN: Mapping[str, tuple[Value, str]] = {
    "agent_lost_after_min": (10, "an agent that was not seen for so long is alerted; 0: never"),
    "keep_journal_days": (90, "journal lines are kept so long; 0: for ever"),
    "keep_output_days": (14, "output of ended jobs is kept so long; 0: for ever"),
    "keep_runs_days": (30, "ended runs are kept so long; 0: for ever"),
    "keep_superseded_days": (365, "replaced and deleted versions are kept so long; 0: for ever"),
}

_WANTS = {int: "a whole number", bool: "true or false", str: "a text"}


class Settings:
    """All settings."""

    def __init__(self, sql: Sql) -> None:
        self._sql = sql

    def get(self, name: str) -> Value:
        """Return what a setting is now.

        Raises:
            NoSuchObject: there is no such setting.
        """
        default, _ = _known(name)
        row = self._sql.row("select value from settings where name = ?", (name,))
        found: Value = default if row is None else json.loads(row[0])
        return found

    def set(self, name: str, value: Value | None) -> None:
        """Change a setting; None goes back to its default.

        Raises:
            NoSuchObject: there is no such setting.
            UsageError: the value is of another type than the default, or negative.
        """
        default, _ = _known(name)
        if value is None:
            self._sql.run("delete from settings where name = ?", (name,))
            return
        if type(value) is not type(default):
            raise UsageError(f'setting "{name}" wants {_WANTS[type(default)]}, not {value!r}')
        if isinstance(value, int) and value < 0:
            raise UsageError(f'setting "{name}" cannot be negative')
        self._sql.run("insert or replace into settings (name, value) values (?, ?)", (name, json.dumps(value)))

    def all(self) -> list[Setting]:
        """Return every setting, sorted by name."""
        stored = {name: json.loads(value) for name, value in self._sql.rows("select name, value from settings")}
        return [
            Setting(
                name=name,
                value=stored.get(name, default),
                default=default,
                origin="store" if name in stored else "default",
                meaning=meaning,
            )
            for name, (default, meaning) in sorted(KNOWN.items())
        ]


def _known(name: str) -> tuple[Value, str]:
    found = KNOWN.get(name)
    if found is None:
        raise NoSuchObject(f'there is no setting "{name}"', hint=f"the settings are {', '.join(sorted(KNOWN))}")
    return found
