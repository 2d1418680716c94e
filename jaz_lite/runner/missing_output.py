"""Output that this store lacks although its agent was told that it is stored: it is asked for again.

An agent sends by itself what was not acknowledged. What an earlier server acknowledged after the copy was made from
which this one started is known to nobody but the agent's files; so for attempts from before this process, the size
that an agent tells is laid beside what is stored. An agent that has it no more says so: then it is asked no more by
this process.
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
    from jaz_lite.wire.happenings import Output

LOOKED_AT_MAX = 5_000  # of the newest attempts: output follows the result within moments, or when its agent is back


def ended(turn: Turn, work: Work, x: Mapping[str, Any]) -> None:
    """An attempt has ended: if another process of the server may have had its output, ask for what is not here."""
    if work.sent_here:
        return
    sizes = (x.get("out", 0), x.get("err", 0))
    _short(turn, work.agent_id)[work.k] = sizes
    port = turn.works.desk(work.agent_id).port
    if port is not None and port.synced:  # else nothing may be asked for yet
        _ask(turn, port, work.k, sizes)


def is_whole(turn: Turn, agent_id: str, piece: Output) -> None:
    """An agent has said that these are the last bytes of a stream: it has no more of it, whatever it told before."""
    short = _short(turn, agent_id)
    if (sizes := short.get(piece.k)) is not None:
        end = piece.offset + len(piece.data)
        known = [
            min(size, end) if stream == piece.stream else size for stream, size in zip(STREAMS, sizes, strict=True)
        ]
        short[piece.k] = (known[0], known[1])


def agent_is_back(turn: Turn, port: Port) -> None:
    """An agent has told all that it knows: ask for the output that is not here, in every session until it is."""
    short = _short(turn, port.agent_id)
    for k, sizes in list(short.items()):
        # What was asked for before may have gone with its connection; of a purged attempt nothing is wanted any more.
        if turn.find_attempt(k) is None or not _ask(turn, port, k, sizes):
            del short[k]


def _short(turn: Turn, agent_id: str) -> dict[bytes, tuple[int, int]]:
    """Return the attempts of an agent of which output may be missing, with the bytes of both streams as told."""
    if turn.works.short_of_output is None:
        turn.works.short_of_output = {}
        for owner, k, out_bytes, err_bytes in turn.tx.output.short(LOOKED_AT_MAX):
            turn.works.short_of_output.setdefault(owner, {})[k] = (out_bytes, err_bytes)
    return turn.works.short_of_output.setdefault(agent_id, {})


def _ask(turn: Turn, port: Port, k: bytes, sizes: tuple[int, int]) -> bool:
    """Ask for what is not here of the output of an attempt; tell whether anything is not."""
    missing = False
    for stream, size in zip(STREAMS, sizes, strict=True):
        stored = turn.tx.output.length(k, stream) if size else 0
        if stored < size:
            missing = True
            turn.after_commit(partial(port.link.out_req, k, stream, stored), port)
    return missing
