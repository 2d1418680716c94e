"""`jaz-lite agent run|stop|status|jobs|selfcheck`: the agent of this machine. Thin wrappers of the agent's own program."""

import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from jaz_lite.cli.printing import line, moment, print_json, print_table
from jaz_lite.cli.session import AgentCommand, Session, json_option, pass_session
from jaz_lite.errors import NoSuchObject


@click.command(cls=AgentCommand, example="jaz-lite agent run --data /var/lib/jaz-lite-agent")
@pass_session
def run(session: Session) -> None:
    """Run the agent in the foreground. SIGTERM or Ctrl-C stop it; its jobs go on."""
    from jaz_lite.agent import commands, look

    folder = Path(session.agent_folder)
    if folder.is_dir():
        for site in look.status(folder)["sites"]:
            line(
                f'agent "{site["agent_id"]}" of site "{site["server_id"]}", in {folder}; Ctrl-C ends it, its jobs go on'
            )
        sys.stdout.flush()
    commands.run(Path(session.agent_folder), session.verbosity)


@click.command(cls=AgentCommand, example="jaz-lite agent stop --data /var/lib/jaz-lite-agent")
@pass_session
def stop(session: Session) -> None:
    """Tell the agent of this machine to end, and wait until it has; its jobs go on."""
    from jaz_lite.agent import commands

    commands.stop(Path(session.agent_folder))


@click.command(cls=AgentCommand, example="jaz-lite agent status --json")
@json_option
@pass_session
def status(session: Session, as_json: bool) -> None:
    """Show what the agent of this machine belongs to and does. Also while it does not run."""
    from jaz_lite.agent import look

    told = look.status(_folder(session))
    if as_json:
        print_json(told)
        return
    state = f"runs as process {told['agent']}" if told["agent"] else "does not run"
    line(f"the agent {state}; its job keeper {'runs' if told['keeper'] else 'does not run'}")
    print_table(
        ("site", "agent", "addresses", "term", "key", "last contact", "running", "waiting"),
        [
            (
                site["server_id"],
                site["agent_id"],
                " ".join(site["addresses"]),
                site["term"],
                site["kid"],
                _local(site["last_contact_ms"]),
                site["running"],
                site["waiting"],
            )
            for site in told["sites"]
        ],
        empty="it belongs to no site",
    )
    for site in told["sites"]:
        if site["last_error"]:
            line(f"{site['agent_id']} at {site['server_id']}: {site['last_error']}")


@click.command(cls=AgentCommand, example="jaz-lite agent jobs --json")
@json_option
@pass_session
def jobs(session: Session, as_json: bool) -> None:
    """List the jobs that this machine's agent knows of, with state and exit code."""
    from jaz_lite.agent import look

    found = look.jobs(_folder(session))
    if as_json:
        print_json({"jobs": found})
        return
    print_table(
        ("site", "run", "icon", "attempt", "state", "since", "exit", "why"),
        [_row(job) for job in found],
        empty="this agent was given no job yet",
    )


def _row(job: dict[str, Any]) -> tuple[Any, ...]:
    ended = f"signal {job['signal']}" if job.get("signal") else job["exit_code"]
    since = _local(job.get("since_ms", 0))
    return (job["server_id"], job["run"], job["path"], job["attempt"], job["state"], since, ended, job.get("why"))


def _folder(session: Session) -> Path:
    folder = Path(session.agent_folder)
    if not folder.is_dir():
        raise NoSuchObject(f"there is no agent in {folder}", hint="--data or JAZ_LITE_AGENT_DATA names its directory")
    return folder


def _local(at_ms: int) -> str:
    return moment(datetime.fromtimestamp(at_ms / 1000).astimezone().isoformat(timespec="seconds")) if at_ms else "never"


@click.command(cls=AgentCommand, example="jaz-lite agent selfcheck")
@json_option
@pass_session
def selfcheck(session: Session, as_json: bool) -> None:
    """Try what an agent needs of this machine, and print a line for each: ok, warn or FAIL. Exit code 1 after a FAIL."""
    from jaz_lite.agent.checks import selfcheck as check

    sys.exit(check.tell(Path(session.agent_folder), as_json=as_json))


@click.command("set-server", cls=AgentCommand, example="jaz-lite agent set-server standby.example:11061")
@click.argument("address", metavar="HOST[:PORT]")
@click.option("--site", "server_id", default="", metavar="NAME", help="Of which site, where the agent is in several.")
@pass_session
def set_server(session: Session, address: str, server_id: str) -> None:
    """Tell the agent of this machine where its server is now; it looks there first. Also while it runs."""
    from jaz_lite.agent import another_server

    record = another_server.set_server(_folder(session), address, server_id=server_id)
    line(f'agent "{record.agent_id}" looks for its server at {", ".join(record.addrs)}')
