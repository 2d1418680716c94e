"""Many agents in one process, for `bench.agents`: `python -m bench.agents_driver DATA PORT FIRST COUNT [WISH…]`.

Real: TCP, TLS with the pinned certificate, the agent's end of the session (`AgentLink`, `Session`), proofs, heartbeats,
dialling with the agent's own pauses, events in a hash chain. Not real: no disk, no job keeper, no processes; a job is
answered at once with accepted, started and finished, from memory.

Says on standard output, one JSON object a line: how many are synced, whenever that changed to all; reads commands
(`go`, `count`) from standard input.

Wishes, for `bench.announce`: `also=PORT`, where another server of the site may be; `listen`, each agent may be dialled
too, at a port of its own; `hold`, jobs that began go on until the command `finish`. What is said then includes, by
epoch, how many agents confirmed a server of it, and how many results such a server acknowledged.
"""

import hashlib
import json
import os
import random
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import trio

from jaz_lite.errors import JazLiteError
from jaz_lite.net import tcp
from jaz_lite.net.dial import Address, AddressBook, Backoff, keep_dialling
from jaz_lite.net.door import Door
from jaz_lite.net.line import Line
from jaz_lite.net.session import Session
from jaz_lite.net.tcp import connect
from jaz_lite.net.tls import as_agent, client_context, pin_of
from jaz_lite.store.directory import DataDirectory
from jaz_lite.wire.agent_core import AgentLink
from jaz_lite.wire.events import pack_event
from jaz_lite.wire.happenings import Acked, Challenged, Dispatched, Happening, Welcomed
from jaz_lite.wire.ident import NO_SPOOL, epoch_and_boot
from jaz_lite.wire.identities import AgentIdentity, HelloFacts
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

    def __init__(self, data: Path, port: int, first: int, count: int, wishes: list[str]) -> None:
        keys = data / "keys"
        pem = next(keys.glob("*.crt")).read_text("ascii")
        self.site_uid = DataDirectory(data).site_uid
        others = [int(wish.partition("=")[2]) for wish in wishes if wish.startswith("also=")]
        self.addresses = [Address("127.0.0.1", each) for each in (port, *others)]
        self.listens = "listen" in wishes
        self.holds = "hold" in wishes
        self.context = client_context(pem)
        self.pin = pin_of(pem)
        self.agents = [Agent(self, number) for number in range(first, first + count)]
        self.up = 0
        self.jobs = 0
        self.failed: dict[str, int] = {}
        self.confirmed: dict[int, Times] = {}  # by epoch
        self.results: dict[int, Times] = {}

    def changed(self, by: int) -> None:
        """One more is synced, or one less."""
        self.up += by
        if self.up in (0, len(self.agents)):
            self.tell()

    def tell(self) -> None:
        """Say how things are."""
        line = {"up": self.up, "at": time.monotonic(), "jobs": self.jobs, "failed": self.failed}
        for name, counted in (("confirmed", self.confirmed), ("results", self.results)):
            line[name] = {epoch: times.shown for epoch, times in counted.items()}
        print(json.dumps(line), flush=True)

    def held_job_began(self) -> None:
        """One more job waits for the command to end."""
        if self.jobs == len(self.agents):
            self.tell()

    def result_came_home(self, term: int) -> None:
        """A server has committed the end of a job that was held."""
        if count_now(self.results, term) == len(self.agents):
            self.tell()

    async def run(self) -> None:
        """Serve until standard input ends."""
        async with trio.open_nursery() as nursery:
            if self.listens:
                for agent in self.agents:
                    await nursery.start(agent.listen)
            async for line in trio.lowlevel.FdStream(os.dup(0)):
                for word in line.decode().split():
                    if word == "go":
                        for agent in self.agents:
                            nursery.start_soon(agent.run)
                    if word == "finish":
                        for agent in self.agents:
                            agent.finish()
                    self.tell()
            nursery.cancel_scope.cancel()


class Times:
    """How often something happened, and when first and last."""

    def __init__(self) -> None:
        self.count = 0
        self.first = self.last = time.monotonic()

    @property
    def shown(self) -> list[float]:
        return [self.count, self.first, self.last]


