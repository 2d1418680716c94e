"""`jaz-lite diff-export`: what a replaced server knows alone, for people to carry over."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from jaz_lite.agent.place import absolute
from jaz_lite.cli.printing import counted, line, moment, print_json, print_table, say
from jaz_lite.cli.session import Command, Session, json_option, pass_session
from jaz_lite.errors import Refused, StoreDamaged

if TYPE_CHECKING:
    from jaz_lite.operations.divergence import Span
    from jaz_lite.store.stopped import Stopped

LOOKS_FOR_S = 600.0
LIST_FILE = "diff.json"


@click.command(
    "diff-export",
    cls=Command,
    example="jaz-lite diff-export --data /var/lib/jaz-lite --against /mnt/copy-of-the-new-server -o found\n"
    "jaz-lite diff-export --data /var/lib/jaz-lite --since 2026-11-23T03:12 --json",
)
@click.option("--against", metavar="DIR", help="A copy of the server that took over, to compare with.")
@click.option("--since", metavar="WHEN", help="When the copy was taken that took over; else what is known of it.")
@click.option("-o", "--output", metavar="DIR", help="Write the definitions and the list as files into a new folder.")
@click.option("--with-secrets", is_flag=True, help="Also passwords, readable by anyone who reads the files.")
@json_option
@pass_session
def diff_export(
    session: Session, against: str | None, since: str | None, output: str | None, with_secrets: bool, as_json: bool
) -> None:
    """Tell what a replaced server knows alone: definitions changed there, runs that the new server never had.

    The directory is only read, and nothing is merged: its definitions are written as files for `put`.
    """
    from jaz_lite.operations.divergence import documents, known_here_alone

    target = None if output is None else _new_folder(output)
    with _compared(Path(session.folder), against, since) as (stopped, span, how):
        told = {**_head(stopped, span, against, how), **known_here_alone(span), "files": []}
        if target is not None:
            told["files"] = _written(target, told, dict(documents(span, told, with_secrets=with_secrets)))
    if as_json:
        print_json(told)
    else:
        _show(told, target)


@contextmanager
def _compared(folder: Path, against: str | None, since: str | None) -> "Iterator[tuple[Stopped, Span, str]]":
    """Open both directories, and find out since when they went apart."""
    from contextlib import ExitStack

    from jaz_lite import config
    from jaz_lite.clock import SystemClock
    from jaz_lite.operations.divergence import Span, parting
    from jaz_lite.operations.times import read_ms
    from jaz_lite.store.stopped import look_into

    clock = SystemClock()
    zone = config.zone(config.read(folder)["site.zone"])
    with ExitStack() as opened:
        stopped = opened.enter_context(look_into(folder, clock=clock))
        here = opened.enter_context(stopped.store.snapshot(LOOKS_FOR_S))
        there = None
        if against is not None:
            other = Path(absolute(against))
            if other.resolve() == folder.resolve():
                raise Refused(f"{other} is the directory itself", hint="name a copy of the server that took over")
            found = opened.enter_context(look_into(other, clock=clock))
            if found.binding.site_uid != stopped.binding.site_uid:
                raise Refused(f"{other} is of another site than {folder}", hint="name a copy of the same site")
            there = opened.enter_context(found.store.snapshot(LOOKS_FOR_S))
        if since is not None:
            since_ms: int | None = read_ms(since, zone=zone, now_ms=clock.now_ms())
            how = "as was said"
        else:
            since_ms, how = parting(stopped, here, there, zone)
        yield (
            stopped,
            Span(here=here, there=there, since_ms=since_ms, keys=stopped.store.keys, zone=zone),
            how,
        )


def _head(stopped: "Stopped", span: "Span", against: str | None, how: str) -> dict[str, Any]:
    from jaz_lite.operations.times import shown
    from jaz_lite.wire.ident import epoch_and_boot

    site, by = span.here.term.site(), stopped.fenced
    return {
        "folder": str(stopped.folder),
        "server_id": site.server_id,
        "epoch": site.epoch,
        "boot": site.boot,
        "alive_at": shown(site.last_tick_ms, span.zone),
        "replaced": None
        if by is None
        else {
            "epoch": epoch_and_boot(by.term)[0],
            "addresses": list(by.addrs),
            "seen_from": by.seen_from,
            "at": shown(by.at_ms, span.zone),
        },
        "against": against,
        "since": shown(span.since_ms, span.zone),
        "since_known_by": how,
    }


# ---- files


def _new_folder(output: str) -> Path:
    target = Path(absolute(output))
    try:
        target.mkdir(mode=0o700, exist_ok=True)
        if any(target.iterdir()):
            raise Refused(f"{target} is not empty", hint="name a folder that does not exist yet")
    except OSError as error:
        raise StoreDamaged(f"{target} cannot be made: {error.strerror}") from error
    return target


def _written(target: Path, told: Mapping[str, Any], files: Mapping[str, Any]) -> list[str]:
    try:
        for name, content in {**files, LIST_FILE: {**told, "files": sorted(files)}}.items():
            descriptor = os.open(target / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(descriptor, "w", encoding="utf-8") as file:
                json.dump(content, file, indent=2, ensure_ascii=False)
                file.write("\n")
    except OSError as error:
        raise StoreDamaged(f"{target} cannot be written: {error.strerror}") from error
    return sorted(files)


# ---- for people


def _show(told: Mapping[str, Any], target: Path | None) -> None:
    line(
        f"server {told['server_id']}, term {told['epoch']}.{told['boot']}, alive {moment(told['alive_at']) or 'never'}"
    )
    by = told["replaced"]
    if by is None:
        line("it was not replaced, as far as it knows")
    else:
        where = f" at {', '.join(by['addresses'])}" if by["addresses"] else ""
        line(f"it was replaced by epoch {by['epoch']}{where}, as was learnt at {moment(by['at'])}")
    if told["since"] is None:
        line(told["since_known_by"])
    else:
        line(f"what was done here since {moment(told['since'])} is told ({told['since_known_by']})")
    _show_definitions(told)
    _show_surroundings(told)
    print_table(
        ("run", "jobnet", "version", "state", "exit code", "started", "ended", "by", "how"),
        [
            (
                run["run_id"],
                run["jobnet_id"],
                run["version"],
                run["state"],
                run["exit_code"],
                moment(run["started_at"]),
                moment(run["ended_at"]),
                run["user"],
                run["how"],
            )
            for run in told["runs"]
        ],
        empty="no run that only this server knows",
    )
    if target is not None:
        say(f"wrote {counted(len(told['files']), 'definition')} and {LIST_FILE} into {target}")
    for name in told["files"]:
        say(f"on the server of now: jaz-lite {name.partition('-')[0]} put {name}")


def _show_definitions(told: Mapping[str, Any]) -> None:
    rows = [
        (one["kind"], one["id"], one["version"], one["how"], one["enabled"], moment(one["at"]), one["by"])
        for one in told["definitions"]
    ]
    rows += [
        (one["kind"], one["id"], one["version"], "deleted", False, moment(one["at"]), one["by"])
        for one in told["deleted"]
    ]
    print_table(
        ("kind", "id", "version", "how", "enabled", "at", "by"), rows, empty="no definition was changed only here"
    )


def _show_surroundings(told: Mapping[str, Any]) -> None:
    if told["hosts"] is None:
        say("which versions are enabled, hosts, settings and agents bear no time: --against compares them")
        return
    for one in told["enabled"]:
        line(f"{one['kind']} {one['id']}: enabled here {one['here'] or 'none'}, there {one['there'] or 'none'}")
    for one in told["hosts"]:
        mine, theirs = ("none" if each is None else each["target"] for each in (one["here"], one["there"]))
        more = ", its details differ" if mine == theirs else ""
        line(f"host {one['host']}: here {mine}, there {theirs}{more}")
    for one in told["settings"]:
        line(f"setting {one['name']}: here {one['here']}, there {one['there']}")
    for one in told["agents"]:
        line(f"agent {one['agent_id']}: here {one['here']}, there {one['there'] or 'not known'}")
