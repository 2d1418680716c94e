"""People who start runs by hand all the time, at whichever server answers them."""

import contextlib
import random
import threading

from jaz_lite.errors import JazLiteError
from tests.failover.machines import Server
from tests.failover.site import FailoverSite
from tests.failover.witness import FLOW

EVERY_S = 0.6
ANSWERS_WITHIN_S = 20.0


class Load:
    """A thread that has somebody start a run every so often, each under a tag of its own.

    Who gets no answer waits: a server that is frozen, or does nothing since it is cut off, is asked nothing more.
    """

    def __init__(self, site: FailoverSite, number: int, chance: random.Random) -> None:
        self.started = 0
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
        while not self._over.wait(EVERY_S):
            free = [server for server in self._site.living if not self._waits_for(server)]
            if free:
                server = self._chance.choice(free)
                tag = f"r{self._number}-{self.started}"
                self.started += 1
                self._waiting[server] = threading.Thread(target=_start_one, args=(server, tag), daemon=True)
                self._waiting[server].start()

    def _waits_for(self, server: Server) -> bool:
        return server in self._waiting and self._waiting[server].is_alive()


def _start_one(server: Server, tag: str) -> None:
    with contextlib.suppress(JazLiteError):  # it may be dying, or not be up yet
        server.ask("run.start", jobnet=FLOW, variables={"TAG": tag})
