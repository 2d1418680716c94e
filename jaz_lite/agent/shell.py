"""The agent's process: sites, their links and the keeper, put on trio.

    keeper ──► said ─┐
    link   ──► heard ├─► gathered ──► turn: core, append, one fdatasync, tell the keeper, fill the links
    clock  ──► tick ─┘

Whatever has come in one pass of the loop is one turn, so that one fdatasync serves all of it.
"""

import logging
import os
import platform
import random
import time
from pathlib import Path
from typing import Any

import trio

from jaz_lite import __version__
from jaz_lite.agent import process
from jaz_lite.agent.attempts import Moment
from jaz_lite.agent.disk import PosixDisk
from jaz_lite.agent.keeper_client import KeeperClient
from jaz_lite.agent.output_files import PosixOutputFiles
from jaz_lite.agent.policy import Policy
from jaz_lite.agent.records import SiteRecord, load_sites, site_folder
from jaz_lite.agent.site import Site
from jaz_lite.errors import JazLiteError, UsageError
from jaz_lite.net.dial import Address, AddressBook, Backoff, dial, parse_address
from jaz_lite.net.line import Line
from jaz_lite.net.session import Session
from jaz_lite.net.tcp import connect
from jaz_lite.net.tls import as_agent, client_context
from jaz_lite.wire.agent_core import AgentLink
from jaz_lite.wire.happenings import Happening, Welcomed
from jaz_lite.wire.limits import SERVER_PORT

log = logging.getLogger(__name__)

TAIL_S = 0.1  # between two looks at the output of running jobs
LOOK_AFTER_S = 60.0
CLOCK_JUMP_S = 5.0
NEVER = float("inf")


