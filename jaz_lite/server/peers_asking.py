"""Asking the other servers of this site what they are, all at once and not for long.

The certificate need not be the known one: a server that was away while the site changed its certificate must still
learn that another one took over. Who answers proves the site's `fence_key` over the certificate it showed.
"""

import hashlib
import secrets
import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import trio

from jaz_lite.errors import JazLiteError
from jaz_lite.net import tcp, tls
from jaz_lite.net.dial import parse_address
from jaz_lite.net.session import Session
from jaz_lite.net.tls_line import TlsLine
from jaz_lite.store.keys import Keys
from jaz_lite.wire.happenings import Closed, Happening
from jaz_lite.wire.limits import PROBE_S, SERVER_PORT
from jaz_lite.wire.peer_link import PeerCaller
from jaz_lite.wire.peers import PeerProven, PeerSaid, PeerStatus

NONCE_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerAnswer:
    """What came of asking one address.

    status: what the server there says of itself; it proved that it is of this site. None: no answer, and `why`.
    proven: the term it says was really made by a server of this site.
    """

    address: str
    status: PeerStatus | None = None
    proven: bool = False
    why: str = ""


async def ask_peers(
    addresses: Iterable[str],
    keys: Keys,
    site_uid: bytes,
    timeout_s: float = PROBE_S,
    *,
    own: PeerStatus | None = None,
) -> list[PeerAnswer]:
    """Ask every address what the server there is; returns as soon as all have answered, or after `timeout_s`.

    Args:
        addresses: `host` or `host:port`.
        own: what we are, to be told to them: an active of a lower term stops when it hears of a higher one.

    Returns:
        An answer for each address, in their order. Nothing is raised for one that cannot be reached.
    """
    wanted = list(dict.fromkeys(addresses))
    found: dict[str, PeerAnswer] = {}

    async def one(text: str) -> None:
        try:
            found[text] = await _ask(text, keys, site_uid, own)
        except JazLiteError as error:
            found[text] = PeerAnswer(address=text, why=error.message)

    with trio.move_on_after(timeout_s):
        async with trio.open_nursery() as nursery:
            for text in wanted:
                nursery.start_soon(one, text)
    late = f"no answer within {timeout_s:.0f} s"
    return [found.get(text) or PeerAnswer(address=text, why=late) for text in wanted]


async def dial_peer(text: str, context: ssl.SSLContext) -> tuple[TlsLine, bytes]:
    """Return a line to the server at an address, and SHA-256 of the certificate it shows, which the proofs will cover.

    Raises:
        UsageError: it is no address. Unreachable, RemoteProtocolError: nobody is there, or no server.
    """
    line, certificate = await tls.as_stranger(await tcp.connect(parse_address(text, SERVER_PORT)), context)
    return line, hashlib.sha256(certificate).digest()


async def _ask(text: str, keys: Keys, site_uid: bytes, own: PeerStatus | None) -> PeerAnswer:
    line, cert_sha256 = await dial_peer(text, tls.unpinned_context())
    link = PeerCaller(
        key=keys.fence_key,
        cert_sha256=cert_sha256,
        nonce=secrets.token_bytes(NONCE_BYTES),
        now=trio.current_time(),
    )
    answers: list[PeerStatus | Closed] = []
    await Session(link, line, _listener(link, own, answers.append)).run()
    match answers[0] if answers else None:
        case PeerStatus() as status:
            return PeerAnswer(address=text, status=status, proven=status.is_proven(keys.fence_key, site_uid))
        case Closed(code="auth"):
            return PeerAnswer(address=text, why="the server there is not of this site")
        case Closed(msg=msg):
            return PeerAnswer(address=text, why=msg)
    return PeerAnswer(address=text, why="the connection ended")


def _listener(
    link: PeerCaller, own: PeerStatus | None, keep: Callable[[PeerStatus | Closed], None]
) -> Callable[[list[Happening]], None]:
    def tell(happenings: list[Happening]) -> None:
        for happening in happenings:
            if isinstance(happening, PeerProven) and own is not None:
                link.status(own)
            elif isinstance(happening, PeerSaid):
                keep(happening.status)
                link.bye("shutdown", "that was all")
            elif isinstance(happening, Closed):
                keep(happening)

    return tell
