"""Commands that make and show calendars and filters, on a directory and with a server."""

import json
from pathlib import Path

import pytest

from jaz_lite.cli.days_text import read_days, read_month_days, read_months, read_span, read_weekdays
from jaz_lite.cli.year_drawing import drawing, months_beside
from tests.unit.cli.conftest import Cli

YEAR = {
    "year": 2027,
    "days": ["2027-01-04", "2027-01-05", "2027-05-03"],
    "count": 3,
    "fixed": [],
    "holidays": [
        {"day": "2027-01-01", "place": "JP", "name": "New Year's Day"},
        {"day": "2027-05-03", "place": "JP", "name": "Constitution Day"},
    ],
    "last_day": "2027-05-03",
    "goes_on": False,
    "today": "2026-11-23",
}


def test_a_year_is_drawn_with_numbers_for_operating_days() -> None:
    lines = list(drawing(YEAR, 3))

    assert lines[1].split() == ["January", "2027", "February", "2027", "March", "2027"]
    assert lines[3].startswith("             h  .  .    .  .")
    assert lines[4].startswith(" 4  5  .  .  .  .  .")
    assert "3 operating days in 2027; last operating day of the calendar: 2027-05-03" in lines
    assert lines[-2:] == ["h 2027-01-01 Fri  JP  New Year's Day", "h 2027-05-03 Mon  JP  Constitution Day  (operates)"]


def test_a_year_without_colour_is_the_same_as_one_with_it() -> None:
    import re

    coloured = [re.sub(r"\x1b\[[0-9;]*m", "", text) for text in drawing(YEAR, 4, coloured=True)]

    assert [text.rstrip() for text in coloured] == list(drawing(YEAR, 4))


@pytest.mark.parametrize(("width", "count"), [(20, 1), (42, 1), (43, 2), (66, 3), (80, 3), (89, 4), (200, 6)])
def test_narrow_terminals_get_fewer_columns(width: int, count: int) -> None:
    assert months_beside(width) == count
    assert max(len(text) for text in drawing(YEAR, count) if "20" not in text) <= max(width, 20)


def test_days_are_written_as_people_do() -> None:
    assert read_weekdays(["mon-wed", "Sunday"]) == ["mon", "tue", "wed", "sun"]
    assert read_weekdays(["fri-mon"]) == ["mon", "fri", "sat", "sun"]
    assert read_weekdays(["all"]) == read_weekdays(["mon-sun"])
    assert read_weekdays(["none"]) == []
    assert read_months(["nov-feb", "4"]) == [1, 2, 4, 11, 12]
    assert read_months(["all"]) == []
    assert read_month_days(["1,15", "28-31"]) == [1, 15, 28, 29, 30, 31]
    assert read_days(["2027-02-27..2027-03-01", "2027/12/31"]) == [
        "2027-02-27",
        "2027-02-28",
        "2027-03-01",
        "2027-12-31",
    ]
    assert read_span("2027-2028", None, None) == ("2027-01-01", "2028-12-31")


@pytest.mark.parametrize(
    "arguments",
    [
        ["calendar", "create", "C", "--weekdays", "moon"],
        ["calendar", "create", "C", "--weekdays", "1-5"],
        ["calendar", "create", "C", "--months", "13"],
        ["calendar", "create", "C", "--month-days", "0"],
        ["calendar", "create", "C", "--month-days", "31-1"],
        ["calendar", "create", "C", "--since", "soon"],
        ["calendar", "create", "C", "--months", "4"],
        ["calendar", "create", "C", "--minus", "2027-01-01"],
        ["calendar", "fill", "C", "--weekdays", "mon"],
        ["calendar", "fill", "C", "--year", "2027"],
        ["calendar", "fill", "C", "--year", "2028-2027", "--last"],
        ["calendar", "fill", "C", "--from", "2027-01-01", "--last"],
        ["calendar", "fill", "C", "--year", "2027", "--from", "2027-01-01", "--to", "2027-01-02", "--last"],
        ["calendar", "add", "C", "2027-02-30"],
        ["calendar", "add", "C", "2027-02-03..2027-02-01"],
        ["calendar", "set", "C"],
        ["calendar", "rule", "set", "C"],
        ["calendar", "read-dates", "C", "x", "--format", "DD.MM.YYYY"],
        ["filter", "create", "F", "--calendar", "C"],
        ["filter", "create", "F", "--calendar", "C", "--last", "--day", "3"],
        ["filter", "create", "F", "--calendar", "C", "--last", "--shift", "8"],
        ["filter", "set", "F"],
    ],
    ids=" ".join,
)
def test_what_is_written_wrongly_is_an_error_of_usage(cli: Cli, prepared: Path, arguments: list[str]) -> None:
    ran = cli(*arguments)

    assert (ran.code, ran.out) == (2, "")
    assert ran.err


