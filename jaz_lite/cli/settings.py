"""The group `setting`: what may change while the server runs. It works with and without a server."""

from typing import Any

import click

from jaz_lite.cli.printing import line, print_json, print_table
from jaz_lite.cli.session import Group, Session, json_option, pass_session

NAME = click.argument("name", metavar="NAME")

setting = Group("setting", help="Settings that take effect at once. Those of config.toml: `jaz-lite config show`.")


@setting.command("list", example="jaz-lite setting list")
@json_option
@pass_session
def list_(session: Session, as_json: bool) -> None:
    """List all, with their defaults and what they mean."""
    answer = session.ask_anywhere("setting.list")
    if as_json:
        print_json(answer)
        return
    print_table(
        ("setting", "value", "default", "meaning"),
        [(row["name"], row["text"], row["default_text"], row["meaning"]) for row in answer["settings"]],
    )


@setting.command("show", example="jaz-lite setting show keep_runs_min")
@NAME
@json_option
@pass_session
def show(session: Session, name: str, as_json: bool) -> None:
    """Show one: its value, where it comes from, what it may be."""
    found = session.ask_anywhere("setting.show", name=name)
    if as_json:
        print_json(found)
        return
    line(f"{found['name']}: {found['text']} ({_origin(found)})")
    line(found["meaning"])
    if found["range"]:
        line(f"it may be {found['range']}" + (": 90m, 36h, 30d, 2w" if found["unit"] == "min" else ""))


@setting.command("set", example="jaz-lite setting set keep_runs_min 36h")
@NAME
@click.argument("value", metavar="VALUE")
@json_option
@pass_session
def set_(session: Session, name: str, value: str, as_json: bool) -> None:
    """Change one, at once. Spans: 90m, 36h, 30d, 2w; a bare number is minutes."""
    _tell(session.ask_anywhere("setting.set", name=name, value=value), as_json)


@setting.command("reset", example="jaz-lite setting reset keep_runs_min")
@NAME
@json_option
@pass_session
def reset(session: Session, name: str, as_json: bool) -> None:
    """Let one be its default again."""
    _tell(session.ask_anywhere("setting.reset", name=name), as_json)


def _tell(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    line(f"{found['name']}: {found['text']} ({_origin(found)}); it was {found['was_text']}")


def _origin(found: dict[str, Any]) -> str:
    return "the default" if found["origin"] == "default" else f"set; the default is {found['default_text']}"
