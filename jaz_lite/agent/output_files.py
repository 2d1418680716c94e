"""The output files of one site: `out/<key>.out` and `.err`, cut at their limit, tailed while the job runs.

A file gets `-had` behind its name when the server has all of it; so after a restart only the others are sent again.
Empty ones are removed at the end of their job.
"""

import contextlib
import os
from pathlib import Path
from typing import NamedTuple, Protocol

from jaz_lite.agent.attempts import OutputFacts

SUFFIXES = {1: ".out", 2: ".err"}
TEXT_SUFFIXES = (".text", ".stop", ".text.cmd", ".stop.cmd")
HAD = "-had"


class KeptOutput(NamedTuple):
    """A file of output. `had`: the server has all of it."""

    modified_ms: int
    name: str
    size: int
    had: bool


class OutputFiles(Protocol):
    """What the agent's core asks of the output files; a simulator keeps them in memory."""

    def size(self, k: bytes, stream: int) -> int:
        """Return the bytes in a stream's file; 0 where there is none."""

    def cut(self, k: bytes, stream: int, size: int) -> None:
        """Cut a file off at `size`; the job goes on behind it."""

    def read(self, k: bytes, stream: int, offset: int, size: int) -> bytes:
        """Return bytes of a stream; fewer at its end."""

    def remove(self, k: bytes, stream: int) -> None:
        """Remove a file."""

    def mark_had(self, k: bytes, stream: int) -> None:
        """Note that the server has the whole stream."""

    def pending(self) -> list[tuple[bytes, int]]:
        """Return the streams that the server may not have whole."""

    def forget(self, before_ms: int) -> None:
        """Remove the files that the server has and that were last written before."""

    def kept(self) -> "list[KeptOutput]":
        """Return all files with their sizes."""

    def forget_one(self, one: "KeptOutput") -> None:
        """Remove a file that the server has."""

    def remove_texts(self, k: bytes) -> None:
        """Remove what was written to be executed for an attempt."""


class PosixOutputFiles:
    """The output files in a real folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)

    def _path(self, k: bytes, stream: int) -> str:
        return f"{self._folder}/{k.hex()}{SUFFIXES[stream]}"

    def size(self, k: bytes, stream: int) -> int:
        path = self._path(k, stream)
        try:
            return os.stat(path).st_size
        except FileNotFoundError:
            pass
        try:
            return os.stat(path + HAD).st_size
        except FileNotFoundError:
            return 0

    def cut(self, k: bytes, stream: int, size: int) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.truncate(self._path(k, stream), size)

    def read(self, k: bytes, stream: int, offset: int, size: int) -> bytes:
        path = self._path(k, stream)
        for name in (path, path + HAD):
            with contextlib.suppress(FileNotFoundError), open(name, "rb", buffering=0) as file:
                file.seek(offset)
                return file.read(size)
        return b""

    def remove(self, k: bytes, stream: int) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path(k, stream))

    def mark_had(self, k: bytes, stream: int) -> None:
        path = self._path(k, stream)
        with contextlib.suppress(FileNotFoundError):
            os.rename(path, path + HAD)

    def pending(self) -> list[tuple[bytes, int]]:
        found = []
        for name in sorted(os.listdir(self._folder)):
            for stream, suffix in SUFFIXES.items():
                with contextlib.suppress(ValueError):
                    if name.endswith(suffix):
                        found.append((bytes.fromhex(name.removesuffix(suffix)), stream))
        return found

    def forget(self, before_ms: int) -> None:
        with os.scandir(self._folder) as entries:
            for entry in entries:
                if entry.name.endswith(HAD) and entry.stat().st_mtime_ns < before_ms * 1_000_000:
                    os.unlink(entry.path)

    def kept(self) -> list[KeptOutput]:
        found = []
        with os.scandir(self._folder) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):
                    stat = entry.stat()
                    had = entry.name.endswith(HAD)
                    found.append(KeptOutput(stat.st_mtime_ns // 1_000_000, entry.name, stat.st_size, had))
        return found

    def forget_one(self, one: KeptOutput) -> None:
        assert one.had, "what the server has not is not forgotten"
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{self._folder}/{one.name}")

    def remove_texts(self, k: bytes) -> None:
        for suffix in TEXT_SUFFIXES:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f"{self._folder}/{k.hex()}{suffix}")


class Capture:
    """What was cut off the output of the jobs that run now."""

    def __init__(self, files: OutputFiles) -> None:
        self._files = files
        self._lost: dict[tuple[bytes, int], int] = {}

    def size(self, k: bytes, stream: int, bytes_max: int) -> int:
        """Return the bytes kept of a stream, after what is beyond its limit was cut off and counted."""
        size = self._files.size(k, stream)
        if size <= bytes_max:
            return size
        self._files.cut(k, stream, bytes_max)
        self._lost[k, stream] = self._lost.get((k, stream), 0) + size - bytes_max
        return bytes_max

    def finish(self, k: bytes, head: int, bytes_max: int) -> OutputFacts:
        """Return what a job left behind when it has ended; empty files are removed."""
        out, err = self.size(k, 1, bytes_max), self.size(k, 2, bytes_max)
        if not out:
            self._files.remove(k, 1)
        if not err:
            self._files.remove(k, 2)
        cut = (self._lost.pop((k, 1), 0), self._lost.pop((k, 2), 0)) if self._lost else (0, 0)
        return OutputFacts(
            out=out,
            err=err,
            out_head=self._files.read(k, 1, 0, min(head, out)) if out and head else b"",
            err_head=self._files.read(k, 2, 0, min(head, err)) if err and head else b"",
            truncated=any(cut),
        )
