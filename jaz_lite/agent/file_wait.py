"""One wait for a file: what a look at the file system leads to.

Deleting survives a crash. Before the first file goes, a note says durably which files they are, by device, inode and
time; a wait that is begun again and finds its note deletes the rest of them, ends well, and leaves a file alone that
has come under the same name since.

Exit codes: 0 what was waited for is so; with `once` 1 there, 0 not there; 255 all that can go wrong.
Source: JAZ's scripts jafwait and jafcheck, agent.md section 10 of the reference; `stable`, `absent`, wildcards are ours.
"""

import fnmatch
import os
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import msgpack

from jaz_lite.agent.copying.file_system import Files, Found
from jaz_lite.agent.file_roots import FileRoots, PathRefused, shown_path

FAULT = 255
MATCHES_MAX = 10_000  # of a wildcard
TOLD_MAX = 100  # files that the output names one by one


class Notes(Protocol):
    """Where notes of deletions are kept, durably, by the key of the attempt."""

    def find(self, k: bytes) -> "bytes | None":
        """Return a note."""

    def write(self, k: bytes, note: bytes) -> None:
        """Keep a note, durably."""


@dataclass(frozen=True, slots=True)
class End:
    """How a wait ended. `deleted`: there is a note of it that may go when the end is durable."""

    code: int
    out: bytes = b""
    err: bytes = b""
    deleted: bool = False


class _Fault(Exception):
    """The wait cannot go on. The message is a sentence."""


