"""`jaz-lite up`, `server`, `init` and `stop`: the life of a server."""

import sys
import time
from typing import TYPE_CHECKING, Any

import click

from jaz_lite.cli.detach import detach_option, go_on_in_background, tell_ready
from jaz_lite.cli.printing import line, print_json, say
from jaz_lite.cli.session import Command, Session, json_option, pass_session
from jaz_lite.errors import DefinitionError, TimeLimitReached, Unreachable, UsageError
from jaz_lite.net.local_client import NotRunning

if TYPE_CHECKING:
    from jaz_lite.config import Config
    from jaz_lite.server import Ready

LOOK_SECONDS = 0.05


listen_option = click.option("--listen", metavar="HOST:PORT", help="Where agents connect; else what config.toml says.")


@click.command(cls=Command, example="jaz-lite up --listen 0.0.0.0:11061 --data /var/lib/jaz-lite")
@listen_option
@detach_option
@pass_session
def up(session: Session, listen: str | None, detach: bool) -> int:
    """Run the engine and the agent of this machine in the foreground. SIGTERM or Ctrl-C stop it; jobs go on."""
    return go_on_in_background(session) if detach else _run(session, {"server.listen": listen})


@click.command(cls=Command, example="jaz-lite server --listen 0.0.0.0:11061 --data /var/lib/jaz-lite")
@listen_option
@detach_option
@pass_session
def server(session: Session, listen: str | None, detach: bool) -> int:
    """Run the engine without an agent of this machine: jobs run on the agents that were enrolled."""
    given = {"server.listen": listen, "server.embedded_agent": False}
    return go_on_in_background(session) if detach else _run(session, given)


def _run(session: Session, given: dict[str, Any]) -> int:
    from pathlib import Path

    from jaz_lite.server import run_up

    run_up(Path(session.folder), config=settings_of(session, given), ready=tell, verbosity=session.verbosity)
    return 0


def settings_of(session: Session, given: dict[str, Any]) -> "Config":
    """Return the settings of the data directory with those of the command line over them."""
    from jaz_lite import config

    settings = config.read(session.folder)
    try:
        return settings.over("command line", given)
    except DefinitionError as error:
        raise UsageError(f"--listen: {error.message}", hint=error.hint) from error


def tell(ready: "Ready") -> None:
    """Tell people that the doors are open."""
    if ready.created:
        line(f"made the data directory {ready.folder}")
    line(f"server {ready.server_id} is up, term {ready.epoch}.{ready.boot}")
    line(f"agents connect to {', '.join(ready.listen)}; commands use --data {ready.folder}")
    if ready.live_runs:
        line(f"{ready.live_runs} run{'s go' if ready.live_runs > 1 else ' goes'} on")
    for notice in ready.notices:
        line(notice)
    sys.stdout.flush()
    tell_ready()


@click.command(cls=Command, example="jaz-lite init --data /var/lib/jaz-lite --server-id plant-2")
@click.option("--server-id", metavar="NAME", help="Name of the installation; else the machine's.")
@json_option
@pass_session
def init(session: Session, server_id: str | None, as_json: bool) -> None:
    """Prepare a data directory: keys, store, settings. `up` does it too, at its first start."""
    import socket
    from pathlib import Path

    from jaz_lite.clock import SystemClock
    from jaz_lite.store.directory import DataDirectory

    name = server_id or socket.gethostname()
    made = DataDirectory.prepare(Path(session.folder), server_id=name, clock=SystemClock())
    if as_json:
        print_json({"folder": str(made.folder), "server_id": made.server_id})
    else:
        line(f"made the data directory {made.folder} of server {made.server_id}")
        say(f"start it: jaz-lite up --data {made.folder}")


@click.command(cls=Command, example="jaz-lite stop --timeout 30")
@click.option("--timeout", type=click.FloatRange(min=0), default=30.0, show_default=True, metavar="S")
@pass_session
def stop(session: Session, timeout: float) -> None:
    """Stop the server cleanly and wait until it is gone; running jobs go on."""
    try:
        session.ask("server.stop")
    except NotRunning:
        raise
    except Unreachable:
        pass  # it was quicker than its answer
    deadline = time.monotonic() + timeout
    while not _is_gone(session.folder):
        if time.monotonic() >= deadline:
            raise TimeLimitReached("the server is still stopping", hint="its own messages say why")
        time.sleep(LOOK_SECONDS)
    say("stopped")


def _is_gone(folder: str) -> bool:
    """Tell whether nobody holds the lock of a data directory: the socket goes earlier than the server."""
    import fcntl

    with open(f"{folder}/lock", "rb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True
