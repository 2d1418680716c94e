"""The server's process in virtual time: the product's store and turns, and a death between any two steps of a turn."""

import itertools
from pathlib import Path
from zoneinfo import ZoneInfo

from jaz_lite.clock import VirtualClock
from jaz_lite.runner.inputs import Input
from jaz_lite.runner.turns import Turns
from jaz_lite.store.open import Store
from tests.schedules.truth import Truth

CRASH_POINTS = ("before commit", "before release")


class Server:
    """The data directory and the process that serves it, life after life."""

    def __init__(self, folder: Path, clock: VirtualClock, zone: ZoneInfo, truth: Truth) -> None:
        self.folder = folder
        self.clock = clock
        self.zone = zone
        self.alive = False
        self.crash_at = ""  # a point of a turn
        self.crash_after = 0  # so many turns live on before that one
        self._truth = truth
        self._numbers = itertools.count(1)

    def boot(self) -> None:
        """Start the process on the directory as it is."""
        assert not self.alive
        self.store = Store.open(self.folder, clock=self.clock)
        act = next(self._numbers).to_bytes(8, "big")
        with self.store.transaction() as tx:
            term = tx.term.claim(act)
            site_uid = tx.term.site().site_uid
        self.turns = Turns(
            self.store,
            clock=self.clock,
            zone=self.zone,
            site_uid=site_uid,
            term=term,
            draw_spool=lambda: next(self._numbers).to_bytes(16, "big"),
        )
        self.turns.reload()
        self.alive = True
        self._truth.new_process = True

    def kill(self) -> None:
        """Kill the process; what was committed stays, everything else is gone."""
        assert self.alive
        self.alive = False
        self.crash_at = ""
        self.store.close()

    def submit(self, item: Input) -> None:
        """Hand an input to the process that lives now."""
        self.turns.submit(item)

    def wants_turn(self) -> bool:
        """Tell whether something waits, or is due."""
        due_ms = self.turns.next_due_ms()
        return self.turns.wait_s is not None or (due_ms is not None and due_ms <= self.clock.now_ms())

    def turn(self) -> None:
        """Make one turn; the process may die of it."""
        self._truth.look()
        turn = self.turns.prepare()
        if turn is None:
            return
        crash_at = ""
        if self.crash_at:
            self.crash_after -= 1
            if self.crash_after < 0:
                crash_at, self.crash_at, self.crash_after = self.crash_at, "", 0
        if crash_at == "before commit":
            turn.tx.rollback()
            self._truth.look_was_lost()
            self.kill()
            return
        turn.tx.commit()
        if crash_at == "before release":
            self.kill()
            return
        self.turns.release(turn)
