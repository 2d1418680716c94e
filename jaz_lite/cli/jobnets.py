"""The group `jobnet`: what it has besides the commands of every kind."""

from typing import Any

import click

from jaz_lite.cli.definitions import NAME, add_list, made, show_head
from jaz_lite.cli.printing import line, print_json, print_table
from jaz_lite.cli.session import Session, json_option, pass_session

TOLD_BEFORE = ("jobnet_id", "version", "name", "memo", "owner", "public")

jobnet = made("jobnet")
add_list(jobnet, "jobnet")


@jobnet.command("show", example="jaz-lite jobnet show Icon_1@20241017235352 --graph")
@NAME
@click.option("--graph", is_flag=True, help="Draw the flow as text.")
@json_option
@pass_session
def show(session: Session, name: str, graph: bool, as_json: bool) -> None:
    """Show one version with everything in it; passwords are masked."""
    answer = session.ask_anywhere("definition.show", kind="jobnet", name=name)
    if as_json:
        print_json(answer)
        return
    if graph:
        from jaz_lite.cli.graph import drawn

        line(f"{answer['jobnet_id']}@{answer['version']}  {answer['name']}")
        for each in drawn(answer["document"]):
            line(each)
        return
    document = answer["document"]
    show_head("jobnet", answer)
    for field, value in document.items():
        if value not in (None, "", {}) and not isinstance(value, list | dict) and field not in TOLD_BEFORE:
            line(f"  {field}: {value}")
    rows = [
        (icon["icon_id"], icon["type"], icon.get("name") or "", params_line(icon["params"]))
        for icon in document["icons"]
    ]
    print_table(("icon", "type", "name", "settings"), rows)
    for flow in document["flows"]:
        kind_of_flow = "" if flow["kind"] == "plain" else f"  ({flow['kind']})"
        line(f"{flow['source']} -> {flow['target']}{kind_of_flow}")


def params_line(params: dict[str, Any]) -> str:
    """Return the settings of an icon on one line, those that say something."""
    parts = [f"{name}={value!r}" for name, value in params.items() if value not in (None, "", [], {}, False, 0)]
    return ", ".join(parts)
