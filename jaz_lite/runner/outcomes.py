"""How work ended: what an agent's event says, in our words, and what the journal is told of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from jaz_lite.model.encoding import readable
from jaz_lite.model.event import WorkDoubted, WorkEnded
from jaz_lite.model.fact import Fact
from jaz_lite.model.run import DoubtReason, WorkResult
from jaz_lite.runner.desk import COPY_KIND
from jaz_lite.wire.spec import unpack_spec

if TYPE_CHECKING:
    from jaz_lite.runner.turn import Turn
    from jaz_lite.runner.work import Work

FILES_TOLD_MAX = 100  # files of one copy in the journal

LOST = {
    "reboot": "the machine went down while the job ran; its end is not known",
    "shim": "the job keeper was killed while the job ran; its exit code is not known",
    "setback": "the agent's records were set back; the fate of the job is not known",
    "unknown": "the agent lost the job; its end is not known",
}


def encoding_of(kind: str, spec: bytes) -> str:
    """Return the encoding of the output of a work order."""
    return str(unpack_spec(kind, spec).get("enc", "utf-8")) if spec else "utf-8"


def result_of(x: Mapping[str, Any], encoding: str) -> WorkResult:
    """Return the result of a `finished` event in our words."""
    heads: dict[str, bytes] = {"STD_OUT": x.get("out_head", b""), "STD_ERR": x.get("err_head", b"")}
    sizes = {"STD_OUT": x.get("out", 0), "STD_ERR": x.get("err", 0)}
    cut = tuple(name for name, head in heads.items() if sizes[name] > len(head))
    return WorkResult(
        exit_code=x.get("exit"),
        signal=x.get("sig") or None,
        std_out=readable(heads["STD_OUT"], encoding, whole="STD_OUT" not in cut),
        std_err=readable(heads["STD_ERR"], encoding, whole="STD_ERR" not in cut),
        cut=cut,
        killed=str(x.get("killed") or ""),
        truncated=bool(x.get("trunc")),
        started_ms=x.get("t0"),
        ended_ms=x.get("t1"),
    )


def ended(turn: Turn, work: Work, result: WorkResult, x: Mapping[str, Any]) -> WorkEnded:
    """Tell the journal what there is to tell of an end, and return the event for the run."""
    if result.truncated:
        kept = {"out_bytes": x.get("out", 0), "err_bytes": x.get("err", 0)}
        fact = Fact(kind="output_truncated", severity="warning", data=kept)
        turn.tx.journal.add(turn.now_ms, work.run_id, work.path, fact)
    if work.kind == COPY_KIND:
        _copied(turn, work, result)
    return WorkEnded(work.node, work.k, result)


def doubt(turn: Turn, work: Work, reason: DoubtReason, message: str) -> WorkDoubted:
    """Mark an attempt as of unknown fate and return the event for its run."""
    if work.state != "abandoned":
        turn.change_attempt(work, "unknown", why=reason, message=message)
    return WorkDoubted(work.node, work.k, reason, message)


def _copied(turn: Turn, work: Work, result: WorkResult) -> None:
    """Tell the journal which files a copy brought. The target gives a line each: checksum, size, name."""
    told: list[str] = []
    count = 0
    for line in result.std_out.splitlines():
        match line.split(" ", 2):
            case ["and", more, _] if more.isdecimal():
                count += int(more[:9])
            case [sha, size, name] if size.isdecimal():
                count += 1
                told.append(f"{name}: {size} bytes, sha256 {sha}")
            case _:
                pass  # an agent of another version says it another way
    if not count:
        return
    del told[FILES_TOLD_MAX:]
    data: dict[str, Any] = {"count": count, "files": told}
    if len(told) < count:
        data["not_listed"] = count - len(told)
    turn.tx.journal.add(turn.now_ms, work.run_id, work.path, Fact(kind="files_copied", data=data))
