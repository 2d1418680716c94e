"""The options of commands about schedules: days and times, jobnets with variables, and what holds for all starts."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from jaz_lite.cli import times_text
from jaz_lite.cli.execute import variables_of

F = TypeVar("F", bound=Callable[..., Any])
LATE = ("error", "run_latest", "run_all", "skip")
NONE = ("none", "")
FIRST, LAST = "0000", "2359"

DAYS = (
    click.option("--calendar", "calendars", multiple=True, metavar="ID", help="On the operating days of a calendar."),
    click.option("--filter", "filters", multiple=True, metavar="ID", help="On the days that a filter picks."),
)
TIMES = (
    click.option("--at", multiple=True, metavar="HH:MM,…", help="At these times; 24:00 and more are of later days."),
    click.option("--every", multiple=True, metavar="MIN", help='Every so often: 15, 2h, or whole: "15 08:00-26:00".'),
    click.option("--from", "since", metavar="HH:MM", help="The first time of --every; else 00:00."),
    click.option("--to", "until", metavar="HH:MM", help="The last time of --every; else 23:59."),
)
CRON = (
    click.option("--cron", multiple=True, metavar="EXPR", help="A cron expression; its days become a calendar."),
    click.option("--calendar-id", metavar="ID", help="The calendar for its days; else it is called like the schedule."),
)
JOBNETS = (
    click.option("--jobnet", "jobnets", multiple=True, metavar="ID", help="Start this jobnet."),
    click.option(
        "-E",
        "variables",
        multiple=True,
        metavar="[JOBNET:]NAME=VALUE",
        help="A variable of its runs; without JOBNET, of each --jobnet.",
    ),
)
SETTINGS = (
    click.option("--zone", help="The time zone of its times, as Asia/Tokyo; none: the site's."),
    click.option("--late", type=click.Choice(LATE), help="What becomes of a missed start; at first: error."),
    click.option(
        "--grace", type=click.IntRange(0, 1440), metavar="MIN", help="So late a start is only marked; at first 5."
    ),
    click.option("--end-by", metavar="HH:MM", help="A run should have ended by then; none: no such time."),
    click.option("--end-within", type=click.IntRange(0), metavar="MIN", help="… so long after its start; 0: no limit."),
)


def _all(options: tuple[Callable[[F], F], ...], command: F) -> F:
    for option in reversed(options):
        command = option(command)
    return command


def row_options(command: F) -> F:
    """Give a command what it takes to say when what starts."""
    return _all((*DAYS, *TIMES, *CRON, *JOBNETS), command)


def removal_options(command: F) -> F:
    """Give a command what it takes to name rows; nothing of cron is kept."""
    return _all((*DAYS, *TIMES, *JOBNETS[:1]), command)


def setting_options(command: F) -> F:
    """Give a command what holds for all starts."""
    return _all(SETTINGS, command)


def days(given: dict[str, Any]) -> list[dict[str, str]]:
    """Return the calendars and filters that are given, as operations take them."""
    rows = [{"kind": "calendar", "id": each} for each in given["calendars"]]
    return rows + [{"kind": "filter", "id": each} for each in given["filters"]]


def cycles(given: dict[str, Any], *, whole: bool) -> list[dict[str, str | int]]:
    """Return the cycles that are given.

    Args:
        whole: each has a first and a last time, the whole day where none is said.
    """
    if not given["every"] and (given["since"] or given["until"]):
        raise click.UsageError("--from and --to bound --every, which is not given")
    found = [times_text.read_cycle(text, given["since"], given["until"]) for text in given["every"]]
    return [{"since": FIRST, "until": LAST, **each} for each in found] if whole else found


def rows(given: dict[str, Any]) -> dict[str, Any]:
    """Return what the row options give, as operations take it."""
    if given["calendar_id"] and not given["cron"]:
        raise click.UsageError("--calendar-id names the calendar for --cron, which is not given; --calendar names days")
    when = {"times": times_text.read_times(given["at"]), "cycles": cycles(given, whole=True)}
    named = days(given)
    if (when["times"] or when["cycles"]) and not named:
        raise click.UsageError("on which days is not said: --calendar or --filter")
    if named and not (when["times"] or when["cycles"]):
        more = "; --cron has days of its own" if given["cron"] else ""
        raise click.UsageError(f"at which times on these days is not said: --at or --every{more}")
    return {
        "days": named,
        **when,
        "cron": list(given["cron"]),
        "cron_calendar": given["calendar_id"] or "",
        "jobnets": list(given["jobnets"]),
        "variables": variables(given["variables"]),
    }


def variables(texts: tuple[str, ...]) -> list[dict[str, str]]:
    """Return variables as operations take them."""
    found = []
    for text in texts:
        name, _, _ = text.partition("=")
        jobnet, colon, bare = text.partition(":") if ":" in name else ("", "", text)
        for variable, value in variables_of((bare,)).items():
            found.append({"jobnet": jobnet if colon else "", "name": variable, "value": value})
    return found


def settings(given: dict[str, Any]) -> dict[str, Any]:
    """Return what the setting options give, under the names of a definition."""
    fields: dict[str, Any] = {}
    if given["zone"] is not None:
        fields["zone"] = "" if given["zone"] in NONE else given["zone"]
    if given["end_by"] is not None:
        fields["end_by"] = "" if given["end_by"] in NONE else times_text.read_time(given["end_by"])
    for option, field in (("late", "late_start"), ("grace", "grace_min"), ("end_within", "end_within_min")):
        if given[option] is not None:
            fields[field] = given[option]
    return fields
