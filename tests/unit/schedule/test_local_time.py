"""From wall times to instants, in zones with odd rules."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, _zoneinfo, available_timezones

import pytest

from jaz_lite.schedule.local_time import DAY_MIN, FIRST_DAY, LAST_DAY, LocalTime, local_time
from tests.unit.schedule.naming import ms


def instant(zone, day, wall):
    """Return (instant in UTC, moved) of HHMM on a day."""
    minutes = int(wall[:2]) * 60 + int(wall[2:])
    found = local_time(ZoneInfo(zone)).instant(date.fromisoformat(day).toordinal(), minutes)
    seconds = timedelta(milliseconds=found.at_ms)
    return (datetime(1970, 1, 1, tzinfo=UTC) + seconds).strftime("%Y-%m-%d %H:%M:%S"), found.moved


@pytest.mark.parametrize(
    ("zone", "day", "wall", "expected", "moved"),
    [
        # Berlin: 02:00 -> 03:00 at 01:00 UTC, and 03:00 -> 02:00 at 01:00 UTC.
        ("Europe/Berlin", "2024-03-31", "0159", "2024-03-31 00:59:00", False),
        ("Europe/Berlin", "2024-03-31", "0200", "2024-03-31 01:00:00", True),
        ("Europe/Berlin", "2024-03-31", "0259", "2024-03-31 01:00:00", True),
        ("Europe/Berlin", "2024-03-31", "0300", "2024-03-31 01:00:00", False),
        ("Europe/Berlin", "2024-03-30", "2630", "2024-03-31 01:00:00", True),  # 02:30 of the day after
        ("Europe/Berlin", "2024-10-27", "0200", "2024-10-27 00:00:00", False),
        ("Europe/Berlin", "2024-10-27", "0259", "2024-10-27 00:59:00", False),
        ("Europe/Berlin", "2024-10-27", "0300", "2024-10-27 02:00:00", False),
        ("Europe/Berlin", "2024-10-27", "2400", "2024-10-27 23:00:00", False),  # 24:00 is 25 hours after 00:00
        ("America/New_York", "2024-03-10", "0230", "2024-03-10 07:00:00", True),
        ("America/New_York", "2024-11-03", "0130", "2024-11-03 05:30:00", False),
        # Lord Howe changes by half an hour: 02:00 -> 02:30 at 15:30 UTC, and 02:00 -> 01:30 at 15:00 UTC.
        ("Australia/Lord_Howe", "2024-10-06", "0215", "2024-10-05 15:30:00", True),
        ("Australia/Lord_Howe", "2024-10-06", "0230", "2024-10-05 15:30:00", False),
        ("Australia/Lord_Howe", "2024-04-07", "0145", "2024-04-06 14:45:00", False),
        ("Australia/Lord_Howe", "2024-04-07", "0200", "2024-04-06 15:30:00", False),
        # Samoa had no 30 December 2011: 29 December ended at 10:00 UTC, with 31 December next.
        ("Pacific/Apia", "2011-12-29", "2359", "2011-12-30 09:59:00", False),
        ("Pacific/Apia", "2011-12-29", "2400", "2011-12-30 10:00:00", True),
        ("Pacific/Apia", "2011-12-30", "1200", "2011-12-30 10:00:00", True),
        ("Pacific/Apia", "2011-12-30", "2400", "2011-12-30 10:00:00", False),
        ("Pacific/Apia", "2011-12-31", "0000", "2011-12-30 10:00:00", False),
        # Kwajalein had no 21 August 1993: UTC-12 until 12:00 UTC, then UTC+12.
        ("Pacific/Kwajalein", "1993-08-21", "0100", "1993-08-21 12:00:00", True),
        ("Pacific/Kwajalein", "1993-08-22", "0100", "1993-08-21 13:00:00", False),
        # Alaska had 18 October 1867 twice, less its change of longitude: 15:30 came back as 15:30 of the day before.
        ("America/Sitka", "1867-10-18", "1200", "1867-10-17 21:01:13", False),
        # Morocco leaves summer time for Ramadan: 03:00 -> 02:00 on 10 March 2024, 02:00 -> 03:00 on 14 April.
        ("Africa/Casablanca", "2024-03-10", "0230", "2024-03-10 01:30:00", False),
        ("Africa/Casablanca", "2024-04-14", "0230", "2024-04-14 02:00:00", True),
        # Troll changes by two hours: 01:00 -> 03:00 and 03:00 -> 01:00, at 01:00 UTC.
        ("Antarctica/Troll", "2024-03-31", "0230", "2024-03-31 01:00:00", True),
        ("Antarctica/Troll", "2024-10-27", "0100", "2024-10-26 23:00:00", False),
        # Sao Paulo changed at midnight: 00:00 -> 01:00, and 24:00 -> 23:00.
        ("America/Sao_Paulo", "2018-11-04", "0000", "2018-11-04 03:00:00", True),
        ("America/Sao_Paulo", "2018-11-03", "2400", "2018-11-04 03:00:00", True),
        ("America/Sao_Paulo", "2018-11-03", "2330", "2018-11-04 02:30:00", False),
        ("America/Sao_Paulo", "2018-02-17", "2330", "2018-02-18 01:30:00", False),
        ("America/Sao_Paulo", "2018-02-18", "0000", "2018-02-18 03:00:00", False),
        # Toronto went from 23:30 of 30 March 1919 to 00:30 of the 31st.
        ("America/Toronto", "1919-03-30", "2345", "1919-03-31 04:30:00", True),
        ("America/Toronto", "1919-03-30", "2329", "1919-03-31 04:29:00", False),
        ("America/Toronto", "1919-03-31", "0015", "1919-03-31 04:30:00", True),
        # St. John's changed at 00:01, so that 28 October 2006 ended twice: 00:01 of the 29th -> 23:01 of the 28th.
        ("America/St_Johns", "2006-10-28", "2330", "2006-10-29 02:00:00", False),
        ("America/St_Johns", "2006-10-29", "0000", "2006-10-29 02:30:00", False),
        ("America/St_Johns", "2006-10-29", "0001", "2006-10-29 03:31:00", False),
        # Local mean time: Tokyo was 9:18:59 ahead of Greenwich until 1888, Monrovia 44:30 behind until 1972.
        ("Asia/Tokyo", "1887-12-31", "1200", "1887-12-31 02:41:01", False),
        ("Asia/Tokyo", "1888-01-01", "1200", "1888-01-01 03:00:00", False),
        ("Africa/Monrovia", "1972-01-06", "1200", "1972-01-06 12:44:30", False),
        ("Africa/Monrovia", "1972-01-07", "0030", "1972-01-07 00:44:30", True),
    ],
)
def test_every_wall_time_has_one_instant(zone, day, wall, expected, moved):
    assert instant(zone, day, wall) == (expected, moved)


@pytest.mark.parametrize(
    "name", ["Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca", "America/Sao_Paulo", "UTC"]
)
def test_the_quick_way_gives_what_asking_for_each_wall_time_gives(name):
    quick = local_time(ZoneInfo(name))
    for day in range(date(2010, 12, 1).toordinal(), date(2013, 2, 1).toordinal()):
        asked = [quick._ask(datetime.fromordinal(day) + timedelta(minutes=minutes)) for minutes in range(0, 1440, 15)]
        assert [quick.instant(day, minutes) for minutes in range(0, 1440, 15)] == asked


def test_no_zone_changes_its_offset_twice_within_two_days():
    # `LocalTime` looks at the ends of a day to know that nothing changes within. Only the library's own slow twin of
    # ZoneInfo shows its changes.
    for name in sorted(available_timezones()):
        zone = _zoneinfo.ZoneInfo(name)
        offsets = [each.utcoff for each in (zone._tti_before, *zone._ttinfos)]
        changes = [
            second
            for second, before, after in zip(zone._trans_utc, offsets, offsets[1:], strict=False)
            if before != after
        ]
        assert all(later - earlier > 2 * 86_400 for earlier, later in pairwise(changes)), name


def test_the_day_of_an_instant_is_the_one_on_the_wall():
    tokyo = local_time(ZoneInfo("Asia/Tokyo"))

    assert tokyo.day_at(ms("2024-12-31 14:59")) == date(2024, 12, 31).toordinal()
    assert tokyo.day_at(ms("2024-12-31 15:00")) == date(2025, 1, 1).toordinal()
    assert (tokyo.day_at(-(10**18)), tokyo.day_at(10**18)) == (FIRST_DAY, LAST_DAY)


def test_the_first_and_the_last_day_have_instants_in_every_zone():
    for name in ("Etc/GMT+12", "Pacific/Kiritimati", "America/New_York"):
        zone = LocalTime(ZoneInfo(name))
        for day in (FIRST_DAY, LAST_DAY):
            assert zone.instant(day, 0).at_ms < zone.instant(day, 5 * DAY_MIN - 1).at_ms


def test_what_is_remembered_is_limited_and_does_not_change_answers(monkeypatch):
    days = tuple(range(date(2024, 3, 29).toordinal(), date(2024, 4, 3).toordinal()))
    unlimited = [LocalTime(ZoneInfo("Europe/Berlin")).days(days, later) for later in range(3)]
    monkeypatch.setattr("jaz_lite.schedule.local_time.DAYS_REMEMBERED_MAX", 3)
    monkeypatch.setattr("jaz_lite.schedule.local_time.SETS_REMEMBERED_MAX", 2)
    berlin = LocalTime(ZoneInfo("Europe/Berlin"))

    for _ in range(2):
        for later in range(3):
            assert berlin.days(days, later) == unlimited[later]
            assert [date.fromordinal(day + later).isoformat() for day in unlimited[later].uneven] == ["2024-03-31"]
