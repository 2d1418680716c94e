"""Who changes definitions and settings, and who operates planned runs: at random, and through the product's own doors."""

import random
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from jaz_lite.clock import Clock
from jaz_lite.errors import JazLiteError
from jaz_lite.model import event as asked
from jaz_lite.model.calendar import WEEKDAYS, Calendar, CalendarRule, Filter
from jaz_lite.model.event import Operation
from jaz_lite.model.plain import id_of, kind_of, to_plain
from jaz_lite.model.run import RUN_OVER, Run
from jaz_lite.model.schedule import BootTime, Cycle, LateStart, Schedule, ScheduledJobnet
from jaz_lite.operations import enabling
from jaz_lite.operations.person import Person
from jaz_lite.runner.inputs import Reply, RunEvent, Write
from jaz_lite.store.transaction import Transaction
from tests.schedules.brute_force import Days
from tests.schedules.draw import draw_filter, draw_time
from tests.schedules.server import Server
from tests.schedules.truth import Truth

PERSON = "someone"
EDITOR = Person(name=PERSON, role="super")
MINUTE_MS = 60_000
EVERY_DAY = "ALL"


class Poison(Exception):
    """What somebody hands in that cannot be applied."""


@dataclass
class Door:
    """What an operation is given as the site: its writes are kept, to be handed to a turn."""

    clock: Clock
    works: list[Callable[[Transaction], Any]] = field(default_factory=list)

    async def write(self, work: Callable[[Transaction], Any]) -> dict[str, Any]:
        self.works.append(work)
        return {}

    def work_of(self, operation: Coroutine[Any, Any, Any]) -> Callable[[Transaction], Any]:
        """Return what an operation wants to be done in a transaction."""
        try:
            operation.send(None)
        except StopIteration:
            return self.works.pop()
        raise AssertionError("the operation waits for something else")


