"""A small site for tests: the real store and turns, and agents that speak the real protocol in memory.

site.start(...), site.agent("a1").accepts(job), .starts(job), .ends(job, exit_code=3), site.operator.rerun(...)
"""

import itertools
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jaz_lite.clock import VirtualClock
from jaz_lite.errors import Fenced
from jaz_lite.model.event import Operation
from jaz_lite.model.host import Host
from jaz_lite.model.jobnet import Flow, Icon, Jobnet
from jaz_lite.model.plain import to_plain
from jaz_lite.model.run import Boot, IconRun, Run
from jaz_lite.runner.inputs import NewRun, Reply, RunEvent
from jaz_lite.runner.links import Links
from jaz_lite.runner.port import Port
from jaz_lite.runner.turns import Turns
from jaz_lite.store.agents import AgentRow
from jaz_lite.store.directory import DataDirectory
from jaz_lite.store.open import Store
from jaz_lite.wire.agent_core import AgentLink
from jaz_lite.wire.events import pack_event
from jaz_lite.wire.file_happenings import FileAsked, FilesOver
from jaz_lite.wire.happenings import (
    Acked,
    CancelAsked,
    Challenged,
    Closed,
    Dispatched,
    Drained,
    InventoryItem,
    KillAsked,
    OutputAsked,
    Welcomed,
)
from jaz_lite.wire.ident import CHAIN_START, chain, epoch_and_boot, spec_digest, ticket
from jaz_lite.wire.identities import AgentIdentity, HelloFacts, SiteIdentity
from jaz_lite.wire.server_core import ServerLink
from jaz_lite.wire.spec import unpack_spec

VERSION = "20260101000000"
CERT = bytes(32)
KEY = b"k" * 32
MARGIN_MS = 60_000  # before the last tick of a copy, what is in it may be uncertain


def job(icon_id: str, host: str = "a1", **params: Any) -> Icon:
    """Return a job icon."""
    more = {name: params.pop(name) for name in ("retries", "retry_delay_s", "continue_on_error") if name in params}
    return Icon(icon_id=icon_id, type="job", params={"host": host, "script": f"run {icon_id}", **params}, **more)


def chained(jobnet_id: str, *icons: Icon, **more: Any) -> Jobnet:
    """Return START → the icons one after the other → END."""
    line = (Icon(icon_id="START", type="start"), *icons, Icon(icon_id="END", type="end"))
    flows = tuple(Flow(source=one.icon_id, target=two.icon_id) for one, two in itertools.pairwise(line))
    return Jobnet(jobnet_id=jobnet_id, version=VERSION, icons=line, flows=flows, **more)


