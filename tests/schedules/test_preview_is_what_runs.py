"""What `jaz-lite preview` lists of a period is what then runs in it: for random schedules, with what people did before.

The preview is gathered by the product's own command and operations, from the store of the site that then runs.
"""

import random
import shutil
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest

from jaz_lite.cli.preview_material import gather
from jaz_lite.cli.session import Session
from jaz_lite.clock import VirtualClock
from jaz_lite.operations import preview
from jaz_lite.operations.person import Person
from jaz_lite.store.transaction import Nouns
from tests.schedules.defined import Defined
from tests.schedules.play import HOUR_S, ZONES, Play
from tests.schedules.server import Server
from tests.schedules.truth import Truth
from tests.schedules.watching import watched
from tests.sim.data_directory import template
from tests.sim.world import START_WALL_MS

OPERATIONS = {
    "preview.definitions": preview.definitions,
    "preview.planned": preview.planned,
    "preview.jobnets": preview.jobnets,
}
BEGINNINGS_MS = (1_711_796_400_000, 1_730_548_800_000, 1_781_067_600_000)  # before changes of clocks; in June
PERIOD_H = 30


class Asking:
    """The session of a command, and the site that its operations read."""

    control = object()  # a server answers

    def __init__(self, server: Server) -> None:
        self._server = server
        self.clock = server.clock
        self.zone = server.zone

    async def read(self, work: Callable[[Nouns], Any]) -> Any:
        with self._server.store.snapshot() as view:
            return work(view)

    async def breathe(self) -> None:
        pass

    def ask_anywhere(self, name: str, take: Callable[[Any], None] | None = None, **arguments: Any) -> Any:
        async def emit(items: Any) -> None:
            if take is not None:
                take(items)

        if name != "preview.jobnets":
            arguments["emit"] = emit
        operation = cast(Callable[..., Coroutine[Any, Any, Any]], OPERATIONS[name])
        try:
            operation(self, Person(name="someone", role="super"), **arguments).send(None)
        except StopIteration as answer:
            return answer.value
        raise AssertionError("the operation waits for something else")


@contextmanager
def playing(seed: int, folder: Path) -> Iterator[Play]:
    """Begin a site with schedules, some of whose planned runs were held, moved, deleted or stopped; no faults."""
    dice = random.Random(f"{seed}/preview")
    shutil.copytree(template(START_WALL_MS), folder, dirs_exist_ok=True)
    clock = VirtualClock(dice.choice(BEGINNINGS_MS) + dice.randint(0, 3_600_000))
    defined = Defined(ZoneInfo(dice.choice(ZONES)))
    truth = Truth(clock, defined, [])
    server = Server(folder, clock, defined.site_zone, truth)
    with watched(truth):
        site = Play(dice, server, truth)
        site.hours = PERIOD_H
        site._furnish()
        server.boot()
        for name in site.people.names:
            site.people.save_and_enable(site.people.draw_schedule(name))
        site._pass_time(dice.randint(1, 3) * HOUR_S)
        for _ in range(6):
            site.people.operate()
        site._pass_time(1)
        yield site
        server.kill()


@pytest.mark.parametrize("seed", range(1, 13))
def test_what_a_preview_lists_is_what_then_runs(seed: int, tmp_path: Path) -> None:
    with playing(seed, tmp_path) as site:
        truth = site.truth
        session = cast(Session, Asking(site.server))
        material = gather(
            session, since=None, until=f"+{PERIOD_H}h", schedules=(), jobnet_id=None, files=(), everything=True
        )
        listed = {
            (each.schedule_id, each.jobnet_id, each.at_ms): (each.deadline_ms, each.lack)
            for each in material.upcomings()
        }

        site._pass_time((PERIOD_H + 2) * HOUR_S)

        ran = {
            (key[0], key[1], run.scheduled_ms): (run.boot.deadline_ms, "")
            for key, run in truth.runs.items()
            if run.boot is not None and material.since_ms <= (run.scheduled_ms or 0) < material.until_ms
        }
        # A preview also tells of runs that are held over their time.
        assert {key: value for key, value in listed.items() if key[2] >= material.since_ms} == ran
        assert ran
