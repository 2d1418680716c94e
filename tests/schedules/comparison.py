"""One random schedule over some years: what the product says, laid beside what the slow scheduler finds."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from jaz_lite.model.schedule import Schedule
from jaz_lite.schedule.timetable import Start, Timetable
from tests.schedules.brute_force import DAY, Days, deadline
from tests.schedules.draw import draw_days, draw_schedule, draw_zone
from tests.schedules.holidays import KnownHolidays
from tests.schedules.ticking import Origin, Wall, starts

DEADLINES = 500  # so many of a case are looked at


@dataclass(frozen=True)
class Case:
    """A schedule, what it refers to, and the years to look at."""

    schedule: Schedule
    days: Days
    holidays: KnownHolidays
    site_zone: ZoneInfo
    after_s: int
    until_s: int

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.schedule.zone) if self.schedule.zone else self.site_zone

    @property
    def wall(self) -> Wall:
        first = datetime.fromtimestamp(self.after_s, UTC).year
        last = datetime.fromtimestamp(self.until_s, UTC).year
        return wall_of_years(self.zone.key, first, last)

    def timetable(self) -> Timetable:
        return Timetable(self.schedule, self.days, self.site_zone, self.holidays)


FIFTY_YEARS = (1970, 1990, 2000, 2020, 2024, 2048)


def fifty_years(seed: int) -> tuple[Case, list[str], int]:
    """Compare fifty years of one random schedule; return it, the differences, and how many starts it has."""
    dice = random.Random(f"{seed}/fifty years")
    year = dice.choice(FIFTY_YEARS)
    case = draw_case(dice, date(year, 1, 1), date(year + 50, 1, 1))
    found = case.timetable().between(case.after_s * 1000, case.until_s * 1000)
    return case, differences(case, found), len(found)


def draw_case(dice: random.Random, first: date, last: date) -> Case:
    """Return a random case between two days."""
    days, holidays = draw_days(dice, first, last)
    schedule = draw_schedule(dice, "S", days)
    return Case(schedule, days, holidays, ZoneInfo(draw_zone(dice)), _midnight(first), _midnight(last))


def _midnight(day: date) -> int:
    return round(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


@lru_cache(maxsize=64)
def wall_of_years(zone: str, first_year: int, last_year: int) -> Wall:
    """Return the wall clock of a zone over some years, with a margin."""
    first, last = date(first_year, 1, 1) - 80 * DAY, date(last_year + 1, 1, 1) + 80 * DAY
    return Wall(ZoneInfo(zone), _midnight(first), _midnight(last))


def expected(case: Case) -> dict[int, list[Origin]]:
    """Return what the slow scheduler finds."""
    return starts(case.schedule, case.days, case.wall, case.after_s, case.until_s)


def differences(case: Case, found: Sequence[Start]) -> list[str]:
    """Return a sentence for each difference, at most ten; empty: none."""
    wanted = expected(case)
    told: list[str] = []
    instants = [start.at_ms for start in found]
    if instants != sorted(set(instants)):
        told.append("the starts are not sorted, or come twice")
    for at_ms in sorted(set(instants) ^ {at_s * 1000 for at_s in wanted}):
        who = "not in the timetable" if at_ms // 1000 in wanted else "only in the timetable"
        told.append(f"{_shown(at_ms)} {who}: {wanted.get(at_ms // 1000, '')}")
    for start in found:
        here = wanted.get(start.at_ms // 1000, [])
        if not here:
            continue
        if (start.day, start.boot_time, start.moved) not in {(o.day, o.boot_time, o.moved) for o in here}:
            told.append(f"{_shown(start.at_ms)} is told as {start}, which is none of {here}")
        if start.moved and not all(origin.moved for origin in here):
            told.append(f"{_shown(start.at_ms)} is told as moved, though it is the true time of one of {here}")
    for start in found[:: 1 + len(found) // DEADLINES]:
        origins = wanted.get(start.at_ms // 1000, [])
        days = {origin.day for origin in origins}
        known = [deadline(case.schedule, start.at_ms // 1000, day, case.wall.instant) for day in days]
        by_s = min((by_s for by_s in known if by_s is not None), default=None)
        if origins and start.deadline_ms != (None if by_s is None else by_s * 1000):
            told.append(f"{_shown(start.at_ms)} has the deadline {start.deadline_ms}, not {by_s}")
    return told[:10]


def _shown(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M:%S}"
