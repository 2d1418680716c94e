"""One seed: a site with schedules, people and faults for some hours or weeks of virtual time; then peace.

Time passes from one due moment to the next. At any of them the process may die, between turns or inside of one, and
stay away for minutes or weeks; the clock is set forward or back; the machine sleeps; people change definitions and
operate planned runs; an input fails and takes the turn apart. `truth.py` compares at every turn and every rest.
"""

import logging
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import jaz_lite.store.writer as store_writer
from jaz_lite.clock import VirtualClock
from jaz_lite.model.calendar import WEEKDAYS, Calendar, CalendarRule
from jaz_lite.model.jobnet import Flow, Icon, Jobnet
from jaz_lite.model.plain import to_plain
from jaz_lite.runner.inputs import Write
from tests.schedules.breakages import BREAKAGES
from tests.schedules.defined import Defined
from tests.schedules.people import EVERY_DAY, People, Poison
from tests.schedules.server import CRASH_POINTS, Server
from tests.schedules.truth import Truth
from tests.schedules.watching import watched
from tests.sim.data_directory import ram, template
from tests.sim.observe import patched
from tests.sim.world import START_WALL_MS, Violation

HOURS = (6, 30, 30, 300)
ACTIONS = (10, 25, 50)
MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Tokyo", "UTC", "Africa/Casablanca")
CHANGES = (  # shortly before clocks change in some of the zones; and an ordinary day, a leap day, a year's end
    "2024-03-30 12:00",
    "2024-10-26 12:00",
    "2025-03-08 20:00",
    "2025-11-01 20:00",
    "2026-04-04 08:00",
    "2026-10-03 08:00",
    "2024-02-28 20:00",
    "2025-12-31 12:00",
    "2026-06-10 05:00",
)
DOWN_S = (20, 70, 70, 600, 600, HOUR_S, HOUR_S, 5 * HOUR_S, 5 * HOUR_S, DAY_S, 12 * DAY_S)
STEPS_S = (-3, 3, -70, 70, 70, -HOUR_S, HOUR_S, HOUR_S, -26 * HOUR_S, 26 * HOUR_S, 9 * DAY_S, -2 * DAY_S)
IDLE_TURNS_MAX = 5_000  # without time passing


@dataclass
class Outcome:
    """What came of a seed."""

    seed: int
    counts: Counter[str]
    virtual_s: float
    trace: list[str]
    violation: Violation | None
    error: BaseException | None = None


def play(seed: int, breakage: str | None = None) -> Outcome:
    """Play one seed."""
    dice = random.Random(f"{seed}/booter")
    began_ms = round(datetime.strptime(dice.choice(CHANGES), "%Y-%m-%d %H:%M").replace(tzinfo=UTC).timestamp() * 1000)
    clock = VirtualClock(began_ms + dice.randint(0, 3_600_000))
    defined = Defined(ZoneInfo(dice.choice(ZONES)))
    trace: list[str] = []
    truth = Truth(clock, defined, trace)
    violation: Violation | None = None
    cause: BaseException | None = None
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="jazl-booter-", dir=ram())))
        shutil.copytree(template(START_WALL_MS), folder, dirs_exist_ok=True)
        stack.enter_context(patched((store_writer, "SYNCHRONOUS", "off")))  # processes crash here, not machines
        stack.enter_context(watched(truth))
        stack.enter_context(_product_logs())
        if breakage is not None:
            stack.enter_context(BREAKAGES[breakage]())
        server = Server(folder, clock, defined.site_zone, truth)
        stack.callback(lambda: server.alive and server.kill())
        began = clock.monotonic()
        try:
            Play(dice, server, truth).whole()
        except Violation as found:
            violation = found
        except Exception as error:
            cause = error
            violation = Violation("BUG", f"{type(error).__name__}: {error}")
    return Outcome(seed, truth.counts, clock.monotonic() - began, trace, violation, cause)


