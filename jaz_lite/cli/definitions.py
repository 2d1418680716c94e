"""The groups `jobnet`, `calendar`, `filter` and `schedule`: the same commands for each kind of object."""

from typing import Any

import click

from jaz_lite.cli.printing import line, moment, print_json, print_table, problems_table, say
from jaz_lite.cli.session import Group, Session, json_option, pass_session

ARTICLE = {"jobnet": "jobnets", "calendar": "calendars", "filter": "filters", "schedule": "schedules"}
VALUE_CHARS_MAX = 120


def made(kind: str) -> Group:
    """Return the group of commands of a kind."""
    group = Group(kind, help=f"Look at {ARTICLE[kind]} and their versions, enable and disable them.")
    name = click.argument("name", metavar="ID[@VERSION]")
    names = click.argument("names", nargs=-1, required=True, metavar="ID[@VERSION]…")

    @group.command("list", example=f"jaz-lite {kind} list --json")
    @click.option("--versions", is_flag=True, help="Every version; else one row an id.")
    @json_option
    @pass_session
    def list_(session: Session, versions: bool, as_json: bool) -> None:
        """List all: the enabled version of each, else the newest."""
        answer = session.ask_anywhere("definition.list", kind=kind, versions=versions)
        if as_json:
            print_json(answer)
            return
        columns = [f"{kind}_id", "version", "enabled", "name", "public", "owner"]
        columns += ["icons"] if kind == "jobnet" else []
        rows = [[row[column] for column in columns] for row in answer[f"{kind}s"]]
        print_table((kind, *columns[1:]), rows, empty=f"there is no {kind}; `jaz-lite import` takes some in")

    def show(session: Session, name: str, as_json: bool, graph: bool = False) -> None:
        answer = session.ask_anywhere("definition.show", kind=kind, name=name)
        if as_json:
            print_json(answer)
        elif graph:
            from jaz_lite.cli.graph import drawn

            line(f"{answer[f'{kind}_id']}@{answer['version']}  {answer['name']}")
            for each in drawn(answer["document"]):
                line(each)
        else:
            show_object(kind, answer)

    if kind == "jobnet":

        @group.command("show", example="jaz-lite jobnet show Icon_1@20241017235352 --graph")
        @name
        @click.option("--graph", is_flag=True, help="Draw the flow as text.")
        @json_option
        @pass_session
        def show_jobnet(session: Session, name: str, graph: bool, as_json: bool) -> None:
            """Show one version with everything in it; passwords are masked."""
            show(session, name, as_json, graph)

    else:

        @group.command("show", example=f"jaz-lite {kind} show ID@20241017235352")
        @name
        @json_option
        @pass_session
        def show_other(session: Session, name: str, as_json: bool) -> None:
            """Show one version with everything in it."""
            show(session, name, as_json)

    @group.command("history", example=f"jaz-lite {kind} history ID")
    @click.argument("name", metavar="ID")
    @json_option
    @pass_session
    def history(session: Session, name: str, as_json: bool) -> None:
        """List every save of an object that is kept, latest first."""
        answer = session.ask_anywhere("definition.history", kind=kind, name=name)
        if as_json:
            print_json(answer)
            return
        print_table(
            ("version", "enabled", "saved at", "by", "name", "no longer"),
            [
                (
                    row["version"],
                    row["enabled"],
                    moment(row["saved_at"]),
                    row["saved_by"],
                    row["name"],
                    f"{row['superseded_why']} by {row['superseded_by']}" if row["superseded_why"] else "",
                )
                for row in answer["history"]
            ],
        )

    @group.command("diff", example=f"jaz-lite {kind} diff ID@20241017235352 ID@20241108093542")
    @click.argument("source", metavar="ID[@VERSION]")
    @click.argument("target", metavar="ID[@VERSION]")
    @json_option
    @pass_session
    def diff(session: Session, source: str, target: str, as_json: bool) -> int:
        """Show in what two versions differ; exit 1 if they do."""
        answer = session.ask_anywhere("definition.diff", kind=kind, source=source, target=target)
        changes = [change for change in answer["changes"] if change["where"] != "version"]
        if as_json:
            print_json(answer)
        else:
            show_changes(changes)
        return int(bool(changes))

    @group.command("check", example=f"jaz-lite {kind} check ID --json")
    @name
    @json_option
    @pass_session
    def check(session: Session, name: str, as_json: bool) -> int:
        """Tell everything that is or may be wrong with a version; exit 1 if it could not be enabled."""
        answer = session.ask_anywhere("definition.check", kind=kind, name=name)
        if as_json:
            print_json(answer)
        else:
            problems_table(answer["problems"])
            if not answer["problems"]:
                say(f"{kind} {name}: no problem found")
        return int(any(problem["severity"] == "error" for problem in answer["problems"]))

    @group.command("enable", example=f"jaz-lite {kind} enable ID@20241017235352")
    @names
    @json_option
    @pass_session
    def enable(session: Session, names: tuple[str, ...], as_json: bool) -> None:
        """Make a version of each object named the enabled one, all or none."""
        _told(session.ask_anywhere("definition.enable", kind=kind, names=list(names)), "enabled", as_json)

    @group.command("disable", example=f"jaz-lite {kind} disable ID")
    @names
    @json_option
    @pass_session
    def disable(session: Session, names: tuple[str, ...], as_json: bool) -> None:
        """Leave no version of the objects named enabled, all or none."""
        _told(session.ask_anywhere("definition.disable", kind=kind, names=list(names)), "disabled", as_json)

    @group.command("delete", example=f"jaz-lite {kind} delete ID@20241017235352")
    @name
    @click.option("--all-versions", is_flag=True, help="Delete the whole object.")
    @json_option
    @pass_session
    def delete(session: Session, name: str, all_versions: bool, as_json: bool) -> None:
        """Delete a version (or the whole object) that is not enabled."""
        answer = session.ask_anywhere("definition.delete", kind=kind, name=name, all_versions=all_versions)
        _told(answer, "deleted", as_json)

    @group.command("where-used", example=f"jaz-lite {kind} where-used ID")
    @click.argument("name", metavar="ID")
    @json_option
    @pass_session
    def where_used(session: Session, name: str, as_json: bool) -> None:
        """List every version that refers to an object."""
        answer = session.ask_anywhere("definition.where_used", kind=kind, name=name)
        if as_json:
            print_json(answer)
            return
        rows = [(row["kind"], row["id"], row["version"], row["enabled"]) for row in answer["used_by"]]
        print_table(("kind", "id", "version", "enabled"), rows, empty=f"nothing refers to {kind} {name}")

    return group


