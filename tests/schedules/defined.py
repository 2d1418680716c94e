"""What is defined and enabled at a site, and when its schedules start, by the slow scheduler."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from jaz_lite.model.calendar import Calendar, Filter
from jaz_lite.model.schedule import Schedule
from tests.schedules.brute_force import Days
from tests.schedules.comparison import wall_of_years
from tests.schedules.ticking import DAY_S, starts

CHUNK_S = 7 * DAY_S

Change = Callable[["Defined"], None]  # made to what is defined, once the transaction is committed


def _nobody_rests(_place: str, _day: object) -> bool:
    return False


@dataclass
class Times:
    """The times of one version of a schedule, with the calendars and filters of one moment; found a week at a time."""

    schedule: Schedule
    days: Days
    zone: ZoneInfo
    _chunks: dict[int, list[int]] = field(default_factory=dict)

    def between(self, after_ms: int, until_ms: int) -> list[int]:
        """Return the instants after `after_ms` until `until_ms`, which is included, in ms."""
        found: list[int] = []
        for chunk in range(after_ms // 1000 // CHUNK_S, until_ms // 1000 // CHUNK_S + 1):
            found += self._chunk(chunk)
        return found[bisect_right(found, after_ms) : bisect_right(found, until_ms)]

    def has(self, at_ms: int) -> bool:
        """Tell whether an instant is one of them."""
        chunk = self._chunk(at_ms // 1000 // CHUNK_S)
        place = bisect_left(chunk, at_ms)
        return place < len(chunk) and chunk[place] == at_ms

    def _chunk(self, chunk: int) -> list[int]:
        if chunk not in self._chunks:
            first_s = chunk * CHUNK_S
            year = datetime.fromtimestamp(first_s, UTC).year
            wall = wall_of_years(self.zone.key, year, year)
            found = starts(self.schedule, self.days, wall, first_s - 1, first_s + CHUNK_S - 1)
            self._chunks[chunk] = sorted(at_s * 1000 for at_s in found)
        return self._chunks[chunk]


class Defined:
    """The enabled versions, changed one at a time."""

    def __init__(self, site_zone: ZoneInfo) -> None:
        self.site_zone = site_zone
        self.schedules: dict[str, Times] = {}
        self.days = Days({}, {}, _nobody_rests)
        self.jobnets: set[str] = set()

    def enable(self, definition: Calendar | Filter | Schedule) -> None:
        """A version is enabled, in the place of the one before it."""
        match definition:
            case Calendar():
                self.days = replace(self.days, calendars={**self.days.calendars, definition.calendar_id: definition})
                self._days_changed()
            case Filter():
                self.days = replace(self.days, filters={**self.days.filters, definition.filter_id: definition})
                self._days_changed()
            case Schedule():
                self.schedules[definition.schedule_id] = self._times(definition)

    def disable(self, kind: str, object_id: str) -> None:
        """No version is enabled any more."""
        if kind == "schedule":
            self.schedules.pop(object_id, None)
        elif kind == "jobnet":
            self.jobnets.discard(object_id)
        else:
            rest = {name: each for name, each in self.days.calendars.items() if name != object_id}
            self.days = replace(self.days, calendars=rest)
            self._days_changed()

    def _days_changed(self) -> None:
        self.schedules = {name: self._times(times.schedule) for name, times in self.schedules.items()}

    def _times(self, schedule: Schedule) -> Times:
        return Times(schedule, self.days, ZoneInfo(schedule.zone) if schedule.zone else self.site_zone)
