"""Starts of schedules: what a year of times costs to expand, how late starts are, and what waiting for them costs.

Lateness is `started` minus `scheduled` of planned runs in a real server; its floor is how late a bare trio sleep to the
same instants wakes up, at the same time on the same machine. Both are whole milliseconds, cut off. Catch-up is that of a
server that comes back after three days; `--jobs` sets the number of schedules it then has.
"""

import time
from pathlib import Path
from threading import Thread
from typing import Any
from zoneinfo import ZoneInfo

import trio

from bench.booter_site import (
    EVERY_DAY,
    GIVE_UP_S,
    LOOK_S,
    MINUTE_MS,
    TIMES_A_DAY,
    VERSION,
    copies,
    enable,
    lateness_ms,
    minute_of_day,
    plan,
    schedules,
    sent_ms,
    spread,
    writing,
)
from bench.definitions import chain, wide
from bench.process import cpu, disk_kind, pss_mb
from bench.report import Result
from bench.site import Site, site
from jaz_lite.clock import SystemClock
from jaz_lite.model.calendar import Calendar, CalendarRule, Filter
from jaz_lite.model.schedule import BootTime, Schedule
from jaz_lite.schedule.public_holidays import PublicHolidays
from jaz_lite.schedule.timetable import Timetable
from jaz_lite.store.open import Store

SCHEDULES = 1000
CALENDARS = 20
ZONE = "America/New_York"
YEAR_BEGIN_MS, YEAR_END_MS = 1_767_243_600_000 - 1, 1_798_779_600_000 - 1  # 2026 there
FREE_DAYS = ("2026-01-01", "2026-05-25", "2026-07-03", "2026-11-26", "2026-12-25")
YEAR_BAR_S, YEAR_STRETCH_S = 0.5, 0.15

STARTS = 200
APART_MS = 47
LEAD_MS = 4000
BUSY_JOBS = 500
BUSY_COMMAND = "sleep 0.2"
TOGETHER = 1000
TOGETHER_LEAD_MS = 12_000
TOGETHER_BAR_MS = 1500.0

QUIET_S = 20.0
NEXT_IN_MIN = 3  # nothing is due, and nothing to be planned, until then
DOWN_DAYS = 3
CATCH_UP_SCHEDULES = 100
CATCH_UP_APART_MS = 211


