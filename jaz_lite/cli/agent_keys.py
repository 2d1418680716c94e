"""`jaz-lite agent revoke|rekey`: keys of agents that are in the site already."""

import time

import click

from jaz_lite.cli.printing import line, print_json, say
from jaz_lite.cli.session import Command, Session, json_option, pass_session

WAIT_S = 10.0
LOOK_S = 0.1


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


@click.command(cls=Command, example="jaz-lite agent rekey web1")
@click.argument("name", metavar="NAME")
@json_option
@pass_session
def rekey(session: Session, name: str, as_json: bool) -> None:
    """Give an agent a new key. The old one is good until the agent has used the new one."""
    answer = session.ask_anywhere("agent.rekey", agent=name)
    wanted = answer["next_kid"]
    until = time.monotonic() + WAIT_S
    while answer["connected"] and answer["kid"] != wanted and time.monotonic() < until:
        time.sleep(LOOK_S)
        found = session.ask("agent.keys", agent=name)
        # Between the two sessions it is away for a moment.
        answer = {**found, "connected": True}
    if as_json:
        print_json(answer)
    elif answer["kid"] == wanted:
        line(f'agent "{name}" uses its new key, number {wanted}')
    else:
        line(f'agent "{name}" gets its new key, number {wanted}, when it connects; until then the old one is good')
        if answer["connected"]:
            say(f"it has not come back within {WAIT_S:.0f} s; `jaz-lite agent show {name}` says more")
