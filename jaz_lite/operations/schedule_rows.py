"""Taking rows out of a schedule: those that are named must be there."""

from collections.abc import Sequence
from dataclasses import replace

from jaz_lite.errors import NoSuchObject
from jaz_lite.model.schedule import BootTime, Cycle, Schedule, ScheduledJobnet
from jaz_lite.operations.schedule_given import CycleNamed, Days, VariableNamed

TOLD_MAX = 10


def removed_rows(
    schedule: Schedule, days: Sequence[Days], times: Sequence[str], cycles: Sequence[CycleNamed]
) -> Schedule:
    """Return a schedule without the times and cycles that are named; see `schedules.remove`.

    Raises:
        NoSuchObject: one of what is named is not there.
    """
    on = [(each["kind"], each["id"]) for each in days]
    rows: list[BootTime | Cycle] = [*schedule.boot_times, *schedule.cycles]
    for kind, days_id in on:
        if not any((row.days_kind, row.days_id) == (kind, days_id) for row in rows):
            raise _missing(schedule, f"{kind} {days_id}", sorted({f"{row.days_kind} {row.days_id}" for row in rows}))
    there = [row for row in rows if not on or (row.days_kind, row.days_id) in on]
    going: set[int] = set() if times or cycles else {id(row) for row in there}
    for at in times:
        found = [row for row in there if isinstance(row, BootTime) and row.at == at]
        if not found:
            raise _missing(schedule, f"time {at}", [row.at for row in there if isinstance(row, BootTime)])
        going |= {id(row) for row in found}
    for cycle in cycles:
        same = [row for row in there if isinstance(row, Cycle) and _is(row, cycle)]
        if not same:
            has = [f"every {row.every_min} from {row.since} to {row.until}" for row in there if isinstance(row, Cycle)]
            raise _missing(schedule, f"cycle of {cycle.get('every_min')} minutes like that", has)
        going |= {id(row) for row in same}
    return replace(
        schedule,
        boot_times=tuple(row for row in schedule.boot_times if id(row) not in going),
        cycles=tuple(row for row in schedule.cycles if id(row) not in going),
    )


def removed_jobnets(schedule: Schedule, jobnets: Sequence[str], variables: Sequence[VariableNamed]) -> Schedule:
    """Return a schedule without the jobnets, or without the variables, that are named; see `schedules.remove`.

    Raises:
        NoSuchObject: one of what is named is not there.
    """
    known = [row.jobnet_id for row in schedule.jobnets]
    for jobnet_id in (*jobnets, *(each["jobnet"] for each in variables if each.get("jobnet"))):
        if jobnet_id not in known:
            raise _missing(schedule, f"jobnet {jobnet_id}", known)
    if not variables:
        return replace(schedule, jobnets=tuple(row for row in schedule.jobnets if row.jobnet_id not in jobnets))
    rows: dict[str, ScheduledJobnet] = {row.jobnet_id: row for row in schedule.jobnets}
    for each in variables:
        targets = [each["jobnet"]] if each.get("jobnet") else list(jobnets or known)
        having = [one for one in targets if any(row.name == each["name"] for row in rows[one].variables)]
        if not having:
            raise _missing(
                schedule, f"variable {each['name']}", [v.name for one in targets for v in rows[one].variables]
            )
        for one in having:
            left = tuple(row for row in rows[one].variables if row.name != each["name"])
            rows[one] = replace(rows[one], variables=left)
    return replace(schedule, jobnets=tuple(rows.values()))


def _is(row: Cycle, named: CycleNamed) -> bool:
    return all(getattr(row, field, None) == value for field, value in named.items())


def _missing(schedule: Schedule, what: str, there: Sequence[str]) -> NoSuchObject:
    has = ", ".join(dict.fromkeys(there[:TOLD_MAX])) + (" …" if len(there) > TOLD_MAX else "")
    return NoSuchObject(
        f'schedule "{schedule.schedule_id}" has no {what}', hint=f"it has {has}" if has else "it has none at all"
    )
