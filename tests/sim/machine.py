"""A host with an agent: its disk, its boots, the agent's process, the job keeper, and the jobs.

Both processes do what their cores say, one effect after the other, and can be killed between any two of them. Jobs
live on when agent or keeper is killed; a power cut takes everything.
"""

import random
from collections import deque
from collections.abc import Callable
from typing import Any

from jaz_lite.agent import keeper_core as core
from jaz_lite.agent.attempts import STOP_CLAIM, Moment
from jaz_lite.agent.batches import Unbatcher, batch
from jaz_lite.agent.crc_log import unframed
from jaz_lite.agent.policy import Policy
from jaz_lite.agent.records import SiteRecord, save_site
from jaz_lite.agent.site import Site
from jaz_lite.errors import StoreDamaged
from jaz_lite.wire.agent_core import AgentLink
from jaz_lite.wire.happenings import Acked as EventsAcked
from jaz_lite.wire.happenings import Dispatched, Happening, OutputAcked
from tests.sim import processes
from tests.sim.disk import SimDisk, SimLog, SimOutputs
from tests.sim.network import Connection, Network
from tests.sim.oracle import Oracle
from tests.sim.world import World, WorldClock

KEEPER_LOG = "keeper/log/00000001"
OUT_FOLDER = "out"
TAIL_MS = 100
LOOK_AFTER_MS = 60_000
WAIT_FOR_ROOM_MS = 1_000


class Dies(BaseException):
    """The process is killed at this moment."""


