"""Many agents in one process, for `bench.agents`: `python -m bench.agents_driver DATA PORT FIRST COUNT`.

Real: TCP, TLS with the pinned certificate, the agent's end of the session (`AgentLink`, `Session`), proofs, heartbeats,
dialling with the agent's own pauses, events in a hash chain. Not real: no disk, no job keeper, no processes; a job is
answered at once with accepted, started and finished, from memory.

Says on standard output, one JSON object a line: how many are synced, whenever that changed to all; reads commands
(`go`, `count`) from standard input.
"""

import hashlib
import json
import os
import random
import sys
import time
from pathlib import Path

import trio

from jaz_lite.errors import JazLiteError
from jaz_lite.net.dial import Address, AddressBook, Backoff, keep_dialling
from jaz_lite.net.line import Line
from jaz_lite.net.session import Session
from jaz_lite.net.tcp import connect
from jaz_lite.net.tls import as_agent, client_context, pin_of
from jaz_lite.store.directory import DataDirectory
from jaz_lite.wire.agent_core import AgentLink
from jaz_lite.wire.events import pack_event
from jaz_lite.wire.happenings import AgentIdentity, Challenged, Dispatched, Happening, HelloFacts, Welcomed
from jaz_lite.wire.ident import NO_SPOOL
from jaz_lite.wire.limits import EVENTS_UNACKED_MAX

FINISHED = {"exit": 0, "t0": 0, "t1": 0, "out": 0, "err": 0, "out_head": b"", "err_head": b""}


def name_of(number: int) -> str:
    """Return the name of an agent and of its host."""
    return f"a{number:04d}"


def key_of(number: int) -> bytes:
    """Return the key of an agent."""
    return hashlib.sha256(name_of(number).encode()).digest()


class Fleet:
    """All agents of this process."""

    def __init__(self, data: Path, port: int, first: int, count: int) -> None:
        keys = data / "keys"
        pem = next(keys.glob("*.crt")).read_text("ascii")
        self.site_uid = DataDirectory(data).site_uid
        self.address = Address("127.0.0.1", port)
        self.context = client_context(pem)
        self.pin = pin_of(pem)
        self.agents = [Agent(self, number) for number in range(first, first + count)]
        self.up = 0
        self.jobs = 0
        self.failed: dict[str, int] = {}

    def changed(self, by: int) -> None:
        """One more is synced, or one less."""
        self.up += by
        if self.up in (0, len(self.agents)):
            self.tell()

    def tell(self) -> None:
        """Say how things are."""
        line = {"up": self.up, "at": time.monotonic(), "jobs": self.jobs, "failed": self.failed}
        print(json.dumps(line), flush=True)

    async def run(self) -> None:
        """Serve until standard input ends."""
        async with trio.open_nursery() as nursery:
            async for line in trio.lowlevel.FdStream(os.dup(0)):
                for word in line.decode().split():
                    if word == "go":
                        for agent in self.agents:
                            nursery.start_soon(agent.run)
                    self.tell()
            nursery.cancel_scope.cancel()


class Agent:
    """One agent that keeps its log in memory."""

    def __init__(self, fleet: Fleet, number: int) -> None:
        self.fleet = fleet
        self.identity = AgentIdentity(
            agent_id=name_of(number), kid=1, key=key_of(number), site_uid=fleet.site_uid, pin_sha256=fleet.pin
        )
        self.spool = NO_SPOOL
        self.log: list[bytes] = []
        self.sent = 0
        self.conn = time.time_ns() // 1_000_000
        self.boot = os.urandom(16)
        self.term, self.act, self.ticket = 0, b"", b""

    async def run(self) -> None:
        """Stay connected, as the agent's shell does."""
        await keep_dialling(
            AddressBook([self.fleet.address]),
            Backoff(random.random),
            wanted=trio.lowlevel.checkpoint,
            reach=self._reach,
            hold=self._session,
            failed=self._failed,
        )

    async def _reach(self, address: Address) -> Line:
        return await as_agent(await connect(address), self.fleet.context, self.fleet.pin)

    def _failed(self, _address: Address, error: JazLiteError) -> None:
        why = error.message[:40]
        self.fleet.failed[why] = self.fleet.failed.get(why, 0) + 1

    async def _session(self, line: Line) -> bool:
        self.conn += 1
        facts = HelloFacts(
            spool=self.spool, boot=self.boot, conn=self.conn, head=len(self.log), low=1, par=64, term=self.term,
            act=self.act, ticket=self.ticket, keep_s=600_000, sw="bench",
        )  # fmt: skip
        link = AgentLink(self.identity, facts, nonce=os.urandom(32), now=trio.current_time())
        session = Session(link, line, lambda found: self._heard(link, found))
        self.synced = self.welcomed = False
        await session.run()
        if self.synced:
            self.fleet.changed(-1)
        return self.welcomed

    def _heard(self, link: AgentLink, found: list[Happening]) -> None:
        for happening in found:
            match happening:
                case Challenged():
                    link.accept_term()
                case Welcomed():
                    self._welcomed(link, happening)
                case Dispatched():
                    self._done(happening)
                case _:
                    pass
        self._send(link)

    def _welcomed(self, link: AgentLink, welcome: Welcomed) -> None:
        self.welcomed = True
        self.term, self.act, self.ticket = welcome.term, welcome.act, welcome.ticket
        if welcome.spool != self.spool:
            self.spool, self.log = welcome.spool, []
        self.sent = welcome.cursor
        self._send(link)
        link.inventory([])
        link.synced(self.sent)
        self.synced = True
        self.fleet.changed(1)

    def _done(self, order: Dispatched) -> None:
        self.fleet.jobs += 1
        now = time.time_ns()
        accepted = {
            "occ": order.occ, "path": order.path, "att": order.att, "run": order.run, "kind": order.kind,
            "digest": bytes(32), "desc": {},
        }  # fmt: skip
        for name, x in (("accepted", accepted), ("started", {"pid": 1, "t": 0}), ("finished", FINISHED)):
            self.log.append(pack_event(len(self.log) + 1, now, order.k, name, x))

    def _send(self, link: AgentLink) -> None:
        if link.closed or not self.welcomed:
            return
        room = min(link.event_room, EVENTS_UNACKED_MAX)
        if room and self.sent < len(self.log):
            batch = self.log[self.sent : self.sent + room]
            link.events(batch)
            self.sent += len(batch)


if __name__ == "__main__":
    folder, port_text, first_text, count_text = sys.argv[1:]
    trio.run(Fleet(Path(folder), int(port_text), int(first_text), int(count_text)).run)
