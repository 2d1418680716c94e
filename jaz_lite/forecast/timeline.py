"""The virtual clock of a forecast: what will happen, in order, and the time, which jumps from one to the next."""

from heapq import heappop, heappush
from typing import NamedTuple

from jaz_lite.engine.variables import moment
from jaz_lite.forecast.player import Player
from jaz_lite.forecast.world import World
from jaz_lite.model.event import Event

WORK_ENDS, TIMER, STARTS = range(3)  # the order of what happens at one instant


class Happening(NamedTuple):
    """Something that will happen. Compared as a tuple: `number` is unique, so nothing after it is looked at."""

    at_ms: int
    order: int
    number: int
    player: Player
    event: Event
    cause: int | None  # the activity that it ends
    key: bytes | None  # of the attempt that it is about


class Timeline:
    """What will happen, and the present moment."""

    def __init__(self, world: World) -> None:
        self._zone = world.zone
        self._until_ms = world.until_ms
        self._heap: list[Happening] = []
        self._count = 0
        self.now_ms = world.now_ms
        self.now = moment(world.now_ms, world.zone)

    def push(
        self, at_ms: int, order: int, player: Player, event: Event, cause: int | None = None, key: bytes | None = None
    ) -> None:
        """Have something happen, now where its time is over."""
        self._count += 1
        heappush(self._heap, Happening(max(at_ms, self.now_ms), order, self._count, player, event, cause, key))

    def forward(self) -> bool:
        """Go to the moment of what happens next; False: nothing does, or it is beyond the end."""
        if not self._heap or (self._until_ms and self._heap[0].at_ms > self._until_ms):
            self._go_to(self._until_ms)
            return False
        self._go_to(self._heap[0].at_ms)
        return True

    def take(self) -> Happening | None:
        """Return the next of what happens at this moment, or None."""
        return heappop(self._heap) if self._heap and self._heap[0].at_ms <= self.now_ms else None

    def _go_to(self, at_ms: int) -> None:
        if at_ms > self.now_ms:
            self.now_ms = at_ms
            self.now = moment(at_ms, self._zone)
