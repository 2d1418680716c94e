"""What ways of taking over are made of: copies, places, servers that die, follow, take over and come back."""

import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from jaz_lite.failover.judgement import SILENT_S
from tests.failover.load import Load
from tests.failover.machines import NOT_COPIED, REPLACED, SEEMS_ACTIVE, Server
from tests.failover.site import SERVERS, FailoverSite

HIDDEN_S = 2 * SILENT_S  # so long a connection may look alive whose other end is gone
APART_S = (0.5, 3.0, 12.0)  # how long two servers go on beside each other


class Steps:
    """Of one takeover. `site.active` is the new server afterwards; the old ones learn it when all is mended."""

    def __init__(self, site: FailoverSite, load: Load, chance: random.Random) -> None:
        self.site = site
        self.load = load
        self.chance = chance
        self.copy_age = ""

    # ---- copies

    def copy(self, dead: Server | None) -> Path:
        """Return a copy to take over with: of a dead server its whole directory, the newest, or any older one."""
        copies = self.site.copies
        self.copy_age = self.chance.choice(("newest", "older", "whole") if dead else ("newest", "older", "newest"))
        if self.copy_age == "whole" and dead is not None:
            whole = self.site.new_copy()
            shutil.copytree(dead.data, whole, ignore=NOT_COPIED)
            return whole
        return copies[-1] if self.copy_age == "newest" else self.chance.choice(copies)

    def elsewhere(self) -> str:
        """Return a machine on which the active server is not."""
        here = self.site.active.host
        return self.chance.choice([name for name in SERVERS if self.site.hosts[name] is not here])

    # ---- taking over

    def take_over(self, copy: Path, *words: str) -> None:
        """Carry a copy to another machine, and take over with it."""
        self.activate(self.site.copy_to(self.elsewhere(), copy), *words)

    def activate(self, place: Server, *words: str) -> None:
        """Take over; where a cut hides that the old server is gone, it is told that this one seems active: wait, try again."""
        until = time.monotonic() + HIDDEN_S
        following = place.process
        place.activate(*words)
        while not place.wait_started() and place.exit_code == SEEMS_ACTIVE and time.monotonic() < until:
            time.sleep(SILENT_S / 10)
            place.process = following  # its standby, if there is one, goes on meanwhile
            place.activate(*words)
        assert place.wait_started(), f"{place} did not take over ({place.exit_code}): {place.said()}"
        self.site.active = place

    # ---- standbys

    def up(self) -> Server:
        """Return the active server; where an accident ended it, it is started."""
        active = self.site.active
        if not active.lives:
            active.start()
        assert active.wait_started(), active.said()
        return active

    def followed(self) -> Server:
        """Return a standby that follows the active server, begun with an invitation."""
        active = self.up()
        place = self.site.server_on(self.elsewhere())
        self.follow(place, active, *active.invitation())
        self.copy_age = "followed"
        return place

    def follow(self, place: Server, active: Server, *words: str) -> None:
        """Have a standby follow, and give it settings of its own: where it is found is not in what it copied."""
        place.follow(active, *words)
        place.kill()
        place.configure(self.site.peers, elective=active.elective)
        place.follow(active)

    # ---- by the way

    def apart(self) -> None:
        """Let two servers go on beside each other for a while."""
        time.sleep(self.chance.choice(APART_S))

    def off_and_on(self, happens: Callable[[], None]) -> None:
        """Have something happen while an agent or two are off."""
        off = self.chance.sample(["a1", "a2", "a3", "a4"], k=self.chance.randint(0, 2))
        for name in off:
            self.site.kill_agent(name)
        happens()
        for name in off:
            self.site.start_agent(name)

    def comes_back(self, old: Server) -> None:
        """The old server is started by habit; whether it meets anybody at once or not."""
        if self.chance.random() < 0.3:
            old.host.cut()
        old.start()


def stops(old: Server) -> None:
    """A server that lives beside one that took over learns it, and ends."""
    assert old.ended() == REPLACED, f"{old} ended with {old.exit_code}: {old.said()}"