def run(*, rounds: int, jobs: int, place: Path | None) -> Result:
    """Seconds to expand a year of 256,000 times; the rest beside it."""
    year = [_year(1) for _ in range(max(rounds, 1))]
    every_time = _year(TIMES_A_DAY)
    with site(place) as here:
        here.define(chain("BENCH_BOOT", 1, ":"), "boot")
        here.define(wide("BENCH_BUSY", BUSY_JOBS, BUSY_COMMAND), "busy")
        here.define(wide("BENCH_SIDE_BY_SIDE", TOGETHER, ":"), "side_by_side")
        here.take("BENCH_BOOT", jobs=1)
        idle = [_late(here) for _ in range(max(rounds, 1))]
        busy = [_late(here, beside="BENCH_BUSY") for _ in range(max(rounds, 1))]
        together = _together(here)
        quiet = _quiet(here)
        kind = disk_kind(here.folder)
    with site(place) as here:
        here.define(chain("BENCH_BOOT", 1, ":"), "boot")
        caught_up = _catch_up(here, jobs or CATCH_UP_SCHEDULES)
    year.sort()
    figure, floor, times = year[len(year) // 2]
    return Result(
        bench="booter",
        figure=figure,
        unit="s for a year of times",
        bar=YEAR_BAR_S,
        stretch=YEAR_STRETCH_S,
        more_is_better=False,
        also_met=together["sent_ms"]["max"] <= TOGETHER_BAR_MS,
        details={
            "times": times,
            "floor_s": round(floor, 4),
            "to_floor": round(figure / floor, 2),
            "floor_is": "a tuple a time in one list",
            "100_a_day": {"s": round(every_time[0], 2), "floor_s": round(every_time[1], 2), "times": every_time[2]},
            "late_idle_ms": _joined(idle),
            "late_busy_ms": _joined(busy),
            "together": together,
            "quiet": quiet,
            "catch_up": caught_up,
            "disk": kind,
        },
    )


# ---- the year


class _Days:
    """The calendars of the year: weekdays without some free days."""

    def __init__(self) -> None:
        rule = CalendarRule(weekdays=("mon", "tue", "wed", "thu", "fri"), minus=FREE_DAYS)
        names = [f"DAYS_{number}" for number in range(CALENDARS)]
        self._calendars = {name: Calendar(calendar_id=name, version=VERSION, rule=rule) for name in names}

    def calendar(self, calendar_id: str) -> Calendar | None:
        return self._calendars.get(calendar_id)

    def filter(self, _filter_id: str) -> Filter | None:
        return None


def _year(times_a_day: int) -> tuple[float, float, int]:
    """Return the seconds to expand a year of 1,000 schedules, those of the floor, and the number of times."""
    days, zone, holidays = _Days(), ZoneInfo(ZONE), PublicHolidays()
    every = []
    for number in range(SCHEDULES):
        minutes = [(number + turn * 13) % 1440 for turn in range(times_a_day)]
        rows = tuple(
            BootTime(days_id=f"DAYS_{number % CALENDARS}", at=f"{each // 60:02}{each % 60:02}") for each in minutes
        )
        every.append(Schedule(schedule_id=f"S{number}", version=VERSION, boot_times=rows))
    count = 0
    began = time.perf_counter()
    for schedule in every:
        count += len(Timetable(schedule, days, zone, holidays).between(YEAR_BEGIN_MS, YEAR_END_MS))
    taken = time.perf_counter() - began
    began = time.perf_counter()
    for _ in range(SCHEDULES):
        [(YEAR_BEGIN_MS + number, None, "0000", False, None) for number in range(count // SCHEDULES)]
    return taken, time.perf_counter() - began, count


# ---- lateness


def _late(here: Site, beside: str = "") -> dict[str, list[int]]:
    """Plan starts at odd milliseconds and return how late they were, and how late bare sleeps to the same instants."""
    first_ms = SystemClock().now_ms() + LEAD_MS
    instants = [first_ms + turn * APART_MS for turn in range(STARTS)]
    run_ids = [plan(here, "BENCH_BOOT", at_ms) for at_ms in instants]
    floor: list[int] = []
    sleeper = Thread(target=trio.run, args=(_bare, instants, floor))
    sleeper.start()
    if beside:
        time.sleep(max(0.0, first_ms / 1000 - time.time() - 1.0))
        while SystemClock().now_ms() < instants[-1]:
            here.take(beside, jobs=BUSY_JOBS)
    sleeper.join()
    found = lateness_ms(here, run_ids)
    return {"start": found["start"], "accepted": found["accepted"], "floor": floor}


async def _bare(instants: list[int], late_ms: list[int]) -> None:
    clock = SystemClock()
    for at_ms in instants:
        await trio.sleep_until(trio.current_time() + (at_ms - time.time_ns() / 1e6) / 1000)
        late_ms.append(clock.now_ms() - at_ms)


def _joined(rounds: list[dict[str, list[int]]]) -> dict[str, dict[str, float]]:
    return {name: spread(value for one in rounds for value in one[name]) for name in rounds[0]}


def _together(here: Site) -> dict[str, Any]:
    """Let 1,000 jobnets be due in the same second; how long after it their first jobs went out.

    The agent takes so many jobs at once as it has slots, and as many again: the last of them is sent when most have
    ended. The floor is how long that takes for the same jobs side by side in one run.
    """
    here.stop()
    with writing(here) as tx:
        names = copies(tx, "BENCH_BOOT", TOGETHER)
    here.start()
    here.wait_for_agent()
    here.take("BENCH_SIDE_BY_SIDE", jobs=TOGETHER)
    floor = sent_ms(here, "BENCH_SIDE_BY_SIDE")
    at_ms = (SystemClock().now_ms() + TOGETHER_LEAD_MS) // 1000 * 1000
    run_ids = [plan(here, name, at_ms) for name in names]
    planned_s = TOGETHER_LEAD_MS / 1000 - (at_ms - SystemClock().now_ms()) / 1000
    found = lateness_ms(here, run_ids)
    return {f"{name}_ms": spread(values) for name, values in found.items()} | {
        "floor_sent_ms": spread(floor),
        "sent_to_floor": round(max(found["sent"]) / max(floor), 2),
        "bar_ms": TOGETHER_BAR_MS,
        "planned_one_by_one_s": round(planned_s, 2),
    }


# ---- nothing is due


def _quiet(here: Site) -> dict[str, Any]:
    """CPU and memory of a server that waits: without schedules, and with 1,000 whose next hour is planned."""
    here.stop()
    here.start()
    here.wait_for_agent()
    without = _waiting(here)
    here.stop()
    first_min = minute_of_day(SystemClock().now_ms()) + NEXT_IN_MIN
    with writing(here) as tx:
        enable(tx, [EVERY_DAY, *schedules(SCHEDULES, "BENCH_BOOT", first_min)])
    began = time.perf_counter()
    here.start()
    planned = _planned(here)
    planned_s = time.perf_counter() - began
    here.wait_for_agent()
    with_schedules = _waiting(here)
    return {
        "without": without,
        "with_1000_schedules": with_schedules,
        "planned_runs": planned,
        "start_and_plan_s": round(planned_s, 2),
        "kb_a_planned_run": round((with_schedules["pss_mb"] - without["pss_mb"]) * 1000 / planned, 2),
    }


def _waiting(here: Site) -> dict[str, float]:
    time.sleep(2.0)
    pid = here.processes()["server"]
    before = cpu(pid)
    time.sleep(QUIET_S)
    used = cpu(pid).since(before)
    return {"cpu_ms_a_s": round(used.own_s / QUIET_S * 1000, 2), "pss_mb": round(pss_mb(pid), 2)}


def _planned(here: Site) -> int:
    """Wait until no more runs are planned, and return how many wait."""
    count, seen = -1, 0
    until = time.monotonic() + GIVE_UP_S
    while count != seen or seen == 0:
        count = seen
        time.sleep(1.0)
        seen = here.ask("status")["runs"]["planned"]
        if time.monotonic() > until:
            raise RuntimeError("the schedules were not planned")
    return seen


# ---- after a down-time


def _catch_up(here: Site, count: int) -> dict[str, Any]:
    """Start after three days in which schedules missed their times; a start each 0.2 s meanwhile."""
    here.stop()
    clock = SystemClock()
    since_ms = clock.now_ms() - DOWN_DAYS * 86_400_000
    every = schedules(count, "BENCH_BOOT", minute_of_day(clock.now_ms()) + NEXT_IN_MIN)
    with writing(here) as tx:
        enable(tx, [EVERY_DAY, *every])
        tx.schedule_marks.move_site(since_ms)
        for schedule in every:
            tx.schedule_marks.move(schedule.schedule_id, since_ms)
    began_ms = clock.now_ms()
    here.start()
    here.wait_for_agent()
    run_ids = []
    store = Store.open(here.data, clock=clock, read_only=True)
    try:
        while True:
            run_ids.append(plan(here, "BENCH_BOOT", clock.now_ms() + CATCH_UP_APART_MS))
            with store.snapshot() as view:
                marks = view.schedule_marks.all()
            if min(marks.values()) >= began_ms - 2 * MINUTE_MS:
                break
            if clock.now_ms() - began_ms > GIVE_UP_S * 1000:
                raise RuntimeError("the missed times were not recorded")
            time.sleep(LOOK_S)
    finally:
        store.close()
    seconds = (clock.now_ms() - began_ms) / 1000
    missed = count * TIMES_A_DAY * DOWN_DAYS
    found = lateness_ms(here, run_ids)
    return {
        "schedules": count,
        "missed_times": missed,
        "s": round(seconds, 2),
        "times_a_s": round(missed / seconds),
        "late_meanwhile_ms": spread(found["start"]),
    }
