"""The end of a server that was replaced (protocol.md 8.6): everything stops at once, agents are told where to go.

The engine stops first, so that nothing is decided or sent any more; then the mark is written that keeps the directory
from being started again; then agents are told. All of it takes a fraction of a second.
"""

import logging
from collections.abc import Callable
from pathlib import Path

import trio

from jaz_lite.errors import Fenced, JazLiteError
from jaz_lite.runner.turns import Turns
from jaz_lite.store.fencing import FencedBy, write_fenced
from jaz_lite.wire.limits import PEERS_MAX

PARTING_S = 0.3  # for what is said last to leave

log = logging.getLogger(__name__)


def mark_fenced(folder: Path, error: Fenced, at_ms: int) -> None:
    """Leave the mark in a directory whose server was replaced; a full disk does not keep the server from stopping."""
    if not error.term:
        return  # nobody took over: a later state of the same directory is known
    by = FencedBy(term=error.term, act=error.act, addrs=error.addrs, seen_from=error.seen_from, at_ms=at_ms)
    try:
        write_fenced(folder, by)
    except (OSError, JazLiteError) as fault:
        log.error(
            "the mark that this server was replaced cannot be written",
            extra={"action": "fence.mark", "why": str(fault)},
        )


class Fence:
    """Ends a server, once.

    Args:
        stop_engine: no turn is made any more. over: everything else ends.
    """

    def __init__(
        self, folder: Path, turns: Turns, *, stop_engine: Callable[[], None], over: Callable[[], None]
    ) -> None:
        self.error: Fenced | None = None
        self._folder = folder
        self._turns = turns
        self._stop_engine = stop_engine
        self._over = over
        self._replaced = trio.Event()

    def stop(self, error: Fenced) -> None:
        """This server was replaced."""
        if self.error is not None:
            return
        self.error = error
        self._stop_engine()
        mark_fenced(self._folder, error, self._turns.clock.now_ms())
        # The sentence itself is told by who started this process, once.
        log.info("this server was replaced", extra={"action": "fence.stopped", "seen_from": error.seen_from})
        for desk in self._turns.works.desks.values():
            if desk.port is not None:
                desk.port.synced = desk.port.up = False
                desk.port.link.bye("deposed", "another server took over", addrs=error.addrs[:PEERS_MAX])
                desk.port.flush()
        self._replaced.set()

    async def watch(self) -> None:
        """Let what was said last leave, then end the server."""
        await self._replaced.wait()
        await trio.sleep(PARTING_S)
        self._over()
