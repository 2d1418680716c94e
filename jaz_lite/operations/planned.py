"""Planned runs: those that wait for their time, as schedules and people (`exec --at`) planned them."""

from typing import Any

from jaz_lite.errors import JazLiteError, UsageError
from jaz_lite.model.event import DeleteRun
from jaz_lite.operations.naming import run_id_of
from jaz_lite.operations.person import Person
from jaz_lite.operations.runs import RUNS_SHOWN_MAX, row_shown
from jaz_lite.operations.site import Site, control_of
from jaz_lite.store.transaction import Nouns


async def listed(
    site: Site, person: Person, *, schedule: str | None = None, jobnet: str | None = None, limit: int = 50
) -> dict[str, Any]:
    """Return `{"runs": [... without icons], "more"}`, soonest first, of the planned runs that have not started.

    Args:
        schedule, jobnet: exact.
    """
    control_of(site)
    if not 1 <= limit <= RUNS_SHOWN_MAX:
        raise UsageError(f"a list shows 1 to {RUNS_SHOWN_MAX} runs, not {limit}")

    def work(nouns: Nouns) -> dict[str, Any]:
        rows = nouns.runs.planned(schedule=schedule, jobnet=jobnet, limit=limit + 1)
        return {"runs": [row_shown(row, site.zone) for row in rows[:limit]], "more": len(rows) > limit}

    return await site.read(work)


async def delete(
    site: Site, person: Person, *, runs: list[str] | None = None, schedule: str | None = None
) -> dict[str, Any]:
    """Take planned runs back before they start: these, or all that a schedule planned. Their records stay.

    Returns:
        `{"deleted": [run_id], "refused": [{"run_id", "message", "hint"}]}`.

    Raises:
        UsageError: neither runs nor a schedule are named, or both. NoSuchObject, Refused: the only one of `runs` is not
            there or cannot be deleted.
    """
    control = control_of(site)
    if bool(runs) == (schedule is not None):
        raise UsageError("name either the runs to delete, or the schedule that planned them")

    def named(nouns: Nouns) -> list[int]:
        if schedule is not None:
            return [row.run_id for row in nouns.runs.planned(schedule=schedule)]
        return [run_id_of(nouns, run) for run in runs or ()]

    wrong = await control.operate_all(await site.read(named), lambda _: DeleteRun(person.name))
    if runs and len(wrong) == 1:
        for error in filter(None, wrong.values()):
            raise error
    return {
        "deleted": [str(run_id) for run_id, error in wrong.items() if error is None],
        "refused": [_refused(run_id, error) for run_id, error in wrong.items() if error is not None],
    }


def _refused(run_id: int, error: JazLiteError) -> dict[str, Any]:
    return {"run_id": str(run_id), "message": error.message, "hint": error.hint}
