"""What must hold, checked while things happen and once more at the end. The I-numbers are those of the test plan.

The oracle knows the truth because it stands beside the doubles: jobs report their own starts and bytes, spools show
what was ever written to them. Of the product it sees what is committed (`observe.py`), and compares.

    I1  no claim is started twice, none before its attempt is committed as sent
    I2  a job that ended, and whose keeper wrote that down, is done on the server with its true end; its run saw it once
    I4  the term an agent has stored never falls, and no command comes under a lower one
    I5  cursor and chain are those of a log that the agent really wrote
    I6  cursor and effects move together
    I7  nothing leaves a final state
    I8  an attempt is taken on by one agent
    I9  output on the server is what the job wrote, from its first byte on
    I12 what waits for a person says why, with a reason of the product's list
    I10 a file that was copied is the old one or the whole new one
    I14 a file that came after the one a wait has deleted is not touched by it
    I13 nothing grows without bound
    ACK what was acknowledged is still true after every crash; an agent is told of nothing that is not committed
"""

from __future__ import annotations

from collections import Counter, defaultdict
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from jaz_lite.agent.attempts import STOP_CLAIM
from jaz_lite.agent.spool import Spool
from jaz_lite.wire.events import unpack_event
from jaz_lite.wire.ident import NO_SPOOL
from tests.sim.agent_log import Log, shown
from tests.sim.copied_files import CopyTruth
from tests.sim.ledger import Ledger
from tests.sim.own_work import OwnTruth
from tests.sim.processes import Job
from tests.sim.reboots import RebootTruth
from tests.sim.world import Violation, World

if TYPE_CHECKING:
    from tests.sim.agent import Agent
    from tests.sim.keeper import Keeper
    from tests.sim.machine import Machine
    from tests.sim.server import Server

CERTIFICATE = b"a certificate"
ALARMS_OF_COPIES = frozenset(("server_set_back", "attempt_adopted"))  # only an older copy has reason for them


