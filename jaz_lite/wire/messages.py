"""The messages of a session between server and agent: numbers, who sends them, and the tables of their fields.

Source: protocol.md section 5, except that `ev` carries a list of packed events, so that the hash chain covers exact
bytes and many events share a frame. What files, enrolment and peers say has pages of its own; `catalogue` has all.
"""

from collections.abc import Mapping

from jaz_lite.wire import limits
from jaz_lite.wire.fields import (
    ADDRESSES,
    ATTEMPT,
    HEARTBEAT,
    I32,
    I64,
    KEY_PATH,
    NAME,
    NATURAL_KEY,
    OCC,
    OFFSET,
    PORT,
    STREAM,
    U32,
    U63,
    U64,
    WORK_KIND,
)
from jaz_lite.wire.message import Message, message
from jaz_lite.wire.schema import binary, listing, one_of, optional, packed_listing, plain_map, row, text, truth, whole

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
CONFIG_OK = 129
METRIC = 128

BYE_CODES = frozenset(
    ("version", "auth", "dup_agent", "revoked", "deposed", "shutdown", "redirect", "overload", "proto", "busy")
)
AGENT_STATES = ("accepted", "starting", "running", "done", "failed", "lost", "cancelled")
REFUSAL_REASONS = ("draining", "busy", "no_space", "disabled", "kind", "damaged")

SESSION: Mapping[int, Message] = dict(
    (
        message(
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
            heard=optional(U32),
        ),
        message(
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
        message(AUTH, "auth", "agent", mac=binary(32)),
        message(
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
        message(SYNCED, "synced", "agent", head=U63),
        message(STALE, "stale", "agent", term=U32, act=binary(8), ticket=binary(32), addrs=ADDRESSES, live=U32),
        message(PING, "ping", "both", n=U64, wall=optional(U64)),
        message(PONG, "pong", "both", n=U64, wall=optional(U64)),
        message(BYE, "bye", "both", code=text(16, 1), msg=text(256), retry=U32, addrs=optional(ADDRESSES)),
        message(ERROR, "error", "both", code=text(24, 1), msg=text(256), ref=optional(U32)),
        message(
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
        message(
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
        message(
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
        message(CANCEL, "cancel", "server", k=NATURAL_KEY, why=text(64)),
        message(
            KILL,
            "kill",
            "server",
            k=NATURAL_KEY,
            how=one_of("signal", "stop"),
            sig=text(8),
            grace=U32,
            why=text(64),
        ),
        message(QUERY, "query", "server", k=optional(NATURAL_KEY)),
        message(
            INV,
            "inv",
            "agent",
            items=listing(
                row(NATURAL_KEY, one_of(*AGENT_STATES), U63, binary(8), OCC, KEY_PATH, ATTEMPT, U63),
                limits.INVENTORY_ITEMS_MAX,
            ),
            more=truth(),
        ),
        message(
            STATE,
            "state",
            "agent",
            k=NATURAL_KEY,
            st=one_of(*AGENT_STATES),
            exit=optional(I64),
            conflict=optional(truth()),
            why=optional(text(64)),
        ),
        message(REFUSED, "refused", "agent", k=NATURAL_KEY, why=one_of(*REFUSAL_REASONS), msg=text(256)),
        message(DRAIN, "drain", "server", on=truth()),
        message(
            BLOB,
            "blob",
            "server",
            h=binary(32),
            o=whole(0, limits.SPEC_BYTES_MAX),
            d=binary(limits.CHUNK_BYTES_MAX, 1),
            last=truth(),
        ),
        message(BLOB_OK, "blob_ok", "agent", h=binary(32)),
        message(
            EV,
            "ev",
            "agent",
            l=packed_listing(limits.EVENT_BYTES_MAX, limits.EVENTS_PER_FRAME_MAX, limits.EVENT_FRAME_BYTES_MAX),
        ),
        message(ACK, "ack", "server", n=U63),
        message(
            OUT,
            "out",
            "agent",
            k=NATURAL_KEY,
            s=STREAM,
            o=OFFSET,
            d=binary(limits.CHUNK_BYTES_MAX, 0),
            eof=optional(truth()),
        ),
        message(OUT_ACK, "out_ack", "server", k=NATURAL_KEY, s=STREAM, o=OFFSET),
        message(OUT_REQ, "out_req", "server", k=NATURAL_KEY, s=STREAM, o=OFFSET),
        message(CONFIG_OK, "config_ok", "agent", kid=optional(U32), pin=optional(binary(32))),
        message(
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