class Site:
    """A server on a real store, in virtual time; `restart` is a kill and a new process."""

    def __init__(self, folder: Path, agents: Iterable[str] = ("a1",)) -> None:
        self.clock = VirtualClock()
        self.folder = folder
        DataDirectory.prepare(folder, server_id="test", clock=self.clock)
        self.fenced: list[Fenced] = []
        self._spools = itertools.count(1)
        self._boots = itertools.count(1)
        self._copies = 0
        self.store = Store.open(folder, clock=self.clock)
        with self.store.transaction() as tx:
            for name in agents:
                tx.agents.put(AgentRow(agent_id=name, kid=1, key=KEY, created_ms=self.clock.now_ms()))
                tx.hosts.put(Host(host=name, agent_id=name))
        self._begin()
        self.agents = {name: AgentEnd(self, name) for name in agents}

    def _begin(self) -> None:
        act = next(self._boots).to_bytes(8, "big")
        with self.store.transaction() as tx:
            term = tx.term.claim(act)
            uid, act = tx.term.site().site_uid, tx.term.site().act or b""
        self.epoch, _ = epoch_and_boot(term)
        self.identity = SiteIdentity(site_uid=uid, server_id="test", term=term, act=act, cert_sha256=CERT)
        fence_key = self.store.keys.fence_key
        self.ticket = ticket(fence_key, uid, term, act)
        self.turns = Turns(
            self.store,
            clock=self.clock,
            zone=ZoneInfo("Asia/Tokyo"),
            site_uid=uid,
            term=term,
            draw_spool=lambda: next(self._spools).to_bytes(16, "big"),
        )
        self.turns.reload()
        self.links = Links(
            self.turns.submit,
            self.turns.copies,
            fence_key=fence_key,
            site_uid=uid,
            term=term,
            act=act,
            fence=self.fenced.append,
            now_ms=self.clock.now_ms,
        )

    def restart(self) -> None:
        """Kill the server and start another on the same directory; links are cut."""
        for agent in self.agents.values():
            agent.cut(told=False)
        self.store.close()
        self.store = Store.open(self.folder, clock=self.clock)
        self._begin()

    def close(self) -> None:
        self.store.close()

    # ---- copies

    def save(self) -> Path:
        """Copy the data directory as it is now."""
        with self.store.transaction() as tx:
            tx.term.tick(self.clock.now_ms())
        self._copies += 1
        return Path(shutil.copytree(self.folder, self.folder.with_name(f"copy-{self._copies}")))

    def fall_back(self, copy: Path) -> None:
        """The server and its directory are lost, and a copy is activated in its place; links are cut."""
        self._set_back(copy)
        act = next(self._boots).to_bytes(8, "big")
        with self.store.transaction() as tx:
            site = tx.term.site()
            assert site.last_tick_ms is not None
            tx.term.activate(self.epoch + 1, act)
            tx.window.open(site.last_tick_ms - MARGIN_MS, self.clock.now_ms(), self.epoch + 1, "activated")
        self._begin()

    def set_back(self, copy: Path) -> None:
        """The directory is an earlier state of itself after a restart, and nobody says so."""
        self._set_back(copy)
        self._begin()

    def _set_back(self, copy: Path) -> None:
        for agent in self.agents.values():
            agent.cut(told=False)
        self.store.close()
        shutil.rmtree(self.folder)
        shutil.copytree(copy, self.folder)
        self.store = Store.open(self.folder, clock=self.clock)

    # ---- what a person does

    def define(self, *jobnets: Jobnet) -> None:
        with self.store.transaction() as tx:
            for jobnet in jobnets:
                tx.definitions.put("jobnet", to_plain(jobnet), by="test", at_ms=self.clock.now_ms())
                tx.definitions.enable("jobnet", jobnet.jobnet_id, jobnet.version)

    def start(self, jobnet: Jobnet | str, **more: Any) -> int:
        """Start a run and return its id."""
        if isinstance(jobnet, Jobnet):
            self.define(jobnet)
            jobnet = jobnet.jobnet_id
        reply = Reply(lambda _reply: None)
        self.turns.submit(NewRun(jobnet_id=jobnet, user="op", reply=reply, **more))
        self.settle()
        if reply.error is not None:
            raise reply.error
        assert isinstance(reply.value, int)
        return reply.value

    def plan(self, jobnet: Jobnet | str, scheduled_ms: int, *, schedule: str = "NIGHTLY", **boot: Any) -> int:
        """Plan a run for a time, as a schedule does, and return its id."""
        if isinstance(jobnet, Jobnet):
            self.define(jobnet)
            jobnet = jobnet.jobnet_id
        return self.start(
            jobnet,
            origin="schedule",
            scheduled_ms=scheduled_ms,
            boot=Boot(**{"schedule_id": schedule, "nominal_ms": scheduled_ms, **boot}),
        )

    def ask(self, run_id: int, operation: type[Operation], path: str = "", *more: Any) -> None:
        """Do what a person asks; raises the refusal."""
        reply = Reply(lambda _reply: None)

        def make(run: Run) -> Operation:
            node = run.plan.find(path)
            return operation("op", *(() if not path else (node,)), *more)  # type: ignore[arg-type]

        self.turns.submit(RunEvent(run_id, make=make, reply=reply))
        self.settle()
        if reply.error is not None:
            raise reply.error

    # ---- what happens

    def turn(self) -> bool:
        """Make one turn; False: there was nothing to do."""
        turn = self.turns.prepare()
        if turn is None:
            return False
        turn.tx.commit()
        self.turns.release(turn)
        return True

    def settle(self) -> None:
        """Let turns and bytes flow until nothing moves."""
        moving = True
        while moving:
            moving = self.turn()
            for agent in self.agents.values():
                moving = agent.pump() or moving

    def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.settle()

    # ---- looks

    def run(self, run_id: int) -> Run:
        with self.store.snapshot() as view:
            return self.turns.live.read(view, run_id)

    def icon(self, run_id: int, path: str) -> IconRun:
        run = self.run(run_id)
        node = run.plan.find(path)
        assert node is not None
        return run.icons[node]

    def attempt_states(self, run_id: int) -> dict[str, str]:
        """Return the state of each attempt of a run, by key path."""
        with self.store.snapshot() as view:
            return {f"{row.key_path}/{row.attempt}": row.state for row in view.attempts.of_run(run_id)}

    def journal_kinds(self) -> list[str]:
        with self.store.snapshot() as view:
            return [row.kind for row in view.journal.latest(limit=500)]


