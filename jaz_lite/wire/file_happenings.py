"""What the two links tell of files that are copied: values as in `happenings`, for protocol.md section 5.5.

A *leg* is one `f_open` and what follows from it. The server names it by `x`; the agent, which may be asked for the
same `x` again, by `opening`, the number of the `f_open` in its session.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from jaz_lite.wire.happenings import Happening

FileOp = Literal["get", "put", "list", "stat"]


class FileEntry(NamedTuple):
    """A regular file of a folder: its name as the system has it, and how it was when it was looked at."""

    name: bytes
    size: int
    mode: int
    mtime_ms: int


# ---- what a server hears


class FileHappening(Happening):
    """The family of what an agent tells of a leg."""

    __slots__ = ()
    x: bytes


@dataclass(frozen=True, slots=True)
class FileReady(FileHappening):
    """The leg is open at `offset`. get: the file has `size` bytes; put: `sha` is the hash of what is there already."""

    x: bytes
    offset: int
    size: int
    mode: int
    mtime_ms: int
    sha: bytes | None = None


@dataclass(frozen=True, slots=True)
class FileListed(FileHappening):
    """A page of names, sorted; `more` come after the last of them. The leg is over."""

    x: bytes
    entries: Sequence[FileEntry]
    more: bool


@dataclass(frozen=True, slots=True)
class FileData(FileHappening):
    """Bytes of the file from `offset` on."""

    x: bytes
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class FileAcked(FileHappening):
    """The target has written up to `offset`; before `FileReady`: the agent has checked so much of what it has."""

    x: bytes
    offset: int


@dataclass(frozen=True, slots=True)
class FileEnded(FileHappening):
    """The source has sent the whole file. The leg is over."""

    x: bytes
    size: int
    sha: bytes


@dataclass(frozen=True, slots=True)
class FileDone(FileHappening):
    """The target has the whole file, durably and under its name. The leg is over."""

    x: bytes


@dataclass(frozen=True, slots=True)
class FileFailed(FileHappening):
    """The agent gave up; the sentence says why. The leg is over."""

    x: bytes
    code: str
    msg: str


@dataclass(frozen=True, slots=True)
class FileDropped(FileHappening):
    """A leg that we gave up is over at the agent too; `x` may be opened again."""

    x: bytes


# ---- what an agent hears


@dataclass(frozen=True, slots=True, kw_only=True)
class FileAsked(Happening):
    """The server opens a leg.

    put: write the file `name` of the attempt `x`, from at most `offset` on; `size` and `mode` are those of the source.
    get: read the file `name` in the folder `path` from `offset` on; `sha` is the hash of the bytes before it that the
    target has. list: the names in `path` that fit the pattern `name` and sort behind `after`. stat: how `name` is.
    """

    opening: int
    x: bytes
    op: FileOp
    path: str
    name: bytes
    offset: int
    size: int
    mode: int
    sha: bytes | None
    after: bytes


@dataclass(frozen=True, slots=True)
class FileCame(Happening):
    """Bytes to write at `offset`."""

    opening: int
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class FileTaken(Happening):
    """The target has written up to `offset`: there is room for more."""

    opening: int
    offset: int


@dataclass(frozen=True, slots=True)
class FileWhole(Happening):
    """The source has sent all: so many bytes with this hash."""

    opening: int
    size: int
    sha: bytes


@dataclass(frozen=True, slots=True)
class FileGivenUp(Happening):
    """The server has given up the leg; what was half done stays for the next opening."""

    opening: int


@dataclass(frozen=True, slots=True)
class FilesOver(Happening):
    """The whole copy of attempt `k` is over: all files are there, or the sentence says why not."""

    k: bytes
    ok: bool
    code: str
    msg: str
