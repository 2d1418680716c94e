"""One file copy as the server relays it: from the source's agent to the target's, one file after the other.

    waiting ─► listing ─► (put opened ─► get opened ─► data ─► end ─► done) for each file ─► told
       ▲          └────────────────┴── a link is cut: everything is given up, later begun again

The source is asked what there is; the target says of each file how much it has, or that it has it all. Bytes only pass
through: never more than one window of them is here, and the source is told to go on only when the target has written.
The server keeps nothing of a copy on its disk. When it begins again, after a cut or in another process, the target
still knows what it has finished.

Pure: links are state machines, time is an argument. Source: protocol.md sections 4.7 and 5.5.
"""

import hashlib
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from jaz_lite.wire.file_happenings import (
    FileAcked,
    FileData,
    FileDone,
    FileDropped,
    FileEnded,
    FileEntry,
    FileFailed,
    FileHappening,
    FileListed,
    FileReady,
)
from jaz_lite.wire.limits import FILE_NAMES_MAX
from jaz_lite.wire.server_core import ServerLink

Side = Literal["source", "target"]
AS_MUCH_AS_THERE_IS = 2**63
PAUSE_S = 2.0  # before a copy is begun again that the target was not ready for
AGAIN = frozenset(("work", "given_up"))  # the target is in between: it was started anew, or is about to begin


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyOrder:
    """What is copied: `pattern` in `folder` of the source; where to, the target's agent has in its work order."""

    source_host: str
    target_host: str
    folder: str
    pattern: str


