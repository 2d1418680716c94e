"""What the groups `jobnet`, `calendar`, `filter` and `schedule` have in common: the same commands for each kind."""

from typing import Any

import click

from jaz_lite.cli.changes import change_options, read_document, tell_change
from jaz_lite.cli.printing import line, moment, print_json, print_table, problems_table, say
from jaz_lite.cli.session import Group, Session, json_option, pass_session

HELP = {
    "jobnet": "Look at jobnets and their versions, enable and disable them.",
    "calendar": "Make calendars of operating days, look at them and their versions, enable and disable them.",
    "filter": "Make filters, which pick a day a month; look at them and their versions, enable and disable them.",
    "schedule": "Make schedules, look at them and their versions, enable and disable them.",
}
WHERE_FROM = {
    "jobnet": "`jaz-lite import` takes some in",
    "calendar": "`jaz-lite calendar create` makes one, `jaz-lite import` takes some in",
    "filter": "`jaz-lite filter create` makes one, `jaz-lite import` takes some in",
}
VALUE_CHARS_MAX = 120
NAME = click.argument("name", metavar="ID[@VERSION]")


def made(kind: str) -> Group:
    """Return the group of commands of a kind, without those that each kind has of its own: `list` and `show`."""
    group = Group(kind, help=HELP[kind])
    names = click.argument("names", nargs=-1, required=True, metavar="ID[@VERSION]…")

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
    @NAME
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
    @NAME
    @click.option("--all-versions", is_flag=True, help="Delete the whole object.")
    @json_option
    @pass_session
    def delete(session: Session, name: str, all_versions: bool, as_json: bool) -> None:
        """Delete a version (or the whole object) that is not enabled."""
        answer = session.ask_anywhere("definition.delete", kind=kind, name=name, all_versions=all_versions)
        _told(answer, "deleted", as_json)

    @group.command("put", example=f"jaz-lite {kind} show ID --json > f.json; jaz-lite {kind} put f.json --enable")
    @click.argument("file", metavar="FILE|-", type=click.Path())
    @click.option("--replace", is_flag=True, help="Save as the version that the document names, even over it.")
    @click.option("--draft", is_flag=True, help="Save it although it is wrong; it cannot be enabled then.")
    @change_options
    @pass_session
    def put(session: Session, file: str, replace: bool, draft: bool, enable: bool, dry_run: bool, as_json: bool) -> int:
        """Save what `show --json` prints, perhaps edited, as a new version; every problem is told at once.

        Masked passwords keep the stored value.
        """
        document = read_document(kind, file)
        base = str(document.get("version") or "")
        if not replace:
            document.pop("version", None)
        answer = session.ask_anywhere(
            "definition.put",
            kind=kind,
            document=document,
            base=base,
            replace=replace,
            strict=not draft,
            enable=enable,
            dry_run=dry_run,
        )
        return tell_change(answer, as_json)

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


def add_list(group: Group, kind: str) -> None:
    """Give a group the command `list`."""

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
        print_table((kind, *columns[1:]), rows, empty=f"there is no {kind}; {WHERE_FROM[kind]}")


def _told(answer: dict[str, Any], verb: str, as_json: bool) -> None:
    if as_json:
        print_json(answer)
        return
    for row in answer[verb]:
        line(f"{verb} {row['kind']} {row['id']}@{row['version']}")
        if row.get("planned"):
            say(
                f"runs that it has planned already, and that will start: {row['planned']}"
                f" (`jaz-lite run delete --schedule {row['id']}` takes them back)"
            )
    if not answer[verb]:
        say(f"nothing was {verb}: it was so already")


def show_head(kind: str, answer: dict[str, Any]) -> None:
    """Print what every kind of object has, one field a line."""
    document = answer["document"]
    line(f"{kind} {answer[f'{kind}_id']}@{answer['version']}" + ("  enabled" if answer["enabled"] else ""))
    for field in ("name", "memo", "owner"):
        if document.get(field):
            line(f"  {field}: {document[field]}")
    if document.get("public"):
        line("  public: everybody may see and run it")
    line(f"  saved: {moment(answer['saved_at'])} by {answer['saved_by']}")


def tell_newer(session: Session, kind: str, name: str, answer: dict[str, Any]) -> None:
    """Say that a newer version than the enabled one, which is shown, was saved."""
    if "@" in name or not answer["enabled"]:
        return
    newest = session.ask_anywhere("definition.history", kind=kind, name=name)["history"]
    version = max((row["version"] for row in newest if not row["superseded_why"]), default=answer["version"])
    if version > answer["version"]:
        say(f"a newer version is not enabled: jaz-lite {kind} show {name}@{version}")


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
