"""The group `calendar`: what it has besides the commands of every kind."""

from typing import Any

import click

from jaz_lite.cli import calendar_rules, days_text
from jaz_lite.cli.calendar_options import (
    condition_options,
    conditions,
    create_option,
    rule_fields,
    rule_options,
    span_options,
    with_usual_days,
)
from jaz_lite.cli.calendar_rules import tell_days
from jaz_lite.cli.changes import NEW_ID, OBJECT_ID, about_options, change_options, read_bytes
from jaz_lite.cli.definitions import NAME, add_list, made, show_head, tell_newer
from jaz_lite.cli.printing import print_json, print_table
from jaz_lite.cli.session import Session, json_option, pass_session

FORMS = ("YYYY/MM/DD", "YYYY-MM-DD", "MM/DD/YYYY", "YYYYMMDD", "MMDDYYYY")

calendar = made("calendar")
add_list(calendar, "calendar")
calendar.add_command(calendar_rules.rule)


@calendar.command("show", example="jaz-lite calendar show WORK --year 2027\njaz-lite calendar show WORK --holidays JP")
@NAME
@click.option("--year", type=click.IntRange(1900, 2199), help="Which; else this one.")
@click.option("--holidays", multiple=True, metavar="PLACE", help="Whose public holidays to mark; else the rule's.")
@json_option
@pass_session
def show(session: Session, name: str, year: int | None, holidays: tuple[str, ...], as_json: bool) -> None:
    """Draw a year of a calendar: a number is an operating day, a dot is none.

    With --json the answer holds the document of the version, and the days of the year.
    """
    answer = session.ask_anywhere("definition.show", kind="calendar", name=name)
    drawn = session.ask_anywhere("calendar.year", calendar=name, year=year or 0, places=list(holidays) or None)
    if as_json:
        print_json({**answer, "year": drawn})
        return
    from jaz_lite.cli.year_drawing import draw

    show_head("calendar", answer)
    tell_newer(session, "calendar", name, answer)
    calendar_rules.tell_rule(answer["document"]["rule"])
    draw(drawn)


@calendar.command("create", example="jaz-lite calendar create WORK --weekdays mon-fri --except-holidays JP --enable")
@NEW_ID
@about_options
@rule_options
@change_options
@pass_session
def create(session: Session, /, object_id: str, enable: bool, dry_run: bool, as_json: bool, **given: Any) -> int:
    """Make a calendar: empty, with single days (--plus), or with a rule that holds for every year.

    With --except-holidays alone the days are Monday to Friday. `fill`, `read-dates` and `read-ical` put fixed days in.
    """
    fields = with_usual_days(rule_fields(given))
    minus = days_text.read_days(given["minus"])
    if minus:
        fields["minus"] = minus
    answer = session.ask_anywhere(
        "calendar.create",
        calendar=object_id,
        name=given["name"] or "",
        memo=given["memo"] or "",
        public=bool(given["public"]),
        rule=fields or None,
        days=days_text.read_days(given["plus"]),
        enable=enable,
        dry_run=dry_run,
    )
    return tell_days(answer, as_json)


@calendar.command("set", example='jaz-lite calendar set WORK --name "days the office is open"')
@OBJECT_ID
@about_options
@change_options
@pass_session
def set_(session: Session, /, object_id: str, enable: bool, dry_run: bool, as_json: bool, **given: Any) -> int:
    """Change name, memo and who may see a calendar."""
    if all(value is None for value in given.values()):
        raise click.UsageError("nothing to change is given: --name, --memo, --public or --private")
    answer = session.ask_anywhere("calendar.set", calendar=object_id, **given, enable=enable, dry_run=dry_run)
    return tell_days(answer, as_json)


@calendar.command(
    "fill",
    example="jaz-lite calendar fill OFFICE --year 2027 --weekdays mon-fri --create\n"
    "jaz-lite calendar fill OFFICE --from 2027-04-01 --to 2028-03-31 --except-holidays JP --replace",
)
@OBJECT_ID
@span_options
@condition_options
@click.option("--every-day", is_flag=True, help="All days.")
@click.option("--replace", is_flag=True, help="Take the fixed days of the span out first; else days are added.")
@create_option
@change_options
@pass_session
def fill(
    session: Session,
    /,
    object_id: str,
    every_day: bool,
    replace: bool,
    create: bool,
    enable: bool,
    dry_run: bool,
    as_json: bool,
    **given: Any,
) -> int:
    """Put days into a calendar by conditions, once, as fixed days: those that any condition names.

    With --except-holidays alone the days are Monday to Friday.
    """
    span = days_text.read_span(given["years"], given["first"], given["last"])
    if span is None:
        raise click.UsageError("say for when: --year, or --from and --to")
    fields = with_usual_days(conditions(given))
    if every_day:
        fields["weekdays"] = days_text.read_weekdays(["all"])
    answer = session.ask_anywhere(
        "calendar.fill",
        calendar=object_id,
        first=span[0],
        last=span[1],
        conditions=fields,
        replacing=replace,
        create=create,
        enable=enable,
        dry_run=dry_run,
    )
    return tell_days(answer, as_json)


