"""A standby's link to its active: what comes is written down before it is acknowledged.

    a copy     into a folder beside, verified, then in the place of what was there
    changes    all that came together in one transaction, then one acknowledgement

What the active may not tell a standby is decided here, too: only an active is followed, and none of an older epoch
than the copy has seen, for that one has been replaced.
"""

import logging
import secrets
from collections.abc import Awaitable
from dataclasses import dataclass, field

import trio

from jaz_lite.errors import JazLiteError, Refused
from jaz_lite.net.session import Session
from jaz_lite.net.tls_line import TlsLine
from jaz_lite.server.standby_copy import StandbyCopy
from jaz_lite.store.changes import ChangeSet, NeedsCopy
from jaz_lite.store.sealing import Seal
from jaz_lite.store.shipment import Piece, Unpacking
from jaz_lite.wire.happenings import Closed, Happening
from jaz_lite.wire.ident import epoch_and_boot
from jaz_lite.wire.peer_link import PeerCaller
from jaz_lite.wire.peers import (
    CopyData,
    CopyFile,
    CopyOver,
    HandedOver,
    PeerProven,
    PeerSaid,
    PeerStatus,
    Shipped,
)

NONCE_BYTES = 32
STANDBY_TOO = "it is a standby, not the active"

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Heard:
    """What is known of the active. Times are monotonic seconds."""

    address: str = ""  # where it is followed; "": nowhere now
    status: PeerStatus | None = None  # what it said last
    at: float | None = None  # when it was heard last
    behind_since: float | None = None  # since when the copy does not have all that it has; None: it has
    trouble: str = ""  # why it is not followed
    addrs: list[str] = field(default_factory=list)  # where else one may be


class StandbyLink:
    """One link to the active.

    Args:
        who: what we are called there: the address where we listen.
        key: what is to be proved; with `token_id`, the secret of an invitation, and then one copy is all that is wanted.
    """

    def __init__(
        self,
        copy: StandbyCopy,
        heard: Heard,
        *,
        who: str,
        key: bytes,
        token_id: bytes = b"",
        address: str,
    ) -> None:
        self.handed_over: HandedOver | None = None
        self.proven = False
        self.done = False  # the copy that the invitation was for is here
        self._copy = copy
        self._heard = heard
        self._who = who
        self._key = key
        self._token_id = token_id
        self._address = address
        self._asked = False
        self._follows = False  # whoever answers here was found to be the active
        self._unpacking = Unpacking()
        self._link: PeerCaller | None = None
        self.trouble = ""

    async def hold(self, line: TlsLine, cert_sha256: bytes) -> None:
        """Follow until the link ends; why it ended is in `trouble`."""
        self._link = PeerCaller(
            key=self._key,
            token_id=self._token_id,
            cert_sha256=cert_sha256,
            nonce=secrets.token_bytes(NONCE_BYTES),
            now=trio.current_time(),
        )
        try:
            await Session(self._link, line, self._tell).run()
        finally:
            self._copy.give_up()
            if self._heard.address == self._address:
                self._heard.address = ""

    def _tell(self, happenings: list[Happening]) -> Awaitable[None]:
        return self._take(happenings)

    async def _take(self, happenings: list[Happening]) -> None:
        link = self._link
        assert link is not None
        gathered: list[ChangeSet] = []
        try:
            for happening in happenings:
                if isinstance(happening, Shipped):
                    change = self._unpacking.add(Piece(happening.lsn, happening.data))
                    if change is not None:
                        gathered.append(change)
                    continue
                if gathered:
                    await self._apply(gathered)
                    gathered = []
                await self._take_one(link, happening)
            if gathered:
                await self._apply(gathered)
        except NeedsCopy as why:
            self._copy.wanted = True
            self._end(str(why))
        except JazLiteError as error:
            self._end(error.message)
        except OSError as error:
            self._end(f"the copy cannot be written down: {error.filename or self._address}: {error.strerror}")

    async def _take_one(self, link: PeerCaller, happening: Happening) -> None:
        match happening:
            case PeerProven():
                self.proven = True
            case PeerSaid(status):
                self._said(link, status)
            case CopyFile(name, size):
                self._copy.begin_file(name, size, Seal(link.sealing_key))
            case CopyData(data):
                self._copy.write(data)
                link.copy_ack()
            case CopyOver():
                await self._copy.finish()
                link.ship_ack(self._copy.lsn)
                log.info("the standby has a new copy", extra={"action": "standby.copied", "lsn": self._copy.lsn})
                self._look()
                if self._token_id:
                    self.done = True
                    link.bye("shutdown", "the copy is here")
            case HandedOver():
                self._handed_over(link, happening)
            case Closed(code=code, msg=msg):
                self.trouble = self.trouble or ("it is not of this site" if code == "auth" else msg)
            case _:
                pass
        if self._follows and not isinstance(happening, Closed):
            self._heard.at = trio.current_time()

    def _said(self, link: PeerCaller, status: PeerStatus) -> None:
        """The active says how far it is; at first contact, whether it is one that can be followed."""
        if status.state != "active":
            self._heard.addrs = [*status.addrs] or self._heard.addrs
            raise Refused(STANDBY_TOO if status.state == "standby" else f"it is {_word(status.state)}, not the active")
        if not self._token_id:
            epoch, own = epoch_and_boot(status.term)[0], self._copy.epoch
            if not status.is_proven(self._key, self._copy.site_uid) or epoch < own:
                raise Refused(
                    f"the server at {self._address} is of epoch {epoch}, and this copy of epoch {own}: it was replaced"
                )
        self._follows = True
        self._heard.address, self._heard.status = self._address, status
        self._copy.note_active(self._address)
        self._look()
        if not self._asked:
            self._asked = True
            position = self._copy.position
            link.status(self._copy.describe())
            if position is None or self._copy.wanted:
                link.follow(self._who)
            else:
                link.follow(self._who, position.mark, position.lsn, self._copy.keys())

    async def _apply(self, gathered: list[ChangeSet]) -> None:
        self._heard.at = trio.current_time()
        await self._copy.apply(gathered)
        assert self._link is not None
        self._link.ship_ack(self._copy.lsn)
        self._look()

    def _look(self) -> None:
        """Note since when the copy is behind."""
        status = self._heard.status
        if status is None or self._copy.lsn >= status.lsn:
            self._heard.behind_since = None
        elif self._heard.behind_since is None:
            self._heard.behind_since = trio.current_time()

    def _handed_over(self, link: PeerCaller, handed: HandedOver) -> None:
        """The active has stopped and wants this one to be the server: it says yes only where nothing is missing."""
        if self._copy.wanted or self._copy.lsn != handed.lsn:
            raise Refused(f"the active handed over at change {handed.lsn}, and this copy stands at {self._copy.lsn}")
        self.handed_over = handed
        link.hand_over(handed.lsn, handed.term)

    def _end(self, why: str) -> None:
        self.trouble = why
        if self._link is not None:
            self._link.bye("shutdown", why)


def _word(state: str) -> str:
    return {"fenced": "a server that was replaced"}.get(state, state)
