"""A site of the agent and its lines to the servers of that site, whichever side dialled.

At most one session is the present one (`Site.link`). As long as there is one nobody is dialled; a server that dials us
meanwhile is heard, for it may have taken over from the other.

Source: protocol.md sections 2.1 and 4.
"""

import logging
import os
import platform
import random
import ssl
import time
from collections.abc import Callable, Mapping
from hashlib import sha256

import trio

from jaz_lite import __version__
from jaz_lite.agent.attempts import Moment
from jaz_lite.agent.copying.file_desk import FileDesk
from jaz_lite.agent.machine.vitals import Vitals, job_encoding
from jaz_lite.agent.records import SiteRecord
from jaz_lite.agent.site import Site
from jaz_lite.errors import JazLiteError, UsageError
from jaz_lite.net.dial import Address, AddressBook, Backoff, keep_dialling, parse_address
from jaz_lite.net.line import Line
from jaz_lite.net.session import Session
from jaz_lite.net.tcp import connect
from jaz_lite.net.tls import TlsFloor, as_agent_of_one, client_context
from jaz_lite.net.tls_line import TlsLine
from jaz_lite.wire.agent_core import AgentLink
from jaz_lite.wire.happenings import Closed, Happening, Welcomed
from jaz_lite.wire.identities import AgentIdentity
from jaz_lite.wire.limits import SERVER_PORT

log = logging.getLogger(__name__)

# What a server says when only a person can help; then it is told to people and not asked every few seconds.
HOPELESS = frozenset(("auth", "dup_agent", "revoked", "version"))
HOPELESS_PAUSE_S = 60.0
CLOCK_OFFSET_S = 5.0  # more than that is told


