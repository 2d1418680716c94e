"""Ways in which a server with a copy takes over: what becomes of the old one, and which copy the new one has."""

import time
from collections.abc import Callable, Mapping

from tests.failover.machines import REPLACED, SEEMS_ACTIVE
from tests.failover.site import refused
from tests.failover.standbys import WITH_A_STANDBY
from tests.failover.steps import Steps, stops
from tests.lab import wall_clock
from tests.lab.disks import why_not

ROOM_BYTES = (0, 44 * 1024, 96 * 1024, 256 * 1024, 1024 * 1024)
FULL_S = 8.0
MINUTES, MINUTE_S = 60, 1.2  # so fast an hour goes by


def dead(steps: Steps) -> None:
    """The old server is dead, and comes back by habit when the new one is there."""
    old = steps.site.active
    old.kill()
    steps.off_and_on(lambda: steps.take_over(steps.copy(old)))
    steps.comes_back(old)


def dead_and_gone(steps: Steps) -> None:
    """The old server is dead and stays away."""
    old = steps.site.active
    old.kill()
    steps.take_over(steps.copy(old))


def cut_off(steps: Steps) -> None:
    """The old server is well, and nobody hears it."""
    old = steps.site.active
    old.host.cut()
    steps.take_over(steps.copy(None), "--force")
    steps.apart()


def one_way(steps: Steps) -> None:
    """The old server hears nobody, or nobody hears it."""
    old = steps.site.active
    steps.chance.choice((old.host.lose_incoming, old.host.lose_outgoing))()
    steps.take_over(steps.copy(None), "--force")
    steps.apart()


def frozen(steps: Steps) -> None:
    """The old server's machine is paused, and goes on as if nothing had been."""
    old = steps.site.active
    old.freeze()
    steps.take_over(steps.copy(None), "--force")
    steps.apart()
    old.thaw()


def alive(steps: Steps) -> None:
    """The old server is well: only force takes over, and it stops at once."""
    old = steps.site.active
    copy = steps.copy(None)
    place = steps.site.copy_to(steps.elsewhere(), copy)
    code, said = refused(place, "activate", "--no-agent", "--yes", "--no-run")
    assert code == SEEMS_ACTIVE, f"a takeover beside a server that lives ended with {code}: {said}"
    steps.activate(place, "--force")
    stops(old)


def twice(steps: Steps) -> None:
    """Two machines take over with the same copy, one after the other."""
    old = steps.site.active
    old.kill()
    copy = steps.copy(old)
    steps.take_over(copy)
    steps.apart()
    steps.take_over(copy, "--force")


def apart(steps: Steps) -> None:
    """Two machines take over with the same copy, neither of which hears of the other."""
    old = steps.site.active
    old.kill()
    copy = steps.copy(old)
    agents = steps.chance.sample(["a1", "a2", "a4"], k=steps.chance.randint(0, 2))
    for name in agents:
        steps.site.hosts[name].cut()
    steps.take_over(copy)
    steps.site.active.host.cut()
    for name in agents:
        steps.site.hosts[name].mend()
    steps.take_over(copy, "--force")
    steps.apart()


def returned(steps: Steps) -> None:
    """A server that was replaced takes over again with its own directory, on purpose; the other one is dead, or well."""
    first = steps.site.active
    first.kill()
    steps.take_over(steps.copy(first))
    second = steps.site.active
    first.start()
    stops(first)
    code, said = refused(first, "activate", "--no-agent", "--yes", "--no-run")
    assert code in (SEEMS_ACTIVE, REPLACED), f"a server that was replaced is activated by habit ({code}): {said}"
    lives = steps.chance.random() < 0.5
    if not lives:
        second.kill()
    steps.activate(first, "--after-fence", "--force")
    if lives:
        stops(second)
    steps.copy_age = f"{steps.copy_age}, then its own"


def nearly_full(steps: Steps) -> None:
    """The old server is dead, and the copy lies on a disk with hardly any room; later there is room again."""
    if why_not():
        dead_and_gone(steps)
        steps.copy_age += " (no disk of its own can be made here)"
        return
    steps.site.active.kill()
    place, disk = steps.site.copy_to_a_disk(steps.elsewhere(), steps.copy(steps.site.active))
    left = steps.chance.choice(ROOM_BYTES)
    disk.leave(left)
    steps.copy_age += f" with {left // 1024} KiB of room"
    place.activate()
    if place.wait_started():
        steps.site.active = place
        time.sleep(FULL_S)
        assert place.lives, f"{place} ended with {place.exit_code} when its disk was full: {place.said()}"
        steps.copy_age += ", full" if "the disk is full" in place.log.read_text() else ", never full"
        disk.grow()
    else:
        assert "the disk is full" in place.said(), f"{place} did not take over ({place.exit_code}): {place.said()}"
        steps.copy_age += ", refused"
        disk.grow()
        steps.activate(place)


def hour_old(steps: Steps) -> None:
    """The old server is dead, and the copy is an hour old; all schedules fired every minute of it."""
    old, clock = steps.up(), steps.site.clock
    if clock is None:
        dead_and_gone(steps)
        steps.copy_age += f" ({wall_clock.WHY_NOT})"
        return
    copy = steps.site.take_copy()
    for _ in range(MINUTES):
        clock.set_forward(60)
        time.sleep(MINUTE_S)
    old.kill()
    steps.take_over(copy)
    steps.copy_age = "an hour old"


KINDS: Mapping[str, Callable[[Steps], None]] = {
    "dead": dead,
    "dead and gone": dead_and_gone,
    "cut off": cut_off,
    "one way": one_way,
    "frozen": frozen,
    "alive": alive,
    "twice": twice,
    "apart": apart,
    "returned": returned,
    "dead, and the copy is an hour old": hour_old,
    "dead, and the new one's disk is nearly full": nearly_full,
    **WITH_A_STANDBY,
}
