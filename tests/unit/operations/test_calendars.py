"""Calendars as people make and change them: by conditions, by single days, by a rule that is kept."""

from typing import Any

import pytest

from jaz_lite.errors import DefinitionError, NoSuchObject, Refused, UsageError
from jaz_lite.operations.site import OfflineSite
from tests.unit.operations.small_site import ask

WORKDAYS = {"weekdays": ["mon", "tue", "wed", "thu", "fri"]}


def fill(site: OfflineSite, conditions: dict[str, Any], first: str, last: str, **more: Any) -> dict[str, Any]:
    answer: dict[str, Any] = ask(
        site, "calendar.fill", calendar="C", first=first, last=last, conditions=conditions, create=True, **more
    )
    return answer


def days(site: OfflineSite, year: int = 2027, name: str = "C") -> list[str]:
    found: list[str] = ask(site, "calendar.year", calendar=name, year=year)["days"]
    return found


def newest(site: OfflineSite, kind: str = "calendar", name: str = "C") -> str:
    version: str = ask(site, "definition.history", kind=kind, name=name)["history"][0]["version"]
    return f"{name}@{version}"


def document(site: OfflineSite, name: str = "C") -> dict[str, Any]:
    found: dict[str, Any] = ask(site, "definition.show", kind="calendar", name=name)["document"]
    return found


def test_a_calendar_may_be_made_empty_and_enabled(site: OfflineSite) -> None:
    answer = ask(site, "calendar.create", calendar="C", enable=True)

    assert (answer["action"], answer["enabled"], answer["base"], answer["problems"]) == ("made", True, None, [])
    assert document(site)["owner"] == "owner"
    assert document(site)["name"] == "C"
    assert days(site) == []


def test_what_is_there_is_not_made_again(site: OfflineSite) -> None:
    ask(site, "calendar.create", calendar="C")

    with pytest.raises(Refused, match='there is a calendar "C" already'):
        ask(site, "calendar.create", calendar="C")


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({"weekdays": ["sun"]}, ["2027-02-07", "2027-02-14", "2027-02-21", "2027-02-28"]),
        ({"first_of_month": True}, ["2027-02-01"]),
        ({"last_of_month": True}, ["2027-02-28"]),
        ({"month_days": [15, 30]}, ["2027-02-15"]),
        (
            {"first_of_month": True, "month_days": [2], "last_of_month": True},
            ["2027-02-01", "2027-02-02", "2027-02-28"],
        ),
    ],
    ids=["weekday", "first", "last", "listed days", "any of several"],
)
def test_conditions_are_joined_by_or(site: OfflineSite, conditions: dict[str, Any], expected: list[str]) -> None:
    fill(site, conditions, "2027-02-01", "2027-02-28")

    assert days(site) == expected
    assert document(site)["rule"] is None


def test_filling_adds_to_the_days_there_are_or_takes_the_place_of_those_of_the_span(site: OfflineSite) -> None:
    fill(site, {"month_days": [1]}, "2026-01-01", "2027-12-31")

    added = fill(site, {"month_days": [2]}, "2027-01-01", "2027-12-31")
    replaced = fill(site, {"month_days": [3]}, "2027-01-01", "2027-12-31", replacing=True)

    assert (len(added["days"]["added"]), len(added["days"]["removed"])) == (12, 0)
    assert (len(replaced["days"]["added"]), len(replaced["days"]["removed"])) == (12, 24)
    assert len(days(site, 2026, newest(site))) == 12
    assert days(site, 2027, newest(site))[:2] == ["2027-01-03", "2027-02-03"]


def test_public_holidays_and_the_days_in_their_stead_are_left_out(site: OfflineSite) -> None:
    fill(site, {**WORKDAYS, "holidays": ["JP"]}, "2027-01-01", "2027-12-31")

    found = days(site)

    # The vernal equinox of 2027 is a Sunday, so the Monday after it is off.
    assert "2027-03-22" not in found
    assert "2027-03-23" in found
    assert len(found) == 245