class Oracle:
    """The truth, and the comparison with it."""

    pin = sha256(CERTIFICATE).digest()

    def __init__(self, world: World) -> None:
        self.world = world
        self.quiet = False  # the drain has begun
        # jobs
        self.starts: Counter[str] = Counter()  # by claim
        self.works: Counter[tuple[Any, ...]] = Counter()  # the same, by what a claim is for
        self.written: dict[tuple[str, int], bytearray] = defaultdict(bytearray)
        self.began_ms: dict[str, int] = {}  # claim -> the wall clock of its machine
        self.ended_ms: dict[str, int] = {}
        self.truth: dict[str, int] = {}  # claim -> status, once its keeper knows it
        self.reaped: dict[tuple[str, int], list[str]] = {}  # by keeper: not written yet
        self.noted: dict[str, list[str]] = {}  # by machine: written, but not durable yet
        self.ends: set[str] = set()  # claims whose end is durable in a keeper's log
        self.hurt: set[str] = set()  # claims whose output a power cut may have shortened
        self.place: dict[str, str] = {}  # claim -> the machine on which it was started
        self.kept: dict[str, set[str]] = {}  # by machine: `ends` when its snapshot was taken
        self.snapshots: dict[str, tuple[bytes, int] | None] = {}  # by machine: which log, and up to which event
        self.told_twice = False  # of some attempt another end was told later, and may have been
        self.set_backs = False  # some machine was set back
        self.earlier: dict[tuple[str, bytes], list[Log]] = {}  # what was in a log before it was set back
        self.own = OwnTruth(self.fail)
        self.copies = CopyTruth(self.fail)
        # agents
        self.agents: set[str] = set()
        self.logs: dict[tuple[str, bytes], Log] = {}
        self.durable: dict[tuple[str, bytes], int] = {}
        self.accepted_at: dict[bytes, str] = {}  # which agent took an attempt on
        self.may_begin_anew: set[str] = set()  # agents of whose log some copy of a directory knows nothing
        self.may_rotate: set[str] = set()  # agents that may have told of events which a power cut took
        self.term_of: dict[str, int] = defaultdict(int)
        self.reboots = RebootTruth(self.fail)
        # the servers, as committed
        self.ledgers: dict[str, Ledger] = {}  # by the path of the data directory
        self.speaking: dict[bytes, Ledger] = {}  # by the act of each process there ever was
        self.committed: set[bytes] = set()  # keys of attempts
        self.meant: dict[bytes, tuple[str, str, int]] = {}  # occurrence, key path and number of each attempt
        self.sent: set[bytes] = set()  # those that some server committed as sent

    def fail(self, invariant: str, sentence: str) -> None:
        """Give up: something that must hold does not."""
        raise Violation(invariant, sentence)

    # ---- jobs

    def job_started(self, machine: Machine, job: Job) -> None:
        """A process begins."""
        self.starts[job.claim] += 1
        self.world.counts["starts"] += 1
        if self.starts[job.claim] > 1:
            self.fail("I1", f"claim {job.claim} was started twice, now on {machine.name}")
        work = (*self.meant.get(bytes.fromhex(job.claim.removesuffix(STOP_CLAIM)), (job.claim,)), job.claim[32:])
        self.works[work] += 1
        if self.works[work] > 1:
            self.fail("I1", f"{work} was started twice, by two keys")
        self.began_ms[job.claim] = machine.clock.now_ms()
        self.place[job.claim] = machine.name
        key = job.claim.removesuffix(STOP_CLAIM)
        if key == job.claim:
            self.reboots.begins(machine.name, bytes.fromhex(key))
        if bytes.fromhex(key) not in self.sent:
            how = "committed as sent" if bytes.fromhex(key) in self.committed else "committed"
            self.fail("I1", f"claim {job.claim} was started, but its attempt is not {how}")

    def job_wrote(self, job: Job, stream: int, data: bytes) -> None:
        """A process writes."""
        self.written[job.claim, stream] += data

    def job_ended(self, job: Job) -> None:
        """A process ends."""
        self.world.log("job", f"{job.claim[:8]} ends with status {job.status}")

    def job_reaped(self, keeper: Keeper, job: Job) -> None:
        """A keeper has taken the end of its child; it is not durable yet."""
        self.truth[job.claim] = job.status
        self.ended_ms[job.claim] = keeper.machine.clock.now_ms()
        self.reaped.setdefault((keeper.machine.name, keeper.life), []).append(job.claim)

    def keeper_wrote(self, keeper: Keeper) -> None:
        """A keeper has written what it had to write."""
        claims = self.reaped.pop((keeper.machine.name, keeper.life), [])
        self.noted.setdefault(keeper.machine.name, []).extend(claims)

    def keeper_synced(self, keeper: Keeper) -> None:
        """A keeper has made its log durable."""
        self.ends.update(self.noted.pop(keeper.machine.name, ()))

    def power_cut(self, machine: Machine, hurt: list[bytes]) -> None:
        """A machine lost its power; these attempts have lost output."""
        self.noted.pop(machine.name, None)
        self.hurt.update(k.hex() for k in hurt)
        if machine.policy.durability == "fast":
            self.may_rotate.add(machine.name)
            self.own.set_back(machine.name)
        self.world.log("oracle", f"{len(hurt)} attempts lost output")

    def snapshot_taken(self, machine: Machine) -> None:
        """What ends from now on is forgotten when the machine is set back."""
        self.kept[machine.name] = set(self.ends)
        spool = None if machine.agent is None else machine.agent.site.log.spool
        self.snapshots[machine.name] = None if spool is None else (spool.spool, spool.synced)

    def would_be_noticed(self, machine: Machine) -> bool:
        """Tell whether the server has read what the snapshot lacks: only then a set-back shows without a guard."""
        snapshot = self.snapshots.get(machine.name)
        (ledger,) = self.ledgers.values()
        spool, cursor, _ = ledger.cursors.get(machine.name, (b"", 0, b""))
        return snapshot is not None and bool(spool) and (spool != snapshot[0] or cursor > snapshot[1])

    def set_back(self, machine: Machine) -> None:
        """A machine was set back to its snapshot: what it knew since then is gone, and nothing else may go wrong."""
        name = machine.name
        here = {claim for claim, where in self.place.items() if where == name}
        self.ends -= here - self.kept[name]
        self.hurt |= here
        self.may_rotate.add(name)
        self.term_of[name] = 0
        self.set_backs = True
        self.own.set_back(name)
        for key in [key for key in self.durable if key[0] == name]:
            del self.durable[key]
        for key in [key for key in self.logs if key[0] == name]:
            self.earlier.setdefault(key, []).append(self.logs[key].copy())

    # ---- work of the agents' own processes

    def own_began(self, machine: Machine, k: bytes, *, again: bool) -> None:
        """An agent's process begins such work."""
        self.own.began(machine, k, again=again or machine.name in self.may_rotate)
        self.reboots.begins(machine.name, k)
        if k not in self.sent:
            self.fail("I1", f"own work {k.hex()} was begun, but its attempt is not committed as sent")

    # ---- agents

    def agent_began(self, agent: Agent) -> None:
        """An agent's process has read its disk."""
        name, site = agent.machine.name, agent.site
        stored = site.member.term.term
        if stored < self.term_of[name]:
            self.fail("I4", f"{name} has stored term {stored}, but obeyed term {self.term_of[name]}")
        if site.log.spool.spool != NO_SPOOL and (name, site.log.spool.spool) not in self.logs:
            # Its predecessor died just when the new log had taken the place of the old one.
            self.log_begun(name, site.log.spool)
        if site.log.spool.damaged:
            self.fail("I5", f"the log of {name} is damaged, though no disk was")
        durable = self.durable.get((name, site.log.spool.spool), 0)
        if site.log.spool.head < durable:
            self.fail("I5", f"{name} has {site.log.spool.head} events, but {durable} were durable")

    def log_begun(self, name: str, spool: Spool) -> None:
        """An agent begins a log under a spool id."""
        self.logs[name, spool.spool] = Log()
        for number, payload in enumerate(spool.payloads(1, spool.head), 1):
            self.logs[name, spool.spool].write(number, payload)
        self.world.counts["logs begun"] += 1
        rotated = sum(1 for other, spool_id in self.logs if other == name and spool_id != NO_SPOOL) > 1
        if rotated and name not in self.may_rotate | self.may_begin_anew:
            self.fail("I5", f"{name} began its log anew, though nothing was set back")

    def log_written(self, name: str, spool: Spool, payloads: list[bytes]) -> None:
        """An agent writes events."""
        log = self.logs[name, spool.spool]
        for number, payload in enumerate(payloads, spool.head - len(payloads) + 1):
            log.write(number, payload)
            _, _, k, e, x = unpack_event(payload)
            if k is not None:
                self.reboots.told(name, k, e, x)
                if e == "accepted" and self.accepted_at.setdefault(k, name) != name:
                    self.fail("I8", f"{name} takes on attempt {k.hex()}, which {self.accepted_at[k]} has")
            self.world.log(name, f"event {number}: {shown(payload)}")

    def log_synced(self, name: str, spool: Spool) -> None:
        """An agent has made its log durable."""
        self.durable[name, spool.spool] = spool.head

    def command_came(self, agent: Agent) -> None:
        """An agent is given work in a session."""
        term = agent.site.member.term.term
        name = agent.machine.name
        if term < self.term_of[name]:
            self.fail("I4", f"{name} obeys term {term} after term {self.term_of[name]}")
        self.term_of[name] = term

    def acked(self, agent: Agent, n: int) -> None:
        """An agent is told that its events up to `n` are committed."""
        ledger = self.speaking[agent.site.member.term.act]
        spool, cursor, _ = ledger.cursors.get(agent.machine.name, (b"", 0, b""))
        if spool == agent.site.log.spool.spool and n > cursor:
            self.fail("ACK", f"{agent.machine.name} was told that event {n} is committed; the cursor is {cursor}")

    def output_acked(self, agent: Agent, k: bytes, stream: int, offset: int) -> None:
        """An agent is told that output up to `offset` is committed."""
        if offset > self.speaking[agent.site.member.term.act].output.get((k, stream), 0):
            self.fail("ACK", f"output of {k.hex()} was acknowledged up to {offset} before it was committed")

    def check_end(self, k: bytes, exit_code: int | None, signal: int | None) -> None:
        """Some server says how an attempt ended."""
        if k in self.own.begun:
            self.own.check_end(k, (exit_code, signal))
            return
        status = self.truth.get(k.hex())
        if k in self.reboots.keys:
            self.reboots.check_end(k, (exit_code, signal), None if status is None else _end_of(status))
            return
        if status is None:
            self.fail("I2", f"attempt {k.hex()} has ended on the server, but no keeper saw that")
            return
        if (exit_code, signal) != _end_of(status):
            self.fail("I2", f"attempt {k.hex()} ended with {_end_of(status)}, on the server with {(exit_code, signal)}")

    # ---- the servers

    def server_booted(self, server: Server) -> None:
        """A new process has read its directory."""
        ledger = self.speaking[server.identity.act] = self.ledger_of(server)
        ledger.term, ledger.act = server.term, server.identity.act
        ledger.booted(server)

    def ledger_of(self, server: Server) -> Ledger:
        """Return what the directory of a server holds."""
        return self.ledgers[server.database]

    # ---- the end

    def at_the_end(self, server: Server, machines: list[Machine], alarms: frozenset[str] = ALARMS_OF_COPIES) -> None:
        """Everything has drained: compare all that was kept. `alarms`: kinds of the journal that may not be there."""
        ledger = self.ledger_of(server)
        ledger.booted(server)
        with server.store.snapshot() as view:
            for claim in sorted(self.ends):
                if claim.endswith(STOP_CLAIM):
                    continue
                row = view.attempts.find(bytes.fromhex(claim))
                if row is not None and row.state == "cancelled" and row.k in ledger.unsent and ledger.has_others:
                    continue
                if row is None or row.state != "done":
                    self.fail(
                        "I2", f"job {claim} ended with status {self.truth[claim]}; the server has {row and row.state}"
                    )
                    return
                self.check_end(row.k, row.exit_code, row.signal)
                if row.k in self.reboots.keys:
                    continue  # it ends with the boot, and not with its command
                if (row.started_ms, row.ended_ms) != (self.began_ms[claim], self.ended_ms[claim]):
                    told = f"{row.started_ms} to {row.ended_ms}"
                    self.fail(
                        "I2", f"job {claim} ran from {self.began_ms[claim]} to {self.ended_ms[claim]}, not {told}"
                    )
                self._check_output(view, claim, machines)
            for k, fields in ledger.attempts.items():
                if fields["state"] in ("ready", "sent", "accepted", "running", "stopping"):
                    self.fail("I3", f"attempt {k.hex()} is still {fields['state']}")
            bad = {"agent_twin", "agent_gap", "foreign_result", *alarms}
            if not self.set_backs:
                bad |= {"agent_forgot", "agent_set_back"}
            if not self.told_twice and not ledger.was_set_back:
                bad.add("result_differs")
            for line in view.journal.latest(severity="error", limit=1_000):
                if line.kind in bad:
                    self.fail("I6", f"the journal tells of {line.kind}: {dict(line.data)}")
            self.reboots.at_the_end(view, machines)
        for machine in machines:
            if machine.copy_files is not None:
                machine.copy_files.check(parts=False)
        for machine in machines:
            core = None if machine.agent is None else machine.agent.site.core
            open_ones = [] if core is None else [a for a in core.attempts.values() if a.is_open]
            if open_ones:
                self.fail("I3", f"{machine.name} still has {open_ones[0]}")

    def _check_output(self, view: Any, claim: str, machines: list[Machine]) -> None:
        row = view.attempts.find(bytes.fromhex(claim))
        machine = next(m for m in machines if m.name == row.agent_id)
        for stream, told in ((1, row.out_bytes), (2, row.err_bytes)):
            truth = bytes(self.written[claim, stream])
            stored = b""
            while data := view.output.read(row.k, stream, len(stored), 65_536):
                stored += data
            if not truth.startswith(stored):
                self.fail("I9", f"output {stream} of {claim} is not what the job wrote")
            if claim not in self.hurt:
                kept = min(len(truth), machine.policy.out_bytes_max)
                if not len(stored) == told == kept:
                    self.fail("I9", f"output {stream} of {claim}: {kept} bytes, told {told}, stored {len(stored)}")


def _end_of(status: int) -> tuple[int | None, int | None]:
    return (None, status & 0x7F) if status & 0x7F else (status >> 8, None)
