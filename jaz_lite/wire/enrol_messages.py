"""The messages by which a machine becomes an agent. Source: protocol.md section 5."""

from collections.abc import Mapping

from jaz_lite.wire.fields import ADDRESSES, NAME, U32
from jaz_lite.wire.message import Message, message
from jaz_lite.wire.schema import binary, listing, optional, text, whole

ENROLL = 96
ENROLL_CHALLENGE = 97
ENROLL_PROOF = 98
ENROLLED = 99
ENROLL_OK = 100
ENROLL_PENDING = 101

ENROLMENT: Mapping[int, Message] = dict(
    (
        message(
            ENROLL,
            "enroll",
            "agent",
            proto=listing(U32, 2, 2),
            token=optional(binary(6)),
            agent=optional(NAME),
            host=optional(NAME),
            na=binary(32),
            sw=text(64),
            os=text(64),
            arch=text(32),
        ),
        message(
            ENROLL_CHALLENGE, "enroll_challenge", "server", proto=U32, site_uid=binary(16), server=NAME, ns=binary(32)
        ),
        message(ENROLL_PROOF, "enroll_proof", "agent", mac=binary(32)),
        message(
            ENROLLED,
            "enrolled",
            "server",
            mac=binary(32),
            agent=NAME,
            kid=U32,
            key=binary(32),
            cert=binary(2048, 1),
            site_uid=binary(16),
            server=NAME,
            peers=ADDRESSES,
        ),
        message(ENROLL_OK, "enroll_ok", "agent"),
        message(ENROLL_PENDING, "enroll_pending", "server", retry=whole(1, 3_600)),
    )
)
