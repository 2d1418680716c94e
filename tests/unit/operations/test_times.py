"""Times as people write and read them."""

from zoneinfo import ZoneInfo

import pytest

from jaz_lite.errors import UsageError
from jaz_lite.operations.times import read_ms, shown
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
