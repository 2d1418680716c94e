"""Where other servers of this site come in: they come to the agents' port, prove who they are, and are answered.

Every server of the site says what it is to whoever asks. An active that hears of a proven higher term has been
replaced, and stops.
"""

import logging
import secrets
from collections.abc import Callable

import trio

from jaz_lite.net.line import Line
from jaz_lite.net.session import Session
from jaz_lite.net.tcp import Visitor
from jaz_lite.store.keys import Keys
from jaz_lite.wire.happenings import Closed, Happening
from jaz_lite.wire.peer_link import PeerHost
from jaz_lite.wire.peers import PeerProven, PeerSaid, PeerStatus

NONCE_BYTES = 32

log = logging.getLogger(__name__)


class PeersDoor:
    """See the module.

    Args:
        describe: says what this server is.
        heard: is told what a peer says of itself, and where it came from, once its proof is right.
    """

    def __init__(
        self, keys: Keys, *, describe: Callable[[], PeerStatus], heard: Callable[[PeerStatus, str], None]
    ) -> None:
        self._keys = keys
        self._describe = describe
        self._heard = heard

    async def attend(self, line: Line, head: bytes, visitor: Visitor, cert_sha256: bytes) -> None:
        """Hold a link with a peer to its end.

        Args:
            head: what was received already.
            cert_sha256: of the certificate that was shown on this line.
        """
        link = PeerHost(
            cert_sha256=cert_sha256,
            nonce=secrets.token_bytes(NONCE_BYTES),
            find_secret=self._find_secret,
            now=trio.current_time(),
        )
        known = False

        def tell(happenings: list[Happening]) -> None:
            nonlocal known
            for happening in happenings:
                match happening:
                    case PeerProven():
                        known = True
                        visitor.proved()
                        link.status(self._describe())
                    case PeerSaid(status):
                        self._heard(status, visitor.address)
                    case Closed(code="auth") if not known:
                        visitor.failed()
                    case Closed(code=code, msg=msg):
                        log.debug("a peer's link closed", extra={"action": "peer.closed", "code": code, "why": msg})

        await Session(link, line, tell, head).run()

    def _find_secret(self, token_id: bytes) -> bytes | None:
        return None if token_id else self._keys.fence_key
