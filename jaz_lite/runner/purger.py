"""Retention while the server runs: small batches between the turns, more of them while little else is to be done.

A batch is a change like any other, taken in a turn. It works for a few milliseconds, so that whatever comes meanwhile
waits no longer than that, and then rests: while others are at work four times as long as it took, else no longer than
that. A timer that is about to be due goes first.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import trio

from jaz_lite.runner.inputs import Reply, Write
from jaz_lite.runner.turns import Turns
from jaz_lite.store.retention import Keep, Purged, Sweep
from jaz_lite.store.transaction import Transaction

PURGE_EVERY_S = 60.0
BATCH_S = 0.004
BATCH_WEIGHT_MAX = 1_000
STEP_WEIGHT = 50  # between two looks at the clock
REST_MIN_S = 0.001
BUSY_REST = 4  # times as long as the batch took: a fifth of the time at most is ours
DUE_SOON_MS = 10

log = logging.getLogger(__name__)

Told = Callable[[Purged], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a sweep went. `doubted_until_ms`: nothing was removed, since the clock is doubted so long."""

    gone: Purged
    doubted_until_ms: int | None = None


async def _nobody(_gone: Purged) -> None:
    """Nobody wants to know."""


class Purger:
    """Removes what retention no longer keeps, once a minute and when asked to."""

    def __init__(self, turns: Turns, removed: Callable[[], None]) -> None:
        """Args: removed: called when rows went, so that their pages can be given back."""
        self._turns = turns
        self._removed = removed
        self._one_at_a_time = trio.Lock()
        self._seen_ms = turns.clock.now_ms()
        self._seen_s = turns.clock.monotonic()

    async def keep_purging(self) -> None:
        """Remove once a minute what has become old."""
        while True:
            await trio.sleep(PURGE_EVERY_S)
            try:
                await self.run()
            except Exception:
                log.exception("retention failed; it is tried again", extra={"action": "purge.failed"})

    async def run(self, told: Told = _nobody, *, trust_clock: bool = False) -> Outcome:
        """Remove all that is old now.

        Args:
            told: is given what went so far, after each batch.
            trust_clock: remove it also where the clock jumped ahead of late.
        """
        async with self._one_at_a_time:
            begun = await self._write(lambda tx: self._begin(tx, trust_clock))
            if not isinstance(begun, Sweep):
                return Outcome(gone=Purged(), doubted_until_ms=begun)
            gone, rest_s = Purged(), 0.0
            while not begun.over:
                await trio.sleep(rest_s)
                await self._let_timers_go_first()
                taken = self._turns.inputs_taken
                batch, took_s = await self._write(lambda tx: self._batch(tx, begun))
                gone += batch
                if batch.anything:
                    self._removed()
                    await told(gone)
                busy = self._turns.inputs_taken > taken + 1 or self._turns.backlog > 0
                rest_s = max(REST_MIN_S, took_s * (BUSY_REST if busy else 1))
            return Outcome(gone=gone)

    def _begin(self, tx: Transaction, trust_clock: bool) -> Sweep | int:
        """Return a new sweep, or until when the clock is doubted."""
        clock = self._turns.clock
        now_ms, now_s = clock.now_ms(), clock.monotonic()
        expected_ms = self._seen_ms + round((now_s - self._seen_s) * 1000)
        self._seen_ms, self._seen_s = now_ms, now_s
        tx.clock_doubt.look(now_ms, expected_ms)
        if trust_clock:
            tx.clock_doubt.believe()
        until_ms = tx.clock_doubt.until_ms()
        return Sweep(Keep.at(tx.settings, now_ms)) if until_ms is None else until_ms

    def _batch(self, tx: Transaction, sweep: Sweep) -> tuple[Purged, float]:
        clock = self._turns.clock
        began_s = clock.monotonic()
        gone = Purged()
        while not sweep.over and gone.weight < BATCH_WEIGHT_MAX and clock.monotonic() < began_s + BATCH_S:
            gone += tx.retention.batch(sweep, STEP_WEIGHT)
        return gone, clock.monotonic() - began_s

    async def _let_timers_go_first(self) -> None:
        due_ms = self._turns.next_due_ms()
        if due_ms is not None:
            soon_ms = due_ms - self._turns.clock.now_ms()
            if 0 <= soon_ms <= DUE_SOON_MS:
                await trio.sleep(soon_ms / 1000 + REST_MIN_S)

    async def _write(self, work: Callable[[Transaction], Any]) -> Any:
        done = trio.Event()
        reply = Reply(lambda _reply: done.set())
        self._turns.submit(Write(work, reply))
        await done.wait()
        if reply.error is not None:
            raise reply.error
        return reply.value
