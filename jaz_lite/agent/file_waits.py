"""All waits for files of an agent, on trio: one poller for all of them, which looks once a second.

A look runs in a thread, since a file system may hang (a network share whose server is gone). Where one look stands
still for `STUCK_S`, it is left behind in its thread and the others go on without it; what it finds in the end counts.
"""

import logging
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import trio

from jaz_lite.agent.copying.file_system import Files, RealFiles
from jaz_lite.agent.disk import Disk
from jaz_lite.agent.file_roots import FileRoots
from jaz_lite.agent.file_wait import FAULT, End, FileWait
from jaz_lite.agent.own_work import Said

log = logging.getLogger(__name__)

POLL_S = 1.0
STUCK_S = 10.0
THREADS_MAX = 16  # looks that stand still at the same time; with more, nothing is looked at until one returns
FOLDER = "waits"
FAULT_LINE = b"the agent failed at this wait; its log says how\n"
KEEP_MS = 7 * 86_400_000  # of a note that nobody asks for: its attempt ended in a crash

Say = Callable[[Said], None]
InThread = Callable[[Callable[[], None]], Awaitable[None]]


class DiskNotes:
    """Notes of deletions, one small file each."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        disk.make_folder(FOLDER)

    def find(self, k: bytes) -> "bytes | None":
        try:
            return self._disk.read(f"{FOLDER}/{k.hex()}")
        except FileNotFoundError:
            return None

    def write(self, k: bytes, note: bytes) -> None:
        self._disk.replace(f"{FOLDER}/{k.hex()}", note)

    def remove(self, keys: Iterable[bytes]) -> None:
        """Forget notes."""
        for k in keys:
            self._disk.remove(f"{FOLDER}/{k.hex()}")

    def remove_old(self, before_ms: int) -> None:
        """Forget the notes that were written before."""
        for name in self._disk.names(FOLDER):
            if self._disk.modified_ms(f"{FOLDER}/{name}") < before_ms:
                self._disk.remove(f"{FOLDER}/{name}")


class _Round:
    """Looks that are made one after the other in a thread."""

    def __init__(self, entries: "list[_Waiting]", look: Callable[[FileWait], "End | None"]) -> None:
        self.at = 0  # which look is being made
        self.over = False
        self._entries = entries
        self._look = look
        self._turn = threading.Lock()
        self._left_behind = False

    def work(self) -> None:
        """Make the looks; in the thread."""
        try:
            for number, entry in enumerate(self._entries):
                with self._turn:
                    if self._left_behind:
                        return
                    self.at = number
                entry.end = self._look(entry.wait)
        finally:
            self.over = True

    def leave_behind(self) -> int:
        """Let the thread end after the look that it is making, and return which one that is."""
        with self._turn:
            self._left_behind = True
            return self.at


@dataclass(slots=True)
class _Waiting:
    wait: FileWait
    say: Say
    due: float = 0.0
    end: "End | None" = None
    behind: "_Round | None" = None  # its look stands still in a thread that was left behind

    @property
    def away(self) -> bool:
        """Whether such a look has not come back."""
        return self.behind is not None and not self.behind.over


class FilePoller:
    """The waits of all sites of an agent.

    Args:
        in_thread: runs a function in a thread and may be cancelled, which leaves the thread behind.
    """

    def __init__(
        self, disk: Disk, roots: FileRoots, *, files: "Files | None" = None, in_thread: "InThread | None" = None
    ) -> None:
        self._roots = roots
        self._files = files or RealFiles()
        self._notes = DiskNotes(disk)
        self._limiter = trio.CapacityLimiter(THREADS_MAX)
        self._in_thread = in_thread or self._thread
        self._waits: dict[bytes, _Waiting] = {}
        self._deleted: list[bytes] = []  # keys whose note may go: their end was told before the last round
        self._new = trio.Event()

    async def _thread(self, work: Callable[[], None]) -> None:
        await trio.to_thread.run_sync(work, abandon_on_cancel=True, limiter=self._limiter)

    def add(self, wait: FileWait, say: Say) -> None:
        """Look for a file from now on."""
        self._waits[wait.k] = _Waiting(wait, say)
        self._new.set()

    def withdraw(self, k: bytes) -> "FileWait | None":
        """Take a wait back; None if there is none, or if it has begun to delete and its end will be told."""
        entry = self._waits.get(k)
        if entry is None or not entry.wait.withdraw():
            return None
        del self._waits[k]
        return entry.wait

    async def run(self) -> None:
        """Look until cancelled."""
        self._notes.remove_old(time.time_ns() // 1_000_000 - KEEP_MS)
        while True:
            self._new = trio.Event()
            now = trio.current_time()
            due = [entry for entry in self._waits.values() if entry.due <= now and not entry.away]
            gone, self._deleted = self._deleted, []
            if due or gone:
                await self._look(due, gone)
                for entry in due:
                    entry.due = now + POLL_S
            self._tell()
            await self._pause()

    async def _pause(self) -> None:
        wakes = [trio.current_time() + POLL_S] if self._deleted else []
        wakes += [trio.current_time() + POLL_S if entry.away else entry.due for entry in self._waits.values()]
        with trio.move_on_at(min(wakes, default=float("inf"))):
            await self._new.wait()

    def _tell(self) -> None:
        for k, entry in list(self._waits.items()):
            if entry.end is not None:
                del self._waits[k]
                if entry.end.deleted:
                    # Not before the next round: by then the end is in the log, and durable.
                    self._deleted.append(k)
                entry.say(("ended", k, entry.end.code, entry.end.out, entry.end.err))

    async def _look(self, entries: "list[_Waiting]", gone: Iterable[bytes]) -> None:
        await self._in_thread(lambda: self._notes.remove(gone))
        self._roots.look_again()
        while entries:
            looks = _Round(entries, self._look_once)
            if await self._made(looks):
                return
            at = looks.leave_behind()
            entries[at].behind = looks
            key = entries[at].wait.k.hex()
            log.warning("a file system does not answer", extra={"action": "wait.stuck", "key": key})
            entries = entries[at + 1 :]

    async def _made(self, looks: _Round) -> bool:
        """Have looks made; False when one of them takes longer than it may."""
        async with trio.open_nursery() as nursery:

            async def make() -> None:
                await self._in_thread(looks.work)
                nursery.cancel_scope.cancel()

            nursery.start_soon(make)
            at = -1
            while looks.at != at:
                at = looks.at
                await trio.sleep(STUCK_S)
            nursery.cancel_scope.cancel()
        return looks.over

    def _look_once(self, wait: FileWait) -> "End | None":
        try:
            return wait.look(self._files, self._roots, self._notes, time.monotonic())
        except Exception:
            # Else it would end the agent, and again at each start, since the wait is begun again there.
            log.exception("a look at a file broke our code", extra={"action": "wait.fault", "key": wait.k.hex()})
            return End(FAULT, err=FAULT_LINE)


class FileWaits:
    """The file waits of one site: an `OwnWork` over the poller of the agent."""

    def __init__(self, poller: FilePoller, say: Say, wall_ms: Callable[[], int]) -> None:
        self._poller = poller
        self._say = say
        self._wall_ms = wall_ms
        self._keys: set[bytes] = set()

    def begin(self, k: bytes, spec: Mapping[str, Any], *, again: bool) -> None:
        self._keys.add(k)
        self._say(("started", k, self._wall_ms()))
        self._poller.add(FileWait(k, spec, again=again), self._ended)

    def end(self, k: bytes, why: str) -> None:
        wait = self._poller.withdraw(k)
        if wait is None:
            return
        if why == "timeout":
            end = wait.over()
            self._ended(("ended", k, end.code, end.out, end.err))
        else:
            self._ended(("cancelled", k))

    def drop(self) -> None:
        for k in self._keys:
            self._poller.withdraw(k)
        self._keys.clear()

    def _ended(self, record: Said) -> None:
        self._keys.discard(record[1])
        self._say(record)
