"""The clock seam: whoever needs the time is given a `Clock`.

Wall time is for what people see and what is stored; monotonic time is for how long something took or may still take.
Only `SystemClock` looks at the machine's clocks. `VirtualClock` stands still until it is moved, for tests, the
simulator and previews. The heart (model, icons, schedule, engine, wire) receives times as arguments instead.
"""

import time
from typing import Protocol


class Clock(Protocol):
    """Where the time comes from."""

    def now_ms(self) -> int:
        """Return the wall time, integer milliseconds UTC; it may jump either way when the machine's clock is set."""

    def monotonic(self) -> float:
        """Return seconds since an unknown moment; never goes back, knows nothing of the wall clock."""


class SystemClock:
    """The clocks of this machine."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        return time.monotonic()


class VirtualClock:
    """A clock that moves only when told to."""

    def __init__(self, now_ms: int = 1_700_000_000_000, monotonic: float = 1_000.0) -> None:
        self._now_ms = now_ms
        self._monotonic = monotonic

    def now_ms(self) -> int:
        return self._now_ms

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Let time pass, on both clocks.

        Args:
            seconds: not negative; the wall clock moves by whole milliseconds.
        """
        assert seconds >= 0, seconds
        self._monotonic += seconds
        self._now_ms += round(seconds * 1000)

    def set_wall(self, now_ms: int) -> None:
        """Set the wall clock, forwards or back, as an administrator does; monotonic time does not notice."""
        self._now_ms = now_ms
