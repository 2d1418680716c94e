"""iCalendar files (RFC 5545): the days on which their events are.

All-day events count with every day they last, others with the days they touch in a given zone. Recurrences (RRULE,
RDATE, EXDATE, changed and cancelled instances) are followed within a span of days. To-dos, journals and alarms do not
count. The library reads the values; the lines are walked here first, so that a fault is told with its line.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import islice
from typing import Any

from dateutil.rrule import rrulestr
from icalendar import Calendar
from icalendar.parser import Contentline

from jaz_lite.errors import DefinitionError

FILE_BYTES_MAX = 16 * 1024 * 1024
OCCURRENCES_MAX = 1_000_000  # of one event, those outside of the span too
TEXT_CHARS_SHOWN_MAX = 60
TIMES = ("DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID")
ONE_DAY = timedelta(days=1)
EVER = datetime.combine(date.min, time.min)


class BadLine(DefinitionError):
    """A file is no calendar, and this is the line that says so."""

    def __init__(self, file: str, line: int, what: str, hint: str = "") -> None:
        super().__init__(f"{file}: line {line}: {what}", hint=hint)


@dataclass(frozen=True, slots=True)
class _Lines:
    """Where an event stands in the file."""

    begin: int
    properties: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Event:
    """The times of one event. They are wall times of `zone`, without it: recurrences follow the clock on the wall."""

    uid: str
    first: datetime
    lasts: timedelta
    zone: tzinfo
    all_day: bool
    rules: Sequence[Iterable[datetime]]
    further: Sequence[datetime]
    without: frozenset[datetime]
    without_days: frozenset[date]
    instead_of: datetime | None  # it is a changed instance of another event: when that one would have been
    cancelled: bool


def read_ical_file(data: bytes, *, zone: tzinfo, first: date, last: date, file: str) -> list[date]:
    """Return the days from `first` to `last`, both included, on which the events of a file are; sorted, no repeats.

    Args:
        zone: whose days events with a time of day count with; also the zone of times that name none.
        file: what it is called, for sentences.

    Raises:
        DefinitionError: it is no iCalendar file, or an event of it cannot be understood; with the line.
    """
    if len(data) > FILE_BYTES_MAX:
        raise DefinitionError(f"{file} has {len(data)} bytes; at most {FILE_BYTES_MAX} are read")
    text = data.decode("utf-8", "backslashreplace").removeprefix("\ufeff")
    places = _walked(text, file)
    try:
        calendars = Calendar.from_ical(text, multiple=True)
    except (ValueError, KeyError, IndexError, AttributeError) as fault:
        raise DefinitionError(f"{file} cannot be read as a calendar: {_one_line(fault)}") from None
    found = [component for calendar in calendars for component in calendar.walk("VEVENT")]
    assert len(found) == len(places), "the library sees the events that stand in the file"
    until = datetime.combine(last, time.max) + ONE_DAY  # a zone may be a day ahead
    events = [_event(one, where, zone, until, file) for one, where in zip(found, places, strict=True)]
    changed: dict[str, set[datetime]] = {}
    for event in events:
        if event.instead_of is not None:
            changed.setdefault(event.uid, set()).add(event.instead_of)
    days: set[date] = set()
    for event, where in zip(events, places, strict=True):
        if not event.cancelled:
            others = changed.get(event.uid, set()) if event.instead_of is None else set()
            days.update(_days(event, others, zone, first, last, file, where))
    return sorted(days)


# ---- the lines


def _walked(text: str, file: str) -> list[_Lines]:
    """Return where each event stands, in order.

    Raises:
        BadLine: a line is none of the format, or what begins does not end.
    """
    open_parts: list[tuple[str, int]] = []
    events: list[_Lines] = []
    number = 0
    for number, line in _unfolded(text):
        try:
            name, _, value = Contentline(line).parts()  # type: ignore[no-untyped-call]  # its __new__ has no types
        except ValueError:
            if open_parts:
                raise BadLine(file, number, f'"{_cut(line)}" is no line of a calendar') from None
            name, value = "", ""
        name, value = name.upper(), str(value).strip().upper()
        if not open_parts and (name, value) != ("BEGIN", "VCALENDAR"):
            raise BadLine(file, number, "a calendar begins with BEGIN:VCALENDAR", "is this an iCalendar (.ics) file?")
        if name == "BEGIN":
            open_parts.append((value, number))
            if value == "VEVENT":
                events.append(_Lines(number))
        elif name == "END":
            begun, since = open_parts.pop()
            if begun != value:
                raise BadLine(file, number, f"END:{_cut(value)}, but line {since} began {begun}")
        elif open_parts[-1][0] == "VEVENT":
            events[-1].properties.setdefault(name, number)
    if open_parts:
        begun, since = open_parts[-1]
        raise BadLine(file, number, f"the file ends, but the {begun} of line {since} does not", "is it cut off?")
    if not number:
        raise DefinitionError(f"{file} is empty")
    return events


def _unfolded(text: str) -> Iterator[tuple[int, str]]:
    """Give the logical lines with the number of their first line; empty ones are passed over."""
    begun, gathered = 0, ""
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        if line[:1] in (" ", "\t") and gathered:
            gathered += line[1:]
            continue
        if gathered:
            yield begun, gathered
        begun, gathered = number, line
    if gathered:
        yield begun, gathered


def _cut(text: str) -> str:
    return text if len(text) <= TEXT_CHARS_SHOWN_MAX else text[:TEXT_CHARS_SHOWN_MAX] + "…"


def _one_line(fault: BaseException) -> str:
    return _cut(" ".join(str(fault).split()))


# ---- the events


class _Reader:
    """The properties of one event, and how to say that one of them is wrong."""

    def __init__(self, component: Any, where: _Lines, file: str) -> None:
        self._component = component
        self._where = where
        self._file = file

    def wrong(self, name: str, what: str, hint: str = "") -> BadLine:
        return BadLine(self._file, self._where.properties.get(name, self._where.begin), what, hint)

    def every(self, name: str) -> list[Any]:
        """Return the values of a property, which may be there several times."""
        value = self._component.get(name)
        return [] if value is None else list(value) if isinstance(value, list) else [value]

    def one(self, name: str) -> Any:
        values = self.every(name)
        if len(values) > 1:
            raise self.wrong(name, f"the event has {len(values)} {name}", "leave one")
        return values[0] if values else None

    def text(self, name: str) -> str:
        return str(self._component.get(name, ""))

    def check(self) -> None:
        for name, fault in self._component.errors:
            if name in TIMES:
                raise self.wrong(name, f"{name} cannot be understood: {_one_line(ValueError(fault))}")

    def moment(self, name: str, value: Any, zone: tzinfo) -> date | datetime:
        """Return a date, or a time with its zone."""
        moment = value.dt
        if isinstance(moment, datetime) and moment.tzinfo is None:
            named = value.params.get("TZID")
            if named:
                raise self.wrong(name, f'there is no time zone "{_cut(str(named))}"', "name one, or describe it there")
            return moment.replace(tzinfo=zone)
        if not isinstance(moment, date):
            raise self.wrong(name, f"{name} is no date")
        return moment


def _event(component: Any, where: _Lines, site_zone: tzinfo, until: datetime, file: str) -> _Event:
    reader = _Reader(component, where, file)
    reader.check()
    start = reader.one("DTSTART")
    if start is None:
        raise BadLine(file, where.begin, "the event has no DTSTART")
    begins = reader.moment("DTSTART", start, site_zone)
    all_day = not isinstance(begins, datetime)
    zone = begins.tzinfo if isinstance(begins, datetime) and begins.tzinfo is not None else site_zone

    def wall(moment: date | datetime) -> datetime:
        if not isinstance(moment, datetime):
            return datetime.combine(moment, time.min)
        return moment.astimezone(zone).replace(tzinfo=None) if moment.tzinfo else moment

    without = [
        reader.moment("EXDATE", each, zone) for listed in reader.every("EXDATE") for each in getattr(listed, "dts", ())
    ]
    instead_of = reader.one("RECURRENCE-ID")
    return _Event(
        uid=reader.text("UID"),
        first=wall(begins),
        lasts=_lasts(reader, begins, site_zone),
        zone=zone,
        all_day=all_day,
        rules=[_rule(reader, recur, wall(begins), zone, until) for recur in reader.every("RRULE")],
        further=[
            wall(moment)
            for listed in reader.every("RDATE")
            for moment in _further(reader, getattr(listed, "dts", ()), zone)
        ],
        without=frozenset(wall(moment) for moment in without),
        without_days=frozenset(moment for moment in without if not isinstance(moment, datetime)),
        instead_of=None if instead_of is None else wall(reader.moment("RECURRENCE-ID", instead_of, zone)),
        cancelled=reader.text("STATUS").strip().upper() == "CANCELLED",
    )


def _further(reader: _Reader, listed: Sequence[Any], zone: tzinfo) -> Iterator[date | datetime]:
    for value in listed:
        if isinstance(value.dt, tuple):  # a period: where it begins
            begins = value.dt[0]
            yield begins if begins.tzinfo else begins.replace(tzinfo=zone)
        else:
            yield reader.moment("RDATE", value, zone)


def _lasts(reader: _Reader, begins: date | datetime, zone: tzinfo) -> timedelta:
    """Return how long an event lasts; at least a day where it is one of whole days."""
    least = timedelta(0) if isinstance(begins, datetime) else ONE_DAY
    ends, duration = reader.one("DTEND"), reader.one("DURATION")
    if ends is not None:
        until = reader.moment("DTEND", ends, zone)
        if isinstance(until, datetime) != isinstance(begins, datetime):
            raise reader.wrong("DTEND", "DTSTART and DTEND must both be days or both be times")
        return max(until - begins, least)
    if duration is not None:
        if not isinstance(duration.dt, timedelta):
            raise reader.wrong("DURATION", "DURATION is no length of time")
        return max(duration.dt, least)
    return least


def _rule(reader: _Reader, recur: Any, begins: datetime, zone: tzinfo, until: datetime) -> Iterable[datetime]:
    """Return a recurrence that ends, given as an iterable of wall times."""
    parts = dict(recur)
    frequency = str((parts.get("FREQ") or [""])[0])
    if frequency not in ("DAILY", "WEEKLY", "MONTHLY", "YEARLY"):
        raise reader.wrong("RRULE", f"an event that repeats {frequency or 'somehow'} is more than days", "use DAILY")
    for name in ("INTERVAL", "COUNT"):
        if any(int(number) < 1 for number in parts.get(name, ())):
            raise reader.wrong("RRULE", f"{name} is less than 1")
    ends = parts.pop("UNTIL", None)
    if ends:
        until = min(until, _last_moment(ends[0], zone))
    count = parts.pop("COUNT", None)
    # The end is always set, so that a rule that never comes true is not looked for until the year 9999.
    try:
        text = type(recur)(parts).to_ical().decode()
        rule: Iterable[datetime] = rrulestr(text, dtstart=begins).replace(until=until)
    except (ValueError, KeyError, TypeError, OverflowError) as fault:
        raise reader.wrong("RRULE", f"RRULE cannot be understood: {_one_line(fault)}") from None
    return islice(rule, int(count[0])) if count else rule


def _last_moment(ends: date | datetime, zone: tzinfo) -> datetime:
    if not isinstance(ends, datetime):
        return datetime.combine(ends, time.max)
    return ends.astimezone(zone).replace(tzinfo=None) if ends.tzinfo else ends


def _days(
    event: _Event, changed: set[datetime], zone: tzinfo, first: date, last: date, file: str, where: _Lines
) -> Iterator[date]:
    """Give the days of an event within the span."""
    begins = {event.first, *event.further}
    # What is over before the span is passed over; a zone may be a day ahead.
    start, reach = datetime.combine(first, time.min), event.lasts + 2 * ONE_DAY
    since = start - reach if start - EVER > reach else EVER
    for rule in event.rules:
        for count, begin in enumerate(rule):
            if count >= OCCURRENCES_MAX:
                raise BadLine(file, where.begin, f"the event repeats more than {OCCURRENCES_MAX} times")
            if begin >= since:
                begins.add(begin)
    for begin in begins - event.without - changed:
        if begin.date() in event.without_days:
            continue
        day, until = _first_and_last(event, begin, zone)
        day = max(day, first)
        while day <= min(until, last):
            yield day
            day += ONE_DAY


def _first_and_last(event: _Event, begin: datetime, zone: tzinfo) -> tuple[date, date]:
    """Return the first and the last day of an occurrence, in the zone that is asked for."""
    try:
        if event.all_day:
            return begin.date(), (begin + event.lasts - ONE_DAY).date()
        # A length of time is one of instants: an hour stays an hour when the clocks change.
        instant = begin.replace(tzinfo=event.zone).astimezone(UTC)
        ends = max(instant + event.lasts - timedelta(microseconds=1), instant)
        return instant.astimezone(zone).date(), ends.astimezone(zone).date()
    except OverflowError:
        return begin.date(), date.max
