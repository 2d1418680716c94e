"""File waits: the product's `FileWait` and its notes on the simulated disk, and files that come, change and come again.

Every wait has a file of its own, named by its key: which waits share a file is nothing the oracle could judge. Its
producer puts it there at some time, and when it was deleted puts another one under the same name, which this wait
must leave alone.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from jaz_lite.agent.copying.file_system import Found
from jaz_lite.agent.file_roots import FileRoots
from jaz_lite.agent.file_wait import FileWait
from jaz_lite.agent.file_waits import DiskNotes
from tests.sim.world import Dies

if TYPE_CHECKING:
    from tests.sim.machine import Machine

FOLDER = b"/sim-in"
POLL_MS = 1_000
DIES = 0.1  # chance that the process is killed just before or after it deletes
COMES_MS = (0, 300, 2_000, 8_000, 40_000)
COMES_AGAIN_MS = (0, 1, 20, 900, 5_000)


class SimFiles:
    """The files of a machine; they outlive its processes and its power."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._files: dict[bytes, Found] = {}
        self._planned: set[bytes] = set()
        self._numbers = 0
        self.before_change: Callable[[], None] | None = None

    def expect(self, path: bytes, *, must_come: bool) -> None:
        """Somebody will produce this file, once; perhaps never where nobody waits for ever."""
        if path in self._planned:
            return
        self._planned.add(path)
        dice = random.Random(f"{self._machine.world.seed}/{path!r}")
        if must_come or dice.random() < 0.7:
            self._machine.world.after(dice.choice(COMES_MS), self._put, path)

    def _put(self, path: bytes) -> None:
        self._numbers += 1
        self._files[path] = Found(
            path=path, regular=True, link=False, size=1, dev=1, ino=self._numbers, mtime_ns=self._machine.world.now_ms
        )

    # ---- the seam

    def find(self, path: bytes) -> Found | None:
        return self._files.get(path)

    def entry(self, path: bytes) -> Found | None:
        return self._files.get(path)

    def is_folder(self, path: bytes) -> bool:
        return path == FOLDER

    def names(self, folder: bytes) -> list[bytes]:
        return sorted(path[len(folder) + 1 :] for path in self._files)

    def delete(self, path: bytes) -> None:
        self._change()
        if self._files.pop(path, None) is None:
            return
        self._machine.world.counts["files deleted"] += 1
        self._machine.oracle.own.file_deleted(bytes.fromhex(path[len(FOLDER) + 1 :].decode()))
        self._machine.world.after(self._machine.dice.choice(COMES_AGAIN_MS), self._put, path)

    def sync_folders(self, paths: Iterable[bytes]) -> None:
        self._change()

    def _change(self) -> None:
        """The process that deletes may die now: rarely by itself, so it is helped."""
        if self.before_change is not None:
            self.before_change()
        if self._machine.dice.random() < DIES:
            raise Dies


class SimWaits:
    """The waits of an agent's process: an `OwnWork` that is polled as the product's poller does it."""

    def __init__(self, machine: Machine, say: Callable[[tuple[Any, ...]], None], may_die: Callable[[], None]) -> None:
        self._machine = machine
        self._tell = say
        self._may_die = may_die
        self._roots = FileRoots(("/",), "/sim-agent")
        self._notes = DiskNotes(machine.disk)
        self._waits: dict[bytes, FileWait] = {}

    def begin(self, k: bytes, spec: Mapping[str, Any], *, again: bool) -> None:
        assert k not in self._waits, "a wait that is at work is not begun"
        self._machine.oracle.own_began(self._machine, k, again=again)
        path = FOLDER + b"/" + k.hex().encode()
        wait = self._waits[k] = FileWait(k, {**spec, "path": path.decode()}, again=again)
        self._machine.files.expect(path, must_come=not (spec.get("timeout") or spec.get("once")))
        self._say(("started", k, self._machine.clock.now_ms()))
        self._machine.world.after(self._machine.dice.choice((0, 1, 50)), self._look, k, wait)

    def end(self, k: bytes, why: str) -> None:
        wait = self._waits.get(k)
        if wait is not None and wait.withdraw():
            del self._waits[k]
            self._say(("ended", k, 255, b"", b"") if why == "timeout" else ("cancelled", k))

    def drop(self) -> None:
        for wait in self._waits.values():
            wait.withdraw()
        self._waits.clear()

    def _say(self, record: tuple[Any, ...]) -> None:
        self._machine.oracle.own.said(record)
        self._tell(record)

    def _look(self, k: bytes, wait: FileWait) -> None:
        machine = self._machine
        if not self._living or self._waits.get(k) is not wait:
            return
        machine.disk.before_change = machine.files.before_change = self._may_die
        try:
            end = wait.look(machine.files, self._roots, self._notes, machine.clock.monotonic())
        except Dies:
            machine.kill_agent("while it deleted a file")
            return
        finally:
            machine.disk.before_change = machine.files.before_change = None
        if end is None:
            machine.world.after(POLL_MS, self._look, k, wait)
            return
        del self._waits[k]
        machine.world.counts["waits ended"] += 1
        if end.deleted:
            machine.world.after(POLL_MS, self._forget_note, k)
        self._say(("ended", k, end.code, end.out, end.err))

    def _forget_note(self, k: bytes) -> None:
        if self._living:
            self._notes.remove([k])

    @property
    def _living(self) -> bool:
        agent = self._machine.agent
        return agent is not None and agent.waits is self