class AgentEnd:
    """An agent that does what the test says, over the real link."""

    def __init__(self, site: Site, agent_id: str) -> None:
        self.site = site
        self.agent_id = agent_id
        self.spool = bytes(16)
        self.boot = b"boot-1".ljust(16, b"\0")
        self.log: list[bytes] = []
        self.states: dict[bytes, str] = {}
        self.orders: dict[bytes, Dispatched] = {}
        self.dispatched: list[Dispatched] = []
        self.killed: list[KillAsked] = []
        self.cancelled: list[CancelAsked] = []
        self.acked = 0
        self.link: AgentLink | None = None
        self.port: Port | None = None
        self.conn = 0
        self.welcomes: list[Welcomed] = []
        self.drains: list[bool] = []
        self.files: list[FileAsked] = []
        self.copies_over: list[FilesOver] = []
        self.facts: dict[str, Any] = {"par": 64}
        self.clock_ahead_ms = 0
        self.closed: list[str] = []
        self.output_asked: list[OutputAsked] = []

    # ---- the link

    def connect(self, inventory: Mapping[bytes, str] | None = None) -> None:
        """Dial, prove who we are, replay from the server's cursor, tell the inventory, be synced."""
        self.dial(inventory)
        self.site.settle()

    def dial(self, inventory: Mapping[bytes, str] | None = None) -> None:
        """Open a connection and say hello; nothing has travelled yet."""
        self.conn += 1
        identity = AgentIdentity(
            agent_id=self.agent_id, kid=1, key=KEY, site_uid=self.site.identity.site_uid, pin_sha256=CERT
        )
        facts = HelloFacts(
            spool=self.spool,
            boot=self.boot,
            conn=self.conn,
            head=len(self.log),
            acked=self.acked,
            wall_ns=self.site.clock.now_ms() * 1_000_000 + self.clock_ahead_ms * 1_000_000,
            **self.facts,
        )
        now = self.site.clock.monotonic()
        self.link = AgentLink(identity, facts, nonce=bytes(32), now=now)
        server = ServerLink(self.site.identity, nonce=bytes(31) + b"\1", now=now, find_agent=lambda _agent, _kid: KEY)
        self.port = Port(
            server,
            flush=lambda: None,
            close=self.cut,
            greet=lambda link, spool, cursor, chain_: link.welcome(
                ticket=self.site.ticket, spool=spool, cursor=cursor, chain=chain_
            ),
        )
        self._inventory = inventory

    def cut(self, *, told: bool = True) -> None:
        """The connection is gone; the server may or may not notice."""
        port, self.link, self.port = self.port, None, None
        if port is not None and told:
            self.site.links.gone(port)

    def pump(self) -> bool:
        """Carry bytes both ways; True when something moved."""
        if self.link is None or self.port is None:
            return False
        link, port, now = self.link, self.port, self.site.clock.monotonic()
        moved = False
        if up := link.take():
            self.site.links.happened(port, port.link.receive(up, now))
            moved = True
        if down := port.link.take():
            for happening in link.receive(down, now):
                self._heard(link, happening)
            moved = True
        return moved

    def _heard(self, link: AgentLink, happening: Any) -> None:
        match happening:
            case Challenged():
                link.accept_term()
            case Welcomed():
                self.welcomes.append(happening)
                if happening.spool != self.spool:
                    self.spool, self.log = happening.spool, []
                link.events(self.log[happening.cursor :])
                link.inventory(self._items())
                link.synced(len(self.log))
            case Dispatched():
                self.dispatched.append(happening)
                self.orders[happening.k] = happening
            case KillAsked():
                self.killed.append(happening)
            case CancelAsked():
                self.cancelled.append(happening)
            case FileAsked():
                self.files.append(happening)
            case FilesOver():
                self.copies_over.append(happening)
            case Drained():
                self.drains.append(happening.on)
            case Acked():
                self.acked = happening.n
            case OutputAsked():
                self.output_asked.append(happening)
            case Closed():
                self.closed.append(happening.code)

    def _items(self) -> list[InventoryItem]:
        states = self.states if self._inventory is None else self._inventory
        return [
            InventoryItem(
                k=k,
                st=st,
                eseq=0,
                digest8=bytes(8),
                occ=order.occ if order else "M:1",
                path=order.path if order else "/elsewhere#1",
                att=order.att if order else 1,
                run=order.run if order else 1,
            )
            for k, st in states.items()
            for order in (self.orders.get(k),)
        ]

    # ---- what the agent does

    def key(self, icon_id: str) -> bytes:
        """Return the key of the newest order for an icon."""
        found = [order.k for order in self.dispatched if order.path.rpartition("/")[2].split("#")[0] == icon_id]
        assert found, f"nothing was sent for {icon_id}: {[order.path for order in self.dispatched]}"
        return found[-1]

    def says(self, k: bytes | None, event: str, settle: bool = True, **x: Any) -> None:
        """Write an event to the log and send it, if there is a link."""
        packed = pack_event(len(self.log) + 1, self.site.clock.now_ms() * 1_000_000, k, event, x)
        self.log.append(packed)
        if self.link is not None and self.link.state == "up":
            self.link.events([packed])
        if settle:
            self.site.settle()

    def accepts(self, icon_id: str, settle: bool = True) -> None:
        order = self.orders[self.key(icon_id)]
        self.states[order.k] = "accepted"
        self.says(
            order.k, "accepted", settle=settle, occ=order.occ, path=order.path, att=order.att, run=order.run,
            kind=order.kind, digest=spec_digest(order.kind, unpack_spec(order.kind, order.spec)), desc=dict(order.desc),
        )  # fmt: skip

    def starts(self, icon_id: str, settle: bool = True) -> None:
        self.accepts(icon_id, settle)
        k = self.key(icon_id)
        self.states[k] = "running"
        self.says(k, "started", settle=settle, pid=1, t=self.site.clock.now_ms())

    def writes(self, icon_id: str, data: bytes, stream: int = 1, offset: int = 0, *, eof: bool = False) -> None:
        """Send a piece of a job's output."""
        assert self.link is not None, "output goes over a link"
        self.link.output(self.key(icon_id), stream, offset, data, eof=eof)
        self.site.settle()

    def refuses(self, icon_id: str, why: str) -> None:
        """Say that no record was made of the newest order for an icon."""
        assert self.link is not None, "a refusal goes over a link"
        self.link.refused(self.key(icon_id), why, f"refused because of {why}")  # type: ignore[arg-type]
        self.site.settle()

    def ends(self, icon_id: str, exit_code: int = 0, out: bytes = b"", settle: bool = True) -> None:
        k = self.key(icon_id)
        if self.states.get(k) != "running":
            self.starts(icon_id, settle)
        self.states[k] = "done"
        now = self.site.clock.now_ms()
        self.says(
            k,
            "finished",
            settle=settle,
            exit=exit_code,
            t0=now,
            t1=now,
            out=len(out),
            err=0,
            out_head=out,
            err_head=b"",
        )

    @property
    def chain(self) -> bytes:
        """Return the hash of the whole log."""
        value = CHAIN_START
        for packed in self.log:
            value = chain(value, packed)
        return value
