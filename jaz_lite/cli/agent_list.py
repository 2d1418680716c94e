"""`jaz-lite agent list|show|set|drain|undrain`: the agents of the site, as its server knows them."""

from typing import Any

import click

from jaz_lite.cli.printing import line, moment, print_json, print_table, say
from jaz_lite.cli.session import Command, Session, json_option, pass_session

AGENT = click.argument("agent", metavar="AGENT")
UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


@click.command("list", cls=Command, example="jaz-lite agent list --json")
@json_option
@pass_session
def list_(session: Session, as_json: bool) -> None:
    """List the agents of the site: whether they are reachable, what they run, how they are."""
    answer = session.ask_anywhere("agent.list")
    if as_json:
        print_json(answer)
        return
    print_table(
        (
            "agent",
            "state",
            "reachable",
            "address",
            "version",
            "platform",
            "clock",
            "running",
            "waiting",
            "spool",
            "hosts",
        ),
        [
            (
                row["agent_id"],
                row["state"],
                row["reachable"],
                row["address"],
                row["version"].removeprefix("jaz_lite "),
                f"{row['os']} {row['arch']}".strip(),
                clock(row["clock_offset_ms"]),
                row["running"],
                _waiting(row),
                size(row["spool_bytes"]),
                " ".join(row["hosts"]),
            )
            for row in answer["agents"]
        ],
        empty="no agent is enrolled",
    )
    for notice in answer["notices"]:
        say(notice)


@click.command("show", cls=Command, example="jaz-lite agent show local")
@AGENT
@json_option
@pass_session
def show(session: Session, agent: str, as_json: bool) -> None:
    """Show all that the server knows of one agent."""
    row = session.ask_anywhere("agent.show", agent=agent)
    if as_json:
        print_json(row)
        return
    reachable = {True: "reachable", False: "not reachable", None: "no server runs"}[row["reachable"]]
    since = f" since {moment(row['since'])}" if row["since"] and row["reachable"] is not None else ""
    line(f"agent {row['agent_id']}: {row['state']}, {reachable}{since}")
    for name, value in (
        ("last seen", moment(row["last_seen"]) or "never"),
        ("address", row["address"] or "not known"),
        ("dials", " ".join((row["dial"], *row["dialled_at"]))),
        ("TLS", "from 1.2 on" if row["tls_min"] == "1.2" else ""),
        ("twin", f"refused {moment(row['twin_at'])} at {row['twin_address']}" if row["twin_at"] else ""),
        ("forged", f"a newer server was claimed without proof {moment(row['forged_at'])}" if row["forged_at"] else ""),
        ("version", row["version"]),
        ("platform", f"{row['os']} {row['arch']}".strip()),
        ("clock", clock(row["clock_offset_ms"])),
        (
            "jobs",
            f"{row['running'] or 0} running, {row['queued'] or 0} queued there, {row['waiting'] or 0} waiting here",
        ),
        ("limits", f"{_limit(row['par'], row['par_max'])} at once, {_limit(row['queue'], row['queue_max'])} queued"),
        ("spool", size(row["spool_bytes"])),
        ("free", size(row["free_bytes"])),
        ("load", row["load"]),
        ("encoding", row["encoding"]),
        ("term", f"{row['term']}{'' if row['confirmed'] else ', not the present one'}" if row["term"] else "none yet"),
        ("hosts", " ".join(row["hosts"])),
        ("groups", " ".join(row["groups"])),
    ):
        if value not in (None, ""):
            line(f"{name:<10} {value}")
    for notice in row["notices"]:
        say(notice)


@click.command("set", cls=Command, example="jaz-lite agent set local --par 8")
@AGENT
@click.option("--par", type=int, help="Jobs at once; 0: as the agent says.")
@click.option("--queue", type=int, help="Jobs that may wait there beyond those; -1: as the agent says.")
@click.option("--dial", type=click.Choice(("agent", "server", "both")), help="Who opens the connection.")
@click.option(
    "--address", "addresses", multiple=True, metavar="HOST:PORT", help="Where the server dials it; repeatable."
)
@click.option("--tls", type=click.Choice(("1.2", "1.3")), help="The oldest version of TLS that it may use.")
@json_option
@pass_session
def set_(
    session: Session,
    agent: str,
    par: int | None,
    queue: int | None,
    dial: str | None,
    addresses: tuple[str, ...],
    tls: str | None,
    as_json: bool,
) -> None:
    """Change how much work an agent is given at once, and how it is spoken to.

    What the agent's own policy says stays a limit, too.
    """
    given = {"par": par, "queue": queue, "dial": dial, "addresses": [*addresses] or None, "tls": tls}
    changes = {name: value for name, value in given.items() if value is not None}
    if not changes:
        raise click.UsageError("nothing to change is given: --par, --queue, --dial, --address or --tls")
    _told(session.ask_anywhere("agent.set", None, agent=agent, **changes), as_json)


@click.command("drain", cls=Command, example="jaz-lite agent drain local")
@AGENT
@json_option
@pass_session
def drain(session: Session, agent: str, as_json: bool) -> None:
    """Give an agent no new work; what runs there goes on. Holds over restarts, until `undrain`."""
    _told(session.ask_anywhere("agent.drain", agent=agent, on=True), as_json)


@click.command("undrain", cls=Command, example="jaz-lite agent undrain local")
@AGENT
@json_option
@pass_session
def undrain(session: Session, agent: str, as_json: bool) -> None:
    """Give an agent work again."""
    _told(session.ask_anywhere("agent.drain", agent=agent, on=False), as_json)


def _told(row: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(row)
        return
    line(
        f"agent {row['agent_id']}: {row['state']}, {_limit(row['par'], row['par_max'])} jobs at once, "
        f"{_limit(row['queue'], row['queue_max'])} queued there; {row['running'] or 0} running now"
    )


def _waiting(row: dict[str, Any]) -> int | None:
    return None if row["waiting"] is None else (row["queued"] or 0) + row["waiting"]


def _limit(said: int | None, ours: int | None) -> str:
    """Return a limit as it works: the smaller one, and whose it is."""
    if ours is None:
        return "?" if said is None else str(said)
    return (
        f"{ours} (its own limit is {said})" if said is not None and ours < said else str(ours if said is None else said)
    )


def clock(offset_ms: int | None) -> str:
    """Return how far the clock of an agent is off, in the unit that says it best."""
    if offset_ms is None:
        return ""
    return f"{offset_ms:+d} ms" if abs(offset_ms) < 10_000 else f"{offset_ms / 1000:+,.0f} s"


def size(count: int | None) -> str:
    """Return a number of bytes as people read it."""
    if count is None:
        return ""
    value, unit = float(count), 0
    while value >= 1024 and unit < len(UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{value:.0f} {UNITS[unit]}" if unit == 0 or value >= 10 else f"{value:.1f} {UNITS[unit]}"
