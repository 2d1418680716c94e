"""What runs of one jobnet, or of one schedule, have to do with each other."""

from collections.abc import Iterable

from jaz_lite.engine.boot import was_taken_back
from jaz_lite.model.run import Run
from jaz_lite.store.run_rows import RunRow

BUSY = frozenset(("ready", "running", "run_error"))


def is_busy(jobnet_id: str, run: Run) -> bool:
    """Tell whether it is a run of a jobnet that others of it may have to wait for."""
    return run.state in BUSY and not run.start_missed and not run.faulted and run.jobnet.jobnet_id == jobnet_id


def waits_for_another(jobnet_id: str, run: Run) -> bool:
    """Tell whether it is a run of a jobnet that is to start when no other run of it is busy."""
    held = run.boot is not None and run.boot.held == "held"
    return (
        run.state == "waiting"
        and run.load_status == "delayed"
        and not (run.faulted or held)
        and run.jobnet.jobnet_id == jobnet_id
    )


def next_to_start(jobnet_id: str, runs: Iterable[Run]) -> list[Run]:
    """Return those of some runs that wait for another run of the jobnet to end, in the order in which they start.

    Notes:
        Those with a scheduled time go after those without (a person asked for them now), by that time. One that is
        held keeps nobody waiting.
    """
    waiting = [run for run in runs if waits_for_another(jobnet_id, run)]
    return sorted(waiting, key=lambda run: (run.scheduled_ms or 0, run.run_id))


def supersedes(run: Run, now_ms: int, other: Run) -> bool:
    """Tell whether another run stands for a later time that is due, of the same schedule and jobnet."""
    assert run.boot is not None, "only planned runs are superseded"
    return (
        other.boot is not None
        and other.boot.schedule_id == run.boot.schedule_id
        and other.jobnet.jobnet_id == run.jobnet.jobnet_id
        and other.boot.nominal_ms > run.boot.nominal_ms
        and is_or_was_due(other, now_ms)
    )


def is_or_was_due(run: Run | RunRow, now_ms: int) -> bool:
    """Tell whether the time of a planned run has come: not where a person moved it on, or deleted it before."""
    return (run.scheduled_ms or 0) <= now_ms and not was_taken_back(run.state, run.load_status, run.message)
