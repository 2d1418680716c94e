"""The group `filter`: what it has besides the commands of every kind."""

from typing import Any

import click

from jaz_lite.cli.changes import NEW_ID, OBJECT_ID, about_options, change_options, tell_change
from jaz_lite.cli.definitions import NAME, add_list, made, show_head, tell_newer
from jaz_lite.cli.printing import line, print_json, print_table
from jaz_lite.cli.session import Session, json_option, pass_session

BASE = {"first": "the first day", "last": "the last day"}
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh")  # a shift is 7 at most

filter_group = made("filter")
add_list(filter_group, "filter")

DAY_OPTIONS = (
    click.option("--first", is_flag=True, help="The first day of the month."),
    click.option("--last", is_flag=True, help="The last day of the month."),
    click.option("--day", "designated_day", type=click.IntRange(1, 31), metavar="N", help="This day of the month."),
    click.option(
        "--shift",
        "shift_days",
        type=click.IntRange(-7, 7),
        metavar="N",
        help="Where that day does not operate: the N-th operating day after it, before it with a minus; 0: none.",
    ),
)


def day_options(command: Any) -> Any:
    """Give a command the options that say which day of a month."""
    for option in reversed(DAY_OPTIONS):
        command = option(command)
    return command


def _day(given: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments that say which day of a month, None where nothing is said."""
    designated_day = given["designated_day"]
    named = {"first": given["first"], "last": given["last"], "designated": designated_day is not None}
    chosen = [base_day for base_day, is_given in named.items() if is_given]
    if len(chosen) > 1:
        options = " and ".join("--day" if each == "designated" else f"--{each}" for each in chosen)
        raise click.UsageError(f"{options} name {len(chosen)} days; a filter has one")
    base_day = chosen[0] if chosen else None
    return {"base_day": base_day, "designated_day": designated_day, "shift_days": given["shift_days"]}


@filter_group.command("create", example="jaz-lite filter create MONTH_END --calendar WORK --last --shift -1 --enable")
@NEW_ID
@click.option("--calendar", required=True, metavar="ID", help="Whose operating days it picks from.")
@day_options
@about_options
@change_options
@pass_session
def create(session: Session, /, object_id: str, enable: bool, dry_run: bool, as_json: bool, **given: Any) -> int:
    """Make a filter: one day a month, and what takes its place where it does not operate."""
    day = _day(given)
    if day["base_day"] is None:
        raise click.UsageError("which day of the month is not said: --first, --last or --day N")
    answer = session.ask_anywhere(
        "filter.create",
        filter_id=object_id,
        calendar=given["calendar"],
        base_day=day["base_day"],
        designated_day=day["designated_day"] or 0,
        shift_days=day["shift_days"] or 0,
        name=given["name"] or "",
        memo=given["memo"] or "",
        public=bool(given["public"]),
        enable=enable,
        dry_run=dry_run,
    )
    return tell_change(answer, as_json)


@filter_group.command("set", example="jaz-lite filter set MONTH_END --shift 1 --enable")
@OBJECT_ID
@click.option("--calendar", metavar="ID", help="Whose operating days it picks from.")
@day_options
@about_options
@change_options
@pass_session
def set_(session: Session, /, object_id: str, enable: bool, dry_run: bool, as_json: bool, **given: Any) -> int:
    """Change what is given of a filter."""
    if all(value is None or value is False for name, value in given.items() if name != "public") and (
        given["public"] is None
    ):
        raise click.UsageError("nothing to change is given: see --help")
    about = {field: given[field] for field in ("calendar", "name", "memo", "public")}
    answer = session.ask_anywhere(
        "filter.set", filter_id=object_id, **about, **_day(given), enable=enable, dry_run=dry_run
    )
    return tell_change(answer, as_json)


@filter_group.command("show", example="jaz-lite filter show MONTH_END --year 2027")
@NAME
@click.option("--year", type=click.IntRange(1900, 2199), help="Which; else this one.")
@json_option
@pass_session
def show(session: Session, name: str, year: int | None, as_json: bool) -> None:
    """Show a filter, and which day each month of a year has by it, and why."""
    answer = session.ask_anywhere("definition.show", kind="filter", name=name)
    picked = session.ask_anywhere("filter.year", filter_id=name, year=year or 0)
    if as_json:
        print_json({**answer, "year": picked})
        return
    show_head("filter", answer)
    tell_newer(session, "filter", name, answer)
    line(f"  picks {in_words(answer['document'])}")
    line()
    print_table(
        ("month", "day", "why"),
        [(row["month"], _with_weekday(row["day"]), row["why"]) for row in picked["months"]],
    )


def in_words(document: dict[str, Any]) -> str:
    """Return what a filter picks, as a clause."""
    base = BASE.get(document["base_day"], f"day {document['designated_day']}")
    shift = document["shift_days"]
    instead = (
        f"the {ORDINALS[abs(shift) - 1]} operating day {'before' if shift < 0 else 'after'} it" if shift else "no day"
    )
    return f"{base} of the month on calendar {document['base_calendar_id']}; where it does not operate, {instead}"


def _with_weekday(day: str | None) -> str:
    if day is None:
        return "none"
    from datetime import date

    return f"{day} {date.fromisoformat(day):%a}"
