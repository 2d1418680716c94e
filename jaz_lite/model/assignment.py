"""A variable and the value it is given, as icons that set variables list them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """One row of a list of variables."""

    name: str  # [A-Za-z_][A-Za-z0-9_]*, at most 128 characters
    value: str = ""
