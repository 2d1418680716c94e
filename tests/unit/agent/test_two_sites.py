"""Two sites on one agent, one keeper and one set of slots, in any order of events and crashes: nothing crosses."""

import random
from collections import Counter, deque
from hashlib import sha256
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from jaz_lite.agent import keeper_core as kc
from jaz_lite.agent.attempts import Moment
from jaz_lite.agent.keeper_post import KeeperPost
from jaz_lite.agent.policy import Policy
from jaz_lite.agent.records import SiteRecord, save_site
from jaz_lite.agent.site import Site
from jaz_lite.agent.slots import Slots
from jaz_lite.wire.events import Unpacked
from jaz_lite.wire.happenings import CancelAsked, Dispatched, KillAsked
from jaz_lite.wire.ident import NO_SPOOL
from jaz_lite.wire.spec import pack_spec
from tests.sim.disk import SimDisk, SimOutputs

KEYS = 8  # of each site
UIDS = (b"A" * 16, b"B" * 16)
BOOT = b"boot".ljust(16, b".")
PEM = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"

sites = st.sampled_from(UIDS)
numbers = st.integers(0, KEYS - 1)


def key_of(uid: bytes, number: int) -> bytes:
    return sha256(uid + bytes([number])).digest()[:16]


def code_of(claim: str) -> int:
    return int(claim[:2], 16) % 5


OWNERS = {key_of(uid, number): uid for uid in UIDS for number in range(KEYS)}


