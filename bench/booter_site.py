"""A site with many schedules and planned runs, for the benchmarks of starts: definitions go straight into the store."""

import contextlib
import statistics
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from bench.site import Site
from jaz_lite.clock import SystemClock
from jaz_lite.model.calendar import WEEKDAYS, Calendar, CalendarRule
from jaz_lite.model.plain import id_of, kind_of, to_plain
from jaz_lite.model.schedule import BootTime, LateStart, Schedule, ScheduledJobnet
from jaz_lite.net.local_client import call
from jaz_lite.store.open import Store
from jaz_lite.store.transaction import Transaction

VERSION = "20260101000000"
MINUTE_MS = 60_000
DAY_MIN = 1440
EVERY_MIN = 14  # between the times of a schedule: 100 of them fill a day but for 54 minutes
TIMES_A_DAY = 100
LOOK_S = 0.2
GIVE_UP_S = 900.0

EVERY_DAY = Calendar(calendar_id="EVERY_DAY", version=VERSION, rule=CalendarRule(weekdays=WEEKDAYS))


def schedules(count: int, jobnet_id: str, first_min: int, late_start: LateStart = "skip") -> list[Schedule]:
    """Return schedules that start a jobnet 100 times a day, the first time at this minute of a day of UTC."""
    minutes = sorted((first_min + turn * EVERY_MIN) % DAY_MIN for turn in range(TIMES_A_DAY))
    times = tuple(BootTime(days_id="EVERY_DAY", at=f"{each // 60:02}{each % 60:02}") for each in minutes)
    return [
        Schedule(
            schedule_id=f"BENCH_{number}",
            version=VERSION,
            boot_times=times,
            jobnets=(ScheduledJobnet(jobnet_id=jobnet_id),),
            zone="UTC",
            late_start=late_start,
        )
        for number in range(count)
    ]


def minute_of_day(now_ms: int) -> int:
    """Return the minute of the day of UTC."""
    return now_ms // MINUTE_MS % DAY_MIN


@contextlib.contextmanager
def writing(here: Site) -> Iterator[Transaction]:
    """Give a transaction on the store of a site whose server is stopped."""
    store = Store.open(here.data, clock=SystemClock())
    try:
        with store.transaction() as tx:
            yield tx
    finally:
        store.close()


def enable(tx: Transaction, definitions: Iterable[Any]) -> None:
    """Save and enable definitions."""
    for each in definitions:
        tx.definitions.put(kind_of(each), to_plain(each), by="bench", at_ms=0, replace=True)
        tx.definitions.enable(kind_of(each), id_of(each), each.version)


def copies(tx: Transaction, jobnet_id: str, count: int) -> list[str]:
    """Save and enable a jobnet so many times under names of its own."""
    stored = tx.definitions.enabled("jobnet", jobnet_id)
    assert stored is not None
    names = [f"{jobnet_id}_{number}" for number in range(count)]
    for name in names:
        tx.definitions.put("jobnet", {**stored.document, "jobnet_id": name}, by="bench", at_ms=0, replace=True)
        tx.definitions.enable("jobnet", name, stored.version)
    return names


def plan(here: Site, jobnet_id: str, at_ms: int) -> int:
    """Plan a run as `exec --at` does, and return its number."""
    at = datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")
    started = call(str(here.data), "run.start", {"jobnet": jobnet_id, "origin": "manual", "variables": {}, "at": at})
    return int(str(started["run_id"]))


def lateness_ms(here: Site, run_ids: Iterable[int]) -> dict[str, list[int]]:
    """Wait until planned runs have had their first job sent; return by how much each was late, and its job.

    Returns:
        `start`: of the run. `sent`, `accepted`: its first job went to the agent, and the agent had it.
    """
    found: dict[str, list[int]] = {"start": [], "sent": [], "accepted": []}
    waiting = set(run_ids)
    until = time.monotonic() + GIVE_UP_S
    store = Store.open(here.data, clock=SystemClock(), read_only=True)
    try:
        while waiting:
            with store.snapshot() as view:
                for run_id in sorted(waiting):
                    row = view.runs.row(run_id)
                    assert row is not None
                    if row.state not in ("ended", "run_error", "end_error"):
                        break
                    waiting.discard(run_id)
                    attempt = next(iter(view.attempts.of_run(run_id)), None)
                    if row.started_ms is None or row.scheduled_ms is None or attempt is None:
                        raise RuntimeError(f"run {run_id} of {row.jobnet_id} did not start: {row.message}")
                    found["start"].append(row.started_ms - row.scheduled_ms)
                    for name, at_ms in (("sent", attempt.sent_ms), ("accepted", attempt.accepted_ms)):
                        if at_ms is not None:
                            found[name].append(at_ms - row.scheduled_ms)
            if time.monotonic() > until:
                raise RuntimeError(f"{len(waiting)} planned runs did not end")
            time.sleep(LOOK_S)
    finally:
        store.close()
    return found


def sent_ms(here: Site, jobnet_id: str) -> list[int]:
    """Return how long after the start of the newest run of a jobnet each of its jobs was sent."""
    store = Store.open(here.data, clock=SystemClock(), read_only=True)
    try:
        with store.snapshot() as view:
            run = view.runs.list(jobnet=jobnet_id, limit=1)[0]
            assert run.started_ms is not None
            sent = [attempt.sent_ms for attempt in view.attempts.of_run(run.run_id)]
            return [at_ms - run.started_ms for at_ms in sent if at_ms is not None]
    finally:
        store.close()


def spread(values: Iterable[float]) -> dict[str, float]:
    """Return median, 99 % and the worst."""
    ordered = sorted(values)
    if not ordered:
        return {}
    return {
        "p50": round(statistics.median(ordered), 1),
        "p99": round(ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)], 1),
        "max": round(ordered[-1], 1),
        "n": len(ordered),
    }
