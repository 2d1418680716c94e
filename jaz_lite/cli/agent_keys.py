"""`jaz-lite agent revoke`: keys of agents that are in the site already."""

import click

from jaz_lite.cli.printing import line, print_json
from jaz_lite.cli.session import Command, Session, json_option, pass_session


@click.command(cls=Command, example="jaz-lite agent revoke web1\njaz-lite agent revoke web1 --remove")
@click.argument("name", metavar="NAME")
@click.option("--remove", is_flag=True, help="Forget it too, and the host names that lead to it.")
@json_option
@pass_session
def revoke(session: Session, name: str, remove: bool, as_json: bool) -> None:
    """Refuse an agent from now on; its session ends at once. What it was given to do is in doubt."""
    answer = session.ask_anywhere("agent.revoke", agent=name, remove=remove)
    if as_json:
        print_json(answer)
        return
    line(f'agent "{name}" is revoked' + (" and forgotten" if remove else ""))
    if answer["hosts"]:
        line(f"host names forgotten with it: {', '.join(answer['hosts'])}")
