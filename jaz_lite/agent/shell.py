"""The agent's process: sites, their links and the keeper, put on trio.

    keeper ──► said ─┐
    link   ──► heard ├─► gathered ──► turn: core, append, one fdatasync, tell the keeper, fill the links
    clock  ──► tick ─┘

Whatever has come in one pass of the loop is one turn, so that one fdatasync serves all of it.
"""

import logging
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import trio

from jaz_lite.agent.attempts import Moment
from jaz_lite.agent.copying.file_desk import FileDesk
from jaz_lite.agent.disk import PosixDisk
from jaz_lite.agent.file_roots import FileRoots
from jaz_lite.agent.file_waits import FilePoller, FileWaits
from jaz_lite.agent.keeper_client import KeeperClient
from jaz_lite.agent.keeper_post import KeeperPost
from jaz_lite.agent.listening import Listening
from jaz_lite.agent.machine.boot import boot_id, own_reboot_command
from jaz_lite.agent.machine.vitals import measured
from jaz_lite.agent.output_files import PosixOutputFiles
from jaz_lite.agent.own_work import Said
from jaz_lite.agent.policy import Policy
from jaz_lite.agent.records import SITES, SiteRecord, load_sites, site_folder
from jaz_lite.agent.site import Site
from jaz_lite.agent.site_connection import SiteConnection
from jaz_lite.agent.slots import Slots
from jaz_lite.errors import StoreDamaged, UsageError

log = logging.getLogger(__name__)

TAIL_S = 0.1  # between two looks at the output of running jobs
LOOK_AFTER_S = 60.0
CLOCK_JUMP_S = 5.0
NOTICE_S = 2.0  # between two looks which sites are enrolled
NEVER = float("inf")