class People:
    """Authors and operators of one site."""

    def __init__(self, dice: random.Random, server: Server, truth: Truth, zones: list[str], hours: int) -> None:
        self.dice = dice
        self.server = server
        self.truth = truth
        self.zones = zones
        self.hours = hours
        self.names = [f"S{number}" for number in range(dice.randint(1, 4))]
        self.often = dice.choice(((5, 15, 60), (15, 60), (60, 240), (60, 240), (1, 7)))
        self.nets: tuple[str, ...] = ()
        self.days: Days = truth.defined.days
        self._version = 20_260_101_000_000
        self._written: dict[str, Schedule] = {}

    # ---- what is defined

    def version(self) -> str:
        """Return a new version."""
        self._version += 1
        return str(self._version)

    def draw_calendar(self, calendar_id: str) -> Calendar:
        """Return a calendar that operates on many days; the first one on all."""
        dice, version = self.dice, self.version()
        if calendar_id == EVERY_DAY and dice.random() < 0.8:
            return Calendar(calendar_id=calendar_id, version=version, rule=CalendarRule(weekdays=WEEKDAYS))
        rule = CalendarRule(
            weekdays=tuple(day for day in WEEKDAYS if dice.random() < 0.6),
            last_of_month=dice.random() < 0.5,
            month_days=tuple(sorted(dice.sample(range(1, 32), 8))),
        )
        return Calendar(calendar_id=calendar_id, version=version, rule=rule)

    def draw_filter(self, filter_id: str) -> Filter:
        """Return a filter."""
        return replace(draw_filter(self.dice, filter_id, [EVERY_DAY, "SOME"]), version=self.version())

    def draw_schedule(self, schedule_id: str) -> Schedule:
        """Return a schedule with times that come soon, and some that come often."""
        dice = self.dice
        policies: tuple[LateStart, ...] = ("error", "run_latest", "run_all", "skip")
        rows: dict[tuple[str, str], BootTime] = {}
        for _ in range(dice.randint(1, 5)):
            days_id = dice.choice((EVERY_DAY, EVERY_DAY, "SOME", "FILTER"))
            at = draw_time(dice) if dice.random() < 0.4 else self._soon()
            kind = "filter" if days_id == "FILTER" else "calendar"
            rows[days_id, at] = BootTime(days_id=days_id, days_kind=kind, at=at)
        cycles = ()
        if dice.random() < 0.6:
            since, until = sorted((draw_time(dice, "3000"), draw_time(dice, "4759")))
            often = self.often
            cycles = (Cycle(days_id=EVERY_DAY, since=since, until=until, every_min=dice.choice(often)),)
        return Schedule(
            schedule_id=schedule_id,
            version=self.version(),
            boot_times=tuple(rows.values()),
            cycles=cycles,
            jobnets=tuple(
                ScheduledJobnet(jobnet_id=name) for name in dice.sample(self.nets, dice.choice((1, 1, 2, 3)))
            ),
            zone=dice.choice(self.zones),
            late_start=dice.choice(policies),
            grace_min=dice.choice((0, 0, 1, 5, 90)),
            end_by=draw_time(dice) if dice.random() < 0.15 else "",
            end_within_min=dice.choice((0, 0, 0, 3, 60)),
        )

    def _soon(self) -> str:
        at_s = self.truth.clock.now_ms() // 1000 + self.dice.randint(0, min(self.hours, 24) * 3600)
        return f"{datetime.fromtimestamp(at_s, self.truth.defined.site_zone):%H%M}"

    # ---- authors

    def change_something(self) -> None:
        """Change one definition or setting."""
        dice = self.dice
        name = dice.choice(self.names)
        what = dice.random()
        if what < 0.35:
            self.save_and_enable(self.draw_schedule(name))
        elif what < 0.55:
            present = self.truth.defined.schedules.get(name)
            if present is not None:
                self.disable("schedule", name)
            elif name in self._written:
                self.save_and_enable(replace(self._written[name], version=self.version()))
        elif what < 0.65:
            self.save_and_enable(self.draw_calendar(dice.choice((EVERY_DAY, "SOME"))))
        elif what < 0.72:
            self.save_and_enable(self.draw_filter("FILTER"))
        elif what < 0.82 and name in self.truth.defined.schedules:
            # Only the policy changes: the times stay what they are.
            schedule = self.truth.defined.schedules[name].schedule
            late: LateStart = dice.choice(("error", "run_all"))
            self.save_and_enable(replace(schedule, version=self.version(), late_start=late, grace_min=0))
        elif what < 0.9:
            self.set_span(dice.choice((1, 10, 60, 60, 240)))
        else:
            self.server.submit(Write(_poisoned))

    def save_and_enable(self, definition: Calendar | Filter | Schedule) -> None:
        """Save a version and enable it, as a person does."""
        kind, name = kind_of(definition), id_of(definition)
        definition = replace(definition, name=name)
        now_ms = self.truth.clock.now_ms()
        door = Door(self.truth.clock)
        names = [f"{name}@{definition.version}"]
        enable = door.work_of(enabling.enable(door, EDITOR, kind=kind, names=names))  # type: ignore[arg-type]

        def work(tx: Transaction) -> None:
            tx.definitions.put(kind, to_plain(definition), by=PERSON, at_ms=now_ms)
            enable(tx)
            self.truth.tx.changes.append(lambda defined: defined.enable(definition))

        if isinstance(definition, Schedule):
            self._written[name] = definition
        self._write(work, f"enables {kind} {name}@{definition.version}")

    def disable(self, kind: str, name: str) -> None:
        """Disable an object, as a person does."""
        door = Door(self.truth.clock)
        disable = door.work_of(enabling.disable(door, EDITOR, kind=kind, names=[name]))  # type: ignore[arg-type]

        def work(tx: Transaction) -> None:
            disable(tx)
            self.truth.tx.changes.append(lambda defined: defined.disable(kind, name))

        self._write(work, f"disables {kind} {name}")

    def set_span(self, minutes: int) -> None:
        """Change how far ahead starts are planned."""

        def work(tx: Transaction) -> None:
            tx.settings.set("load_span_min", minutes)
            self.truth.tx.changes.append(lambda _defined: self.truth.set_span(minutes))

        self._write(work, f"sets the load span to {minutes} min")

    def _write(self, work: Callable[[Transaction], None], what: str) -> None:
        def answered(reply: Reply) -> None:
            outcome = "" if reply.error is None else f": refused, {reply.error}"
            assert reply.error is None or isinstance(reply.error, JazLiteError), reply.error
            self.truth.log(f"person {what}{outcome}")

        self.server.submit(Write(work, Reply(answered)))

    # ---- operators

    def operate(self) -> None:
        """Ask something of a planned run."""
        live = [run for run in self.server.turns.live if run.boot is not None and run.state not in RUN_OVER]
        if not live:
            return
        dice = self.dice
        run = dice.choice(live)
        if run.state == "waiting":
            now_ms = self.truth.clock.now_ms()
            minutes = dice.choice((1, 5, 30, 90, 1500))
            to_ms = (now_ms // MINUTE_MS + minutes) * MINUTE_MS
            ways: tuple[Operation, ...] = (
                asked.HoldRun(PERSON),
                asked.HoldRun(PERSON),
                asked.ReleaseRun(PERSON),
                asked.ReleaseRun(PERSON),
                asked.MoveRun(PERSON, to_ms),
                asked.DeleteRun(PERSON),
                asked.StopRun(PERSON),
            )
        else:
            ways = (asked.RerunRun(PERSON), asked.StopRun(PERSON))
        self.ask(run, dice.choice(ways))

    def release_all(self) -> None:
        """Let go of everything that is held."""
        for run in self.server.turns.live:
            if run.boot is not None and run.boot.held == "held":
                self.ask(run, asked.ReleaseRun(PERSON))

    def ask(self, run: Run, operation: Operation) -> None:
        """Ask something of a run; the truth learns of it when it was done."""
        truth = self.truth

        def make(_run: Run) -> Operation:
            truth.tx.asked.add(run.run_id)
            truth.tx.operations.append((run.run_id, operation))
            return operation

        def answered(reply: Reply) -> None:
            assert reply.error is None or isinstance(reply.error, JazLiteError), reply.error
            outcome = "" if reply.error is None else f": refused, {reply.error}"
            truth.log(f"person asks {type(operation).__name__} of {run.run_id & 0xFFFF}{outcome}")

        self.server.submit(RunEvent(run.run_id, make=make, reply=Reply(answered)))


def _poisoned(_tx: Transaction) -> None:
    raise Poison("this cannot be applied")
