"""A schedule: calendars or filters x boot times x jobnets, in one version."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from jaz_lite.model.jobnet import NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class BootTime:
    """One (calendar or filter, wall time) row of a schedule."""

    days_id: str  # id of a calendar or filter
    days_kind: Literal["calendar", "filter"] = "calendar"
    at: str = "0000"  # HHMM, 0000..9959; 24 and more: later days
    jaz: Mapping[str, Any] = field(default_factory=lambda: NOTHING)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledJobnet:
    """One jobnet that a schedule starts."""

    jobnet_id: str
    jaz: Mapping[str, Any] = field(default_factory=lambda: NOTHING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """One version of a schedule."""

    schedule_id: str
    version: str
    name: str = ""
    memo: str | None = None
    public: bool = False
    owner: str = ""
    boot_times: tuple[BootTime, ...] = ()
    jobnets: tuple[ScheduledJobnet, ...] = ()
    late_start: Literal["error", "run_latest", "run_all", "skip"] = "error"
    grace_min: int = 0
    jaz: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
