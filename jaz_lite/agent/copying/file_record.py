"""What a copy has finished, one small file an attempt: so that a resumed copy knows its own files again.

A file is written down before it gets its name (`plan`) and after it has it (`done`). If the agent ends between the two,
the size and the checksum tell whether the file that is there is the one that was meant.

Blocking; called in threads.
"""

import os
from pathlib import Path
from typing import Any, NamedTuple

import msgpack

from jaz_lite.agent.crc_log import framed, unframed


class Finished(NamedTuple):
    """A file of a copy: how many bytes, and their checksum."""

    size: int
    sha: bytes


class CopyRecord:
    """The record of one copy."""

    def __init__(self, path: Path) -> None:
        """Read the record; what a crash has torn off at its end is cut away.

        Raises:
            OSError: it can be neither read nor made.
        """
        self._path = path
        self.planned: dict[bytes, Finished] = {}
        self.done: dict[bytes, Finished] = {}
        try:
            payloads, end = unframed(path.read_bytes())
        except FileNotFoundError:
            payloads, end = [], 0
        for payload in payloads:
            self._take(msgpack.unpackb(payload))
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_CREAT | os.O_WRONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
        self._file = os.open(path, flags, 0o600)
        os.ftruncate(self._file, end)
        os.lseek(self._file, end, os.SEEK_SET)

    def _take(self, record: list[Any]) -> None:
        what, name, size, sha = record
        (self.planned if what == "plan" else self.done)[name] = Finished(size, sha)
        if what == "done":
            self.planned.pop(name, None)

    def plan(self, name: bytes, finished: Finished) -> None:
        """Write down, durably, that a whole file is about to get its name."""
        self._write("plan", name, finished)
        os.fsync(self._file)

    def finish(self, name: bytes, finished: Finished) -> None:
        """Write down that a file has its name. Not durable by itself: the plan tells enough."""
        self._write("done", name, finished)

    def _write(self, what: str, name: bytes, finished: Finished) -> None:
        record = [what, name, *finished]
        os.write(self._file, framed(msgpack.packb(record)))
        self._take(record)

    def close(self) -> None:
        """Let go of the file; may be said twice."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