class Agent:
    """One agent process on one data directory. The caller holds its lock."""

    def __init__(self, data: Path, policy: Policy, clock: "AgentClock | None" = None) -> None:
        self._data = data
        self._policy = policy
        self._clock = clock or AgentClock()
        self._disk = PosixDisk(data)
        self._keeper = KeeperClient(data)
        self._idle = trio.lowlevel.ParkingLot()
        self._no_jobs = trio.lowlevel.ParkingLot()
        self._wanted = False
        self._timer_wish = trio.Event()
        self._look_again = trio.Event()
        self._sleeps_until = NEVER
        self._conn = self._clock.now().wall_ms
        records = load_sites(self._disk)
        if not records:
            raise UsageError(f"the agent in {data} belongs to no site", hint="enrol it first")
        if len(records) > 1:
            # TODO(#2): the slots and the keeper's records have to be shared out by site first.
            raise UsageError(f"the agent in {data} belongs to more than one site; this build serves one")
        self._sites = [_Connected(self._site(record)) for record in records]

    def _site(self, record: SiteRecord) -> Site:
        folder = self._data / site_folder(record.site_uid) / "out"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return Site(
            disk=self._disk,
            record=record,
            policy=self._policy,
            outputs=PosixOutputFiles(folder),
            out_folder=str(folder),
            boot=boot_id(),
            tell_keeper=self._keeper.tell,
            now=self._clock.now(),
        )

    async def run(self) -> None:
        """Serve until cancelled.

        Raises:
            StoreDamaged: the spool or the keeper's folder cannot be used any more.
        """
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._turns)
            nursery.start_soon(self._time)
            nursery.start_soon(self._keeper.run, self._keeper_up, self._keeper_said, self._keeper_down)
            nursery.start_soon(self._tail)
            nursery.start_soon(self._look_after)
            for connected in self._sites:
                nursery.start_soon(self._stay_connected, connected)

    def look_again(self) -> None:
        """Try to reach the server now: somebody knows that it is there, perhaps elsewhere than before."""
        self._look_again.set()
        self._look_again = trio.Event()

    def let_go(self) -> None:
        """The agent ends: the server is told, and the keeper may end too as soon as no job runs."""
        for connected in self._sites:
            if connected.link is not None and connected.session is not None:
                connected.link.bye("shutdown", "the agent was told to end")
                connected.session.flush()
        self._keeper.let_go()

    # ---- turns

    def _gathered(self) -> None:
        """Something came in; what nobody waits for stays until the next flush."""
        for connected in self._sites:
            if connected.site.urgent:
                self._wish()
            if self._no_jobs and connected.site.tailing:
                self._no_jobs.unpark_all()
            due = connected.site.deadline
            if due is not None and due < self._sleeps_until:
                self._timer_wish.set()

    def _wish(self) -> None:
        if not self._wanted:
            self._wanted = True
            self._idle.unpark_all()

    async def _turns(self) -> None:
        while True:
            if not self._wanted:
                await self._idle.park()
            else:
                await trio.lowlevel.checkpoint()
            self._wanted = False
            for connected in self._sites:
                self._turn(connected)

    async def _time(self) -> None:
        """Wish for a turn at each deadline."""
        while True:
            self._timer_wish = trio.Event()
            self._sleeps_until = min((c.site.deadline or NEVER for c in self._sites), default=NEVER)
            with trio.move_on_after(max(0.0, self._sleeps_until - self._clock.now().mono)) as sleep:
                await self._timer_wish.wait()
            if sleep.cancelled_caught:
                self._wish()
                await trio.lowlevel.checkpoint()

    def _turn(self, connected: "_Connected") -> None:
        site = connected.site
        site.tick(self._clock.now())
        while effects := site.take():
            for effect in effects:
                site.perform(effect)
        if site.pump():
            # More output waits; between its pieces the link's control frames and other tasks have their turn.
            self._wish()
        if connected.session is not None:
            connected.session.flush()

    # ---- the keeper

    def _keeper_up(self) -> None:
        for connected in self._sites:
            connected.site.keeper_up(self._clock.now())
        self._gathered()

    def _keeper_said(self, records: list[list[Any]]) -> None:
        for connected in self._sites:
            connected.site.keeper_said(records, self._clock.now())
        self._gathered()

    def _keeper_down(self) -> None:
        for connected in self._sites:
            connected.site.keeper_down()

    # ---- the machine

    async def _tail(self) -> None:
        while True:
            if not any(connected.site.tailing for connected in self._sites):
                await self._no_jobs.park()
            await trio.sleep(TAIL_S)
            for connected in self._sites:
                if connected.site.tailing:
                    connected.site.tail(self._clock.now())
                    self._gathered()

    async def _look_after(self) -> None:
        before = self._clock.now()
        while True:
            now = self._clock.now()
            jump_s = (now.wall_ms - before.wall_ms) / 1000 - (now.mono - before.mono)
            for connected in self._sites:
                connected.site.look_after(now, clock_jump_s=round(jump_s) if abs(jump_s) > CLOCK_JUMP_S else 0)
            self._gathered()
            before = now
            await trio.sleep(LOOK_AFTER_S)

    # ---- the server

    async def _stay_connected(self, connected: "_Connected") -> None:
        site = connected.site
        book = AddressBook(parse_address(text, SERVER_PORT) for text in site.record.addrs)
        backoff = Backoff(random.random)
        context = client_context(site.record.cert_pem)
        pin = site.identity().pin_sha256

        async def attempt(address: Address) -> Line:
            return await as_agent(await connect(address), context, pin)

        def failed(address: Address, error: JazLiteError) -> None:
            _not_reached(address, error)
            # The server may have come up elsewhere and written where (the embedded agent's does).
            book.learn(_parsed(self._configured_addresses(site)))

        async def pause(seconds: float) -> None:
            with trio.move_on_after(seconds):
                await self._look_again.wait()
                backoff.reset()

        while True:
            book.learn(_parsed(site.addresses()))
            line, address = await dial(book, backoff, attempt, failed=failed, pause=pause)
            welcomed = await self._session(connected, line)
            if welcomed:
                book.good(address)
                backoff.reset()
            await pause(backoff.next_s())

    def _configured_addresses(self, site: Site) -> tuple[str, ...]:
        """Return where the enrolment, as it is on the disk now, says that the server is."""
        for record in load_sites(self._disk):
            if record.site_uid == site.record.site_uid:
                return record.addrs
        return ()

    async def _session(self, connected: "_Connected", line: Line) -> bool:
        """Hold one session to its end; return whether the server took us."""
        site = connected.site
        welcomed = False
        self._conn = max(self._conn + 1, self._clock.now().wall_ms)
        facts = site.hello(
            conn=self._conn,
            free=self._disk.free_bytes(),
            tz_s=-time.timezone,
            sw=f"jaz_lite {__version__}",
            system=platform.platform(terse=True),
            arch=platform.machine(),
        )
        link = AgentLink(site.identity(), facts, nonce=os.urandom(32), now=trio.current_time())

        def tell(happenings: list[Happening]) -> None:
            nonlocal welcomed
            welcomed = welcomed or any(isinstance(happening, Welcomed) for happening in happenings)
            site.heard(happenings, self._clock.now())
            self._gathered()

        site.attach(link)
        connected.link, connected.session = link, Session(link, line, tell)
        try:
            await connected.session.run()
        finally:
            connected.link = connected.session = None
            site.detach()
        if welcomed:
            log.info("the session with the server ended", extra={"action": "link.down", "agent": site.record.agent_id})
        return welcomed


class _Connected:
    """A site and its present session."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.link: AgentLink | None = None
        self.session: Session | None = None


class AgentClock:
    """The clocks of this machine, both at once."""

    def now(self) -> Moment:
        """Return now."""
        return Moment(time.monotonic(), time.time_ns() // 1_000_000)


def boot_id() -> bytes:
    """Return 16 bytes that change with each boot of the operating system."""
    import hashlib

    return hashlib.sha256(process.boot_text().encode()).digest()[:16]


def _parsed(texts: tuple[str, ...]) -> list[Address]:
    found = []
    for text in texts:
        try:
            found.append(parse_address(text, SERVER_PORT))
        except UsageError:
            log.warning("an address makes no sense", extra={"action": "link.address", "address": text})
    return found


def _not_reached(address: Address, error: JazLiteError) -> None:
    log.info("the server was not reached", extra={"action": "link.failed", "address": address, "error": error})