@dataclass(slots=True)
class Progress:
    """How far a copy is. `files` and `size_bytes` are 0 until the source has said what there is."""

    files_done: int = 0
    files: int = 0
    bytes_done: int = 0
    size_bytes: int = 0
    file: str = ""  # that is on its way


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a copy ended; the target is told until it has said so itself."""

    ok: bool
    code: str = ""
    msg: str = ""


class CopyRelay:
    """See the module.

    Args:
        k: the attempt at the target.
    """

    def __init__(self, k: bytes, order: CopyOrder) -> None:
        self.k = k
        self.order = order
        self.source_x = hashlib.sha256(b"jazl-fget" + k).digest()[:16]
        self.progress = Progress()
        self.verdict: Verdict | None = None
        self.heard_at = 0.0  # when anything came of it; counts while it is at work
        self.not_before = 0.0
        self._source: ServerLink | None = None
        self._target: ServerLink | None = None
        self._entries: list[FileEntry] = []
        self._listed = False
        self._at = 0  # index of the file on its way
        self._offset = 0  # from which the target wants it
        self._done_before = 0  # bytes of the files before it
        self._told = False

    @property
    def at_work(self) -> bool:
        """Whether it holds links."""
        return self._target is not None

    @property
    def needs_source(self) -> bool:
        """Whether it cannot go on without the source."""
        return self.verdict is None

    # ---- begin and end

    def begin(self, source: ServerLink | None, target: ServerLink, now: float) -> None:
        """Go on with these links, both up and with room; `source` may be None when only the verdict is to be told."""
        assert not self.at_work, "begun once at a time"
        self._source, self._target = source, target
        self.heard_at = now
        if self.verdict is not None:
            self._tell()
        elif self._listed:
            self._open_next()
        else:
            self._entries = []
            self._list()

    def cut(self) -> None:
        """A link is gone, or nobody wants the copy now: let go of everything; what was copied stays at the target."""
        if self._source is not None:
            self._source.file_give_up(self.source_x, "again")
        if self._target is not None:
            self._target.file_give_up(self.k, "again")
        self._source = self._target = None

    def fail(self, code: str, msg: str) -> None:
        """End the copy: it cannot succeed any more."""
        target = self._target
        self.cut()
        self.verdict = Verdict(False, code, msg)
        if target is not None:
            self._target = target
            self._tell()

    def _tell(self) -> None:
        assert self._target is not None
        assert self.verdict is not None
        self._target.files_over(self.k, ok=self.verdict.ok, code=self.verdict.code, msg=self.verdict.msg)

    # ---- what the agents say

    def heard(self, side: Side, happening: FileHappening, now: float) -> None:
        """Take what an agent says about a leg of this copy."""
        if not self.at_work or isinstance(happening, FileDropped):
            return
        self.heard_at = now
        if isinstance(happening, FileFailed):
            self._failed(side, happening, now)
        elif self.verdict is None and side == "source":
            self._from_source(happening)
        elif self.verdict is None:
            self._from_target(happening)

    def _failed(self, side: Side, failure: FileFailed, now: float) -> None:
        if self.verdict is not None:
            return
        if side == "target" and failure.code in AGAIN:
            self.cut()
            self.not_before = now + PAUSE_S
            return
        host = self.order.source_host if side == "source" else self.order.target_host
        self.fail(failure.code, f'{side} host "{host}": {failure.msg}')

    def _from_source(self, happening: FileHappening) -> None:
        assert self._source is not None
        assert self._target is not None
        match happening:
            case FileListed(_, entries, more):
                self._take_list(list(entries), more)
            case FileReady(_, offset, size, _, _):
                if offset not in (0, self._offset):
                    self.fail("source", f'source host "{self.order.source_host}": it begins in the middle of a file')
                    return
                # The list may be a while ago; from here on this is its size.
                self.progress.size_bytes += size - self._entry.size
                self._entries[self._at] = self._entry._replace(size=size)
                self.progress.bytes_done = self._done_before + offset
            case FileData(_, offset, data):
                self._target.file_data(self.k, offset, data)
            case FileEnded(_, size, sha):
                self._target.file_end(self.k, size, sha)
            case _:
                pass

    def _from_target(self, happening: FileHappening) -> None:
        assert self._source is not None
        match happening:
            case FileReady(_, offset, _, _, _, sha):
                self._offset = offset
                self._source.file_open(
                    self.source_x, "get", self._entry.name, path=self.order.folder, offset=offset, sha=sha
                )
            case FileAcked(_, offset):
                self._source.file_ack(self.source_x, offset)
                self.progress.bytes_done = self._done_before + offset
            case FileDone():
                self._done_before += self._entry.size
                self.progress.bytes_done = self._done_before
                self.progress.files_done += 1
                self._at += 1
                self._open_next()
            case _:
                pass

    # ---- steps

    @property
    def _entry(self) -> FileEntry:
        return self._entries[self._at]

    def _list(self) -> None:
        assert self._source is not None
        after = self._entries[-1].name if self._entries else b""
        self._source.file_open(
            self.source_x, "list", self.order.pattern.encode("utf-8", "replace"), path=self.order.folder, after=after
        )

    def _take_list(self, entries: list[FileEntry], more: bool) -> None:
        after = self._entries[-1].name if self._entries else b""
        names = [after, *(entry.name for entry in entries)]
        if any(not one < other for one, other in pairwise(names)) or (more and not entries):
            self.fail("source", f'source host "{self.order.source_host}": its list of files is out of order')
            return
        self._entries += entries
        if len(self._entries) > FILE_NAMES_MAX:
            self.fail("too_many", f'source host "{self.order.source_host}": more than {FILE_NAMES_MAX} files match')
        elif more:
            self._list()
        elif not self._entries:
            self.fail("no_match", f'source host "{self.order.source_host}": no file matches "{self.order.pattern}"')
        else:
            self._listed = True
            self.progress = Progress(files=len(self._entries), size_bytes=sum(entry.size for entry in self._entries))
            self._open_next()

    def _open_next(self) -> None:
        assert self._target is not None
        if self._at == len(self._entries):
            self.progress.file = ""
            self.verdict = Verdict(True)
            self._tell()
            return
        entry = self._entry
        self.progress.file = _shown(entry.name)
        self._target.file_open(self.k, "put", entry.name, offset=AS_MUCH_AS_THERE_IS, size=entry.size, mode=entry.mode)


def _shown(name: bytes) -> str:
    text = name.decode("utf-8", "replace")
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)
