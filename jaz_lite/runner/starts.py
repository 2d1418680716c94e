"""Starting runs: find the version, plan it, give it its numbers. `start`: now; `plan`: for a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from jaz_lite.engine import plan as planning
from jaz_lite.engine.boot import BOOT, DEADLINE
from jaz_lite.errors import NoSuchObject
from jaz_lite.model.fact import Fact
from jaz_lite.model.jobnet import Jobnet
from jaz_lite.model.run import EMPTY, Boot, Origin, Run
from jaz_lite.store.scheduled_runs import occurrence

if TYPE_CHECKING:
    from jaz_lite.runner.timetables import Loaded
    from jaz_lite.runner.turn import Turn
    from jaz_lite.schedule.timetable import Start


def start(
    turn: Turn,
    *,
    jobnet_id: str,
    origin: Origin,
    user: str,
    variables: Mapping[str, str],
    version: str | None = None,
    icon_path: str = "",
    occ: str | None = None,
    scheduled_ms: int | None = None,
    boot: Boot | None = None,
    crowded: bool = False,
    replayed_since_ms: int | None = None,
) -> Run:
    """Create a run and let it start in this turn, or at its time.

    Args:
        scheduled_ms, boot: of a planned run; one whose time is over is judged in this turn.
        crowded: so many times were missed that this one does not stand as a delayed-start error.
        replayed_since_ms: of the replayed run that starts it.

    Raises:
        NoSuchObject: there is no such jobnet, none of its versions is enabled, or it has no such icon to run alone.
        PlanError: the icon to run alone is no job.
    """

    def find(sub_id: str) -> tuple[Jobnet, int] | None:
        stored = turn.tx.definitions.enabled("jobnet", sub_id)
        return None if stored is None else (turn.live.document(turn.tx, stored.doc_id), stored.doc_id)

    assert (scheduled_ms is None) == (boot is None), "a planned run has a time"
    if version is None:
        stored = turn.tx.definitions.enabled("jobnet", jobnet_id)
    else:
        stored = turn.tx.definitions.find("jobnet", jobnet_id, version)
    if stored is None:
        raise _missing(turn, jobnet_id, version)
    doc_id = stored.doc_id
    root = turn.live.document(turn.tx, doc_id)
    if icon_path:
        root = planning.single(root, icon_path)
    try:
        plan_ = turn.live.plans.enabled(
            (doc_id, icon_path), turn.tx.definitions.changes, lambda: planning.build(root, find, doc_id=doc_id)
        )
    except planning.PlanError as error:
        return _load_error(
            turn,
            root,
            doc_id,
            error.message,
            occ=occ,
            origin=origin,
            user=user,
            scheduled_ms=scheduled_ms,
            boot=boot,
        )
    run_id = turn.draw_ids(len(plan_.frames))
    run = planning.create(
        plan_,
        run_id=run_id,
        occ=occ if occ is not None else turn.own_occ(run_id),
        site_uid=turn.site_uid,
        origin="single" if icon_path else origin,
        user=user,
        now_ms=turn.now_ms,
        scheduled_ms=scheduled_ms,
        boot=boot,
        variables=variables,
    )
    if occ is not None and replayed_since_ms is None:
        replayed_since_ms = turn.window.since_ms(occ)
    if replayed_since_ms is not None:
        run = replace(run, replayed_since_ms=replayed_since_ms)
    turn.insert_run(run, icon_path, crowded=crowded)
    if scheduled_ms is not None and scheduled_ms > turn.now_ms:
        turn.tx.timers.set(run_id, None, BOOT, scheduled_ms)
    if boot is not None and boot.deadline_ms is not None:
        turn.tx.timers.set(run_id, None, DEADLINE, boot.deadline_ms)
    return run


def plan(
    turn: Turn,
    *,
    jobnet_id: str,
    occ: str | None,
    scheduled_ms: int,
    boot: Boot,
    origin: Origin,
    user: str,
    variables: Mapping[str, str] = EMPTY,
    version: str | None = None,
    crowded: bool = False,
) -> Run:
    """Plan a run of the version that is enabled now for a time; one whose time is over is judged in this turn.

    Args:
        occ: names the occurrence; None: the run's number does. That it is new is the caller's to know.
        crowded: see `start`.

    Returns:
        The run. Where the jobnet or a sub-jobnet has no enabled version, it is over as a load error (decision 4).
    """
    try:
        return start(
            turn,
            jobnet_id=jobnet_id,
            origin=origin,
            user=user,
            variables=variables,
            version=version,
            occ=occ,
            scheduled_ms=scheduled_ms,
            boot=boot,
            crowded=crowded,
        )
    except NoSuchObject as error:
        missing = Jobnet(jobnet_id=jobnet_id, version="")
        return _load_error(
            turn, missing, 0, error.message, occ=occ, origin=origin, user=user, scheduled_ms=scheduled_ms, boot=boot
        )


def plan_time(turn: Turn, loaded: Loaded, at: Start, left: int, *, crowded: bool = False) -> int:
    """Plan the runs of one time of a schedule that have not been yet, at most `left`; return how many runs that were."""
    planned = 0
    for jobnet_id, variables in loaded.jobnets:
        if planned >= left:
            break
        occ = occurrence(loaded.schedule_id, jobnet_id, at.at_ms)
        if turn.tx.runs.find_by_occ(occ) is not None:
            continue
        plan(
            turn,
            jobnet_id=jobnet_id,
            occ=occ,
            scheduled_ms=at.at_ms,
            boot=Boot(
                schedule_id=loaded.schedule_id,
                nominal_ms=at.at_ms,
                late_start=loaded.late_start,
                grace_min=loaded.grace_min,
                deadline_ms=at.deadline_ms,
            ),
            origin="schedule",
            user=loaded.owner,
            variables=variables,
            crowded=crowded,
        )
        planned += 1
    return planned


def _load_error(
    turn: Turn,
    jobnet: Jobnet,
    doc_id: int,
    message: str,
    *,
    occ: str | None,
    origin: Origin,
    user: str,
    scheduled_ms: int | None,
    boot: Boot | None,
) -> Run:
    """Record a run that cannot be planned: it is over at once, and says why (decision 4)."""
    run_id = turn.draw_ids(1)
    run = planning.refused(
        jobnet,
        message,
        run_id=run_id,
        occ=occ if occ is not None else turn.own_occ(run_id),
        site_uid=turn.site_uid,
        origin=origin,
        user=user,
        now_ms=turn.now_ms,
        doc_id=doc_id,
        scheduled_ms=scheduled_ms,
        boot=boot,
    )
    turn.insert_run(run)
    fact = Fact(kind="run_load_error", severity="error", jaz_code="JC90000001", data={"message": message})
    turn.tx.journal.add(turn.now_ms, run_id, "", fact)
    return run


def _missing(turn: Turn, jobnet_id: str, version: str | None) -> NoSuchObject:
    if version is not None:
        return NoSuchObject(
            f'jobnet "{jobnet_id}" has no version {version}', hint=f"`jaz-lite jobnet history {jobnet_id}` lists them"
        )
    newest = turn.tx.definitions.newest("jobnet", jobnet_id)
    if newest is None:
        return NoSuchObject(f'there is no jobnet "{jobnet_id}"', hint="`jaz-lite jobnet list` shows all")
    return NoSuchObject(
        f'jobnet "{jobnet_id}" has no enabled version',
        hint=f"enable one: `jaz-lite jobnet enable {jobnet_id}@{newest.version}`",
    )
