"""What `jaz-lite preview` works with: definitions and planned runs of the site, and files laid over them."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jaz_lite import config
from jaz_lite.cli.session import Session
from jaz_lite.errors import DefinitionError, JazLiteError, UsageError
from jaz_lite.forecast.definitions import Definitions, Outline, subs_in
from jaz_lite.forecast.material import known_run
from jaz_lite.forecast.upcoming import KnownRun, Upcomings
from jaz_lite.model.plain import Definition, from_plain
from jaz_lite.schedule.public_holidays import PublicHolidays

KINDS = ("filter", "calendar", "schedule", "jobnet")
YEARS_MAX = 12


@dataclass(slots=True)
class Material:
    """All that a preview is worked out from."""

    definitions: Definitions
    now_ms: int
    since_ms: int
    until_ms: int
    zone: ZoneInfo
    running: bool  # a server answered
    chosen: list[str] | None  # schedules that are asked for; None: all
    jobnet_id: str | None
    runs: list[KnownRun] = field(default_factory=list)
    not_enabled: list[str] = field(default_factory=list)  # schedules that are shown all the same
    disabled: list[str] = field(default_factory=list)  # schedules that start nothing, where all were asked for
    holidays: PublicHolidays = field(default_factory=PublicHolidays)

    def upcomings(self) -> Upcomings:
        """Return what would start."""
        return Upcomings(
            self.definitions,
            self.runs,
            now_ms=self.now_ms,
            since_ms=self.since_ms,
            until_ms=self.until_ms,
            zone=self.zone,
            holidays=self.holidays,
            schedules=self.chosen,
            jobnet_id=self.jobnet_id,
        )


def gather(
    session: Session,
    *,
    since: str | None,
    until: str | None,
    schedules: Sequence[str],
    jobnet_id: str | None,
    files: Sequence[str],
    everything: bool = False,
) -> Material:
    """Return what a preview needs, asked of the server or, where none runs, of the data directory.

    Args:
        schedules: only these, unless `everything` is wanted: then the versions named count beside all others.

    Raises:
        JazLiteError: a schedule that is named is not there, a file holds no definition, or a period is none.
    """
    laid_over = [definition for file in files for definition in read_definitions(file)]
    from_files = {id_of(each) for each in laid_over if hasattr(each, "boot_times")}
    definitions = Definitions()
    not_enabled: list[str] = []
    stored = [name for name in schedules if name not in from_files]

    def take(items: Iterable[dict[str, Any]]) -> None:
        for item in items:
            definition = from_plain(item["kind"], item["document"])
            definitions.put(definition)
            if item["kind"] == "schedule" and not item["enabled"]:
                not_enabled.append(id_of(definition))

    every = everything or not schedules
    answer = session.ask_anywhere(
        "preview.definitions", take, schedules=stored, all_schedules=every, since=since, until=until
    )
    for definition in laid_over:
        definitions.put(definition)
    material = Material(
        definitions,
        now_ms=answer["now_ms"],
        since_ms=answer["since_ms"],
        until_ms=answer["until_ms"],
        zone=config.zone(answer["zone"]),
        running=answer["running"],
        chosen=None if every else [name.partition("@")[0] for name in schedules],
        jobnet_id=None if everything else jobnet_id,
        not_enabled=[each for each in not_enabled if each not in from_files],
        disabled=[each for each in answer["disabled"] if each not in from_files],
    )
    check_period(material)
    _look_up(session, material)
    return material


def check_period(material: Material) -> None:
    """Refuse a period that is none, or longer than timetables go."""
    if material.until_ms <= material.since_ms:
        raise UsageError("the period ends before it begins", hint="--from 2026-12-01 --to 2026-12-31, or --to +7d")
    if material.until_ms - material.since_ms > YEARS_MAX * 366 * 86_400_000:
        raise UsageError(f"the period is longer than {YEARS_MAX} years")


def _look_up(session: Session, material: Material) -> None:
    """Ask what runs the times of the period have, and which jobnets could be started."""
    definitions = material.definitions
    chosen = definitions.schedules if material.chosen is None else material.chosen
    pairs = [
        {"schedule": schedule_id, "jobnet": row.jobnet_id}
        for schedule_id in chosen
        for row in definitions.schedules[schedule_id].jobnets
        if material.jobnet_id in (None, row.jobnet_id)
    ]

    def take(items: Iterable[dict[str, Any]]) -> None:
        material.runs.extend(known_run(item) for item in items)

    session.ask_anywhere(
        "preview.planned", take, pairs=pairs, since_ms=material.since_ms, until_ms=material.until_ms - 1
    )
    outline(session, definitions, [pair["jobnet"] for pair in pairs])


def outline(session: Session, definitions: Definitions, jobnet_ids: Iterable[str]) -> None:
    """Learn which versions of jobnets, and of those inside them, are enabled."""
    over = definitions.laid_over
    wanted = dict.fromkeys(jobnet_ids)
    for jobnet in over.values():
        wanted |= dict.fromkeys(subs_in(jobnet))
    missing = [each for each in wanted if each not in over and each not in definitions.outlines]
    if not missing:
        return
    answer = session.ask_anywhere("preview.jobnets", ids=missing)
    for jobnet_id, told in answer["jobnets"].items():
        if told is not None:
            definitions.outlines[jobnet_id] = Outline(told["doc_id"], told["version"], tuple(told["subs"]))


# ---- files


def id_of(definition: Definition) -> str:
    """Return the id of the object that a definition is a version of."""
    return next(str(getattr(definition, f"{kind}_id")) for kind in KINDS if hasattr(definition, f"{kind}_id"))


def read_definitions(file: str) -> list[Definition]:
    """Return the definitions of a file: JSON as `KIND show --json` prints it (one or a list), or an export of JAZ.

    Raises:
        UsageError: it cannot be read, or is neither. DefinitionError: a definition in it is wrong.
    """
    try:
        data = Path(file).read_bytes()
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from error
    if data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return _from_xml(file)
    try:
        found = json.loads(data)
    except ValueError as error:
        raise UsageError(
            f"{file} is neither JSON nor an export of Job Arranger: {error}",
            hint="write it with `jaz-lite schedule show ID --json`",
        ) from error
    documents = found if isinstance(found, list) else [found]
    return [_from_json(file, document) for document in documents]


def _from_json(file: str, shown: Any) -> Definition:
    document = shown.get("document", shown) if isinstance(shown, dict) else None
    kind = next((kind for kind in KINDS if isinstance(document, dict) and f"{kind}_id" in document), None)
    if kind is None or not isinstance(document, dict):
        raise UsageError(f"{file} holds no definition", hint="write one with `jaz-lite schedule show ID --json`")
    try:
        return from_plain(kind, {"version": "edited", **document})
    except DefinitionError as error:
        raise DefinitionError(f"{file}: {error.message}", hint=error.hint) from error


def _from_xml(file: str) -> list[Definition]:
    from jaz_lite.cli.transfer import read_files

    documents, problems = read_files((file,))
    errors = [problem for problem in problems if problem["severity"] == "error"]
    if errors:
        raise JazLiteError(f"{file}: {errors[0]['message']}", hint=errors[0]["hint"])
    # Of several versions the one that the file calls enabled counts, else the newest.
    ranked = sorted(documents, key=lambda each: (each["enabled"], str(each["document"].get("version"))))
    return [from_plain(each["kind"], each["document"]) for each in ranked]
