"""Files at the agent's end of a link: legs that the server opened, each with its one last word.

Commands name a leg by `opening`, so that what a slow disk answers about a leg that is over reaches no later one of the
same name. Of legs that ended here the server may not have heard yet: what still comes about the last few of them is
passed over. Source: protocol.md sections 4.7 and 5.5.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from jaz_lite.errors import LocalProtocolError
from jaz_lite.wire import file_messages as m
from jaz_lite.wire import limits
from jaz_lite.wire.agent_handshake import AgentHandshake
from jaz_lite.wire.file_happenings import (
    FileAsked,
    FileCame,
    FileEntry,
    FileGivenUp,
    FileOp,
    FilesOver,
    FileTaken,
    FileWhole,
)
from jaz_lite.wire.frames import Violation
from jaz_lite.wire.link import Body, Route, route
from jaz_lite.wire.schema import cut


@dataclass(slots=True)
class _Leg:
    x: bytes
    op: FileOp
    offset: int  # where the server wants it; after `f_ok` where it was opened
    open: bool = False
    ended: bool = False  # a put whose `f_end` came
    end: int = 0  # behind the last byte that came or went
    acked: int = 0


class AgentFiles(AgentHandshake):
    """The part of `AgentLink` that copies files."""

    __slots__ = ("_ended_legs", "_legs", "_openings", "_opens")

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._opens = 0
        self._legs: dict[int, _Leg] = {}
        self._openings: dict[bytes, int] = {}
        self._ended_legs: deque[bytes] = deque(maxlen=limits.FILE_LEGS_ENDED_KEPT)

    # ---- commands; about a leg that is over they do nothing

    def file_ok(
        self,
        opening: int,
        *,
        offset: int = 0,
        size: int = 0,
        mode: int = 0,
        mtime_ms: int = 0,
        sha: bytes | None = None,
    ) -> None:
        """Say that a leg is open at `offset`; the last word about a stat."""
        leg = self._leg(opening)
        if leg is None:
            return
        if leg.open or offset > leg.offset:
            raise LocalProtocolError(f"a leg is opened once, and not behind {leg.offset}")
        body: dict[str, Any] = {"x": leg.x, "off": offset, "size": size, "mode": mode, "mtime": mtime_ms}
        if sha is not None:
            body["sha"] = sha
        self._send(m.F_OK, body)
        leg.open = True
        leg.offset = leg.end = leg.acked = offset
        if leg.op == "stat":
            self._over(opening, leg)

    def file_names(self, opening: int, entries: Sequence[FileEntry], *, more: bool) -> None:
        """Answer a list; its last word."""
        leg = self._leg(opening)
        if leg is not None:
            rows = [[*entry] for entry in entries]
            body = {"x": leg.x, "off": 0, "size": 0, "mode": 0, "mtime": 0, "names": rows, "more": more}
            self._send(m.F_OK, body)
            self._over(opening, leg)

    def file_room(self, opening: int) -> int:
        """Return how many bytes of a get may be sent now; -1 where the leg is over."""
        leg = self._leg(opening)
        return -1 if leg is None else limits.FILE_WINDOW_BYTES - (leg.end - leg.acked)

    def file_data(self, opening: int, offset: int, data: bytes) -> None:
        """Send bytes of a get, at most 64 KiB and what `file_room` says."""
        leg = self._leg(opening)
        if leg is None:
            return
        if not leg.open or offset != leg.end:
            raise LocalProtocolError(f"file data at {offset} where {leg.end} is due")
        if leg.end + len(data) - leg.acked > limits.FILE_WINDOW_BYTES:
            raise LocalProtocolError("more of a file than there is room for")
        leg.end += len(data)
        self._queue_file(leg.x, m.F_DATA, {"x": leg.x, "o": offset, "d": data})

    def file_ack(self, opening: int, offset: int) -> None:
        """Say how far a put is written; before `file_ok`: how far what is there already has been checked."""
        leg = self._leg(opening)
        if leg is not None and (not leg.open or leg.acked <= offset <= leg.end):
            if leg.open:
                leg.acked = offset
            self._send(m.F_ACK, {"x": leg.x, "o": offset})

    def file_end(self, opening: int, size: int, sha: bytes) -> None:
        """Say that a get was sent whole; its last word."""
        leg = self._leg(opening)
        if leg is not None:
            self._queue_file(leg.x, m.F_END, {"x": leg.x, "size": size, "sha": sha})
            self._over(opening, leg)

    def file_done(self, opening: int) -> None:
        """Say that the file of a put is there, durably; its last word."""
        leg = self._leg(opening)
        if leg is not None:
            self._send(m.F_DONE, {"x": leg.x})
            self._over(opening, leg)

    def file_failed(self, opening: int, code: str, msg: str) -> None:
        """Say why a leg goes no further; its last word."""
        leg = self._leg(opening)
        if leg is not None:
            self._drop_file(leg.x)
            self._send(m.F_ERR, {"x": leg.x, "code": cut(code, 16), "msg": cut(msg, 256)})
            self._over(opening, leg)

    def _leg(self, opening: int) -> _Leg | None:
        return self._legs.get(opening) if self._must_be("up") else None

    def _over(self, opening: int, leg: _Leg) -> None:
        del self._legs[opening]
        del self._openings[leg.x]
        self._ended_legs.append(leg.x)

    # ---- inside

    def _known(self, body: Body, op: FileOp | None = None) -> tuple[int, _Leg] | None:
        opening = self._openings.get(body["x"])
        if opening is None:
            if body["x"] in self._ended_legs:
                return None
            raise Violation("state", "about a file that is not open")
        leg = self._legs[opening]
        if op is not None and leg.op != op:
            raise Violation("state", f"not what is said of a {leg.op}")
        return opening, leg

    def _on_f_open(self, body: Body, _payload: bytes) -> None:
        x, op = body["x"], body["op"]
        if x in self._openings:
            raise Violation("state", "a file that is open is opened again")
        if len(self._legs) >= limits.FILE_LEGS_MAX:
            raise Violation("limit", f"more than {limits.FILE_LEGS_MAX} files at once")
        self._opens += 1
        self._legs[self._opens] = _Leg(x, op, body["off"])
        self._openings[x] = self._opens
        while x in self._ended_legs:
            self._ended_legs.remove(x)
        self._found.append(
            FileAsked(
                opening=self._opens,
                x=x,
                op=op,
                path=body["path"],
                name=body["file"],
                offset=body["off"],
                size=body.get("size") or 0,
                mode=body.get("mode") or 0,
                sha=body.get("sha"),
                after=body.get("after") or b"",
            )
        )

    def _on_f_data(self, body: Body, _payload: bytes) -> None:
        known = self._known(body, "put")
        if known is None:
            return
        opening, leg = known
        offset, data = body["o"], body["d"]
        if offset == 0 and leg.end == leg.offset:
            leg.end = leg.acked = 0  # the source begins anew: what was here is another file
        if not leg.open or leg.ended or offset != leg.end:
            raise Violation("state", f"file data at {offset} where {leg.end} was due")
        leg.end += len(data)
        if leg.end - leg.acked > limits.FILE_WINDOW_BYTES:
            raise Violation("limit", "more of a file than there was room for")
        self._found.append(FileCame(opening, offset, data))

    def _on_f_ack(self, body: Body, _payload: bytes) -> None:
        known = self._known(body, "get")
        if known is None:
            return
        opening, leg = known
        if not leg.acked <= body["o"] <= leg.end:
            raise Violation("state", f"file data acknowledged up to {body['o']}, but {leg.end} was sent")
        leg.acked = body["o"]
        self._found.append(FileTaken(opening, body["o"]))

    def _on_f_end(self, body: Body, _payload: bytes) -> None:
        known = self._known(body, "put")
        if known is None:
            return
        opening, leg = known
        # A file that is empty now has no data with which it could begin anew.
        if not leg.open or leg.ended or (body["size"] != leg.end and (body["size"] or leg.end != leg.offset)):
            raise Violation("state", f"a file ends at {body['size']}, but {leg.end} bytes came")
        leg.ended = True
        self._found.append(FileWhole(opening, body["size"], body["sha"]))

    def _on_f_err(self, body: Body, _payload: bytes) -> None:
        known = self._known(body)
        if known is None:
            return
        opening, leg = known
        self._drop_file(leg.x)
        self._send(m.F_ERR, {"x": leg.x, "code": "given_up", "msg": ""})
        self._over(opening, leg)
        self._found.append(FileGivenUp(opening))

    def _on_f_over(self, body: Body, _payload: bytes) -> None:
        self._found.append(FilesOver(body["x"], body["ok"], body["code"], body["msg"]))

    @classmethod
    def file_routes(cls) -> Iterator[tuple[int, Route]]:
        """Give the routes of the messages about files."""
        yield route(m.F_OPEN, ("up",), cls._on_f_open)
        yield route(m.F_DATA, ("up",), cls._on_f_data)
        yield route(m.F_ACK, ("up",), cls._on_f_ack)
        yield route(m.F_END, ("up",), cls._on_f_end)
        yield route(m.F_ERR, ("up",), cls._on_f_err)
        yield route(m.F_OVER, ("up",), cls._on_f_over)
