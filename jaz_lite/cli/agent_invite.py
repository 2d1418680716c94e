"""`jaz-lite agent invite|invites|uninvite|bundle|add|waiting|accept|reject`: how agents come into the site."""

import os
import re
from typing import Any

import click

from jaz_lite.cli.printing import line, moment, print_json, print_table, say
from jaz_lite.cli.session import Command, Session, json_option, pass_session
from jaz_lite.errors import Refused, UsageError

SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3_600, "d": 86_400, "w": 604_800}
NAME = click.argument("name", metavar="NAME")
address_option = click.option(
    "--address",
    "addresses",
    multiple=True,
    metavar="HOST:PORT",
    help="Where the agent finds the server; may be given several times. Else what the server announces.",
)
replace_option = click.option("--replace", is_flag=True, help="It may take the place of a living agent of that name.")


def seconds(_ctx: click.Context, _parameter: click.Parameter, text: str) -> int:
    """Return a time such as 90s, 15m, 24h, 7d in seconds."""
    found = re.fullmatch(r"(\d{1,6})\s*(s|min|m|h|d|w)?", text.strip())
    if found is None:
        raise click.BadParameter(f"{text!r} is no time; write for example 15m, 24h or 7d")
    return int(found[1]) * SECONDS[found[2] or "s"]


@click.command(cls=Command, example='jaz-lite agent invite web1\njaz-lite agent invite "web*" --uses 20 --ttl 7d')
@NAME
@click.option(
    "--ttl",
    "ttl_s",
    callback=seconds,
    metavar="TIME",
    default="24h",
    show_default=True,
    help="How long the token is good.",
)
@click.option("--uses", type=int, default=1, show_default=True, help="How many agents may come with it.")
@address_option
@replace_option
@json_option
@pass_session
def invite(
    session: Session, name: str, ttl_s: int, uses: int, addresses: tuple[str, ...], replace: bool, as_json: bool
) -> None:
    """Make a token with which a machine becomes the agent NAME, or one whose name fits NAME (`web*`)."""
    answer = session.ask_anywhere(
        "agent.invite", name=name, ttl_s=ttl_s, uses=uses, addresses=list(addresses), replace=replace
    )
    if as_json:
        print_json(answer)
        return
    line(answer["token"])
    for warning in answer["warnings"]:
        say(f"warning: {warning}")
    times = "once" if uses == 1 else f"{uses} times"
    say(
        f"good {times} until {moment(answer['expires_at'])}, for {name}; the server is at {', '.join(answer['addresses'])}"
    )
    say("on the agent's machine: jaz-lite agent enroll TOKEN, then jaz-lite agent run")


@click.command(cls=Command, example="jaz-lite agent invites --json")
@json_option
@pass_session
def invites(session: Session, as_json: bool) -> None:
    """List the invitations that can still be used."""
    answer = session.ask_anywhere("agent.invites")
    if as_json:
        print_json(answer)
        return
    print_table(
        ("id", "for", "uses left", "good until", "made", "by", "note"),
        [
            (
                row["id"],
                row["name"],
                row["uses_left"],
                moment(row["expires_at"]),
                moment(row["created_at"]),
                row["created_by"],
                _note(row),
            )
            for row in answer["invitations"]
        ],
        empty="no invitation is open; `jaz-lite agent invite NAME` makes one",
    )


def _note(row: dict[str, Any]) -> str:
    notes = ["names an old certificate: make a new one"] if row["state"] == "outdated" else []
    return "; ".join(notes + (["may replace an agent"] if row["replaces"] else []))


@click.command(cls=Command, example="jaz-lite agent uninvite 3f9a1c")
@click.argument("id_", metavar="ID")
@json_option
@pass_session
def uninvite(session: Session, id_: str, as_json: bool) -> None:
    """Withdraw an invitation. Agents that came with it stay."""
    answer = session.ask_anywhere("agent.uninvite", id=id_)
    if as_json:
        print_json(answer)
    else:
        line(f"withdrew the invitation {answer['id']} for {answer['name']}")


