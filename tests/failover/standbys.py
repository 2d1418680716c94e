"""Ways in which a standby takes over: it is told to, it is handed the site, or the agents elect it."""

import time
from collections.abc import Callable, Mapping

from tests.failover.machines import ENDS_WITHIN_S, PROMOTED_AFTER_S, Server
from tests.failover.steps import Steps, stops
from tests.lab.parts import comes_true

AWAY_S = (2.0, 9.0, 40.0)  # a standby that is cut off: hardly noticed, behind, and given up
NOTICED_AFTER_S, GIVEN_UP_AFTER_S = 9.0, 30.0
ELECTED_WITHIN_S = 90.0  # an agent that was started anew has to be silent as long itself


def activated(steps: Steps) -> None:
    """The old server dies, and the standby that followed it takes over with what it has."""
    old, place = steps.site.active, steps.followed()
    _activate_instead(steps, old, place)
    steps.comes_back(old)


def carried_over(steps: Steps) -> None:
    """The standby began with a snapshot that was carried over, old or new; then the old server dies."""
    old = steps.up()
    place = steps.site.copy_to(steps.elsewhere(), steps.copy(None))
    steps.follow(place, old)
    steps.copy_age = f"{steps.copy_age}, then followed"
    _activate_instead(steps, old, place)


def handed_over(steps: Steps) -> None:
    """The old server is well and hands the site over to its standby: nothing is lost, and it stops."""
    old, place = steps.site.active, steps.followed()
    _hand_over(steps, old, place)


def handed_back(steps: Steps) -> None:
    """The site is handed over, the old server follows with its own directory, and gets it back."""
    old, place = steps.site.active, steps.followed()
    _hand_over(steps, old, place)
    old.follow(place)
    _hand_over(steps, place, old)


def parted(steps: Steps) -> None:
    """A standby is cut off and heard again: it says so, catches up, and takes over with all that was missing."""
    old, place = steps.site.active, steps.followed()
    away_s = steps.chance.choice(AWAY_S)
    place.host.cut()
    time.sleep(away_s)
    if away_s >= NOTICED_AFTER_S:
        _is_told(old, place, away_s)
    place.host.mend()
    place.wait_until_current(old)
    steps.copy_age = f"followed, {away_s:.0f} s away"
    _activate_instead(steps, old, place)


def promoted(steps: Steps) -> None:
    """The old server dies, and nobody does anything: the agents elect its standby."""
    old, place = _elective(steps)
    old.kill()
    _is_elected(steps, place)
    steps.comes_back(old)


def promoted_beside(steps: Steps) -> None:
    """The old server is well, and cut off from everybody: it stops working before the agents elect its standby."""
    old, place = _elective(steps)
    old.host.cut()
    _is_elected(steps, place)
    assert "promotion.paused" in old.log.read_text(), f"{old} went on beside a standby that was elected: {old.said()}"
    steps.apart()


def not_promoted(steps: Steps) -> None:
    """Only the standby is cut off from the old server: the agents do not elect it. Later it is handed the site."""
    old, place = _elective(steps)
    old.host.part_from(place.host)
    until = time.monotonic() + PROMOTED_AFTER_S * 1.5
    while time.monotonic() < until:
        told = place.standby_status()
        assert told["state"] == "standby", f"{place} took over from a server that the agents hear: {place.said()}"
        time.sleep(1.0)
    assert any("does not take over by itself" in notice for notice in told["notices"]), f"it does not say why: {told}"
    old.host.allow_all()
    place.wait_until_current(old)
    steps.copy_age = "followed, not elected"
    _hand_over(steps, old, place)


# ---- steps of these ways


def _is_told(old: Server, place: Server, away_s: float) -> None:
    """Both sides say that a standby is cut off."""
    told = place.standby_status()
    assert told["heard_s"] > away_s / 2, f"a standby that is cut off says: {told}"
    shown = old.ask("status")["standbys"]
    if away_s < GIVEN_UP_AFTER_S:
        assert all(one["behind_changes"] for one in shown), f"a standby that is cut off is shown as {shown}"
    else:
        assert told["notices"], f"a standby that is cut off says: {told}"
        assert not shown, f"a standby that is cut off is shown as {shown}"


def _activate_instead(steps: Steps, old: Server, place: Server) -> None:
    """Kill the active, and take over with the copy of its standby, which lets go of it."""
    old.kill()
    following = place.process
    steps.activate(place)
    assert following is not None
    assert following.wait(ENDS_WITHIN_S) == 0, f"the standby ended with {following.returncode}: {place.said()}"


def _hand_over(steps: Steps, old: Server, place: Server) -> None:
    old.command("switchover", place.host.address)
    stops(old)
    assert place.wait_started(), f"{place} was handed the site and ended with {place.exit_code}: {place.said()}"
    steps.site.active = place


def _elective(steps: Steps) -> tuple[Server, Server]:
    """Return the active and a standby, both with automatic promotion."""
    old = steps.up()
    if not old.elective:
        old.kill()
        old.configure(steps.site.peers, elective=True)
        steps.up()
    steps.site.wait_for_agents(old)
    return old, steps.followed()


def _is_elected(steps: Steps, place: Server) -> None:
    """Wait until a standby took over by itself."""
    began = time.monotonic()
    comes_true(f"{place} is elected", place.answers, within_s=ELECTED_WITHIN_S)
    took_s = time.monotonic() - began
    assert took_s > PROMOTED_AFTER_S / 2, f"{place} took over after {took_s:.0f} s: {place.said()}"
    steps.copy_age = f"followed, elected after {took_s:.0f} s"
    steps.site.active = place


WITH_A_STANDBY: Mapping[str, Callable[[Steps], None]] = {
    "dead beside a standby": activated,
    "dead beside a standby carried over": carried_over,
    "dead beside a standby that was away": parted,
    "dead, a standby is elected": promoted,
    "cut off, a standby is elected": promoted_beside,
    "cut off from its standby only": not_promoted,
    "handed over": handed_over,
    "handed over and back": handed_back,
}
