"""`jaz-lite activate`: take over with a copy of the data directory."""

import sys
from typing import Any

import click

from jaz_lite.cli.printing import line, say
from jaz_lite.cli.session import Command, Session, pass_session
from jaz_lite.cli.up import listen_option, settings_of, tell


@click.command(cls=Command, example="jaz-lite activate --data /var/lib/jaz-lite-standby --listen 0.0.0.0:11061")
@listen_option
@click.option("--yes", is_flag=True, help="Take over where nobody could tell whether the active server still lives.")
@click.option("--force", is_flag=True, help="Take over although another server seems active; it stops when it learns.")
@click.option("--after-fence", is_flag=True, help="Take over with the directory of a server that was replaced.")
@click.option("--no-agent", is_flag=True, help="Run without an agent of this machine, as `jaz-lite server` does.")
@click.option("--no-run", is_flag=True, help="Only take over; `up` or a service does the rest.")
@pass_session
def activate(
    session: Session, listen: str | None, yes: bool, force: bool, after_fence: bool, no_agent: bool, no_run: bool
) -> None:
    """Take over with a copy of the data directory: begin a new epoch, tell all agents, and go on as `up` does."""
    from pathlib import Path

    from jaz_lite.server.activation import Wishes, run_activated
    from jaz_lite.store.verifying import refuse_bad_settings

    def confirm(question: str) -> bool:
        if yes:
            return True
        if not sys.stdin.isatty():
            return False
        say(question)
        return click.confirm("take over all the same?", err=True)

    def told(sentence: str) -> None:
        line(sentence)
        sys.stdout.flush()

    refuse_bad_settings(Path(session.folder))
    given: dict[str, Any] = {"server.listen": listen, "server.embedded_agent": False if no_agent else None}
    run_activated(
        Path(session.folder),
        Wishes(force=force, after_fence=after_fence, confirm=confirm),
        config=settings_of(session, given),
        tell=told,
        ready=tell,
        stay=not no_run,
        verbosity=session.verbosity,
    )
    if no_run:
        told(f"this directory is the server's now; start it: jaz-lite up --data {session.folder}")
