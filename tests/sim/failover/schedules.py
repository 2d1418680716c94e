"""Schedules that fire every minute, one of each late policy, and the check that no time of theirs was forgotten."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, get_args

from jaz_lite.model.calendar import WEEKDAYS, Calendar, CalendarRule
from jaz_lite.model.plain import to_plain
from jaz_lite.model.schedule import Cycle, LateStart, Schedule, ScheduledJobnet
from jaz_lite.store.scheduled_runs import occurrence
from jaz_lite.store.transaction import Transaction
from tests.sim import jobnets
from tests.sim.world import START_WALL_MS, World

MINUTE_MS = 60_000
LOAD_SPAN_MIN = (1, 3)
SINCE, UNTIL = "1600", "2100"  # site time: the world begins at 17:00, and clocks go wrong by an hour or so
GRACE_MIN = (0, 0, 1)
POLICIES: tuple[LateStart, ...] = get_args(LateStart)


class Schedules:
    """What is to start every minute. `jobnets`: by schedule."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.jobnets: dict[str, str] = {}
        self.ended = False

    def define(self, tx: Transaction, hosts: list[str], now_ms: int) -> None:
        """Put a calendar, some schedules and what they start into the store of a new site."""
        dice = self.world.dice("schedules")
        tx.settings.set("load_span_min", dice.choice(LOAD_SPAN_MIN))
        every_day = Calendar(calendar_id="DAILY", version=jobnets.VERSION, rule=CalendarRule(weekdays=WEEKDAYS))
        _enable(tx, "calendar", every_day, "DAILY", now_ms)
        for number, policy in enumerate(dice.sample(POLICIES, dice.choice((1, 1, 2, 4)))):
            net = jobnets.small(dice, f"TIMED-{number}", hosts)
            _enable(tx, "jobnet", net, net.jobnet_id, now_ms)
            schedule = Schedule(
                schedule_id=f"EVERY-{number}",
                version=jobnets.VERSION,
                cycles=(Cycle(days_id="DAILY", since=SINCE, until=UNTIL, every_min=1),),
                jobnets=(ScheduledJobnet(jobnet_id=net.jobnet_id),),
                late_start=policy,
                grace_min=dice.choice(GRACE_MIN),
            )
            _enable(tx, "schedule", schedule, schedule.schedule_id, now_ms)
            self.jobnets[schedule.schedule_id] = net.jobnet_id

    def end(self, tx: Transaction) -> None:
        """Start nothing more."""
        for schedule_id in self.jobnets:
            tx.definitions.disable("schedule", schedule_id)

    def forgotten(self, view: Any, until_ms: int) -> Iterator[str]:
        """Yield the times of which the server knows neither a run nor why there is none.

        Args:
            until_ms: a wall time of the server; all times of the schedules up to it are meant.
        """
        counted = [
            (dict(line.data)["schedule"], *(_ms(dict(line.data)[name]) for name in ("first_at", "last_at")))
            for line in view.journal.latest(kinds=["schedule_times_missed"], limit=100_000)
        ]
        for schedule_id, jobnet_id in self.jobnets.items():
            for at_ms in range(START_WALL_MS // MINUTE_MS * MINUTE_MS + MINUTE_MS, until_ms + 1, MINUTE_MS):
                if view.runs.find_by_occ(occurrence(schedule_id, jobnet_id, at_ms)) is not None:
                    continue
                if not any(name == schedule_id and first <= at_ms <= last for name, first, last in counted):
                    yield occurrence(schedule_id, jobnet_id, at_ms)


def _enable(tx: Transaction, kind: Any, definition: Any, name: str, now_ms: int) -> None:
    tx.definitions.put(kind, to_plain(definition), by="sim", at_ms=now_ms)
    tx.definitions.enable(kind, name, definition.version)


def _ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1_000)
