"""`jaz-lite preview`: what would start, and with `--simulate` how it would go."""

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from jaz_lite.cli.printing import print_table, say
from jaz_lite.cli.session import Command, Session, json_option, pass_session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaz_lite.cli.preview_material import Material
    from jaz_lite.cli.preview_text import Moments
    from jaz_lite.cli.simulation import Simulated
    from jaz_lite.forecast.night import Foreseen

LINES_SHOWN = 1_000
RUNS_SHOWN = 60
DISABLED_TOLD_MAX = 5


@click.command(
    cls=Command,
    example="jaz-lite preview --to +7d\njaz-lite preview --from 2026-12-01 --to 2026-12-31 --schedule MONTH_END --json\n"
    "jaz-lite preview --file edited.json --schedule NIGHTLY",
)
@click.option("--from", "since", metavar="TIME", help="Begin: 2026-11-23, '2026-11-23 03:12', +2h; else now.")
@click.option(
    "--to", "until", metavar="TIME", help="End: as --from, or +7d from there; a day means its end. Else +24h."
)
@click.option(
    "--schedule",
    "schedules",
    metavar="ID[@VERSION]",
    multiple=True,
    help="Only this one, enabled or not; may be repeated.",
)
@click.option("--jobnet", "jobnet_id", metavar="ID", help="Only starts of this jobnet.")
@click.option(
    "--file",
    "files",
    metavar="FILE",
    multiple=True,
    help="Definitions to be laid over the stored ones; may be repeated.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=None,
    help=f"So many lines at most; else {LINES_SHOWN}, with --json all.",
)
@click.option("--simulate", is_flag=True, help="Play it with the durations of the past: when does what end?")
@click.option("--default-duration", default="60s", show_default=True, metavar="SPAN", help="Of jobs without a past.")
@click.option(
    "--history",
    type=click.IntRange(0, 1000),
    default=20,
    show_default=True,
    help="So many past runs of each jobnet count.",
)
@json_option
@pass_session
def preview(
    session: Session,
    since: str | None,
    until: str | None,
    schedules: tuple[str, ...],
    jobnet_id: str | None,
    files: tuple[str, ...],
    limit: int | None,
    simulate: bool,
    default_duration: str,
    history: int,
    as_json: bool,
) -> None:
    """List what would start in a period, as the scheduler works it out.

    What is planned already is told as it is planned, with what people did to it: moved, held, deleted. Of a period
    that is over it says what should have started by the definitions as they are now, and what became of it.
    """
    from jaz_lite.cli.preview_material import gather

    material = gather(
        session,
        since=since,
        until=until,
        schedules=schedules,
        jobnet_id=jobnet_id,
        files=files,
        everything=simulate,
    )
    if not simulate:
        list_starts(material, limit, as_json=as_json)
        return
    from jaz_lite.cli import simulation

    played = simulation.run(session, material, default_ms=simulation.read_span_ms(default_duration), history=history)
    chosen = {name.partition("@")[0] for name in schedules}
    runs = [
        each
        for each in played.night.runs
        if (not chosen or each.usual.schedule_id in chosen)
        and jobnet_id in (None, each.usual.run.jobnet.jobnet_id)
        and (each.usual.lived or (each.usual.run.scheduled_ms or material.since_ms) >= material.since_ms)
    ]
    tell_night(material, played, runs, limit, as_json=as_json)


def tell_night(
    material: "Material", played: "Simulated", runs: "Sequence[Foreseen]", limit: int | None, *, as_json: bool
) -> None:
    """Print a simulated night."""
    from jaz_lite.cli import preview_text, simulation_json, simulation_text

    moments = preview_text.Moments(material.zone)
    told = problems(material, played.problems)
    if as_json:
        head = {"from": moments.at(material.since_ms), "to": moments.at(material.until_ms), "zone": material.zone.key}
        night = simulation_json.shown(played.night, runs[:limit], moments)
        every = night.pop("runs")
        print_stream(
            {**head, "problems": told, "more": limit is not None and len(runs) > limit, **night}, "runs", every
        )
        return
    if runs:
        simulation_text.tell(played.night, runs, moments, limit or RUNS_SHOWN)
    else:
        say(f"nothing would start {between(material, moments)}")
        told += _disabled(material)
    for sentence in told:
        say(sentence)


def list_starts(material: "Material", limit: int | None, *, as_json: bool) -> None:
    """Print the starts of a period."""
    from itertools import islice

    from jaz_lite.cli import preview_text

    moments = preview_text.Moments(material.zone)
    starts = material.upcomings()
    told = problems(material, starts.problems)
    if as_json:
        head = {"from": moments.at(material.since_ms), "to": moments.at(material.until_ms), "zone": material.zone.key}
        every = (preview_text.shown(one, moments) for one in islice(starts, limit))
        print_stream({**head, "problems": told, "more": limit is not None and len(starts) > limit}, "starts", every)
        return
    shown = limit or LINES_SHOWN
    rows = (preview_text.row(one, moments) for one in islice(starts, shown))
    if not starts:
        told += _disabled(material)
    print_table(preview_text.COLUMNS, rows, empty=f"nothing would start {between(material, moments)}")
    for sentence in told:
        say(sentence)
    if len(starts) > shown:
        say(f"{len(starts) - shown} more: --limit {len(starts)} shows them all")


def between(material: "Material", moments: "Moments") -> str:
    """Return the period of a preview in words."""
    return f"between {moments.short(material.since_ms)} and {moments.short(material.until_ms)}"


def problems(material: "Material", found: list[str]) -> list[str]:
    """Return what people should know of the definitions that a preview goes by."""
    told = list(found)
    told += [f'schedule "{each}" is not enabled: this is what it would start' for each in material.not_enabled]
    if not material.running:
        told.append("no server runs on this data directory: nothing is started until one does")
    return told


def _disabled(material: "Material") -> list[str]:
    """Say, of a preview with nothing in it, that there are schedules which start nothing as they are."""
    names = material.disabled
    if not names:
        return []
    some = ", ".join(names[:DISABLED_TOLD_MAX]) + (" …" if len(names) > DISABLED_TOLD_MAX else "")
    what = "1 schedule is" if len(names) == 1 else f"{len(names)} schedules are"
    return [f"{what} disabled: {some} (`jaz-lite schedule enable` enables one; --schedule ID shows it as it is)"]


def print_stream(head: dict[str, Any], name: str, rows: Any) -> None:
    """Print one JSON document with a long list in it, a line each, without holding it all."""
    utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"

    def text(value: Any) -> str:
        return json.dumps(value, ensure_ascii=not utf8)

    write = sys.stdout.write
    write("{" + "".join(f"{text(key)}: {text(value)}, " for key, value in head.items()) + f"{text(name)}: [")
    before = "\n"
    for one in rows:
        write(before + text(one))
        before = ",\n"
    write("\n]}\n")
