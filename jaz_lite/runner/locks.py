"""Host locks: from when a reboot is sent until it is over, other work for its agent waits here.

A lock is set in the transaction that sends the reboot. It goes with the end of the reboot, whatever that is, with
another boot of the machine, or by an operator; what waited is then sent by itself. Source: decision 21.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jaz_lite.model.fact import Fact
from jaz_lite.store.host_locks import HostLock

if TYPE_CHECKING:
    from jaz_lite.runner.desk import Desk
    from jaz_lite.runner.turn import Turn
    from jaz_lite.runner.work import Work

KIND = "reboot"
AT_AGENT = frozenset(("sent", "accepted", "running", "stopping"))
OVER = frozenset(("ready", "done", "failed", "cancelled", "abandoned"))  # ready: it was refused


def follow(turn: Turn, work: Work, before: str, state: str) -> None:
    """An attempt changed its state: lock or free its agent, if it is a reboot."""
    if work.kind != KIND or not work.agent_id:
        return
    desk = turn.works.desk(work.agent_id)
    if state in OVER:
        if desk.lock is not None and desk.lock.k == work.k:
            free(turn, desk, "the reboot is over")
    elif before == "ready" and state in AT_AGENT:
        row = turn.tx.attempts.find(work.k)
        begin(turn, desk, work, "" if row is None else row.host)


def begin(turn: Turn, desk: Desk, work: Work, host: str) -> None:
    """Lock an agent, if the work that is sent to it is a reboot."""
    if work.kind != KIND or (desk.lock is not None and desk.lock.k == work.k):
        return
    desk.lock = HostLock(
        agent_id=desk.agent_id,
        host=host,
        k=work.k,
        run_id=work.run_id,
        path=work.path,
        boot=desk.boot,
        since_ms=turn.now_ms,
    )
    turn.tx.host_locks.put(desk.lock)
    _tell(turn, desk.lock, "host_locked")


def booted(turn: Turn, desk: Desk, boot: bytes) -> None:
    """An agent says which boot of its machine this is."""
    if desk.lock is not None and desk.lock.boot not in (b"", boot):
        free(turn, desk, "the machine was booted")


def free(turn: Turn, desk: Desk, why: str) -> None:
    """Take the lock away and have what waits sent."""
    lock, desk.lock = desk.lock, None
    if lock is None:
        return
    turn.tx.host_locks.remove(desk.agent_id)
    _tell(turn, lock, "host_unlocked", why)
    turn.desk_may_have_room(desk)


def _tell(turn: Turn, lock: HostLock, kind: str, why: str = "") -> None:
    data = {"host": lock.host, "agent_id": lock.agent_id, "why": why}
    turn.tx.journal.add(turn.now_ms, lock.run_id, lock.path, Fact(kind=kind, data=data))
