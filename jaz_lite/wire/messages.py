"""The catalogue of messages: number, name, who sends it, and the table of its fields.

Source: protocol.md section 5, except that `ev` carries a list of packed events, so that the hash chain covers exact
bytes and many events share a frame; that files have a word for the end of a whole copy (`f_over`), names as bytes, and
pages of a list; and that peers have what a handshake and the copy of a data directory need. Between two servers
"agent" is the one that dialled.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from jaz_lite.wire import limits
from jaz_lite.wire.schema import (
    Field,
    Validator,
    binary,
    compile_fields,
    listing,
    one_of,
    optional,
    packed_listing,
    plain_map,
    row,
    text,
    truth,
    whole,
)

HELLO = 1
CHALLENGE = 2
AUTH = 3
WELCOME = 4
SYNCED = 5
STALE = 6
PING = 7
PONG = 8
BYE = 9
ERROR = 10
CONFIG = 11
PROBE_R = 12
DISPATCH = 20
CANCEL = 21
KILL = 22
QUERY = 23
INV = 24
STATE = 25
REFUSED = 26
DRAIN = 27
BLOB = 28
BLOB_OK = 29
EV = 48
ACK = 49
OUT = 64
OUT_ACK = 65
OUT_REQ = 66
ENROLL = 96
ENROLL_CHALLENGE = 97
ENROLL_PROOF = 98
ENROLLED = 99
ENROLL_OK = 100
ENROLL_PENDING = 101
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
CONFIG_OK = 129
F_OPEN = 72
F_OK = 73
F_DATA = 74
F_ACK = 75
F_END = 76
F_ERR = 77
F_DONE = 78
F_OVER = 79
METRIC = 128

BYE_CODES = frozenset(
    ("version", "auth", "dup_agent", "revoked", "deposed", "shutdown", "redirect", "overload", "proto", "busy")
)
AGENT_STATES = ("accepted", "starting", "running", "done", "failed", "lost", "cancelled")
PEER_STATES = ("active", "standby", "fenced")
REFUSAL_REASONS = ("draining", "busy", "no_space", "disabled", "kind", "damaged")

U16 = whole(0, 2**16 - 1)
U32 = whole(0, 2**32 - 1)
U63 = whole(0, 2**63 - 1)  # what a store can hold
U64 = whole(0, 2**64 - 1)
I32 = whole(-(2**31), 2**31 - 1)
I64 = whole(-(2**63), 2**63 - 1)
NAME = text(limits.NAME_BYTES_MAX, 1)
NATURAL_KEY = binary(16)
STREAM = whole(1, 2)
OFFSET = whole(0, limits.OFFSET_MAX)
TIME_MS = whole(0, limits.TIME_MS_MAX)
ADDRESSES = listing(text(limits.ADDRESS_BYTES_MAX), limits.PEERS_MAX)
HEARTBEAT = whole(1, limits.HEARTBEAT_S_MAX)
OCC = text(limits.OCC_BYTES_MAX, 1)
KEY_PATH = text(limits.KEY_PATH_BYTES_MAX, 1)
ATTEMPT = whole(1, limits.ATTEMPT_MAX)
WORK_KIND = text(12, 1)
SHA = binary(32)
FILE_CODE = text(16, 1)
ENCODING = text(16)
ACT = binary(8)
PORT = whole(1, 65_535)

Sender = Literal["agent", "server", "both"]


@dataclass(frozen=True, slots=True)
class Message:
    """One line of the catalogue. `validate` is compiled from `fields`."""

    number: int
    name: str
    sender: Sender
    fields: Mapping[str, Field]
    validate: Validator


def _message(number: int, name: str, sender: Sender, **fields: Field) -> tuple[int, Message]:
    return number, Message(number, name, sender, fields, compile_fields(name, fields))


MESSAGES: Mapping[int, Message] = dict(
    (
        _message(
            HELLO,
            "hello",
            "agent",
            proto=listing(U32, 2, 2),
            site=text(64, 1),
            agent=NAME,
            kid=U32,
            na=binary(32),
            spool=binary(16),
            boot=binary(16),
            term=U32,
            act=optional(binary(8)),
            ticket=optional(binary(32)),
            acked=U63,
            head=U63,
            low=U63,
            low_chain=optional(binary(16)),
            keep=U32,
            conn=U63,
            wall=U64,
            tz=I32,
            sw=text(64),
            os=text(64),
            arch=text(32),
            feats=listing(text(16), limits.FEATURES_MAX),
            cap=plain_map(),
            listen=optional(PORT),
        ),
        _message(
            CHALLENGE,
            "challenge",
            "server",
            proto=U32,
            site_uid=binary(16),
            server=NAME,
            term=U32,
            act=binary(8),
            ns=binary(32),
            probe=optional(truth()),
        ),
        _message(AUTH, "auth", "agent", mac=binary(32)),
        _message(
            WELCOME,
            "welcome",
            "server",
            mac=binary(32),
            ticket=binary(32),
            spool=binary(16),
            cursor=U63,
            chain=binary(16),
            peers=ADDRESSES,
            hb=HEARTBEAT,
            limits=plain_map(),
            cfg=plain_map(),
            drain=truth(),
            wall=U64,
        ),
        _message(SYNCED, "synced", "agent", head=U63),
        _message(STALE, "stale", "agent", term=U32, act=binary(8), ticket=binary(32), addrs=ADDRESSES, live=U32),
        _message(PING, "ping", "both", n=U64, wall=optional(U64)),
        _message(PONG, "pong", "both", n=U64, wall=optional(U64)),
        _message(BYE, "bye", "both", code=text(16, 1), msg=text(256), retry=U32, addrs=optional(ADDRESSES)),
        _message(ERROR, "error", "both", code=text(24, 1), msg=text(256), ref=optional(U32)),
        _message(
            CONFIG,
            "config",
            "server",
            peers=optional(ADDRESSES),
            hb=optional(HEARTBEAT),
            limits=optional(plain_map()),
            next_pin=optional(binary(32)),
            next_cert=optional(binary(2048, 1)),
            key=optional(binary(32)),
            kid=optional(U32),
        ),
        _message(
            PROBE_R,
            "probe_r",
            "agent",
            term=U32,
            act=optional(binary(8)),
            ticket=optional(binary(32)),
            live=U32,
            up=optional(truth()),
            addrs=optional(ADDRESSES),
        ),
        _message(
            DISPATCH,
            "dispatch",
            "server",
            k=NATURAL_KEY,
            occ=OCC,
            path=KEY_PATH,
            att=ATTEMPT,
            run=U63,
            kind=WORK_KIND,
            spec=binary(limits.SPEC_BYTES_MAX_INLINE, 0),
            blob=optional(binary(32)),
            start_by=optional(U32),
            desc=plain_map(),
        ),
        _message(CANCEL, "cancel", "server", k=NATURAL_KEY, why=text(64)),
        _message(
            KILL,
            "kill",
            "server",
            k=NATURAL_KEY,
            how=one_of("signal", "stop"),
            sig=text(8),
            grace=U32,
            why=text(64),
        ),
        _message(QUERY, "query", "server", k=optional(NATURAL_KEY)),
        _message(
            INV,
            "inv",
            "agent",
            items=listing(
                row(NATURAL_KEY, one_of(*AGENT_STATES), U63, binary(8), OCC, KEY_PATH, ATTEMPT, U63),
                limits.INVENTORY_ITEMS_MAX,
            ),
            more=truth(),
        ),
        _message(
            STATE,
            "state",
            "agent",
            k=NATURAL_KEY,
            st=one_of(*AGENT_STATES),
            exit=optional(I64),
            conflict=optional(truth()),
            why=optional(text(64)),
        ),
        _message(REFUSED, "refused", "agent", k=NATURAL_KEY, why=one_of(*REFUSAL_REASONS), msg=text(256)),
        _message(DRAIN, "drain", "server", on=truth()),
        _message(
            BLOB,
            "blob",
            "server",
            h=binary(32),
            o=whole(0, limits.SPEC_BYTES_MAX),
            d=binary(limits.CHUNK_BYTES_MAX, 1),
            last=truth(),
        ),
        _message(BLOB_OK, "blob_ok", "agent", h=binary(32)),
        _message(
            EV,
            "ev",
            "agent",
            l=packed_listing(limits.EVENT_BYTES_MAX, limits.EVENTS_PER_FRAME_MAX, limits.EVENT_FRAME_BYTES_MAX),
        ),
        _message(ACK, "ack", "server", n=U63),
        _message(
            OUT,
            "out",
            "agent",
            k=NATURAL_KEY,
            s=STREAM,
            o=OFFSET,
            d=binary(limits.CHUNK_BYTES_MAX, 0),
            eof=optional(truth()),
        ),
        _message(OUT_ACK, "out_ack", "server", k=NATURAL_KEY, s=STREAM, o=OFFSET),
        _message(OUT_REQ, "out_req", "server", k=NATURAL_KEY, s=STREAM, o=OFFSET),
        _message(
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
        _message(
            ENROLL_CHALLENGE, "enroll_challenge", "server", proto=U32, site_uid=binary(16), server=NAME, ns=binary(32)
        ),
        _message(ENROLL_PROOF, "enroll_proof", "agent", mac=binary(32)),
        _message(
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
        _message(ENROLL_OK, "enroll_ok", "agent"),
        _message(ENROLL_PENDING, "enroll_pending", "server", retry=whole(1, 3_600)),
        _message(
            PEER_HELLO,
            "peer_hello",
            "both",
            proto=listing(U32, 2, 2),
            n=binary(32),
            token=optional(binary(6)),
        ),
        _message(PEER_PROOF, "peer_proof", "both", mac=binary(32)),
        _message(
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
        _message(FOLLOW, "follow", "agent", who=NAME, mark=optional(ACT), lsn=U63, keys=optional(binary(32))),
        _message(COPY_FILE, "copy_file", "server", file=text(limits.COPY_NAME_BYTES_MAX, 1), size=U63),
        _message(COPY_DATA, "copy_data", "server", o=U63, d=binary(limits.CHUNK_BYTES_MAX, 1)),
        _message(COPY_ACK, "copy_ack", "agent", o=U63),
        _message(COPY_OVER, "copy_over", "server", size=U63),
        _message(SHIP, "ship", "server", lsn=U63, d=binary(limits.SHIP_PIECE_BYTES_MAX, 1)),
        _message(SHIP_ACK, "ship_ack", "agent", lsn=U63),
        _message(HANDOVER, "handover", "both", lsn=U63, term=U32),
        _message(CONFIG_OK, "config_ok", "agent", kid=optional(U32), pin=optional(binary(32))),
        _message(
            F_OPEN,
            "f_open",
            "server",
            x=NATURAL_KEY,
            op=one_of("get", "put", "list", "stat"),
            path=text(limits.FILE_PATH_BYTES_MAX),
            file=binary(limits.FILE_PATH_BYTES_MAX, 1),
            off=U64,
            size=optional(U64),
            mode=optional(U32),
            sha=optional(SHA),
            after=optional(binary(limits.FILE_NAME_BYTES_MAX, 0)),
        ),
        _message(
            F_OK,
            "f_ok",
            "agent",
            x=NATURAL_KEY,
            off=U64,
            size=U64,
            mode=U32,
            mtime=U64,
            sha=optional(SHA),
            names=optional(
                listing(row(binary(limits.FILE_NAME_BYTES_MAX, 1), U64, U32, U64), limits.FILE_NAMES_PAGE_MAX)
            ),
            more=optional(truth()),
        ),
        _message(F_DATA, "f_data", "both", x=NATURAL_KEY, o=U64, d=binary(limits.CHUNK_BYTES_MAX, 1)),
        _message(F_ACK, "f_ack", "both", x=NATURAL_KEY, o=U64),
        _message(F_END, "f_end", "both", x=NATURAL_KEY, size=U64, sha=SHA),
        _message(F_ERR, "f_err", "both", x=NATURAL_KEY, code=FILE_CODE, msg=text(256)),
        _message(F_DONE, "f_done", "agent", x=NATURAL_KEY),
        _message(F_OVER, "f_over", "server", x=NATURAL_KEY, ok=truth(), code=text(16), msg=text(256)),
        _message(
            METRIC,
            "metric",
            "agent",
            load=U32,
            mem=U63,
            free=U63,
            running=U32,
            queued=U32,
            spool=U63,
            wall=U64,
        ),
    )
)
