"""Damage: to values, so that what is left can still be read, and to bytes, so that it mostly cannot."""

import random
from typing import Any

import msgpack

from tests.fuzz.shapes import PLAIN

EDGES = (
    *PLAIN,
    -(2**63),
    2**64 - 1,
    "",
    "x" * 300,
    b"",
    bytes(16),
    bytes(66_000),
    [],
    {},
    [[[[[[[1]]]]]]],
    {"a": {"b": {"c": {"d": {"e": {}}}}}},
    float("nan"),
    float("-inf"),
    "\ud800",
)
# Bytes with which msgpack promises more than follows, or something that is not allowed.
SEEDS_OF_TROUBLE = (
    b"\xc1",  # never used
    b"\xd4\x05\x00",  # an ext type
    b"\xd6\xff\x00\x00\x00\x00",  # a timestamp
    b"\xdd\xff\xff\xff\xff",  # an array of four milliards
    b"\xdf\xff\xff\xff\xff",  # a map of as many
    b"\xc6\xff\xff\xff\xff",  # bytes without end
    b"\xdb\xff\xff\xff\xff",  # text without end
    b"\xdc\xff\xff" + b"\x90" * 3_000,  # many empty arrays
    b"\x91" * 3_000,  # deep
    b"\x81\xa1k" * 1_200,  # deep, by maps
    b"\x82\xa1n\x01\xa1n\x02",  # a doubled key
    b"\x81\x01\x02",  # a key that is no text
    b"\xa2\xff\xfe",  # not UTF-8
    b"\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00",  # NaN
    b"\xcf" + b"\xff" * 8,
    b"\xd3\x80" + bytes(7),
)


def packed(value: object) -> bytes:
    """Return msgpack bytes, also of values that are not allowed."""
    made = msgpack.packb(value, unicode_errors="surrogatepass")
    assert isinstance(made, bytes)
    return made


def distorted(body: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """Return a body of which one or two fields are missing, new, or something else."""
    changed = dict(body)
    for _ in range(chance.choice((1, 1, 2))):
        key = chance.choice(tuple(changed) or ("n",))
        match chance.randrange(5):
            case 0:
                changed.pop(key, None)
            case 1:
                changed[chance.choice(("newer", "k" * 40, "", "é"))] = chance.choice(EDGES)
            case 2 if isinstance(changed.get(key), int):
                changed[key] += chance.choice((-1, 1, 2**32, -(2**32)))
                changed[key] = max(-(2**63), min(2**64 - 1, changed[key]))
            case 3 if isinstance(changed.get(key), (str, bytes, list)):
                changed[key] = changed[key] * (chance.choice((0, 2, 50)) if len(changed[key]) < 2_000 else 2)
            case _:
                changed[key] = chance.choice(EDGES)
    return changed


def damaged(data: bytes, chance: random.Random) -> bytes:
    """Return bytes with a few places changed."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        place = chance.randrange(len(changed) + 1)
        match chance.randrange(7):
            case 0 if changed:
                changed[place % len(changed)] = chance.randrange(256)
            case 1 if changed:
                changed[place % len(changed)] ^= 1 << chance.randrange(8)
            case 2:
                del changed[place : place + chance.randrange(1, 9)]
            case 3:
                changed[place:place] = chance.randbytes(chance.randrange(1, 9))
            case 4:
                changed[place:place] = bytes(changed[: chance.randrange(1, 60)])
            case 5:
                changed[place : place + 1] = chance.choice(SEEDS_OF_TROUBLE)
            case _:
                del changed[place:]
    return bytes(changed)
