"""Starting runs: find the version, plan it, give it its numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from jaz_lite.engine import plan as planning
from jaz_lite.errors import NoSuchObject
from jaz_lite.model.fact import Fact
from jaz_lite.model.jobnet import Jobnet
from jaz_lite.model.run import Origin, Run

if TYPE_CHECKING:
    from jaz_lite.runner.turn import Turn


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
) -> Run:
    """Create a run and let it start in this turn.

    Raises:
        NoSuchObject: there is no such jobnet, none of its versions is enabled, or it has no such icon to run alone.
        PlanError: the icon to run alone is no job.
    """

    def find(sub_id: str) -> tuple[Jobnet, int] | None:
        stored = turn.tx.definitions.enabled("jobnet", sub_id)
        return None if stored is None else (turn.live.document(turn.tx, stored.doc_id), stored.doc_id)

    if version is None:
        stored = turn.tx.definitions.enabled("jobnet", jobnet_id)
    else:
        stored = turn.tx.definitions.find("jobnet", jobnet_id, version)
    if stored is None:
        raise _missing(turn, jobnet_id, version)
    root = turn.live.document(turn.tx, stored.doc_id)
    if icon_path:
        root = planning.single(root, icon_path)
    try:
        plan = planning.build(root, find, doc_id=stored.doc_id)
    except planning.PlanError as error:
        return _load_error(turn, root, stored.doc_id, error, occ=occ, origin=origin, user=user)
    run_id = turn.draw_ids(len(plan.frames))
    run = planning.create(
        plan,
        run_id=run_id,
        occ=occ if occ is not None else f"M:{run_id}",
        site_uid=turn.site_uid,
        origin="single" if icon_path else origin,
        user=user,
        now_ms=turn.now_ms,
        variables=variables,
    )
    turn.insert_run(run, icon_path)
    return run


def _load_error(
    turn: Turn, jobnet: Jobnet, doc_id: int, error: planning.PlanError, *, occ: str | None, origin: Origin, user: str
) -> Run:
    """Record a run that cannot be planned: it is over at once, and says why (decision 4)."""
    run_id = turn.draw_ids(1)
    run = planning.refused(
        jobnet,
        error.message,
        run_id=run_id,
        occ=occ if occ is not None else f"M:{run_id}",
        site_uid=turn.site_uid,
        origin=origin,
        user=user,
        now_ms=turn.now_ms,
        doc_id=doc_id,
    )
    turn.insert_run(run)
    fact = Fact(kind="run_load_error", severity="error", jaz_code="JC90000001", data={"message": error.message})
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
