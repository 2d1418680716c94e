"""Values that fit a field of the catalogue, mostly small, sometimes at the edge of what is allowed."""

import random
from collections.abc import Mapping
from typing import Any

from jaz_lite.wire.schema import Field

TEXTS = ("", "a", "web01", "M:1", "/job#1", "夜", "\0", "$(id)", "'; --", "\u202e", "x" * 64)
PLAIN = (None, True, 0, -1, 2**63, 1.5, "text", b"bytes", [1, [2]], {"k": {"l": 1}})


def whole_number(chance: random.Random, low: int, high: int) -> int:
    """Return a number within bounds: an edge, a small one, or any."""
    match chance.randrange(4):
        case 0:
            return chance.choice((low, high))
        case 1:
            return chance.randint(low, high)
        case _:
            return max(low, min(high, chance.randrange(8)))


def text_of(chance: random.Random, low: int, high: int) -> str:
    """Return text of so many bytes."""
    made = chance.choice(TEXTS)
    if chance.random() < 0.02:
        made = "y" * min(high, 100_000)
    made = made.encode()[:high].decode("utf-8", "ignore")
    return made + "z" * (low - len(made.encode()))


def bytes_of(chance: random.Random, low: int, high: int) -> bytes:
    """Return so many bytes; keys and ids repeat, so that frames are about the same things."""
    if low == high:
        return bytes((chance.randrange(4),)) * low
    size = min(high, low + chance.choice((0, 1, 20, 300)))
    return chance.randbytes(size if chance.random() < 0.99 else min(high, 70_000))


def value_of(field: Field, chance: random.Random) -> Any:
    """Return a value that the field's check accepts; nearly always, for plain maps and words are drawn loosely."""
    kind = field.kind
    if kind == "int":
        return whole_number(chance, field.low, field.high)
    if kind == "str":
        return text_of(chance, field.low, field.high)
    if kind == "bin":
        return bytes_of(chance, field.low, field.high)
    if kind == "str or bin":
        return (text_of if chance.random() < 0.5 else bytes_of)(chance, field.low, field.high)
    if kind == "bool":
        return chance.random() < 0.5
    if kind.startswith("list"):
        count = min(field.high, field.low + chance.choice((0, 0, 1, 1, 2, 5)))
        return [value_of(field.of[0], chance) for _ in range(count)]
    if kind == "row":
        return [value_of(one, chance) for one in field.of]
    if kind.startswith("map"):
        names = chance.sample(("par", "queue", "free", "k", "name"), chance.randrange(4))
        return {name: value_of(field.of[0], chance) if field.of else chance.choice(PLAIN[:8]) for name in names}
    return chance.choice(kind.split("|"))


def body_of(fields: Mapping[str, Field], chance: random.Random) -> dict[str, Any]:
    """Return a body with all required fields and some of the others."""
    return {name: value_of(field, chance) for name, field in fields.items() if field.required or chance.random() < 0.4}
