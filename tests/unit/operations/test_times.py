"""Times as people write and read them."""

from zoneinfo import ZoneInfo

import pytest

from jaz_lite.errors import UsageError
from jaz_lite.operations.times import read_ms, read_start_ms, shown
from tests.unit.operations.small_site import NOW_MS, ZONE

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
MIDNIGHT_MS = NOW_MS - (3 * 3600 + 12 * 60 + 9) * 1000


@pytest.mark.parametrize(
    ("text", "end", "expected"),
    [
        ("now", False, NOW_MS),
        ("2h", False, NOW_MS - 2 * HOUR_MS),
        ("today", False, MIDNIGHT_MS),
        ("today", True, MIDNIGHT_MS + DAY_MS),
        ("2026-11-23", False, MIDNIGHT_MS),
        ("2026-11-23", True, MIDNIGHT_MS + DAY_MS),
        ("2026-11-23 03:12", False, NOW_MS - 9_000),
        ("2026-11-23T03:12:09", False, NOW_MS),
        ("2026-11-22T18:12:09Z", False, NOW_MS),
        ("2026-11-23T03:12:09+09:00", True, NOW_MS),
    ],
)
def test_a_time_is_read_in_the_zone_of_the_site(text: str, end: bool, expected: int) -> None:
    assert read_ms(text, zone=ZONE, now_ms=NOW_MS, end=end) == expected


@pytest.mark.parametrize("text", ["", "soon", "2026-13-01", "2026-11-23 25:00", "9999999h", "12", "2026-02-30"])
def test_what_is_no_time_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError, match="is not a time"):
        read_ms(text, zone=ZONE, now_ms=NOW_MS)


def test_a_day_of_a_clock_change_ends_at_midnight_all_the_same() -> None:
    berlin = ZoneInfo("Europe/Berlin")

    begin = read_ms("2026-10-25", zone=berlin, now_ms=NOW_MS)
    end = read_ms("2026-10-25", zone=berlin, now_ms=NOW_MS, end=True)

    assert end - begin == 25 * HOUR_MS


def test_times_are_shown_with_offset_to_the_millisecond() -> None:
    assert shown(NOW_MS + 7, ZONE) == "2026-11-23T03:12:09.007+09:00"
    assert shown(None, ZONE) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("+10m", NOW_MS + 600_000),
        ("+ 2h", NOW_MS + 2 * HOUR_MS),
        ("03:12", MIDNIGHT_MS + DAY_MS + (3 * 60 + 12) * 60_000),  # 03:12 is over by nine seconds
        ("03:13", MIDNIGHT_MS + (3 * 60 + 13) * 60_000),
        ("9:05", MIDNIGHT_MS + (9 * 60 + 5) * 60_000),
        ("2026-11-24", MIDNIGHT_MS + DAY_MS),
        ("2026-11-23 03:12:10", NOW_MS + 1_000),
        ("2026-11-22T18:12:10Z", NOW_MS + 1_000),
    ],
)
def test_a_start_may_be_asked_for_by_its_clock_time_or_how_far_ahead_it_is(text: str, expected: int) -> None:
    assert read_start_ms(text, zone=ZONE, now_ms=NOW_MS) == expected


@pytest.mark.parametrize("text", ["now", "2h", "today", "2026-11-23 03:12:09", "+0m"])
def test_a_start_lies_in_the_future(text: str) -> None:
    with pytest.raises(UsageError, match="is not in the future"):
        read_start_ms(text, zone=ZONE, now_ms=NOW_MS)


@pytest.mark.parametrize("text", ["+999999w", "9999-12-31 23:59", "9999-12-31T23:59:59-12:00"])
def test_a_start_lies_in_a_year_that_every_zone_can_show(text: str) -> None:
    with pytest.raises(UsageError, match="is later than the year 9998"):
        read_start_ms(text, zone=ZONE, now_ms=NOW_MS)


@pytest.mark.parametrize("text", ["", "soon", "24:00", "12:60", "+10", "+m", "-5m", "12"])
def test_what_is_no_time_to_start_at_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError, match="is not a time"):
        read_start_ms(text, zone=ZONE, now_ms=NOW_MS)


def test_a_start_in_an_hour_that_the_clocks_skip_or_repeat_is_the_first_instant() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    before_gap = read_ms("2026-03-29 01:00", zone=berlin, now_ms=NOW_MS)
    before_repeat = read_ms("2026-10-25 01:00", zone=berlin, now_ms=NOW_MS)

    # 02:00 becomes 03:00 at 01:00 UTC; 03:00 becomes 02:00 at 01:00 UTC.
    for text in ("02:30", "2026-03-29 02:30", "2026-03-29 02:59:59"):
        assert shown(read_start_ms(text, zone=berlin, now_ms=before_gap), berlin) == "2026-03-29T03:00:00.000+02:00"
    assert shown(read_start_ms("02:30", zone=berlin, now_ms=before_repeat), berlin) == "2026-10-25T02:30:00.000+02:00"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("999999w", "is earlier than the year 2"), ("0001-01-01", "is earlier"), ("9999-12-31", "is later")],
)
def test_a_time_can_be_shown_in_every_zone(text: str, sentence: str) -> None:
    for zone in (ZONE, ZoneInfo("America/Los_Angeles")):
        for read in (read_ms, read_start_ms):
            with pytest.raises(UsageError, match=sentence):
                read(text, zone=zone, now_ms=NOW_MS)


def test_what_is_no_start_is_told_with_the_forms_of_starts() -> None:
    with pytest.raises(UsageError, match="not a time at which something could start") as error:
        read_start_ms("later", zone=ZONE, now_ms=NOW_MS)

    assert "+10m" in error.value.hint
    assert "2h" not in error.value.hint
