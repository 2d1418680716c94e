"""The calendars that cron expressions need: their days as a rule.

One that is called like the schedule is made, or used again where it has just these days; where that name has other
days, one with a number behind it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from jaz_lite.errors import Refused
from jaz_lite.model.calendar import Calendar
from jaz_lite.model.names import OBJECT_ID_CHARS_MAX
from jaz_lite.model.plain import from_plain
from jaz_lite.schedule.cron import CronTimes
from jaz_lite.store.transaction import Nouns

NUMBER_MAX = 999


@dataclass(frozen=True, slots=True)
class Cron:
    """A cron expression, and what it means."""

    text: str
    times: CronTimes


class CronCalendars:
    """Finds a calendar for each expression of one change."""

    def __init__(self, nouns: Nouns, schedule_id: str, named: str) -> None:
        """Begin with none.

        Args:
            named: the calendar that somebody wants; "": one that is called like the schedule.
        """
        self._nouns = nouns
        self._schedule_id = schedule_id
        self._named = named
        self._calendars: dict[str, Calendar] = {}
        self.told: list[dict[str, Any]] = []  # what each expression became

    @property
    def definitions(self) -> list[Calendar]:
        """The calendars that are needed; those that are new have no version."""
        return list(self._calendars.values())

    def place(self, cron: Cron) -> str:
        """Return the id of the calendar with the days of an expression.

        Raises:
            Refused: the calendar that was named has other days.
        """
        for calendar_id in [self._named] if self._named else self._ids():
            known = self._calendars.get(calendar_id) or self._stored(calendar_id)
            if known is None:
                name = f"days of schedule {self._schedule_id}"
                known = Calendar(calendar_id=calendar_id, version="", name=name, rule=cron.times.rule)
            if known.rule == cron.times.rule and not known.days:
                self._calendars[calendar_id] = known
                self._tell(cron, calendar_id)
                return calendar_id
        raise Refused(
            f'calendar "{self._named or self._schedule_id}" has other days than the cron expression "{cron.text}"',
            hint="name one that is not there yet, or has these days",
        )

    def _ids(self) -> Iterator[str]:
        yield self._schedule_id
        for number in range(2, NUMBER_MAX + 1):
            yield f"{self._schedule_id[: OBJECT_ID_CHARS_MAX - 1 - len(str(number))]}-{number}"

    def _stored(self, calendar_id: str) -> Calendar | None:
        found = self._nouns.definitions.current("calendar", calendar_id)
        if found is None:
            return None
        one = from_plain("calendar", found.document)
        assert isinstance(one, Calendar)
        return one

    def _tell(self, cron: Cron, calendar_id: str) -> None:
        times = cron.times
        self.told.append(
            {
                "expression": cron.text,
                "calendar_id": calendar_id,
                "boot_times": list(times.boot_times),
                "since": times.since,
                "until": times.until,
                "every_min": times.every_min,
            }
        )
