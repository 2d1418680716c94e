"""Is this schedule sound? Every problem of it at once."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from jaz_lite import config
from jaz_lite.engine.check import SiteView, fields, missing
from jaz_lite.errors import DefinitionError
from jaz_lite.model import names
from jaz_lite.model.problem import Place, Problem
from jaz_lite.model.schedule import BootTime, Cycle, Schedule, ScheduledJobnet
from jaz_lite.schedule.local_time import DAY_MIN
from jaz_lite.schedule.timetable import as_boot_time, wall_minutes

TIMES_TOLD_MAX = 5


def check_schedule(schedule: Schedule, site: SiteView) -> list[Problem]:
    """Return every problem of a schedule."""
    place = Place(kind="schedule", object_id=schedule.schedule_id, version=schedule.version)
    wrong_times = [*_boot_times(schedule, place), *_cycles(schedule, place)]
    return [
        *fields(schedule, place),
        *wrong_times,
        # With a time that is none there is no telling which are the same.
        *(() if wrong_times else _same_instants(schedule, place)),
        *_jobnets(schedule, place),
        *_limits(schedule, place),
        *missing(schedule, site, place),
    ]


def _boot_times(schedule: Schedule, place: Place) -> Iterator[Problem]:
    if not schedule.boot_times and not schedule.cycles:
        hint = "name a calendar or filter and a time, or a cycle"
        yield Problem(replace(place, field="boot_times"), "is empty, and there are no cycles", hint)
    for number, boot_time in enumerate(schedule.boot_times):
        if fault := names.boot_time_fault(boot_time.at):
            yield Problem(replace(place, field=f"boot_times[{number}].at"), fault)
        if fault := names.id_fault(boot_time.days_id):
            yield Problem(replace(place, field=f"boot_times[{number}].days_id"), fault)
    rows = Counter((row.days_kind, row.days_id, row.at) for row in schedule.boot_times)
    for (kind, days_id, at), count in rows.items():
        if count > 1:
            message = f"holds {at} of the {kind} {days_id} {count} times"
            yield Problem(replace(place, field="boot_times"), message, "once is enough")


def _cycles(schedule: Schedule, place: Place) -> Iterator[Problem]:
    for number, cycle in enumerate(schedule.cycles):
        here = f"cycles[{number}]"
        if fault := names.id_fault(cycle.days_id):
            yield Problem(replace(place, field=f"{here}.days_id"), fault)
        ends = [(f"{here}.since", cycle.since), (f"{here}.until", cycle.until)]
        faults = [(field, fault) for field, at in ends if (fault := names.boot_time_fault(at))]
        for field, fault in faults:
            yield Problem(replace(place, field=field), fault)
        if not faults and cycle.until < cycle.since:
            message = f"is {cycle.until}, before since, which is {cycle.since}"
            hint = "a time of the next day is 24 hours later: 2600 is 02:00"
            yield Problem(replace(place, field=f"{here}.until"), message, hint)
        if not 1 <= cycle.every_min <= names.CYCLE_MIN_MAX:
            message = f"is {cycle.every_min}; it may be 1 to {names.CYCLE_MIN_MAX} minutes"
            yield Problem(replace(place, field=f"{here}.every_min"), message)


def _same_instants(schedule: Schedule, place: Place) -> Iterator[Problem]:
    """Warn of wall times that may be the same instant: it starts once, where JAZ starts twice."""
    rows: list[BootTime | Cycle] = [*schedule.boot_times, *schedule.cycles]
    of_minute: dict[int, list[str]] = {}
    for row in rows:
        for minutes in wall_minutes((row,)):
            told = f"{as_boot_time(minutes)} of the {row.days_kind} {row.days_id}"
            of_minute.setdefault(minutes % DAY_MIN, []).append(told)
    same = [" and ".join(told) for _, told in sorted(of_minute.items()) if len(told) > 1]
    if same:
        more = f" and {len(same) - TIMES_TOLD_MAX} more" if len(same) > TIMES_TOLD_MAX else ""
        message = f"may name one instant more than once, which starts once: {'; '.join(same[:TIMES_TOLD_MAX])}{more}"
        hint = "for two runs at that time use two schedules"
        yield Problem(replace(place, field="boot_times"), message, hint, "warning")


def _jobnets(schedule: Schedule, place: Place) -> Iterator[Problem]:
    if not schedule.jobnets:
        yield Problem(replace(place, field="jobnets"), "is empty", "name the jobnets to start")
    for number, jobnet in enumerate(schedule.jobnets):
        here = replace(place, field=f"jobnets[{number}].jobnet_id")
        if fault := names.id_fault(jobnet.jobnet_id):
            yield Problem(here, fault)
        yield from _variables(jobnet, replace(place, field=f"jobnets[{number}].variables"))
    for jobnet_id, count in Counter(jobnet.jobnet_id for jobnet in schedule.jobnets).items():
        if count > 1:
            yield Problem(replace(place, field="jobnets"), f"holds {jobnet_id} {count} times", "once is enough")


def _variables(jobnet: ScheduledJobnet, place: Place) -> Iterator[Problem]:
    for number, row in enumerate(jobnet.variables):
        if fault := names.variable_name_fault(row.name):
            yield Problem(replace(place, field=f"{place.field}[{number}].name"), fault)
        if fault := names.length_fault(row.value, names.VARIABLE_VALUE_CHARS_MAX):
            yield Problem(replace(place, field=f"{place.field}[{number}].value"), fault)
    for name, count in Counter(row.name for row in jobnet.variables).items():
        if count > 1:
            yield Problem(place, f"holds {name} {count} times", "a variable has one value")


def _limits(schedule: Schedule, place: Place) -> Iterator[Problem]:
    """Give the problems of the zone, the grace and the deadline."""
    if schedule.zone:
        try:
            config.zone(schedule.zone)
        except DefinitionError as fault:
            yield Problem(replace(place, field="zone"), fault.message, fault.hint)
    if schedule.end_by and (wrong := names.boot_time_fault(schedule.end_by)):
        yield Problem(replace(place, field="end_by"), wrong)
    for field, minutes, most in (
        ("grace_min", schedule.grace_min, names.LATE_GRACE_MIN_MAX),
        ("end_within_min", schedule.end_within_min, names.END_WITHIN_MIN_MAX),
    ):
        if not 0 <= minutes <= most:
            yield Problem(replace(place, field=field), f"is {minutes}; it may be 0 to {most} minutes")