def test_a_calendar_is_made_filled_and_shown(cli: Cli, prepared: Path) -> None:
    made = cli("calendar", "fill", "C", "--year", "2027", "--except-holidays", "JP", "--create")
    enabled = cli("calendar", "set", "C", "--name", "office", "--enable", "--json")
    shown = cli("calendar", "show", "C", "--year", "2027", "--holidays", "JP")
    as_json = cli("calendar", "show", "C", "--year", "2027", "--json").json

    assert made.code == 0
    assert "245 days added: 2027-01-04, 2027-01-05, 2027-01-06 … 2027-12-31" in made.out
    assert "not enabled; this does it: jaz-lite calendar enable C@" in made.err
    assert enabled.json["enabled"] is True
    assert "245 operating days in 2027; last operating day of the calendar: 2027-12-31" in shown.out
    assert (as_json["year"]["count"], len(as_json["document"]["days"])) == (245, 245)


def test_where_only_holidays_are_said_it_is_about_weekdays(cli: Cli, prepared: Path) -> None:
    made = cli("calendar", "create", "C", "--except-holidays", "JP", "--json")

    assert (made.code, made.json["days"]["added"][0]) == (0, "2026-01-02")
    assert "rule: every Monday to Friday" in cli("calendar", "show", "C").out


def test_a_rule_is_shown_in_words(cli: Cli, prepared: Path) -> None:
    cli("calendar", "create", "C", "--weekdays", "mon-fri", "--last", "--except-holidays", "JP,DE-BY", "--enable")
    given = ("--minus", "2027-12-30", "--months", "jan-mar,12", "--since", "2027-01-01")
    version = cli("calendar", "rule", "set", "C", *given, "--json").json["version"]

    ran = cli("calendar", "show", "C")
    newest = cli("calendar", "rule", "show", f"C@{version}")

    assert "rule: every Monday to Friday and the last day of the month" in ran.out
    assert f"a newer version is not enabled: jaz-lite calendar show C@{version}" in ran.err
    assert [text.strip() for text in newest.out.splitlines()] == [
        "rule: every Monday to Friday and the last day of the month",
        "only in Jan to Mar, Dec",
        "not on public holidays of JP, DE-BY",
        "not on 2027-12-30",
        "from 2027-01-01",
    ]


def test_a_date_file_with_a_bad_line_changes_nothing(cli: Cli, prepared: Path, tmp_path: Path) -> None:
    file = tmp_path / "days.txt"
    cli("calendar", "create", "C", "--plus", "2027-01-04")
    file.write_text("2027-02-01\n2027-02-31\n")

    bad = cli("calendar", "read-dates", "C", str(file))
    file.write_text("2027-02-01\n2027-02-02\n")
    added = cli("calendar", "read-dates", "C", str(file), "--add", "--json")
    replaced = cli("calendar", "read-dates", "C", str(file), "--json")

    assert (bad.code, bad.out) == (1, "")
    assert 'line 2: there is no day "2027-02-31"' in bad.err
    assert added.json["days"]["added"] == ["2027-02-01", "2027-02-02"]
    assert (replaced.json["days"]["removed"], replaced.json["days"]["count"]) == (["2027-01-04"], 2)


def test_the_days_of_an_icalendar_file_operate_or_are_off(cli: Cli, prepared: Path, tmp_path: Path) -> None:
    file = tmp_path / "events.ics"
    event = "BEGIN:VEVENT\nUID:1\nDTSTART;VALUE=DATE:20270104\nRRULE:FREQ=MONTHLY\nEND:VEVENT\n"
    file.write_text(f"BEGIN:VCALENDAR\n{event}END:VCALENDAR\n")

    on = cli("calendar", "read-ical", "ON", str(file), "--year", "2027", "--create", "--json")
    cli("calendar", "create", "OFF", "--weekdays", "mon")
    off = cli(
        "calendar", "read-ical", "OFF", str(file), "--from", "2027-01-01", "--to", "2027-02-28", "--off", "--json"
    )
    file.write_text("BEGIN:VCALENDAR\n")
    broken = cli("calendar", "read-ical", "ON", str(file))

    assert on.json["days"]["count"] == 12
    assert off.json["days"]["removed"] == ["2027-01-04"]  # 4 February is no Monday
    assert "line 1: the file ends" in broken.err


