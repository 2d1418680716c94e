"""Records of runs that only agents know: what an earlier active had done, and no run here comes to.

Such a run was started after the copy was taken, by hand or by another one that goes another way now. Its record shows
what was executed, with results and output; nothing goes on from there by itself.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from jaz_lite.engine import plan as planning
from jaz_lite.model.fact import Fact
from jaz_lite.model.jobnet import Jobnet
from jaz_lite.model.run import RUN_OVER, Origin
from jaz_lite.store.scheduled_runs import nominal_ms_of
from jaz_lite.wire.ident import epoch_and_boot

if TYPE_CHECKING:
    from jaz_lite.runner.turn import Turn
    from jaz_lite.store.adopted import Adopted

RUN_COUNTER_BITS = 32
NAMELESS = "(not known)"
ORIGINS: dict[str, Origin] = {"S": "schedule", "T": "task"}


def show_what_nobody_took(turn: Turn) -> bool:
    """Let run records show the adopted attempts that no run has taken; tell whether some wait on for their run."""
    by_occ: dict[str, list[Adopted]] = {}
    for each in turn.tx.adopted.list():
        by_occ.setdefault(each.occ, []).append(each)
    waits = False
    for occ, attempts in by_occ.items():
        run_id = turn.tx.runs.find_by_occ(occ)
        run = None if run_id is None else turn.find_run(run_id)
        if run is not None and run.state not in RUN_OVER and not run.faulted:
            waits = True  # it may come to them yet
            continue
        run_id = run_id or turn.tx.runs.find_by_occ(f"A:{occ}") or _make(turn, occ, attempts)
        turn.tx.adopted.show(occ, run_id)
        fact = Fact(kind="attempts_kept", severity="warning", data={"count": len(attempts)})
        turn.tx.journal.add(turn.now_ms, run_id, "", fact)
    return waits


def _make(turn: Turn, occ: str, attempts: list[Adopted]) -> int:
    """Make the record of a run that is not here; return its number."""
    parts = occ.split(":")
    named = parts[2] if parts[0] == "S" and len(parts) == 4 else ""
    jobnet_id = next((each.jobnet_id for each in attempts if each.jobnet_id), named or NAMELESS)
    message = f"adopted from an earlier active server: {len(attempts)} work orders; nothing goes on from here by itself"
    run = planning.refused(
        Jobnet(jobnet_id=jobnet_id, version=""),
        message,
        run_id=_number(turn, attempts[0].run_id),
        # Its own name stays free: what starts that very run yet must not take the record for it.
        occ=f"A:{occ}",
        site_uid=turn.site_uid,
        origin=ORIGINS.get(parts[0], "manual"),
        user="",
        now_ms=turn.now_ms,
        scheduled_ms=nominal_ms_of(occ),
    )
    turn.insert_run(replace(run, load_status="normal"))
    return run.run_id


def _number(turn: Turn, run_id: int) -> int:
    """Return the number of a record: that of the run, unless this server may come to give it itself."""
    epoch, _ = epoch_and_boot(run_id >> RUN_COUNTER_BITS)
    present, _ = epoch_and_boot(turn.term)
    if 0 < epoch < present and turn.tx.runs.row(run_id) is None:
        return run_id
    return turn.draw_ids(1)
