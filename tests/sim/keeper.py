"""The job keeper's process: the product's `KeeperCore`, its log on the simulated disk, and its end of the local socket."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from jaz_lite.agent import keeper_core as core
from jaz_lite.agent.batches import Unbatcher, batch
from jaz_lite.agent.crc_log import unframed
from tests.sim.disk import SimLog
from tests.sim.world import Dies

if TYPE_CHECKING:
    from tests.sim.agent import Agent
    from tests.sim.machine import Machine

KEEPER_LOG = "keeper/log/00000001"
WAIT_FOR_ROOM_MS = 1_000


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

    def accept(self, pipe: Pipe) -> None:
        """A new agent connects; a keeper that waits for room looks at nobody."""
        self._pipes.append(pipe)
        self._do(lambda: self._accept(pipe))

    def _accept(self, pipe: Pipe) -> None:
        # An earlier one must be dead.
        for earlier in self._pipes[: self._pipes.index(pipe)]:
            earlier.end_of(1)
        del self._pipes[: self._pipes.index(pipe)]
        self._agent = pipe
        self._unbatcher = Unbatcher()

    def came(self, pipe: Pipe, data: bytes) -> None:
        """Bytes of an agent."""
        if self._living:
            self._do(lambda: self._read(pipe, data))

    def _read(self, pipe: Pipe, data: bytes) -> None:
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
                    self.core.emptied(job.named)
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

    def __init__(self, machine: Machine, agent: Agent, keeper: Keeper) -> None:
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
