"""The group `schedule`: what it has besides the commands of every kind."""

from collections.abc import Iterator
from typing import Any

import click

from jaz_lite.cli import schedule_options, times_text
from jaz_lite.cli.changes import NEW_ID, OBJECT_ID, about_options, change_options, tell_change
from jaz_lite.cli.definitions import NAME, made, show_head, tell_newer
from jaz_lite.cli.printing import line, moment, print_json, print_table, say
from jaz_lite.cli.session import Session, json_option, pass_session

LATE_WORDS = {
    "error": "it waits as a delayed-start error for an operator",
    "run_latest": "of several only the latest is started",
    "run_all": "all are started",
    "skip": "it is skipped, with a record",
}
TIMES_A_LINE = 12
EMPTY = "there is no schedule; `jaz-lite schedule create` makes one, `jaz-lite import` takes some in"

schedule = made("schedule")


@schedule.command("list", example="jaz-lite schedule list --json")
@click.option("--versions", is_flag=True, help="Every version; else one row an id.")
@json_option
@pass_session
def list_(session: Session, versions: bool, as_json: bool) -> None:
    """List all: the enabled version of each, else the newest; and when those that are enabled start next."""
    answer = session.ask_anywhere("schedule.list", versions=versions)
    if as_json:
        print_json(answer)
        return
    print_table(
        ("schedule", "version", "enabled", "next start", "name", "public", "owner"),
        [
            (
                row["schedule_id"],
                row["version"],
                row["enabled"],
                moment(row["next_start_at"]),
                row["name"],
                row["public"],
                row["owner"],
            )
            for row in answer["schedules"]
        ],
        empty=EMPTY,
    )


@schedule.command("show", example="jaz-lite schedule show NIGHT")
@NAME
@json_option
@pass_session
def show(session: Session, name: str, as_json: bool) -> None:
    """Show one version in words, and when it starts next."""
    answer = session.ask_anywhere("definition.show", kind="schedule", name=name)
    following = session.ask_anywhere("schedule.next", schedule=name)
    if as_json:
        print_json({**answer, **following})
        return
    show_head("schedule", answer)
    tell_newer(session, "schedule", name, answer)
    for each in in_words(answer["document"], following["zone"]):
        line(f"  {each}")
    if answer["enabled"]:
        line(f"  next start: {moment(following['next_start_at']) or 'none within twelve years'}")
    for sentence in following["broken"]:
        say(f"some times are not known: {sentence}")


def in_words(document: dict[str, Any], zone: str) -> Iterator[str]:
    """Give the sentences of a schedule."""
    for row in document["jobnets"]:
        given = ", ".join(f"{each['name']}={each['value']}" for each in row["variables"])
        yield f"starts {row['jobnet_id']}{f' with {given}' if given else ''}"
    if not document["jobnets"]:
        yield "starts nothing yet: no jobnet is named"
    rows = [*document["boot_times"], *document["cycles"]]
    for kind, days_id in dict.fromkeys((row["days_kind"], row["days_id"]) for row in rows):
        yield f"on {'days of calendar' if kind == 'calendar' else 'the days that filter'} {days_id}" + (
            "" if kind == "calendar" else " picks"
        )
        here = [row for row in rows if (row["days_kind"], row["days_id"]) == (kind, days_id)]
        times = sorted(row["at"] for row in here if "at" in row)
        same_day = [times_text.time_in_words(at) for at in times if at < "2400"]
        for first in range(0, len(same_day), TIMES_A_LINE):
            yield f"  at {', '.join(same_day[first : first + TIMES_A_LINE])}"
        for at in times[len(same_day) :]:
            yield f"  at {times_text.time_in_words(at)}"
        for row in here:
            if "every_min" in row:
                yield f"  {times_text.cycle_in_words(row['every_min'], row['since'], row['until'])}"
    if not rows:
        yield "at no time yet"
    yield f"time zone: {zone}" if document["zone"] else f"time zone: {zone}, that of the site"
    if document["grace_min"]:
        yield f"up to {times_text.minutes_in_words(document['grace_min'])} late: it starts, marked late"
    yield f"missed: {LATE_WORDS[document['late_start']]}"
    if document["end_by"]:
        yield f"should have ended by {times_text.time_in_words(document['end_by'])}"
    if document["end_within_min"]:
        yield f"should have ended within {times_text.minutes_in_words(document['end_within_min'])}"


