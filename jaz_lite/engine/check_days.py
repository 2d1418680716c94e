"""Are this calendar, filter and schedule sound? Every problem of one at once."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date

from jaz_lite.engine.check import SiteView, fields, missing
from jaz_lite.model import names
from jaz_lite.model.calendar import Calendar, Filter
from jaz_lite.model.problem import Place, Problem
from jaz_lite.model.schedule import Schedule

SHIFT_DAYS_MAX = 7
DAYS_TOLD_MAX = 10


def check_calendar(calendar: Calendar, site: SiteView) -> list[Problem]:
    """Return every problem of a calendar. One without any day is sound: it never fires."""
    place = Place(kind="calendar", object_id=calendar.calendar_id, version=calendar.version)
    return [*fields(calendar, place), *_days(calendar, place), *missing(calendar, site, place)]


def _days(calendar: Calendar, place: Place) -> Iterator[Problem]:
    here = replace(place, field="days")
    wrong = [day for day in calendar.days if not _is_day(day)]
    if wrong:
        yield Problem(here, f"holds what is no date: {', '.join(wrong[:DAYS_TOLD_MAX])}", "write dates as 2024-12-31")
    twice = [day for day, count in Counter(calendar.days).items() if count > 1]
    if twice:
        yield Problem(here, f"holds days twice: {', '.join(twice[:DAYS_TOLD_MAX])}", "leave the second ones out")
    if not wrong and list(calendar.days) != sorted(calendar.days):
        yield Problem(here, "is not in the order of the days", "sort the days")


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def check_filter(days_filter: Filter, site: SiteView) -> list[Problem]:
    """Return every problem of a filter."""
    place = Place(kind="filter", object_id=days_filter.filter_id, version=days_filter.version)
    problems = list(fields(days_filter, place))
    if fault := names.id_fault(days_filter.base_calendar_id):
        problems.append(Problem(replace(place, field="base_calendar_id"), fault, "a filter picks days of a calendar"))
    designated = days_filter.designated_day
    if days_filter.base_day == "designated" and not 1 <= designated <= 31:
        problems.append(Problem(replace(place, field="designated_day"), f"is {designated}; it may be 1 to 31"))
    if not -SHIFT_DAYS_MAX <= days_filter.shift_days <= SHIFT_DAYS_MAX:
        message = f"is {days_filter.shift_days}; it may be {-SHIFT_DAYS_MAX} to {SHIFT_DAYS_MAX}"
        problems.append(Problem(replace(place, field="shift_days"), message))
    return [*problems, *missing(days_filter, site, place)]


def check_schedule(schedule: Schedule, site: SiteView) -> list[Problem]:
    """Return every problem of a schedule."""
    place = Place(kind="schedule", object_id=schedule.schedule_id, version=schedule.version)
    return [*fields(schedule, place), *_schedule_parts(schedule, place), *missing(schedule, site, place)]


def _schedule_parts(schedule: Schedule, place: Place) -> Iterator[Problem]:
    if not schedule.boot_times:
        yield Problem(replace(place, field="boot_times"), "is empty", "name a calendar or filter and a time")
    if not schedule.jobnets:
        yield Problem(replace(place, field="jobnets"), "is empty", "name the jobnets to start")
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
    for number, jobnet in enumerate(schedule.jobnets):
        if fault := names.id_fault(jobnet.jobnet_id):
            yield Problem(replace(place, field=f"jobnets[{number}].jobnet_id"), fault)
    for jobnet_id, count in Counter(jobnet.jobnet_id for jobnet in schedule.jobnets).items():
        if count > 1:
            yield Problem(replace(place, field="jobnets"), f"holds {jobnet_id} {count} times", "once is enough")
    if not 0 <= schedule.grace_min <= names.LATE_GRACE_MIN_MAX:
        message = f"is {schedule.grace_min}; it may be 0 to {names.LATE_GRACE_MIN_MAX} minutes"
        yield Problem(replace(place, field="grace_min"), message)
