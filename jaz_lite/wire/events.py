"""Packed events: the bytes that stand in the agent's log, travel in `ev` and enter the hash chain, unchanged.

A packed event is the msgpack array [n, t_ns, k or nil, e, x]. Events whose name is not in the table are passed on:
a newer agent may say more than this server knows. Source: protocol.md sections 4.4 and 5.4.
"""

from collections.abc import Mapping
from typing import Any

from jaz_lite.errors import LocalProtocolError
from jaz_lite.wire import limits
from jaz_lite.wire.fields import (
    ATTEMPT,
    I64,
    KEY_PATH,
    NATURAL_KEY,
    OCC,
    OFFSET,
    TIME_MS,
    U32,
    U63,
    U64,
    WORK_KIND,
)
from jaz_lite.wire.frames import Violation, check_plain, pack, unpack
from jaz_lite.wire.schema import Field, Validator, binary, compile_fields, one_of, optional, plain_map, text, truth

EVENT_FIELDS: Mapping[str, Mapping[str, Field]] = {
    "accepted": {
        "occ": OCC,
        "path": KEY_PATH,
        "att": ATTEMPT,
        "run": U63,
        "kind": WORK_KIND,
        "digest": binary(32),
        "desc": plain_map(),
    },
    "started": {"pid": U63, "t": TIME_MS},
    "finished": {
        "exit": optional(I64),
        "sig": optional(U32),
        "t0": TIME_MS,
        "t1": TIME_MS,
        "cpu_ms": optional(U63),
        "rss_kb": optional(U63),
        "out": OFFSET,
        "err": OFFSET,
        "out_head": binary(limits.OUTPUT_HEAD_BYTES_MAX, 0),
        "err_head": binary(limits.OUTPUT_HEAD_BYTES_MAX, 0),
        "trunc": optional(truth()),
        "killed": optional(text(12)),
    },
    "failed": {"why": text(64), "msg": text(1024)},
    "lost": {"why": one_of("reboot", "shim", "setback", "unknown"), "t0": optional(TIME_MS)},
    "cancelled": {"why": one_of("server", "expired")},
    "timeout": {"act": one_of("warn", "kill", "stop")},
    "kill_sent": {"sig": text(8)},
    "host_boot": {},
    "clock_jump": {"s": I64},
    "disk": {"state": one_of("low", "full", "ok")},
    "rotated": {"old": binary(16), "why": text(64)},
}
ABOUT_WORK = frozenset(("accepted", "started", "finished", "failed", "lost", "cancelled", "timeout", "kill_sent"))

_NAME = text(12, 1)
_VALIDATORS: Mapping[str, Validator] = {name: compile_fields(name, table) for name, table in EVENT_FIELDS.items()}

Unpacked = tuple[int, int, bytes | None, str, dict[str, Any]]


def pack_event(n: int, t_ns: int, k: bytes | None, e: str, x: Mapping[str, Any]) -> bytes:
    """Return the bytes of event number `n`.

    Args:
        t_ns: the agent's wall clock.
        k: the attempt it is about, or None.

    Raises:
        LocalProtocolError: it would not be accepted at the other end.
    """
    payload = pack([n, t_ns, k, e, x])
    try:
        unpack_event(payload)
    except Violation as error:
        raise LocalProtocolError(f"event {e} {n}: {error.message}") from error
    return payload


def unpack_event(payload: bytes) -> Unpacked:
    """Return (n, t_ns, k, e, x) of a packed event, all checked.

    Raises:
        Violation: it is not one.
    """
    if len(payload) > limits.EVENT_BYTES_MAX:
        raise Violation("limit", f"an event of more than {limits.EVENT_BYTES_MAX} bytes")
    value = unpack(payload)
    if type(value) is not list or len(value) != 5:
        raise Violation("schema", "an event must be an array of five")
    n, t_ns, k, e, x = value
    if not (U63.check(n) and n > 0 and U64.check(t_ns) and _NAME.check(e) and type(x) is dict):
        raise Violation("schema", "an event must be [number, time, key, name, fields]")
    if not (k is None or NATURAL_KEY.check(k)):
        raise Violation("schema", f"the key of event {e} is not 16 bytes")
    validate = _VALIDATORS.get(e)
    if validate is None:
        check_plain(x, 2)
        return n, t_ns, k, e, x
    if k is None and e in ABOUT_WORK:
        raise Violation("schema", f"event {e} names no attempt")
    validate(x)
    return n, t_ns, k, e, x
