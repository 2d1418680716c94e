"""Notices that the machine's clock was set, by laying it beside the one that nobody sets."""

from jaz_lite.clock import Clock

STEP_MS_MIN = 5_000  # less is what clocks that are being adjusted do anyway


class ClockWatch:
    """Remembers both clocks as they were at the last look."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._wall_ms, self._monotonic = clock.now_ms(), clock.monotonic()

    def look(self) -> int:
        """Return by how many ms the wall clock was set since the last look, back if negative; 0: it was not.

        Notes:
            A machine that slept looks like one whose clock was set forward.
        """
        wall_ms, monotonic = self._clock.now_ms(), self._clock.monotonic()
        step_ms = wall_ms - self._wall_ms - round((monotonic - self._monotonic) * 1000)
        self._wall_ms, self._monotonic = wall_ms, monotonic
        return step_ms if abs(step_ms) >= STEP_MS_MIN else 0
