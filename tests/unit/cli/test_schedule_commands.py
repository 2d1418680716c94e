"""Commands that make and show schedules."""

import json
from pathlib import Path

import click
import pytest

import jaz_lite.cli
from jaz_lite.cli.times_text import cycle_in_words, read_cycle, read_time, time_in_words
from tests.unit.cli.conftest import Cli

DEMO = str(Path(jaz_lite.cli.__file__).with_name("demo.xml"))


@pytest.fixture
def work(cli: Cli, prepared: Path) -> Cli:
    """A directory with an enabled calendar and jobnet."""
    cli("import", DEMO, "--enable")
    cli("calendar", "create", "WORK", "--weekdays", "mon-fri", "--enable")
    return cli


@pytest.mark.parametrize(
    ("text", "at"), [("8:00", "0800"), ("0800", "0800"), ("25:30", "2530"), ("2530", "2530"), ("99:59", "9959")]
)
def test_times_may_be_written_with_and_without_a_colon(text: str, at: str) -> None:
    assert read_time(text) == at


@pytest.mark.parametrize("text", ["", "8", "800", "08:60", "100:00", "0860", "08:0", "8h", "-1:00", "٠٨:٠٠"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(click.UsageError, match="is no time"):
        read_time(text)


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("15", {"every_min": 15}),
        ("2h", {"every_min": 120}),
        ("15 08:00-26:00", {"every_min": 15, "since": "0800", "until": "2600"}),
        ("every 15 minutes from 8:00 to 26:00", {"every_min": 15, "since": "0800", "until": "2600"}),
        ("90m 0600 - 2200", {"every_min": 90, "since": "0600", "until": "2200"}),
    ],
)
def test_cycles_are_written_short_or_as_a_sentence(text: str, fields: dict[str, object]) -> None:
    assert read_cycle(text, None, None) == fields


@pytest.mark.parametrize("text", ["", "often", "15 08:00", "15-20", "15 minutes at 8", "-5"])
def test_what_is_no_cycle_is_refused(text: str) -> None:
    with pytest.raises(click.UsageError, match="is no cycle"):
        read_cycle(text, None, None)


def test_times_past_midnight_are_told_with_what_the_clock_shows() -> None:
    assert time_in_words("2530") == "25:30 (01:30 of the next day)"
    assert time_in_words("9959") == "99:59 (03:59 of the day 4 days later)"
    assert cycle_in_words(60, "0600", "2200") == "every hour from 06:00 to 22:00"


def test_a_schedule_is_made_and_told_in_words(work: Cli) -> None:
    made = work(
        "schedule", "create", "S", "--calendar", "WORK", "--at", "8:00,2530,8:30", "--every", "15 09:00-17:00",
        "--jobnet", "DEMO_HELLO", "-E", "A=1", "-E", "DEMO_HELLO:B=x:y=z", "--end-by", "30:00", "--zone", "Asia/Tokyo",
        "--late", "run_latest", "--enable",
    )  # fmt: skip
    shown = work("schedule", "show", "S")

    assert made.code == 0, made.err
    assert [text.strip() for text in shown.out.splitlines()[4:-1]] == [
        "starts DEMO_HELLO with A=1, B=x:y=z",
        "on days of calendar WORK",
        "at 08:00, 08:30",
        "at 25:30 (01:30 of the next day)",
        "every 15 minutes from 09:00 to 17:00",
        "time zone: Asia/Tokyo",
        "up to 5 minutes late: it starts, marked late",
        "missed: of several only the latest is started",
        "should have ended by 30:00 (06:00 of the next day)",
    ]
    assert shown.out.splitlines()[-1].startswith("  next start: 20")
    assert work("schedule", "list", "--json").json["schedules"][0]["next_start_at"]


def test_a_cron_expression_tells_what_it_became(work: Cli) -> None:
    made = work("schedule", "create", "S", "--cron", "*/15 8-17 * * mon-fri", "--jobnet", "DEMO_HELLO", "--enable")

    assert '"*/15 8-17 * * mon-fri" became every 15 minutes from 08:00 to 17:45 on calendar S' in made.out
    assert "calendar S@" in made.out


def test_what_stands_against_enabling_is_told_and_the_draft_is_kept(work: Cli) -> None:
    draft = work("schedule", "create", "S", "--calendar", "NOPE", "--at", "08:00", "--jobnet", "DEMO_HELLO")
    refused = work("schedule", "set", "S", "--grace", "0", "--enable")

    assert draft.code == 0
    assert 'there is no calendar "NOPE"' in draft.err
    assert "schedule S cannot be enabled yet:" in draft.err
    assert refused.code == 1
    assert "nothing was saved: not enabled" in refused.err


def test_rows_come_and_go(work: Cli) -> None:
    work("schedule", "create", "S", "--calendar", "WORK", "--at", "08:00", "--jobnet", "DEMO_HELLO", "-E", "A=1")
    work("schedule", "add", "S", "--calendar", "WORK", "--every", "30", "--from", "09:00", "--to", "12:00")
    work("schedule", "remove", "S", "--at", "08:00")
    work("schedule", "remove", "S", "--jobnet", "DEMO_HELLO", "--variable", "A")
    missing = work("schedule", "remove", "S", "--at", "08:00")

    document = work("schedule", "show", "S", "--json").json["document"]
    assert (document["boot_times"], document["jobnets"][0]["variables"]) == ([], [])
    assert [(row["since"], row["until"], row["every_min"]) for row in document["cycles"]] == [("0900", "1200", 30)]
    assert (missing.code, "has no time 0800" in missing.err) == (8, True)


@pytest.mark.parametrize("kind", ["schedule", "jobnet"])
def test_show_edit_put_is_a_round_trip(work: Cli, tmp_path: Path, kind: str) -> None:
    work(
        "schedule", "create", "DEMO_HELLO", "--calendar", "WORK", "--at", "08:00", "--jobnet", "DEMO_HELLO", "--enable"
    )
    file = tmp_path / "x.json"
    file.write_text(work(kind, "show", "DEMO_HELLO", "--json").out)

    same = work(kind, "put", str(file), "--json")
    document = json.loads(file.read_text())["document"] | {"memo": "edited"}
    file.write_text(json.dumps({"document": document}))
    edited = work(kind, "put", str(file), "--enable", "--json")

    assert same.json["action"] == "unchanged"
    assert (edited.json["action"], edited.json["enabled"]) == ("changed", True)
    assert work(kind, "diff", f"DEMO_HELLO@{edited.json['base']}", "DEMO_HELLO", "--json").code == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["schedule", "create", "S", "--at", "08:00"],
        ["schedule", "create", "S", "--calendar", "WORK"],
        ["schedule", "create", "S", "--calendar", "WORK", "--cron", "0 8 * * *"],
        ["schedule", "create", "S", "--calendar-id", "X"],
        ["schedule", "create", "S", "--from", "08:00"],
        ["schedule", "create", "S", "--late", "sometimes"],
        ["schedule", "create", "S", "--end-by", "soon"],
        ["schedule", "create", "S", "-E", "NOT_IN_THE_ENVIRONMENT"],
        ["schedule", "add", "S"],
        ["schedule", "remove", "S"],
        ["schedule", "set", "S"],
    ],
    ids=" ".join,
)
def test_what_is_written_wrongly_is_an_error_of_usage(cli: Cli, prepared: Path, arguments: list[str]) -> None:
    ran = cli(*arguments)

    assert (ran.code, ran.out) == (2, "")
    assert ran.err
