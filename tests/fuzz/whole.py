"""Whole ends behind their links: what the link lets through meets a store, an agent log, a keeper.

A peer that has proved who it is may still say anything that the tables allow. Nothing of it may break a turn of the
server, for every other agent waits for that turn; and what it leaves in the store must be fit to be shown.
"""

import json
import random
import tempfile
from pathlib import Path
from typing import Any

from jaz_lite import config
from jaz_lite.agent import keeper_core
from jaz_lite.agent.attempts import Moment
from jaz_lite.agent.batches import Unbatcher, batch
from jaz_lite.agent.keeper_post import KeeperPost
from jaz_lite.agent.policy import Policy
from jaz_lite.agent.site import Site
from jaz_lite.agent.slots import Slots
from jaz_lite.operations import registry
from jaz_lite.operations.site import drive
from jaz_lite.runner.control import Control
from jaz_lite.server.site import ServerControl
from jaz_lite.server.site import ServerSite as RunningSite
from jaz_lite.wire.agent_core import AgentLink
from jaz_lite.wire.ident import natural_key
from jaz_lite.wire.server_core import ServerLink
from tests.fuzz.links import Peer, _in_parts
from tests.fuzz.readers import RECORD
from tests.sim.disk import SimDisk, SimOutputs
from tests.unit.operations.small_site import OWNER, ZONE
from tests.unit.runner.site import Site as ServerSite
from tests.unit.runner.site import chained, job
from tests.wire.conversation import TICKET, site

PLACE = "/dev/shm" if Path("/dev/shm").is_dir() else None  # what is tried here needs no disk
ROUNDS = 12
FRAMES_A_ROUND = 60
AGENT_FRAMES = 60


class _KnowingPeer(Peer):
    """A hostile agent that knows which attempts there are, its own and those of others."""

    keys: list[bytes]

    def _body(self, number: int) -> dict[str, Any]:
        body = super()._body(number)
        if "k" in body and self.keys and self.chance.random() < 0.8:
            body["k"] = self.chance.choice(self.keys)
        return body

    def _event(self) -> bytes:
        made = super()._event()
        # A key stands in an event as 16 bytes behind the mark of a binary.
        place = made.find(b"\xc4\x10")
        if place >= 0 and self.keys and self.chance.random() < 0.8:
            made = made[: place + 2] + self.chance.choice(self.keys) + made[place + 18 :]
        return made


def server(chance: random.Random) -> int:
    """Play a hostile agent, beside a true one, against real turns on a real store; return the number of frames."""
    frames = 0
    with tempfile.TemporaryDirectory(prefix="jl-fuzz-", dir=PLACE) as folder:
        here = ServerSite(Path(folder) / "data", agents=("a1", "a2"))
        try:
            here.define(chained("ONE", job("x"), job("y")), chained("TWO", job("z", host="a2")))
            here.agents["a2"].connect()
            for _ in range(ROUNDS):
                runs = [here.start(chance.choice(("ONE", "TWO"))) for _ in range(2)]
                evil = here.agents["a1"]
                evil.log, evil.spool = [], chance.randbytes(16)
                evil.connect()
                if evil.port is None:
                    continue
                port, link = evil.port, evil.port.link
                peer = _KnowingPeer(chance, link)
                peer.keys = [k for end in here.agents.values() for k in end.orders]
                peer.runs = runs
                uid = here.identity.site_uid
                for run_id in range(runs[-1] + 1, runs[-1] + 8):  # of runs that are still to come
                    peer.keys += [natural_key(uid, f"M:{run_id}", path, 1) for path in ("/x#1", "/z#1")]
                evil.link = None  # from here on somebody else speaks
                for _ in range(FRAMES_A_ROUND):
                    frames += 1
                    for part in _in_parts(peer.next(), chance):
                        here.links.happened(port, link.receive(part, here.clock.monotonic()))
                    if chance.random() < 0.3:
                        here.settle()
                        link.take()
                    if link.closed:
                        break
                here.settle()
                evil.port = port
                evil.cut()
                here.pass_time(chance.choice((0, 1, 60)))
                _show(here, runs)
            # The true agent was never disturbed.
            assert here.agents["a2"].port is not None
            assert here.agents["a2"].port.synced
        finally:
            here.close()
    return frames


