"""What `jaz-lite preview --simulate` does: ask for documents, live runs, machines and the past, and play the night here.

It runs in the command's own process. A server that computed for seconds would start jobs late (one busy thread is
enough for that); reading what is needed costs it a few milliseconds at a time.
"""

import re
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from jaz_lite.cli.preview_material import Material, outline
from jaz_lite.cli.printing import is_terminal
from jaz_lite.cli.session import Session
from jaz_lite.engine.plan import PlanError
from jaz_lite.errors import UsageError
from jaz_lite.forecast import material as shapes
from jaz_lite.forecast.definitions import Definitions
from jaz_lite.forecast.durations import Durations
from jaz_lite.forecast.night import Night, coming, simulate
from jaz_lite.forecast.play import Tick
from jaz_lite.forecast.world import SLOTS_DEFAULT, Coming, Live, Machine, OpenWork, World
from jaz_lite.model.jobnet import Jobnet
from jaz_lite.model.plain import from_plain
from jaz_lite.schedule.days import operates

DAY_MS = 86_400_000
FROM_NOW_MS = 2 * DAY_MS  # a night that begins later than this is played without what runs now
BEYOND_MS = 7 * DAY_MS  # so long after the period runs may still end
SAMPLES_MAX = 200  # of one icon
TOLD_EVERY_S = 1.0
PASSES = re.compile(r"#\d+")
SPAN = re.compile(r"(\d{1,6})\s*([smhd]?)")
SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}


@dataclass(frozen=True, slots=True)
class Simulated:
    """A night, and what people should know of how it was worked out."""

    night: Night
    since_ms: int
    problems: list[str]


class Progress:
    """Says on a terminal how far long work is; nothing where it is quick, or nobody looks."""

    def __init__(self) -> None:
        self._next = time.monotonic() + TOLD_EVERY_S
        self._told = False
        self._seen = is_terminal(sys.stderr)

    def say(self, what: str) -> None:
        if self._seen and time.monotonic() >= self._next:
            self._next = time.monotonic() + TOLD_EVERY_S
            self._told = True
            sys.stderr.write(f"\r{what:<60}")
            sys.stderr.flush()

    def of(self, choice: str) -> Tick:
        """Return what is told of one way of playing."""

        def tick(activities: int) -> None:
            self.say(f"simulating ({choice}): {activities} jobs and waits")

        return tick

    def over(self) -> None:
        if self._told:
            sys.stderr.write(f"\r{'':<60}\r")


def read_span_ms(text: str) -> int:
    """Return a duration that a person writes, `90`, `60s`, `5m`, `2h`, in milliseconds.

    Raises:
        UsageError: it is none.
    """
    found = SPAN.fullmatch(text.strip())
    if found is None:
        raise UsageError(f'"{text}" is no duration', hint="write 90, 60s, 5m or 2h")
    return int(found[1]) * SECONDS[found[2]] * 1000


def run(session: Session, material: Material, *, default_ms: int, history: int) -> Simulated:
    """Simulate the period of a preview."""
    progress = Progress()
    since_ms = max(material.since_ms, material.now_ms)
    from_now = since_ms - material.now_ms <= FROM_NOW_MS
    problems: list[str] = []
    if from_now:
        since_ms = material.now_ms
    else:
        problems.append("the period begins so late that what runs now is left out")
    material = replace(material, since_ms=since_ms)
    definitions = material.definitions
    starts = material.upcomings()
    upcomings = [one for one in starts if one.run is None]
    problems += starts.problems
    heads, icons, works = _live(session, progress) if from_now else ([], {}, {})
    heads = [head for head in heads if head["state"] != "waiting" or (head["scheduled_ms"] or 0) < material.until_ms]
    roots = dict.fromkeys([*(one.jobnet_id for one in upcomings), *(head["jobnet_id"] for head in heads)])
    tasks = _fetch(session, definitions, [one.jobnet_id for one in upcomings], heads, progress)
    comings: list[Coming] = []
    for one in upcomings:
        try:
            comings.append(coming(one, definitions))
        except PlanError as error:
            problems.append(f'jobnet "{one.jobnet_id}" would not start, its run would be a load error: {error.message}')
    lives: list[Live] = []
    for head in heads:
        try:
            lives.append(shapes.live(head, icons.get(head["run_id"], []), works, definitions))
        except PlanError as error:
            problems.append(f"run {head['run_id']} is left out: {error.message}")
    known = _history(session, [*roots, *tasks], history, progress)
    places = session.ask_anywhere("forecast.places")
    problems += _unsure_places(places["machines"])

    def is_operating(calendar_id: str, day: str) -> bool | None:
        from datetime import date

        calendar = definitions.calendar(calendar_id)
        return None if calendar is None else operates(calendar, date.fromisoformat(day), material.holidays)

    world = World(
        now_ms=since_ms,
        zone=material.zone,
        coming=tuple(comings),
        live=tuple(lives),
        hosts={host["host"]: shapes.host(host) for host in places["hosts"]},
        machines={each["agent_id"]: _machine(each) for each in places["machines"]},
        find=definitions.find_jobnet,
        operates=is_operating,
        until_ms=material.until_ms + BEYOND_MS,
    )
    try:
        night = simulate(world, Durations(known, default_ms), progress.of)
    finally:
        progress.over()
    return Simulated(night, since_ms, list(dict.fromkeys(problems)))


