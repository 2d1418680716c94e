"""The clock seam."""

import pytest

from jaz_lite.clock import Clock, SystemClock, VirtualClock


def test_a_virtual_clock_moves_only_when_told() -> None:
    clock = VirtualClock(now_ms=1_000, monotonic=5.0)
    assert (clock.now_ms(), clock.monotonic()) == (1_000, 5.0)

    clock.advance(1.5)

    assert (clock.now_ms(), clock.monotonic()) == (2_500, 6.5)


def test_setting_the_wall_clock_is_not_seen_by_monotonic_time() -> None:
    clock = VirtualClock(now_ms=1_000, monotonic=5.0)

    clock.set_wall(10)

    assert (clock.now_ms(), clock.monotonic()) == (10, 5.0)


def test_time_does_not_go_back() -> None:
    with pytest.raises(AssertionError):
        VirtualClock().advance(-1)


def test_the_system_clock_is_a_clock() -> None:
    clock: Clock = SystemClock()

    assert clock.now_ms() > 1_700_000_000_000
    assert clock.monotonic() <= clock.monotonic()
