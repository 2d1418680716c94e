"""`jaz-lite agent credential`: passwords of users that jobs run as, on the agent's machine; on Windows only."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from jaz_lite.cli.printing import line, print_json, print_table
from jaz_lite.cli.session import AgentGroup, Session, json_option, pass_session

if TYPE_CHECKING:
    from jaz_lite.agent.credentials import Credentials

NAME = click.argument("name", metavar="NAME")

credential = AgentGroup(
    "credential",
    help="Users that jobs may run as, with their passwords, on this machine: only on Windows.",
    epilog="Example: jaz-lite agent credential add reports --user CORP\\reports",
)


@credential.command("add", example="jaz-lite agent credential add reports --user CORP\\reports")
@NAME
@click.option("--user", required=True, metavar="USER", help="For example DOMAIN\\user.")
@pass_session
def add(session: Session, name: str, user: str) -> None:
    """Store the password of a user under a name; it is asked for. Definitions name it, and never hold it."""
    from jaz_lite.agent.sealing import seal

    seal(b"")  # refuses before anything is asked
    password = click.prompt("password", hide_input=True, confirmation_prompt=True)
    _credentials(session).add(name, user, password)
    line(f"credential {name} is stored for {user}")


@credential.command("list", example="jaz-lite agent credential list")
@json_option
@pass_session
def list_(session: Session, as_json: bool) -> None:
    """List the names of credentials and their users."""
    users = _credentials(session).users()
    if as_json:
        print_json({"credentials": [{"name": name, "user": user} for name, user in users.items()]})
        return
    print_table(("name", "user"), list(users.items()), empty="no credential is stored on this machine")


@credential.command("remove", example="jaz-lite agent credential remove reports")
@NAME
@pass_session
def remove(session: Session, name: str) -> None:
    """Forget a credential."""
    _credentials(session).remove(name)
    line(f"credential {name} is forgotten")


def _credentials(session: Session) -> "Credentials":
    from jaz_lite.agent.credentials import Credentials
    from jaz_lite.agent.sealing import seal, unseal

    return Credentials(Path(session.agent_folder), seal=seal, unseal=unseal)
