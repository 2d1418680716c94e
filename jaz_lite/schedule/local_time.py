"""From wall times of a zone to instants.

Every wall time has one instant here, also one that a change of the clocks skips or repeats (decision 18):

- a skipped one is the first instant after the gap, be it half an hour long or, at the date line, a whole day;
- a repeated one is its first occurrence.

Changes are rare, so the midnights of the days are worked out once, and a day without a change is only an addition.
Only days on which the offset changes ask for each wall time. The result is the same.
"""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

MIN_MS = 60_000
DAY_MIN = 24 * 60

# The days whose wall times have an instant in every zone: a zone is never more than a day off, and a boot time five.
FIRST_DAY = date(1, 1, 3).toordinal()
LAST_DAY = date(9998, 12, 31).toordinal()

DAYS_REMEMBERED_MAX = 10_000  # of a zone: 27 years, about 2 MB
SETS_REMEMBERED_MAX = 500  # of operating days of a zone, a year each: about 10 MB
ZONES_REMEMBERED_MAX = 600  # all there are

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS, _SECOND, _DAY = timedelta(milliseconds=1), timedelta(seconds=1), timedelta(days=1)


class Instant(NamedTuple):
    """When a wall time is."""

    at_ms: int
    moved: bool  # the wall time was skipped; this is the first instant after the gap


class LocalDay(NamedTuple):
    """A day of a zone."""

    midnight_ms: int
    even: bool  # no change of the clocks touches it: every wall time is midnight and so many minutes


class LocalDays(NamedTuple):
    """Operating days, and what the day is like on which their wall times stand: the day itself, or a later one."""

    midnights_ms: list[int]  # of the even ones; sorted
    days: list[date]  # the operating days of those
    uneven: list[int]  # the other operating days, as ordinals


class LocalTime:
    """The wall times of a zone. Ask `local_time` for one."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._days: dict[int, LocalDay] = {}
        self._many: dict[tuple[tuple[int, ...], int], LocalDays] = {}

    def day(self, day: int) -> LocalDay:
        """Return what a day is like.

        Args:
            day: ordinal, `FIRST_DAY` to `LAST_DAY` and five more.
        """
        found = self._days.get(day)
        if found is None:
            if len(self._days) >= DAYS_REMEMBERED_MAX:
                self._days.clear()
            found = self._days[day] = self._look_at(day)
        return found

    def days(self, days: tuple[int, ...], later: int) -> LocalDays:
        """Return what operating days are like. What a schedule asks for, others on its calendar ask for as well.

        Args:
            days: ordinals, sorted; those that are not within `FIRST_DAY` and `LAST_DAY` are left out.
            later: so many days after them the wall times stand, 0 to 4.
        """
        found = self._many.get((days, later))
        if found is None:
            if len(self._many) >= SETS_REMEMBERED_MAX:
                self._many.clear()
            found = self._many[days, later] = self._look_at_all(days, later)
        return found

    def instant(self, day: int, minutes: int) -> Instant:
        """Return when a wall time is.

        Args:
            day: ordinal of the operating day, `FIRST_DAY` to `LAST_DAY`.
            minutes: since its 00:00, 0 to 5999; from 1440 on later days.
        """
        later, minute = divmod(minutes, DAY_MIN)
        local = self.day(day + later)
        if local.even:
            return Instant(local.midnight_ms + minute * MIN_MS, moved=False)
        return self._ask(datetime.fromordinal(day + later) + timedelta(minutes=minute))

    def day_at(self, at_ms: int) -> int:
        """Return the day that the zone has at an instant, as ordinal, kept within `FIRST_DAY` and `LAST_DAY`."""
        utc_day = at_ms // (DAY_MIN * MIN_MS) + _EPOCH.toordinal()
        if not FIRST_DAY < utc_day < LAST_DAY:
            return min(max(utc_day, FIRST_DAY), LAST_DAY)
        return self._wall(at_ms // 1000).toordinal()

    def _look_at_all(self, days: tuple[int, ...], later: int) -> LocalDays:
        found = LocalDays([], [], [])
        for day in days:
            if FIRST_DAY <= day <= LAST_DAY:
                local = self.day(day + later)
                if local.even:
                    found.midnights_ms.append(local.midnight_ms)
                    found.days.append(date.fromordinal(day))
                else:
                    found.uneven.append(day)
        return found

    def _look_at(self, day: int) -> LocalDay:
        midnight = datetime.fromordinal(day)
        # No zone changes its offset twice within a day (a test looks at all of them), so it is enough to look at the
        # ends. One that is skipped or repeated has two offsets, and the change may reach into the day.
        offsets = {
            self._zone.utcoffset(end.replace(fold=fold)) for end in (midnight, midnight + _DAY) for fold in (0, 1)
        }
        return LocalDay(self._ask(midnight).at_ms, even=len(offsets) == 1)

    def _ask(self, wall: datetime) -> Instant:
        before, after = self._zone.utcoffset(wall), self._zone.utcoffset(wall.replace(fold=1))
        assert before is not None
        assert after is not None
        if after > before:  # skipped: the clocks went forward over it
            return Instant(self._end_of_gap(wall, before, after), moved=True)
        return Instant(_since_epoch(wall, before) // _MS, moved=False)

    def _end_of_gap(self, wall: datetime, before: timedelta, after: timedelta) -> int:
        """Return the instant of the change that skips `wall`; changes happen at whole seconds."""
        early, late = _since_epoch(wall, after) // _SECOND, _since_epoch(wall, before) // _SECOND
        while late - early > 1:  # the offset is `before` at the early end, and `after` at the late one
            middle = (early + late) // 2
            if self._wall(middle).utcoffset() == before:
                early = middle
            else:
                late = middle
        return late * 1000

    def _wall(self, second: int) -> datetime:
        # Not fromtimestamp: some systems refuse it what was before 1970.
        return (_EPOCH + timedelta(seconds=second)).astimezone(self._zone)


def _since_epoch(wall: datetime, offset: timedelta) -> timedelta:
    return wall.replace(tzinfo=UTC, fold=0) - _EPOCH - offset


@lru_cache(maxsize=ZONES_REMEMBERED_MAX)
def local_time(zone: ZoneInfo) -> LocalTime:
    """Return the wall times of a zone, which remember the days they were asked for."""
    return LocalTime(zone)
