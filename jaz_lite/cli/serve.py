"""`jaz-lite serve`: what a service runs on both machines of a site, whichever of them is the server."""

import click

from jaz_lite.cli.detach import detach_option, go_on_in_background
from jaz_lite.cli.session import Command, Session, pass_session
from jaz_lite.cli.standby import invited, telling_people
from jaz_lite.cli.up import listen_option, settings_of


@click.command(
    cls=Command,
    example="jaz-lite serve --data /var/lib/jaz-lite\n"
    "jaz-lite serve --data /var/lib/jaz-lite --from a.example --token jazls1-...",
)
@click.option(
    "--from", "hosts", multiple=True, metavar="HOST[:PORT]", help="Where the other server is; else what is known."
)
@click.option("--token", metavar="TOKEN", help="Of `jaz-lite standby invite`, where there is no copy yet.")
@listen_option
@click.option("--no-agent", is_flag=True, help="Run without an agent of this machine, as `jaz-lite server` does.")
@detach_option
@pass_session
def serve(
    session: Session, hosts: tuple[str, ...], token: str | None, listen: str | None, no_agent: bool, detach: bool
) -> int:
    """Be what the data directory is for: the server, or the standby of the one that took over from it.

    Both machines of a site can have this as their service: it goes on through any number of switches.
    """
    from pathlib import Path

    from jaz_lite.server.serving import run_service

    folder = Path(session.folder)
    if detach and (folder.exists() or token is not None):  # else it is refused, and leaves no folder
        return go_on_in_background(session)
    run_service(
        folder,
        hosts,
        config=lambda: settings_of(
            session, {"server.listen": listen, "server.embedded_agent": False if no_agent else None}
        ),
        token=invited(token),
        telling=telling_people(),
        verbosity=session.verbosity,
    )
    return 0
