"""Schedules as people make and change them: rows, cycles, cron expressions, jobnets with variables, settings."""

from typing import Any

import pytest

from jaz_lite.errors import DefinitionError, NoSuchObject, Refused, UsageError
from jaz_lite.operations.site import OfflineSite
from tests.unit.operations.small_site import ask, jobnet

ON_WORK = [{"kind": "calendar", "id": "WORK"}]
QUARTERS = {"since": "0800", "until": "2600", "every_min": 15}


@pytest.fixture
def work(site: OfflineSite) -> OfflineSite:
    """A site with a calendar of weekdays, a filter, and a jobnet, all enabled."""
    weekdays = {"weekdays": ["mon", "tue", "wed", "thu", "fri"]}
    ask(site, "calendar.create", calendar="WORK", rule=weekdays, enable=True)
    ask(site, "filter.create", filter_id="END", calendar="WORK", base_day="last", shift_days=-1, enable=True)
    for jobnet_id in ("J", "K"):
        ask(site, "definition.put", kind="jobnet", document=jobnet(jobnet_id), enable=True)
    return site


def make(site: OfflineSite, **more: Any) -> dict[str, Any]:
    given = {"days": ON_WORK, "times": ["0900"], "jobnets": ["J"], **more}
    answer: dict[str, Any] = ask(site, "schedule.create", schedule="S", **given)
    return answer


def newest(site: OfflineSite, kind: str = "schedule", name: str = "S") -> dict[str, Any]:
    version = ask(site, "definition.history", kind=kind, name=name)["history"][0]["version"]
    document: dict[str, Any] = ask(site, "definition.show", kind=kind, name=f"{name}@{version}")["document"]
    return document


def times(document: dict[str, Any]) -> list[tuple[str, str]]:
    return [(row["days_id"], row["at"]) for row in document["boot_times"]]


def test_a_new_schedule_reports_missed_starts_as_errors_after_five_minutes(work: OfflineSite) -> None:
    answer = make(work, enable=True)

    document = newest(work)
    assert (answer["action"], answer["enabled"], answer["problems"]) == ("made", True, [])
    assert (document["late_start"], document["grace_min"], document["owner"]) == ("error", 5, "owner")


def test_each_time_and_cycle_is_added_on_each_of_the_days(work: OfflineSite) -> None:
    days = [*ON_WORK, {"kind": "filter", "id": "END"}]

    make(work, days=days, times=["0900", "2530"], cycles=[QUARTERS])

    document = newest(work)
    assert times(document) == [("WORK", "0900"), ("WORK", "2530"), ("END", "0900"), ("END", "2530")]
    assert [(row["days_kind"], row["every_min"]) for row in document["cycles"]] == [("calendar", 15), ("filter", 15)]


def test_what_is_there_already_is_not_added_again(work: OfflineSite) -> None:
    make(work, cycles=[QUARTERS], variables=[{"jobnet": "", "name": "A", "value": "1"}])

    again = ask(work, "schedule.add", schedule="S", days=ON_WORK, times=["0900"], cycles=[QUARTERS], jobnets=["J"])

    assert again["action"] == "unchanged"


def test_variables_belong_to_the_jobnets_that_are_named(work: OfflineSite) -> None:
    make(work, jobnets=["J", "K"], variables=[{"jobnet": "", "name": "A", "value": "1"}])

    ask(work, "schedule.add", schedule="S", variables=[{"jobnet": "K", "name": "A", "value": "2"}])

    rows = {
        row["jobnet_id"]: {one["name"]: one["value"] for one in row["variables"]} for row in newest(work)["jobnets"]
    }
    assert rows == {"J": {"A": "1"}, "K": {"A": "2"}}


