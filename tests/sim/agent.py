"""The agent's process: the product's `Site`, driven as its shell drives it, with a link to the server and one to the keeper."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jaz_lite.agent.attempts import Moment
from jaz_lite.agent.batches import Unbatcher, batch
from jaz_lite.agent.keeper_post import KeeperPost
from jaz_lite.agent.site import Site
from jaz_lite.agent.slots import Slots
from jaz_lite.errors import StoreDamaged
from jaz_lite.net.dial import AddressBook, parse_address
from jaz_lite.wire.agent_core import AgentLink
from jaz_lite.wire.limits import SERVER_PORT
from tests.sim.agent_line import AgentLine
from tests.sim.copies import SimCopies
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
        self.copies = (
            None if machine.copy_files is None else SimCopies(machine.copy_files, self._own_said, self._may_die_writing)
        )
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
            now=self.now(),
            own={"fwait": self.waits, **({} if self.copies is None else {"fput": self.copies})},
        )
        self._pipe: Pipe | None = None
        self._unbatcher = Unbatcher()
        self.lines: list[AgentLine] = []
        self.book = AddressBook()
        self._dialled: AgentLine | None = None
        self._dial_planned = False
        self._planned = False
        self._tick_at: float | None = None
        self._conn = 0
        self._looked = (machine.clock.now_ms(), machine.clock.monotonic())
        self.world.log(machine.name, f"agent begins at event {self.site.log.spool.head}")
        machine.oracle.agent_began(self)
        self.world.after(self.dice.choice((1, 30)), self._reach_keeper)
        self._dial_in(self.dice.choice((1, 400)))
        self.world.after(1, self._look_after)
        self._begun_ms = self.world.now_ms
        self._tail_planned = False
        self.gathered()

    def now(self) -> Moment:
        """Return both clocks of its machine."""
        return Moment(self.machine.clock.monotonic(), self.machine.clock.now_ms())

    @property
    def living(self) -> bool:
        """Whether this process is the one that runs."""
        return self.machine.agent is self

    def die(self) -> None:
        """The process is gone: so are its connections."""
        if self.copies is not None:
            self.copies.die()
        if self._pipe is not None:
            self._pipe.end_of(0)
        for line in self.lines:
            assert line.connection is not None
            line.connection.hang_up(0)

    def stop(self) -> None:
        """End cleanly: the keeper may end too when nothing runs."""
        if self._pipe is not None:
            self._pipe.send(0, batch([["end"]]))
        self.machine.kill_agent("cleanly")

    # ---- turns, as the product's shell makes them

    def gathered(self) -> None:
        """Something may be to do."""
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
            self.site.tick(self.now())
            while effects := self.site.take():
                for effect in effects:
                    self._may_die()
                    self.site.perform(effect)
            if self.site.pump():
                self.gathered()
            self.flush()
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
        self._plan_tail()

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
            self.gathered()

    def _look_after(self) -> None:
        if not self.living:
            return
        wall_ms, mono = self.machine.clock.now_ms(), self.machine.clock.monotonic()
        jump_s = (wall_ms - self._looked[0]) / 1_000 - (mono - self._looked[1])
        self._looked = (wall_ms, mono)
        try:
            self.site.look_after(self.now(), clock_jump_s=round(jump_s) if abs(jump_s) > 5 else 0)
        except OSError:
            self.machine.kill_agent("by a full disk")
            return
        self.gathered()
        self.world.after(LOOK_AFTER_MS, self._look_after)

    def _plan_tail(self) -> None:
        """Look after output that grows at the next whole interval: an idle agent has nothing to look after."""
        if self.site.tailing and not self._tail_planned:
            self._tail_planned = True
            since_ms = self.world.now_ms - self._begun_ms
            self.world.after(TAIL_MS - since_ms % TAIL_MS, self._tail)

    def _tail(self) -> None:
        self._tail_planned = False
        if self.living and self.site.tailing:
            self.site.tail(self.now())
            self.gathered()

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
        self.site.keeper_up(self.now())
        self.gathered()

    def _tell_keeper(self, messages: tuple[list[Any], ...]) -> None:
        if self._pipe is not None:
            self._pipe.send(0, batch(list(messages)))

    def came(self, pipe: Pipe, data: bytes) -> None:
        """Bytes of the keeper."""
        if not self.living or pipe is not self._pipe:
            return
        if not data:
            self._pipe = None
            self.site.keeper_down()
            self.world.after(self.dice.choice((0, 200)), self._reach_keeper)
            return
        records = self._unbatcher.feed(data)
        if records:
            for said in self._post.sort(records, (self.machine.record.site_uid,)).values():
                self.site.keeper_said(said, self.now())
            self.gathered()

    def _own_said(self, record: tuple[Any, ...]) -> None:
        self.site.own_said(record, self.now())
        self.gathered()

    # ---- the servers

    def _dial_in(self, delay_ms: int) -> None:
        if not self._dial_planned:
            self._dial_planned = True
            self.world.after(delay_ms, self._dial)

    def _dial(self) -> None:
        self._dial_planned = False
        if not self.living or self._dialled is not None or self.site.link is not None:
            return
        self.book.learn(parse_address(text, SERVER_PORT) for text in self.site.addresses())
        address = self.book.next()
        assert address is not None, "an agent was told at least one address"
        line = AgentLine(self, address)
        connection = self.machine.network.connect(self.machine.name, line, address.host)
        if connection is None:
            self._dial_in(self.dice.choice((300, 2_000, 5_000)))
            return
        self._dialled = line
        self._begin(line, connection)

    def accept(self, connection: Connection) -> AgentLine:
        """A server dials."""
        line = AgentLine(self, None)
        self.world.after(0, self._begin, line, connection)
        return line

    def _begin(self, line: AgentLine, connection: Connection) -> None:
        if not self.living:
            connection.hang_up(0)
            return
        self._conn = max(self._conn + 1, self.machine.clock.now_ms())
        facts = self.site.hello(
            self.now(),
            conn=self._conn,
            free=self.machine.disk.free_bytes(),
            tz_s=0,
            sw="sim",
            system="sim",
            arch="sim",
        )
        self.lines.append(line)
        line.begin(
            connection,
            AgentLink(self.site.identity(), facts, nonce=self.dice.randbytes(32), now=self.machine.clock.monotonic()),
        )

    def flush(self) -> None:
        """Send what has gathered, on all lines."""
        for line in list(self.lines):
            if line in self.lines:
                line.flush()

    def line_over(self, line: AgentLine) -> None:
        """The link of a line is closed."""
        assert line.link is not None
        self.lines.remove(line)
        if self.copies is not None:
            self.copies.cut(line.link)
        self.site.detach(line.link)
        if line is self._dialled:
            self._dialled = None
        if self._dialled is None and self.site.link is None:
            self._dial_in(self.dice.choice((100, 500, 2_000)))
