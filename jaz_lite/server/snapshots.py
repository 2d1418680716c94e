"""Snapshots of a running server: when asked for, and by a timer into a series.

The copying is done in a thread and rests as much as it works, so turns go on beside it. One is made at a time.
"""

import logging
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import trio

from jaz_lite.config import Config
from jaz_lite.errors import JazLiteError
from jaz_lite.model.fact import Fact
from jaz_lite.runner.control import Control
from jaz_lite.store import copy_series
from jaz_lite.store.copy_series import Taken
from jaz_lite.store.last_copy import Copied
from jaz_lite.store.open import Store

RETRY_S = 60.0
TELL_EVERY_S = 0.25
MINUTE_S = 60.0
OVERDUE = 2  # intervals without a copy, before people are told

log = logging.getLogger(__name__)

Told = Callable[[int, int], Awaitable[None]]  # (done, all) in bytes


async def _nobody(_done: int, _all: int) -> None:
    """Nobody wants to know how far it is."""


class Snapshots:
    """Takes the copies of one server."""

    def __init__(self, store: Store, write: Control, config: Config) -> None:
        self._store = store
        self._write = write
        self._clock = store.clock
        self._every_s = config["snapshot.every_min"] * MINUTE_S
        self._series = Path(config["snapshot.folder"])
        self._keep: int = config["snapshot.keep"]
        self._one_at_a_time = trio.Lock()
        self._began_ms = store.clock.now_ms()
        self._failure = ""  # of the last try by the timer

    async def take(self, target: Path, keep: int | None, told: Told = _nobody) -> Taken:
        """Take a copy. See `copy_series.take`.

        Args:
            told: is given how far it is, now and then.
        """
        async with self._one_at_a_time:
            work = partial(
                copy_series.take,
                self._store,
                self._store.folder,
                target,
                keep=keep,
                now_ms=self._clock.now_ms(),
                progress=_passed_on(told),
            )
            taken = await trio.to_thread.run_sync(work)
            copied = Copied(taken_ms=taken.manifest.taken_ms, place=str(taken.place))
            await self._write.write(lambda tx: tx.last_copy.put(copied))
            log.info("a snapshot was taken", extra={"action": "snapshot.taken", "place": copied.place})
            return taken

    async def keep_taking(self) -> None:
        """Take a copy whenever one is due; forever."""
        if not self._every_s:
            return
        await trio.sleep(self._first_in_s())
        while True:
            wait_s = self._every_s if await self._try() else min(RETRY_S, self._every_s)
            await trio.sleep(wait_s)

    def _first_in_s(self) -> float:
        with self._store.snapshot() as view:
            last = view.last_copy.find()
        if last is None or Path(last.place).parent != self._series:
            return 0.0
        age_s = (self._clock.now_ms() - last.taken_ms) / 1000
        return self._every_s - age_s if 0 <= age_s < self._every_s else 0.0

    async def _try(self) -> bool:
        try:
            await self.take(self._series, self._keep)
        except JazLiteError as error:
            await self._failed(error.message)
            return False
        except Exception as error:  # a fault of ours must not end the server for a copy
            log.exception("a snapshot failed", extra={"action": "snapshot.fault"})
            await self._failed(f"a fault of the program, the log says more ({error})")
            return False
        self._failure = ""
        return True

    async def _failed(self, message: str) -> None:
        """Tell it in the journal when it begins to fail, not each time."""
        if not self._failure:
            log.error("a snapshot failed", extra={"action": "snapshot.failed", "why": message})
            await self._note(message)
        self._failure = message

    async def _note(self, message: str) -> None:
        fact = Fact(kind="snapshot_failed", severity="error", data={"message": message})
        now_ms = self._clock.now_ms()
        await self._write.write(lambda tx: tx.journal.add(now_ms, None, "", fact))

    def notices(self) -> list[str]:
        """Return what people should know: the last try failed, or the newest copy is too old."""
        if not self._every_s:
            return []
        with self._store.snapshot() as view:
            last = view.last_copy.find()
        said = [f"the last snapshot failed: {self._failure}"] if self._failure else []
        since_ms = self._began_ms if last is None else last.taken_ms
        age_s = (self._clock.now_ms() - since_ms) / 1000
        if age_s > OVERDUE * self._every_s:
            what = "no copy was ever taken" if last is None else f"the newest copy is {round(age_s / MINUTE_S)} min old"
            said.append(f"{what}: one is due every {round(self._every_s / MINUTE_S)} min")
        return said


def _passed_on(told: Told) -> Callable[[int, int], None]:
    """Return what a thread calls to tell the loop how far it is; it is given up there when the loop wants no more."""
    told_at_s = time.monotonic()

    def passed(done: int, of: int) -> None:
        nonlocal told_at_s
        trio.from_thread.check_cancelled()
        if time.monotonic() - told_at_s >= TELL_EVERY_S:
            told_at_s = time.monotonic()
            trio.from_thread.run(told, done, of)

    return passed