def _live(
    session: Session, progress: Progress
) -> tuple[list[dict[str, Any]], dict[int, list[Any]], dict[bytes, OpenWork]]:
    heads: list[dict[str, Any]] = []
    icons: dict[int, list[Any]] = {}

    def take(item: dict[str, Any]) -> None:
        if "run" in item:
            heads.append(item["run"])
        else:
            icons.setdefault(item["run_id"], []).extend(item["icons"])
        progress.say(f"reading live runs: {len(heads)}")

    answer = session.ask_anywhere("forecast.live", take)
    works = {key: OpenWork(agent_id=agent_id, started_ms=started_ms) for key, agent_id, started_ms in answer["works"]}
    return heads, icons, works


def _fetch(
    session: Session,
    definitions: Definitions,
    jobnet_ids: Iterable[str],
    heads: Iterable[dict[str, Any]],
    progress: Progress,
) -> list[str]:
    """Read the documents of all jobnets that take part; return those that only TASK icons start."""
    wanted = dict.fromkeys(jobnet_ids)
    tasks: dict[str, None] = {}
    docs = {doc for head in heads for doc in (head["doc_id"], *head["docs"].values()) if doc}

    def take(items: Iterable[dict[str, Any]]) -> None:
        for item in items:
            jobnet = from_plain("jobnet", item["document"])
            assert isinstance(jobnet, Jobnet), "documents of the kind jobnet are jobnets"
            definitions.documents[item["doc_id"]] = jobnet
        progress.say(f"reading jobnets: {len(definitions.documents)}")

    while True:
        inside = {inner for each in wanted for inner in definitions.inside(each)}
        docs |= {definitions.outlines[each].doc_id for each in inside if each in definitions.outlines}
        missing = sorted(docs - definitions.documents.keys())
        if missing:
            session.ask_anywhere("forecast.documents", take, doc_ids=missing)
        started = {
            str(icon.params.get("jobnet_id", ""))
            for jobnet in (*definitions.documents.values(), *definitions.laid_over.values())
            for icon in jobnet.icons
            if icon.type == "task"
        }
        new = sorted(started - wanted.keys())
        if not new:
            return list(tasks)
        outline(session, definitions, new)
        wanted |= dict.fromkeys(new)
        tasks |= dict.fromkeys(new)


def _history(
    session: Session, jobnet_ids: Iterable[str], runs: int, progress: Progress
) -> dict[tuple[str, str], list[int]]:
    """Return samples in milliseconds by jobnet and path, the latest first."""
    known: dict[tuple[str, str], list[int]] = {}
    plain: dict[str, str] = {}  # paths by key paths
    count = 0

    def take(item: dict[str, Any]) -> None:
        nonlocal count
        jobnet_id = item["jobnet_id"]
        for key_path, took_ms in item["took"]:
            path = plain.get(key_path)
            if path is None:
                path = plain[key_path] = PASSES.sub("", key_path)
            samples = known.setdefault((jobnet_id, path), [])
            if len(samples) < SAMPLES_MAX:
                samples.append(took_ms)
        count += len(item["took"])
        progress.say(f"reading the past: {count} jobs")

    session.ask_anywhere("forecast.history", take, jobnet_ids=list(dict.fromkeys(jobnet_ids)), runs=runs)
    return known


def _machine(told: dict[str, Any]) -> Machine:
    return Machine(
        agent_id=told["agent_id"],
        slots=told["slots"] or SLOTS_DEFAULT,
        draining=told["state"] == "draining",
        revoked=told["state"] == "revoked",
    )


def _unsure_places(machines: Iterable[dict[str, Any]]) -> list[str]:
    """Return what is assumed of single agents."""
    told = []
    for each in machines:
        if each["state"] == "draining":
            told.append(f'agent "{each["agent_id"]}" is drained: nothing begins there')
        elif each["state"] != "revoked" and each["reachable"] is False:
            told.append(f'agent "{each["agent_id"]}" cannot be reached now; it is taken to be back')
        if each["slots"] is None and each["state"] != "revoked":
            told.append(
                f'agent "{each["agent_id"]}" never said how many jobs it runs at once; {SLOTS_DEFAULT} are taken'
            )
    return told
