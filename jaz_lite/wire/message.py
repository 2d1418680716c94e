"""One line of the catalogue of messages: number, name, who sends it, and the table of its fields."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from jaz_lite.wire.schema import Field, Validator, compile_fields

Sender = Literal["agent", "server", "both"]


@dataclass(frozen=True, slots=True)
class Message:
    """One line of the catalogue. `validate` is compiled from `fields`."""

    number: int
    name: str
    sender: Sender
    fields: Mapping[str, Field]
    validate: Validator


def message(number: int, name: str, sender: Sender, **fields: Field) -> tuple[int, Message]:
    """Return a line of the catalogue under its number."""
    return number, Message(number, name, sender, fields, compile_fields(name, fields))
