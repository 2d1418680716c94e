"""The world: virtual time, dice, the trace and the counts of one seed."""

import heapq
import random
from collections import Counter, deque
from collections.abc import Callable
from typing import Any

START_WALL_MS = 1_800_000_000_000
TRACE_LINES_MAX = 4_000


class Violation(BaseException):
    """Something that must always hold did not."""

    def __init__(self, invariant: str, sentence: str) -> None:
        super().__init__(f"{invariant}: {sentence}")
        self.invariant = invariant
        self.sentence = sentence

    def __reduce__(self) -> tuple[type["Violation"], tuple[str, str]]:
        return Violation, (self.invariant, self.sentence)


class Dies(BaseException):
    """A process is killed at this moment."""


class World:
    """Time and chance. Everything that happens is a call on the heap, at a whole millisecond."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.now_ms = 0
        self.quiet = False  # nothing goes wrong any more
        self.counts: Counter[str] = Counter()
        self.trace: deque[tuple[int, str, str]] = deque(maxlen=TRACE_LINES_MAX)
        self._heap: list[tuple[int, int, Callable[..., None], tuple[Any, ...]]] = []
        self._number = 0

    def dice(self, name: str) -> random.Random:
        """Return a source of chance of its own, so that one part's draws do not move those of another."""
        return random.Random(f"{self.seed}/{name}")

    def after(self, delay_ms: int, do: Callable[..., None], *arguments: Any) -> None:
        """Have something done; calls for the same moment keep their order."""
        assert delay_ms >= 0, delay_ms
        self._number += 1
        heapq.heappush(self._heap, (self.now_ms + delay_ms, self._number, do, arguments))

    def run(self, until_ms: int, done: Callable[[], bool] | None = None) -> bool:
        """Let time pass until then, or until `done`; tell whether it was done."""
        while self._heap and self._heap[0][0] <= until_ms:
            at_ms, _, do, arguments = heapq.heappop(self._heap)
            self.now_ms = at_ms
            do(*arguments)
            if done is not None and done():
                return True
        self.now_ms = max(self.now_ms, until_ms)
        return False

    def log(self, who: str, text: str) -> None:
        """Put a line into the trace."""
        self.trace.append((self.now_ms, who, text))


class WorldClock:
    """The clock of one machine: monotonic time is the world's, wall time may be off."""

    def __init__(self, world: World, offset_ms: int = 0) -> None:
        self._world = world
        self.offset_ms = offset_ms

    def now_ms(self) -> int:
        return START_WALL_MS + self._world.now_ms + self.offset_ms

    def comes_ms(self, wall_ms: int) -> int:
        """Return the moment of the world at which this clock shows a time."""
        return wall_ms - START_WALL_MS - self.offset_ms

    def monotonic(self) -> float:
        return 1_000.0 + self._world.now_ms / 1_000