@pytest.mark.parametrize(
    ("expression", "boot_times", "cycle", "rule"),
    [
        (
            "*/15 8-17 * * mon-fri",
            [],
            ("0800", "1745", 15),
            {"weekdays": ["mon", "tue", "wed", "thu", "fri"], "month_days": [], "months": []},
        ),
        ("30 4,16 1 * *", ["0430", "1630"], None, {"weekdays": [], "month_days": [1], "months": []}),
    ],
    ids=["cycle", "times"],
)
def test_a_cron_expression_becomes_times_and_a_calendar_called_like_the_schedule(
    work: OfflineSite,
    expression: str,
    boot_times: list[str],
    cycle: tuple[str, str, int] | None,
    rule: dict[str, Any],
) -> None:
    answer = make(work, days=[], times=[], cron=[expression], enable=True)

    document, calendar = newest(work), newest(work, "calendar")
    assert [row["at"] for row in document["boot_times"]] == boot_times
    assert [(row["since"], row["until"], row["every_min"]) for row in document["cycles"]] == ([cycle] if cycle else [])
    assert {name: calendar["rule"][name] for name in rule} == rule
    assert [(row["kind"], row["id"], row["action"], row["enabled"]) for row in answer["also"]] == [
        ("calendar", "S", "made", True)
    ]
    assert answer["cron"][0]["calendar_id"] == "S"


def test_another_cron_expression_uses_the_calendar_with_its_days_or_gets_one_with_a_number(work: OfflineSite) -> None:
    make(work, days=[], times=[], cron=["0 8 * * mon"], enable=True)

    same = ask(work, "schedule.add", schedule="S", cron=["0 9 * * mon"], enable=True)
    other = ask(work, "schedule.add", schedule="S", cron=["0 9 * * tue"], enable=True)

    assert [(row["id"], row["action"]) for row in same["also"]] == [("S", "unchanged")]
    assert [(row["id"], row["action"]) for row in other["also"]] == [("S-2", "made")]
    assert times(newest(work)) == [("S", "0800"), ("S", "0900"), ("S-2", "0900")]


def test_a_calendar_that_is_named_for_cron_must_have_its_days(work: OfflineSite) -> None:
    with pytest.raises(Refused, match='calendar "WORK" has other days'):
        make(work, days=[], times=[], cron=["0 8 * * mon"], cron_calendar="WORK")

    make(work, days=[], times=[], cron=["0 8 * * mon"], cron_calendar="MONDAYS")

    assert times(newest(work)) == [("MONDAYS", "0800")]


def test_a_rehearsal_with_cron_makes_no_calendar_either(work: OfflineSite) -> None:
    make(work, days=[], times=[], cron=["0 8 * * mon"], enable=True, dry_run=True)

    assert ask(work, "definition.list", kind="schedule") == {"schedules": []}
    assert [row["calendar_id"] for row in ask(work, "definition.list", kind="calendar")["calendars"]] == ["WORK"]


def test_rows_are_removed_by_time_by_cycle_and_by_days(work: OfflineSite) -> None:
    days = [*ON_WORK, {"kind": "filter", "id": "END"}]
    make(work, days=days, times=["0900", "1000"], cycles=[QUARTERS])

    ask(work, "schedule.remove", schedule="S", times=["0900"], days=ON_WORK)
    assert times(newest(work)) == [("WORK", "1000"), ("END", "0900"), ("END", "1000")]
    ask(work, "schedule.remove", schedule="S", cycles=[{"every_min": 15}])
    assert newest(work)["cycles"] == []
    ask(work, "schedule.remove", schedule="S", days=[{"kind": "filter", "id": "END"}])
    assert times(newest(work)) == [("WORK", "1000")]


def test_a_jobnet_is_removed_or_only_a_variable_of_it(work: OfflineSite) -> None:
    make(work, jobnets=["J", "K"], variables=[{"jobnet": "", "name": "A", "value": "1"}])

    ask(work, "schedule.remove", schedule="S", jobnets=["J"], variables=[{"jobnet": "", "name": "A"}])
    ask(work, "schedule.remove", schedule="S", jobnets=["K"])

    assert [(row["jobnet_id"], row["variables"]) for row in newest(work)["jobnets"]] == [("J", [])]


@pytest.mark.parametrize(
    ("given", "told", "hint"),
    [
        ({"times": ["1000"]}, "no time 1000", "it has 0900"),
        ({"cycles": [{"every_min": 5}]}, "no cycle of 5 minutes", "it has every 15 from 0800 to 2600"),
        ({"days": [{"kind": "filter", "id": "WORK"}]}, "no filter WORK", "it has calendar WORK"),
        ({"jobnets": ["X"]}, "no jobnet X", "it has J"),
        ({"variables": [{"jobnet": "", "name": "A"}]}, "no variable A", "it has none at all"),
    ],
    ids=["time", "cycle", "days", "jobnet", "variable"],
)
def test_what_is_not_there_cannot_be_removed(work: OfflineSite, given: dict[str, Any], told: str, hint: str) -> None:
    make(work, cycles=[QUARTERS])

    with pytest.raises(NoSuchObject, match=told) as error:
        ask(work, "schedule.remove", schedule="S", **given)

    assert error.value.hint == hint