def _show(here: ServerSite, runs: list[int]) -> None:
    """Everything that commands show of it."""
    control = Control(here.turns, request_stop=lambda: None)
    server = ServerControl(control, store=here.store, term=(1, 1), zone=ZONE)
    looks = RunningSite(
        here.store, clock=here.clock, zone=ZONE, config=config.defaults(), control=server, write=control
    )
    shown = [("status", {}), *((name, {"run": str(run_id)}) for run_id in runs for name in ("run.show", "run.log"))]
    for name, args in shown:
        json.dumps(drive(registry.call(looks, OWNER, name, args)), default=repr)


def agent(chance: random.Random) -> int:
    """Play a hostile server against a site with its log and its keeper; return the number of frames."""
    end = _AgentEnd(chance)
    end.connect()
    peer = Peer(chance, end.link)
    for count in range(AGENT_FRAMES):
        for part in _in_parts(peer.next(), chance):
            end.heard(part)
            end.link.take()
        if end.link.closed:
            return count + 1
    return AGENT_FRAMES


class _AgentEnd:
    """A site with a disk in memory and a keeper whose processes end as chance will."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.now = Moment(100.0, 1_000_000)
        self.pid = 1_000
        self.keeper = keeper_core.KeeperCore("boot")
        self.keeper.begin(lambda _pid, _started: False, 1)
        self.told = Unbatcher()
        dice = random.Random(1)
        self.post = KeeperPost(self._tell_keeper)
        self.post.connected()
        self.site = Site(
            disk=SimDisk(dice),
            record=RECORD,
            policy=Policy(out_bytes_max=1_000, par=3, queue=20),
            outputs=SimOutputs(dice),
            out_folder="out",
            boot=bytes(16),
            tell_keeper=lambda messages: self.post.tell(RECORD.site_uid, messages),
            slots=Slots(3),
            now=self.now,
        )
        self.site.keeper_up(self.now)

    def connect(self) -> None:
        """Bring a session up with a true server, whose link is then left aside."""
        identity = self.site.identity()
        facts = self.site.hello(self.now, conn=1, free=10**9, tz_s=0, sw="", system="", arch="")
        self.link = AgentLink(identity, facts, nonce=bytes(32), now=self.now.mono)
        server = ServerLink(
            site(site_uid=identity.site_uid, cert_sha256=identity.pin_sha256),
            nonce=bytes(32),
            now=self.now.mono,
            find_agent=lambda *_: identity.key,
        )
        while server.state != "up":
            if data := self.link.take():
                server.receive(data, self.now.mono)
            if server.state == "identified":
                server.welcome(ticket=TICKET, spool=b"s" * 16, cursor=0, chain=bytes(16))
            self.heard(server.take())

    def heard(self, data: bytes) -> None:
        if data:
            self.site.heard(self.link, self.link.receive(data, self.now.mono), self.now)
        self._carry_out()

    def _tell_keeper(self, messages: tuple[list[Any], ...]) -> None:
        self.keeper.asked(Unbatcher().feed(batch(list(messages))), self.now.mono, 1)

    def _carry_out(self) -> None:
        self.now = Moment(self.now.mono + self.chance.choice((0, 0.05, 1, 12)), self.now.wall_ms + 50)
        self.site.tick(self.now)
        self.keeper.tick(self.now.mono)
        moving = True
        while moving:
            moving = False
            while effects := self.site.take():
                moving = True
                for effect in effects:
                    self.site.perform(effect)
            while effects_there := self.keeper.take():
                moving = True
                for effect_there in effects_there:
                    self._of_keeper(effect_there)
        self.site.tail(self.now)
        while self.site.pump():
            pass

    def _of_keeper(self, effect: keeper_core.Effect) -> None:
        match effect:
            case keeper_core.Spawn(claim, order):
                self.pid += 1
                assert order["argv"]
                if self.chance.random() < 0.2:
                    self.keeper.not_spawned(claim, "exec", 2, "no such file", 1)
                    return
                self.keeper.spawned(claim, self.pid, self.now.mono, 1)
                if self.chance.random() < 0.7:
                    number = self.chance.choice((None, 9))
                    code = 0 if number is None else None
                    self.keeper.exited(self.pid, code=code, signal=number, cpu_ms=1, rss_kb=1, wall_ms=2)
            case keeper_core.Tell(records):
                sorted_out = self.post.sort(self.told.feed(batch(list(records))), (RECORD.site_uid,))
                for said in sorted_out.values():
                    self.site.keeper_said(said, self.now)
            case _:
                pass