@calendar.command("add", example="jaz-lite calendar add WORK 2027-01-02 2027-08-10..2027-08-16")
@OBJECT_ID
@click.argument("days", nargs=-1, required=True, metavar="DAY[..DAY]…")
@change_options
@pass_session
def add(session: Session, object_id: str, days: tuple[str, ...], enable: bool, dry_run: bool, as_json: bool) -> int:
    """Let single days operate."""
    read = days_text.read_days(days)
    answer = session.ask_anywhere("calendar.change_days", calendar=object_id, add=read, enable=enable, dry_run=dry_run)
    return tell_days(answer, as_json)


@calendar.command("remove", example="jaz-lite calendar remove WORK 2027-12-29..2027-12-31")
@OBJECT_ID
@click.argument("days", nargs=-1, required=True, metavar="DAY[..DAY]…")
@change_options
@pass_session
def remove(session: Session, object_id: str, days: tuple[str, ...], enable: bool, dry_run: bool, as_json: bool) -> int:
    """Let single days not operate; those that the rule names are taken out of the rule."""
    read = days_text.read_days(days)
    answer = session.ask_anywhere(
        "calendar.change_days", calendar=object_id, remove=read, enable=enable, dry_run=dry_run
    )
    return tell_days(answer, as_json)


@calendar.command("read-dates", example="jaz-lite calendar read-dates OFFICE days.txt --format YYYY/MM/DD --enable")
@OBJECT_ID
@click.argument("file", metavar="FILE|-", type=click.Path())
@click.option("--format", "form", type=click.Choice(FORMS, case_sensitive=False), help="Of the dates; else found out.")
@click.option("--add", "adding", is_flag=True, help="Keep the days there are; else the file replaces all of all years.")
@create_option
@change_options
@pass_session
def read_dates(
    session: Session,
    object_id: str,
    file: str,
    form: str | None,
    adding: bool,
    create: bool,
    enable: bool,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Read fixed days from a file, one date a line; a line that is wrong leaves everything as it was."""
    from jaz_lite.compat.date_file import read_date_file

    days = read_date_file(read_bytes(file), form or "", file="standard input" if file == "-" else file)
    answer = session.ask_anywhere(
        "calendar.change_days",
        calendar=object_id,
        add=[day.isoformat() for day in days],
        clear_first="" if adding else "0001-01-01",
        create=create,
        enable=enable,
        dry_run=dry_run,
    )
    return tell_days(answer, as_json)


@calendar.command("read-ical", example="jaz-lite calendar read-ical OFFICE closed.ics --year 2027 --off")
@OBJECT_ID
@click.argument("file", metavar="FILE|-", type=click.Path())
@span_options
@click.option("--off", is_flag=True, help="The days of the events do not operate.")
@click.option("--replace", is_flag=True, help="Take the fixed days of the span out first.")
@click.option("--zone", help="Whose days events with a time count with; else the site's.")
@create_option
@change_options
@pass_session
def read_ical(
    session: Session,
    /,
    object_id: str,
    file: str,
    off: bool,
    replace: bool,
    zone: str | None,
    create: bool,
    enable: bool,
    dry_run: bool,
    as_json: bool,
    **given: Any,
) -> int:
    """Read the days of the events of an iCalendar file (.ics); repeats are followed within the span.

    Without a span it is this year and the next.
    """
    from datetime import date

    from jaz_lite import config
    from jaz_lite.compat.ical_file import read_ical_file

    if off and replace:
        raise click.UsageError("--off takes days out, --replace puts days in the place of others: choose one")
    site = session.ask_anywhere("site.time")
    this_year = int(site["now_at"][:4])
    since, until = days_text.read_span(given["years"], given["first"], given["last"]) or (
        f"{this_year}-01-01",
        f"{this_year + 1}-12-31",
    )
    days = read_ical_file(
        read_bytes(file),
        zone=config.zone(zone or site["zone"]),
        first=date.fromisoformat(since),
        last=date.fromisoformat(until),
        file="standard input" if file == "-" else file,
    )
    answer = session.ask_anywhere(
        "calendar.change_days",
        calendar=object_id,
        add=[] if off else [day.isoformat() for day in days],
        remove=[day.isoformat() for day in days] if off else [],
        clear_first=since if replace else "",
        clear_last=until if replace else "",
        create=create,
        enable=enable,
        dry_run=dry_run,
    )
    return tell_days(answer, as_json, f"events on {len(days)} days from {since} to {until}")


@calendar.command("places", example="jaz-lite calendar places japan\njaz-lite calendar places DE")
@click.argument("text", required=False, default="")
@json_option
@pass_session
def places(session: Session, text: str, as_json: bool) -> None:
    """List the countries whose public holidays are known; with TEXT those called so, and their parts."""
    answer = session.ask_anywhere("calendar.places", text=text)
    if as_json:
        print_json(answer)
        return
    print_table(("place", "name"), [(row["place"], row["name"]) for row in answer["places"]])