class TwoSites(RuleBasedStateMachine):
    """The agent's process, the keeper's process, and the jobs."""

    @initialize(par=st.sampled_from((1, 2)))
    def begin(self, par: int) -> None:
        self.par = par
        self.disk = SimDisk(random.Random(0))
        self.outputs = {uid: SimOutputs(random.Random(0)) for uid in UIDS}
        self.records = {
            uid: SiteRecord(
                site_uid=uid, server_id="s", agent_id="a", kid=1, key=bytes(32), cert_pem=PEM, addrs=("localhost:1",)
            )
            for uid in UIDS
        }
        for record in self.records.values():
            save_site(self.disk, record)
        self.seconds = 100.0
        self.starts: Counter[str] = Counter()
        self.jobs: dict[int, tuple[str, str]] = {}  # pid -> claim as the keeper names it, path of its output
        self.pids = 1_000
        self.journal: list[bytes] = []
        self.start_keeper()
        self.start_agent()
        for _ in UIDS:  # their lists of claims: from the first step on the slots are fought over
            self.the_keeper_reads()
            self.the_agent_reads()

    @property
    def now(self) -> Moment:
        return Moment(self.seconds, int(self.seconds * 1_000))

    # ---- the agent

    def start_agent(self) -> None:
        self.to_keeper: deque[tuple[list[Any], ...]] = deque()
        self.to_agent: deque[tuple[list[Any], ...]] = deque()
        self.post = KeeperPost(self.to_keeper.append)
        self.slots = Slots(self.par)
        self.sites = {uid: self.open_site(uid) for uid in UIDS}
        self.meet()

    def open_site(self, uid: bytes) -> Site:
        site = Site(
            disk=self.disk, record=self.records[uid], policy=Policy(par=self.par), outputs=self.outputs[uid],
            out_folder=f"out-{uid.hex()}", boot=BOOT, tell_keeper=lambda told: self.post.tell(uid, told),
            slots=self.slots, now=self.now,
        )  # fmt: skip
        if site.log.spool.spool == NO_SPOOL:
            site.log.spool.begin(uid)
        return site

    def meet(self) -> None:
        """The agent connects to the keeper; what was on its way before is lost."""
        self.to_keeper.clear()
        self.to_agent.clear()
        self.post.connected()
        for site in self.sites.values():
            site.keeper_up(self.now)
        self.carry_out()

    def carry_out(self) -> None:
        for site in self.sites.values():
            while effects := site.take():
                for effect in effects:
                    site.perform(effect)

    # ---- the keeper

    def start_keeper(self) -> None:
        self.keeper = kc.KeeperCore(BOOT.hex())
        self.children: set[int] = set()
        self.orphans: dict[int, str] = {}
        self.keeper.load([kc.unpacked(record[8:]) for record in self.journal])
        self.keeper.begin(lambda pid, started: started > 0 and pid in self.jobs, self.now.wall_ms)

    def run_keeper(self) -> None:
        while effects := self.keeper.take():
            for effect in effects:
                match effect:
                    case kc.Append(records):
                        self.journal += records
                    case kc.Spawn(claim, order):
                        self.spawn(claim, str(order["out"]))
                    case kc.Identify(claim, pid):
                        self.keeper.identified(claim, pid)
                    case kc.Watch(claim, pid, _):
                        self.orphans[pid] = claim
                    case kc.Signal(pid, _) if pid in self.jobs:
                        self.end(pid, signal=15)
                    case kc.Tell(records):
                        self.to_agent.append(records)

    def spawn(self, claim: str, out: str) -> None:
        self.starts[claim] += 1
        uid, _, key = claim.partition(":")
        assert self.starts[claim] == 1, "started twice"
        assert OWNERS[bytes.fromhex(key)].hex() == uid, "started for another site"
        assert out == f"out-{uid}/{key}.out"
        self.pids += 1
        self.jobs[self.pids] = claim, out
        self.children.add(self.pids)
        self.outputs[bytes.fromhex(uid)].write(out, key.encode())
        self.keeper.spawned(claim, self.pids, self.seconds, self.now.wall_ms)

    def end(self, pid: int, signal: "int | None" = None) -> None:
        claim, _ = self.jobs.pop(pid)
        if pid in self.children:
            code = None if signal else code_of(claim.partition(":")[2])
            self.keeper.exited(pid, code=code, signal=signal, cpu_ms=1, rss_kb=1, wall_ms=self.now.wall_ms)
        elif pid in self.orphans:
            self.keeper.gone(self.orphans.pop(pid), self.now.wall_ms)

    # ---- what may happen

    @rule(uid=sites, number=numbers)
    def work_is_sent(self, uid: bytes, number: int) -> None:
        work = Dispatched(
            k=key_of(uid, number), occ="M:1", path="/job#1", att=1, run=1, kind="cmd",
            spec=pack_spec("cmd", {"script": "x", "head": 64}),
        )  # fmt: skip
        self.sites[uid].core.asked(work, self.now)
        self.carry_out()

    @rule(uid=sites, number=numbers, kill=st.booleans())
    def work_is_ended(self, uid: bytes, number: int, *, kill: bool) -> None:
        k = key_of(uid, number)
        asked = KillAsked(k=k, how="signal", sig="TERM", grace_s=1, why="kill") if kill else CancelAsked(k=k, why="x")
        self.sites[uid].core.asked(asked, self.now)
        self.carry_out()

    @rule()
    def the_keeper_reads(self) -> None:
        if self.to_keeper:
            self.keeper.asked(self.to_keeper.popleft(), self.seconds, self.now.wall_ms)
        self.run_keeper()

    @rule()
    def the_agent_reads(self) -> None:
        if self.to_agent:
            for uid, said in self.post.sort(self.to_agent.popleft(), UIDS).items():
                self.sites[uid].keeper_said(said, self.now)
        self.carry_out()

    @rule(which=st.integers(0, 9))
    def a_job_ends(self, which: int) -> None:
        if self.jobs:
            self.end(sorted(self.jobs)[which % len(self.jobs)])
            self.run_keeper()

    @rule(seconds=st.sampled_from((0.03, 0.3, 2.0)))
    def time_passes(self, seconds: float) -> None:
        self.seconds += seconds
        self.keeper.tick(self.seconds)
        self.run_keeper()
        for site in self.sites.values():
            site.tick(self.now)
        self.carry_out()

    @rule()
    def the_agent_is_killed(self) -> None:
        self.start_agent()

    @rule()
    def the_keeper_is_killed(self) -> None:
        for site in self.sites.values():
            site.keeper_down()
        self.start_keeper()
        self.run_keeper()
        self.meet()

    # ---- what holds all the same

    def events(self, uid: bytes) -> "list[Unpacked]":
        return list(self.sites[uid].log.spool.events())

    @invariant()
    def nothing_crosses(self) -> None:
        for uid, site in self.sites.items():
            assert all(OWNERS[k] == uid for k in site.core.attempts)
            for _, _, k, e, x in self.events(uid):
                assert k is None or OWNERS[k] == uid
                if e == "finished":
                    assert k is not None
                    assert x["out_head"] == k.hex().encode(), "its own output, whole"
                    assert x.get("sig") == 15 or x["exit"] == code_of(k.hex())

    @invariant()
    def no_more_run_than_there_are_slots(self) -> None:
        assert sum(claim.state in ("claimed", "running") for claim in self.keeper.claims.values()) <= self.par
        assert self.slots.busy <= self.par

    def teardown(self) -> None:
        for _ in range(200):
            if not (self.jobs or self.to_keeper or self.to_agent or self.open_attempts()):
                break
            self.time_passes(0.3)
            self.the_keeper_reads()
            self.the_agent_reads()
            self.a_job_ends(0)
        assert not self.open_attempts(), "what waits for a slot gets one"
        assert not self.slots.busy

    def open_attempts(self) -> list[bytes]:
        return [k for site in self.sites.values() for k, attempt in site.core.attempts.items() if attempt.is_open]


TwoSites.TestCase.settings = settings(
    max_examples=60, stateful_step_count=50, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestTwoSites = TwoSites.TestCase
