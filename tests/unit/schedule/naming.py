"""Words for the tests of schedules: calendars, filters, zones and instants, as short as one says them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from jaz_lite.errors import DefinitionError
from jaz_lite.model.calendar import Calendar, CalendarRule, Filter
from jaz_lite.model.schedule import BootTime, Cycle, Schedule
from jaz_lite.schedule.timetable import Start, Timetable

UTC_ZONE = ZoneInfo("UTC")
BERLIN = ZoneInfo("Europe/Berlin")

EVERY_DAY = CalendarRule(weekdays=("mon", "tue", "wed", "thu", "fri", "sat", "sun"))
WORKDAYS = CalendarRule(weekdays=("mon", "tue", "wed", "thu", "fri"))


@dataclass(frozen=True, eq=False)
class SomeHolidays:
    """Public holidays as a test names them: {"XX": ["2024-01-01"]}."""

    days: Mapping[str, Collection[str]] = field(default_factory=dict)

    def of(self, place: str, year: int) -> Collection[date]:
        if place not in self.days:
            raise DefinitionError(f'no public holidays are known of "{place}"')
        return [date.fromisoformat(day) for day in self.days[place] if day.startswith(str(year))]


NO_HOLIDAYS = SomeHolidays()


@dataclass
class Objects:
    """The enabled calendars and filters of a site."""

    calendars: Mapping[str, Calendar] = field(default_factory=dict)
    filters: Mapping[str, Filter] = field(default_factory=dict)

    def calendar(self, calendar_id: str) -> Calendar | None:
        return self.calendars.get(calendar_id)

    def filter(self, filter_id: str) -> Filter | None:
        return self.filters.get(filter_id)


def calendar(*days: str, rule: CalendarRule | None = None, calendar_id: str = "CAL") -> Calendar:
    """Make a calendar."""
    return Calendar(calendar_id=calendar_id, version="20240101000000", days=tuple(sorted(days)), rule=rule)


def schedule(*times: str, cycles: tuple[Cycle, ...] = (), **others) -> Schedule:
    """Make a schedule of boot times on the calendar CAL."""
    boot_times = tuple(BootTime(days_id="CAL", at=at) for at in times)
    return Schedule(schedule_id="S", version="20240101000000", boot_times=boot_times, cycles=cycles, **others)


def timetable(definition: Schedule, cal: Calendar, zone: ZoneInfo = UTC_ZONE, holidays=NO_HOLIDAYS) -> Timetable:
    """Compile a schedule on one calendar."""
    return Timetable(definition, Objects({cal.calendar_id: cal}), zone, holidays)


def ms(text: str, zone: ZoneInfo = UTC_ZONE) -> int:
    """Return the instant of an ISO time: in `zone` (its first occurrence), or with an offset of its own."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    return round(moment.timestamp() * 1000)


def said(starts: list[Start], zone: ZoneInfo = UTC_ZONE) -> list[str]:
    """Return when starts are, in words of a zone: 2024-03-31 03:00+02:00."""
    return [at(start.at_ms, zone) for start in starts]


def at(at_ms: int, zone: ZoneInfo = UTC_ZONE) -> str:
    """Return an instant in words of a zone."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone).isoformat(" ", "minutes").removesuffix("+00:00")
