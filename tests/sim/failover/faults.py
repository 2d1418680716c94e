"""What goes wrong with servers: copies that take over, come back, and are set back, beside what goes wrong anyway."""

from collections.abc import Callable, Sequence

from tests.sim.failover.server import ACTIVATION_DEATHS
from tests.sim.failover.shelf import Copy
from tests.sim.failover.site import Site
from tests.sim.faults import Faults

# In a world either servers or machines are set back: nobody can tell what both have forgotten (protocol 8.8, R7).
OF_SERVERS = (
    "snapshot",
    "snapshot",
    "cold copy",
    "take over",
    "take over",
    "set back",
    "comes back",
    "apart",
    "isolated",
)
OF_MACHINES = ("machine snapshot", "switch", "apart", "isolated")
ANYWAY = (
    "cut",
    "weather",
    "server crash",
    "agent crash",
    "agent stop",
    "keeper crash",
    "power cut",
    "agent disk",
    "server disk",
    "clock",
)
FORCED = 0.7  # of the activations: whatever others say of a living server
SERVER_CLOCK_MS = (-90_000, -7_000, 7_000, 90_000, 3_600_000)
APART_MS = (1_000, 20_000, 60_000, 200_000)


class SiteFaults(Faults):
    """The one who breaks things, where there are several servers."""

    def __init__(self, site: Site, *, machines_set_back: bool) -> None:
        self.site = site
        of_servers: Sequence[str] = OF_MACHINES if machines_set_back else OF_SERVERS
        super().__init__(site.world, site.network, lambda: site.active, site.machines, kinds=ANYWAY)
        self.kinds += of_servers

    def ways(self) -> dict[str, Callable[[], None]]:
        return {
            **super().ways(),
            "snapshot": self._copy,
            "cold copy": self._cold_copy,
            "take over": self._take_over,
            "set back": self._set_back,
            "comes back": self._comes_back,
            "apart": self._apart,
            "isolated": self._isolated,
            "machine snapshot": self._snapshot,
            "switch": self._switch,
        }

    def heal(self) -> None:
        super().heal()
        self.site.healed = True
        self.network.parted.clear()
        for server in self.site.servers:
            server.dies_activating = server.crash_at = None
            if server.disk_full:
                server.set_disk_full(False)

    # ---- copies

    def _copy(self) -> None:
        if self.site.active.ever_ran:
            self.world.counts["snapshots of a server"] += 1
            self.site.shelf.take(self.site.active)

    def _cold_copy(self) -> None:
        """The server is stopped, its directory is copied, and it goes on, or will not."""
        server = self.site.active
        if server.alive:
            server.crash("idle")
            self.world.counts["cold copies"] += 1
            self.site.shelf.take(server)

    def _take_over(self) -> None:
        """A copy takes over, often an old one, while the server before it is dead, cut off, or alive."""
        if not self.site.shelf.copies:
            return
        before = self.site.active
        place = self.dice.choice([name for name in self.site.places if name != before.place] * 3 + [before.place])
        how = self.dice.choice(("dead", "dead", "cut off", "alive"))
        if how == "dead":
            before.stop_for_good("its host died")
        elif how == "cut off":
            self._isolate(before.place)
        newest_mostly = [*self.site.shelf.copies, *[self.site.shelf.copies[-1]] * 3]
        self._activate(self.dice.choice(newest_mostly), place)

    def _activate(self, copy: Copy, place: str) -> None:
        self.world.counts["copies tried"] += 1
        death = self.dice.choice((None, None, None, *ACTIVATION_DEATHS))
        self.site.take_over(copy, place, force=self.dice.random() < FORCED, dies=death)

    def _set_back(self) -> None:
        """The directory of a server becomes what it was, in place, and it is simply started again.

        Not where work goes to groups: if the one member that could tell is away, nobody knows what it was given, and
        the next one to come is given it, too. Only a takeover says that there is something to wait for.
        """
        if self.site.has_groups:
            return
        server = self.dice.choice(self.site.servers)
        copies = [copy for copy in self.site.shelf.copies if copy.origin == server.folder]
        if copies and not server.rests and server.ever_ran:
            if server.alive:
                server.crash("idle")
            self.world.counts["directories set back"] += 1
            self.site.shelf.put_back(self.dice.choice(copies), server.folder, server.name)

    def _comes_back(self) -> None:
        """A server that was dead or replaced is started again, as if nothing had happened."""
        resting = [server for server in self.site.servers if not server.alive and server.ever_ran]
        if resting:
            server = self.dice.choice(resting)
            if self.site.running_at(server.place) is None:
                self.world.counts["servers come back"] += 1
                server.rests = False
                server.boot()

    def _switch(self) -> None:
        """The server is stopped, and its whole directory goes on elsewhere."""
        before = self.site.active
        if not before.alive:
            return
        before.stop_for_good("its directory moves")
        copy = self.site.shelf.take(before)
        self._activate(copy, self.dice.choice(self.site.places))

    # ---- the net

    def _apart(self) -> None:
        """Two machines cannot reach each other for a while."""
        names = [*self.site.places, *(machine.name for machine in self.machines)]
        self._part(self.dice.choice(self.site.places), self.dice.choice(names))

    def _isolated(self) -> None:
        self._isolate(self.dice.choice(self.site.places))

    def _isolate(self, place: str) -> None:
        """A server loses most of the others."""
        for name in (*self.site.places, *(machine.name for machine in self.machines)):
            if self.dice.random() < 0.8:
                self._part(place, name)

    def _part(self, place: str, name: str) -> None:
        if place != name:
            self.network.part(place, name)
            self.world.counts["partitions"] += 1
            self.world.after(self.dice.choice(APART_MS), self.network.join, place, name)

    def _cut(self) -> None:
        self.network.tear(self._machine().name, self.dice.choice(self.site.places))

    def _clock(self) -> None:
        """Somebody sets the clock of a machine, or of a server's host."""
        if self.dice.random() < 0.5:
            super()._clock()
            return
        clock = self.site.clocks[self.dice.choice(self.site.places)]
        clock.offset_ms += self.dice.choice(SERVER_CLOCK_MS)
        self.world.counts["clocks of servers set"] += 1
