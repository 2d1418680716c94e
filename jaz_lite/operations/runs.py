"""Runs as people start them and look at them: start, list, show, variables, explain."""

from datetime import tzinfo
from typing import Any

from jaz_lite.engine.explain import explain
from jaz_lite.engine.view import boot_to_json, run_to_json
from jaz_lite.errors import UsageError
from jaz_lite.model.names import VARIABLE_VALUE_CHARS_MAX, variable_name_fault
from jaz_lite.model.run import RUN_OVER, RUN_STATES, UNTOUCHED, Boot, Origin, Run
from jaz_lite.operations import kept_work
from jaz_lite.operations.copy_text import copy_text
from jaz_lite.operations.naming import node_at, run_id_of, split, states_named
from jaz_lite.operations.outside import Outside
from jaz_lite.operations.person import Person
from jaz_lite.operations.site import Site, StartRequest, control_of
from jaz_lite.operations.times import read_ms, read_start_ms, shown
from jaz_lite.store.run_rows import RunRow
from jaz_lite.store.transaction import Nouns

RUNS_SHOWN_MAX = 500
ORIGINS: tuple[Origin, ...] = ("manual", "hold", "test", "command", "single")
VARIABLES_MAX = 1_024
GRACE_MIN = 5  # of a run that a person plans for a time


async def start(
    site: Site,
    person: Person,
    *,
    jobnet: str,
    origin: str = "manual",
    variables: dict[str, str] | None = None,
    icon_path: str = "",
    at: str | None = None,
) -> dict[str, Any]:
    """Start a run of `ID` (its enabled version) or `ID@VERSION`, or plan it for a time.

    Args:
        origin: "manual", "hold" (waits at its start icon; one for a time waits as a whole), "test" (nothing is
            executed), "command".
        icon_path: run only this icon of the jobnet, between a start and an end.
        at: when it is to start. The version is the one that is enabled now.

    Returns:
        `{"run_id"}`, and `scheduled_at` of one for a time.
    """
    control = control_of(site)
    jobnet_id, version = split(jobnet)
    if origin not in ORIGINS:
        raise UsageError(f'"{origin}" is no way to start a run', hint="one of " + ", ".join(ORIGINS))
    check_variables(variables or {})
    scheduled_ms, boot = None, None
    if at is not None:
        scheduled_ms = read_start_ms(at, zone=site.zone, now_ms=site.clock.now_ms())
        boot = Boot(nominal_ms=scheduled_ms, grace_min=GRACE_MIN, held="held" if origin == "hold" else "no")
        origin = "manual" if origin == "hold" else origin
    run_id = await control.start_run(
        StartRequest(
            jobnet_id=jobnet_id,
            version=version,
            origin="single" if icon_path else origin,
            user=person.name,
            variables=variables or {},
            icon_path=icon_path,
            scheduled_ms=scheduled_ms,
            boot=boot,
        )
    )
    planned = {} if scheduled_ms is None else {"scheduled_at": shown(scheduled_ms, site.zone)}
    return {"run_id": str(run_id), **planned}


def check_variables(variables: dict[str, str]) -> None:
    """Raise UsageError unless these names and values may be set by people."""
    if len(variables) > VARIABLES_MAX:
        raise UsageError(f"{len(variables)} variables are given; at most {VARIABLES_MAX} may be")
    for name, value in variables.items():
        fault = variable_name_fault(name)
        if fault:
            raise UsageError(f'the name of the variable "{name[:200]}" {fault}')
        if len(value) > VARIABLE_VALUE_CHARS_MAX:
            raise UsageError(f'the value of "{name}" is longer than {VARIABLE_VALUE_CHARS_MAX} characters')
        if "\0" in value:
            raise UsageError(f'the value of "{name}" holds a NUL character')


