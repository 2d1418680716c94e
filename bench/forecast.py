"""Looking ahead: the preview of a year of a site's schedules, and a night that is simulated; CPU seconds, no server.

Both are worked out by the process of whoever asks, so what counts is its CPU. The floor of the preview is the bare walk
over the same dates: is it an operating day, the time of it as a tuple, all in order. The night is played twice, as
`jaz-lite simulate` does, with median durations and with bad ones; its floor is a heap through which as many happenings
go, one for each start and each end of an activity.
"""

import heapq
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from bench.report import Result
from jaz_lite.engine import plan as planning
from jaz_lite.forecast.definitions import Definitions, Outline
from jaz_lite.forecast.durations import Durations
from jaz_lite.forecast.night import coming, simulate
from jaz_lite.forecast.upcoming import Upcomings
from jaz_lite.forecast.world import Machine, World
from jaz_lite.model.calendar import Calendar, CalendarRule
from jaz_lite.model.host import Host
from jaz_lite.model.jobnet import Flow, Icon, Jobnet
from jaz_lite.model.schedule import BootTime, Schedule, ScheduledJobnet
from jaz_lite.schedule.public_holidays import PublicHolidays

SCHEDULES = 1_000
CALENDARS = 20
VERSION = "20260101000000"
ZONE = ZoneInfo("America/New_York")
DAY_MS = 86_400_000
YEAR_BEGIN_MS, YEAR_END_MS = 1_767_243_600_000, 1_798_779_600_000  # 2026 there
FIRST_DAY, DAYS = date(2026, 1, 1), 365
FREE_DAYS = ("2026-01-01", "2026-05-25", "2026-07-03", "2026-11-26", "2026-12-25")
YEAR_BAR_S, YEAR_STRETCH_S = 2.5, 1.0

NIGHT_BEGIN_MS = 1_767_639_600_000  # a Monday there, 14:00
JOBNETS = 250
JOBS = 40  # of each
SIDE_BY_SIDE = 4
AGENTS, SLOTS = 10, 8
SAMPLES = 20  # that the past has of each job
NIGHT_BAR_US = 400.0  # an activity, both ways together


class Taken(NamedTuple):
    """What one round took, in seconds of CPU, what its floor did, and how much it was about."""

    s: float
    floor_s: float
    count: int


def run(*, rounds: int, jobs: int, place: Path | None) -> Result:
    """CPU seconds of a year's preview; the night beside it. `--jobs` sets how many jobnets the night has."""
    del place  # nothing is written
    year = _middle(_year, rounds)
    night = _middle(lambda: _night(jobs or JOBNETS), rounds)
    us = night.s / night.count * 1e6
    return Result(
        bench="forecast",
        figure=year.s,
        unit="s of CPU for a year's preview",
        floor=year.floor_s,
        bar=YEAR_BAR_S,
        stretch=YEAR_STRETCH_S,
        more_is_better=False,
        also_met=us <= NIGHT_BAR_US,
        details={
            "schedules": SCHEDULES,
            "starts": year.count,
            "us_a_start": round(year.s / year.count * 1e6, 2),
            "to_floor": round(year.s / year.floor_s, 2),
            "floor_is": "a walk over the same dates, a tuple a time, sorted",
            "night": {
                "s": round(night.s, 2),
                "floor_s": round(night.floor_s, 3),
                "to_floor": round(night.s / night.floor_s, 1),
                "activities": night.count,
                "us_an_activity": round(us, 1),
                "bar_us": NIGHT_BAR_US,
                "floor_is": "a heap through which the start and the end of each activity go, twice",
            },
        },
    )


