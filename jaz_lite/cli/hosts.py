"""The group `host`: names as definitions use them, and the agents behind them."""

from typing import Any

import click

from jaz_lite.cli.printing import line, print_json, print_table
from jaz_lite.cli.session import Group, Session, json_option, pass_session

NAME = click.argument("name", metavar="HOST")

host = Group("host", help="Map host names, as definitions use them, to agents.")


@host.command("list", example="jaz-lite host list --json")
@json_option
@pass_session
def list_(session: Session, as_json: bool) -> None:
    """List all host names."""
    answer = session.ask_anywhere("host.list")
    if as_json:
        print_json(answer)
        return
    print_table(
        ("host", "agent", "enabled", "encoding", "memo"),
        [(row["host"], row["agent_id"], row["enabled"], row["encoding"], row["memo"]) for row in answer["hosts"]],
        empty="no host is mapped yet; `jaz-lite host add NAME --agent local` maps one",
    )


@host.command("add", example="jaz-lite host add oss.linux --agent local")
@NAME
@click.option("--agent", required=True, metavar="AGENT", help="The agent behind the name.")
@click.option("--encoding", default="utf-8", show_default=True, help="Of the output of its jobs.")
@click.option("--memo", default="")
@click.option("--disabled", is_flag=True, help="Refuse work for it, unless the icon forces it.")
@json_option
@pass_session
def add(session: Session, name: str, agent: str, encoding: str, memo: str, disabled: bool, as_json: bool) -> None:
    """Map a new host name to an agent."""
    answer = session.ask_anywhere(
        "host.add", host=name, agent=agent, encoding=encoding, memo=memo, enabled=not disabled
    )
    _told(answer, "mapped", as_json)


@host.command("set", example="jaz-lite host set oss.linux --disable")
@NAME
@click.option("--agent", metavar="AGENT")
@click.option("--encoding")
@click.option("--memo")
@click.option("--enable/--disable", "enabled", default=None)
@json_option
@pass_session
def set_(
    session: Session,
    name: str,
    agent: str | None,
    encoding: str | None,
    memo: str | None,
    enabled: bool | None,
    as_json: bool,
) -> None:
    """Change what is given of a host name."""
    if all(value is None for value in (agent, encoding, memo, enabled)):
        raise click.UsageError("nothing to change is given: --agent, --encoding, --memo, --enable or --disable")
    answer = session.ask_anywhere("host.set", host=name, agent=agent, encoding=encoding, memo=memo, enabled=enabled)
    _told(answer, "mapped", as_json)


@host.command("remove", example="jaz-lite host remove oss.linux")
@NAME
@json_option
@pass_session
def remove(session: Session, name: str, as_json: bool) -> None:
    """Forget a host name."""
    _told(session.ask_anywhere("host.remove", host=name), "removed", as_json)


def _told(answer: dict[str, Any], verb: str, as_json: bool) -> None:
    if as_json:
        print_json(answer)
        return
    state = "" if answer["enabled"] else ", disabled"
    line(f"{verb} {answer['host']} -> {answer['agent_id']}{state}")
