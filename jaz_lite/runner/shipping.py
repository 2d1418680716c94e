"""Between the turns and the standbys: when these are told of commits, and whether a turn waits for them.

With `ack = "commit"` a turn is released by its commit, and what it committed is shipped soon after. With
`ack = "after_ship"` it is released when a standby has it on its disk, too: what was told to anybody cannot be lost with
this machine. Turns that wait let others gather behind them, as with a slow disk.

A standby that is away must not stop the site: after `ACK_WITHIN_S` without an answer turns are released by their
commits again, which is said, until a standby has caught up.
"""

import logging

import trio

from jaz_lite.clock import Clock
from jaz_lite.store.changes import Changes

SHIP_EVERY_S = 0.02  # between two cuts while nobody waits: small change sets cost more than large ones
ACK_WITHIN_S = 10.0

log = logging.getLogger(__name__)


class Shipping:
    """What the task that makes the turns does about standbys."""

    def __init__(self, changes: Changes, clock: Clock, *, after_ship: bool = False) -> None:
        self._changes = changes
        self._clock = clock
        self._after_ship = after_ship
        self._committed = trio.Event()
        self._acked = trio.Event()
        self._alone_since: float | None = None
        changes.on_ack = self._standby_acked

    @property
    def alone_s(self) -> float | None:
        """Since how many seconds turns do not wait for a standby although they should; None: all is as it should be."""
        return None if self._alone_since is None else self._clock.monotonic() - self._alone_since

    async def tell_followers(self) -> None:
        """Tell the followers of what was committed, not more often than is worth it."""
        while True:
            await self._committed.wait()
            self._committed = trio.Event()
            self._changes.committed()
            await trio.sleep(SHIP_EVERY_S)

    async def released(self) -> None:
        """A turn was committed: return when it may be released."""
        if not self._after_ship:
            if self._changes.recording:
                self._committed.set()
            return
        self._changes.committed()
        if self._alone_since is not None:
            return
        lsn = self._changes.position.lsn
        with trio.move_on_after(ACK_WITHIN_S):
            while not self._is_shipped(lsn):
                self._acked = trio.Event()
                await self._acked.wait()
            return
        self._alone_since = self._clock.monotonic()
        log.warning(
            "no standby confirms what is committed; it is acknowledged without one",
            extra={"action": "ship.alone", "followers": len(self._changes.followers), "waited_s": ACK_WITHIN_S},
        )

    def _is_shipped(self, lsn: int) -> bool:
        return any(follower.confirmed.lsn >= lsn for follower in self._changes.followers)

    def _standby_acked(self) -> None:
        self._acked.set()
        if self._alone_since is not None and self._changes.ready and self._is_shipped(self._changes.position.lsn):
            log.info("a standby has caught up; it confirms each commit again", extra={"action": "ship.together"})
            self._alone_since = None
