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

EVERY_S = 0.35
ANSWERS_WITHIN_S = 20.0
WISHES = (COPY, POOL, FLOW, HANDS, "hands", "hands", COPY, POOL, FLOW, HANDS, "hands", "hands", "hands")
LOOKED_AT = 6  # runs
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
            return _Hands(self._site.reruns, random.Random(self._chance.random()))
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
    """Somebody who does to an icon of a run, of those that are meant for that, what can be done to it."""

    def __init__(self, reruns: Counter[str], chance: random.Random) -> None:
        self._reruns = reruns
        self._chance = chance

    def __call__(self, server: Server) -> None:
        runs = [run for run in server.ask("run.list", jobnet=HANDS, limit=LOOKED_AT)["runs"] if run["state"] in OPEN]
        choices: dict[str, list[tuple[str, str]]] = {}
        for run in runs:
            for icon in server.ask("run.show", run=run["run_id"])["icons"]:
                for operation in _possible(icon):
                    choices.setdefault(operation, []).append((run["run_id"], icon["path"]))
        if choices:
            rare = [operation for operation in ("run.rerun", "run.stop") if operation in choices]
            operation = self._chance.choice(rare if rare and self._chance.random() < 0.7 else sorted(choices))
            run_id, path = self._chance.choice(choices[operation])
            if operation == "run.rerun":
                name = path.rpartition("/")[2]
                self._reruns[f"{run_id} {name}"] += 1  # before it is asked: nobody may hear the answer
            server.ask(operation, run=run_id, path=path)


def _possible(icon: dict[str, Any]) -> tuple[str, ...]:
    if icon["type"] != "job":
        return ()
    match icon["state"], icon["method"]:
        case "run_error", _:
            return ("run.rerun",)  # who skips it is the judge
        case "running", _:
            return ("run.stop",)
        case "waiting", "normal":
            return ("run.hold", "run.skip")
        case "waiting" | "ready", "hold":
            return ("run.release",)
        case "waiting", "skip":
            return ("run.unskip",)
    return ()
