"""One seed of several servers: faults, then peace, then one server is left and nothing is undone."""

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from jaz_lite.model.host import Host
from jaz_lite.model.plain import to_plain
from jaz_lite.runner.inputs import Write
from jaz_lite.store.agents import AgentRow
from jaz_lite.store.connection import DATABASE_FILE
from jaz_lite.store.open import Store
from tests.sim import jobnets
from tests.sim.copied_files import CopyFiles
from tests.sim.copies import deadly_copies
from tests.sim.failover import truth
from tests.sim.failover.faults import SiteFaults
from tests.sim.failover.schedules import Schedules
from tests.sim.failover.server import SiteServer
from tests.sim.failover.site import PORT, Site
from tests.sim.ledger import Ledger
from tests.sim.machine import AGENT_KEY, Machine, draw_policy, enrolled
from tests.sim.network import Network
from tests.sim.observe import observed
from tests.sim.oracle import Oracle
from tests.sim.workload import People
from tests.sim.world import Violation, World, WorldClock

GROUP = "farm"
GROUP_SHARE = 0.4
MACHINES_SET_BACK = 0.2  # of the worlds; in the others servers are
COPIES = 0.3  # of the worlds have jobnets that copy files
FAULTS_MS = (45_000, 90_000, 150_000, 300_000)
ALONE_MS_MAX = 900_000  # within which all servers but one must have stopped
NOBODY_MS = 20_000  # then people let a server take over again
STEADY_MS = 90_000
DRAIN_MS = 6 * 3_600_000
SETTLE_MS = 30_000


def play_failover(world: World, folder: Path, stack: ExitStack) -> None:
    """Play one seed, in the temporary directory of `folder`."""
    dice = world.dice("scenario")
    oracle = Oracle(world)
    network = Network(world)
    places = [f"s{number}" for number in range(1, dice.choice((2, 2, 3)) + 1)]
    site = Site(world, network, oracle, folder.parent, places, tells_peers=dice.random() < 0.7)
    oracle.ledgers[str(folder / DATABASE_FILE)] = Ledger(oracle, places[0])
    schedules = Schedules(world)
    names = [f"a{number}" for number in range(1, dice.randint(1, 3) + 1)]
    copies = world.dice("copies").random() < COPIES
    site_uid, nets, site.has_groups = _furnish(world, folder, names, schedules, copies=copies)
    machines_set_back = dice.random() < MACHINES_SET_BACK and not copies
    for name in names:
        known = dice.sample(places, dice.randint(1, len(places)))
        policy = replace(
            draw_policy(dice), durability="strict", rollback_guard="strict" if machines_set_back else "normal"
        )
        record = enrolled(name, site_uid, *(f"{place}:{PORT}" for place in known))
        machine = Machine(world, network, oracle, name, record=record, policy=policy)
        site.machines.append(machine)
        if copies:
            machine.copy_files = CopyFiles(machine, folder.parent / f"files-{name}")
        if dice.random() < 0.4:
            site.waiting.add(name)
    owners = {id(machine.disk): machine.name for machine in site.machines}
    stack.enter_context(observed(oracle, lambda spool: owners[id(spool._disk)]))
    stack.enter_context(deadly_copies())
    stack.callback(lambda: [server.stop_for_good("the end") for server in site.servers])
    site.begin(folder)
    for machine in site.machines:
        machine.boot()
    hosts = {f"h-{name}": name for name in names}
    runs = dice.choice((2, 5, 10))
    people = People(world, lambda: site.active, oracle, jobnets=nets, hosts=hosts, runs=runs, remap=0.0)
    faults = SiteFaults(site, machines_set_back=machines_set_back)
    world.run(dice.choice(FAULTS_MS))
    faults.heal()
    server = _the_one(world, site)
    people.tidy()
    world.run(world.now_ms + STEADY_MS)
    until_ms = server.clock.now_ms()
    server.submit(Write(schedules.end))
    _drain(world, site, server)
    oracle.at_the_end(server, site.machines, alarms=frozenset())
    truth.check_times(oracle, server, schedules, until_ms)
    truth.check_runs(oracle, server)


