"""People who start runs by hand all the time, at whichever server answers them."""

import contextlib
import random
import threading

from jaz_lite.errors import JazLiteError
from tests.failover.machines import Server
from tests.failover.site import FailoverSite
from tests.failover.witness import FLOW

EVERY_S = 0.6


class Load:
    """A thread that starts a run every so often, each under a tag of its own."""

    def __init__(self, site: FailoverSite, number: int, chance: random.Random) -> None:
        self.started = 0
        self._site = site
        self._number = number
        self._chance = chance
        self._fault: Exception | None = None
        self._over = threading.Event()
        self._hands = threading.Lock()  # nobody is asked while servers change hands
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Load":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        if self._fault is not None:
            raise self._fault

    def _run(self) -> None:
        try:
            while not self._over.wait(EVERY_S):
                with self._hands:
                    awake = [server for server in self._site.living if not server.frozen]
                    if awake:
                        self._start_one(self._chance.choice(awake))
        except Exception as fault:  # told where the round can end with it
            self._fault = fault

    def _start_one(self, server: Server) -> None:
        tag = f"r{self._number}-{self.started}"
        self.started += 1
        with contextlib.suppress(JazLiteError):  # it may be dying, or not be up yet
            server.ask("run.start", jobnet=FLOW, variables={"TAG": tag})

    def freeze(self, server: Server) -> None:
        """Freeze a server while nobody waits for its answer."""
        with self._hands:
            server.freeze()
