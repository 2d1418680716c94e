"""An append-only file whose room is written in advance, so that making an addition durable changes no file size.

Measured: `fdatasync` after growing a file took 189 us, after overwriting prepared zeros 142. The zeros read as the end
of the log: a record has no length 0. Standard library only; the job keeper uses it too.
"""

import os
import sys

_FLAGS = os.O_CREAT | os.O_WRONLY | getattr(os, "O_BINARY", 0)  # Windows would translate line ends
PREPARED_BYTES = 1024 * 1024  # at a time
_ZEROS = bytes(64 * 1024)


class PreparedFile:
    """A file written from `size` on; what lies behind is zeros."""

    def __init__(self, path: str, size: int) -> None:
        """Open or create the file; what stands behind `size` is cut off."""
        self._file = os.open(path, _FLAGS, 0o600)
        self.size = size
        os.ftruncate(self._file, size)
        self._prepared = size
        self._sync = getattr(os, "fdatasync", None) or os.fsync

    def write(self, data: bytes) -> None:
        """Write at the end.

        Raises:
            OSError: nothing was added; the disk may be full.
        """
        if self.size + len(data) > self._prepared:
            self._prepare(len(data))
        view, at = memoryview(data), self.size
        while view:
            done = _write_at(self._file, view, at)
            view, at = view[done:], at + done
        self.size = at

    def _prepare(self, least: int) -> None:
        end = self.size + max(least, PREPARED_BYTES)
        try:
            while self._prepared < end:
                self._prepared += _write_at(self._file, _ZEROS[: end - self._prepared], self._prepared)
        except OSError:
            # A nearly full disk: do without, the write itself will tell.
            self._prepared = self.size
            os.ftruncate(self._file, self.size)

    def sync(self) -> None:
        """Make everything written durable."""
        self._sync(self._file)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)


def _write_at(descriptor: int, data: "memoryview | bytes", at: int) -> int:
    if sys.platform == "win32":
        os.lseek(descriptor, at, os.SEEK_SET)
        return os.write(descriptor, data)
    return os.pwrite(descriptor, data, at)
