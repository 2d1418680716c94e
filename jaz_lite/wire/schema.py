"""Tables of fields, compiled into validators: name -> (type, required, smallest, largest).

The kinds of fields below are all that the messages, events and work orders need. A compiled validator looks only at
what the table names; keys it does not name are allowed, but what stands behind them must still be plain.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from jaz_lite.wire import limits
from jaz_lite.wire.frames import Violation, check_key, check_plain

Check = Callable[[Any], bool]
Validator = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Field:
    """What a field may hold. `low` and `high` bound a number, the bytes of a text, the length of the rest.

    `of` says what is in a container: the fields of a row, or one for all items.

    Notes:
        An optional field may be absent or nil; both mean the same.
    """

    kind: str
    check: Check
    low: int = 0
    high: int = 0
    required: bool = True
    of: tuple["Field", ...] = ()


def whole(low: int, high: int) -> Field:
    """An integer from `low` to `high`."""

    def check(value: Any) -> bool:
        return type(value) is int and low <= value <= high

    return Field("int", check, low, high)


def text(bytes_max: int, bytes_min: int = 0) -> Field:
    """Text of `bytes_min` to `bytes_max` bytes in UTF-8."""

    def check(value: Any) -> bool:
        # Most texts are far below the limit; only near it are the bytes counted.
        if type(value) is not str:
            return False
        length = len(value)
        if bytes_min <= length and length * 4 <= bytes_max:
            return True
        return bytes_min <= len(value.encode()) <= bytes_max

    return Field("str", check, bytes_min, bytes_max)


def binary(bytes_max: int, bytes_min: int | None = None) -> Field:
    """Bytes: exactly `bytes_max`, or `bytes_min` to `bytes_max`."""
    low = bytes_max if bytes_min is None else bytes_min

    def check(value: Any) -> bool:
        return type(value) is bytes and low <= len(value) <= bytes_max

    return Field("bin", check, low, bytes_max)


def text_or_binary(bytes_max: int) -> Field:
    """Text or bytes of at most `bytes_max` bytes."""
    as_text, as_bytes = text(bytes_max).check, binary(bytes_max, 0).check

    def check(value: Any) -> bool:
        return as_text(value) or as_bytes(value)

    return Field("str or bin", check, 0, bytes_max)


def truth() -> Field:
    """True or false."""

    def check(value: Any) -> bool:
        return type(value) is bool

    return Field("bool", check)


def one_of(*words: str) -> Field:
    """One of these words."""
    known = frozenset(words)

    def check(value: Any) -> bool:
        return type(value) is str and value in known

    return Field("|".join(words), check)


def listing(item: Field, items_max: int, items_min: int = 0) -> Field:
    """A list of such items."""
    check_item = item.check

    def check(value: Any) -> bool:
        return type(value) is list and items_min <= len(value) <= items_max and all(map(check_item, value))

    return Field(f"list of {item.kind}", check, items_min, items_max, of=(item,))


def packed_listing(item_bytes_max: int, items_max: int, bytes_max: int) -> Field:
    """A list, not empty, of byte strings that together have at most `bytes_max` bytes."""
    item = binary(item_bytes_max, 1)
    check_list = listing(item, items_max, 1).check

    def check(value: Any) -> bool:
        return check_list(value) and sum(map(len, value)) <= bytes_max

    return Field("list of bin", check, 1, items_max, of=(item,))


def row(*fields: Field) -> Field:
    """An array with exactly these fields in this order."""
    checks = tuple(field.check for field in fields)

    def check(value: Any) -> bool:
        return (
            type(value) is list
            and len(value) == len(checks)
            and all(field_check(item) for field_check, item in zip(checks, value, strict=True))
        )

    return Field("row", check, len(fields), len(fields), of=fields)


def plain_map(entries_max: int = limits.MAP_ENTRIES_MAX, *, level: int = 3) -> Field:
    """A map of plain values that lies on `level`."""

    def check(value: Any) -> bool:
        if type(value) is not dict or len(value) > entries_max:
            return False
        if value:
            check_plain(value, level)
        return True

    return Field("map", check, 0, entries_max)


def map_of(item: Field, entries_max: int, *, key_bytes_max: int) -> Field:
    """A map from text to such items."""

    def check(value: Any) -> bool:
        if type(value) is not dict or len(value) > entries_max:
            return False
        for key in value:
            check_key(key, key_bytes_max=key_bytes_max)
        return all(map(item.check, value.values()))

    return Field(f"map to {item.kind}", check, 0, entries_max, of=(item,))


def optional(field: Field) -> Field:
    """The same field, but it may be absent."""
    return replace(field, required=False)


def compile_fields(name: str, fields: Mapping[str, Field], *, level: int = 3) -> Validator:
    """Return a function that accepts a map of these fields and raises `Violation` otherwise.

    Args:
        name: of the message, for the sentence.
        level: on which containers behind unknown keys lie.
    """
    required = tuple((key, field.check) for key, field in fields.items() if field.required)
    others = tuple((key, field.check) for key, field in fields.items() if not field.required)
    required_count = len(required)

    def validate(body: Mapping[str, Any]) -> None:
        try:
            for key, check in required:
                if not check(body[key]):
                    raise Violation("schema", f"{name}.{key} is not {_wanted(fields[key])}")
        except KeyError:
            raise Violation("schema", f"{name}.{key} is missing") from None
        seen = required_count
        if len(body) == seen:
            return
        for key, check in others:
            if key in body:
                seen += 1
                value = body[key]
                if value is not None and not check(value):
                    raise Violation("schema", f"{name}.{key} is not {_wanted(fields[key])}")
        if len(body) == seen:
            return
        if len(body) > limits.MAP_ENTRIES_MAX:
            raise Violation("schema", f"{name} has more than {limits.MAP_ENTRIES_MAX} fields")
        for unknown in body:
            if unknown not in fields:
                check_key(unknown)
                check_plain(body[unknown], level)

    return validate


def _wanted(field: Field) -> str:
    return f"{field.kind} of {field.low} to {field.high}" if field.high else field.kind


def cut(message: str, bytes_max: int) -> str:
    """Return text for people, cut at a character so that it fits into a field."""
    data = message.encode("utf-8", "replace")
    return data.decode() if len(data) <= bytes_max else data[:bytes_max].decode("utf-8", "ignore")