class Agent:
    """One agent process on one data directory. The caller holds its lock."""

    def __init__(self, data: Path, policy: Policy, clock: "AgentClock | None" = None) -> None:
        self._data = data
        if policy.allow_reboot and not policy.reboot_command:
            policy = replace(policy, reboot_command=own_reboot_command())
        self._policy = policy
        self._clock = clock or AgentClock()
        self._disk = PosixDisk(data)
        self._keeper = KeeperClient(data)
        self._post = KeeperPost(self._keeper.tell)
        self._slots = Slots(policy.par)
        self._roots = FileRoots(policy.file_roots, str(data))
        self._files = FilePoller(self._disk, self._roots)
        self._listening = Listening(policy.listen, self._sites_now, policy.tls_min)
        self._idle = trio.lowlevel.ParkingLot()
        self._no_jobs = trio.lowlevel.ParkingLot()
        self._wanted = False
        self._timer_wish = trio.Event()
        self._look_again = trio.Event()
        self._sleeps_until = NEVER
        self._conn = self._clock.now().wall_ms
        self._sites: dict[bytes, SiteConnection] = {}
        self._nursery: trio.Nursery | None = None  # while the agent runs
        self._seen: list[tuple[str, int]] = []
        if not self._enrolled():
            raise UsageError(
                f"the agent in {data} belongs to no site", hint="enrol it first: jaz-lite agent enroll TOKEN"
            )

    # ---- sites come and go

    def _refresh(self) -> None:
        """Look again which sites are enrolled; a record that cannot be read changes nothing for the others."""
        try:
            self._enrolled()
        except StoreDamaged as error:
            log.error("an enrolment cannot be read", extra={"action": "site.damaged", "why": error.message})

    def _enrolled(self) -> bool:
        """Take up the sites that are enrolled on the disk now, drop those that are not any more; tell if there are any."""
        self._seen = self._signature()
        records = {record.site_uid: record for record in load_sites(self._disk)}
        for uid in [uid for uid in self._sites if uid not in records]:
            self._drop(self._sites.pop(uid))
        for uid, record in records.items():
            known = self._sites.get(uid)
            if known is None:
                self._take_up(record)
            elif known.site.record != record:
                known.enrolled_anew(record)
        return bool(records)

    def _signature(self) -> list[tuple[str, int]]:
        return [(name, self._disk.modified_ms(f"{SITES}/{name}/site.msgpack")) for name in self._disk.names(SITES)]

    async def _notice_sites(self) -> None:
        while True:
            with trio.move_on_after(NOTICE_S):
                await self._look_again.wait()
            if self._signature() != self._seen:
                self._refresh()

    def _take_up(self, record: SiteRecord) -> None:
        site, files = self._site(record)
        connection = self._sites[record.site_uid] = SiteConnection(
            site,
            now=self._clock.now,
            conn=self._count_connection,
            free_bytes=self._disk.free_bytes,
            gathered=self._gathered,
            refresh=self._refresh,
            files=files,
            floor=self._policy.tls_min,
            listen_port=lambda: self._listening.port,
        )
        if self._nursery is not None:
            log.info("a site was added", extra={"action": "site.added", "server_id": record.server_id})
            self._nursery.start_soon(self._serve_site, connection)
            if self._keeper.connected:
                connection.site.keeper_up(self._clock.now())
            self._gathered()

    def _drop(self, connection: SiteConnection) -> None:
        """A site is enrolled no more. What runs for it goes on at the keeper, and nobody is told of its end."""
        log.warning(
            "a site was removed", extra={"action": "site.removed", "server_id": connection.site.record.server_id}
        )
        connection.bye("this agent belongs to the site no more")
        connection.site.leave()
        connection.scope.cancel()
        self._gathered()

    async def _serve_site(self, connection: SiteConnection) -> None:
        with connection.scope:
            await connection.stay_connected()

    def _sites_now(self) -> list[SiteConnection]:
        return [*self._sites.values()]

    def _count_connection(self) -> int:
        self._conn = max(self._conn + 1, self._clock.now().wall_ms)
        return self._conn

    def _site(self, record: SiteRecord) -> tuple[Site, FileDesk]:
        uid = record.site_uid
        home = self._data / site_folder(record.site_uid)
        folder = home / "out"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

        def say(said: Said) -> None:
            site.own_said(said, self._clock.now())
            self._gathered()

        def wall_ms() -> int:
            return self._clock.now().wall_ms

        files = FileDesk(folder=home, roots=self._roots, policy=self._policy, say=say, wall_ms=wall_ms)
        site = Site(
            disk=self._disk,
            record=record,
            policy=self._policy,
            outputs=PosixOutputFiles(folder),
            out_folder=str(folder),
            boot=boot_id(),
            tell_keeper=lambda messages: self._post.tell(uid, messages),
            slots=self._slots,
            now=self._clock.now(),
            own={"fwait": FileWaits(self._files, say, wall_ms), "fput": files},
        )
        return site, files

    async def run(self) -> None:
        """Serve until cancelled.

        Raises:
            StoreDamaged: the spool or the keeper's folder cannot be used any more.
        """
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._turns)
            nursery.start_soon(self._time)
            nursery.start_soon(self._keeper.run, self._keeper_up, self._keeper_said, self._keeper_down)
            nursery.start_soon(self._files.run)
            nursery.start_soon(self._tail)
            nursery.start_soon(self._look_after)
            nursery.start_soon(self._notice_sites)
            await nursery.start(self._listening.serve)  # first: servers are told where they can dial
            self._nursery = nursery
            for connection in self._sites.values():
                nursery.start_soon(self._serve_site, connection)

    def look_again(self) -> None:
        """Look at once which sites there are, and try to reach their servers: somebody says that it is worth it."""
        for connection in self._sites.values():
            connection.look_again()
        self._look_again.set()
        self._look_again = trio.Event()

    def let_go(self) -> None:
        """The agent ends: the server is told, and the keeper may end too as soon as no job runs."""
        for connection in self._sites.values():
            connection.bye("the agent was told to end")
        self._keeper.let_go()

    # ---- turns

    def _gathered(self) -> None:
        """Something came in; what nobody waits for stays until the next flush."""
        for connection in self._sites.values():
            if connection.site.urgent:
                self._wish()
            if self._no_jobs and connection.site.tailing:
                self._no_jobs.unpark_all()
            due = connection.site.deadline
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
            for connection in self._sites.values():
                self._turn(connection)
            if any(connection.site.core.urgent for connection in self._sites.values()):
                self._wish()  # a slot that one site gave back is another's

    async def _time(self) -> None:
        """Wish for a turn at each deadline."""
        while True:
            self._timer_wish = trio.Event()
            self._sleeps_until = min((c.site.deadline or NEVER for c in self._sites.values()), default=NEVER)
            with trio.move_on_after(max(0.0, self._sleeps_until - self._clock.now().mono)) as sleep:
                await self._timer_wish.wait()
            if sleep.cancelled_caught:
                self._wish()
                await trio.lowlevel.checkpoint()

    def _turn(self, connection: SiteConnection) -> None:
        site = connection.site
        site.tick(self._clock.now())
        while effects := site.take():
            for effect in effects:
                site.perform(effect)
        if site.pump():
            # More output waits; between its pieces the link's control frames and other tasks have their turn.
            self._wish()
        connection.flush()

    # ---- the keeper

    def _keeper_up(self) -> None:
        self._post.connected()
        for connection in self._sites.values():
            connection.site.keeper_up(self._clock.now())
        self._gathered()

    def _keeper_said(self, records: list[list[Any]]) -> None:
        for uid, said in self._post.sort(records, self._sites).items():
            if said:
                self._sites[uid].site.keeper_said(said, self._clock.now())
        self._gathered()

    def _keeper_down(self) -> None:
        for connection in self._sites.values():
            connection.site.keeper_down()

    # ---- the machine

    async def _tail(self) -> None:
        while True:
            if not any(connection.site.tailing for connection in self._sites.values()):
                await self._no_jobs.park()
            await trio.sleep(TAIL_S)
            for connection in self._sites.values():
                if connection.site.tailing:
                    connection.site.tail(self._clock.now())
                    self._gathered()

    async def _look_after(self) -> None:
        before = self._clock.now()
        while True:
            now = self._clock.now()
            jump_s = (now.wall_ms - before.wall_ms) / 1000 - (now.mono - before.mono)
            for connection in self._sites.values():
                connection.site.look_after(now, clock_jump_s=round(jump_s) if abs(jump_s) > CLOCK_JUMP_S else 0)
                connection.look_after_files()
            self._gathered()
            await self._tell_vitals()
            before = now
            await trio.sleep(LOOK_AFTER_S)

    async def _tell_vitals(self) -> None:
        for uid, connection in [*self._sites.items()]:
            folder = self._data / site_folder(uid)
            connection.tell_vitals(await trio.to_thread.run_sync(measured, folder))


class AgentClock:
    """The clocks of this machine, both at once."""

    def now(self) -> Moment:
        """Return now."""
        return Moment(time.monotonic(), time.time_ns() // 1_000_000)
