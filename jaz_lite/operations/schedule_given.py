"""The maps that say what is added to a schedule, or taken out of it."""

from typing import NotRequired, TypedDict


class Days(TypedDict):
    """Which days: those of a calendar or a filter."""

    kind: str
    id: str


class CycleGiven(TypedDict):
    """Times at an interval, HHMM and minutes."""

    since: str
    until: str
    every_min: int


class CycleNamed(TypedDict):
    """Which cycles of a schedule: those that have what is given."""

    since: NotRequired[str]
    until: NotRequired[str]
    every_min: NotRequired[int]


class VariableGiven(TypedDict):
    """A variable of a jobnet; "" or no jobnet: of each that is named beside it."""

    jobnet: NotRequired[str]
    name: str
    value: str


class VariableNamed(TypedDict):
    """Which variable of a jobnet; "" or no jobnet: of each that is named beside it, or of all."""

    jobnet: NotRequired[str]
    name: str
