"""What Job Arranger keeps only the outcome of: the rule of a calendar as days, the cycles of a schedule as boot times.

A rule goes on for ever and days do not, so the years are given, and told with the days that were made.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

from jaz_lite.model.calendar import Calendar
from jaz_lite.model.plain import Definition
from jaz_lite.model.problem import Place, Problem
from jaz_lite.model.schedule import BootTime, Schedule
from jaz_lite.schedule.days import CalendarDays
from jaz_lite.schedule.public_holidays import HOLIDAYS
from jaz_lite.schedule.timetable import as_boot_time, wall_minutes


def flattened(definition: Definition, years: range) -> Definition:
    """Return a definition without a rule or cycles, and with the days and boot times that they stand for.

    Args:
        years: for which a rule is made into days, besides the days that the calendar lists.

    Raises:
        DefinitionError: a rule names public holidays that are not known, or holds what is no date.
    """
    match definition:
        case Calendar(rule=rule) if rule is not None:
            source = CalendarDays(definition.days, rule, HOLIDAYS)
            named = {date.fromordinal(day).isoformat() for year in years for day in source.of_year(year)}
            return replace(definition, days=tuple(sorted({*definition.days, *named})), rule=None)
        case Schedule() if definition.cycles:
            boot_times = (*definition.boot_times, *_of_cycles(definition))
            return replace(definition, boot_times=boot_times, cycles=())
    return definition


def flattening(definition: Definition, years: range, place: Place) -> Iterator[Problem]:
    """Give a warning for what `flattened` changes."""
    match definition:
        case Calendar(rule=rule) if rule is not None:
            message = f"is written as the days it names from {years[0]} to {years[-1]}; Job Arranger keeps no rules"
            yield Problem(replace(place, field="rule"), message, "export other years with --years", "warning")
        case Schedule() if definition.cycles:
            count = len(_of_cycles(definition))
            message = f"are written as {count} boot times; Job Arranger keeps no cycles"
            yield Problem(replace(place, field="cycles"), message, severity="warning")


def _of_cycles(schedule: Schedule) -> list[BootTime]:
    """Return the boot times of the cycles, without repeats and without those that are there already."""
    given = {(row.days_kind, row.days_id, row.at) for row in schedule.boot_times}
    made = {
        (cycle.days_kind, cycle.days_id, as_boot_time(minutes)): None
        for cycle in schedule.cycles
        for minutes in sorted(wall_minutes((cycle,)))
    }
    return [
        BootTime(days_kind=kind, days_id=days_id, at=at)
        for kind, days_id, at in made
        if (kind, days_id, at) not in given
    ]