@click.command(cls=Command, example="jaz-lite agent bundle plant7 -o plant7.bundle")
@NAME
@click.option("-o", "--output", required=True, metavar="FILE", help="The file to write; it must not exist.")
@address_option
@replace_option
@json_option
@pass_session
def bundle(session: Session, name: str, output: str, addresses: tuple[str, ...], replace: bool, as_json: bool) -> None:
    """Make the agent NAME and one file that makes a machine this agent, without a network. The file is a secret."""
    path = os.path.abspath(output)  # noqa: PTH100  # pathlib costs a command three milliseconds
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Refused(f"{output} exists already", hint="choose another name, or remove it first") from None
    except OSError as error:
        raise UsageError(f"{output} cannot be written: {error.strerror}") from error
    try:
        answer = session.ask_anywhere("agent.bundle", name=name, addresses=list(addresses), replace=replace)
        with open(descriptor, "w", encoding="ascii", closefd=False) as file:
            file.write(answer.pop("bundle"))
        os.fsync(descriptor)
    except BaseException:
        os.unlink(path)  # noqa: PTH108
        raise
    finally:
        os.close(descriptor)
    if as_json:
        print_json({**answer, "file": path})
        return
    line(f'{output} makes a machine the agent "{name}"; whoever has the file is that agent')
    for warning in answer["warnings"]:
        say(f"warning: {warning}")
    say("there: jaz-lite agent enroll --bundle FILE, then jaz-lite agent run; then remove the file everywhere")


@click.command(cls=Command, example="jaz-lite agent add plant7 plant7.example:11055")
@NAME
@click.argument("address", metavar="HOST[:PORT]")
@json_option
@pass_session
def add(session: Session, name: str, address: str, as_json: bool) -> None:
    """Dial a machine on which `agent enroll --listen` waits, and let it become the agent NAME."""
    answer = session.ask("agent.add", name=name, address=address)
    if as_json:
        print_json(answer)
    else:
        line(f'agent "{answer["agent_id"]}" enrolled; the server dials it at {answer["address"]}')


# ---- requests


@click.command(cls=Command, example="jaz-lite agent waiting --json")
@json_option
@pass_session
def waiting(session: Session, as_json: bool) -> None:
    """List the agents without a token that wait to be let in, with their fingerprints."""
    answer = session.ask_anywhere("agent.waiting")
    if as_json:
        print_json(answer)
        return
    say(f"this server's fingerprint is {answer['server']}")
    print_table(
        ("name", "fingerprint", "from", "system", "since", "last heard"),
        [
            (r["name"], r["fingerprint"], r["address"], r["os"], moment(r["asked_at"]), moment(r["seen_at"]))
            for r in answer["requests"]
        ],
        empty="no agent waits"
        + (
            "" if answer["enabled"] else "; this server takes no requests (accept_requests under [server], config.toml)"
        ),
    )


fingerprint_option = click.option(
    "--fingerprint", metavar="DIGITS", help="Decide only about the machine that shows these."
)


@click.command(cls=Command, example="jaz-lite agent accept web1 --fingerprint 12345-67890-12345-67890-12345-67890")
@NAME
@fingerprint_option
@replace_option
@json_option
@pass_session
def accept(session: Session, name: str, fingerprint: str | None, replace: bool, as_json: bool) -> None:
    """Let an agent in that waits. Compare its fingerprint with the one it shows there first."""
    answer = session.ask_anywhere("agent.accept", name=name, fingerprint=fingerprint, replace=replace)
    _decided(answer, "let in", as_json)


@click.command(cls=Command, example="jaz-lite agent reject web1")
@NAME
@fingerprint_option
@json_option
@pass_session
def reject(session: Session, name: str, fingerprint: str | None, as_json: bool) -> None:
    """Turn an agent away that waits."""
    _decided(session.ask_anywhere("agent.reject", name=name, fingerprint=fingerprint), "turned away", as_json)


def _decided(answer: dict[str, Any], verb: str, as_json: bool) -> None:
    if as_json:
        print_json(answer)
    else:
        line(f"{answer['name']} at {answer['address']}, fingerprint {answer['fingerprint']}, is {verb}")
