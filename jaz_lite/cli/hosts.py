"""The group `host`: names as definitions use them, and the agents, groups and SSH targets behind them."""

from typing import Any

import click

from jaz_lite.cli.printing import line, print_json, print_table
from jaz_lite.cli.session import Group, Session, json_option, pass_session

NAME = click.argument("name", metavar="HOST")


def _names(_context: click.Context, _parameter: click.Parameter, value: str | None) -> list[str] | None:
    return None if value is None else [name.strip() for name in value.split(",") if name.strip()]


AGENT = click.option("--agent", metavar="AGENT", help="The agent behind the name.")
GROUP = click.option(
    "--group",
    metavar="A,B,C",
    callback=_names,
    help="Hosts or agents that share the work; of equals the first is taken.",
)
SSH = click.option("--ssh", metavar="USER@HOST:PORT", help="A machine without an agent.")

host = Group("host", help="Map host names, as definitions use them, to agents, groups of agents, or SSH targets.")


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
        ("host", "kind", "target", "reachable", "enabled", "locked", "encoding", "memo"),
        [
            (
                row["host"],
                row["kind"],
                row["target"],
                row["reachable"],
                row["enabled"],
                _locked(row["lock"]),
                row["encoding"],
                row["memo"],
            )
            for row in answer["hosts"]
        ],
        empty="no host is mapped yet; `jaz-lite host add NAME --agent local` maps one",
    )


def _locked(lock: dict[str, Any] | None) -> str:
    return "" if lock is None else f"by run {lock['run_id']} since {lock['since_at']}"


@host.command("show", example="jaz-lite host show farm")
@NAME
@json_option
@pass_session
def show(session: Session, name: str, as_json: bool) -> None:
    """Show a host name, and of a group what its members do."""
    answer = session.ask_anywhere("host.show", host=name)
    if as_json:
        print_json(answer)
        return
    state = "" if answer["enabled"] else ", disabled"
    line(f"{answer['host']} -> {_target(answer)}{state}")
    if answer["lock"]:
        line(f"locked {_locked(answer['lock'])}; host unlock frees it by hand")
    reachable = {True: "yes", False: "no", None: "not known"}[answer["reachable"]]
    line(f"reachable: {reachable}; encoding of output: {answer['encoding'] or 'as the agent says'}")
    if answer["in_groups"]:
        line(f"member of: {', '.join(answer['in_groups'])}")
    if answer["obstacles"] is not None:
        print_table(("member", "takes work"), [(each["member"], _why(each["why"])) for each in answer["obstacles"]])


@host.command(
    "add", example="jaz-lite host add oss.linux --agent local\njaz-lite host add farm --group oss.linux,oss.second"
)
@NAME
@AGENT
@GROUP
@SSH
@click.option("--encoding", default="", help="Of the output of its jobs; if not given, as the agent says.")
@click.option("--memo", default="")
@click.option("--disabled", is_flag=True, help="Refuse work for it, unless the icon forces it.")
@json_option
@pass_session
def add(
    session: Session,
    name: str,
    agent: str | None,
    group: list[str] | None,
    ssh: str | None,
    encoding: str,
    memo: str,
    disabled: bool,
    as_json: bool,
) -> None:
    """Map a new host name to an agent, a group, or an SSH target."""
    if agent is None and group is None and ssh is None:
        raise click.UsageError("what the name stands for is not given: --agent, --group or --ssh")
    answer = session.ask_anywhere(
        "host.add", host=name, agent=agent, group=group, ssh=ssh, encoding=encoding, memo=memo, enabled=not disabled
    )
    _told(answer, "mapped", as_json)


@host.command("set", example="jaz-lite host set oss.linux --disable")
@NAME
@AGENT
@GROUP
@SSH
@click.option("--encoding", help='Of the output of its jobs; "": as the agent says.')
@click.option("--memo")
@click.option("--enable/--disable", "enabled", default=None)
@json_option
@pass_session
def set_(
    session: Session,
    name: str,
    agent: str | None,
    group: list[str] | None,
    ssh: str | None,
    encoding: str | None,
    memo: str | None,
    enabled: bool | None,
    as_json: bool,
) -> None:
    """Change what is given of a host name."""
    given: dict[str, Any] = {
        "agent": agent,
        "group": group,
        "ssh": ssh,
        "encoding": encoding,
        "memo": memo,
        "enabled": enabled,
    }
    if all(value is None for value in given.values()):
        raise click.UsageError(
            "nothing to change is given: --agent, --group, --ssh, --encoding, --memo, --enable or --disable"
        )
    _told(session.ask_anywhere("host.set", host=name, **given), "mapped", as_json)


@host.command("remove", example="jaz-lite host remove oss.linux")
@NAME
@json_option
@pass_session
def remove(session: Session, name: str, as_json: bool) -> None:
    """Forget a host name."""
    _told(session.ask_anywhere("host.remove", host=name), "removed", as_json)


@host.command("unlock", example="jaz-lite host unlock oss.linux")
@NAME
@json_option
@pass_session
def unlock(session: Session, name: str, as_json: bool) -> None:
    """Let work for a host begin again that a reboot keeps waiting."""
    lock = session.ask_anywhere("host.unlock", host=name)
    if as_json:
        print_json(lock)
        return
    line(f"unlocked {name}: it was locked since {lock['since_at']} by {lock['path']} of run {lock['run_id']}")


def _told(answer: dict[str, Any], verb: str, as_json: bool) -> None:
    if as_json:
        print_json(answer)
        return
    state = "" if answer["enabled"] else ", disabled"
    line(f"{verb} {answer['host']} -> {_target(answer)}{state}")


def _target(answer: dict[str, Any]) -> str:
    kind = {"agent": "", "group": "group of ", "ssh": "ssh "}[answer["kind"]]
    return kind + (", ".join(answer["members"]) if answer["kind"] == "group" else str(answer["target"]))


def _why(why: str) -> str:
    return f"no: it {why}" if why else "yes"
