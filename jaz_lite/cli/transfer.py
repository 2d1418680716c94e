"""`jaz-lite import` and `jaz-lite export`: files on this side, documents on the other."""

import os
import re
import sys
from contextlib import suppress
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import click

from jaz_lite.cli.printing import print_json, print_table, problems_table, say
from jaz_lite.cli.session import Command, Session, json_option, pass_session
from jaz_lite.errors import JazLiteError, UsageError

KINDS = ("calendar", "filter", "schedule", "jobnet")
YEARS_MAX = 100


@click.command(
    "import",
    cls=Command,
    example="jaz-lite import COMMON_JOBNETS.xml --enable\njaz-lite import *.xml --overwrite --dry-run --json",
)
@click.argument("files", nargs=-1, required=True, metavar="FILE…", type=click.Path())
@click.option("--overwrite", is_flag=True, help="Replace versions that are there already.")
@click.option("--enable", is_flag=True, help="Enable what the file says was enabled; else all comes in disabled.")
@click.option("--dry-run", is_flag=True, help="Tell what would happen; change nothing.")
@json_option
@pass_session
def import_files(
    session: Session, files: tuple[str, ...], overwrite: bool, enable: bool, dry_run: bool, as_json: bool
) -> int:
    """Take in exports of Job Arranger (XML, 3.x to 7.x): all of them, or nothing and every problem at once."""
    documents, problems = read_files(files)
    if any(problem["severity"] == "error" for problem in problems):
        answer: dict[str, Any] = {"imported": [], "problems": problems}
    else:
        answer = session.ask_anywhere(
            "definition.import", documents=documents, overwrite=overwrite, enable=enable, dry_run=dry_run
        )
        answer["problems"] = [*problems, *answer["problems"]]
    failed = any(problem["severity"] == "error" for problem in answer["problems"])
    if as_json:
        print_json(answer)
        return int(failed)
    print_table(
        ("kind", "id", "version", "enabled", "action"),
        [(row["kind"], row["id"], row["version"], row["enabled"], row["action"]) for row in answer["imported"]],
    )
    problems_table(answer["problems"])
    count = len(answer["imported"])
    if failed:
        say("nothing was imported")
    else:
        say(f"{'would import' if dry_run else 'imported'} {count} version{'' if count == 1 else 's'}")
    return int(failed)


def read_files(files: tuple[str, ...]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the documents of files, and what is wrong with them. Secrets are plain and marked."""
    from jaz_lite.compat.jaz_xml import read_export
    from jaz_lite.operations.definitions import problem_shown
    from jaz_lite.operations.secrets import marked

    documents: list[dict[str, Any]] = []
    problems: list[dict[str, Any]] = []
    for file in dict.fromkeys(files):
        shown = os.fsencode(file).decode("utf-8", "backslashreplace")
        export = read_export(Path(file), file_name=shown, seal=marked)
        documents += [
            {"kind": each.kind, "document": each.document, "enabled": each.enabled, "file": shown}
            for each in export.documents
        ]
        problems += [problem_shown(problem) for problem in export.problems]
    return documents, problems


@click.command(
    cls=Command,
    example="jaz-lite export -o site.xml\njaz-lite export jobnet Icon_1 Icon_10@20230921110530 --with-secrets > two.xml",
)
@click.argument("kind", required=False, type=click.Choice(KINDS))
@click.argument("names", nargs=-1, metavar="[ID[@VERSION]]…")
@click.option("--format", "form", type=click.Choice(["xml", "yaml"]), default="xml", show_default=True)
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="File to write; else standard output.")
@click.option(
    "--with-secrets", is_flag=True, help="Also passwords, scrambled as Job Arranger does it: readable by anyone."
)
@click.option(
    "--years",
    metavar="FROM-TO",
    help="Years whose operating days are written of calendars with a rule; else last year to the one after next.",
)
@pass_session
def export(
    session: Session,
    kind: str | None,
    names: tuple[str, ...],
    form: str,
    output: str | None,
    with_secrets: bool,
    years: str | None,
) -> int:
    """Write definitions as XML that Job Arranger 6.x and 7.x accept: all, one kind, or single objects.

    A jobnet with an icon that Job Arranger does not have is left out; the exit code is 1 then.
    """
    if form == "yaml":
        raise UsageError("YAML is not in this build", hint="--format xml")
    from jaz_lite.compat.jaz_xml import ExportedObject, write_export
    from jaz_lite.operations.definitions import problem_shown
    from jaz_lite.operations.secrets import unmarked

    span = _years(years)
    objects: list[ExportedObject] = []

    def take(items: list[dict[str, Any]]) -> None:
        objects.extend(ExportedObject(item["kind"], item["document"], item["enabled"]) for item in items)

    session.ask_anywhere("definition.export", take, kind=kind or "", names=list(names), with_secrets=with_secrets)
    written = BytesIO()
    problems = write_export(
        objects,
        user_name="Admin",
        user_type="SUPER",
        with_secrets=with_secrets,
        unseal=unmarked,
        out=written,
        years=span,
        root=kind.capitalize() if kind else "All",
    )
    places = [problem.place for problem in problems if problem.severity == "error"]
    left_out = len({(place.kind, place.object_id, place.version) for place in places})
    count = len(objects) - left_out
    if count or not left_out:
        save(written.getvalue(), output, private=with_secrets)
    problems_table([problem_shown(problem) for problem in problems])
    say(f"exported {count} version{'' if count == 1 else 's'}{f', left out {left_out}' if left_out else ''}")
    return int(left_out > 0)


def _years(text: str | None) -> range:
    """Return the years of FROM-TO; of nothing, those around now that a site is likely to need elsewhere."""
    if text is None:
        this_year = datetime.now(UTC).year
        return range(this_year - 1, this_year + 3)
    first, _, last = text.partition("-")
    is_span = re.fullmatch("[0-9]{4}", first) and re.fullmatch("[0-9]{4}", last) and 1 <= int(first) <= int(last)
    if not is_span or int(last) - int(first) >= YEARS_MAX:
        raise click.UsageError(f"'{text}' is not FROM-TO, as in 2024-2027, of at most {YEARS_MAX} years")
    return range(int(first), int(last) + 1)


def save(data: bytes, output: str | None, *, private: bool) -> None:
    """Write an export to standard output or, whole or not at all, to a file; one with secrets only for its owner."""
    if output is None or output == "-":
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    part = Path(f"{output}.part")
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600 if private else 0o666), "wb") as target:
            target.write(data)
        part.replace(output)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        raise JazLiteError(f"{output} cannot be written: {error.strerror}") from error
