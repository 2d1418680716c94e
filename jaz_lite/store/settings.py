"""Settings that may change while the server runs. The list is here; the table holds what differs from the defaults.

Every span is a whole number of minutes, as in JAZ, and its name ends in `_min`. How people write minutes, hours and
days is the business of `operations.spans`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from jaz_lite.errors import NoSuchObject, UsageError
from jaz_lite.store.connection import Sql

Value = int | bool | str

SPAN_MIN_MAX = 2**31 - 1  # JAZ's limit, about 4,000 years
LOAD_SPAN_MIN_MAX = 31 * 24 * 60
DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class Known:
    """What may be set: its default, what it means, and for a number what it may be."""

    default: Value
    meaning: str
    least: int = 0
    most: int = SPAN_MIN_MAX
    zero: str = ""  # what 0 means, where that is not simply none


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting as it is. Its type is that of its default."""

    name: str
    value: Value
    known: Known
    origin: Literal["default", "store"]


KNOWN: Mapping[str, Known] = {
    "agent_lost_after_min": Known(10, "an agent that was not seen for so long is alerted", zero="never"),
    "keep_output_min": Known(14 * DAY, "output of jobs is kept so long after their end", zero="for ever"),
    "keep_results_min": Known(
        90 * DAY, "how runs ended, and the journal, are kept so long; at least as long as runs", zero="for ever"
    ),
    "keep_runs_min": Known(
        30 * DAY, "runs are kept so long after their end, with icons, variables and attempts", zero="for ever"
    ),
    "keep_superseded_min": Known(365 * DAY, "replaced and deleted versions are kept so long", zero="for ever"),
    "load_span_min": Known(60, "starts by schedules are planned so far ahead", least=1, most=LOAD_SPAN_MIN_MAX),
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
        known = known_as(name)
        row = self._sql.row("select value from settings where name = ?", (name,))
        found: Value = known.default if row is None else json.loads(row[0])
        return found

    def minutes(self, name: str) -> int:
        """Return what a setting that is a span is now; see `get`."""
        found = self.get(name)
        assert type(found) is int, f"setting {name} is no span"
        return found

    def set(self, name: str, value: Value | None) -> None:
        """Change a setting; None goes back to its default.

        Raises:
            NoSuchObject: there is no such setting.
            UsageError: the value is of another type than the default, or out of its range.
        """
        known = known_as(name)
        self._sql.memory.settings_version += 1
        if value is None:
            self._sql.run("delete from settings where name = ?", (name,))
            return
        if type(value) is not type(known.default):
            raise UsageError(f'setting "{name}" wants {_WANTS[type(known.default)]}, not {value!r}')
        if type(value) is int and not known.least <= value <= known.most:
            raise UsageError(f'setting "{name}" may be {known.least} to {known.most}, not {value}')
        self._sql.run("insert or replace into settings (name, value) values (?, ?)", (name, json.dumps(value)))

    def all(self) -> list[Setting]:
        """Return every setting, sorted by name."""
        stored = {name: json.loads(value) for name, value in self._sql.rows("select name, value from settings")}
        return [
            Setting(
                name=name,
                value=stored.get(name, known.default),
                known=known,
                origin="store" if name in stored else "default",
            )
            for name, known in sorted(KNOWN.items())
        ]


def known_as(name: str) -> Known:
    """Return what is known of a setting.

    Raises:
        NoSuchObject: there is no such setting.
    """
    found = KNOWN.get(name)
    if found is None:
        raise NoSuchObject(f'there is no setting "{name}"', hint=f"the settings are {', '.join(sorted(KNOWN))}")
    return found
