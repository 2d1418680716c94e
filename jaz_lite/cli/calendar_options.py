"""The options of commands about calendars: the conditions that name days, and the span they are for."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from jaz_lite.cli import days_text

F = TypeVar("F", bound=Callable[..., Any])
EMPTY = ("none", "")


def condition_options(command: F) -> F:
    """Give a command the options for conditions, each None where it is not given; see `conditions`."""
    for option in (
        click.option(
            "--except-holidays",
            "holidays",
            multiple=True,
            metavar="PLACE",
            help="Whose public holidays do not operate: JP, DE-BY; `calendar places` lists them.",
        ),
        click.option("--months", multiple=True, metavar="M,…", help="Only in these months: apr-jun or 4,5,6; all."),
        click.option("--month-days", multiple=True, metavar="N,…", help="These days of the month: 1,15,28-31."),
        click.option("--last/--no-last", "last_of_month", default=None, help="The last day of the month."),
        click.option("--first/--no-first", "first_of_month", default=None, help="The first day of the month."),
        click.option("--weekdays", multiple=True, metavar="D,…", help="These days of the week: mon-fri; all."),
    ):
        command = option(command)
    return command


def conditions(given: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a rule that the options for conditions give."""
    fields: dict[str, Any] = {}
    if given["weekdays"]:
        fields["weekdays"] = days_text.read_weekdays(given["weekdays"])
    if given["month_days"]:
        fields["month_days"] = days_text.read_month_days(given["month_days"])
    if given["months"]:
        fields["months"] = days_text.read_months(given["months"])
    if given["holidays"]:
        places = [place.strip() for text in given["holidays"] for place in text.split(",")]
        fields["holidays"] = [place for place in places if place not in EMPTY]
    for name in ("first_of_month", "last_of_month"):
        if given[name] is not None:
            fields[name] = given[name]
    return fields


def with_usual_days(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a rule, from Monday to Friday where only holidays are said: that is what people mean."""
    if fields.get("holidays") and not fields.keys() & {"weekdays", "first_of_month", "last_of_month", "month_days"}:
        return {**fields, "weekdays": days_text.read_weekdays(["mon-fri"])}
    return fields


def rule_options(command: F) -> F:
    """Give a command the further options of a rule that is kept."""
    for option in (
        click.option("--until", metavar="DAY", help="The last day the rule is for; none: for ever."),
        click.option("--since", metavar="DAY", help="The first day the rule is for; none: it has always been."),
        click.option("--minus", multiple=True, metavar="DAY[..DAY]", help="A day that does not operate all the same."),
        click.option("--plus", multiple=True, metavar="DAY[..DAY]", help="A day that operates besides."),
    ):
        command = option(command)
    return condition_options(command)


def rule_fields(given: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a rule that the options give, without single days."""
    fields = conditions(given)
    for name in ("since", "until"):
        if given[name] is not None:
            fields[name] = "" if given[name] in EMPTY else days_text.read_day(given[name]).isoformat()
    return fields


def span_options(command: F) -> F:
    """Give a command `--year`, `--from` and `--to`."""
    for option in (
        click.option("--to", "last", metavar="DAY", help="The last day."),
        click.option("--from", "first", metavar="DAY", help="The first day."),
        click.option("--year", "years", metavar="Y[-Y]", help="One whole year, or several: 2027-2029."),
    ):
        command = option(command)
    return command


create_option = click.option("--create", is_flag=True, help="Make the calendar if there is none.")
