"""`jaz-lite purge`: retention now."""

from collections.abc import Mapping
from typing import Any

import click

from jaz_lite.cli.printing import PassingLine, line, moment, print_json, print_table, say
from jaz_lite.cli.session import Command, Session, json_option, pass_session

WAITS = 1
WORDS = {
    "output": "pieces of output",
    "runs": "runs, of which the result stays",
    "results": "results",
    "journal": "lines about the site",
    "definitions": "versions",
}


@click.command(cls=Command, example="jaz-lite purge --dry-run")
@click.option("--dry-run", is_flag=True, help="Only tell what would go.")
@click.option("--trust-clock", is_flag=True, help="Also where the clock jumped ahead and may be wrong.")
@json_option
@pass_session
def purge(session: Session, dry_run: bool, trust_clock: bool, as_json: bool) -> int:
    """Remove now what is older than the spans that begin with keep_ (`jaz-lite setting list`)."""
    progress = PassingLine()
    answer = session.ask_anywhere(
        "purge", on_item=lambda gone: progress.show(_so_far(gone)), dry_run=dry_run, trust_clock=trust_clock
    )
    progress.end()
    waits = answer["waits_until"] and not dry_run
    if as_json:
        print_json(answer)
    elif waits:
        line(
            f"nothing was removed: the clock jumped ahead of late, and is believed from {moment(answer['waits_until'])} on"
        )
        say("  if it is right: jaz-lite purge --trust-clock")
    else:
        print_table(
            ("would go" if dry_run else "gone", "", "next at the earliest"),
            [(count, WORDS[kind], moment(answer["next"].get(kind))) for kind, count in answer["gone"].items()],
        )
    return WAITS if waits else 0


def _so_far(gone: Mapping[str, Any]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in gone.items() if count)
