"""A slow scheduler: a clock ticks through the days, and what it shows is looked up in the lists of the day.

No wall time is turned into an instant: the wall is read. What it shows for the first time starts what was planned for
it; what it jumps over starts when it has jumped; what it shows again starts nothing.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

from jaz_lite.model.schedule import Schedule
from tests.schedules.brute_force import DAY, EPOCH, Days, rows_of

LATEST_DAYS = 5  # 9959 is 03:59 on the fifth day, the operating one counted
DAY_S = 86_400
HOUR_S = 3_600


@dataclass(frozen=True, order=True)
class Origin:
    """Why something starts at an instant."""

    day: date
    boot_time: str
    moved: bool


class Wall:
    """The clock on a wall over some years: stretches in which it ran even, found by looking every so often."""

    def __init__(self, zone: tzinfo, first_s: int, last_s: int, look_s: int = HOUR_S) -> None:
        self.zone = zone
        self.stretches: list[tuple[int, int]] = [(first_s, self._ahead(first_s))]  # from when, seconds ahead of UTC
        at_s = first_s
        while at_s < last_s:
            at_s += look_s
            if self._ahead(at_s) != self.stretches[-1][1]:
                self._find_changes(at_s - look_s, at_s)
        self.last_s = last_s

    def _ahead(self, at_s: int) -> int:
        offset = datetime.fromtimestamp(at_s, UTC).astimezone(self.zone).utcoffset()
        assert offset is not None
        return offset // timedelta(seconds=1)

    def _find_changes(self, from_s: int, to_s: int) -> None:
        before_s = from_s
        while self._ahead(to_s) != self.stretches[-1][1]:
            low, high = before_s, to_s
            while high - low > 1:
                middle = (low + high) // 2
                if self._ahead(middle) == self.stretches[-1][1]:
                    low = middle
                else:
                    high = middle
            self.stretches.append((high, self._ahead(high)))
            before_s = high

    def instant(self, wall: datetime) -> int:
        """Return the first second at which it shows this or a later time."""
        wanted_s = (wall - EPOCH) // timedelta(seconds=1)
        for (from_s, ahead_s), (to_s, _) in self._with_ends(wanted_s):
            if wanted_s < to_s + ahead_s:
                return max(from_s, wanted_s - ahead_s)
        raise AssertionError(f"{wall} is not within the years of this clock")

    def _with_ends(self, wanted_s: int) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
        first = max(0, bisect_right(self.stretches, (wanted_s - 2 * DAY_S, 0)) - 1)
        ends = [*self.stretches[first + 1 :], (self.last_s, 0)]
        yield from zip(self.stretches[first:], ends, strict=True)

    def shown(self, after_s: int, until_s: int) -> Iterator["Shown"]:
        """Yield the pieces of days that it shows for the first time, or jumps over, in the order of time.

        Notes:
            It begins two days before, to know what was shown already.
        """
        shown_to: int | None = None  # all minutes before this one have been shown or jumped over
        begin_s = after_s - 2 * DAY_S
        ends = [from_s for from_s, _ in self.stretches[1:]] + [self.last_s]
        for (from_s, ahead_s), to_s in zip(self.stretches, ends, strict=True):
            if to_s <= begin_s or from_s > until_s:
                continue
            first = -(-(max(from_s, begin_s) + ahead_s) // 60)  # its first whole minute
            last = -(-(min(to_s, until_s + 1) + ahead_s) // 60)  # the first one that it no longer shows
            if shown_to is not None:
                yield from _by_days(shown_to, first, from_s, None)
                first = max(first, shown_to)
            yield from _by_days(first, last, from_s, ahead_s)
            shown_to = max(last, first)


@dataclass(frozen=True)
class Shown:
    """A piece of one wall day: either it ticked by, or the clock jumped over it, to land at `from_s`."""

    day: int  # since the beginning of 1970
    first: int  # minute of the day
    last: int  # the first minute after it
    from_s: int
    ahead_s: int | None  # None: jumped over

    def instant(self, minute: int) -> int:
        """Return when a minute of it is shown, or would have been."""
        return self.from_s if self.ahead_s is None else (self.day * 1440 + minute) * 60 - self.ahead_s


def _by_days(first: int, last: int, from_s: int, ahead_s: int | None) -> Iterator[Shown]:
    while first < last:
        day = first // 1440
        end = min(last, (day + 1) * 1440)
        yield Shown(day, first - day * 1440, end - day * 1440, from_s, ahead_s)
        first = end


def starts(schedule: Schedule, days: Days, wall: Wall, after_s: int, until_s: int) -> dict[int, list[Origin]]:
    """Return the instants of a span at which a schedule starts its jobnets, and all that leads to each of them."""
    rows = list(rows_of(schedule))
    first = _day_of(after_s) - (LATEST_DAYS + 3) * DAY
    last = _day_of(until_s) + 3 * DAY
    todays: dict[date, set[str]] = defaultdict(set)
    for kind, days_id in {(kind, days_id) for kind, days_id, _ in rows}:
        times = {at for row_kind, row_id, at in rows if (row_kind, row_id) == (kind, days_id)}
        for day in days.operating(kind, days_id, first, last):
            todays[day] |= times
    found: dict[int, list[Origin]] = defaultdict(list)
    for piece in wall.shown(after_s, until_s):
        for minute, planned in _wanted(piece.day, todays).items():
            at_s = piece.instant(minute)
            if piece.first <= minute < piece.last and after_s < at_s <= until_s:
                for day, boot_time in planned:
                    found[at_s].append(Origin(day, boot_time, piece.ahead_s is None))
    return found


def _day_of(at_s: int) -> date:
    return date(1970, 1, 1) + timedelta(days=at_s // DAY_S)


def _wanted(today: int, todays: dict[date, set[str]]) -> dict[int, list[tuple[date, str]]]:
    """Return what the minutes of a day start: their number in the day, to operating days and boot times."""
    here = date(1970, 1, 1) + timedelta(days=today)
    wanted: dict[int, list[tuple[date, str]]] = defaultdict(list)
    for back in range(LATEST_DAYS):
        for boot_time in todays.get(here - back * DAY, ()):
            hours, minutes = int(boot_time[:2]), int(boot_time[2:])
            if hours // 24 == back:
                wanted[hours % 24 * 60 + minutes].append((here - back * DAY, boot_time))
    return wanted
