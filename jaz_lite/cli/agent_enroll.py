"""`jaz-lite agent enroll`: make this machine an agent of a site."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from jaz_lite.cli.printing import line, print_json, say
from jaz_lite.cli.session import AgentCommand, Session, json_option, pass_session
from jaz_lite.errors import NotPermitted

if TYPE_CHECKING:
    from jaz_lite.agent.records import SiteRecord

STANDARD_INPUT = "-"


@click.command(cls=AgentCommand, example="jaz-lite agent enroll jazl1-…\njaz-lite agent enroll --bundle web1.bundle")
@click.argument("token", required=False, metavar="[TOKEN]")
@click.option("--name", default="", metavar="NAME", help="The agent's name, where the invitation leaves it open.")
@click.option("--bundle", type=click.Path(), metavar="FILE", help="Enrol without a network, from this file.")
@click.option("--server", metavar="HOST:PORT", help="Without a token: ask this server, and wait for its administrator.")
@click.option("--trust", default="", metavar="FINGERPRINT", help="With --server: the fingerprint that it must have.")
@click.option(
    "--listen",
    is_flag=False,
    flag_value="",
    metavar="[ADDR:PORT]",
    help="Where only the server may dial: wait for it here (`jaz-lite agent add` on the server).",
)
@click.option("--replace", is_flag=True, help="Give up the present enrolment with the same site.")
@click.option("--run", is_flag=True, help="Run the agent when it is enrolled.")
@json_option
@pass_session
def enroll(
    session: Session,
    token: str | None,
    name: str,
    bundle: str | None,
    server: str | None,
    trust: str,
    listen: str | None,
    replace: bool,
    run: bool,
    as_json: bool,
) -> None:
    """Make this machine an agent of a site: with a token (- reads it from standard input), a bundle, or by asking."""
    from jaz_lite.agent.enrol.enroll_ways import Asked, enrol

    if listen is not None and listen.startswith("jazl") and token is None:
        token, listen = listen, ""  # `--listen TOKEN`: the address was left out
    folder = Path(session.agent_folder)
    asked = Asked(
        token=sys.stdin.read() if token == STANDARD_INPUT else token,
        bundle=bundle,
        server=server,
        trust=trust,
        listen=listen,
        name=name,
        replace=replace,
    )
    record = enrol(folder, asked, confirm=_confirm, say=say)
    _tell(record, folder, run, as_json)
    if run:
        from jaz_lite.agent import commands

        commands.run(folder, session.verbosity)


async def _confirm(fingerprint: str) -> bool:
    """Ask the person; where nobody sits at a terminal the answer is no."""
    if not sys.stdin.isatty():
        return False
    say(f"the server's fingerprint is {fingerprint}")
    try:
        return click.confirm("is it the one that `jaz-lite site cert` shows on the server?", err=True)
    except click.Abort:
        raise NotPermitted("the server's fingerprint was not confirmed") from None


def _tell(record: "SiteRecord", folder: Path, run: bool, as_json: bool) -> None:
    from jaz_lite.agent.lock import holder_of

    running = holder_of(folder)
    if as_json:
        told: dict[str, Any] = {
            "agent_id": record.agent_id,
            "server_id": record.server_id,
            "site": record.site_uid.hex(),
            "kid": record.kid,
            "addresses": list(record.addrs),
            "folder": str(folder),
        }
        print_json(told)
        return
    line(f'this machine is agent "{record.agent_id}" of site "{record.server_id}"')
    if running is not None:
        say(f"the agent that runs here (process {running}) connects to it now")
    elif not run:
        say(f"start it: jaz-lite agent run --data {folder}")
