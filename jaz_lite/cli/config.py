"""The group `config`: all settings of the site and where they come from; `setting` changes those of the store."""

from jaz_lite.cli.printing import print_json, print_table
from jaz_lite.cli.session import Group, Session, json_option, pass_session

config = Group("config", help="What the site is set to: config.toml, and the settings that `jaz-lite setting` changes.")


@config.command("show", example="jaz-lite config show --json")
@json_option
@pass_session
def show(session: Session, as_json: bool) -> None:
    """List every setting with its value, its default and where the value comes from."""
    answer = session.ask_anywhere("config.show")
    if as_json:
        print_json(answer)
        return
    print_table(
        ("setting", "value", "default", "origin"),
        [(row["name"], row["value"], row["default"], row["origin"]) for row in answer["settings"]],
    )
