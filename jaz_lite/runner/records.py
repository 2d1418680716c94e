"""Records of runs that only agents know: what an earlier active had done, and no run here comes to.

Such a run was started after the copy was taken, by hand or by another one that goes another way now. Its record shows
what was executed, with results and output; nothing goes on from there by itself.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from jaz_lite.engine import plan as planning
from jaz_lite.model import names
from jaz_lite.model.fact import Fact
from jaz_lite.model.jobnet import Jobnet
from jaz_lite.model.run import RUN_OVER, Origin
from jaz_lite.runner import actions
from jaz_lite.runner.desk import COPY_KIND
from jaz_lite.store.scheduled_runs import nominal_ms_of
from jaz_lite.store.sweep import Keep
from jaz_lite.wire.ident import epoch_and_boot

if TYPE_CHECKING:
    from jaz_lite.runner.turn import Turn
    from jaz_lite.store.adopted import Adopted

RUN_COUNTER_BITS = 32
NAMELESS = "(not known)"
OF_AGENT_MAX = 1_000  # records of runs that one agent told of first; the rest share one
ORIGINS: dict[str, Origin] = {"S": "schedule", "T": "task"}


def show_what_nobody_took(turn: Turn, made: Counter[str], *, told_by_ms: int) -> bool:
    """Let run records show the adopted attempts that no run has taken; tell whether some wait on for their run.

    Args:
        made: how many records were made so far, by the agent that told of them.
        told_by_ms: what was told of later is left.
    """
    by_occ: dict[str, list[Adopted]] = {}
    for each in turn.tx.adopted.list():
        by_occ.setdefault(each.occ, []).append(each)
    keep = Keep.at(turn.tx.settings, turn.now_ms)
    waits = False
    for occ, attempts in by_occ.items():
        if max(each.told_ms for each in attempts) > told_by_ms:
            waits = True
            continue
        run_id = turn.tx.runs.find_by_occ(occ)
        run = None if run_id is None else turn.find_run(run_id)
        if run is not None and run.state not in RUN_OVER and not run.faulted:
            waits = True  # it may come to them yet
            continue
        if run_id is None and _is_of_the_past(turn, attempts, keep):
            turn.tx.adopted.leave(occ)
            continue
        run_id = run_id or turn.tx.runs.find_by_occ(f"A:{occ}") or _make(turn, occ, attempts, made)
        turn.tx.adopted.show(occ, run_id)
        for each in attempts:
            _end_copy(turn, each.k)
        fact = Fact(kind="attempts_kept", severity="warning", data={"count": len(attempts)})
        turn.tx.journal.add(turn.now_ms, run_id, "", fact)
    return waits


def _is_of_the_past(turn: Turn, attempts: list[Adopted], keep: Keep) -> bool:
    """Tell whether retention has taken the run of some attempts, or would: an agent remembers longer than that."""
    row = turn.tx.runs.row(attempts[0].run_id)
    if row is not None and not row.whole:
        return True
    before_ms = keep.runs_before_ms
    return before_ms is not None and all(each.ended_ms is not None and each.ended_ms < before_ms for each in attempts)


def _end_copy(turn: Turn, k: bytes) -> None:
    """Stop a file copy: no run says which files it is to be brought, and it would wait for them for ever."""
    work = turn.works.open.get(k)
    if work is not None and work.kind == COPY_KIND and work.state in ("accepted", "running"):
        turn.change_attempt(work, "stopping", why="signal")
        actions.kill_again(turn, work, "signal")


def _make(turn: Turn, occ: str, attempts: list[Adopted], made: Counter[str]) -> int:
    """Make the record of a run that is not here; return its number."""
    agent_id = attempts[0].agent_id
    if made[agent_id] >= OF_AGENT_MAX:
        return turn.tx.runs.find_by_occ(f"A:{agent_id}") or _make_rest(turn, agent_id)
    made[agent_id] += 1
    parts = occ.split(":")
    named = parts[2] if parts[0] == "S" and len(parts) == 4 and not names.id_fault(parts[2]) else ""
    jobnet_id = next((each.jobnet_id for each in attempts if each.jobnet_id), named or NAMELESS)
    message = (
        f"adopted from an earlier active server: work orders: {len(attempts)}; nothing goes on from here by itself"
    )
    # Its own name stays free: what starts that very run yet must not take the record for it.
    return _put(turn, jobnet_id, message, _number(turn, attempts[0].run_id), f"A:{occ}", nominal_ms_of(occ))


def _make_rest(turn: Turn, agent_id: str) -> int:
    """Make the one record for all the runs of which an agent told beyond a sensible number."""
    message = f'adopted from an earlier active server: agent "{agent_id}" told of more than {OF_AGENT_MAX} runs'
    return _put(turn, NAMELESS, message, turn.draw_ids(1), f"A:{agent_id}", None)


def _put(turn: Turn, jobnet_id: str, message: str, run_id: int, occ: str, scheduled_ms: int | None) -> int:
    run = planning.refused(
        Jobnet(jobnet_id=jobnet_id, version=""),
        message,
        run_id=run_id,
        occ=occ,
        site_uid=turn.site_uid,
        origin=ORIGINS.get(occ[2:].partition(":")[0], "manual"),
        user="",
        now_ms=turn.now_ms,
        scheduled_ms=scheduled_ms,
    )
    turn.insert_run(replace(run, load_status="normal"))
    return run_id


def _number(turn: Turn, run_id: int) -> int:
    """Return the number of a record: that of the run, unless this server may come to give it itself."""
    epoch, _ = epoch_and_boot(run_id >> RUN_COUNTER_BITS)
    present, _ = epoch_and_boot(turn.term)
    if 0 < epoch < present and turn.tx.runs.is_free(run_id):
        return run_id
    return turn.draw_ids(1)
