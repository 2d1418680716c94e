"""The agent's process: the product's `Site`, driven as its shell drives it, with a link to the server and one to the keeper."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jaz_lite.agent.attempts import Moment
from jaz_lite.agent.batches import Unbatcher, batch
from jaz_lite.agent.keeper_post import KeeperPost
from jaz_lite.agent.site import Site
from jaz_lite.agent.slots import Slots
from jaz_lite.errors import StoreDamaged
from jaz_lite.wire.agent_core import AgentLink
from jaz_lite.wire.happenings import Acked as EventsAcked
from jaz_lite.wire.happenings import Dispatched, Happening, OutputAcked
from tests.sim.keeper import Pipe
from tests.sim.network import Connection
from tests.sim.waits import SimWaits
from tests.sim.world import Dies

if TYPE_CHECKING:
    from tests.sim.machine import Machine

OUT_FOLDER = "out"
TAIL_MS = 100
LOOK_AFTER_MS = 60_000


class Agent:
    """The agent's process around a `Site`."""

    def __init__(self, machine: Machine, life: int) -> None:
        self.machine = machine
        self.life = life
        self.world = machine.world
        self.dice = self.world.dice(f"agent {machine.name} {life}")
        self.dies_after: int | None = None  # effects
        self.dies_after_writes: int | None = None  # changes of its disk
        self.sends_bytes: int | None = None  # before it dies
        self._post = KeeperPost(self._tell_keeper)
        self.waits = SimWaits(machine, self._own_said, self._may_die_writing)
        self.slots = Slots(machine.policy.par)
        self.site = Site(
            disk=machine.disk,
            record=machine.record,
            policy=machine.policy,
            outputs=machine.outputs,
            out_folder=OUT_FOLDER,
            boot=machine.boot_id,
            tell_keeper=lambda messages: self._post.tell(machine.record.site_uid, messages),
            slots=self.slots,
            now=self._now(),
            own={"fwait": self.waits},
        )
        self._pipe: Pipe | None = None
        self._unbatcher = Unbatcher()
        self._link: AgentLink | None = None
        self._connection: Connection | None = None
        self._planned = False
        self._tick_at: float | None = None
        self._link_tick_ms: int | None = None
        self._conn = 0
        self._looked = (machine.clock.now_ms(), machine.clock.monotonic())
        self.world.log(machine.name, f"agent begins at event {self.site.log.spool.head}")
        machine.oracle.agent_began(self)
        self.world.after(self.dice.choice((1, 30)), self._reach_keeper)
        self.world.after(self.dice.choice((1, 400)), self._dial)
        self.world.after(1, self._look_after)
        self.world.after(TAIL_MS, self._tail)
        self._gathered()

    def _now(self) -> Moment:
        return Moment(self.machine.clock.monotonic(), self.machine.clock.now_ms())

    @property
    def living(self) -> bool:
        """Whether this process is the one that runs."""
        return self.machine.agent is self

    def die(self) -> None:
        """The process is gone: so are its connections."""
        if self._pipe is not None:
            self._pipe.end_of(0)
        if self._connection is not None:
            self._connection.hang_up(0)

    def stop(self) -> None:
        """End cleanly: the keeper may end too when nothing runs."""
        if self._pipe is not None:
            self._pipe.send(0, batch([["end"]]))
        self.machine.kill_agent("cleanly")

    # ---- turns, as the product's shell makes them

    def _gathered(self) -> None:
        if not self._planned:
            self._planned = True
            self.world.after(self.dice.choice((0, 0, 0, 1, 4)), self._turn)

    def _turn(self) -> None:
        self._planned = False
        if not self.living:
            return
        self.machine.disk.wall_ms = self.machine.clock.now_ms()
        self.machine.disk.before_change = self._may_die_writing
        try:
            self.site.tick(self._now())
            while effects := self.site.take():
                for effect in effects:
                    self._may_die()
                    self.site.perform(effect)
            if self.site.pump():
                self._gathered()
            self._flush()
        except Dies:
            self.machine.kill_agent("between two effects")
            return
        except StoreDamaged as error:
            self.world.log(self.machine.name, f"agent ends: {error}")
            self.machine.kill_agent("by a full disk")
            return
        finally:
            self.machine.disk.before_change = None
        self._plan_tick()

    def _may_die_writing(self) -> None:
        if self.dies_after_writes is not None:
            self.dies_after_writes -= 1
            if self.dies_after_writes < 0:
                raise Dies

    def _may_die(self) -> None:
        if self.dies_after is not None:
            self.dies_after -= 1
            if self.dies_after < 0:
                raise Dies

    def _plan_tick(self) -> None:
        deadline = self.site.deadline
        if deadline is None or (self._tick_at is not None and self._tick_at <= deadline):
            return
        self._tick_at = deadline
        delay_ms = max(0, round((deadline - self.machine.clock.monotonic()) * 1_000) + 1)
        self.world.after(delay_ms, self._tick, deadline)

    def _tick(self, at: float) -> None:
        if self.living and at == self._tick_at:
            self._tick_at = None
            self._gathered()

    def _look_after(self) -> None:
        if not self.living:
            return
        wall_ms, mono = self.machine.clock.now_ms(), self.machine.clock.monotonic()
        jump_s = (wall_ms - self._looked[0]) / 1_000 - (mono - self._looked[1])
        self._looked = (wall_ms, mono)
        try:
            self.site.look_after(self._now(), clock_jump_s=round(jump_s) if abs(jump_s) > 5 else 0)
        except OSError:
            self.machine.kill_agent("by a full disk")
            return
        self._gathered()
        self.world.after(LOOK_AFTER_MS, self._look_after)

    def _tail(self) -> None:
        if not self.living:
            return
        if self.site.tailing:
            self.site.tail(self._now())
            self._gathered()
        self.world.after(TAIL_MS, self._tail)

    # ---- the keeper

    def _reach_keeper(self) -> None:
        if not self.living or self._pipe is not None:
            return
        keeper = self.machine.keeper or self.machine.start_keeper()
        if keeper is None:
            self.world.after(200, self._reach_keeper)
            return
        self._pipe = Pipe(self.machine, self, keeper)
        self._unbatcher = Unbatcher()
        keeper.accept(self._pipe)
        self._post.connected()
        self.site.keeper_up(self._now())
        self._gathered()

    def _tell_keeper(self, messages: tuple[list[Any], ...]) -> None:
        if self._pipe is not None:
            self._pipe.send(0, batch(list(messages)))

    def came_from_keeper(self, data: bytes) -> None:
        """Bytes of the keeper."""
        if not data:
            self._pipe = None
            self.site.keeper_down()
            self.world.after(self.dice.choice((0, 200)), self._reach_keeper)
            return
        records = self._unbatcher.feed(data)
        if records:
            for said in self._post.sort(records, (self.machine.record.site_uid,)).values():
                self.site.keeper_said(said, self._now())
            self._gathered()

    def _own_said(self, record: tuple[Any, ...]) -> None:
        self.site.own_said(record, self._now())
        self._gathered()

    # ---- the server

    def _dial(self) -> None:
        if not self.living or self._link is not None:
            return
        side = _ServerSide(self)
        connection = side.connection = self.machine.network.connect(self.machine.name, side)
        if connection is None:
            self.world.after(self.dice.choice((300, 2_000, 5_000)), self._dial)
            return
        self._conn = max(self._conn + 1, self.machine.clock.now_ms())
        facts = self.site.hello(
            self._now(),
            conn=self._conn,
            free=self.machine.disk.free_bytes(),
            tz_s=0,
            sw="sim",
            system="sim",
            arch="sim",
        )
        self._connection = connection
        self._link = AgentLink(
            self.site.identity(), facts, nonce=self.dice.randbytes(32), now=self.machine.clock.monotonic()
        )
        self._flush_or_die()

    def came(self, source: object, data: bytes) -> None:
        """Bytes: from the keeper through a pipe, or from the server through the network."""
        if not self.living:
            return
        if isinstance(source, Pipe):
            if source is self._pipe:
                self.came_from_keeper(data)
            return
        if source is self._connection and self._link is not None:
            self._heard(self._link.receive(data, self.machine.clock.monotonic()))

    def _heard(self, happenings: list[Happening]) -> None:
        for happening in happenings:
            match happening:
                case Dispatched():
                    self.machine.oracle.command_came(self)
                case EventsAcked(n):
                    self.machine.oracle.acked(self, n)
                case OutputAcked(k, stream, offset):
                    self.machine.oracle.output_acked(self, k, stream, offset)
        assert self._link is not None
        self.site.heard(self._link, happenings, self._now())
        self._flush_or_die()
        self._gathered()

    def _flush_or_die(self) -> None:
        try:
            self._flush()
        except Dies:
            self.machine.kill_agent("while it sent")

    def _flush(self) -> None:
        link, connection = self._link, self._connection
        if link is None or connection is None:
            return
        while data := link.take():
            if self.sends_bytes is not None:
                connection.send(0, data[: self.sends_bytes])
                self.sends_bytes -= len(data)
                if self.sends_bytes < 0:
                    raise Dies
            else:
                connection.send(0, data)
        if link.closed:
            self.site.heard(link, link.tick(self.machine.clock.monotonic()), self._now())
            connection.hang_up(0)
            self._link = self._connection = None
            self.site.detach(link)
            self.world.after(self.dice.choice((100, 500, 2_000)), self._dial)
            return
        self._plan_link_tick(link)

    def _plan_link_tick(self, link: AgentLink) -> None:
        deadline = link.deadline
        if deadline == float("inf"):
            return
        at_ms = max(self.world.now_ms, round((deadline - 1_000.0) * 1_000) + 1)
        if self._link_tick_ms is not None and self.world.now_ms <= self._link_tick_ms <= at_ms:
            return
        self._link_tick_ms = at_ms
        self.world.after(at_ms - self.world.now_ms, self._tick_link, at_ms)

    def _tick_link(self, at_ms: int) -> None:
        if self.living and at_ms == self._link_tick_ms:
            self._link_tick_ms = None
            if self._link is not None:
                self._heard(self._link.tick(self.machine.clock.monotonic()))


class _ServerSide:
    """What the network delivers to: it knows which connection it is."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self.connection: Connection | None = None

    def came(self, data: bytes) -> None:
        self._agent.came(self.connection, data)
