"""What is due when: the deadlines of a site's attempts, soonest first. Pure."""

import heapq
import itertools
from collections.abc import Iterator


class DueTimes:
    """A heap of (monotonic second, what, key). Entries are not taken back: who is told looks whether it still matters."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, str, bytes]] = []
        self._order = itertools.count()

    def add(self, at_s: float, what: str, k: bytes) -> None:
        """Note that something is due."""
        heapq.heappush(self._heap, (at_s, next(self._order), what, k))

    @property
    def first(self) -> float | None:
        """When the next thing is due."""
        return self._heap[0][0] if self._heap else None

    def passed(self, now_s: float) -> Iterator[tuple[str, bytes]]:
        """Give, once, what is due by now."""
        while self._heap and self._heap[0][0] <= now_s:
            _, _, what, k = heapq.heappop(self._heap)
            yield what, k
