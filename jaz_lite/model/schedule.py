"""A schedule: calendars or filters x boot times and cycles x jobnets, in one version."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from jaz_lite.model.assignment import Assignment
from jaz_lite.model.jobnet import NOTHING

DaysKind = Literal["calendar", "filter"]
LateStart = Literal["error", "run_latest", "run_all", "skip"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BootTime:
    """One (calendar or filter, wall time) row of a schedule."""

    days_id: str  # id of a calendar or filter
    days_kind: DaysKind = "calendar"
    at: str = "0000"  # HHMM, 0000..9959; 24 and more: later days
    jaz: Mapping[str, Any] = field(default_factory=lambda: NOTHING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycle:
    """Wall times at an even distance on the days of a calendar or filter: `since`, then every so often up to `until`."""

    days_id: str  # id of a calendar or filter
    days_kind: DaysKind = "calendar"
    since: str = "0000"  # HHMM, 0000..9959; 24 and more: later days
    until: str = "2359"  # HHMM, not before `since`; included if the step hits it
    every_min: int = 60  # 1..5999


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledJobnet:
    """One jobnet that a schedule starts, and the variables its START gets."""

    jobnet_id: str
    variables: tuple[Assignment, ...] = ()
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
    cycles: tuple[Cycle, ...] = ()
    jobnets: tuple[ScheduledJobnet, ...] = ()
    zone: str = ""  # name in the IANA database of the zone its wall times are in; "": the site's
    late_start: LateStart = "error"  # what becomes of a start that was missed by more than the grace
    grace_min: int = 0  # so long after its minute a start is made up for, marked late
    end_by: str = ""  # HHMM: a run should have ended by the first such time after its start; "": no such time
    end_within_min: int = 0  # a run should have ended so long after its start; 0: no such limit
    jaz: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
