"""Schedules for tests of the booter, in the words of its users.

schedule(site, "NIGHTLY", "0900", "2530", late_start="skip") enables it for every day; runs(site) tells what became of
its times; time_is(site, "2023-11-15 09:00") lets the time come, by the clocks of Tokyo.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from jaz_lite.model.calendar import WEEKDAYS, Calendar, CalendarRule
from jaz_lite.model.plain import id_of, kind_of, to_plain
from jaz_lite.model.schedule import BootTime, Cycle, Schedule, ScheduledJobnet
from jaz_lite.runner.inputs import Write
from jaz_lite.store.runs import LIST_MAX
from tests.unit.runner.site import VERSION, Site, chained

ZONE = ZoneInfo("Asia/Tokyo")
EVERY_DAY = Calendar(calendar_id="EVERY_DAY", version=VERSION, rule=CalendarRule(weekdays=WEEKDAYS))
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
TODAY = "2023-11-15"  # when the clock of a site begins, at 07:13:20


def instant(text: str) -> int:
    """Return when a wall time of Tokyo is: `2023-11-15 09:00`, or `09:00` of today."""
    return round(
        datetime.fromisoformat(text if "-" in text else f"{TODAY} {text}").replace(tzinfo=ZONE).timestamp() * 1000
    )


def wall(at_ms: int) -> str:
    """Return the wall time of an instant in Tokyo."""
    return datetime.fromtimestamp(at_ms / 1000, ZONE).strftime("%d %H:%M")


def time_is(site: Site, text: str) -> None:
    """Let the time come, from one due time to the next: nothing is missed on the way."""
    until_ms = instant(text)
    while (now_ms := site.clock.now_ms()) < until_ms:
        due_ms = site.turns.next_due_ms()
        site.pass_time(max(0, (until_ms if due_ms is None else min(due_ms, until_ms)) - now_ms) / 1000)


def enable(site: Site, *definitions: Any) -> None:
    """Save definitions and enable them, over what was there."""
    with site.store.transaction() as tx:
        for each in definitions:
            tx.definitions.put(kind_of(each), to_plain(each), by="test", at_ms=site.clock.now_ms(), replace=True)
            tx.definitions.enable(kind_of(each), id_of(each), each.version)
    site.settle()


def disable(site: Site, kind: str, object_id: str) -> None:
    with site.store.transaction() as tx:
        tx.definitions.disable(kind, object_id)
    site.settle()


def schedule(
    site: Site,
    schedule_id: str,
    *times: str,
    every_min: int = 0,
    jobnets: Iterable[str] = ("LOAD",),
    calendar: Calendar | None = EVERY_DAY,
    **fields: Any,
) -> Schedule:
    """Enable a schedule with its calendar and jobnets; `every_min` instead of times means around the clock."""
    jobnets = tuple(jobnets)
    made = Schedule(
        schedule_id=schedule_id,
        version=VERSION,
        boot_times=tuple(BootTime(days_id="EVERY_DAY", at=each) for each in times),
        cycles=(Cycle(days_id="EVERY_DAY", every_min=every_min),) if every_min else (),
        jobnets=tuple(ScheduledJobnet(jobnet_id=each) for each in jobnets),
        **fields,
    )
    with site.store.snapshot() as view:
        missing = [each for each in jobnets if view.definitions.enabled("jobnet", each) is None]
    new = [chained(each, multiple_start="parallel") for each in missing]
    enable(site, *([] if calendar is None else [calendar]), *new, made)
    return made


def newer(definition: Any, **changes: Any) -> Any:
    """Return the next version of a definition."""
    return replace(definition, version=str(int(definition.version) + 1), **changes)


def runs(site: Site, schedule_id: str = "NIGHTLY") -> dict[str, str]:
    """Return what became of the times of a schedule: `day hour:minute` to one word, in the order of the times."""
    with site.store.snapshot() as view:
        rows = [row for row in view.runs.list(limit=LIST_MAX) if row.boot and row.boot.schedule_id == schedule_id]
    found: dict[str, str] = {}
    for row in sorted(rows, key=lambda row: (row.boot.nominal_ms, row.jobnet_id)):  # type: ignore[union-attr]
        assert row.boot is not None
        at = wall(row.boot.nominal_ms)
        assert at not in found, f"{at} has two runs"
        missed = row.state == "run_error" and row.load_status == "delayed"
        started = "started late" if row.late else "started"
        found[at] = (
            "planned" if row.state == "waiting"
            else "delayed-start error" if missed
            else row.load_status.replace("_", " ") if row.load_status in ("skipped", "load_error")
            else started
        )  # fmt: skip
    return found


def tick(site: Site) -> None:
    """Let the server note that it lives, as it does every ten seconds."""
    site.turns.submit(Write(lambda tx: tx.term.tick(site.clock.now_ms())))
    site.settle()


def down_until(site: Site, text: str) -> None:
    """Kill the server, and start another one at a time."""
    site.clock.advance((instant(text) - site.clock.now_ms()) / 1000)
    site.restart()
    site.settle()


def told(site: Site, kind: str) -> list[dict[str, Any]]:
    """Return what the journal says of a kind, oldest first."""
    with site.store.snapshot() as view:
        return [dict(line.data) for line in reversed(view.journal.latest(kinds=(kind,), limit=1_000))]
