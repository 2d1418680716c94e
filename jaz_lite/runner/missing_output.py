"""Output that this store lacks although its agent was told that it is stored: it is asked for again.

An agent sends by itself what was not acknowledged. What an earlier server acknowledged after the copy was made from
which this one started is known to nobody but the agent's files; so for attempts from before this process, the size
that an agent tells is laid beside what is stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from jaz_lite.store.output import STREAMS

if TYPE_CHECKING:
    from jaz_lite.runner.port import Port
    from jaz_lite.runner.turn import Turn
    from jaz_lite.runner.work import Work

LOOKED_AT_MAX = 5_000  # of the newest attempts: output follows the result within moments, or when its agent is back


def ended(turn: Turn, work: Work, x: Mapping[str, Any]) -> None:
    """An attempt has ended: if another process of the server may have had its output, ask for what is not here."""
    port = turn.works.desk(work.agent_id).port
    if work.sent_here or port is None:
        return
    told = (work.k, (x.get("out", 0), x.get("err", 0)))
    if port.synced:
        _ask(turn, port, *told)
    else:
        port.ended_early.append(told)  # nothing may be asked for yet


def agent_is_back(turn: Turn, port: Port) -> None:
    """An agent has told all that it knows: ask for the output of what had ended before this process began, once."""
    if turn.works.short_of_output is None:
        turn.works.short_of_output = {}
        for owner, k, out_bytes, err_bytes in turn.tx.output.short(LOOKED_AT_MAX):
            turn.works.short_of_output.setdefault(owner, []).append((k, (out_bytes, err_bytes)))
    for k, sizes in {**dict(turn.works.short_of_output.pop(port.agent_id, ())), **dict(port.ended_early)}.items():
        _ask(turn, port, k, sizes)
    port.ended_early.clear()


def _ask(turn: Turn, port: Port, k: bytes, sizes: tuple[int, int]) -> None:
    for stream, size in zip(STREAMS, sizes, strict=True):
        stored = turn.tx.output.length(k, stream) if size else 0
        if stored < size:
            turn.after_commit(partial(port.link.out_req, k, stream, stored), port)
