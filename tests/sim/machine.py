"""A host with an agent: its disk, its boots, the two processes of the agent, and the jobs.

Both processes do what their cores say, one effect after the other, and can be killed between any two of them. Jobs
live on when agent or keeper is killed; a power cut takes everything.
"""

import random
from base64 import b64encode
from dataclasses import replace
from typing import Any

from jaz_lite.agent.attempts import STOP_CLAIM
from jaz_lite.agent.keeper_post import MARK
from jaz_lite.agent.policy import Policy
from jaz_lite.agent.records import SiteRecord, save_site
from jaz_lite.errors import StoreDamaged
from tests.sim import processes
from tests.sim.agent import Agent
from tests.sim.agent_line import AgentLine
from tests.sim.copied_files import CopyFiles
from tests.sim.disk import SimDisk, SimOutputs
from tests.sim.keeper import Keeper
from tests.sim.kinds import kind_of
from tests.sim.network import Connection, Network
from tests.sim.oracle import CERTIFICATE, Oracle
from tests.sim.reboots import COMMAND
from tests.sim.waits import SimFiles
from tests.sim.world import World, WorldClock

REFUSING = 0.1  # agents whose policy has no reboots
AGENT_KEY = bytes(range(32))
FORGOTTEN = 0.05  # reboots after which the machine stands still, until somebody goes there
LATE_MS = 1_200_000
SPRINGS_AFTER_MS = (0, 1, 1, 5, 100)  # a trap, once the next job has begun


def enrolled(name: str, site_uid: bytes, *addrs: str) -> SiteRecord:
    """Return what an agent knows of its site, and where it looks for servers."""
    pem = f"-----BEGIN CERTIFICATE-----\n{b64encode(CERTIFICATE).decode()}\n-----END CERTIFICATE-----\n"
    return SiteRecord(
        site_uid=site_uid, server_id="sim", agent_id=name, kid=1, key=AGENT_KEY, cert_pem=pem, addrs=addrs
    )


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
        self.files = SimFiles(self)
        self.copy_files: CopyFiles | None = None  # where files are copied
        self.jobs: dict[int, processes.Job] = {}
        self.agent: Agent | None = None
        self.keeper: Keeper | None = None
        self.boots = 0
        self.lives = 0  # of agent and keeper
        self.powered = False
        self.set_back_at_start = False  # of the next job
        self._pids = 1_000
        network.listen(name, self._accept)
        oracle.agents.add(name)
        save_site(self.disk, record)
        if kind_of(world.seed) == "set-back":
            self.policy = replace(policy, rollback_guard="strict")
        elif kind_of(world.seed) == "trapped":
            guard = self.dice.choice(("strict", "normal"))
            # Without the strict guard it is the contact that protects, and it must come before the first start.
            after_boot = "contact" if guard == "normal" else policy.start_after_boot
            par = self.dice.choice((1, 2))
            self.policy = replace(policy, rollback_guard=guard, start_after_boot=after_boot, par=par, queue=1_000)
        elif kind_of(world.seed) == "reboots" and self.dice.random() >= REFUSING:
            self.policy = replace(policy, reboot_command=(COMMAND,))

    def _accept(self, connection: Connection) -> AgentLine | None:
        return None if self.agent is None else self.agent.accept(connection)

    # ---- power and processes

    def boot(self) -> None:
        """Start the machine; the agent comes up a moment later."""
        self.boots += 1
        self.oracle.reboots.booted(self.name)
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
        self._go_down("by the power cut")
        self.disk.power_cut()
        self.oracle.power_cut(self, self.outputs.power_cut())

    def _go_down(self, how: str) -> None:
        self.powered = False
        self.kill_agent(how, again=False)
        self.kill_keeper(how)
        for job in self.jobs.values():
            job.ended = True
        self.jobs.clear()
        self.world.after(self.dice.choice((500, 5_000, 30_000)), self.boot)

    def _reboot(self, job: processes.Job, boots: int) -> None:
        """What a reboot's command asked for happens, unless the command has failed or was ended before."""
        if not self.powered or boots != self.boots or (job.ended and job.status):
            return
        if self.dice.random() < 0.5:
            self.power_cut()  # as `reboot -f`
        else:
            self.world.log(self.name, "goes down in good order")
            self._go_down("by the reboot")
        self.world.counts["reboots"] += 1

    def take_snapshot(self) -> None:
        """Remember the disk as it is now."""
        self.disk.remember()
        self.outputs.remember()
        self.oracle.snapshot_taken(self)

    def set_back(self) -> None:
        """Restore the machine from its snapshot; it starts as after a power cut."""
        if not self.powered or not (self.policy.rollback_guard == "strict" or self.oracle.would_be_noticed(self)):
            return
        self.power_cut()
        if self.disk.set_back():
            self.outputs.set_back()
            self.oracle.set_back(self)
            self.world.counts["machines set back"] += 1
            self.world.log(self.name, "set back to its snapshot")

    def _trapped(self, boots: int) -> None:
        if boots == self.boots and self.powered:
            self.network.lose(self.name)
            self.set_back()

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
        """Start the process of a claim, by the name that its keeper has for it."""
        named, (_, _, claim) = claim, claim.partition(MARK)
        fate = processes.fate_of(self.world.seed, claim, order["argv"][-1])
        self._pids += 1
        job = processes.Job(
            pid=self._pids,
            claim=claim,
            named=named,
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
        if self.set_back_at_start:
            self.set_back_at_start = False
            self.world.after(self.dice.choice(SPRINGS_AFTER_MS), self._trapped, self.boots)
        if order["argv"][-1] == COMMAND:
            self.oracle.reboots.command_begins(self.name, bytes.fromhex(claim))
            if not fate.exit_code:
                after_ms = self.dice.choice((fate.run_ms // 2, fate.run_ms, fate.run_ms + 3_000, fate.run_ms + 30_000))
                if self.dice.random() < FORGOTTEN:
                    after_ms = LATE_MS
                self.world.after(after_ms, self._reboot, job, self.boots)
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
