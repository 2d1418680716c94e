"""`jaz-lite agent policy`: what this machine allows its agent."""

import json
from pathlib import Path

import click

from jaz_lite.cli.printing import print_json, print_table, say
from jaz_lite.cli.session import AgentCommand, Session, json_option, pass_session


@click.command(cls=AgentCommand, example="jaz-lite agent policy --data /var/lib/jaz-lite-agent")
@json_option
@pass_session
def policy(session: Session, as_json: bool) -> None:
    """Show what this machine allows its agent, and which file says so (agent.toml in the agent's directory)."""
    from jaz_lite.agent.policy_view import effective

    told = effective(Path(session.agent_folder))
    if as_json:
        print_json(told)
        return
    print_table(
        ("setting", "value", "from"),
        [(row["name"], json.dumps(row["value"], ensure_ascii=False), row["origin"]) for row in told["settings"]],
    )
    for sentence in told["warnings"]:
        say(f"warning: {sentence}")
