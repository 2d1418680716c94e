"""Calendars, filters, schedules, and the rules between objects when one is enabled, disabled or deleted."""

from dataclasses import dataclass

from jaz_lite.engine.check_change import check_definition, check_delete, check_disable, check_enable, unresolved
from jaz_lite.model.calendar import Calendar, Filter
from jaz_lite.model.schedule import BootTime, Schedule, ScheduledJobnet
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
    assert messages(check_enable(empty, SITE)) == ["boot_times: is empty", "jobnets: is empty"]

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
