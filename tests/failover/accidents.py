"""What happens by the way: servers, agents and keepers that die, cables that are pulled, copies that are taken."""

import random
import subprocess
import time
from collections import Counter
from pathlib import Path

from tests.failover.site import AGENTS, HIDDEN, FailoverSite

AWAY_S = (0.0, 0.3, 1.5)
KINDS = ("server", "agent", "agent", "keeper", "cut", "one way", "copy", "copy", "all")
COPY_WITHIN_S = 90.0


class Accidents:
    """Plays some, and counts them."""

    def __init__(self, site: FailoverSite, chance: random.Random) -> None:
        self.count: Counter[str] = Counter()
        self._site = site
        self._chance = chance
        self._copies: list[tuple[subprocess.Popen[bytes], Path]] = []

    def play(self, number: int, span_s: float) -> None:
        """Have this many happen within a span."""
        chance = self._chance
        plan = sorted(
            (chance.uniform(0, span_s), chance.choice(KINDS), chance.choice(AGENTS), chance.choice(AWAY_S))
            for _ in range(number)
        )
        began = time.monotonic()
        for at_s, kind, agent, away_s in plan:
            time.sleep(max(0.0, began + at_s - time.monotonic()))
            self._happen(kind, agent, away_s)
        self._take_copies()

    def _happen(self, kind: str, agent: str, away_s: float) -> None:
        site = self._site
        self.count[kind] += 1
        match kind:
            case "server":
                site.active.kill()
                time.sleep(away_s)
                site.active.start()
            case "agent":
                site.kill_agent(agent)
                time.sleep(away_s)
                site.start_agent(agent)
            case "keeper":
                self.count[kind] += site.kill_keeper(agent) - 1
            case "cut":
                site.hosts[agent].cut()
                time.sleep(away_s)
                site.hosts[agent].mend()
            case "one way":
                host = site.hosts[agent]
                self._chance.choice((host.lose_incoming, host.lose_outgoing))()
                time.sleep(away_s)
                host.allow_all()
                if agent == HIDDEN:
                    host.refuse_outgoing()
            case "all":
                site.active.kill()
                for name in AGENTS:
                    site.kill_agent(name)
                    site.kill_keeper(name)
                time.sleep(away_s)
                for name in AGENTS:
                    site.start_agent(name)
                site.active.start()
            case "copy":
                target = site.new_copy()
                self._copies.append((site.active.snapshot(target), target))

    def _take_copies(self) -> None:
        """Those that were finished can be used; one whose server died under it may be among them or not."""
        for taking, target in self._copies:
            if taking.wait(COPY_WITHIN_S) == 0:
                self._site.keep_copy(target)
        self._copies.clear()
