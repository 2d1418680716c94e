"""Both ends of an enrolment in memory."""

from hashlib import sha256
from typing import Any

from jaz_lite.wire.enrol import EnrolAgentLink, EnrolAsked, EnrolProven, EnrolRequest, EnrolServerLink
from jaz_lite.wire.token import Enrolment, Token, token_key
from tests.wire.conversation import SITE_UID, Conversation, site

CERT = b"certificate in DER"
CERT_SHA256 = sha256(CERT).digest()
SECRET = b"S" * 16
TOKEN_KEY = token_key(SECRET)
NONCE = b"N" * 32
TOKEN = Token(
    fingerprint=CERT_SHA256[:20], token_id=b"tokenA", secret=SECRET, addresses=("10.0.0.1:11061", "[fd00::1]:11061")
)
ENROLMENT = Enrolment(
    agent_id="web01",
    kid=1,
    key=b"k" * 32,
    cert=CERT,
    site_uid=SITE_UID,
    server_id="SITE",
    peers=("10.0.0.1:11061",),
)


def request(**changes: Any) -> EnrolRequest:
    return EnrolRequest(
        **{
            "token_id": TOKEN.token_id,
            "name": "web01",
            "host": "web01.example",
            "nonce": NONCE,
            "sw": "0.1",
            "os": "linux",
            "arch": "x86_64",
        }
        | changes
    )


def enrol_server(**changes: Any) -> EnrolServerLink:
    return EnrolServerLink(site(**{"cert_sha256": CERT_SHA256} | changes), nonce=b"S" * 32, now=0.0)


def enrol_agent(*, key: bytes = TOKEN_KEY, cert_sha256: bytes = CERT_SHA256, **changes: Any) -> EnrolAgentLink:
    return EnrolAgentLink(request(**changes), key=key, cert_sha256=cert_sha256, now=0.0)


def to_asked(talk: Conversation) -> Conversation:
    """Carry the request to the server."""
    talk.carry()
    assert isinstance(talk.server_heard[-1], EnrolAsked)
    return talk


def to_proven(talk: Conversation) -> Conversation:
    """Go on until the server's caller has to commit."""
    to_asked(talk)
    talk.server.challenge(TOKEN_KEY)
    talk.carry()
    assert isinstance(talk.server_heard[-1], EnrolProven)
    return talk
