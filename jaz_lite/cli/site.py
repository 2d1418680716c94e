"""The group `site`: the certificate by which agents know their server."""

import time
from typing import Any

import click

from jaz_lite.cli.printing import line, print_json, say
from jaz_lite.cli.session import Group, Session, json_option, pass_session

WAIT_S = 2.0
LOOK_S = 0.1

site = Group("site", help="The certificate by which agents know their server.")


@site.command("cert", example="jaz-lite site cert --json")
@json_option
@pass_session
def cert(session: Session, as_json: bool) -> None:
    """Show the fingerprint of the site's certificate and, while it is changed, who has the next one."""
    _tell(session.ask_anywhere("site.cert"), as_json)


@site.command("rotate-cert", example="jaz-lite site rotate-cert\njaz-lite site rotate-cert --force")
@click.option("--force", is_flag=True, help="Do not wait for agents that are away: they must be enrolled again.")
@json_option
@pass_session
def rotate_cert(session: Session, force: bool, as_json: bool) -> None:
    """Make a new certificate, give it to every agent, and show it when all have it."""
    answer = session.ask("site.rotate_cert", force=force)
    until = time.monotonic() + WAIT_S
    while answer["next"] is not None and time.monotonic() < until:
        time.sleep(LOOK_S)  # agents that are connected answer at once
        answer = session.ask("site.cert")
    _tell(answer, as_json)
    if as_json:
        return
    if answer["next"] is None:
        say("it is shown to agents from now on; invitations that were made before name the old one")
    else:
        missing = answer["next"]["missing"]
        say(f"it is shown as soon as {', '.join(missing)} {'has' if len(missing) == 1 else 'have'} it, too")
        say("agents that are away get it when they connect; --force does not wait for them")


def _tell(answer: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(answer)
        return
    line(f"certificate {answer['fingerprint']}")
    line(f"sha256      {answer['sha256']}")
    if answer["next"] is not None:
        following = answer["next"]
        line(f"next        {following['fingerprint']}")
        line(f"has it      {', '.join(following['have']) or 'nobody yet'}")
        line(f"has it not  {', '.join(following['missing']) or 'nobody'}")
