"""`jaz-lite agent enroll`: make this machine an agent of a site."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from jaz_lite.cli.printing import line, print_json, say
from jaz_lite.cli.session import Command, Session, json_option, pass_session
from jaz_lite.errors import NotPermitted

if TYPE_CHECKING:
    from jaz_lite.agent.records import SiteRecord

STANDARD_INPUT = "-"
ANY_ADDRESS = "0.0.0.0"  # noqa: S104  # where the server dials, the agent listens


@click.command(cls=Command, example="jaz-lite agent enroll jazl1-…\njaz-lite agent enroll --bundle web1.bundle")
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
    if listen is not None and listen.startswith("jazl") and token is None:
        token, listen = listen, ""  # `--listen TOKEN`: the address was left out
    if sum(way is not None for way in (token, bundle, server)) != 1:
        raise click.UsageError("give a TOKEN, or --bundle FILE, or --server HOST:PORT")
    if trust and server is None:
        raise click.UsageError("--trust goes with --server; a token holds the fingerprint itself")
    if listen is not None and token is None:
        raise click.UsageError("--listen goes with a TOKEN")
    folder = _made(session.agent_folder)
    if bundle is not None:
        from jaz_lite.agent.enrolment import enrol_by_bundle

        record = enrol_by_bundle(folder, Path(bundle), replace=replace)
    else:
        record = _over_network(folder, name, replace, token=token, server=server, trust=trust, listen=listen)
    _tell(record, folder, run, as_json)
    if run:
        from jaz_lite.agent import commands

        commands.run(folder, session.verbosity)


def _made(path: str) -> Path:
    from jaz_lite.agent.trusted_folder import refuse_if_others_may_write

    folder = Path(path)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    refuse_if_others_may_write(folder)
    return folder


def _over_network(
    folder: Path,
    name: str,
    replace: bool,
    *,
    token: str | None,
    server: str | None,
    trust: str,
    listen: str | None,
) -> "SiteRecord":
    from jaz_lite.net import trio_anywhere

    trio_anywhere.prepare()

    import trio

    from jaz_lite.agent import enrolling
    from jaz_lite.net.dial import Address, parse_address
    from jaz_lite.wire.limits import AGENT_PORT, SERVER_PORT
    from jaz_lite.wire.token import parse_token

    wish = enrolling.Wish(data=folder, name=name, replace=replace)

    async def work() -> "SiteRecord":
        if token is None:
            assert server is not None, "without a token a server is named"
            address = parse_address(server, SERVER_PORT)
            return await enrolling.enrol_by_asking(wish, address, trust=trust, confirm=_confirm, say=say)
        meant = parse_token(sys.stdin.read() if token == STANDARD_INPUT else token)
        if listen is None:
            return await enrolling.enrol_by_token(wish, meant)
        place = parse_address(listen, AGENT_PORT) if listen else Address(ANY_ADDRESS, AGENT_PORT)
        return await enrolling.enrol_listening(wish, meant, place, say)

    return trio.run(work)


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