def count_now(counted: dict[int, Times], term: int) -> int:
    """Count one more for the epoch of a term; return how many."""
    times = counted.setdefault(epoch_and_boot(term)[0], Times())
    times.count += 1
    times.last = time.monotonic()
    return times.count


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
        self.port = 0
        self.current: AgentLink | None = None  # that of the session; None: there is none
        self.session: Session | None = None
        self.gone = trio.Event()
        self.heard_at = 0.0
        self.held: bytes | None = None
        self.finished_at = 0  # number of the event that ended the job that was held

    async def run(self) -> None:
        """Stay connected, as the agent's shell does."""
        await keep_dialling(
            AddressBook(self.fleet.addresses),
            Backoff(random.random),
            wanted=self._alone,
            reach=self._reach,
            hold=self._session,
            failed=self._failed,
        )

    async def listen(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Let servers dial."""
        listeners = await tcp.listen("127.0.0.1", 0)
        self.port = listeners[0].socket.getsockname()[1]
        task_status.started()
        await tcp.serve(listeners, Door(per_address=8), self._receive)

    def finish(self) -> None:
        """Let the job that was held end."""
        if self.held is not None:
            self._log_event(self.held, "finished", FINISHED)
            self.finished_at, self.held = len(self.log), None
            if self.current is not None and self.session is not None:
                self._send(self.current)
                self.session.flush()

    async def _alone(self) -> None:
        await trio.lowlevel.checkpoint()
        while self.current is not None:
            await self.gone.wait()

    async def _reach(self, address: Address) -> Line:
        return await as_agent(await connect(address), self.fleet.context, self.fleet.pin)

    def _failed(self, _address: Address, error: JazLiteError) -> None:
        why = error.message[:40]
        self.fleet.failed[why] = self.fleet.failed.get(why, 0) + 1

    async def _receive(self, line: Line, visitor: tcp.Visitor) -> None:
        if await self._session(await as_agent(line, self.fleet.context, self.fleet.pin)):
            visitor.proved()

    async def _session(self, line: Line) -> bool:
        self.conn += 1
        facts = HelloFacts(
            spool=self.spool, boot=self.boot, conn=self.conn, head=len(self.log), low=1, par=64, term=self.term,
            act=self.act, ticket=self.ticket, keep_s=600_000, sw="bench", listen_port=self.port,
            wall_ns=time.time_ns(),
        )  # fmt: skip
        link = AgentLink(self.identity, facts, nonce=os.urandom(32), now=trio.current_time())
        welcomed: list[Welcomed] = []
        session = Session(link, line, lambda found: self._heard(session, link, found, welcomed))
        await session.run()
        if self.current is link:
            self.current = self.session = None
            self.gone.set()
            self.fleet.changed(-1)
        return bool(welcomed)

    def _heard(self, session: Session, link: AgentLink, found: list[Happening], welcomed: list[Welcomed]) -> None:
        if link is self.current:
            self.heard_at = time.monotonic()
        for happening in found:
            match happening:
                case Challenged():
                    self._challenged(link, happening)
                case Welcomed():
                    welcomed.append(happening)
                    self._welcomed(session, link, happening)
                case Dispatched():
                    self._done(happening)
                case Acked() if self.finished_at and happening.n >= self.finished_at:
                    self.finished_at = 0
                    self.fleet.result_came_home(self.term)
                case _:
                    pass
        if link is self.current:
            self._send(link)

    def _challenged(self, link: AgentLink, challenge: Challenged) -> None:
        silent_s = int(time.monotonic() - self.heard_at)
        if challenge.probe:
            link.probe_answer(
                term=self.term, act=self.act, ticket=self.ticket, live_s=silent_s, in_session=self.current is not None
            )
        elif challenge.term < self.term:
            link.stale(term=self.term, act=self.act, ticket=self.ticket, live_s=silent_s)
        else:
            link.accept_term()

    def _welcomed(self, session: Session, link: AgentLink, welcome: Welcomed) -> None:
        older, self.current = self.current, link
        older_session, self.session = self.session, session
        if older is not None and older_session is not None:
            older.bye("busy", "a newer session took over")
            older_session.flush()
        if epoch_and_boot(welcome.term)[0] != epoch_and_boot(self.term)[0]:
            count_now(self.fleet.confirmed, welcome.term)
        self.term, self.act, self.ticket = welcome.term, welcome.act, welcome.ticket
        if welcome.spool != self.spool:
            self.spool, self.log = welcome.spool, []
        self.heard_at = time.monotonic()
        self.sent = welcome.cursor
        if self.finished_at and welcome.cursor >= self.finished_at:
            # The acknowledgement was lost with the session that this one took over from.
            self.finished_at = 0
            self.fleet.result_came_home(self.term)
        self._send(link)
        link.inventory([])
        link.synced(self.sent)
        self.gone = trio.Event()
        if older is None:
            self.fleet.changed(1)

    def _done(self, order: Dispatched) -> None:
        self.fleet.jobs += 1
        accepted = {
            "occ": order.occ, "path": order.path, "att": order.att, "run": order.run, "kind": order.kind,
            "digest": bytes(32), "desc": {},
        }  # fmt: skip
        self._log_event(order.k, "accepted", accepted)
        self._log_event(order.k, "started", {"pid": 1, "t": 0})
        if self.fleet.holds:
            self.held = order.k
            self.fleet.held_job_began()
        else:
            self._log_event(order.k, "finished", FINISHED)

    def _log_event(self, k: bytes, name: str, x: Mapping[str, Any]) -> None:
        self.log.append(pack_event(len(self.log) + 1, time.time_ns(), k, name, x))

    def _send(self, link: AgentLink) -> None:
        if link.closed:
            return
        room = min(link.event_room, EVENTS_UNACKED_MAX)
        if room and self.sent < len(self.log):
            batch = self.log[self.sent : self.sent + room]
            link.events(batch)
            self.sent += len(batch)


if __name__ == "__main__":
    folder, port_text, first_text, count_text, *rest = sys.argv[1:]
    trio.run(Fleet(Path(folder), int(port_text), int(first_text), int(count_text), rest).run)