@schedule.command(
    "create",
    example="jaz-lite schedule create NIGHT --calendar WORK --at 25:30 --jobnet BATCH --end-by 30:00 --enable\n"
    'jaz-lite schedule create POLL --cron "*/15 8-17 * * mon-fri" --jobnet POLL -E SOURCE=a --enable',
)
@NEW_ID
@schedule_options.row_options
@schedule_options.setting_options
@about_options
@change_options
@pass_session
def create(session: Session, /, object_id: str, enable: bool, dry_run: bool, as_json: bool, **given: Any) -> int:
    """Make a schedule: the times on the days, times all jobnets. Rows may be added later."""
    answer = session.ask_anywhere(
        "schedule.create",
        schedule=object_id,
        name=given["name"] or "",
        memo=given["memo"] or "",
        public=bool(given["public"]),
        settings=schedule_options.settings(given),
        **schedule_options.rows(given),
        enable=enable,
        dry_run=dry_run,
    )
    return tell_change(answer, as_json, *_cron_told(answer))


@schedule.command(
    "add",
    example='jaz-lite schedule add NIGHT --calendar WORK --every "15 06:00-22:00" --every "60 23:00-29:00"\n'
    "jaz-lite schedule add NIGHT --jobnet REPORT -E LEVEL=full",
)
@OBJECT_ID
@schedule_options.row_options
@change_options
@pass_session
def add(session: Session, /, object_id: str, enable: bool, dry_run: bool, as_json: bool, **given: Any) -> int:
    """Add times on days, jobnets and variables; what is there already stays as it is."""
    rows = schedule_options.rows(given)
    if not any(rows.values()):
        raise click.UsageError("nothing to add is given: see --help")
    answer = session.ask_anywhere("schedule.add", schedule=object_id, **rows, enable=enable, dry_run=dry_run)
    return tell_change(answer, as_json, *_cron_told(answer))


@schedule.command(
    "remove",
    example="jaz-lite schedule remove NIGHT --at 25:30\njaz-lite schedule remove NIGHT --calendar HOLIDAY\n"
    "jaz-lite schedule remove NIGHT --jobnet REPORT --variable LEVEL",
)
@OBJECT_ID
@schedule_options.removal_options
@click.option(
    "--variable", "variables", multiple=True, metavar="[JOBNET:]NAME", help="Only this variable of the jobnets."
)
@change_options
@pass_session
def remove(session: Session, /, object_id: str, enable: bool, dry_run: bool, as_json: bool, **given: Any) -> int:
    """Take times, days, jobnets or variables out. A calendar or filter alone is taken out with all its times."""
    rows: dict[str, Any] = {
        "days": schedule_options.days(given),
        "times": times_text.read_times(given["at"]),
        "cycles": schedule_options.cycles(given, whole=False),
        "jobnets": list(given["jobnets"]),
        "variables": [_variable(text) for text in given["variables"]],
    }
    if not any(rows.values()):
        raise click.UsageError("nothing to remove is given: see --help")
    answer = session.ask_anywhere("schedule.remove", schedule=object_id, **rows, enable=enable, dry_run=dry_run)
    return tell_change(answer, as_json)


def _variable(text: str) -> dict[str, str]:
    jobnet, colon, name = text.partition(":")
    return {"jobnet": jobnet, "name": name} if colon else {"jobnet": "", "name": text}


@schedule.command("set", example="jaz-lite schedule set NIGHT --late run_latest --grace 10 --end-by none --enable")
@OBJECT_ID
@schedule_options.setting_options
@about_options
@change_options
@pass_session
def set_(session: Session, /, object_id: str, enable: bool, dry_run: bool, as_json: bool, **given: Any) -> int:
    """Change what holds for all starts: zone, late starts, deadline; and name, memo and who may see it."""
    if all(value is None for value in given.values()):
        raise click.UsageError("nothing to change is given: see --help")
    answer = session.ask_anywhere(
        "schedule.set",
        schedule=object_id,
        name=given["name"],
        memo=given["memo"],
        public=given["public"],
        settings=schedule_options.settings(given),
        enable=enable,
        dry_run=dry_run,
    )
    return tell_change(answer, as_json)


def _cron_told(answer: dict[str, Any]) -> Iterator[str]:
    """Give what each cron expression became."""
    for one in answer["cron"]:
        when = ", ".join(times_text.time_in_words(at) for at in one["boot_times"])
        when = f"at {when}" if when else times_text.cycle_in_words(one["every_min"], one["since"], one["until"])
        yield f'"{one["expression"]}" became {when} on calendar {one["calendar_id"]}'
