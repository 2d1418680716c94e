"""`jaz-lite activate`: take over with a copy of the data directory."""

import sys
from typing import Any

import click

from jaz_lite.cli.detach import detach_option, go_on_in_background
from jaz_lite.cli.printing import line, print_json, say
from jaz_lite.cli.session import Command, Session, pass_session
from jaz_lite.cli.up import listen_option, settings_of, tell
from jaz_lite.errors import UsageError


@click.command(cls=Command, example="jaz-lite activate --data /var/lib/jaz-lite-standby --listen 0.0.0.0:11061")
@listen_option
@click.option("--yes", is_flag=True, help="Take over where nobody could tell whether the active server still lives.")
@click.option("--force", is_flag=True, help="Take over although another server seems active; it stops when it learns.")
@click.option("--after-fence", is_flag=True, help="Take over with the directory of a server that was replaced.")
@click.option("--no-agent", is_flag=True, help="Run without an agent of this machine, as `jaz-lite server` does.")
@click.option("--no-run", is_flag=True, help="Only take over; `up` or a service does the rest.")
@detach_option
@click.option("--json", "as_json", is_flag=True, help="With --no-run: print one JSON document.")
@pass_session
def activate(
    session: Session,
    listen: str | None,
    yes: bool,
    force: bool,
    after_fence: bool,
    no_agent: bool,
    no_run: bool,
    detach: bool,
    as_json: bool,
) -> int:
    """Take over with a copy of the data directory: begin a new epoch, tell all agents, and go on as `up` does."""
    from pathlib import Path

    from jaz_lite.server.activation import Wishes, run_activated
    from jaz_lite.store.verifying import refuse_bad_settings

    if (as_json and not no_run) or (detach and no_run):
        raise UsageError("--json is for --no-run, and --detach for a server that runs on")
    if detach and Path(session.folder).exists():  # else it is refused, and leaves no folder
        return go_on_in_background(session)

    def confirm(question: str) -> bool:
        if yes:
            return True
        if not sys.stdin.isatty():
            return False
        say(question)
        return click.confirm("take over all the same?", err=True)

    def told(sentence: str) -> None:
        say(sentence) if as_json else line(sentence)
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
    if as_json:
        _print_taken_over(session.folder)
    elif no_run:
        told(f"this directory is the server's now; start it: jaz-lite up --data {session.folder}")
    return 0


def _print_taken_over(folder: str) -> None:
    from pathlib import Path

    from jaz_lite.store.binding import read_binding
    from jaz_lite.wire.ident import epoch_and_boot

    binding = read_binding(Path(folder))
    epoch, boot = epoch_and_boot(binding.term)
    print_json({"folder": folder, "server_id": binding.server_id, "epoch": epoch, "boot": boot})
