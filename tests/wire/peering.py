"""Both ends of a link between two servers, in memory."""

from typing import Any

from jaz_lite.wire import ident
from jaz_lite.wire.peer_link import PeerCaller, PeerHost
from jaz_lite.wire.peers import PeerProven, PeerStatus
from tests.wire.conversation import ACT, SITE_UID, TERM, Conversation

FENCE_KEY = b"f" * 32
CERT_SHA256 = b"c" * 32
TOKEN_ID = b"tokenA"
TOKEN_SECRET = b"t" * 32
TICKET = ident.ticket(FENCE_KEY, SITE_UID, TERM, ACT)
ACTIVE = PeerStatus(
    state="active", term=TERM, act=ACT, ticket=TICKET, last_tick_ms=1_795_371_129_000, lsn=7, addrs=("a.example:11061",)
)
STANDBY = PeerStatus(state="standby", term=TERM, last_tick_ms=1_795_371_128_000, lsn=5, live_s=1)


def find_secret(token_id: bytes) -> bytes | None:
    return {b"": FENCE_KEY, TOKEN_ID: TOKEN_SECRET}.get(token_id)


def peer_host(**changes: Any) -> PeerHost:
    return PeerHost(
        **{"cert_sha256": CERT_SHA256, "nonce": b"H" * 32, "find_secret": find_secret, "now": 0.0} | changes
    )


def peer_caller(**changes: Any) -> PeerCaller:
    token_id = changes.get("token_id", b"")
    key = find_secret(token_id) or b"?" * 32
    return PeerCaller(**{"key": key, "cert_sha256": CERT_SHA256, "nonce": b"C" * 32, "now": 0.0} | changes)


def begun(**changes: Any) -> Conversation:
    return Conversation(peer_host(), peer_caller(**changes))  # type: ignore[arg-type]


def proven(talk: Conversation | None = None) -> Conversation:
    """Carry both proofs."""
    talk = talk or begun()
    talk.carry()
    assert isinstance(talk.agent_heard[-1], PeerProven)
    assert isinstance(talk.server_heard[-1], PeerProven)
    talk.agent_heard.clear()
    talk.server_heard.clear()
    return talk
