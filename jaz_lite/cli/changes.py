"""What the commands that change definitions have in common: their options, the document they read, and what they tell."""

import json
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from jaz_lite.cli.printing import line, print_json, problems_table, say
from jaz_lite.cli.session import json_option
from jaz_lite.errors import DefinitionError, JazLiteError

F = TypeVar("F", bound=Callable[..., Any])
OBJECT_ID = click.argument("object_id", metavar="ID[@VERSION]")
NEW_ID = click.argument("object_id", metavar="ID")
FILE_BYTES_MAX = 32 * 1024 * 1024


def change_options(command: F) -> F:
    """Give a command `--enable`, `--dry-run` and `--json`."""
    for option in (
        json_option,
        click.option("--dry-run", is_flag=True, help="Tell what would happen; change nothing."),
        click.option("--enable", is_flag=True, help="Enable the new version too, or save nothing."),
    ):
        command = option(command)
    return command


def about_options(command: F) -> F:
    """Give a command `--name`, `--memo` and `--public`."""
    for option in (
        click.option("--public/--private", default=None, help="Whether everybody may see and run it."),
        click.option("--memo", help="A remark."),
        click.option("--name", help="What people call it; if not given, its id."),
    ):
        command = option(command)
    return command


def tell_change(answer: dict[str, Any], as_json: bool, *more: str) -> int:
    """Print what a change did, or would do, and return the exit code.

    Args:
        more: sentences on what it did.
    """
    if as_json:
        print_json(answer)
        return int(answer["action"] == "refused")
    name = f"{answer['kind']} {answer['id']}"
    if answer["action"] == "refused":
        problems_table(answer["problems"])
        say(f"{name}: nothing was saved")
        return 1
    for each in (answer, *answer["also"]):
        line(_saved(each, dry_run=answer["dry_run"]))
    for sentence in more:
        line(f"  {sentence}")
    hindered = any(problem["severity"] == "error" for problem in answer["problems"])
    if hindered:
        say(f"{name} cannot be enabled yet:")
    problems_table(answer["problems"])
    if answer["dry_run"]:
        say("this was a rehearsal: nothing was saved")
    elif not answer["enabled"] and not hindered:
        for each in (*answer["also"], answer):
            if not each["enabled"]:
                say(f"not enabled; this does it: jaz-lite {each['kind']} enable {each['id']}@{each['version']}")
    return 0


def _saved(each: dict[str, Any], *, dry_run: bool) -> str:
    name = f"{each['kind']} {each['id']}@{each['version']}"
    enabled = ", enabled" if each["enabled"] else ""
    if each["action"] == "unchanged":
        return f"{name}: nothing to change{enabled}"
    verb = {"made": "would be made" if dry_run else "made", "changed": "would change" if dry_run else "changed"}
    source = f" from @{each['base']}" if each["base"] else ""
    return f"{name} {verb[each['action']]}{source}{enabled}"


def read_bytes(file: str) -> bytes:
    """Return what a file holds; `-` is standard input.

    Raises:
        JazLiteError: it cannot be read, or is too big.
    """
    try:
        if file == "-":
            data = sys.stdin.buffer.read(FILE_BYTES_MAX + 1)
        else:
            with open(file, "rb") as source:
                data = source.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise JazLiteError(f"{file} cannot be read: {error.strerror}") from error
    if len(data) > FILE_BYTES_MAX:
        raise JazLiteError(f"{file} has more than {FILE_BYTES_MAX} bytes")
    return data


def read_document(kind: str, file: str) -> dict[str, Any]:
    """Return the document of a JSON file: the whole, or its "document", as `show --json` prints it.

    Raises:
        DefinitionError: it is no JSON, or no document of this kind.
    """
    shown = "standard input" if file == "-" else file
    try:
        value = json.loads(read_bytes(file).decode("utf-8-sig"))
    except json.JSONDecodeError as error:
        where = f"{shown}: line {error.lineno}, column {error.colno}"
        raise DefinitionError(f"{where}: it is no JSON: {error.msg}") from None
    except (UnicodeDecodeError, RecursionError) as error:
        raise DefinitionError(f"{shown} is no JSON: {error}") from None
    if isinstance(value, dict) and isinstance(value.get("document"), dict):
        value = value["document"]
    if not isinstance(value, dict):
        raise DefinitionError(f"{shown} holds no document", hint=f"write one as `jaz-lite {kind} show ID --json` does")
    if not isinstance(value.get(f"{kind}_id"), str):
        other = next((name for name in ("calendar", "filter", "schedule", "jobnet") if f"{name}_id" in value), None)
        hint = f"it seems to be a {other}: jaz-lite {other} put" if other and other != kind else ""
        raise DefinitionError(f"{shown}: a document of a {kind} has a {kind}_id, which is a text", hint=hint)
    return value