def _told(answer: dict[str, Any], verb: str, as_json: bool) -> None:
    if as_json:
        print_json(answer)
        return
    for row in answer[verb]:
        line(f"{verb} {row['kind']} {row['id']}@{row['version']}")
    if not answer[verb]:
        say(f"nothing was {verb}: it was so already")


def show_object(kind: str, answer: dict[str, Any]) -> None:
    """Print one version for people: its fields, then its parts."""
    document = answer["document"]
    line(f"{kind} {answer[f'{kind}_id']}@{answer['version']}" + ("  enabled" if answer["enabled"] else ""))
    for field, value in document.items():
        if (
            value not in (None, "", {})
            and not isinstance(value, list | dict)
            and field not in (f"{kind}_id", "version")
        ):
            line(f"  {field}: {value}")
    line(f"  saved: {moment(answer['saved_at'])} by {answer['saved_by']}")
    if kind == "jobnet":
        rows = [
            (icon["icon_id"], icon["type"], icon.get("name") or "", params_line(icon["params"]))
            for icon in document["icons"]
        ]
        print_table(("icon", "type", "name", "settings"), rows)
        for flow in document["flows"]:
            kind_of_flow = "" if flow["kind"] == "plain" else f"  ({flow['kind']})"
            line(f"{flow['source']} -> {flow['target']}{kind_of_flow}")
    elif kind == "schedule":
        for row in document["boot_times"]:
            line(f"  at {row['at'][:2]}:{row['at'][2:]} on {row['days_kind']} {row['days_id']}")
        for row in document["jobnets"]:
            line(f"  starts {row['jobnet_id']}")
    elif kind == "calendar":
        for day in document["days"]:
            line(f"  {day}")


def params_line(params: dict[str, Any]) -> str:
    """Return the settings of an icon on one line, those that say something."""
    parts = [f"{name}={value!r}" for name, value in params.items() if value not in (None, "", [], {}, False, 0)]
    return ", ".join(parts)


def show_changes(changes: list[dict[str, Any]]) -> None:
    """Print differences: what was with a minus, what is with a plus."""
    for change in changes:
        line(change["where"])
        for sign, value in (("-", change["source"]), ("+", change["target"])):
            if value is not None:
                text = repr(value)
                line(f"  {sign} {text if len(text) <= VALUE_CHARS_MAX else text[:VALUE_CHARS_MAX] + '…'}")
    if not changes:
        say("no difference")


jobnet = made("jobnet")
calendar = made("calendar")
filter_group = made("filter")
schedule = made("schedule")
