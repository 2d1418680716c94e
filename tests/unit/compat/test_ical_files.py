"""iCalendar files: the days of events, repeats within a span, and what is said of broken files."""

from datetime import date
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaz_lite.compat.ical_file import read_ical_file
from jaz_lite.errors import DefinitionError

TOKYO = ZoneInfo("Asia/Tokyo")


def event(*lines: str, uid: str = "1") -> list[str]:
    return ["BEGIN:VEVENT", f"UID:{uid}", *lines, "END:VEVENT"]


def in_file(*parts: list[str]) -> bytes:
    lines = [line for part in parts for line in part]
    return "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", *lines, "END:VCALENDAR", ""]).encode()


def days(data: bytes, first: str = "2027-01-01", last: str = "2027-12-31", zone: ZoneInfo = TOKYO) -> list[str]:
    span = date.fromisoformat(first), date.fromisoformat(last)
    return [day.isoformat() for day in read_ical_file(data, zone=zone, first=span[0], last=span[1], file="x.ics")]


CASES = {
    "one day": (["DTSTART;VALUE=DATE:20270503"], ["2027-05-03"]),
    "several days, the end not included": (
        ["DTSTART;VALUE=DATE:20270503", "DTEND;VALUE=DATE:20270506"],
        ["2027-05-03", "2027-05-04", "2027-05-05"],
    ),
    "days by duration": (["DTSTART;VALUE=DATE:20270503", "DURATION:P2D"], ["2027-05-03", "2027-05-04"]),
    "an end that is no later": (["DTSTART;VALUE=DATE:20270503", "DTEND;VALUE=DATE:20270503"], ["2027-05-03"]),
    # 20:00 in Berlin in January is 04:00 of the next day in Tokyo.
    "a time counts with its day in the zone": (["DTSTART;TZID=Europe/Berlin:20270104T200000"], ["2027-01-05"]),
    "a time without zone is the site's": (["DTSTART:20270104T200000"], ["2027-01-04"]),
    "a time in UTC": (["DTSTART:20270104T150000Z"], ["2027-01-05"]),
    "an event over midnight has two days": (
        ["DTSTART:20270104T220000", "DTEND:20270105T020000"],
        ["2027-01-04", "2027-01-05"],
    ),
    "an event until midnight has one": (["DTSTART:20270104T220000", "DTEND:20270105T000000"], ["2027-01-04"]),
    "every month, some left out": (
        ["DTSTART;VALUE=DATE:20261101", "RRULE:FREQ=MONTHLY;UNTIL=20270401", "EXDATE;VALUE=DATE:20270201,20270301"],
        ["2027-01-01", "2027-04-01"],
    ),
    "so many times": (["DTSTART;VALUE=DATE:20270101", "RRULE:FREQ=DAILY;COUNT=2"], ["2027-01-01", "2027-01-02"]),
    "the count begins before the span": (["DTSTART;VALUE=DATE:20261231", "RRULE:FREQ=DAILY;COUNT=2"], ["2027-01-01"]),
    "the last weekday of a quarter": (
        ["DTSTART;VALUE=DATE:20261231", "RRULE:FREQ=MONTHLY;BYMONTH=3,6,9,12;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1"],
        ["2027-03-31", "2027-06-30", "2027-09-30", "2027-12-31"],
    ),
    "further days": (
        ["DTSTART;VALUE=DATE:20270101", "RDATE;VALUE=DATE:20270203,20270305"],
        ["2027-01-01", "2027-02-03", "2027-03-05"],
    ),
    "an end of the repeats in UTC": (
        # 23:00 UTC on the third is 08:00 on the fourth, when the last one begins.
        ["DTSTART;TZID=Asia/Tokyo:20270102T080000", "RRULE:FREQ=DAILY;UNTIL=20270103T230000Z"],
        ["2027-01-02", "2027-01-03", "2027-01-04"],
    ),
    "a rule that never comes true": (["DTSTART;VALUE=DATE:20270105", "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"],
                                     ["2027-01-05"]),
    "what is cancelled": (["DTSTART;VALUE=DATE:20270105", "STATUS:CANCELLED"], []),
    "outside of the span": (["DTSTART;VALUE=DATE:20260105"], []),
    "long before, and still going on": (
        ["DTSTART;VALUE=DATE:20261225", "DTEND;VALUE=DATE:20270103"],
        ["2027-01-01", "2027-01-02"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("lines", "expected"), CASES.values(), ids=CASES.keys())
def test_the_days_of_an_event(lines: list[str], expected: list[str]) -> None:
    assert days(in_file(event(*lines))) == expected


def test_an_event_that_never_ends_has_every_day_of_the_span() -> None:
    data = in_file(event("DTSTART;VALUE=DATE:19000101", "DTEND;VALUE=DATE:99991231", "RRULE:FREQ=YEARLY"))

    assert len(days(data)) == 365


def test_a_changed_instance_takes_the_place_of_the_one_it_was() -> None:
    data = in_file(
        event("DTSTART;VALUE=DATE:20270101", "RRULE:FREQ=MONTHLY;COUNT=3"),
        event("RECURRENCE-ID;VALUE=DATE:20270201", "DTSTART;VALUE=DATE:20270210"),
        event("RECURRENCE-ID;VALUE=DATE:20270301", "DTSTART;VALUE=DATE:20270301", "STATUS:CANCELLED"),
    )

    assert days(data) == ["2027-01-01", "2027-02-10"]


def test_an_hour_of_every_day_stays_on_its_days_when_the_clocks_change() -> None:
    # New York changes on 2027-03-14; 22:00 there is the next day in Tokyo on both sides.
    data = in_file(event("DTSTART;TZID=America/New_York:20270313T220000", "RRULE:FREQ=DAILY;COUNT=3"))

    assert days(data) == ["2027-03-14", "2027-03-15", "2027-03-16"]
    assert days(data, zone=ZoneInfo("America/New_York")) == ["2027-03-13", "2027-03-14", "2027-03-15"]


def test_a_zone_that_the_file_describes_itself_is_known() -> None:
    zone = [
        "BEGIN:VTIMEZONE", "TZID:Home", "BEGIN:STANDARD", "DTSTART:19700101T000000", "TZOFFSETFROM:+0900",
        "TZOFFSETTO:+0900", "END:STANDARD", "END:VTIMEZONE",
    ]  # fmt: skip

    assert days(in_file(zone, event("DTSTART;TZID=Home:20270105T000000"))) == ["2027-01-05"]


def test_todos_and_alarms_do_not_count() -> None:
    todo = ["BEGIN:VTODO", "UID:2", "DTSTART;VALUE=DATE:20270109", "END:VTODO"]
    alarm = ["BEGIN:VALARM", "TRIGGER:-PT15M", "ACTION:DISPLAY", "DTSTART:20270111", "END:VALARM"]

    assert days(in_file(todo, event("DTSTART;VALUE=DATE:20270105", *alarm))) == ["2027-01-05"]


BROKEN = {
    "nothing": (b"", "x.ics is empty"),
    "something else": (b"<html>\n", "x.ics: line 1: a calendar begins with BEGIN:VCALENDAR"),
    "a date file": (b"2027-01-01\n", "x.ics: line 1: a calendar begins"),
    "cut off": (b"BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20270101\n", "line 3: the file ends, but the VEVENT of line 2"),
    "crossed": (b"BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VCALENDAR\n", "line 3: END:VCALENDAR, but line 2 began VEVENT"),
    "no line": (in_file(event("so what")), 'line 5: "so what" is no line of a calendar'),
    "no such day": (in_file(event("SUMMARY:a", "  folded", "DTSTART;VALUE=DATE:20270230")), "line 7: DTSTART cannot be"),
    "no time": (in_file(event("DTSTART:soon")), "line 5: DTSTART cannot be understood"),
    "no start": (in_file(event("SUMMARY:a")), "line 3: the event has no DTSTART"),
    "two starts": (in_file(event("DTSTART:20270101", "DTSTART:20270102")), "line 5: the event has 2 DTSTART"),
    "no such zone": (in_file(event("DTSTART;TZID=Mars/Base:20270101T000000")), 'line 5: there is no time zone "Mars/Base"'),
    "no such repeat": (in_file(event("DTSTART:20270101", "RRULE:FREQ=OFTEN")), "line 6: RRULE cannot be understood"),
    "hourly": (in_file(event("DTSTART:20270101T000000", "RRULE:FREQ=HOURLY")), "line 6: an event that repeats HOURLY"),
    "never on": (in_file(event("DTSTART:20270101", "RRULE:FREQ=DAILY;INTERVAL=0")), "line 6: INTERVAL is less than 1"),
    "a bad exception": (in_file(event("DTSTART:20270101", "EXDATE:never")), "line 6: EXDATE cannot be understood"),
    "a day and a time": (
        in_file(event("DTSTART;VALUE=DATE:20270101", "DTEND:20270101T120000")), "line 6: DTSTART and DTEND must both",
    ),
    "the second event": (
        in_file(event("DTSTART:20270101"), event("DTSTART:x", uid="2")), "line 9: DTSTART cannot be understood",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("data", "told"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_file_is_told_in_one_sentence_with_the_line(data: bytes, told: str) -> None:
    with pytest.raises(DefinitionError) as error:
        days(data)

    assert told in error.value.message
    assert "\n" not in error.value.message
    assert len(error.value.message) < 250


LINES = (
    "BEGIN:VCALENDAR", "END:VCALENDAR", "BEGIN:VEVENT", "END:VEVENT", "DTSTART;VALUE=DATE:20270101", "DTSTART:x",
    "RRULE:FREQ=DAILY", "RRULE:FREQ=YEARLY;COUNT=0", "RRULE:", "EXDATE:20270101", "DTEND:20270109", " folded", "", "X",
    ";:=", "DTSTART;TZID=:20270101T000000", "RDATE;VALUE=PERIOD:20270101/P1D", "DURATION:-P1D", "BEGIN:", "END:",
    "RECURRENCE-ID:20270101", "DTSTART;VALUE=DATE:19700101", "DTEND;VALUE=DATE:99991231",
)  # fmt: skip


@given(lines=st.lists(st.sampled_from(LINES), max_size=12), framed=st.booleans())
def test_any_lines_give_days_or_a_sentence(lines: list[str], framed: bool) -> None:
    data = in_file(event(*lines)) if framed else "\n".join(lines).encode()
    said, found = "", []
    try:
        found = days(data)
    except DefinitionError as error:
        said = error.message

    assert "\n" not in said
    assert found == sorted(set(found))
