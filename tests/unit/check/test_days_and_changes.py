"""Calendars, filters, schedules, and the rules between objects when one is enabled, disabled or deleted."""

from dataclasses import dataclass, replace

import pytest

from jaz_lite.engine.check_change import check_definition, check_delete, check_disable, check_enable, unresolved
from jaz_lite.model.assignment import Assignment
from jaz_lite.model.calendar import Calendar, CalendarRule, Filter
from jaz_lite.model.schedule import BootTime, Cycle, Schedule, ScheduledJobnet
from tests.unit.check.drawing import Site, jobnet

V = "20240101000000"
CALENDAR = Calendar(calendar_id="DAYS", version=V, name="days", days=("2024-01-01", "2024-02-29"))
FILTER = Filter(filter_id="LAST", version=V, name="last", base_calendar_id="DAYS", base_day="last")
SCHEDULE = Schedule(
    schedule_id="DAILY",
    version=V,
    name="daily",
    boot_times=(BootTime(days_id="DAYS", at="2530"), BootTime(days_id="LAST", days_kind="filter", at="0100")),
    jobnets=(ScheduledJobnet(jobnet_id="NIGHT"),),
)
SITE = Site((CALENDAR, FILTER, jobnet("START > END")))


@dataclass
class Using:
    kind: str
    object_id: str
    version: str = V
    enabled: bool = True


def messages(problems):
    return [f"{each.place.field}: {each.message}" for each in problems]


def test_sound_definitions_of_every_kind_may_be_enabled():
    for definition in (CALENDAR, FILTER, SCHEDULE, Calendar(calendar_id="NONE", version=V, name="never")):
        assert check_enable(definition, SITE) == []


def test_a_calendar_holds_sorted_dates_once():
    calendar = Calendar(calendar_id="C", version="1", days=("2024-02-30", "20240101", "2024-01-02", "2024-01-02"))

    assert messages(check_definition(calendar, SITE)) == [
        "version: is not 14 digits YYYYMMDDHHMMSS",
        "name: is empty",
        "days: holds what is no date: 2024-02-30, 20240101",
        "days: holds days twice: 2024-01-02",
    ]


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        (
            {"month_days": (0, 32, 5, 5)},
            ["rule.month_days: holds 0, 32; it may hold 1 to 31", "rule.month_days: holds 5 more than once"],
        ),
        ({"months": (13,)}, ["rule.months: holds 13; it may hold 1 to 12"]),
        ({"weekdays": ("mon", "mon")}, ["rule.weekdays: holds mon more than once"]),
        ({"minus": ("2024-2-1",)}, ["rule.minus: holds what is no date: 2024-2-1"]),
        ({"since": "today"}, ["rule.since: is today, which is no date"]),
        (
            {"since": "2024-02-01", "until": "2024-01-31"},
            ["rule.until: is 2024-01-31, before since, which is 2024-02-01"],
        ),
        (
            {"weekdays": ("mon",), "holidays": ("JP", "ZZ", "DE-BY")},
            ['rule.holidays[1]: no public holidays are known of "ZZ"'],
        ),
    ],
    ids=lambda each: next(iter(each), "") if isinstance(each, dict) else "",
)
def test_a_rule_names_what_there_is(rule, told):
    calendar = replace(CALENDAR, rule=CalendarRule(**rule))

    assert messages(check_enable(calendar, SITE)) == told


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ({}, "names no day at all"),
        ({"month_days": (30, 31), "months": (2,)}, "names no day at all"),
        ({"weekdays": ("sat",), "since": "2024-03-04", "until": "2024-03-08"}, "names no day at all"),
        (
            {"last_of_month": True, "minus": ("2024-02-29", "2024-03-31")},
            "takes out days that are listed, and so operate: 2024-02-29",
        ),
    ],
)
def test_what_a_rule_hardly_means_is_a_warning(rule, told):
    [problem] = check_definition(replace(CALENDAR, rule=CalendarRule(**rule)), SITE)

    assert (problem.severity, problem.message) == ("warning", told)


def test_a_rule_for_leap_days_alone_names_days():
    leap_days = CalendarRule(month_days=(29,), months=(2,), since="1897-01-01", until="1904-12-31")

    assert check_definition(replace(CALENDAR, rule=leap_days), SITE) == []


def test_a_filter_needs_its_calendar_enabled():
    site = Site((CALENDAR,), disabled=frozenset({"DAYS"}))

    assert messages(check_enable(FILTER, site)) == ['base_calendar_id: the calendar "DAYS" has no enabled version']


def test_the_numbers_of_a_filter_have_bounds():
    wrong = Filter(
        filter_id="F",
        version=V,
        name="f",
        base_calendar_id="DAYS",
        base_day="designated",
        designated_day=32,
        shift_days=8,
    )

    assert messages(check_definition(wrong, SITE)) == [
        "designated_day: is 32; it may be 1 to 31",
        "shift_days: is 8; it may be -7 to 7",
    ]