def test_a_change_is_made_to_the_newest_version_enabled_or_not(site: OfflineSite) -> None:
    ask(site, "calendar.create", calendar="C", enable=True)

    first = ask(site, "calendar.change_days", calendar="C", add=["2027-01-04"])
    second = ask(site, "calendar.change_days", calendar="C", add=["2027-01-05"])

    assert second["base"] == first["version"]
    assert days(site, name="C") == []
    assert days(site, name=f"C@{second['version']}") == ["2027-01-04", "2027-01-05"]


def test_a_version_that_is_named_is_the_one_that_is_changed(site: OfflineSite) -> None:
    made = ask(site, "calendar.create", calendar="C")
    ask(site, "calendar.change_days", calendar="C", add=["2027-01-04"])

    ask(site, "calendar.change_days", calendar=f"C@{made['version']}", add=["2027-01-05"])

    assert days(site, name=newest(site)) == ["2027-01-05"]


def test_what_changes_nothing_makes_no_version(site: OfflineSite) -> None:
    made = ask(site, "calendar.create", calendar="C", days=["2027-01-04"])

    again = ask(site, "calendar.change_days", calendar="C", add=["2027-01-04"], enable=True)

    assert (again["action"], again["version"], again["enabled"]) == ("unchanged", made["version"], True)


def test_a_rehearsal_tells_the_days_and_leaves_all_as_it_was(site: OfflineSite) -> None:
    ask(site, "calendar.create", calendar="C", days=["2027-01-04"])

    answer = ask(site, "calendar.change_days", calendar="C", add=["2027-01-05"], remove=["2027-01-04"], dry_run=True)

    assert answer["days"] == {
        "from": "2026-01-01",
        "to": "2027-12-31",
        "added": ["2027-01-05"],
        "removed": ["2027-01-04"],
        "count": 1,
    }
    assert days(site) == ["2027-01-04"]
    assert len(ask(site, "definition.history", kind="calendar", name="C")["history"]) == 1


def test_a_rule_extends_itself_from_year_to_year_beside_fixed_days(site: OfflineSite) -> None:
    ask(site, "calendar.create", calendar="C", rule={"last_of_month": True}, days=["2027-01-05"])

    assert days(site, 2027)[:2] == ["2027-01-05", "2027-01-31"]
    assert len(days(site, 2063)) == 12


def test_a_rule_is_changed_where_something_is_given(site: OfflineSite) -> None:
    ask(site, "calendar.create", calendar="C", rule={**WORKDAYS, "holidays": ["JP"]})

    ask(site, "calendar.set_rule", calendar="C", rule={"months": [4], "since": "2027-04-28"}, minus=["2027-04-30"])

    # 29 April is Showa day.
    assert days(site, name=newest(site)) == ["2027-04-28"]


def test_a_day_that_the_rule_names_is_taken_out_of_the_rule_and_may_come_back(site: OfflineSite) -> None:
    ask(site, "calendar.create", calendar="C", rule={"month_days": [1]})

    ask(site, "calendar.change_days", calendar="C", remove=["2027-01-01", "2027-01-02"])
    off = document(site, newest(site))
    ask(site, "calendar.change_days", calendar="C", add=["2027-01-01"])
    back = document(site, newest(site))

    assert (off["rule"]["minus"], off["days"]) == (["2027-01-01"], [])
    assert back["rule"]["minus"] == []
    assert "2027-01-01" in days(site, name=newest(site))


def test_clearing_the_rule_leaves_the_fixed_days(site: OfflineSite) -> None:
    ask(site, "calendar.create", calendar="C", rule=WORKDAYS, days=["2027-01-02"])

    ask(site, "calendar.clear_rule", calendar="C")

    assert days(site, name=newest(site)) == ["2027-01-02"]
    with pytest.raises(NoSuchObject, match="has no rule"):
        ask(site, "calendar.clear_rule", calendar="C")


def test_taking_out_a_span_leaves_the_rule_alone(site: OfflineSite) -> None:
    ask(site, "calendar.create", calendar="C", rule={"first_of_month": True}, days=["2026-12-05", "2027-01-05"])

    ask(site, "calendar.change_days", calendar="C", clear_first="2027-01-01", add=["2027-06-15"])

    assert document(site, newest(site))["days"] == ["2026-12-05", "2027-06-15"]
    assert days(site, name=newest(site))[:2] == ["2027-01-01", "2027-02-01"]