def test_places_are_listed_and_near_ones_suggested(cli: Cli, prepared: Path) -> None:
    assert cli("calendar", "places", "DE-BY", "--json").json == {"places": [{"place": "DE-BY", "name": "Bayern"}]}

    ran = cli("calendar", "create", "C", "--weekdays", "mon", "--except-holidays", "Japan")

    assert ran.code == 1
    assert "did you mean JP?" in ran.err


def test_a_filter_shows_each_month_and_why(cli: Cli, prepared: Path) -> None:
    cli("calendar", "create", "WORK", "--weekdays", "mon-fri", "--enable")
    made = cli("filter", "create", "END", "--calendar", "WORK", "--last", "--shift", "-1", "--enable")

    shown = cli("filter", "show", "END", "--year", "2027")
    as_json = cli("filter", "show", "END", "--year", "2027", "--json").json

    assert made.out.endswith("made, enabled\n")
    assert (
        "the last day of the month on calendar WORK; where it does not operate, the first operating day before it"
        in (shown.out)
    )
    assert "2027-01-29 Fri" in shown.out
    assert as_json["year"]["months"][0]["day"] == "2027-01-29"


@pytest.mark.parametrize("kind", ["calendar", "filter"])
def test_show_edit_put_is_a_round_trip(cli: Cli, prepared: Path, tmp_path: Path, kind: str) -> None:
    cli("calendar", "create", "X", "--weekdays", "mon-fri", "--enable")
    cli("filter", "create", "X", "--calendar", "X", "--first", "--enable")
    file = tmp_path / "x.json"
    file.write_text(cli(kind, "show", "X", "--json").out)

    same = cli(kind, "put", str(file), "--json")
    document = json.loads(file.read_text())["document"] | {"memo": "edited"}
    file.write_text(json.dumps(document))
    edited = cli(kind, "put", str(file), "--enable", "--json")

    assert same.json["action"] == "unchanged"
    assert (edited.json["action"], edited.json["enabled"]) == ("changed", True)
    assert cli(kind, "show", "X", "--json").json["document"]["memo"] == "edited"


def test_a_file_that_holds_no_document_is_told_as_that(cli: Cli, prepared: Path, tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    for text, told in (
        ('{"calendar_id": "X",\n', "line 2, column 1"),
        ("[]", "holds no document"),
        ('{"filter_id": "X"}', "it seems to be a filter: jaz-lite filter put"),
        ('{"calendar_id": 5}', "has a calendar_id, which is a text"),
    ):
        file.write_text(text)
        ran = cli("calendar", "put", str(file))
        assert (ran.code, ran.out) == (1, "")
        assert told in ran.err

    file.write_text('{"calendar_id": "X", "days": ["x"], "name": 3, "color": 1}')
    ran = cli("calendar", "put", str(file))
    assert ran.code == 1
    assert "calendar X: name" in ran.err
    assert "has no field color" in ran.err
    assert ran.err.endswith("calendar X: nothing was saved\n")


def test_calendars_are_made_through_a_server_as_well(cli: Cli, server: Path) -> None:
    made = cli("calendar", "create", "C", "--weekdays", "mon-fri", "--enable", "--json")
    shown = cli("calendar", "show", "C", "--json")

    assert made.json["enabled"] is True
    assert shown.json["year"]["goes_on"] is True


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--first", "--last"), "--first and --last name 2 days; a filter has one"),
        (("--last", "--day", "5"), "--last and --day name 2 days; a filter has one"),
        ((), "which day of the month is not said"),
    ],
)
def test_a_filter_has_one_day(cli: Cli, prepared: Path, options: tuple[str, ...], sentence: str) -> None:
    ran = cli("filter", "create", "X", "--calendar", "WORK", *options)

    assert ran.code == 2
    assert sentence in ran.err