def test_a_schedule_needs_a_time_a_jobnet_and_everything_it_names():
    empty = Schedule(schedule_id="S", version=V, name="s")
    assert messages(check_enable(empty, SITE)) == ["boot_times: is empty, and there are no cycles", "jobnets: is empty"]

    assert messages(check_enable(SCHEDULE, Site())) == [
        'boot_times[0].days_id: there is no calendar "DAYS"',
        'boot_times[1].days_id: there is no filter "LAST"',
        'jobnets[0].jobnet_id: there is no jobnet "NIGHT"',
    ]


def test_a_schedule_holds_each_time_once_and_well_formed():
    row = BootTime(days_id="DAYS", at="2560")
    wrong = Schedule(
        schedule_id="S", version=V, name="s", boot_times=(row, row), jobnets=SCHEDULE.jobnets, grace_min=-1
    )

    assert messages(check_definition(wrong, SITE)) == [
        "boot_times[0].at: is not four digits HHMM from 0000 to 9959",
        "boot_times[1].at: is not four digits HHMM from 0000 to 9959",
        "boot_times: holds 2560 of the calendar DAYS 2 times",
        "grace_min: is -1; it may be 0 to 1440 minutes",
    ]


def test_cycles_are_checked_like_boot_times():
    cycles = (
        Cycle(days_id="DAYS", since="0800", until="2600", every_min=15),
        Cycle(days_id="", since="2200", until="0200"),
        Cycle(days_id="GONE", since="800", until="9960", every_min=6000),
    )
    wrong = replace(SCHEDULE, boot_times=(), cycles=cycles)

    assert messages(check_enable(wrong, SITE)) == [
        "cycles[1].days_id: is empty",
        "cycles[1].until: is 0200, before since, which is 2200",
        "cycles[2].since: is not four digits HHMM from 0000 to 9959",
        "cycles[2].until: is not four digits HHMM from 0000 to 9959",
        "cycles[2].every_min: is 6000; it may be 1 to 5999 minutes",
        'cycles[2].days_id: there is no calendar "GONE"',
    ]
    assert check_enable(replace(wrong, cycles=cycles[:1]), SITE) == []


def test_times_that_may_be_one_instant_are_a_warning():
    boot_times = (BootTime(days_id="DAYS", at="0130"), BootTime(days_id="LAST", days_kind="filter", at="0800"))
    cycles = (Cycle(days_id="DAYS", since="0800", until="2600", every_min=90),)  # 08:00, 09:30 ... 23:00, 24:30, 26:00
    schedule = replace(SCHEDULE, boot_times=boot_times, cycles=cycles)

    [problem] = check_definition(schedule, SITE)

    assert problem.severity == "warning"
    assert problem.message == (
        "may name one instant more than once, which starts once: 0800 of the filter LAST and 0800 of the calendar DAYS"
    )


def test_the_entries_and_limits_of_a_schedule_are_checked():
    variables = tuple(Assignment(name=name) for name in ("DAY", "1ST", "DAY"))
    wrong = replace(
        SCHEDULE,
        jobnets=(ScheduledJobnet(jobnet_id="NIGHT", variables=variables),),
        zone="Mars/Olympus",
        end_by="6:00",
        end_within_min=10_000,
        grace_min=1441,
    )

    assert messages(check_enable(wrong, SITE)) == [
        "jobnets[0].variables[1].name: may hold only letters, digits and _, and must not begin with a digit",
        "jobnets[0].variables: holds DAY 2 times",
        'zone: there is no time zone "Mars/Olympus"',
        "end_by: is not four digits HHMM from 0000 to 9959",
        "grace_min: is 1441; it may be 0 to 1440 minutes",
        "end_within_min: is 10000; it may be 0 to 9999 minutes",
    ]


def test_what_an_import_refers_to_in_vain_is_a_warning():
    problems = unresolved(SCHEDULE, Site((CALENDAR,)))

    assert [each.severity for each in problems] == ["warning", "warning"]
    assert 'there is no jobnet "NIGHT", neither in the file nor here' in [each.message for each in problems]


def test_an_object_in_use_by_an_enabled_version_may_not_be_disabled():
    users = [Using("schedule", "DAILY"), Using("schedule", "OLD", enabled=False)]

    (problem,) = check_disable("calendar", "DAYS", users)

    assert problem.message == f"is used by schedule DAILY@{V}"
    assert check_disable("calendar", "DAYS", users[1:]) == []


def test_only_the_last_version_asks_who_uses_it_when_deleted():
    users = [Using("schedule", "OLD", enabled=False)]
    one, two = Using("calendar", "DAYS", enabled=False), Using("calendar", "DAYS", "20240101000001", enabled=False)

    assert check_delete("calendar", "DAYS", V, users, [one, two]) == []
    (problem,) = check_delete("calendar", "DAYS", V, users, [one])
    assert problem.message == f"is used by schedule OLD@{V}"


def test_an_enabled_version_is_never_deleted():
    (problem,) = check_delete("calendar", "DAYS", V, [], [Using("calendar", "DAYS")])

    assert problem.hint == "disable the calendar first"