def test_the_year_tells_holidays_by_name_and_the_end_of_the_calendar(site: OfflineSite) -> None:
    ask(site, "calendar.create", calendar="C", rule={**WORKDAYS, "holidays": ["JP"], "until": "2028-02-27"})

    year = ask(site, "calendar.year", calendar="C", year=2027)

    assert year["holidays"][0] == {"day": "2027-01-01", "place": "JP", "name": "New Year's Day"}
    assert (year["last_day"], year["goes_on"]) == ("2028-02-25", False)  # a Friday
    assert year["count"] == len(year["days"]) == 245


def test_a_rule_without_an_end_goes_on(site: OfflineSite) -> None:
    ask(site, "calendar.create", calendar="C", rule=WORKDAYS)

    year = ask(site, "calendar.year", calendar="C", places=["DE-BY"])

    assert (year["year"], year["last_day"], year["goes_on"]) == (2026, None, True)
    assert "Epiphany" in {row["name"] for row in year["holidays"]}


WRONG = {
    "no date": ("calendar.change_days", {"add": ["2027-02-30"]}, UsageError, '"2027-02-30" is no date'),
    "another way to write it": ("calendar.change_days", {"add": ["20270201"]}, UsageError, "is no date"),
    "no such place": ("calendar.set_rule", {"rule": {**WORKDAYS, "holidays": ["XX"]}}, DefinitionError, '"XX"'),
    "no day of a month": ("calendar.set_rule", {"rule": {"month_days": [32]}}, UsageError, "month_days holds 32"),
    "no field": ("calendar.set_rule", {"rule": {"weekday": ["mon"]}}, DefinitionError, "has no field weekday"),
    "no weekday": ("calendar.set_rule", {"rule": {"weekdays": ["monday"]}}, DefinitionError, "weekdays"),
    "no condition": ("calendar.set_rule", {"rule": {"months": [1]}}, UsageError, "the rule names no day"),
    "a name that JAZ refuses": ("calendar.set", {"name": 'a "quoted" one'}, Refused, "was not saved"),
    "a span backwards": (
        "calendar.fill",
        {"first": "2027-02-01", "last": "2027-01-01", "conditions": WORKDAYS},
        UsageError,
        "ends before it begins",
    ),
    "no calendar": ("calendar.change_days", {"calendar": "D", "add": ["2027-01-01"]}, NoSuchObject, '"D"'),
}


@pytest.mark.parametrize(("op", "args", "error", "told"), WRONG.values(), ids=WRONG.keys())
def test_what_makes_no_sense_is_refused_and_changes_nothing(
    site: OfflineSite, op: str, args: dict[str, Any], error: type[Exception], told: str
) -> None:
    ask(site, "calendar.create", calendar="C", days=["2027-01-04"])

    with pytest.raises(error, match=told):
        ask(site, op, **{"calendar": "C", **args})

    assert len(ask(site, "definition.history", kind="calendar", name="C")["history"]) == 1


def test_a_name_that_is_nearly_right_is_suggested(site: OfflineSite) -> None:
    ask(site, "calendar.create", calendar="OFFICE")

    with pytest.raises(NoSuchObject) as error:
        ask(site, "calendar.change_days", calendar="OFICE", add=["2027-01-01"])

    assert error.value.hint == "did you mean OFFICE?"


def test_places_are_found_by_code_and_by_name(site: OfflineSite) -> None:
    every = ask(site, "calendar.places")["places"]

    assert {"place": "JP", "name": "Japan"} in every
    assert {"place": "DE-BY", "name": "Bayern"} in ask(site, "calendar.places", text="germany")["places"]
    assert ask(site, "calendar.places", text="de-by")["places"] == [{"place": "DE-BY", "name": "Bayern"}]
    with pytest.raises(NoSuchObject):
        ask(site, "calendar.places", text="atlantis")
