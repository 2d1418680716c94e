"""Where other servers of this site come in: they come to the agents' port, prove who they are, and are answered.

Every server of the site says what it is to whoever asks. An active that hears of a proven higher term has been
replaced, and stops. A standby that asks to follow is given what it needs.

An invitation lets a machine that has nothing yet fetch one copy. It is kept in memory only and is good for one copy
within its time. It belongs to the address from which it is used first: a copy that is broken off may be begun again from
there, and nobody else gets another one meanwhile.
"""

import logging
import secrets
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field

import trio

from jaz_lite.net.line import Line
from jaz_lite.net.session import Session
from jaz_lite.net.tcp import Visitor
from jaz_lite.server.peers_following import SHIPPING_FOLDER, Following, Lag
from jaz_lite.store.keys import Keys
from jaz_lite.store.open import Store
from jaz_lite.wire.happenings import Closed, Happening
from jaz_lite.wire.peer_link import PeerHost
from jaz_lite.wire.peers import PeerProven, PeerSaid, PeerStatus
from jaz_lite.wire.token import SECRET_BYTES, TOKEN_ID_BYTES, token_key

NONCE_BYTES = 32
INVITATIONS_MAX = 16

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Invitation:
    key: bytes
    until: float  # monotonic seconds
    address: str = ""  # where it is used; "": nowhere yet
    guest: "Guest | None" = None  # who uses it now


@dataclass(slots=True, eq=False)
class Guest:
    """One link with a peer."""

    link: PeerHost
    address: str
    token_id: bytes = b""
    following: Following | None = field(default=None)
    status: PeerStatus | None = None


class PeersDoor:
    """See the module.

    Args:
        describe: says what this server is.
        heard: is told what a peer says of itself, and where it came from, once its proof is right.
        store: what standbys may follow; None: nobody may.
    """

    def __init__(
        self,
        keys: Keys,
        *,
        describe: Callable[[], PeerStatus],
        heard: Callable[[PeerStatus, str], None],
        store: Store | None = None,
    ) -> None:
        self._keys = keys
        self._describe = describe
        self._heard = heard
        self._store = store
        if store is not None:
            shutil.rmtree(store.folder / SHIPPING_FOLDER, ignore_errors=True)  # what a killed server left
        self._guests: dict[Guest, None] = {}
        self._invitations: dict[bytes, _Invitation] = {}

    @property
    def guests(self) -> tuple[Guest, ...]:
        """The peers that have proved who they are and are connected now."""
        return tuple(guest for guest in self._guests if not guest.token_id)

    def lags(self, lsn: int) -> list[Lag]:
        """Return how far each standby is behind a store that stands at `lsn`."""
        found = [guest.following.lag(lsn) for guest in self._guests if guest.following is not None]
        return [lag for lag in found if lag.who]

    def invite(self, valid_s: float) -> tuple[bytes, bytes]:
        """Let one machine fetch a copy within so many seconds; returns the id of the invitation and its secret."""
        now = trio.current_time()
        self._invitations = {one: each for one, each in self._invitations.items() if each.until > now}
        while len(self._invitations) >= INVITATIONS_MAX:
            del self._invitations[next(iter(self._invitations))]
        token_id, secret = secrets.token_bytes(TOKEN_ID_BYTES), secrets.token_bytes(SECRET_BYTES)
        self._invitations[token_id] = _Invitation(token_key(secret), now + valid_s)
        return token_id, secret

    async def attend(self, line: Line, head: bytes, visitor: Visitor, cert_sha256: bytes) -> None:
        """Hold a link with a peer to its end.

        Args:
            head: what was received already.
            cert_sha256: of the certificate that was shown on this line.
        """
        link = PeerHost(
            cert_sha256=cert_sha256,
            nonce=secrets.token_bytes(NONCE_BYTES),
            find_secret=lambda token_id: self._find_secret(token_id, visitor.address),
            now=trio.current_time(),
        )
        guest = Guest(link, visitor.address)
        session = Session(link, line, lambda happenings: self._tell(guest, visitor, happenings), head)
        if self._store is not None:
            guest.following = Following(
                link,
                session.flush,
                store=self._store,
                describe=self._describe,
                invited=lambda: bool(guest.token_id),
                copied=lambda: self._used(guest),
            )
        try:
            async with trio.open_nursery() as nursery:
                if guest.following is not None:
                    nursery.start_soon(guest.following.run)
                await session.run()
                nursery.cancel_scope.cancel()
        finally:
            self._guests.pop(guest, None)
            if (invitation := self._invitations.get(guest.token_id)) is not None and invitation.guest is guest:
                invitation.guest = None

    def _tell(self, guest: Guest, visitor: Visitor, happenings: list[Happening]) -> None:
        for happening in happenings:
            match happening:
                case PeerProven(token_id):
                    guest.token_id = token_id
                    self._guests[guest] = None
                    if (invitation := self._invitations.get(token_id)) is not None:
                        invitation.address, invitation.guest = visitor.address, guest
                    visitor.proved()
                    guest.link.status(self._describe())
                case PeerSaid(status):
                    guest.status = status
                    self._heard(status, visitor.address)
                case Closed(code=code, msg=msg):
                    if code == "auth" and guest not in self._guests:
                        visitor.failed()
                    log.debug("a peer's link closed", extra={"action": "peer.closed", "code": code, "why": msg})
                case _ if guest.following is not None:
                    guest.following.heard(happening)
                case _:
                    guest.link.error("state", "this server is not followed")

    def _find_secret(self, token_id: bytes, address: str) -> bytes | None:
        if not token_id:
            return self._keys.fence_key
        found = self._invitations.get(token_id)
        if found is None or found.until <= trio.current_time():
            return None
        if found.guest is not None or found.address not in ("", address):
            log.warning(
                "an invitation for a standby is used by a second machine, and refused there",
                extra={"action": "peer.invited_twice", "first": found.address, "second": address},
            )
            return None
        return found.key

    def _used(self, guest: Guest) -> None:
        """The copy that an invitation was for has arrived."""
        self._invitations.pop(guest.token_id, None)
