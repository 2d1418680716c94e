"""What goes wrong. Each seed switches off some kinds altogether, so that the others meet in all mixtures."""

from collections.abc import Callable, Sequence

from tests.sim.kinds import kind_of
from tests.sim.machine import Machine
from tests.sim.network import Network, Weather
from tests.sim.server import CRASH_POINTS, Server
from tests.sim.world import World

KINDS = (
    "cut",
    "partition",
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
TRAPS = 3  # as many of them as of another kind of fault
TRAP_LOOK_MS = 40
PAUSES_MS = (100, 500, 1_500, 4_000, 10_000)


class Faults:
    """The one who breaks things, until told to stop."""

    def __init__(
        self,
        world: World,
        network: Network,
        server: Callable[[], Server],
        machines: list[Machine],
        kinds: Sequence[str] = KINDS,
    ) -> None:
        self.world = world
        self.network = network
        self._server = server
        self.machines = machines
        self.dice = world.dice("faults")
        self.kinds = [kind for kind in kinds if self.dice.random() < 0.5]
        if kind_of(world.seed) == "set-back":
            self.kinds.append("snapshot")
        elif kind_of(world.seed) == "trapped":
            self.kinds += ["trap"] * TRAPS
        self.healed = False
        self._do = self.ways()
        world.log("faults", f"kinds: {', '.join(self.kinds) or 'none'}")
        world.after(self.dice.choice(PAUSES_MS), self._next)

    def ways(self) -> dict[str, Callable[[], None]]:
        """Return what may go wrong, and how it is done, by name."""
        return {
            "cut": self._cut,
            "partition": self._partition,
            "weather": self._weather,
            "server crash": self._server_crash,
            "agent crash": self._agent_crash,
            "agent stop": self._agent_stop,
            "keeper crash": self._keeper_crash,
            "power cut": self._power_cut,
            "agent disk": self._agent_disk,
            "server disk": self._server_disk,
            "clock": self._clock,
            "snapshot": self._snapshot,
            "trap": self._trap,
        }

    def _next(self) -> None:
        if self.healed:
            return
        if self.kinds:
            self._do[self.dice.choice(self.kinds)]()
        self.world.after(self.dice.choice(PAUSES_MS), self._next)

    def heal(self) -> None:
        """No more faults; what is broken is mended."""
        self.healed = self.world.quiet = True
        self.world.log("faults", "healed")
        self.network.unreachable.clear()
        self.network.weather = Weather()
        server = self._server()
        server.crash_at = None
        if server.disk_full:
            server.set_disk_full(False)
        for machine in self.machines:
            machine.disk.room = None
            machine.set_back_at_start = False
            if machine.agent is not None:
                machine.agent.dies_after = machine.agent.dies_after_writes = machine.agent.sends_bytes = None
            if machine.keeper is not None:
                machine.keeper.dies_after = None

    def _machine(self) -> Machine:
        return self.dice.choice(self.machines)

    def _cut(self) -> None:
        self.network.tear(self._machine().name)

    def _partition(self) -> None:
        name = self._machine().name
        self.network.unreachable.add(name)
        self.network.tear(name)
        self.world.counts["partitions"] += 1
        self.world.after(self.dice.choice((1_000, 20_000, 60_000)), self.network.unreachable.discard, name)

    def _weather(self) -> None:
        self.network.weather.delay_ms = self.dice.choice(((0, 0), (0, 3), (1, 50), (100, 2_000)))
        self.network.weather.pieces = self.dice.choice((0.0, 0.2, 0.9))
        self.network.weather.silent = self.dice.choice((0.0, 0.5, 1.0))

    def _server_crash(self) -> None:
        where = self.dice.choice(CRASH_POINTS)
        server = self._server()
        if where == "idle":
            server.crash(where)
        elif server.alive:
            server.crash_at = where

    def _agent_crash(self) -> None:
        machine = self._machine()
        if machine.agent is None:
            return
        how = self.dice.random()
        if how < 0.2:
            machine.kill_agent("at rest")
        elif how < 0.5:
            machine.agent.dies_after = self.dice.randint(0, 6)
        elif how < 0.8:
            machine.agent.dies_after_writes = self.dice.randint(0, 8)
        else:
            machine.agent.sends_bytes = self.dice.choice((0, 10, 300, 3_000))

    def _agent_stop(self) -> None:
        machine = self._machine()
        if machine.agent is not None:
            machine.agent.stop()

    def _keeper_crash(self) -> None:
        machine = self._machine()
        if machine.keeper is None:
            return
        if self.dice.random() < 0.3:
            machine.kill_keeper("at rest")
        else:
            machine.keeper.dies_after = self.dice.randint(0, 6)

    def _power_cut(self) -> None:
        self._machine().power_cut()

    def _agent_disk(self) -> None:
        machine = self._machine()
        if machine.disk.room is None:
            machine.set_disk_full(True)
            self.world.after(self.dice.choice((500, 5_000, 20_000)), self._room_again, machine)

    def _room_again(self, machine: Machine) -> None:
        if not self.healed:
            machine.set_disk_full(False)

    def _clock(self) -> None:
        """Somebody sets the clock of a machine."""
        self._machine().clock.offset_ms += self.dice.choice((-3_600_000, -7_000, 7_000, 3_600_000, 86_400_000))
        self.world.counts["clocks set"] += 1

    def _snapshot(self) -> None:
        """Somebody takes a snapshot of a machine, or sets it back to the last one."""
        machine = self._machine()
        if self.dice.random() < 0.5:
            machine.take_snapshot()
        else:
            machine.set_back()

    def _trap(self) -> None:
        """A snapshot is taken, and the machine is set back as soon as it has done something that the snapshot lacks."""
        machine = self._machine()
        if machine.policy.rollback_guard == "strict":
            machine.take_snapshot()
            machine.set_back_at_start = True
        else:
            self._await_queue(machine, machine.boots)

    def _await_queue(self, machine: Machine, boots: int) -> None:
        """Take the snapshot while accepted work waits for its start."""
        if self.healed or machine.boots != boots or machine.agent is None:
            return
        if machine.agent.site.core.queued:
            machine.take_snapshot()
            self.world.after(self.dice.choice((500, 2_000, 6_000)), self._spring, machine, boots)
        else:
            self.world.after(TRAP_LOOK_MS, self._await_queue, machine, boots)

    def _spring(self, machine: Machine, boots: int) -> None:
        if not self.healed and machine.boots == boots:
            machine.set_back()

    def _server_disk(self) -> None:
        server = self._server()
        if not server.disk_full:
            server.set_disk_full(True)
            self.world.after(self.dice.choice((500, 5_000, 20_000)), self._server_room_again, server)

    def _server_room_again(self, server: Server) -> None:
        if not self.healed:
            server.set_disk_full(False)
