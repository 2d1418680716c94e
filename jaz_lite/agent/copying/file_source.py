"""The source of a file copy: lists the files of one folder that fit a pattern, and reads them.

It keeps no state: every question names all it needs. Blocking; called in threads, a bounded piece at a time.
Source: protocol.md section 5.5.
"""

import hashlib
import heapq
import os
import stat
from collections.abc import Callable, Sequence
from contextlib import suppress

from jaz_lite.agent.copying.file_folder import WINDOWS, Folder, about, fault
from jaz_lite.agent.copying.file_paths import PART_PREFIX, FileFault, check_name, fits, has_wildcard, shown
from jaz_lite.wire.file_happenings import FileEntry
from jaz_lite.wire.limits import FILE_NAMES_MAX, FILE_NAMES_PAGE_BYTES_MAX, FILE_NAMES_PAGE_MAX

Busy = Callable[[int], None]  # told now and then how many bytes have been looked at
ENTRY_BYTES = 40  # what a page needs for an entry beside its name
CHECK_BYTES = 64 * 1024 * 1024  # read for a checksum between two signs of life
READ_BYTES = 1024 * 1024


def name_of(raw: bytes) -> str:
    """Return the name that these bytes are here.

    Raises:
        FileFault: this system cannot have such a name.
    """
    try:
        name = os.fsdecode(raw)
    except UnicodeDecodeError:
        raise FileFault(
            "name", f'"{shown(raw.decode("utf-8", "replace"))}" is no name that a file may have here'
        ) from None
    check_name(name, windows=WINDOWS)
    return name


def list_page(folder: Folder, pattern: str, after: bytes) -> tuple[list[FileEntry], bool]:
    """Return the regular files whose names fit, sorted by their bytes, from behind `after` on; and whether more come.

    Raises:
        FileFault: none fits, or too many do.
    """
    matches = 0
    pages: list[bytes] = []

    def fresh() -> "Sequence[bytes]":
        nonlocal matches
        found = []
        for name, regular in folder.names():
            if not regular or not fits(pattern, name) or name.startswith(PART_PREFIX):
                continue
            matches += 1
            if matches > FILE_NAMES_MAX:
                raise FileFault("too_many", f'more than {FILE_NAMES_MAX} files match "{shown(pattern)}"')
            raw = os.fsencode(name)
            if raw > after:
                found.append(raw)
        return found

    try:
        pages = heapq.nsmallest(FILE_NAMES_PAGE_MAX + 1, fresh())
    except OSError as error:
        raise fault(error, f'the folder "{shown(folder.path)}"') from error
    if not matches:
        raise _no_match(folder, pattern)
    entries: list[FileEntry] = []
    size = 0
    for raw in pages:
        size += len(raw) + ENTRY_BYTES
        if len(entries) >= FILE_NAMES_PAGE_MAX or size > FILE_NAMES_PAGE_BYTES_MAX:
            return entries, True
        seen = folder.look(os.fsdecode(raw))
        if seen is not None and stat.S_ISREG(seen.st_mode):
            entries.append(entry(raw, seen))
    return entries, False


def entry(raw: bytes, seen: os.stat_result) -> FileEntry:
    """Return what a list tells of a file."""
    return FileEntry(raw, seen.st_size, stat.S_IMODE(seen.st_mode), max(0, seen.st_mtime_ns // 1_000_000))


def _no_match(folder: Folder, pattern: str) -> FileFault:
    if not has_wildcard(pattern):
        # Say why the one file that is meant will not do.
        with suppress(OSError):
            os.close(folder.open_regular(pattern))
    return FileFault("no_match", f'no file in "{shown(folder.path)}" matches "{shown(pattern)}"')


class SourceFile:
    """A file that is read. What it was when it was opened is what is sent: a change on the way is a failure."""

    def __init__(self, folder: Folder, name: str) -> None:
        """Open a regular file.

        Raises:
            FileFault: it is not there, or something else.
        """
        self._name = name
        self._file = folder.open_regular(name)
        self.begun = os.fstat(self._file)
        self.size = self.begun.st_size
        self.position = 0
        self._hash = hashlib.sha256()

    def close(self) -> None:
        """Let go of the file; may be said twice."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def read(self, size: int) -> bytes:
        """Return the next bytes, at most `size`; b"" at the end."""
        try:
            data = os.read(self._file, min(size, self.size - self.position))
        except OSError as error:
            raise fault(error, about(self._name)) from error
        if not data and self.position < self.size:
            raise self._changed()
        self._hash.update(data)
        self.position += len(data)
        return data

    def pass_over(self, offset: int, busy: Busy) -> None:
        """Read on, up to `offset`, only for the checksum; a shorter file ends earlier.

        Args:
            busy: told now and then how far that has come.
        """
        told = 0
        while self.position < min(offset, self.size):
            self.read(min(READ_BYTES, offset - self.position))
            if self.position - told >= CHECK_BYTES:
                told = self.position
                busy(told)

    def begin_anew(self) -> None:
        """Go back to the start."""
        os.lseek(self._file, 0, os.SEEK_SET)
        self.position = 0
        self._hash = hashlib.sha256()

    @property
    def sha(self) -> bytes:
        """The checksum of all that was read so far."""
        return self._hash.copy().digest()

    def finish(self) -> bytes:
        """Return the checksum of the whole file.

        Raises:
            FileFault: the file is not any more what it was when it was opened.
        """
        seen = os.fstat(self._file)
        if (seen.st_size, seen.st_mtime_ns) != (self.begun.st_size, self.begun.st_mtime_ns):
            raise self._changed()
        try:
            more = os.read(self._file, 1)
        except OSError as error:
            raise fault(error, about(self._name)) from error
        if more:
            # What the system makes up while it is read (/proc) has no size, and would arrive empty.
            raise FileFault("not_regular", f"{about(self._name)} holds more than its size says: it is on no disk")
        return self.sha

    def _changed(self) -> FileFault:
        return FileFault("changed", f"{about(self._name)} was changed while it was copied")