class SiteConnection:
    """See the module.

    Args:
        now: both clocks. conn: gives a number for each connection, growing. free_bytes: of the disk of the spool.
        gathered: something may be to do. refresh: read again what is enrolled. files: takes what is about files.
        listen_port: where servers may dial the agent now; 0: nowhere.
    """

    def __init__(
        self,
        site: Site,
        *,
        now: Callable[[], Moment],
        conn: Callable[[], int],
        free_bytes: Callable[[], int],
        gathered: Callable[[], None],
        refresh: Callable[[], None],
        files: FileDesk,
        floor: TlsFloor = "1.3",
        listen_port: Callable[[], int] = lambda: 0,
    ) -> None:
        self.site = site
        self.scope = trio.CancelScope()  # of everything that is done for the site
        self._now = now
        self._next_conn = conn
        self._free_bytes = free_bytes
        self._gathered = gathered
        self._refresh = refresh
        self._files = files
        self._sessions: dict[AgentLink, Session] = {}
        self._alone = trio.Event()
        self._alone.set()
        self._wanted = trio.Event()
        self._book = AddressBook(_parsed(site.record.addrs))
        self._backoff = Backoff(random.random)
        self._floor: TlsFloor = floor
        self._context: tuple[str, ssl.SSLContext] | None = None  # and the certificates that it trusts
        self._dialled = ""
        self._with_old_key = False  # the server did not take the present one
        self._pause_s = 0.0  # what the server asked for
        self._vitals = Vitals()
        self._listen_port = listen_port

    def enrolled_anew(self, record: SiteRecord) -> None:
        """The enrolment was changed on the disk: go on with what it says now."""
        before = self.site.record
        self.site.member.enrolled_anew(record)
        self._book.configure(_parsed(record.addrs))
        if (before.kid, before.key, before.cert_pem) != (record.kid, record.key, record.cert_pem):
            self.bye("this agent was enrolled anew")
        self.look_again()

    def look_after_files(self) -> None:
        """Once a minute: forget what is known of copies of which the server knows the end."""
        self._files.forget(self.site.has_open)

    def tell_vitals(self, vitals: Vitals) -> None:
        """Once a minute: tell the server how the machine is."""
        self._vitals = vitals
        self.site.tell_vitals(vitals, self._now())
        self.flush()

    # ---- sessions

    def flush(self) -> None:
        """Send what has gathered, over all lines."""
        for session in [*self._sessions.values()]:
            session.flush()

    def bye(self, why: str) -> None:
        """End all sessions in words."""
        for link in self._sessions:
            link.bye("shutdown", why)
        self.flush()

    @property
    def certificates(self) -> Mapping[bytes, str]:
        """The certificates that its servers may show: PEM text by hash."""
        return self.site.member.certificates

    async def hold(
        self, line: Line, pin: bytes, proved: Callable[[], None] = lambda: None, *, address: str = "the server dialled"
    ) -> bool:
        """Hold one session over a line to its end; return whether the server took us.

        Args:
            pin: SHA-256 of the certificate that the server has shown.
            proved: called when the server has proved that it knows the agent's key.
            address: where it was found.
        """
        site = self.site
        site.listen_port = self._listen_port()
        facts = site.hello(
            self._now(),
            conn=self._next_conn(),
            free=self._free_bytes(),
            tz_s=-time.timezone,
            sw=f"jaz_lite {__version__}",
            system=platform.platform(terse=True),
            arch=platform.machine(),
            encoding=job_encoding(),
        )
        link = AgentLink(self._identity(pin), facts, nonce=os.urandom(32), now=trio.current_time())
        welcomed = False

        def tell(happenings: list[Happening]) -> None:
            nonlocal welcomed
            for happening in happenings:
                if isinstance(happening, Welcomed):
                    welcomed = True
                    proved()
                    self._reached(address)
                    self._compare_clocks(happening, link.rtt_s)
                    if self._alone.is_set():
                        self._alone = trio.Event()
                elif isinstance(happening, Closed) and not happening.by_us:
                    self._closed(happening)
            site.heard(link, self._files.heard(link, session.flush, happenings), self._now())
            self._gathered()
            if any(isinstance(happening, Welcomed) for happening in happenings):
                self.site.tell_vitals(self._vitals, self._now())
                self.flush()  # a session that was replaced is told so

        session = self._sessions[link] = Session(link, line, tell)
        try:
            await session.run()
        finally:
            del self._sessions[link]
            self._files.cut(link)
            site.detach(link)
            if site.link is None:
                self._alone.set()
        if welcomed:
            log.info("the session with the server ended", extra={"action": "link.down", "agent": site.record.agent_id})
        return welcomed

    def _compare_clocks(self, welcome: Welcomed, rtt_s: float) -> None:
        """Warn where the clocks differ; nothing is decided from them (protocol 4.8)."""
        ahead_s = self._now().wall_ms / 1000 - (welcome.wall_ns / 1_000_000_000 + rtt_s / 2)
        if welcome.wall_ns and abs(ahead_s) > CLOCK_OFFSET_S:
            log.warning(
                "the clock of this machine differs from the server's",
                extra={"action": "link.clock", "agent": self.site.record.agent_id, "ahead_s": round(ahead_s, 1)},
            )

    def _identity(self, pin: bytes) -> AgentIdentity:
        old = self._with_old_key and bool(self.site.record.old_key)
        return self.site.member.identity_for(pin, old=old)

    def _reached(self, address: str) -> None:
        trouble = self.site.member.contact.reached(address, self._now().wall_ms)
        # Who was told of the trouble is told of its end.
        log.log(
            logging.WARNING if trouble else logging.INFO,
            "the agent is connected",
            extra={"action": "link.up", "agent": self.site.record.agent_id, "address": address},
        )

    def _closed(self, closed: Closed) -> None:
        """The server ended a session or a handshake: what it says may be for people."""
        self._pause_s = float(closed.retry_s)
        if closed.code == "auth" and self.site.record.old_key:
            # A server that was set back may know only the key before; they are tried in turn.
            self._with_old_key = not self._with_old_key
            if self._with_old_key:
                return
        if closed.code in HOPELESS:
            self._pause_s = max(self._pause_s, HOPELESS_PAUSE_S)
            self.site.member.contact.refused(closed.code, closed.msg)
            log.error(
                "the server refuses this agent",
                extra={"action": "link.refused", "agent": self.site.record.agent_id, "code": closed.code,
                       "why": closed.msg},
            )  # fmt: skip

    # ---- dialling

    def look_again(self) -> None:
        """Try to reach the server now: somebody knows that it is there, perhaps elsewhere than before."""
        self._wanted.set()
        self._wanted = trio.Event()

    async def stay_connected(self) -> None:
        """Dial the server whenever there is no session with it, and work at its files; never returns."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._files.run)
            await self._keep_dialling()

    async def _keep_dialling(self) -> None:
        await keep_dialling(
            self._book,
            self._backoff,
            wanted=self._none_there,
            reach=self._reach,
            hold=self._hold_dialled,
            failed=self._failed,
            pause=self._pause,
        )

    async def _none_there(self) -> None:
        await self._alone.wait()
        self._book.learn(_parsed(self.site.addresses()))

    async def _hold_dialled(self, line: TlsLine) -> bool:
        self._pause_s = 0.0
        if not self._alone.is_set():
            line.close()  # a server that dialled us was first
            return False
        return await self.hold(line, sha256(line.peer_certificate).digest(), address=self._dialled)

    async def _reach(self, address: Address) -> TlsLine:
        self._dialled = str(address)
        certificates = self.certificates
        text = "".join(certificates.values())
        if self._context is None or self._context[0] != text:
            self._context = (text, client_context(text, self._floor))
        return (await as_agent_of_one(await connect(address), self._context[1], certificates))[0]

    def _failed(self, address: Address, error: JazLiteError) -> None:
        is_news = self.site.member.contact.failed(str(address), error.message)
        log.log(
            logging.WARNING if is_news else logging.INFO,
            "the server was not reached",
            extra={"action": "link.failed", "address": address, "error": error},
        )
        # The server may have come up elsewhere and written where (the embedded agent's does).
        self._refresh()

    async def _pause(self, seconds: float) -> None:
        with trio.move_on_after(max(seconds, self._pause_s)):
            await self._wanted.wait()
            self._backoff.reset()


def _parsed(texts: tuple[str, ...]) -> list[Address]:
    found = []
    for text in texts:
        try:
            found.append(parse_address(text, SERVER_PORT))
        except UsageError:
            log.warning("an address makes no sense", extra={"action": "link.address", "address": text})
    return found
