"""People who start runs by hand all the time, and put their hands on some, at whichever server answers them."""

import contextlib
import random
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

from jaz_lite.errors import JazLiteError
from tests.failover.files import COPY
from tests.failover.machines import Server
from tests.failover.site import FailoverSite
from tests.failover.witness import FLOW, HANDS, POOL, tag_of

EVERY_S = 0.5
ANSWERS_WITHIN_S = 20.0
WISHES = (COPY, POOL, FLOW, HANDS, COPY, POOL, FLOW, FLOW, "hands", "hands")
OPERATIONS = ("run.hold", "run.release", "run.skip", "run.unskip", "run.stop", "run.rerun", "run.rerun")
OPEN = ("ready", "running", "run_error")

Wish = Callable[[Server], None]


class Load:
    """A thread that has somebody wish for something every so often; each run has a tag of its own.

    Who gets no answer waits: a server that is frozen, or does nothing since it is cut off, is asked nothing more.
    """

    def __init__(self, site: FailoverSite, number: int, chance: random.Random) -> None:
        self.count: Counter[str] = Counter()
        self._site = site
        self._number = number
        self._chance = chance
        self._over = threading.Event()
        self._waiting: dict[Server, threading.Thread] = {}
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Load":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        for server, waits in self._waiting.items():
            waits.join(ANSWERS_WITHIN_S if server is self._site.active else 0)

    def _run(self) -> None:
        first = [*WISHES]  # of everything something, however short the round
        while not self._over.wait(EVERY_S):
            free = [server for server in self._site.living if not self._waits_for(server)]
            wish = self._wish(first.pop(0) if first else self._chance.choice(WISHES))
            if free:
                server = self._chance.choice(free)
                self._waiting[server] = threading.Thread(target=_carry_out, args=(wish, server), daemon=True)
                self._waiting[server].start()

    def _waits_for(self, server: Server) -> bool:
        return server in self._waiting and self._waiting[server].is_alive()

    def _wish(self, what: str) -> Wish:
        self.count[what] += 1
        if what == "hands":
            operation = self._chance.choice(OPERATIONS)
            return _Hands(operation, self._site.reruns, random.Random(self._chance.random()))
        tag = tag_of(what, f"{self._number}-{self.count[what]}")
        if what == COPY:
            self._site.files.prepare(tag, self._chance)

        def start(server: Server) -> None:
            server.ask("run.start", jobnet=what, variables={"TAG": tag})

        return start


def _carry_out(wish: Wish, server: Server) -> None:
    with contextlib.suppress(JazLiteError):  # it may be dying, or not be up yet, or say no
        wish(server)


class _Hands:
    """Somebody who does something to an icon of a run that is meant for that."""

    def __init__(self, operation: str, reruns: Counter[str], chance: random.Random) -> None:
        self._operation = operation
        self._reruns = reruns
        self._chance = chance

    def __call__(self, server: Server) -> None:
        runs = [run for run in server.ask("run.list", limit=50)["runs"] if run["jobnet_id"] == HANDS]
        runs = [run for run in runs if run["state"] in OPEN]
        if not runs:
            return
        run = server.ask("run.show", run=self._chance.choice(runs)["run_id"])
        icons = [icon for icon in run["icons"] if icon["type"] == "job" and self._fits(icon)]
        if icons:
            icon = self._chance.choice(icons)
            if self._operation == "run.rerun":
                name = icon["path"].rpartition("/")[2]
                self._reruns[f"{run['run_id']} {name}"] += 1  # before it is asked: nobody may hear the answer
            server.ask(self._operation, run=run["run_id"], path=icon["path"])

    def _fits(self, icon: dict[str, Any]) -> bool:
        return self._operation != "run.rerun" or icon["state"] == "run_error"