def _middle(take: Callable[[], Taken], rounds: int) -> Taken:
    """Return the median round, by what it took."""
    taken = sorted(take() for _ in range(max(rounds, 1)))
    return taken[len(taken) // 2]


# ---- the year


def _year() -> Taken:
    definitions = _schedules()
    holidays = PublicHolidays()
    began = time.process_time()
    upcomings = Upcomings(
        definitions,
        (),
        now_ms=YEAR_BEGIN_MS,
        since_ms=YEAR_BEGIN_MS,
        until_ms=YEAR_END_MS,
        zone=ZONE,
        holidays=holidays,
    )
    count = sum(1 for upcoming in upcomings if not upcoming.lack)
    taken = time.process_time() - began
    began = time.process_time()
    found = _walk()
    floor = time.process_time() - began
    if len(found) != count:
        raise RuntimeError(f"the preview has {count} starts, and the walk over the dates {len(found)}")
    return Taken(taken, floor, count)


def _schedules() -> Definitions:
    """One schedule a jobnet, each on all weekdays but the free ones, at a minute of its own."""
    made = Definitions()
    rule = CalendarRule(weekdays=("mon", "tue", "wed", "thu", "fri"), minus=FREE_DAYS)
    for number in range(CALENDARS):
        made.put(Calendar(calendar_id=f"DAYS_{number}", version=VERSION, rule=rule))
    for number in range(SCHEDULES):
        jobnet_id, minute = f"NET_{number}", _minute(number)
        at = BootTime(days_id=f"DAYS_{number % CALENDARS}", at=f"{minute // 60:02}{minute % 60:02}")
        row = ScheduledJobnet(jobnet_id=jobnet_id)
        made.put(Schedule(schedule_id=f"S{number}", version=VERSION, boot_times=(at,), jobnets=(row,)))
        made.outlines[jobnet_id] = Outline(doc_id=number + 1, version=VERSION)
    return made


def _minute(number: int) -> int:
    """Return the minute of the day of a schedule; none lies in the hour that a clock change takes away."""
    return 180 + number % 1_200


def _walk() -> list[tuple[int, str, str]]:
    free = {date.fromisoformat(day) for day in FREE_DAYS}
    found = []
    for number in range(SCHEDULES):
        schedule_id, jobnet_id, minute_ms = f"S{number}", f"NET_{number}", _minute(number) * 60_000
        for day in range(DAYS):
            on = FIRST_DAY + timedelta(day)
            if on.weekday() < 5 and on not in free:
                found.append((YEAR_BEGIN_MS + day * DAY_MS + minute_ms, schedule_id, jobnet_id))
    found.sort()
    return found


# ---- the night


def _night(jobnets: int) -> Taken:
    world, durations = _world(jobnets)
    began = time.process_time()
    night = simulate(world, durations)
    taken = time.process_time() - began
    count = len(night.usual.activities)
    wanted = jobnets * JOBS
    worked = sum(1 for each in night.usual.activities if each.kind == "cmd")
    if worked != wanted:
        raise RuntimeError(f"of {wanted} jobs of the night {worked} were played")
    began = time.process_time()
    _heap(count)
    _heap(count)
    return Taken(taken, time.process_time() - began, count)


def _world(jobnets: int) -> tuple[World, Durations]:
    """Jobnets that start in the same eight hours and share ten agents."""
    made = Definitions()
    every = CalendarRule(weekdays=("mon", "tue", "wed", "thu", "fri", "sat", "sun"))
    made.put(Calendar(calendar_id="DAYS", version=VERSION, rule=every))
    known: dict[tuple[str, str], list[int]] = {}
    for number in range(jobnets):
        jobnet_id, minute = f"NET_{number}", 19 * 60 + number % 300
        made.put(_jobnet(jobnet_id, number))
        at = BootTime(days_id="DAYS", at=f"{minute // 60:02}{minute % 60:02}")
        row = ScheduledJobnet(jobnet_id=jobnet_id)
        made.put(Schedule(schedule_id=f"S{number}", version=VERSION, boot_times=(at,), jobnets=(row,)))
        for job in range(JOBS):
            known[jobnet_id, f"/JOB-{job}"] = [1_000 * (5 + (job * 7 + sample * 3) % 90) for sample in range(SAMPLES)]
    upcomings = Upcomings(
        made,
        (),
        now_ms=NIGHT_BEGIN_MS,
        since_ms=NIGHT_BEGIN_MS,
        until_ms=NIGHT_BEGIN_MS + DAY_MS,
        zone=ZONE,
        holidays=PublicHolidays(),
    )
    names = [f"a{number}" for number in range(AGENTS)]
    world = World(
        now_ms=NIGHT_BEGIN_MS,
        zone=ZONE,
        coming=tuple(coming(each, made) for each in upcomings),
        hosts={name: Host(host=name, agent_id=name) for name in names},
        machines={name: Machine(agent_id=name, slots=SLOTS) for name in names},
        find=made.find_jobnet,
    )
    return world, Durations(known)


def _jobnet(jobnet_id: str, number: int) -> Jobnet:
    """START, some chains side by side, END."""
    icons = [Icon(icon_id="START", type="start"), Icon(icon_id="MTS", type="parallel_start")]
    flows = [Flow(source="START", target="MTS")]
    for job in range(JOBS):
        params: dict[str, Any] = {"host": f"a{(number + job) % AGENTS}", "script": "true"}
        icons.append(Icon(icon_id=f"JOB-{job}", type="job", params=params))
        source = "MTS" if job < SIDE_BY_SIDE else f"JOB-{job - SIDE_BY_SIDE}"
        flows.append(Flow(source=source, target=f"JOB-{job}"))
    icons += [Icon(icon_id="MTE", type="parallel_end"), Icon(icon_id="END", type="end")]
    flows += [Flow(source=f"JOB-{job}", target="MTE") for job in range(JOBS - SIDE_BY_SIDE, JOBS)]
    flows.append(Flow(source="MTE", target="END"))
    made = Jobnet(jobnet_id=jobnet_id, version=VERSION, icons=tuple(icons), flows=tuple(flows))
    planning.build(made, lambda _: None, doc_id=0)  # a jobnet that cannot run would be no measure
    return made


def _heap(count: int) -> None:
    line: list[tuple[int, int, int, str]] = []
    for number in range(count):
        heapq.heappush(line, (number * 7_919 % 100_003, 0, number, "start"))
    for _ in range(count):
        at, _, number, _ = heapq.heappop(line)
        heapq.heappush(line, (at + 60_000, 1, number, "end"))
    while line:
        heapq.heappop(line)
