"""`jaz-lite results`: search what happened."""

import csv
import sys
from typing import Any

import click

from jaz_lite.cli.printing import moment, print_json, print_table, say
from jaz_lite.cli.session import Command, Session, json_option, pass_session

COLUMNS = ("at", "run_id", "jobnet_id", "version", "path", "severity", "jaz_code", "text", "exit_code", "user")


@click.command(cls=Command, example="jaz-lite results --from today --jobnet '^Icon_1' --csv > today.csv")
@click.option("--from", "since", metavar="TIME", help="From: 2026-11-23, '2026-11-23 03:12', today, 2h …")
@click.option("--to", "until", metavar="TIME", help="Before; a day means its end.")
@click.option("--jobnet", metavar="RE", help="Regular expression on the jobnet id of the run.")
@click.option("--icon", metavar="RE", help="Regular expression on the path of the icon.")
@click.option("--user", metavar="RE", help="Regular expression on who started the run.")
@click.option("--state", "states", multiple=True, help="Only of runs in this state; may be given again.")
@click.option("--limit", type=int, default=1000, show_default=True)
@click.option("--csv", "as_csv", is_flag=True, help="Print comma-separated values.")
@json_option
@pass_session
def results(
    session: Session,
    since: str | None,
    until: str | None,
    jobnet: str | None,
    icon: str | None,
    user: str | None,
    states: tuple[str, ...],
    limit: int,
    as_csv: bool,
    as_json: bool,
) -> None:
    """Search the journal of all runs, newest first."""
    if as_csv and as_json:
        raise click.UsageError("--csv and --json exclude each other")
    answer = session.ask(
        "results",
        since=since,
        until=until,
        jobnet=jobnet,
        icon=icon,
        user=user,
        states=list(states),
        limit=limit,
    )
    if as_json:
        print_json(answer)
    elif as_csv:
        print_csv(answer["results"])
    else:
        print_table(
            ("time", "run", "jobnet", "icon", "", "what", "user"),
            [
                (
                    moment(row["at"]),
                    row["run_id"],
                    row["jobnet_id"],
                    row["path"],
                    row["severity"],
                    row["text"],
                    row["user"],
                )
                for row in answer["results"]
            ],
            empty="nothing found",
        )
    if answer["more"] and not as_json:
        say("there are more: --limit shows more, --to goes back")


def print_csv(rows: list[dict[str, Any]]) -> None:
    """Print rows with every field in quotes; quotes inside are doubled."""
    writer = csv.writer(sys.stdout, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow(["" if row[column] is None else row[column] for column in COLUMNS])