def _the_one(world: World, site: Site) -> SiteServer:
    """Let all servers but one stop, as they must; where none is left, people choose one."""
    heal_ms = steady_ms = nobody_ms = world.now_ms
    while True:
        world.run(world.now_ms + 1_000)
        running = site.running()
        if len(running) != 1 or not _all_heard(site):
            steady_ms = world.now_ms  # an agent that comes late may know of a server that replaces this one
        elif site.active is not running[0]:
            site.active = running[0]
        if running:
            nobody_ms = world.now_ms
        if world.now_ms - steady_ms >= STEADY_MS:
            return site.active
        if world.now_ms - nobody_ms >= NOBODY_MS:
            nobody_ms = world.now_ms
            world.counts["activations of the last resort"] += 1
            server = site.active if site.active.ever_ran else site.servers[0]
            site.active = server
            server.stop_for_good("people look at it")
            server.rests = False
            server.activate(force=True)
        if world.now_ms - heal_ms > ALONE_MS_MAX:
            told = [f"{each.name} with term {each.term}" for each in running]
            raise Violation("I11", f"after {ALONE_MS_MAX // 60_000} minutes without faults there run {told}")


def _all_heard(site: Site) -> bool:
    return all(machine.agent is not None and machine.agent.site.in_session for machine in site.machines)


def _drain(world: World, site: Site, server: SiteServer) -> None:
    def drained() -> bool:
        return server.alive and not server.turns.backlog and not len(server.turns.live)

    heal_ms = world.now_ms
    if not world.run(heal_ms + DRAIN_MS, drained):
        live = [(run.run_id, run.state, run.message) for run in server.turns.live]
        raise Violation("I3", f"not over {DRAIN_MS // 3_600_000} hours after the last fault: {live}")
    for _ in range(60):
        world.run(world.now_ms + SETTLE_MS)
        if _settled(site, server):
            return


def _settled(site: Site, server: SiteServer) -> bool:
    """Tell whether nothing is on its way any more."""
    return (
        all(
            machine.agent is not None
            and not machine.jobs
            and machine.agent.site.in_session
            and not len(machine.agent.site.output)
            and not any(attempt.is_open for attempt in machine.agent.site.core.attempts.values())
            for machine in site.machines
        )
        and not any(
            row["state"] in ("ready", "sent", "accepted", "running", "stopping")
            for row in server.ledger.attempts.values()
        )
        and _window_is_closed(server)
    )


def _window_is_closed(server: SiteServer) -> bool:
    """Tell whether all is shown that only agents knew of."""
    with server.store.snapshot() as view:
        return view.window.current() is None and not view.adopted.list()


def _furnish(
    world: World, folder: Path, names: list[str], schedules: Schedules, *, copies: bool
) -> tuple[bytes, list[str], bool]:
    """Put agents, hosts, jobnets and schedules into the store.

    Returns:
        The site, the jobnets that people start, and whether there is a group.
    """
    dice = world.dice("definitions")
    hosts = [f"h-{name}" for name in names]
    store = Store.open(folder, clock=WorldClock(world))
    now_ms = store.clock.now_ms()
    with store.transaction() as tx:
        site_uid = tx.term.site().site_uid
        for name in names:
            tx.agents.put(AgentRow(agent_id=name, kid=1, key=AGENT_KEY, created_ms=now_ms))
            tx.hosts.put(Host(host=f"h-{name}", agent_id=name))
        if len(names) > 1 and dice.random() < GROUP_SHARE:
            tx.hosts.put(Host(host=GROUP, kind="group", members=tuple(hosts)))
            hosts.append(GROUP)
        nets: list[str] = []
        for number in range(dice.randint(1, 3)):
            net = jobnets.draw(dice, number, hosts, list(nets), copies=copies)
            tx.definitions.put("jobnet", to_plain(net), by="sim", at_ms=now_ms)
            tx.definitions.enable("jobnet", net.jobnet_id, net.version)
            nets.append(net.jobnet_id)
        schedules.define(tx, hosts, now_ms)
    store.close()
    return site_uid, nets, GROUP in hosts
