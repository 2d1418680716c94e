"""`jaz-lite snapshot` and `verify`: copies of the data directory, and whether they can be relied on."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from jaz_lite.agent.place import absolute
from jaz_lite.cli.printing import PassingLine, counted, line, moment, print_json, say, size_text
from jaz_lite.cli.session import Command, Session, json_option, pass_session

if TYPE_CHECKING:
    from jaz_lite.store.verifying import Verified


@click.command(
    cls=Command,
    example="jaz-lite snapshot /mnt/backup/before-the-upgrade\njaz-lite snapshot /mnt/backup/series --keep 24",
)
@click.argument("folder", metavar="DIR")
@click.option("--keep", type=click.IntRange(min=1), metavar="N", help="DIR holds a series: keep its newest N copies.")
@json_option
@pass_session
def snapshot(session: Session, folder: str, keep: int | None, as_json: bool) -> None:
    """Take a consistent copy of the data directory, of a running server too. DIR must not exist yet."""
    progress = PassingLine()

    def passed(item: Mapping[str, int]) -> None:
        progress.show(f"{size_text(item['done'])} of {size_text(item['all'])}")

    try:
        answer = session.ask_anywhere("snapshot", on_item=passed, folder=absolute(folder), keep=keep)
    finally:
        progress.end()
    if as_json:
        print_json(answer)
        return
    line(f"{answer['folder']}: {size_text(answer['bytes'])} as of {moment(answer['taken_at'])}")
    for removed in answer["removed"]:
        line(f"removed {removed}")
    say("it holds the keys of the site: protect it like the original")


@click.command(cls=Command, example="jaz-lite verify /mnt/backup/before-the-upgrade")
@click.argument("folder", metavar="DIR")
@json_option
def verify(folder: str, as_json: bool) -> None:
    """Check a copy of a data directory: its files, its database, its keys. Exit code 6: it is damaged."""
    from pathlib import Path

    from jaz_lite.store import verifying
    from jaz_lite.store.folder_lock import undisturbed

    place = Path(absolute(folder))
    passing = PassingLine()

    def passed(done: int, of: int) -> None:
        passing.show(f"{size_text(done)} of {size_text(of)}" if done < of else "the database is looked through")

    try:
        with undisturbed(place):
            found = verifying.verify(place, passed)
            verifying.refuse_bad_settings(place)
    finally:
        passing.end()
    told = _told(found)
    if as_json:
        print_json(told)
    else:
        _show(told)


def _told(found: "Verified") -> dict[str, Any]:
    from jaz_lite import config
    from jaz_lite.operations.times import shown

    zone = config.zone(config.read(found.folder)["site.zone"])
    return {
        "folder": str(found.folder),
        "server_id": found.binding.server_id,
        "snapshot": found.manifest is not None,
        "taken_at": shown(found.manifest.taken_ms if found.manifest else found.binding.copied_ms, zone),
        "last_tick_at": shown(found.last_tick_ms, zone),
        "epoch": found.epoch,
        "boot": found.boot,
        "format": found.schema,
        "format_known": found.schema_known,
        "agents": found.agents,
        "live_runs": found.live_runs,
        "in_use": found.in_use,
        "fenced": found.fenced is not None,
    }


def _show(told: dict[str, Any]) -> None:
    kind = f"a snapshot, taken {moment(told['taken_at'])}" if told["snapshot"] else "a data directory without manifest"
    line(f"{told['folder']} is sound: {kind}")
    line(
        f"server {told['server_id']}, term {told['epoch']}.{told['boot']}, alive {moment(told['last_tick_at']) or 'never'}"
    )
    if told["agents"] is None:
        line(f"format {told['format']}: it is brought to {told['format_known']} when it is used")
    else:
        line(f"{counted(told['agents'], 'agent')}, {counted(told['live_runs'], 'live run')}")
    if not told["snapshot"]:
        say("its files were compared with nothing: only a snapshot has a manifest")
    if told["in_use"]:
        say(
            "a server was using it when it was copied, or was killed there; of a running one `jaz-lite snapshot` takes copies"
        )
    if told["fenced"]:
        say("its server was replaced by another one")
