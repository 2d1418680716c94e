"""`jaz-lite journal`: what happened in all runs and beside them."""

import json
import sys
from typing import Any

import click

from jaz_lite.cli.printing import line, moment, print_json, say
from jaz_lite.cli.session import Command, Session, json_option, pass_session
from jaz_lite.errors import Unreachable

FOLLOWED = 20


@click.command(cls=Command, example="jaz-lite journal --severity warning --since today")
@click.option("--since", metavar="TIME", help="From: 2026-11-23, '2026-11-23 03:12', today, 2h …")
@click.option("--until", metavar="TIME", help="Before; a day means its end.")
@click.option("--severity", type=click.Choice(["info", "warning", "error"]), default="info", help="This and graver.")
@click.option("--kind", "kinds", multiple=True, help="Only this kind; may be given again.")
@click.option("--limit", type=int, help="So many of the newest lines; 100, or 20 with --follow.")
@click.option("--follow", is_flag=True, help="Go on with new lines as they come; with --json one document a line.")
@json_option
@pass_session
def journal(
    session: Session,
    since: str | None,
    until: str | None,
    severity: str,
    kinds: tuple[str, ...],
    limit: int | None,
    follow: bool,
    as_json: bool,
) -> None:
    """Show what happened, oldest first: all runs, starts that came late or not at all, deadlines, agents, settings."""
    if follow:
        if since or until:
            raise click.UsageError("--follow shows what comes; --since and --until do not go with it")
        _follow(session, severity, kinds, FOLLOWED if limit is None else limit, as_json)
        return
    answer = session.ask_anywhere(
        "journal.list",
        since=since,
        until=until,
        severity=severity,
        kinds=list(kinds),
        limit=100 if limit is None else limit,
    )
    if as_json:
        print_json(answer)
        return
    for each in answer["lines"]:
        _print(each)
    if not answer["lines"]:
        say("nothing of this kind is in the journal")
    elif answer["more"]:
        say("there are older lines: --limit shows more, --until goes back")


def _follow(session: Session, severity: str, kinds: tuple[str, ...], limit: int, as_json: bool) -> None:
    with session.stream("journal.follow", severity=severity, kinds=list(kinds), limit=limit) as answers:
        try:
            for each in answers:
                if as_json:
                    sys.stdout.write(json.dumps(each, default=str) + "\n")
                else:
                    _print(each)
                sys.stdout.flush()
        except Unreachable:
            say("the server went away")
            raise


def _print(each: dict[str, Any]) -> None:
    severity = "" if each["severity"] == "info" else f"{each['severity'].upper()}  "
    where = f"{each['jobnet_id'] or 'run'} {each['run_id']}{each['path']}" if each["run_id"] else "-"
    line(f"{moment(each['at'])}  {where}  {severity}{each['text']}")
