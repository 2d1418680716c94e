"""The enabled schedules as the booter goes by them: read from the store, and read again by difference.

A schedule whose own document and whose calendars and filters are still the same stays what it is.
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from jaz_lite.errors import DefinitionError
from jaz_lite.model.calendar import Calendar, Filter
from jaz_lite.model.plain import from_plain
from jaz_lite.model.run import EMPTY
from jaz_lite.model.schedule import LateStart, Schedule
from jaz_lite.schedule.public_holidays import PublicHolidays
from jaz_lite.schedule.timetable import Timetable
from jaz_lite.store.enabled_days import EnabledDays
from jaz_lite.store.transaction import Nouns

log = logging.getLogger(__name__)

Docs = tuple[tuple[str, str, int | None], ...]  # kind, id and enabled document of what a schedule goes by


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What the booter needs of one version of a schedule."""

    schedule_id: str
    doc_id: int
    docs: Docs
    timetable: Timetable | None  # None: it cannot be read
    broken: tuple[str, ...]
    owner: str = ""
    jobnets: tuple[tuple[str, Mapping[str, str]], ...] = ()  # each with the variables its START gets
    late_start: LateStart = "error"
    grace_min: int = 0


class Timetables:
    """Reads schedules, and keeps the calendars and filters that they share."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._holidays = PublicHolidays()
        self._days: dict[int, Calendar | Filter] = {}

    def read(self, nouns: Nouns, present: Mapping[str, Loaded]) -> Iterator[Loaded]:
        """Give every enabled schedule, the very one in `present` where nothing of it changed."""
        days = EnabledDays(nouns, self._days)
        for schedule_id, doc_id in nouns.definitions.enabled_docs("schedule").items():
            old = present.get(schedule_id)
            if old is not None and old.doc_id == doc_id and old.docs == _again(old.docs, days):
                yield old
            else:
                yield self._made(nouns, schedule_id, doc_id, days)

    def _made(self, nouns: Nouns, schedule_id: str, doc_id: int, days: EnabledDays) -> Loaded:
        try:
            schedule = from_plain("schedule", nouns.definitions.by_doc(doc_id).document)
            assert isinstance(schedule, Schedule), "documents of the kind schedule are schedules"
            seen = _Seen(days)
            timetable = Timetable(schedule, seen, self._zone, self._holidays)
        except Exception as error:
            # Whatever is wrong with one schedule, the others are not its hostages.
            message = error.message if isinstance(error, DefinitionError) else f"a fault of the program: {error!r}"
            log.exception("a schedule cannot be read", extra={"action": "schedule.not_read", "schedule": schedule_id})
            return Loaded(schedule_id=schedule_id, doc_id=doc_id, docs=(), timetable=None, broken=(message,))
        return Loaded(
            schedule_id=schedule_id,
            doc_id=doc_id,
            docs=tuple(sorted(seen.docs)),
            timetable=timetable,
            broken=timetable.broken,
            owner=schedule.owner,
            jobnets=tuple(
                [
                    (each.jobnet_id, {one.name: one.value for one in each.variables} or EMPTY)
                    for each in schedule.jobnets
                ]
            ),
            late_start=schedule.late_start,
            grace_min=schedule.grace_min,
        )

    def forget_unused(self, loaded: Mapping[str, Loaded]) -> None:
        """Drop calendars and filters that no schedule goes by any more."""
        used = {doc_id for each in loaded.values() for _, _, doc_id in each.docs}
        for doc_id in self._days.keys() - used:
            del self._days[doc_id]


class _Seen:
    """Calendars and filters, and which documents of them were asked for."""

    def __init__(self, days: EnabledDays) -> None:
        self._of = days
        self.docs: set[tuple[str, str, int | None]] = set()

    def calendar(self, calendar_id: str) -> Calendar | None:
        self.docs.add(("calendar", calendar_id, self._of.doc_id("calendar", calendar_id)))
        return self._of.calendar(calendar_id)

    def filter(self, filter_id: str) -> Filter | None:
        self.docs.add(("filter", filter_id, self._of.doc_id("filter", filter_id)))
        return self._of.filter(filter_id)


def _again(docs: Docs, days: EnabledDays) -> Docs:
    return tuple([(kind, object_id, days.doc_id(kind, object_id)) for kind, object_id, _ in docs])
