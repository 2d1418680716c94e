"""The servers of a site, their machines, and the one that people take for the server."""

from pathlib import Path

from jaz_lite.failover.judgement import AgentSaid, ServerSaid
from tests.sim.agent import Agent
from tests.sim.failover.server import SiteServer
from tests.sim.failover.shelf import Copy, Shelf
from tests.sim.machine import Machine
from tests.sim.network import Network
from tests.sim.oracle import Oracle
from tests.sim.world import World, WorldClock

PORT = 11_061


class Site:
    """See the module.

    Args:
        places: the hosts on which servers may run. waiting: agents that wait to be dialled.
        tells_peers: agents are told of all places.
    """

    def __init__(
        self, world: World, network: Network, oracle: Oracle, root: Path, places: list[str], *, tells_peers: bool
    ) -> None:
        self.world = world
        self.network = network
        self.oracle = oracle
        self.places = places
        self.clocks = {place: WorldClock(world, world.dice(place).randint(-5_000, 5_000)) for place in places}
        self.shelf = Shelf(root, oracle)
        self.machines: list[Machine] = []
        self.waiting: set[str] = set()
        self.servers: list[SiteServer] = []
        self.active: SiteServer  # as people think: the one that took over last
        self.healed = False
        self.has_groups = False
        self._tells_peers = tells_peers

    def addresses(self) -> tuple[str, ...]:
        """Return what agents are told: where servers may be found."""
        return tuple(f"{place}:{PORT}" for place in self.places) if self._tells_peers else ()

    def running(self) -> list[SiteServer]:
        """Return the servers that run."""
        return [server for server in self.servers if server.alive]

    def running_at(self, place: str) -> SiteServer | None:
        """Return the server that runs on a host."""
        return next((server for server in self.running() if server.place == place), None)

    def begin(self, folder: Path) -> SiteServer:
        """Start the first server, on a directory that is ready."""
        server = SiteServer(self, self.places[0], folder)
        self.servers.append(server)
        self.active = server
        server.boot()
        return server

    def take_over(self, copy: Copy, place: str, *, force: bool, dies: str | None = None) -> SiteServer | None:
        """Activate a copy on a host; a server that runs there is stopped. None: it was refused."""
        for server in self.servers:
            if server.place == place:
                server.stop_for_good("another directory is to run here")
        server = SiteServer(self, place, self.shelf.unpack(copy, place))
        server.bound = False
        server.dies_activating = dies
        if not server.activate(force=force):
            return None
        self.servers.append(server)
        self.active = server
        return server

    def answers(self, place: str, server: SiteServer) -> tuple[list[AgentSaid], list[ServerSaid]]:
        """Return what agents and servers answer who can be reached from the host of a server that is not up."""
        agents = [
            AgentSaid(
                agent_id=machine.name,
                term=machine.agent.site.member.term.term,
                act=machine.agent.site.member.term.act,
                proven=True,
                silent_s=_silent_s(machine.agent),
                in_session=machine.agent.site.link is not None,
                ahead=_is_ahead(machine.agent, server),
                heard_s=machine.agent.site.member.heard_s(machine.agent.now()),
            )
            for machine in self.machines
            if machine.agent is not None and self.network.can_reach(place, machine.name)
        ]
        servers = [
            ServerSaid(address=server.place, state="active", term=server.term, act=server.identity.act, proven=True)
            for server in self.running()
            if server.place != place and self.network.can_reach(place, server.place)
        ]
        return agents, servers


def _is_ahead(agent: Agent, server: SiteServer) -> bool:
    """Tell whether more of an agent's events was confirmed to it than a directory holds."""
    spool, cursor, _ = server.ledger.cursors.get(agent.site.record.agent_id, (b"", 0, b""))
    facts = agent.site.log.facts()
    return bool(facts["spool"] == spool and facts["acked"] > cursor)


def _silent_s(agent: Agent) -> int:
    return int(agent.now().mono - agent.site.member.heard_at)
