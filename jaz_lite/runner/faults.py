"""Runs that our own code cannot go on with: each is set aside and told of; the others are not its hostages."""

from jaz_lite.engine.boot import BOOT
from jaz_lite.model.fact import Fact
from jaz_lite.runner.live import LiveRuns
from jaz_lite.runner.siblings import next_to_start
from jaz_lite.store.transaction import Transaction

FAULTED = "run_faulted"


def set_aside(tx: Transaction, run_id: int, text: str, now_ms: int) -> Fact:
    """Write that a run is set aside, and return what people are told of it.

    Args:
        text: the traceback.
    """
    tx.runs.set_faulted(run_id, text)
    tx.timers.clear_run(run_id)
    fact = Fact(kind=FAULTED, severity="error", data={"message": text.strip().rpartition("\n")[2]})
    tx.journal.add(now_ms, run_id, "", fact)
    return fact


def set_aside_alone(tx: Transaction, live: LiveRuns, run_id: int, text: str, now_ms: int) -> None:
    """Do it outside of a turn, which would fail again; a run that waited for it is looked at in the next one."""
    run = live.find(run_id)
    set_aside(tx, run_id, text, now_ms)
    if run is None:
        return
    jobnet_id = run.jobnet.jobnet_id
    others = [other for other in live.astir(jobnet_id) if other.run_id != run_id]
    for waiting in next_to_start(jobnet_id, others)[:1]:
        tx.timers.set(waiting.run_id, None, BOOT, now_ms)
