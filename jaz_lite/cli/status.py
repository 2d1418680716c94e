"""`jaz-lite status`: the health of the server on one screen."""

from typing import Any

import click

from jaz_lite.cli.printing import age_text, line, moment, print_json, print_table, say
from jaz_lite.cli.session import Command, Session, json_option, pass_session

RUNS_COUNTED = ("running", "error", "waiting", "planned", "missed")


@click.command(cls=Command, example="jaz-lite status --json")
@json_option
@pass_session
def status(session: Session, as_json: bool) -> None:
    """Show whether the server is well: term, agents, runs, schedules."""
    told = session.ask("status")
    if as_json:
        print_json(told)
        return
    show(told)


def show(told: dict[str, Any]) -> None:
    """Print the status for people."""
    if told.get("state") == "standby":
        from jaz_lite.cli.standby import show as show_standby

        show_standby(told)
        return
    runs = told.get("runs", {})
    line(f"server {told.get('server_id', '')}: {told.get('state', '')}, term {told.get('epoch')}.{told.get('boot')}")
    if told.get("listen"):
        line(f"agents connect to {told['listen']}")
    line("runs: " + ", ".join(f"{runs.get(name, 0)} {name}" for name in RUNS_COUNTED))
    line("schedules: " + schedules_line(told.get("schedules") or {}))
    takeover = told.get("takeover")
    if takeover:
        line(f"takeover: confirmed {takeover['confirmed']} of {takeover['agents']} agents; the rest:")
        for agent in takeover["rest"]:
            seen = f", seen last {moment(agent['since'])}" if agent["since"] else ""
            line(f"  {agent['agent_id']}: {agent['reason']}{seen}")
    for one in told.get("standbys", ()):
        line(f"standby {one['who']}: {standby_line(one)}")
    line("last snapshot: " + snapshot_line(told))
    print_table(
        ("agent", "state", "reachable", "running jobs", "confirmed"),
        [(a["agent_id"], a["state"], a["reachable"], a["running"], a["confirmed"]) for a in told.get("agents", ())],
        empty="no agent is enrolled",
    )
    for notice in told.get("notices", ()):
        say(notice)


def standby_line(one: dict[str, Any]) -> str:
    """Return how far a standby is behind, as one phrase."""
    if one["state"] != "following":
        return str(one["state"])
    if not one["behind_changes"]:
        return "follows, has everything"
    return f"follows, {one['behind_changes']} changes ({one['behind_s']:.1f} s) behind"


def snapshot_line(told: dict[str, Any]) -> str:
    """Return when and where the newest copy was taken, as one line: what came later would be lost with the machine."""
    if not told.get("last_snapshot_at"):
        return "never"
    age = age_text(told["last_snapshot_age_s"])
    return f"{moment(told['last_snapshot_at'])} ({age} ago) in {told['last_snapshot_in']}"


def schedules_line(schedules: dict[str, Any]) -> str:
    """Return how many schedules are enabled and what comes next, as one line."""
    enabled = schedules.get("enabled", 0)
    if not enabled:
        return "none enabled"
    if not schedules.get("next_at"):
        return f"{enabled} enabled, no start to come"
    return f"{enabled} enabled, next start {moment(schedules['next_at'])} ({schedules['next_schedule']})"
