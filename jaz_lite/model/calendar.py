"""A calendar (operating days) and a filter (a rule that picks days from a calendar), in one version each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from jaz_lite.model.jobnet import NOTHING

BaseDay = Literal["first", "last", "designated"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """One version of a calendar."""

    calendar_id: str
    version: str
    name: str = ""
    memo: str | None = None
    public: bool = False
    owner: str = ""
    days: tuple[str, ...] = ()  # operating days, ISO dates, sorted, without repeats
    jaz: Mapping[str, Any] = field(default_factory=lambda: NOTHING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """One version of a filter."""

    filter_id: str
    version: str
    name: str = ""
    memo: str | None = None
    public: bool = False
    owner: str = ""
    base_calendar_id: str = ""
    base_day: BaseDay = "first"
    designated_day: int = 0  # 1..31 when base_day is "designated"
    shift_days: int = 0  # -7..7, counted in operating days
    jaz: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
