"""The messages between two servers of a site; "agent" is the one that dialled.

Source: protocol.md section 5, and what a handshake and the copy of a data directory need.
"""

from collections.abc import Mapping

from jaz_lite.wire import limits
from jaz_lite.wire.fields import ACT, ADDRESSES, NAME, TIME_MS, U32, U63
from jaz_lite.wire.message import Message, message
from jaz_lite.wire.schema import binary, listing, one_of, optional, text

PEER_HELLO = 104
PEER_STATUS = 105
SHIP = 106
SHIP_ACK = 107
HANDOVER = 108
PEER_PROOF = 109
FOLLOW = 110
COPY_FILE = 111
COPY_DATA = 112
COPY_ACK = 113
COPY_OVER = 114

PEER_STATES = ("active", "standby", "fenced")

PEERS: Mapping[int, Message] = dict(
    (
        message(
            PEER_HELLO,
            "peer_hello",
            "both",
            proto=listing(U32, 2, 2),
            n=binary(32),
            token=optional(binary(6)),
        ),
        message(
            PEER_STATUS,
            "peer_status",
            "both",
            state=one_of(*PEER_STATES),
            term=U32,
            act=optional(ACT),
            ticket=optional(binary(32)),
            last_tick=TIME_MS,
            lsn=U63,
            live=optional(U32),
            addrs=optional(ADDRESSES),
        ),
        message(SHIP, "ship", "server", lsn=U63, d=binary(limits.SHIP_PIECE_BYTES_MAX, 1)),
        message(SHIP_ACK, "ship_ack", "agent", lsn=U63),
        message(HANDOVER, "handover", "both", lsn=U63, term=U32),
        message(PEER_PROOF, "peer_proof", "both", mac=binary(32)),
        message(FOLLOW, "follow", "agent", who=NAME, mark=optional(ACT), lsn=U63, keys=optional(binary(32))),
        message(COPY_FILE, "copy_file", "server", file=text(limits.COPY_NAME_BYTES_MAX, 1), size=U63),
        message(COPY_DATA, "copy_data", "server", o=U63, d=binary(limits.CHUNK_BYTES_MAX, 1)),
        message(COPY_ACK, "copy_ack", "agent", o=U63),
        message(COPY_OVER, "copy_over", "server", size=U63),
    )
)