class Machine:
    """One host."""

    def __init__(
        self, world: World, network: Network, oracle: Oracle, name: str, *, record: SiteRecord, policy: Policy
    ) -> None:
        self.world = world
        self.network = network
        self.oracle = oracle
        self.name = name
        self.record = record
        self.policy = policy
        self.dice = world.dice(f"machine {name}")
        self.clock = WorldClock(world, self.dice.randint(-5_000, 5_000))
        self.disk = SimDisk(world.dice(f"disk {name}"))
        self.outputs = SimOutputs(world.dice(f"outputs {name}"))
        self.jobs: dict[int, processes.Job] = {}
        self.agent: Agent | None = None
        self.keeper: Keeper | None = None
        self.boots = 0
        self.lives = 0  # of agent and keeper
        self.powered = False
        self.agent_may_live = True
        self._pids = 1_000
        save_site(self.disk, record)

    # ---- power and processes

    def boot(self) -> None:
        """Start the machine; the agent comes up a moment later."""
        self.boots += 1
        self.powered = True
        self.boot_id = self.dice.randbytes(16)
        self.world.log(self.name, f"boot {self.boots}")
        self.start_agent_in(self.dice.choice((10, 500)))

    def power_cut(self) -> None:
        """Everything stops; what was not synced may be gone."""
        if not self.powered:
            return
        self.world.counts["power cuts"] += 1
        self.world.log(self.name, "power cut")
        self.powered = False
        self.kill_agent("by the power cut", again=False)
        self.kill_keeper("by the power cut")
        for job in self.jobs.values():
            job.ended = True
        self.jobs.clear()
        self.disk.power_cut()
        self.oracle.power_cut(self, self.outputs.power_cut())
        self.world.after(self.dice.choice((500, 5_000, 30_000)), self.boot)

    def start_agent_in(self, delay_ms: int) -> None:
        """Have the agent started, as a service manager does."""
        self.world.after(delay_ms, self._start_agent, self.boots)

    def _start_agent(self, boots: int) -> None:
        if self.powered and boots == self.boots and self.agent is None:
            self.lives += 1
            try:
                self.agent = Agent(self, self.lives)
            except StoreDamaged:
                self.start_agent_in(2_000)

    def kill_agent(self, how: str, *, again: bool = True) -> None:
        """Kill the agent's process."""
        agent, self.agent = self.agent, None
        if agent is None:
            return
        self.world.counts[f"agent crashes {how}"] += 1
        self.world.log(self.name, f"agent killed {how}")
        agent.die()
        if again:
            self.start_agent_in(self.dice.choice((20, 300, 3_000, 20_000)))

    def kill_keeper(self, how: str) -> None:
        """Kill the job keeper; its jobs live on."""
        keeper, self.keeper = self.keeper, None
        if keeper is None:
            return
        self.world.counts[f"keeper crashes {how}"] += 1
        self.world.log(self.name, f"keeper killed {how}")
        keeper.die()

    def start_keeper(self) -> "Keeper | None":
        """Start a keeper; None when it died at once."""
        assert self.keeper is None
        self.lives += 1
        keeper = Keeper(self, self.lives)
        self.keeper = keeper
        keeper.begin()
        return self.keeper

    def set_disk_full(self, full: bool) -> None:
        """Fill the disk, or make room."""
        self.disk.room = 0 if full else None
        self.world.counts["agent disk full"] += full
        self.world.log(self.name, "the disk is full" if full else "the disk has room again")

    # ---- jobs

    def spawn(self, keeper: int, claim: str, order: dict[str, Any]) -> processes.Job:
        """Start the process of a claim."""
        fate = processes.fate_of(self.world.seed, claim, order["argv"][-1])
        self._pids += 1
        job = processes.Job(
            pid=self._pids,
            claim=claim,
            fate=fate,
            start_time=self.world.now_ms + 1,
            keeper=keeper,
            paths=(order["out"], order["err"]),
        )
        if not fate.startable:
            job.ended = True
            return job
        self.jobs[job.pid] = job
        self.world.log(self.name, f"job {claim[:8]} runs as {job.pid} for {fate.run_ms} ms")
        self.oracle.job_started(self, job)
        job.ends_ms = self.world.now_ms + fate.run_ms
        self.world.after(fate.run_ms, self._run_out, job, self.boots)
        for piece in range(fate.pieces):
            self.world.after(fate.run_ms * piece // fate.pieces, self._write, job, piece, self.boots)
        if claim.endswith(STOP_CLAIM):
            self.world.after(fate.run_ms // 2, self._stop_other, claim.removesuffix(STOP_CLAIM))
        return job

    def _write(self, job: processes.Job, piece: int, boots: int) -> None:
        if boots != self.boots or job.ended or not self.powered:
            return
        for path, text in zip(job.paths, job.fate.output, strict=True):
            size = -(-len(text) // job.fate.pieces)
            portion = text[piece * size : (piece + 1) * size]
            if portion:
                self.oracle.job_wrote(job, job.paths.index(path) + 1, portion)
                self.outputs.write(path, portion)

    def _run_out(self, job: processes.Job, boots: int) -> None:
        if boots == self.boots:
            self._job_ends(job, job.fate.exit_code << 8)

    def _stop_other(self, claim: str) -> None:
        for job in list(self.jobs.values()):
            if job.claim == claim:
                self._job_ends(job, 143 << 8)

    def signal(self, pid: int, name: str) -> None:
        """Send a signal to a job."""
        job = self.jobs.get(pid)
        if job is None or job.ended:
            return
        if name == "KILL":
            self._job_ends(job, processes.KILL)
        elif not job.fate.deaf:
            self.world.after(self.dice.choice((0, 1, 30)), self._heeds, job, self.boots)

    def _heeds(self, job: processes.Job, boots: int) -> None:
        if boots == self.boots:
            self._job_ends(job, processes.TERM)

    def _job_ends(self, job: processes.Job, status: int) -> None:
        if job.ended:
            return
        job.ended, job.status = True, status
        self.oracle.job_ended(job)
        if self.keeper is None or self.keeper.life != job.keeper:
            # Init takes the orphan; nobody learns its status.
            del self.jobs[job.pid]
        if self.keeper is not None:
            self.world.after(self.dice.choice((0, 0, 1, 20)), self.keeper.look_at_jobs)

    def alive(self, pid: int, start_time: int) -> bool:
        """Tell whether this very process lives."""
        job = self.jobs.get(pid)
        return job is not None and not job.ended and job.start_time == start_time


class Keeper:
    """The process around a `KeeperCore`."""

    def __init__(self, machine: Machine, life: int) -> None:
        self.machine = machine
        self.life = life
        self.core = core.KeeperCore(machine.boot_id.hex())
        self.dice = machine.world.dice(f"keeper {machine.name} {life}")
        self.dies_after: int | None = None  # effects
        self._agent: Pipe | None = None
        self._pipes: list[Pipe] = []
        self._unbatcher = Unbatcher()
        self._orphans: dict[str, tuple[int, int]] = {}
        self._effects: deque[core.Effect] = deque()
        self._inbox: deque[Callable[[], None]] = deque()
        self._waits_for_room = False
        self._tick_at: float | None = None
        payloads, size = [], 0
        if "00000001" in machine.disk.names("keeper/log"):
            payloads, size = unframed(machine.disk.read(KEEPER_LOG))
        self._log: SimLog = machine.disk.open_log(KEEPER_LOG, size)
        self._payloads = payloads

    @property
    def _wall_ms(self) -> int:
        return self.machine.clock.now_ms()

    @property
    def _living(self) -> bool:
        return self.machine.keeper is self

    def begin(self) -> None:
        """Read what an earlier keeper left and settle it."""
        self.machine.world.log(self.machine.name, f"keeper begins with {len(self._payloads)} records")
        self.core.load(map(core.unpacked, self._payloads))
        self.core.begin(lambda pid, started: started > 0 and self.machine.alive(pid, started), self._wall_ms)
        self._perform()

    def die(self) -> None:
        """The process is gone."""
        for pipe in self._pipes:
            pipe.end_of(1)
        for pid in [pid for pid, job in self.machine.jobs.items() if job.ended and job.keeper == self.life]:
            del self.machine.jobs[pid]

    # ---- the agent

    def accept(self, pipe: "Pipe") -> None:
        """A new agent connects; a keeper that waits for room looks at nobody."""
        self._pipes.append(pipe)
        self._do(lambda: self._accept(pipe))

    def _accept(self, pipe: "Pipe") -> None:
        # An earlier one must be dead.
        for earlier in self._pipes[: self._pipes.index(pipe)]:
            earlier.end_of(1)
        del self._pipes[: self._pipes.index(pipe)]
        self._agent = pipe
        self._unbatcher = Unbatcher()

    def came(self, pipe: "Pipe", data: bytes) -> None:
        """Bytes of an agent."""
        if self._living:
            self._do(lambda: self._read(pipe, data))

    def _read(self, pipe: "Pipe", data: bytes) -> None:
        if pipe is not self._agent:
            return
        if not data:
            self._agent = None
            return
        messages = [m for m in self._unbatcher.feed(data) if m[:1] != ["base"]]
        self.core.asked(messages, self.machine.clock.monotonic(), self._wall_ms)

    # ---- what happens

    def _do(self, what: Callable[[], None]) -> None:
        """Take something in, unless the keeper stands still because its disk is full."""
        self._inbox.append(what)
        if not self._waits_for_room:
            while self._inbox and self._living:
                self._inbox.popleft()()
                self._perform()

    def look_at_jobs(self) -> None:
        """Collect the children that ended, and look whether the orphans still live."""
        if self._living:
            self._do(self._reap)

    def _reap(self) -> None:
        for pid, job in list(self.machine.jobs.items()):
            if job.ended and job.keeper == self.life:
                del self.machine.jobs[pid]
                if self.core.killing(pid) is not None:
                    self.core.emptied(job.claim)
                signal = job.status & 0x7F or None
                code = None if signal else job.status >> 8
                self.core.exited(pid, code=code, signal=signal, cpu_ms=1, rss_kb=1, wall_ms=self._wall_ms)
                self.machine.oracle.job_reaped(self, job)
        for claim, (pid, started) in list(self._orphans.items()):
            if not self.machine.alive(pid, started):
                del self._orphans[claim]
                self.core.gone(claim, self._wall_ms)

    def _tick(self, at: float) -> None:
        if self._living and at == self._tick_at:
            self._tick_at = None
            self._do(lambda: self.core.tick(self.machine.clock.monotonic()))

    # ---- effects

    def _perform(self) -> None:
        try:
            while self._living and not self._waits_for_room:
                if not self._effects:
                    self._effects.extend(self.core.take())
                if not self._effects:
                    break
                self._step()
        except Dies:
            self.machine.kill_keeper("between two effects")
            return
        deadline = self.core.deadline
        if deadline is not None and (self._tick_at is None or deadline < self._tick_at):
            self._tick_at = deadline
            delay_ms = max(0, round((deadline - self.machine.clock.monotonic()) * 1_000) + 1)
            self.machine.world.after(delay_ms, self._tick, deadline)

    def _step(self) -> None:
        if self.dies_after is not None:
            self.dies_after -= 1
            if self.dies_after < 0:
                raise Dies
        effect = self._effects[0]
        if isinstance(effect, core.Append) and not self._write(b"".join(effect.records)):
            return
        self._effects.popleft()
        match effect:
            case core.Append():
                self.machine.oracle.keeper_wrote(self)
            case core.Sync():
                self._log.sync()
                self.machine.oracle.keeper_synced(self)
            case core.Spawn(claim, order):
                job = self.machine.spawn(self.life, claim, dict(order))
                if job.fate.startable:
                    self.core.spawned(claim, job.pid, self.machine.clock.monotonic(), self._wall_ms)
                else:
                    self.core.not_spawned(claim, "exec", 2, "No such file or directory", self._wall_ms)
            case core.Signal(pid, name):
                self.machine.signal(pid, name)
            case core.Identify(claim, pid):
                job_found = self.machine.jobs.get(pid)
                self.core.identified(claim, 0 if job_found is None else job_found.start_time)
            case core.Watch(claim, pid, start_time):
                self._orphans[claim] = (pid, start_time)
                self.machine.world.after(0, self.look_at_jobs)
            case core.Tell(records):
                if self._agent is not None:
                    self._agent.send(1, batch(list(records)))
            case core.End():
                self.machine.world.log(self.machine.name, "keeper ends")
                self.machine.keeper = None
                self.die()

    def _write(self, data: bytes) -> bool:
        try:
            self._log.write(data)
        except OSError:
            if "reserve" in self.machine.disk.names("."):
                self.machine.disk.remove("reserve")
                return self._write(data)
            self._waits_for_room = True
            self.machine.world.after(WAIT_FOR_ROOM_MS, self._try_again)
            return False
        return True

    def _try_again(self) -> None:
        if self._living:
            self._waits_for_room = False
            self._perform()
            self._do(lambda: None)


class Pipe:
    """The local socket between agent (end 0) and keeper (end 1): in order, quick, whole."""

    def __init__(self, machine: Machine, agent: "Agent", keeper: Keeper) -> None:
        self._machine = machine
        self._dice = machine.dice
        self._ends: list[Any] = [agent, keeper]
        self._last_ms = [0, 0]

    def send(self, source: int, data: bytes) -> None:
        """Send bytes to the other end."""
        if self._ends[source] is None:
            return
        target = 1 - source
        world = self._machine.world
        at_ms = max(self._last_ms[target], world.now_ms + self._dice.choice((0, 0, 0, 1, 5)))
        self._last_ms[target] = at_ms
        world.after(at_ms - world.now_ms, self._arrive, target, data)

    def _arrive(self, target: int, data: bytes) -> None:
        end = self._ends[target]
        if end is not None:
            end.came(self, data)

    def end_of(self, source: int) -> None:
        """One end is gone."""
        if self._ends[source] is not None:
            self.send(source, b"")
            self._ends[source] = None


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
        self.site = Site(
            disk=machine.disk,
            record=machine.record,
            policy=machine.policy,
            outputs=machine.outputs,
            out_folder=OUT_FOLDER,
            boot=machine.boot_id,
            tell_keeper=self._tell_keeper,
            now=self._now(),
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
        self.world.log(machine.name, f"agent begins at event {self.site.spool.head}")
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
            self.site.keeper_said(records, self._now())
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
            conn=self._conn, free=self.machine.disk.free_bytes(), tz_s=0, sw="sim", system="sim", arch="sim"
        )
        self._connection = connection
        self._link = AgentLink(
            self.site.identity(), facts, nonce=self.dice.randbytes(32), now=self.machine.clock.monotonic()
        )
        self.site.attach(self._link)
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
                    self.machine.oracle.output_acked(k, stream, offset)
        self.site.heard(happenings, self._now())
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
            self.site.heard(link.tick(self.machine.clock.monotonic()), self._now())
            connection.hang_up(0)
            self._link = self._connection = None
            self.site.detach()
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


def draw_policy(dice: random.Random) -> Policy:
    """Return the policy of an agent: small numbers, so that limits are reached."""
    return Policy(
        par=dice.choice((1, 2, 4, 64)),
        queue=dice.choice((2, 10, 1_000)),
        durability=dice.choice(("strict", "strict", "fast")),
        start_after_boot=dice.choice(("contact", "now")),
        out_bytes_max=dice.choice((2_000, 64 * 1024 * 1024)),
        free_bytes_min=1_000,
    )
