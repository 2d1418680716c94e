"""Ways in which another server takes over: what becomes of the old one, and which copy the new one has."""

import random
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.failover.load import Load
from tests.failover.machines import ENDS_WITHIN_S, NOT_COPIED, REPLACED, SEEMS_ACTIVE, Server
from tests.failover.site import SERVERS, FailoverSite, refused

APART_S = (0.5, 3.0, 12.0)  # how long two servers go on beside each other


class Switch:
    """One takeover. `site.active` is the new server afterwards; the old ones learn it when all is mended."""

    def __init__(self, site: FailoverSite, load: Load, chance: random.Random) -> None:
        self.copy_age = ""
        self._site = site
        self._load = load
        self._chance = chance

    def play(self, kind: str) -> None:
        """Have it happen in one of the ways of `KINDS`."""
        KINDS[kind](self)

    # ---- ways

    def dead(self) -> None:
        """The old server is dead, and comes back by habit when the new one is there."""
        old = self._site.active
        old.kill()
        self._off_and_on(lambda: self._take_over(self._copy(old)))
        self._comes_back(old)

    def dead_and_gone(self) -> None:
        """The old server is dead and stays away."""
        old = self._site.active
        old.kill()
        self._take_over(self._copy(old))

    def cut_off(self) -> None:
        """The old server is well, and nobody hears it."""
        old = self._site.active
        old.host.cut()
        self._take_over(self._copy(None), "--force")
        time.sleep(self._chance.choice(APART_S))

    def one_way(self) -> None:
        """The old server hears nobody, or nobody hears it."""
        old = self._site.active
        self._chance.choice((old.host.lose_incoming, old.host.lose_outgoing))()
        self._take_over(self._copy(None), "--force")
        time.sleep(self._chance.choice(APART_S))

    def frozen(self) -> None:
        """The old server's machine is paused, and goes on as if nothing had been."""
        old = self._site.active
        self._load.freeze(old)
        self._take_over(self._copy(None), "--force")
        time.sleep(self._chance.choice(APART_S))
        old.thaw()

    def alive(self) -> None:
        """The old server is well: only force takes over, and it stops at once."""
        old = self._site.active
        copy = self._copy(None)
        place = self._site.copy_to(self._elsewhere(), copy)
        code, said = refused(place, "activate", "--no-agent", "--yes", "--no-run")
        assert code == SEEMS_ACTIVE, f"a takeover beside a server that lives ended with {code}: {said}"
        self._activate(place, "--force")
        assert old.ended() == REPLACED, f"{old} ended with {old.exit_code}: {old.said()}"

    def twice(self) -> None:
        """Two machines take over with the same copy, one after the other."""
        old = self._site.active
        old.kill()
        copy = self._copy(old)
        self._take_over(copy)
        time.sleep(self._chance.choice(APART_S))
        self._take_over(copy, "--force")

    def apart(self) -> None:
        """Two machines take over with the same copy, neither of which hears of the other."""
        old = self._site.active
        old.kill()
        copy = self._copy(old)
        agents = self._chance.sample(["a1", "a2", "a4"], k=self._chance.randint(0, 2))
        for name in agents:
            self._site.hosts[name].cut()
        self._take_over(copy)
        self._site.active.host.cut()
        for name in agents:
            self._site.hosts[name].mend()
        self._take_over(copy, "--force")
        time.sleep(self._chance.choice(APART_S))

    def returned(self) -> None:
        """A server that was replaced takes over again with its own directory, on purpose."""
        first = self._site.active
        first.kill()
        self._take_over(self._copy(first))
        second = self._site.active
        first.start()
        assert first.ended() == REPLACED, f"{first} ended with {first.exit_code}: {first.said()}"
        second.kill()
        self._activate(first, "--after-fence", "--force")
        self.copy_age = f"{self.copy_age}, then its own"

    def standby(self) -> None:
        """The old server dies, and the standby that followed it takes over with what it has."""
        old, place = self._site.active, self._followed()
        old.kill()
        following = place.process
        self._activate(place)
        assert following is not None
        following.wait(ENDS_WITHIN_S)
        self._comes_back(old)

    def handed_over(self) -> None:
        """The old server is well and hands the site over to its standby: nothing is lost, and it stops."""
        old, place = self._site.active, self._followed()
        old.command("switchover", place.host.address)
        assert old.ended() == REPLACED, f"{old} ended with {old.exit_code}: {old.said()}"
        assert place.wait_started(), f"{place} was handed the site and ended with {place.exit_code}: {place.said()}"
        self._site.active = place

    # ---- steps

    def _followed(self) -> Server:
        """Return a standby that follows the active server."""
        if not self._site.active.lives:
            self._site.active.start()
        assert self._site.active.wait_started(), self._site.active.said()
        place = self._site.server_on(self._elsewhere())
        place.follow(self._site.active)
        self.copy_age = "followed"
        return place

    def _copy(self, dead: Server | None) -> Path:
        """Return a copy to take over with: of a dead server its whole directory, the newest, or any older one."""
        copies = self._site.copies
        self.copy_age = self._chance.choice(("newest", "older", "whole") if dead else ("newest", "older", "newest"))
        if self.copy_age == "whole" and dead is not None:
            whole = self._site.new_copy()
            shutil.copytree(dead.data, whole, ignore=NOT_COPIED)
            return whole
        return copies[-1] if self.copy_age == "newest" else self._chance.choice(copies)

    def _elsewhere(self) -> str:
        here = self._site.active.host
        return self._chance.choice([name for name in SERVERS if self._site.hosts[name] is not here])

    def _take_over(self, copy: Path, *words: str) -> None:
        self._activate(self._site.copy_to(self._elsewhere(), copy), *words)

    def _activate(self, place: Server, *words: str) -> None:
        """Take over; a server that was only just killed may have agents say so: they are asked again."""
        place.activate(*words)
        assert place.wait_started(), f"{place} did not take over ({place.exit_code}): {place.said()}"
        self._site.active = place

    def _off_and_on(self, happens: Callable[[], None]) -> None:
        """Have something happen while an agent or two are off."""
        off = self._chance.sample(["a1", "a2", "a3", "a4"], k=self._chance.randint(0, 2))
        for name in off:
            self._site.kill_agent(name)
        happens()
        for name in off:
            self._site.start_agent(name)

    def _comes_back(self, old: Server) -> None:
        """The old server is started by habit; whether it meets anybody at once or not."""
        if self._chance.random() < 0.3:
            old.host.cut()
        old.start()


KINDS: Mapping[str, Callable[[Switch], None]] = {
    "dead": Switch.dead,
    "dead and gone": Switch.dead_and_gone,
    "cut off": Switch.cut_off,
    "one way": Switch.one_way,
    "frozen": Switch.frozen,
    "alive": Switch.alive,
    "twice": Switch.twice,
    "apart": Switch.apart,
    "returned": Switch.returned,
    "dead beside a standby": Switch.standby,
    "handed over": Switch.handed_over,
}