async def listed(
    site: Site,
    person: Person,
    *,
    jobnet: str | None = None,
    states: list[str] | None = None,
    since: str | None = None,
    until: str | None = None,
    user: str | None = None,
    before: str | None = None,
    planned: bool = True,
    limit: int = 50,
) -> dict[str, Any]:
    """Return `{"runs": [... without icons], "more"}`, newest first.

    Args:
        jobnet, user: exact. since, until: when it was created. before: only runs older than this run_id.
        planned: also those that only wait for their time.
    """
    control_of(site)
    if not 1 <= limit <= RUNS_SHOWN_MAX:
        raise UsageError(f"a list shows 1 to {RUNS_SHOWN_MAX} runs, not {limit}")
    now_ms = site.clock.now_ms()
    since_ms = None if since is None else read_ms(since, zone=site.zone, now_ms=now_ms)
    until_ms = None if until is None else read_ms(until, zone=site.zone, now_ms=now_ms, end=True)
    chosen = states_named(states or [])

    def work(nouns: Nouns) -> dict[str, Any]:
        rows = nouns.runs.list(
            jobnet=jobnet,
            states=chosen,
            since_ms=since_ms,
            until_ms=until_ms,
            user=user,
            before=None if before is None else run_id_of(nouns, before),
            planned=planned,
            limit=limit + 1,
        )
        return {"runs": [row_shown(row, site.zone) for row in rows[:limit]], "more": len(rows) > limit}

    return await site.read(work)


async def show(site: Site, person: Person, *, run: str) -> dict[str, Any]:
    """Return a run with all its icons."""
    return await shape_of(site, await find_id(site, run))


async def find_id(site: Site, run: str) -> int:
    """Return the run_id that a person means; that the run exists is not checked."""
    control_of(site)
    return await site.read(lambda view: run_id_of(view, run))


async def shape_of(site: Site, run_id: int) -> dict[str, Any]:
    """Return a run in the shape of `run show --json`; raises NoSuchObject.

    Notes:
        `kept` is "whole", or "result" where retention has taken the icons: then none are shown. `adopted`: work that an
        earlier active server had done and none of the icons has taken; of runs that are over.
    """
    control = control_of(site)
    row = await site.read(lambda view: view.runs.row(run_id))
    if row is not None and not row.whole:
        return {**row_shown(row, site.zone), "kept": "result", "icons": [], "waiting_for": []}
    run = control.read_run(run_id)
    shape = {**run_to_json(run, site.zone), "kept": "whole"}
    if run.state in RUN_OVER:
        kept = await site.read(lambda view: kept_work.kept_of(view, run_id))
        shape["adopted"] = [kept_work.to_json(attempt, site.zone) for attempt in kept]
    for icon, told in zip(run.icons, shape["icons"], strict=True):
        far = None if icon.work is None else control.copy_progress(icon.work)
        if far is not None:
            told["copy"] = {**far, "text": copy_text(far)}
    return shape


async def find(site: Site, run: str) -> Run:
    """Return the run that a person means, live or over; raises NoSuchObject."""
    return control_of(site).read_run(await find_id(site, run))


def row_shown(row: RunRow, zone: tzinfo) -> dict[str, Any]:
    """Return a run as lists show it, without its icons."""
    return {
        "run_id": str(row.run_id),
        "jobnet_id": row.jobnet_id,
        "version": row.version,
        "state": row.state,
        "jaz_status": RUN_STATES.index(row.state),
        "job_status": row.job_status,
        "load_status": row.load_status,
        "origin": row.origin,
        "user": row.user,
        "scheduled_at": shown(row.scheduled_ms, zone),
        "created_at": shown(row.created_ms, zone),
        "started_at": shown(row.started_ms, zone),
        "ended_at": shown(row.ended_ms, zone),
        "exit_code": row.exit_code,
        "late": row.late,
        **boot_to_json(row.boot, zone),
        "stopping": row.stopping,
        "timed_out": row.timed_out,
        "message": row.message,
        "faulted": bool(row.faulted),
    }


async def variables(site: Site, person: Person, *, run: str, path: str | None = None) -> dict[str, Any]:
    """Return `{"path", "before", "after"}` of an icon, or of the run: what it was given, and what its end icon had."""
    found = await find(site, run)
    if path is not None:
        icon = found.icons[node_at(found, path)]
        return {"path": path, "before": dict(icon.before), "after": {**icon.before, **icon.results}}
    root = found.plan.frames[0]
    ended = [
        found.icons[number]
        for number in range(root.first, root.last)
        if found.plan.nodes[number].icon.type == "end" and found.icons[number].state == "ended"
    ]
    last = ended[0] if ended else UNTOUCHED
    return {"path": "", "before": dict(found.start_variables), "after": {**last.before, **last.results}}


async def explained(site: Site, person: Person, *, run: str, path: str | None = None) -> dict[str, Any]:
    """Return `{"sentences": [...]}`: why a run or an icon of it is in its state and what it waits for."""
    found = await find(site, run)
    node = None if path is None else node_at(found, path)
    sentences = await site.read(lambda view: explain(found, node, Outside(site, view), site.zone))
    return {"run_id": str(found.run_id), "path": path or "", "sentences": sentences}