def test_settings_that_are_given_are_changed(work: OfflineSite) -> None:
    make(work, settings={"zone": "Asia/Tokyo", "end_by": "3000"})

    ask(work, "schedule.set", schedule="S", settings={"zone": "", "late_start": "skip", "end_within_min": 90}, memo="m")

    document = newest(work)
    told = {name: document[name] for name in ("zone", "late_start", "grace_min", "end_by", "end_within_min", "memo")}
    assert told == {
        "zone": "",
        "late_start": "skip",
        "grace_min": 5,
        "end_by": "3000",
        "end_within_min": 90,
        "memo": "m",
    }


WRONG: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "a time that is none": ({"times": ["0960"]}, UsageError, 'the time "0960"'),
    "times without days": ({"days": []}, UsageError, "times need days"),
    "days without times": ({"times": []}, UsageError, "days need times"),
    "days of nothing": ({"days": [{"kind": "jobnet", "id": "J"}]}, UsageError, '"jobnet" gives no days'),
    "a cycle that ends before it begins": (
        {"cycles": [{"since": "2200", "until": "0600", "every_min": 15}]},
        Refused,
        "until is 0600, before since",
    ),
    "a cycle without a step": (
        {"cycles": [{"since": "0000", "until": "0600"}]},
        UsageError,
        "argument cycles of operation schedule",
    ),
    "no cron": ({"cron": ["* * *"]}, DefinitionError, "has 3 fields"),
    "a variable of nobody": (
        {"jobnets": [], "variables": [{"jobnet": "", "name": "A", "value": ""}]},
        UsageError,
        "whose variable A",
    ),
    "a variable of another": ({"variables": [{"jobnet": "X", "name": "A", "value": ""}]}, UsageError, '"X"'),
    "a variable that may not be": (
        {"variables": [{"jobnet": "J", "name": "1", "value": ""}]},
        Refused,
        "was not saved",
    ),
    "no such zone": ({"settings": {"zone": "Mars/Base"}}, Refused, 'no time zone "Mars/Base"'),
    "no such policy": ({"settings": {"late_start": "never"}}, UsageError, '"never" says nothing'),
    "no such setting": ({"settings": {"colour": "red"}}, UsageError, "colour"),
    "a grace that is too long": ({"settings": {"grace_min": 2000}}, Refused, "grace_min is 2000"),
    "an id that may not be": ({"jobnets": ["a b"]}, Refused, "was not saved"),
}


@pytest.mark.parametrize(("given", "error", "told"), WRONG.values(), ids=WRONG.keys())
def test_what_makes_no_sense_is_refused_and_nothing_is_made(
    work: OfflineSite, given: dict[str, Any], error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=told):
        make(work, **given)

    assert ask(work, "definition.list", kind="schedule") == {"schedules": []}


def test_a_schedule_may_be_made_bit_by_bit(work: OfflineSite) -> None:
    empty = ask(work, "schedule.create", schedule="S")
    ask(work, "schedule.add", schedule="S", days=ON_WORK, times=["0900"])
    last = ask(work, "schedule.add", schedule="S", jobnets=["J"], enable=True)

    assert {problem["where"] for problem in empty["problems"]} == {"boot_times", "jobnets"}
    assert (last["enabled"], last["problems"]) == (True, [])


def test_enabled_schedules_tell_when_they_start_next(work: OfflineSite) -> None:
    make(work, enable=True)
    ask(work, "schedule.create", schedule="T", days=ON_WORK, times=["0900"], jobnets=["J"])

    rows = {row["schedule_id"]: row["next_start_at"] for row in ask(work, "schedule.list")["schedules"]}

    # It is 03:12 on a Monday in Tokyo.
    assert rows == {"S": "2026-11-23T09:00:00.000+09:00", "T": None}


def test_the_next_start_is_told_in_the_zone_of_the_schedule(work: OfflineSite) -> None:
    make(work, settings={"zone": "Europe/Berlin"}, enable=True)

    assert ask(work, "schedule.next", schedule="S") == {
        "next_start_at": "2026-11-23T09:00:00.000+01:00",
        "zone": "Europe/Berlin",
        "broken": [],
    }