class FileWait:
    """One wait.

    Args:
        spec: the checked work order.
        again: an earlier process of the agent may have begun it.
    """

    def __init__(self, k: bytes, spec: Mapping[str, Any], *, again: bool) -> None:
        self.k = k
        self._mode = "once" if spec.get("once") else str(spec["mode"])
        self._encoding = _known(spec.get("enc"))
        # Windows takes names as UTF-8 and turns them into its own; elsewhere a name is the bytes that programs write.
        self._of_names = "utf-8" if os.name == "nt" else self._encoding
        self._name = str(spec["path"])
        self._path = self._name.encode(self._of_names, "replace")
        self._pattern = _pattern(self._name) if spec.get("glob") else None
        self._stable_s = int(spec.get("stable_s") or 1)
        self._limit_s = int(spec.get("timeout") or 0)
        self._delete = bool(spec.get("delete")) and self._mode != "absent"
        self._again = again
        self._first = True
        self._seen: tuple[Found, ...] = ()
        self._seen_since = 0.0
        self._fate = threading.Lock()  # looks are made in a thread
        self._withdrawn = self._deleting = False

    def withdraw(self) -> bool:
        """See that nothing is deleted any more; False: that has begun, and the end of the wait is near."""
        with self._fate:
            self._withdrawn = not self._deleting
            return self._withdrawn

    def look(self, files: Files, roots: FileRoots, notes: Notes, mono: float) -> "End | None":
        """Look once; return the end of the wait, or None if it goes on.

        Args:
            mono: monotonic seconds.
        """
        first, self._first = self._first, False
        try:
            if self._path.decode(self._of_names, "replace") != self._name:
                raise _Fault(f"the file {self._shown} has a name that {self._of_names} has no characters for")
            # Also for one that seems to be new: in mode `fast` a power cut may have taken what the agent knew of it.
            if first and self._delete and (note := notes.find(self.k)) is not None:
                return self._go_on_deleting(files, note)
            try:
                found = self._find(files, roots, first=first and not self._again)
            except OSError as error:
                if not (first and not self._again):
                    return None  # a mount that is away for a while, say: it may come back
                raise _Fault(f"the file {self._shown} cannot be looked at: {_reason(error)}") from error
            return self._judged(found, files, notes, mono)
        except (_Fault, PathRefused) as fault:
            return End(FAULT, err=self._line(str(fault)))

    def over(self) -> End:
        """Return the end of a wait whose time is over."""
        what = {"absent": "is still there", "stable": "is not there, or still changes,"}.get(self._mode, "is not there")
        return End(FAULT, err=self._line(f"the file {self._shown} {what} after {self._limit_s} s"))

    # ---- looking

    def _find(self, files: Files, roots: FileRoots, *, first: bool) -> "tuple[Found, ...]":
        folder = roots.folder_of(self._path)
        if not files.is_folder(folder):
            if first:
                raise _Fault(f"the folder {shown_path(os.path.dirname(self._path))} does not exist")
            if self._mode == "absent":
                raise FileNotFoundError  # that the folder is gone does not say that the file is
            return ()
        if self._pattern is None:
            found = files.find(self._path)
            if found is None:
                return ()
            if not found.regular and self._mode != "absent":
                raise _Fault(f"{self._shown} is not a regular file")
            _check_target(roots, found)
            return (found,)
        start = os.path.dirname(self._path)
        names = [name for name in files.names(start) if self._matches(name)]
        if len(names) > MATCHES_MAX:
            raise _Fault(f"more than {MATCHES_MAX} files match {self._shown}")
        entries = [files.find(os.path.join(start, name)) for name in names]
        matching = tuple(entry for entry in entries if entry is not None and entry.regular)
        for entry in matching:
            _check_target(roots, entry)
        return matching

    def _matches(self, name: bytes) -> bool:
        assert self._pattern is not None
        text = os.path.normcase(name.decode(self._of_names, "surrogateescape"))
        return self._pattern.match(text) is not None

    # ---- judging

    def _judged(self, found: "tuple[Found, ...]", files: Files, notes: Notes, mono: float) -> "End | None":
        if self._mode == "absent":
            return None if found else End(0, self._line(f"the file {self._shown} does not exist"))
        if not found:
            self._seen = ()
            return End(0, self._line(f"the file {self._shown} does not exist")) if self._mode == "once" else None
        if self._mode == "stable" and not self._is_stable(found, mono):
            return None
        code = 1 if self._mode == "once" else 0
        out = b"".join(self._line('the file "', each.path, '" exists') for each in found[:TOLD_MAX])
        if len(found) > TOLD_MAX:
            out += self._line(f"and {len(found) - TOLD_MAX} more")
        if not self._delete:
            return End(code, out)
        return self._deleted(files, notes, code, out, found)

    def _is_stable(self, found: "tuple[Found, ...]", mono: float) -> bool:
        if found != self._seen:
            self._seen, self._seen_since = found, mono
            return False
        return mono - self._seen_since >= self._stable_s

    # ---- deleting

    def _deleted(self, files: Files, notes: Notes, code: int, out: bytes, found: "tuple[Found, ...]") -> "End | None":
        with self._fate:
            if self._withdrawn:
                return None
            self._deleting = True
        rows = [[each.path, str(each.dev), str(each.ino), each.mtime_ns] for each in found]
        try:
            notes.write(self.k, _packed([code, out, rows]))
            for each in found:
                entry = files.entry(each.path)
                if entry is not None and (entry.dev, entry.ino) == (each.dev, each.ino):
                    files.delete(each.path)
            files.sync_folders(each.path for each in found)
        except OSError as error:
            raise _Fault(f"the file {self._shown} could not be deleted: {_reason(error)}") from error
        return End(code, out + self._line("it was deleted" if len(found) == 1 else "they were deleted"), deleted=True)

    def _go_on_deleting(self, files: Files, note: bytes) -> End:
        code, out, rows = msgpack.unpackb(note)
        try:
            for path, dev, ino, mtime_ns in rows:
                entry = files.find(path)
                if entry is not None and (str(entry.dev), str(entry.ino), entry.mtime_ns) == (dev, ino, mtime_ns):
                    files.delete(path)
            files.sync_folders(path for path, *_ in rows)
        except OSError as error:
            raise _Fault(f"the file {self._shown} could not be deleted: {_reason(error)}") from error
        return End(code, out + self._line("it was deleted" if len(rows) == 1 else "they were deleted"), deleted=True)

    # ---- words

    @property
    def _shown(self) -> str:
        return shown_path(self._name.encode("utf-8", "surrogateescape"))

    def _line(self, *parts: "str | bytes") -> bytes:
        """Return a line of output in the encoding of the host, in which the server reads it; paths stay as they are."""
        done = (part if isinstance(part, bytes) else part.encode(self._encoding, "backslashreplace") for part in parts)
        return b"".join(done) + b"\n"


def _known(encoding: Any) -> str:
    try:
        "".encode(encoding or "utf-8")
    except LookupError:
        return "utf-8"
    return encoding or "utf-8"


def _check_target(roots: FileRoots, found: Found) -> None:
    if found.link:
        roots.check_real(os.path.realpath(found.path), shown_path(found.path))


def _pattern(path: str) -> "re.Pattern[str]":
    name = os.path.normcase(os.path.basename(path))
    # As in a shell, hidden names are matched by patterns only that begin with a dot themselves.
    return re.compile(("" if name.startswith(".") else r"(?!\.)") + fnmatch.translate(name))


def _packed(value: Any) -> bytes:
    data = msgpack.packb(value)
    assert isinstance(data, bytes)
    return data


def _reason(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno is not None else str(error)
