"""Schedules as people make and change them: rows of days and times, jobnets with variables, and what holds for all.

What is changed is the newest version; see `changing`. A cron expression becomes boot times or a cycle, and a calendar
with its days as rule; nothing of it is kept.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, get_args

from jaz_lite.errors import UsageError
from jaz_lite.model.assignment import Assignment
from jaz_lite.model.names import boot_time_fault
from jaz_lite.model.plain import Definition
from jaz_lite.model.schedule import BootTime, Cycle, LateStart, Schedule, ScheduledJobnet
from jaz_lite.operations import changing
from jaz_lite.operations.cron_calendars import Cron, CronCalendars
from jaz_lite.operations.naming import split
from jaz_lite.operations.person import Person
from jaz_lite.operations.schedule_given import CycleGiven, CycleNamed, Days, VariableGiven, VariableNamed
from jaz_lite.operations.schedule_rows import removed_jobnets, removed_rows
from jaz_lite.operations.site import Site
from jaz_lite.schedule.cron import read_cron
from jaz_lite.store.transaction import Nouns

GRACE_MIN_NEW = 5  # of schedules that are made here; imported ones have none (decision 2)


async def create(
    site: Site,
    person: Person,
    *,
    schedule: str,
    name: str = "",
    memo: str = "",
    public: bool = False,
    settings: dict[str, Any] | None = None,
    days: list[Days] | None = None,
    times: list[str] | None = None,
    cycles: list[CycleGiven] | None = None,
    cron: list[str] | None = None,
    cron_calendar: str = "",
    jobnets: list[str] | None = None,
    variables: list[VariableGiven] | None = None,
    enable: bool = False,
    dry_run: bool = False,
) -> dict[str, Any]:
    """Make a schedule. What it starts with is given as in `add`, what holds for all its starts as in `change`."""
    object_id, _ = split(schedule)
    made = Schedule(
        schedule_id=object_id,
        version="",
        name=name or object_id,
        memo=memo or None,
        public=public,
        grace_min=GRACE_MIN_NEW,
    )
    made = _with_settings(made, settings or {})
    rows = _Rows(days or [], times or [], cycles or [], cron or [], cron_calendar, jobnets or [], variables or [])
    return await _edited(site, person, schedule, rows, made=made, enable=enable, dry_run=dry_run)


async def add(
    site: Site,
    person: Person,
    *,
    schedule: str,
    days: list[Days] | None = None,
    times: list[str] | None = None,
    cycles: list[CycleGiven] | None = None,
    cron: list[str] | None = None,
    cron_calendar: str = "",
    jobnets: list[str] | None = None,
    variables: list[VariableGiven] | None = None,
    enable: bool = False,
    dry_run: bool = False,
) -> dict[str, Any]:
    """Add rows, jobnets and variables to a schedule; what is there already stays as it is.

    Args:
        days: `{"kind": "calendar" | "filter", "id"}`: each time and cycle is added on each of them.
        times: HHMM, 0000 to 9959. cycles: `{"since", "until", "every_min"}`, HHMM and minutes.
        cron: expressions, each with days of its own; see `cron_calendars`.
        cron_calendar: the calendar for those days; "": one that is called like the schedule.
        jobnets: ids. variables: `{"jobnet", "name", "value"}`; "" for jobnet: each of `jobnets`.

    Returns:
        What every change answers (`changing.change`), and `cron`: `{"expression", "calendar_id", "since", "until",
        "every_min", "boot_times"}` of each.
    """
    rows = _Rows(days or [], times or [], cycles or [], cron or [], cron_calendar, jobnets or [], variables or [])
    return await _edited(site, person, schedule, rows, enable=enable, dry_run=dry_run)


async def remove(
    site: Site,
    person: Person,
    *,
    schedule: str,
    days: list[Days] | None = None,
    times: list[str] | None = None,
    cycles: list[CycleNamed] | None = None,
    jobnets: list[str] | None = None,
    variables: list[VariableNamed] | None = None,
    enable: bool = False,
    dry_run: bool = False,
) -> dict[str, Any]:
    """Take rows, jobnets or variables out of a schedule.

    Args:
        days, times, cycles: times and cycles on these days; days alone: all on them; the others alone: on any days.
            A cycle may be `{"every_min"}` alone.
        jobnets: with all their variables, unless `variables` names some: then only these.
        variables: `{"jobnet", "name"}`; "" for jobnet: each of `jobnets`, or of all.

    Returns:
        As `changing.change` answers.

    Raises:
        NoSuchObject: one of them is not there.
    """

    def edit(_: Nouns, before: Definition | None) -> list[Definition]:
        assert isinstance(before, Schedule)
        after = before
        if days or times or cycles:
            after = removed_rows(after, days or [], times or [], cycles or [])
        if jobnets or variables:
            after = removed_jobnets(after, jobnets or [], variables or [])
        return [after]

    done = await changing.change(
        site, person, kind="schedule", name=schedule, edit=edit, enable=enable, dry_run=dry_run
    )
    return done.answer


async def change(
    site: Site,
    person: Person,
    *,
    schedule: str,
    name: str | None = None,
    memo: str | None = None,
    public: bool | None = None,
    settings: dict[str, Any] | None = None,
    enable: bool = False,
    dry_run: bool = False,
) -> dict[str, Any]:
    """Change what holds for all starts of a schedule.

    Args:
        settings: those given of zone, late_start, grace_min, end_by and end_within_min, as in the definition.

    Returns:
        As `changing.change` answers.
    """

    def edit(_: Nouns, before: Definition | None) -> list[Definition]:
        assert isinstance(before, Schedule)
        return [_with_settings(changing.described(before, name, memo, public), settings or {})]

    done = await changing.change(
        site, person, kind="schedule", name=schedule, edit=edit, enable=enable, dry_run=dry_run
    )
    return done.answer


class _Rows:
    """What is added to a schedule."""

    def __init__(
        self,
        days: Sequence[Days],
        times: Sequence[str],
        cycles: Sequence[CycleGiven],
        cron: Sequence[str],
        cron_calendar: str,
        jobnets: Sequence[str],
        variables: Sequence[VariableGiven],
    ) -> None:
        if (times or cycles) and not days:
            raise UsageError("times need days", hint="name a calendar or a filter")
        if days and not (times or cycles):
            raise UsageError("days need times", hint="say when on these days: a time, or a cycle")
        for at in times:
            if fault := boot_time_fault(at):
                raise UsageError(f'the time "{at[:40]}" {fault}')
        self._days, self._times, self._cycles = days, times, cycles
        self._cron = [Cron(text, read_cron(text)) for text in cron]
        self._cron_calendar = cron_calendar
        self._jobnets = jobnets
        self._variables = variables

    def added(self, nouns: Nouns, before: Schedule) -> tuple[Schedule, CronCalendars]:
        """Return a schedule with the rows, and the calendars that they need."""
        times = [BootTime(**_days(each), at=at) for each in self._days for at in self._times]
        cycles = [Cycle(**_days(each), **cycle) for each in self._days for cycle in self._cycles]
        calendars = CronCalendars(nouns, before.schedule_id, self._cron_calendar)
        for one in self._cron:
            calendar_id = calendars.place(one)
            found = one.times
            times += [BootTime(days_id=calendar_id, at=at) for at in found.boot_times]
            if found.every_min:
                cycles.append(
                    Cycle(days_id=calendar_id, since=found.since, until=found.until, every_min=found.every_min)
                )
        known = {(row.days_kind, row.days_id, row.at) for row in before.boot_times}
        new = {(row.days_kind, row.days_id, row.at): row for row in times}
        after = replace(
            before,
            boot_times=(*before.boot_times, *(row for key, row in new.items() if key not in known)),
            cycles=(*before.cycles, *(row for row in dict.fromkeys(cycles) if row not in before.cycles)),
        )
        return self._with_jobnets(after), calendars

    def _with_jobnets(self, before: Schedule) -> Schedule:
        rows = {row.jobnet_id: row for row in before.jobnets}
        rows |= {
            jobnet_id: ScheduledJobnet(jobnet_id=jobnet_id) for jobnet_id in self._jobnets if jobnet_id not in rows
        }
        for given in self._variables:
            targets = [given["jobnet"]] if given.get("jobnet") else list(self._jobnets)
            if not targets:
                raise UsageError(
                    f"whose variable {given['name']} is, is not said", hint=f"write JOBNET:{given['name']}=VALUE"
                )
            for jobnet_id in targets:
                if jobnet_id not in rows:
                    raise UsageError(f'the schedule does not start the jobnet "{jobnet_id}"', hint="add the jobnet too")
                values = {row.name: row.value for row in rows[jobnet_id].variables} | {given["name"]: given["value"]}
                variables = tuple(Assignment(name=name, value=value) for name, value in values.items())
                rows[jobnet_id] = replace(rows[jobnet_id], variables=variables)
        return replace(before, jobnets=tuple(rows.values()))


async def _edited(
    site: Site,
    person: Person,
    name: str,
    rows: _Rows,
    *,
    made: Schedule | None = None,
    enable: bool,
    dry_run: bool,
) -> dict[str, Any]:
    told: list[dict[str, Any]] = []

    def edit(nouns: Nouns, before: Definition | None) -> list[Definition]:
        start = made or before
        assert isinstance(start, Schedule)
        after, calendars = rows.added(nouns, start)
        told.extend(calendars.told)
        return [after, *calendars.definitions]

    done = await changing.change(
        site, person, kind="schedule", name=name, edit=edit, new=made is not None, enable=enable, dry_run=dry_run
    )
    return {**done.answer, "cron": told}


def _days(given: Days) -> dict[str, Any]:
    kind = given["kind"]
    if kind not in ("calendar", "filter"):
        raise UsageError(f'"{kind[:40]}" gives no days', hint="a calendar or a filter does")
    return {"days_kind": kind, "days_id": given["id"]}


def _with_settings(before: Schedule, given: dict[str, Any]) -> Schedule:
    kinds = {"zone": str, "late_start": str, "grace_min": int, "end_by": str, "end_within_min": int}
    for name, value in given.items():
        if name not in kinds or type(value) is not kinds[name]:
            raise UsageError(f"{name[:40]} is no setting of a schedule, or its value is of the wrong type")
    late_start = given.get("late_start")
    if late_start is not None and late_start not in get_args(LateStart):
        raise UsageError(
            f'"{late_start[:40]}" says nothing of late starts', hint=f"one of {', '.join(get_args(LateStart))}"
        )
    return replace(before, **given)
