"""Due starts: what a planned run is told of the world around it when its time may have come.

The run judges for itself (`engine/boot.py`); it cannot know of other runs, of what agents tell, or of a full disk.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from jaz_lite.engine.boot import BOOT, is_in_time
from jaz_lite.runner.leading import leads_to
from jaz_lite.runner.siblings import supersedes

if TYPE_CHECKING:
    from jaz_lite.model.event import Started
    from jaz_lite.model.run import Run
    from jaz_lite.runner.turn import Turn

FULL_DISK_PAUSE_MS = 5_000  # so long a start is put off while the disk is full


def started(turn: Turn, run: Run, event: Started) -> Started | None:
    """Return what a run is told whose time may have come; None where it is to be told later."""
    at_ms = run.scheduled_ms or 0
    told = _is_told(turn, run)
    if told and turn.may_start:
        return replace(event, others=_has_others(turn, run), told=True)
    if turn.window.must_wait(turn, run):
        at_ms = max(at_ms, turn.window.deadline_ms)
    if not turn.may_start:
        at_ms = max(at_ms, turn.now_ms + FULL_DISK_PAUSE_MS)
    if at_ms > turn.now_ms:
        # Also where the clock was set back since: nothing else would bring its time to mind again.
        turn.tx.timers.set(run.run_id, None, BOOT, at_ms)
        return None
    # Only now: since it was raised, others of the jobnet may have begun or ended in this very turn.
    return replace(event, others=_has_others(turn, run), superseded=_is_superseded(turn, run))


def _is_told(turn: Turn, run: Run) -> bool:
    """Tell whether an agent says of a planned run that has not begun that an earlier active started it."""
    return (
        run.replayed_since_ms is not None
        and run.boot is not None
        and (run.state == "waiting" or run.start_missed)
        and any(leads_to(turn, run, agent_id) for agent_id in turn.tx.adopted.tellers(run.occ))
    )


def _has_others(turn: Turn, run: Run) -> bool:
    jobnet = run.jobnet
    return jobnet.multiple_start != "parallel" and bool(turn.busy_runs_of(jobnet.jobnet_id))


def _is_superseded(turn: Turn, run: Run) -> bool:
    """Tell whether a later time of the same schedule and jobnet is due as well; asked of those alone that care."""
    boot = run.boot
    if boot is None or not boot.schedule_id or boot.late_start != "run_latest":
        return False
    if is_in_time(run, turn.now_ms):
        return False
    others = turn.live.of_schedule(boot.schedule_id, run.jobnet.jobnet_id)
    return any(turn.seen(others, partial(supersedes, run, turn.now_ms))) or turn.has_missed(turn, run)
