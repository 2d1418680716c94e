"""One seed from its first to its last moment: faults, then peace, then nothing may be left undone."""

import logging
import shutil
import tempfile
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import jaz_lite.agent.site_room as site_room
import jaz_lite.store.writer as store_writer
from jaz_lite.model.host import Host
from jaz_lite.model.plain import to_plain
from jaz_lite.store.agents import AgentRow
from jaz_lite.store.connection import DATABASE_FILE
from jaz_lite.store.open import Store
from tests.sim import jobnets
from tests.sim.breakages import BREAKAGES
from tests.sim.data_directory import ram, template
from tests.sim.failover.scenario import play_failover
from tests.sim.faults import Faults
from tests.sim.kinds import kind_of
from tests.sim.ledger import Ledger
from tests.sim.machine import AGENT_KEY, Machine, draw_policy, enrolled
from tests.sim.network import Network
from tests.sim.observe import observed, patched
from tests.sim.oracle import Oracle
from tests.sim.server import Server
from tests.sim.workload import People
from tests.sim.world import START_WALL_MS, Violation, World, WorldClock

GROUP = "farm"  # all hosts of a site; work for it goes to any of them, and once sent to no other
GROUP_SHARE = 0.35  # of the worlds with several hosts
FAULTS_MS = (30_000, 60_000, 120_000, 240_000)
DRAIN_MS = 6 * 3_600_000
SETTLE_MS = 30_000


class Outcome:
    """What came of a seed. `error`: where the violation is an exception, its whole story."""

    def __init__(self, world: World, violation: Violation | None, error: BaseException | None = None) -> None:
        self.seed = world.seed
        self.counts: Counter[str] = world.counts
        self.virtual_ms = world.now_ms
        self.trace = list(world.trace)
        self.violation = violation
        cause = error or (violation and violation.__cause__)
        self.error = "".join(traceback.format_exception(cause)) if cause else ""


def run_seed(seed: int, breakage: str | None = None) -> Outcome:
    """Play one seed."""
    world = World(seed)
    violation: Violation | None = None
    cause: BaseException | None = None
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="jazl-sim-", dir=ram())))
        folder = root / "directory"
        shutil.copytree(template(START_WALL_MS), folder)
        stack.enter_context(_product_logs())
        # Crashes of processes are simulated here, not of the server's machine: what was written stays.
        stack.enter_context(patched((store_writer, "SYNCHRONOUS", "off"), (site_room, "RESERVE_BYTES", 3_000)))
        if breakage is not None:
            stack.enter_context(BREAKAGES[breakage](world))
        try:
            (play_failover if kind_of(seed) == "failover" else _play)(world, folder, stack)
        except Violation as found:
            violation = found
        except Exception as error:
            cause = error
            violation = Violation("BUG", f"{type(error).__name__}: {error}")
    return Outcome(world, violation, cause)


def _play(world: World, folder: Path, stack: ExitStack) -> None:
    dice = world.dice("scenario")
    oracle = Oracle(world)
    oracle.ledgers[str(folder / DATABASE_FILE)] = Ledger(oracle)
    network = Network(world)
    server = Server(world, network, oracle, folder)
    site_uid, names, nets = _furnish(world, folder)
    machines = [
        Machine(
            world,
            network,
            oracle,
            name,
            record=enrolled(name, site_uid, "server:1"),
            policy=draw_policy(dice),
        )
        for name in names
    ]
    owners = {id(machine.disk): machine.name for machine in machines}
    stack.enter_context(observed(oracle, lambda spool: owners[id(spool._disk)]))
    stack.callback(lambda: server.alive and _close(server))
    server.boot()
    for machine in machines:
        machine.boot()
    hosts = {f"h-{name}": name for name in names}
    people = People(world, lambda: server, oracle, jobnets=nets, hosts=hosts, runs=dice.choice((3, 10, 25)))
    faults = Faults(world, network, lambda: server, machines)
    world.run(dice.choice(FAULTS_MS))
    faults.heal()
    people.tidy()

    def drained() -> bool:
        return server.alive and not server.turns.backlog and not len(server.turns.live)

    heal_ms = world.now_ms
    if not world.run(heal_ms + DRAIN_MS, drained):
        live = [(run.run_id, run.state, run.message) for run in server.turns.live]
        raise Violation("I3", f"not over {DRAIN_MS // 3_600_000} hours after the last fault: {live}")
    for _ in range(40):
        world.run(world.now_ms + SETTLE_MS)
        if _settled(server, machines):
            break
    oracle.at_the_end(server, machines)


def _settled(server: Server, machines: list[Machine]) -> bool:
    return all(
        machine.agent is not None
        and not machine.jobs
        and machine.agent.site.in_session
        and not len(machine.agent.site.output)
        and not any(attempt.is_open for attempt in machine.agent.site.core.attempts.values())
        for machine in machines
    ) and not any(
        row["state"] in ("ready", "sent", "accepted", "running", "stopping") for row in server.ledger.attempts.values()
    )


def _close(server: Server) -> None:
    server.alive = False
    if server._turn is not None:
        server._turn.tx.rollback()
    server.store.close()


def _furnish(world: World, folder: Path) -> tuple[bytes, list[str], list[str]]:
    """Put agents, hosts and jobnets into the store; return the site, the agents, and the jobnets to start."""
    dice = world.dice("definitions")
    names = [f"a{number}" for number in range(1, dice.randint(1, 3) + 1)]
    hosts = [f"h-{name}" for name in names]
    store = Store.open(folder, clock=WorldClock(world))
    now_ms = store.clock.now_ms()
    with store.transaction() as tx:
        site_uid = tx.term.site().site_uid
        for name in names:
            tx.agents.put(AgentRow(agent_id=name, kid=1, key=AGENT_KEY, created_ms=now_ms))
            tx.hosts.put(Host(host=f"h-{name}", agent_id=name))
        if len(names) > 1 and world.dice("groups").random() < GROUP_SHARE:
            tx.hosts.put(Host(host=GROUP, kind="group", members=tuple(hosts)))
            hosts.append(GROUP)
        nets: list[str] = []
        for number in range(dice.randint(2, 5)):
            net = jobnets.draw(dice, number, hosts, list(nets), reboots=kind_of(world.seed) == "reboots")
            tx.definitions.put("jobnet", to_plain(net), by="sim", at_ms=now_ms)
            tx.definitions.enable("jobnet", net.jobnet_id, net.version)
            nets.append(net.jobnet_id)
    store.close()
    return site_uid, names, nets


class _ErrorsAreViolations(logging.Handler):
    """The product logs an exception where it goes on in spite of its own fault; here that is the end."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            raise Violation("BUG", f"{record.getMessage()}: {type(error).__name__}: {error}") from error


@contextmanager
def _product_logs() -> Iterator[None]:
    logger = logging.getLogger("jaz_lite")
    handler = _ErrorsAreViolations(logging.ERROR)
    before = logger.propagate
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = before
