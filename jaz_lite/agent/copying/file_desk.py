"""Files at one site's agent, put on trio: what the server opens is a task, and what waits for a disk is in a thread.

    link ──► heard ──► a task a leg ──► threads: list, read, check, write, sync
    core ──► begin / end ──► the copies that this agent takes in (work of kind `fput`)

A leg holds at most its window of bytes, however long the file is. Nothing of a source is remembered; a target
remembers what `TargetCopy` does. The link may be cut at any time: the legs end, parts and records stay.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import trio

from jaz_lite.agent.copying.file_folder import Folder
from jaz_lite.agent.copying.file_paths import FileFault
from jaz_lite.agent.copying.file_source import SourceFile, entry, list_page, name_of
from jaz_lite.agent.copying.file_target import TargetFile
from jaz_lite.agent.copying.target_copy import TargetCopy
from jaz_lite.agent.file_roots import FileRoots
from jaz_lite.agent.own_work import Said
from jaz_lite.agent.policy import Policy
from jaz_lite.wire.agent_core import AgentLink
from jaz_lite.wire.file_happenings import FileAsked, FileCame, FileGivenUp, FilesOver, FileTaken, FileWhole
from jaz_lite.wire.happenings import Happening
from jaz_lite.wire.limits import CHUNK_BYTES_MAX, FILE_LEGS_MAX

SLICE_BYTES = 256 * 1024  # read or written by one visit to a thread
RECORD_FOLDER = "copies"

log = logging.getLogger(__name__)

T = TypeVar("T")


class FileDesk:
    """See the module; it is the `OwnWork` of kind `fput`, too.

    Args:
        folder: of the site; the records of copies lie in it. roots: what may be reached.
        say: is told what becomes of copies, see `Site.own_said`.
        wall_ms: gives the time.
    """

    def __init__(
        self, *, folder: Path, roots: FileRoots, policy: Policy, say: Callable[[Said], None], wall_ms: Callable[[], int]
    ) -> None:
        self._records = folder / RECORD_FOLDER
        self._policy = policy
        self._roots = roots
        self._say = say
        self._wall_ms = wall_ms
        self._nursery: trio.Nursery | None = None
        self._threads = trio.CapacityLimiter(2 * FILE_LEGS_MAX)
        self._legs: dict[tuple[AgentLink, int], _Leg] = {}
        self._early: list[tuple[Callable[..., Any], Any]] = []  # what came before `run`
        self._copies: dict[bytes, _Copy] = {}

    async def run(self) -> None:
        """Serve until cancelled."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            for work, arguments in self._early:
                nursery.start_soon(work, *arguments)
            self._early.clear()
            try:
                await trio.sleep_forever()
            finally:
                self._nursery = None

    # ---- copies that this agent takes in

    def begin(self, k: bytes, spec: Mapping[str, Any], *, again: bool) -> None:  # noqa: ARG002 - its record and the parts say so, too
        """See `OwnWork`. The files come when the server opens them."""
        copy = TargetCopy(k, spec, record=self._records / k.hex(), roots=self._roots)
        self._copies[k] = _Copy(copy)
        self._say(("started", k, self._wall_ms()))

    def end(self, k: bytes, why: str) -> None:  # noqa: ARG002 - it ends the same way
        """See `OwnWork`."""
        copy = self._copies.pop(k, None)
        if copy is not None:
            self._start(self._end, k, copy, None)

    def drop(self) -> None:
        """See `OwnWork`."""
        for k, copy in self._copies.items():
            self._give_up(k)
            self._start(self._let_go, copy)
        self._copies.clear()

    def forget(self, is_open: Callable[[bytes], bool]) -> None:
        """Remove the records of copies that are over, of which the server has been told."""
        with suppress(OSError):  # it is tried again in a minute
            for path in self._records.iterdir():
                with suppress(ValueError):
                    if not is_open(bytes.fromhex(path.name)):
                        path.unlink(missing_ok=True)

    async def _end(self, k: bytes, copy: "_Copy", over: FilesOver | None) -> None:
        self._give_up(k)
        told = b""
        try:
            async with copy.lock:
                told = await self._in_thread(copy.target.clean_up)
        except Exception:
            log.exception("our code failed at the end of a copy", extra={"action": "file.fault", "op": "end"})
        if over is None:
            self._say(("cancelled", k))
        else:
            self._say(("ended", k, 0 if over.ok else 1, told, over.msg.encode()))

    async def _let_go(self, copy: "_Copy") -> None:
        async with copy.lock:
            copy.target.close()

    def _give_up(self, k: bytes) -> None:
        """Nobody takes in what comes for a copy any more."""
        for leg in self._legs.values():
            if leg.asked.op == "put" and leg.asked.x == k:
                leg.scope.cancel()

    # ---- the link

    def cut(self, link: AgentLink) -> None:
        """A session is over: so are its legs."""
        for key in [key for key in self._legs if key[0] is link]:
            self._legs.pop(key).scope.cancel()

    def heard(self, link: AgentLink, flush: Callable[[], None], happenings: Iterable[Happening]) -> "list[Happening]":
        """Take what is about files; return the rest."""
        rest: list[Happening] = []
        for happening in happenings:
            match happening:
                case FileAsked():
                    leg = self._legs[link, happening.opening] = _Leg(happening, link, flush)
                    self._start(self._serve, leg)
                case FileCame(opening, offset, data):
                    if (known := self._legs.get((link, opening))) is not None:
                        known.came(offset, data)
                case FileTaken(opening, _):
                    if (known := self._legs.get((link, opening))) is not None:
                        known.news.set()
                case FileWhole(opening, _, _):
                    if (known := self._legs.get((link, opening))) is not None:
                        known.whole = happening
                        known.news.set()
                case FileGivenUp(opening):
                    if (known := self._legs.pop((link, opening), None)) is not None:
                        known.scope.cancel()
                case FilesOver(k):
                    copy = self._copies.pop(k, None)
                    if copy is not None:
                        self._start(self._end, k, copy, happening)
                case _:
                    rest.append(happening)
        return rest

    def _start(self, work: Callable[..., Any], *arguments: Any) -> None:
        if self._nursery is not None:
            self._nursery.start_soon(work, *arguments)
        else:
            self._early.append((work, arguments))

    async def _in_thread(self, work: Callable[..., T], *arguments: Any) -> T:
        return await trio.to_thread.run_sync(work, *arguments, limiter=self._threads)

    # ---- legs

    async def _serve(self, leg: "_Leg") -> None:
        opening = leg.asked.opening
        with leg.scope:
            try:
                match leg.asked.op:
                    case "put":
                        await self._put(leg)
                    case "get":
                        await self._get(leg)
                    case _:
                        await self._look(leg)
            except FileFault as fault:
                leg.link.file_failed(opening, fault.code, str(fault))
            except Exception:
                log.exception("our code failed at a file", extra={"action": "file.fault", "op": leg.asked.op})
                leg.link.file_failed(opening, "fault", "the agent failed at this file; its log says how")
        leg.link.file_failed(opening, "given_up", "the copy is over here")  # nothing, if its last word was said
        self._legs.pop((leg.link, opening), None)
        leg.flush()

    def _check_kind(self, kind: str) -> None:
        if kind not in self._policy.kinds:
            raise FileFault("kind", f"the policy of this agent allows no work of kind {kind}")

    def _folder(self, path: str) -> Folder:
        self._check_kind("fget")
        return Folder(path, self._roots)

    def _busy(self, leg: "_Leg") -> Callable[[int], None]:
        """Return what a thread calls now and then: the server sees that something is done, and a leg may end."""

        def tell(offset: int) -> None:
            leg.link.file_ack(leg.asked.opening, offset)
            leg.flush()

        def busy(offset: int) -> None:
            trio.from_thread.run_sync(tell, offset)

        return busy

    async def _look(self, leg: "_Leg") -> None:
        asked = leg.asked

        def listed() -> "tuple[list[Any], bool]":
            folder = self._folder(asked.path)
            try:
                if asked.op == "list":
                    return list_page(folder, asked.name.decode("utf-8", "replace"), asked.after)
                with_file = SourceFile(folder, name_of(asked.name))
                with_file.close()
                return [entry(asked.name, with_file.begun)], False
            finally:
                folder.close()

        entries, more = await self._in_thread(listed)
        if asked.op == "list":
            leg.link.file_names(asked.opening, entries, more=more)
        else:
            _, size, mode, mtime_ms = entries[0]
            leg.link.file_ok(asked.opening, size=size, mode=mode, mtime_ms=mtime_ms)

    async def _get(self, leg: "_Leg") -> None:
        asked, link = leg.asked, leg.link
        opening, busy = asked.opening, self._busy(leg)

        def opened() -> SourceFile:
            folder = self._folder(asked.path)
            try:
                file = SourceFile(folder, name_of(asked.name))
            finally:
                folder.close()
            try:
                file.pass_over(asked.offset, busy)
                if file.position != asked.offset or file.sha != (asked.sha or file.sha):
                    file.begin_anew()  # what the target has is not the beginning of this file
            except BaseException:
                file.close()
                raise
            return file

        file = await self._in_thread(opened)
        try:
            found = entry(asked.name, file.begun)
            link.file_ok(opening, offset=file.position, size=file.size, mode=found.mode, mtime_ms=found.mtime_ms)
            while file.position < file.size:
                leg.flush()
                while 0 <= link.file_room(opening) < min(SLICE_BYTES, file.size - file.position):
                    await leg.next()
                if link.file_room(opening) < 0:
                    return
                offset = file.position
                data = await self._in_thread(file.read, SLICE_BYTES)
                for start in range(0, len(data), CHUNK_BYTES_MAX):
                    link.file_data(opening, offset + start, data[start : start + CHUNK_BYTES_MAX])
            link.file_end(opening, file.size, await self._in_thread(file.finish))
        finally:
            file.close()

    async def _put(self, leg: "_Leg") -> None:
        asked = leg.asked
        copy = self._copies.get(asked.x)
        if copy is None:
            raise FileFault("work", "this agent has no such copy to take in")
        async with copy.lock:
            file = await self._in_thread(self._begin_file, copy.target, leg)
            if file is None:
                leg.link.file_done(asked.opening)
                return
            try:
                await self._take_in(leg, file)
            finally:
                file.close()

    def _begin_file(self, target: TargetCopy, leg: "_Leg") -> "TargetFile | None":
        self._check_kind("fput")
        asked = leg.asked
        return target.begin_file(asked.name, size=asked.size, mode=asked.mode, most=asked.offset, busy=self._busy(leg))

    async def _take_in(self, leg: "_Leg", file: TargetFile) -> None:
        opening, link = leg.asked.opening, leg.link
        link.file_ok(opening, offset=file.position, sha=file.sha if file.position else None)
        leg.flush()
        while True:
            while leg.pieces:
                offset, pieces = leg.take()
                await self._in_thread(file.write, offset, pieces)
                link.file_ack(opening, file.position)
                leg.flush()
            if leg.whole is not None:
                await self._in_thread(file.finish, leg.whole.size, leg.whole.sha)
                link.file_done(opening)
                return
            await leg.next()


class _Copy:
    """A copy that this agent takes in; one at a time works at it."""

    def __init__(self, target: TargetCopy) -> None:
        self.target = target
        self.lock = trio.Lock()


class _Leg:
    """A leg, and what has come for it."""

    def __init__(self, asked: FileAsked, link: AgentLink, flush: Callable[[], None]) -> None:
        self.asked = asked
        self.link = link
        self.flush = flush
        self.scope = trio.CancelScope()
        self.news = trio.Event()
        self.pieces: deque[tuple[int, bytes]] = deque()
        self.whole: FileWhole | None = None

    def came(self, offset: int, data: bytes) -> None:
        self.pieces.append((offset, data))
        self.news.set()

    def take(self) -> tuple[int, list[bytes]]:
        """Return what has come, up to one visit's worth: the offset of the first piece, and the pieces."""
        first, data = self.pieces.popleft()
        pieces, size = [data], len(data)
        while self.pieces and size < SLICE_BYTES:
            pieces.append(self.pieces.popleft()[1])
            size += len(pieces[-1])
        return first, pieces

    async def next(self) -> None:
        """Wait for news."""
        await self.news.wait()
        self.news = trio.Event()
