"""Files at the server's end of a link: legs are opened, relayed and given up; the agent is held to its window.

A leg ends with exactly one last word of the agent: `f_ok` of a list or stat, `f_end` of a get, `f_done` of a put, or
`f_err` of any. A leg that the server gives up keeps its place until that word has come, so frames that were on their
way are known for what they are; anything about a leg that is not there breaks the protocol.
Source: protocol.md sections 4.7 and 5.5.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from jaz_lite.errors import LocalProtocolError
from jaz_lite.wire import file_messages as m
from jaz_lite.wire import limits
from jaz_lite.wire.file_happenings import (
    FileAcked,
    FileData,
    FileDone,
    FileDropped,
    FileEnded,
    FileEntry,
    FileFailed,
    FileListed,
    FileOp,
    FileReady,
)
from jaz_lite.wire.frames import Violation
from jaz_lite.wire.link import Body, Route, route
from jaz_lite.wire.schema import cut
from jaz_lite.wire.server_handshake import ServerHandshake


@dataclass(slots=True)
class _Leg:
    op: FileOp
    asked: int  # the offset we named
    open: bool = False  # `f_ok` came
    ended: bool = False  # a put whose `f_end` we sent
    given_up: bool = False
    size: int = 0  # of a get
    end: int = 0  # behind the last byte that came or went
    acked: int = 0


class ServerFiles(ServerHandshake):
    """The part of `ServerLink` that copies files."""

    __slots__ = ("_legs",)

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._legs: dict[bytes, _Leg] = {}

    # ---- commands

    @property
    def file_room(self) -> int:
        """How many legs may be opened now."""
        return limits.FILE_LEGS_MAX - len(self._legs) if self.state == "up" else 0

    @property
    def legs(self) -> Collection[bytes]:
        """The legs that are there, also those that were given up and are not over yet."""
        return self._legs.keys()

    def has_leg(self, x: bytes) -> bool:
        """Tell whether a leg is there, be it one that was given up and is not over yet."""
        return x in self._legs

    def file_open(
        self,
        x: bytes,
        op: FileOp,
        name: bytes,
        *,
        path: str = "",
        offset: int = 0,
        size: int = 0,
        mode: int = 0,
        sha: bytes | None = None,
        after: bytes = b"",
    ) -> None:
        """Open a leg; see `FileAsked` for what each op takes.

        Raises:
            LocalProtocolError: not up, no room, or `x` is open.
        """
        if not self._must_be("up"):
            return
        if x in self._legs:
            raise LocalProtocolError("this leg is open already")
        if len(self._legs) >= limits.FILE_LEGS_MAX:
            raise LocalProtocolError(f"{limits.FILE_LEGS_MAX} files are on their way already")
        body: dict[str, Any] = {"x": x, "op": op, "path": path, "file": name, "off": offset}
        body |= {key: value for key, value in (("size", size), ("mode", mode), ("sha", sha), ("after", after)) if value}
        self._send(m.F_OPEN, body)
        self._legs[x] = _Leg(op, offset)

    def file_data(self, x: bytes, offset: int, data: bytes) -> None:
        """Pass bytes on to the target.

        Raises:
            LocalProtocolError: not where the leg stands, or beyond the window.
        """
        leg = self._leg(x, "put")
        if leg is None:
            return
        if offset == 0 and leg.end == leg.asked:
            leg.end = leg.acked = 0  # the source begins anew: what the target had was another file
        if not leg.open or leg.ended or offset != leg.end:
            raise LocalProtocolError(f"file data at {offset} where {leg.end} is due")
        if leg.end + len(data) - leg.acked > limits.FILE_WINDOW_BYTES:
            raise LocalProtocolError("more of a file than there is room for")
        leg.end += len(data)
        self._queue_file(x, m.F_DATA, {"x": x, "o": offset, "d": data})

    def file_ack(self, x: bytes, offset: int) -> None:
        """Tell the source how far the target has come."""
        leg = self._leg(x, "get")
        if leg is not None and leg.acked < offset <= leg.end:
            leg.acked = offset
            self._send(m.F_ACK, {"x": x, "o": offset})

    def file_end(self, x: bytes, size: int, sha: bytes) -> None:
        """Tell the target that it has all."""
        leg = self._leg(x, "put")
        if leg is not None:
            if not leg.open or leg.ended or size not in (leg.end, 0):
                raise LocalProtocolError(f"a file ends at {size}, but {leg.end} bytes were passed on")
            leg.ended = True
            self._queue_file(x, m.F_END, {"x": x, "size": size, "sha": sha})

    def file_give_up(self, x: bytes, code: str, msg: str = "") -> None:
        """Give a leg up; `FileDropped` follows when the agent has, too."""
        leg = self._legs.get(x)
        if leg is not None and not leg.given_up and self._must_be("up"):
            leg.given_up = True
            self._drop_file(x)
            self._send(m.F_ERR, {"x": x, "code": cut(code, 16), "msg": cut(msg, 256)})

    def files_over(self, k: bytes, *, ok: bool, code: str = "", msg: str = "") -> None:
        """Tell the target of a copy that all files are there, or why it failed."""
        if self._must_be("up"):
            self._send(m.F_OVER, {"x": k, "ok": ok, "code": cut(code, 16), "msg": cut(msg, 256)})

    def _leg(self, x: bytes, op: FileOp) -> _Leg | None:
        leg = self._legs.get(x)
        if leg is None or leg.given_up or not self._must_be("up"):
            return None
        if leg.op != op:
            raise LocalProtocolError(f"this leg is a {leg.op}")
        return leg

    # ---- inside

    def _known(self, body: Body, *ops: FileOp) -> _Leg:
        leg = self._legs.get(body["x"])
        if leg is None or leg.op not in ops:
            raise Violation("state", "about a file that was not asked for")
        return leg

    def _over(self, x: bytes, leg: _Leg) -> bool:
        """The agent's last word about a leg has come; return whether anybody wants to hear it."""
        del self._legs[x]
        self._drop_file(x)
        if leg.given_up:
            self._found.append(FileDropped(x))
        return not leg.given_up

    def _on_f_ok(self, body: Body, _payload: bytes) -> None:
        x = body["x"]
        leg = self._known(body, "get", "put", "list", "stat")
        if leg.open:
            raise Violation("state", "a file that is open is opened again")
        if leg.op == "list":
            if self._over(x, leg):
                rows = [FileEntry(*row) for row in body.get("names") or ()]
                self._found.append(FileListed(x, rows, body.get("more") or False))
            return
        ready = FileReady(x, body["off"], body["size"], body["mode"], body["mtime"], body.get("sha"))
        if leg.op == "stat":
            if self._over(x, leg):
                self._found.append(ready)
            return
        if ready.offset > leg.asked or (leg.op == "get" and not ready.offset <= ready.size):
            raise Violation("state", f"a file is opened at {ready.offset}, behind {leg.asked}")
        if leg.op == "put" and ready.offset and ready.sha is None:
            raise Violation("schema", "a part of a file without its hash")
        leg.open = True
        leg.asked = leg.end = leg.acked = ready.offset
        leg.size = ready.size
        if not leg.given_up:
            self._found.append(ready)

    def _on_f_data(self, body: Body, _payload: bytes) -> None:
        leg = self._known(body, "get")
        offset, data = body["o"], body["d"]
        if not leg.open or offset != leg.end:
            raise Violation("state", f"file data at {offset} where {leg.end} was due")
        leg.end += len(data)
        if leg.end > leg.size:
            raise Violation("limit", "more of a file than its size")
        if leg.end - leg.acked > limits.FILE_WINDOW_BYTES:
            raise Violation("limit", "more of a file than there was room for")
        if not leg.given_up:
            self._found.append(FileData(body["x"], offset, data))

    def _on_f_ack(self, body: Body, _payload: bytes) -> None:
        leg = self._known(body, "get", "put")
        if leg.open:
            if leg.op == "get" or not leg.acked <= body["o"] <= leg.end:
                raise Violation("state", f"file data acknowledged up to {body['o']}, but {leg.end} was sent")
            leg.acked = body["o"]
        if not leg.given_up:
            self._found.append(FileAcked(body["x"], body["o"]))

    def _on_f_end(self, body: Body, _payload: bytes) -> None:
        leg = self._known(body, "get")
        if not leg.open or body["size"] != leg.end or leg.end != leg.size:
            raise Violation("state", f"a file ends at {body['size']}, but {leg.end} of {leg.size} bytes came")
        if self._over(body["x"], leg):
            self._found.append(FileEnded(body["x"], body["size"], body["sha"]))

    def _on_f_done(self, body: Body, _payload: bytes) -> None:
        leg = self._known(body, "put")
        # Instead of opening it the target may say that it has this file from an earlier try.
        if leg.open and not leg.ended:
            raise Violation("state", "a file is done that was not sent to its end")
        if self._over(body["x"], leg):
            self._found.append(FileDone(body["x"]))

    def _on_f_err(self, body: Body, _payload: bytes) -> None:
        leg = self._known(body, "get", "put", "list", "stat")
        if self._over(body["x"], leg):
            self._found.append(FileFailed(body["x"], body["code"], body["msg"]))

    @classmethod
    def file_routes(cls) -> Iterator[tuple[int, Route]]:
        """Give the routes of the messages about files."""
        yield route(m.F_OK, ("up",), cls._on_f_ok)
        yield route(m.F_DATA, ("up",), cls._on_f_data)
        yield route(m.F_ACK, ("up",), cls._on_f_ack)
        yield route(m.F_END, ("up",), cls._on_f_end)
        yield route(m.F_DONE, ("up",), cls._on_f_done)
        yield route(m.F_ERR, ("up",), cls._on_f_err)
