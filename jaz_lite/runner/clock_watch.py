"""Notices that the machine's clock was set, by laying it beside the one that nobody sets."""

from jaz_lite.clock import Clock

STEP_MS_MIN = 5_000  # less is what clocks that are being adjusted do anyway


class ClockWatch:
    """Remembers both clocks as they were at the last look.

    A clock that is made to run slower or faster for a while is not set: between two looks, which are seconds apart, it
    goes astray by less than a step. Nothing is lost by that; marks and starts follow the clock as it is.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._wall_ms, self._monotonic = clock.now_ms(), clock.monotonic()

    def look(self) -> int:
        """Return by how many ms the wall clock was set since the last look, back if negative; 0: it was not.

        Notes:
            That it was set is said again until `taken`: the turn that was to note it may fail.
            A machine that slept looks like one whose clock was set forward.
        """
        wall_ms, monotonic = self._clock.now_ms(), self._clock.monotonic()
        step_ms = wall_ms - self._wall_ms - round((monotonic - self._monotonic) * 1000)
        if abs(step_ms) >= STEP_MS_MIN:
            return step_ms
        self._wall_ms, self._monotonic = wall_ms, monotonic
        return 0

    def taken(self, step_ms: int) -> None:
        """A step that `look` gave is noted for good."""
        self._wall_ms += step_ms
