"""Which agents a server calls, and when: as the product's dialler does, without its tasks.

Agents that wait to be dialled are dialled whenever they are not there; all others when they have not confirmed this
epoch, or have been away for a while.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from jaz_lite.wire.limits import ANNOUNCE_FACTOR, ANNOUNCE_S_FIRST, ANNOUNCE_S_MAX

LOST_MS = 15_000
LOOK_MS = 5_000


@dataclass(slots=True)
class _Away:
    """An agent that is not there. `pause_ms`: between two calls; 0: it was not called yet."""

    since_ms: int
    due_ms: int
    pause_ms: int = 0


class Calls:
    """The calls of one life of a server. `waiting`: agents that wait to be dialled."""

    def __init__(self, waiting: Collection[str]) -> None:
        self._waiting = waiting
        self._away: dict[str, _Away] = {}

    def look(self, name: str, now_ms: int, *, there: bool, confirmed: bool, call: Callable[[str], None]) -> int:
        """Call an agent if it is to be called now; return in how many ms to look again."""
        if there:
            self._away.pop(name, None)
            return LOOK_MS
        away = self._away.setdefault(name, _Away(now_ms, now_ms))
        if name not in self._waiting and confirmed and now_ms - away.since_ms < LOST_MS:
            return LOOK_MS
        if now_ms >= away.due_ms:
            first, most = round(ANNOUNCE_S_FIRST * 1_000), round(ANNOUNCE_S_MAX * 1_000)
            away.pause_ms = min(max(first, round(away.pause_ms * ANNOUNCE_FACTOR)), most)
            away.due_ms = now_ms + away.pause_ms
            call(name)
        return min(LOOK_MS, away.due_ms - now_ms)
