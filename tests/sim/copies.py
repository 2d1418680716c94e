"""File copies: the product's lists, sources and targets on real files, step by step as its file desk takes them.

A process may die between any two steps, and just before or after a file gets its name.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from jaz_lite.agent.copying.file_folder import Folder
from jaz_lite.agent.copying.file_paths import FileFault
from jaz_lite.agent.copying.file_record import CopyRecord
from jaz_lite.agent.copying.file_source import SourceFile, entry, list_page, name_of
from jaz_lite.agent.copying.target_copy import TargetCopy
from jaz_lite.agent.file_roots import FileRoots
from jaz_lite.wire.file_happenings import FileAsked, FileCame, FileGivenUp, FilesOver, FileTaken, FileWhole
from jaz_lite.wire.limits import CHUNK_BYTES_MAX
from tests.sim.copied_files import CopyFiles
from tests.sim.observe import patched
from tests.sim.world import Dies

if TYPE_CHECKING:
    from jaz_lite.wire.agent_core import AgentLink
    from jaz_lite.wire.happenings import Happening
    from tests.sim.agent_line import AgentLine

SLICE_BYTES = 50_000  # far less than the product's, so that there are many steps
DIES = 0.03  # chance that the process is killed just before or after it plans a file or gives it its name

Wait = Literal["thread", "news"]
Work = Generator[Wait, None, None]


@dataclass(eq=False)
class _Leg:
    asked: FileAsked
    link: AgentLink
    line: AgentLine
    work: Work | None = None
    pieces: deque[tuple[int, bytes]] = field(default_factory=deque)
    whole: FileWhole | None = None
    news: bool = False
    waits: bool = False


class SimCopies:
    """The copies at an agent's process: an `OwnWork`, and the other end of the server's relays."""

    at_work: ClassVar[SimCopies | None] = None  # whose step is being taken

    def __init__(self, files: CopyFiles, say: Callable[[tuple[Any, ...]], None], may_die: Callable[[], None]) -> None:
        self._files = files
        self._machine = files.machine
        self._tell = say
        self._may_die = may_die
        self._roots = FileRoots((str(files.source), str(files.target)), "/sim-agent")
        self._legs: dict[tuple[AgentLink, int], _Leg] = {}
        self._copies: dict[bytes, TargetCopy] = {}

    # ---- as own work

    def begin(self, k: bytes, spec: Mapping[str, Any], *, again: bool) -> None:
        self._machine.oracle.own_began(self._machine, k, again=again)
        where = {**spec, "folder": self._files.real(spec["folder"])}
        self._copies[k] = TargetCopy(k, where, record=self._files.records / k.hex(), roots=self._roots)
        self._say(("started", k, self._machine.clock.now_ms()))

    def end(self, k: bytes, why: str) -> None:
        copy = self._copies.pop(k, None)
        if copy is not None:
            self._machine.world.after(0, self._end, k, copy, None)

    def drop(self) -> None:
        for k, copy in self._copies.items():
            self._give_up(k)
            copy.close()
        self._copies.clear()

    def die(self) -> None:
        """The process is gone, and what it had open is closed."""
        for leg in self._legs.values():
            if leg.work is not None and SimCopies.at_work is not self:
                leg.work.close()
        self._legs.clear()
        for copy in self._copies.values():
            copy.close()
        self._files.check()

    def _end(self, k: bytes, copy: TargetCopy, over: FilesOver | None) -> None:
        if not self._living:
            return
        self._give_up(k)
        told = copy.clean_up()
        self._files.check()
        self._machine.world.counts["copies ended" if over and over.ok else "copies given up"] += 1
        if over is None:
            self._say(("cancelled", k))
        else:
            self._say(("ended", k, 0 if over.ok else 1, told, over.msg.encode()))

    def _say(self, record: tuple[Any, ...]) -> None:
        self._machine.oracle.own.said(record)
        self._tell(record)

    def _give_up(self, k: bytes) -> None:
        for leg in list(self._legs.values()):
            if leg.asked.op == "put" and leg.asked.x == k:
                self._close(leg)
                self._over(leg)

    @property
    def _living(self) -> bool:
        agent = self._machine.agent
        return agent is not None and agent.copies is self

    # ---- the link

    def heard(self, line: AgentLine, link: AgentLink, happenings: Iterable[Happening]) -> list[Happening]:
        """Take what is about files; return the rest."""
        rest: list[Happening] = []
        for happening in happenings:
            match happening:
                case FileAsked(opening=opening):
                    leg = self._legs[link, opening] = _Leg(happening, link, line)
                    leg.work = self._work(leg)
                    self._go_on(leg)
                case FileCame(opening, offset, data):
                    if (known := self._legs.get((link, opening))) is not None:
                        known.pieces.append((offset, data))
                        self._has_news(known)
                case FileTaken(opening, _):
                    if (known := self._legs.get((link, opening))) is not None:
                        self._has_news(known)
                case FileWhole(opening, _, _):
                    if (known := self._legs.get((link, opening))) is not None:
                        known.whole = happening
                        self._has_news(known)
                case FileGivenUp(opening):
                    if (known := self._legs.get((link, opening))) is not None:
                        self._close(known)
                        self._over(known)
                case FilesOver(k):
                    copy = self._copies.pop(k, None)
                    if copy is not None:
                        self._machine.world.after(0, self._end, k, copy, happening)
                case _:
                    rest.append(happening)
        return rest

    def cut(self, link: AgentLink) -> None:
        """A session is over: so are its legs."""
        for key in [key for key in self._legs if key[0] is link]:
            self._close(self._legs.pop(key))

    # ---- legs, a step at a time

    def _has_news(self, leg: _Leg) -> None:
        leg.news = True
        if leg.waits:
            self._go_on(leg)

    def _go_on(self, leg: _Leg) -> None:
        leg.waits = leg.news = False
        self._machine.world.after(self._machine.dice.choice((0, 0, 1, 5, 60)), self._step, leg)

    def _step(self, leg: _Leg) -> None:
        if not self._living or self._legs.get((leg.link, leg.asked.opening)) is not leg:
            return
        assert leg.work is not None
        SimCopies.at_work = self
        try:
            self._may_die()
            wait = next(leg.work)
        except StopIteration:
            self._over(leg)
        except FileFault as fault:
            leg.link.file_failed(leg.asked.opening, fault.code, str(fault))
            self._over(leg)
        except Dies:
            SimCopies.at_work = None
            self._machine.kill_agent("while it copied a file")
            return
        else:
            leg.waits = wait == "news" and not leg.news
            if not leg.waits:
                self._go_on(leg)
        finally:
            SimCopies.at_work = None
        leg.line.flush_or_die()

    def may_die_here(self) -> None:
        """A file is about to be planned or named, or was just now."""
        if self._machine.dice.random() < DIES and not self._machine.world.quiet:
            raise Dies

    def _close(self, leg: _Leg) -> None:
        if leg.work is not None:
            leg.work.close()

    def _over(self, leg: _Leg) -> None:
        opening = leg.asked.opening
        leg.link.file_failed(opening, "given_up", "the copy is over here")  # nothing, if its last word was said
        self._legs.pop((leg.link, opening), None)

    def _work(self, leg: _Leg) -> Work:
        match leg.asked.op:
            case "put":
                return self._put(leg)
            case "get":
                return self._get(leg)
            case _:
                return self._look(leg)

    def _folder(self, path: str) -> Folder:
        return Folder(self._files.real(path), self._roots)

    def _look(self, leg: _Leg) -> Work:
        asked = leg.asked
        folder = self._folder(asked.path)
        try:
            if asked.op == "list":
                entries, more = list_page(folder, asked.name.decode("utf-8", "replace"), asked.after)
            else:
                file = SourceFile(folder, name_of(asked.name))
                file.close()
                entries, more = [entry(asked.name, file.begun)], False
        finally:
            folder.close()
        yield "thread"
        if asked.op == "list":
            leg.link.file_names(asked.opening, entries, more=more)
        else:
            _, size, mode, mtime_ms = entries[0]
            leg.link.file_ok(asked.opening, size=size, mode=mode, mtime_ms=mtime_ms)

    def _get(self, leg: _Leg) -> Work:
        asked, link, opening = leg.asked, leg.link, leg.asked.opening
        folder = self._folder(asked.path)
        try:
            file = SourceFile(folder, name_of(asked.name))
        finally:
            folder.close()
        try:
            file.pass_over(asked.offset, lambda _offset: None)
            if file.position != asked.offset or file.sha != (asked.sha or file.sha):
                file.begin_anew()  # what the target has is not the beginning of this file
            yield "thread"
            found = entry(asked.name, file.begun)
            link.file_ok(opening, offset=file.position, size=file.size, mode=found.mode, mtime_ms=found.mtime_ms)
            while file.position < file.size:
                while 0 <= link.file_room(opening) < min(SLICE_BYTES, file.size - file.position):
                    yield "news"
                if link.file_room(opening) < 0:
                    return
                offset = file.position
                data = file.read(SLICE_BYTES)
                yield "thread"
                for start in range(0, len(data), CHUNK_BYTES_MAX):
                    link.file_data(opening, offset + start, data[start : start + CHUNK_BYTES_MAX])
            sha = file.finish()
            yield "thread"
            link.file_end(opening, file.size, sha)
        finally:
            file.close()

    def _put(self, leg: _Leg) -> Work:
        asked, link, opening = leg.asked, leg.link, leg.asked.opening
        copy = self._copies.get(asked.x)
        if copy is None:
            raise FileFault("work", "this agent has no such copy to take in")
        file = copy.begin_file(
            asked.name, size=asked.size, mode=asked.mode, most=asked.offset, busy=lambda _offset: None
        )
        if file is None:
            link.file_done(opening)
            return
        try:
            yield "thread"
            link.file_ok(opening, offset=file.position, sha=file.sha if file.position else None)
            while True:
                while leg.pieces:
                    offset, piece = leg.pieces.popleft()
                    file.write(offset, [piece])
                    yield "thread"
                    link.file_ack(opening, file.position)
                if leg.whole is not None:
                    file.finish(leg.whole.size, leg.whole.sha)
                    yield "thread"
                    link.file_done(opening)
                    self._machine.world.counts["files copied"] += 1
                    return
                yield "news"
        finally:
            file.close()


@contextmanager
def deadly_copies() -> Iterator[None]:
    """Have processes die just before or after a file is planned or gets its name, now and then."""
    publish, plan = Folder.publish, CopyRecord.plan

    def may_die() -> None:
        if SimCopies.at_work is not None:
            SimCopies.at_work.may_die_here()

    def published(self: Folder, *names: str, **more: Any) -> None:
        may_die()
        publish(self, *names, **more)
        may_die()

    def planned(self: CopyRecord, *what: Any) -> None:
        may_die()
        plan(self, *what)
        may_die()

    with patched((Folder, "publish", published), (CopyRecord, "plan", planned)):
        yield