class Play:
    """One site, from its first to its last moment."""

    def __init__(self, dice: random.Random, server: Server, truth: Truth) -> None:
        self.dice = dice
        self.server = server
        self.truth = truth
        self.clock = truth.clock
        self.hours = dice.choice(HOURS)
        zones = dice.sample(ZONES, 2)
        self.people = People(dice, server, truth, [*zones, ""], self.hours)
        kinds: list[Callable[[], None]] = [self._crash, self._die_in_a_turn, self._set_clock, self._sleep]
        self.faults = [kind for kind in kinds if dice.random() < 0.6]

    def whole(self) -> None:
        """Play it."""
        self._furnish()
        self.server.boot()
        for _ in range(self.dice.randint(1, len(self.people.names))):
            self.people.save_and_enable(self.people.draw_schedule(self.dice.choice(self.people.names)))
        actions = self.dice.choice(ACTIONS)
        for _ in range(actions):
            self._pass_time(self.dice.expovariate(actions / (self.hours * HOUR_S)))
            self._act()
        self._pass_time(HOUR_S)
        self.people.release_all()
        self._pass_time(2 * HOUR_S)
        self.truth.at_the_end()

    def _furnish(self) -> None:
        """Put jobnets and calendars there: some that end at once, some that take minutes."""
        nets = [_net("QUICK", 0, "parallel")]
        for number in range(self.dice.randint(0, 2)):
            starting = self.dice.choice(("parallel", "wait", "skip"))
            nets.append(_net(f"SLOW{number}", self.dice.choice((30, 200, 1_000)), starting))
        nets.append(_net("PLAIN", 0, "parallel"))
        nets.append(_net("OTHER", 0, "wait"))
        every_day = Calendar(calendar_id=EVERY_DAY, version="1", rule=CalendarRule(weekdays=WEEKDAYS))
        days = (every_day, self.people.draw_calendar("SOME"))
        self.server.boot()
        with self.server.store.transaction() as tx:
            for definition, kind, name in (
                *((net, "jobnet", net.jobnet_id) for net in nets),
                *((calendar, "calendar", calendar.calendar_id) for calendar in days),
            ):
                tx.definitions.put(kind, to_plain(definition), by="sim", at_ms=self.clock.now_ms())
                tx.definitions.enable(kind, name, definition.version)
        self.server.kill()
        for calendar in days:
            self.truth.defined.enable(calendar)
        self.people.nets = tuple(net.jobnet_id for net in nets)
        self.truth.defined.jobnets = set(self.people.nets)
        self.server.boot()
        self.people.save_and_enable(self.people.draw_filter("FILTER"))
        self._settle()
        self.server.kill()

    # ---- time

    def _pass_time(self, seconds: float) -> None:
        """Let time pass from one due moment to the next."""
        until = self.clock.monotonic() + seconds
        while True:
            self._settle()
            left_s = until - self.clock.monotonic()
            if left_s <= 0:
                return
            due_ms = self.server.turns.next_due_ms()
            wait_s = left_s if due_ms is None else min(left_s, max(0, due_ms - self.clock.now_ms()) / 1000)
            late_s = self.dice.choice((0.0, 0.0, 0.0, 0.003, 1.5))
            self.clock.advance(round(wait_s + late_s, 3))

    def _settle(self) -> None:
        """Make turns until the server rests; a process that dies of one comes back."""
        for _ in range(IDLE_TURNS_MAX):
            if not self.server.alive:
                self.truth.log("the process is dead")
                self._stay_down()
            if not self.server.wants_turn():
                self.truth.rests()
                return
            self.truth.counts["turns"] += 1
            self.server.turn()
        self.truth.fail("SPIN", f"{IDLE_TURNS_MAX} turns, and there is still something to do")

    def _stay_down(self) -> None:
        for _ in range(self.dice.choice((1, 1, 2))):
            self.clock.advance(self.dice.choice(DOWN_S))
            if self._set_clock in self.faults and self.dice.random() < 0.2:
                self._set_clock()
        self.truth.log("a new process begins")
        self.server.boot()
        if self.dice.random() < 0.25:
            # Somebody is quick: long before all that was missed is made up for.
            self.people.change_something()
        if self.dice.random() < 0.25:
            self.people.operate()

    # ---- what happens

    def _act(self) -> None:
        chance = self.dice.random()
        if chance < 0.4 and self.faults:
            self.dice.choice(self.faults)()
        elif chance < 0.65:
            self.people.change_something()
            if self.dice.random() < 0.1:
                self._die_in_a_turn()
        else:
            for _ in range(self.dice.randint(1, 4)):
                self.people.operate()

    def _crash(self) -> None:
        self.truth.log("killed between turns")
        self.truth.counts["crashes"] += 1
        self.server.kill()

    def _die_in_a_turn(self) -> None:
        self.truth.counts["crashes in a turn"] += 1
        self.server.crash_at = self.dice.choice(CRASH_POINTS)
        if self.dice.random() < 0.5:
            # Some turns later: in the middle of what a long time away has left to do.
            self.server.crash_after = self.dice.randint(0, 12)

    def _set_clock(self) -> None:
        step_s = self.dice.choice(STEPS_S)
        self.truth.counts["clock steps"] += 1
        self.truth.log(f"the clock is set by {step_s} s")
        self.clock.set_wall(self.clock.now_ms() + step_s * 1000)
        if self.server.alive:
            # Every ten seconds the server notes that it lives; then it sees what was done to its clock.
            self.server.submit(Write(lambda tx: tx.term.tick(self.clock.now_ms())))

    def _sleep(self) -> None:
        seconds = self.dice.choice((70, 400, HOUR_S, 7 * HOUR_S))
        self.truth.counts["sleeps"] += 1
        self.truth.log(f"the machine sleeps for {seconds} s")
        self.clock.advance(seconds)


def _net(name: str, takes_s: int, starting: str) -> Jobnet:
    """Return START, perhaps a wait, END."""
    wait = Icon(icon_id="WAIT", type="extended_job", params={"command": "jacmdsleep", "parameter": str(takes_s)})
    icons = (Icon(icon_id="START", type="start"), *([wait] if takes_s else []), Icon(icon_id="END", type="end"))
    flows = tuple(Flow(source=one.icon_id, target=two.icon_id) for one, two in pairwise(icons))
    return Jobnet(jobnet_id=name, version="1", icons=icons, flows=flows, multiple_start=starting)  # type: ignore[arg-type]


class _ErrorsAreViolations(logging.Handler):
    """The product logs an exception where it goes on in spite of its own fault; here that is the end."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and not isinstance(error, Poison):
            raise Violation("BUG", f"{record.getMessage()}: {type(error).__name__}: {error}") from error


@contextmanager
def _product_logs() -> Iterator[None]:
    logger = logging.getLogger("jaz_lite")
    handler = _ErrorsAreViolations(logging.ERROR)
    before = logger.propagate
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = before
