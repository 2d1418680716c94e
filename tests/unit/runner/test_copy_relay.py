"""The relay of a file copy, between two real links and agents that keep their files in memory."""

import hashlib
import random
from dataclasses import dataclass, field

import pytest

from jaz_lite.runner.copy_relay import CopyOrder, CopyRelay, Verdict
from jaz_lite.wire import limits
from jaz_lite.wire.file_happenings import (
    FileAsked,
    FileCame,
    FileEntry,
    FileGivenUp,
    FileHappening,
    FilesOver,
    FileTaken,
    FileWhole,
)
from tests.wire.conversation import Conversation

K = b"k" * 16
PIECE = 50_000


def sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


@dataclass
class Machine:
    """An agent that keeps files, parts of files and what it finished in memory; a restart keeps them, too."""

    files: dict[bytes, bytes] = field(default_factory=dict)
    parts: dict[bytes, bytearray] = field(default_factory=dict)
    done: set[bytes] = field(default_factory=set)
    over: FilesOver | None = None
    talk: Conversation = field(default_factory=lambda: Conversation().up())
    legs: dict[int, FileAsked] = field(default_factory=dict)
    sent: dict[int, int] = field(default_factory=dict)
    page: int = 3

    def connect(self) -> None:
        """A new session; of the old one's legs nothing is left."""
        self.talk, self.legs, self.sent = Conversation().up(), {}, {}

    def work(self, chance: random.Random) -> None:
        """Do something about what was heard, and send a little of what is to be sent."""
        heard, self.talk.agent_heard = self.talk.agent_heard, []
        link = self.talk.agent
        for happening in heard:
            match happening:
                case FileAsked():
                    self._asked(happening)
                case FileGivenUp(opening):
                    self.legs.pop(opening, None)  # of a list there is none
                case FileCame(opening, offset, data) if opening in self.legs:
                    part = self.parts[self.legs[opening].name]
                    if offset == 0:
                        part.clear()
                    assert offset == len(part)
                    part += data
                    link.file_ack(opening, len(part))
                case FileWhole(opening, size, checksum) if opening in self.legs:
                    name = self.legs.pop(opening).name
                    if size == 0:
                        self.parts[name].clear()
                    if (len(self.parts[name]), sha(self.parts[name])) != (size, checksum):
                        link.file_failed(opening, "checksum", "it differs")
                    else:
                        self.files[name] = bytes(self.parts.pop(name))
                        self.done.add(name)
                        link.file_done(opening)
                case FilesOver():
                    self.over = happening
                case FileTaken():
                    pass
        for opening in sorted(self.sent):
            if chance.random() < 0.7:
                self._send(opening)

    def _asked(self, asked: FileAsked) -> None:
        link = self.talk.agent
        if asked.op == "list":
            names = sorted(name for name in self.files if name > asked.after)
            rows = [FileEntry(name, len(self.files[name]), 0o644, 0) for name in names]
            link.file_names(asked.opening, rows[: self.page], more=len(rows) > self.page)
        elif asked.op == "put":
            if asked.name in self.done:
                link.file_done(asked.opening)
                return
            part = self.parts.setdefault(asked.name, bytearray())
            self.legs[asked.opening] = asked
            link.file_ok(asked.opening, offset=len(part), sha=sha(part) if part else None)
        else:
            data = self.files.get(asked.name)
            if data is None:
                link.file_failed(asked.opening, "missing", "it is not there")
                return
            fits = len(data) >= asked.offset and sha(data[: asked.offset]) == (asked.sha or sha(b""))
            self.legs[asked.opening] = asked
            self.sent[asked.opening] = asked.offset if fits else 0
            link.file_ok(asked.opening, offset=self.sent[asked.opening], size=len(data))

    def _send(self, opening: int) -> None:
        link, at = self.talk.agent, self.sent[opening]
        if opening not in self.legs or (room := link.file_room(opening)) < 0:
            del self.sent[opening]
            return
        data = self.files[self.legs[opening].name]
        piece = data[at : at + min(room, PIECE)]
        if piece:
            link.file_data(opening, at, piece)
            self.sent[opening] += len(piece)
        elif at == len(data):
            link.file_end(opening, at, sha(data))
            del self.sent[opening], self.legs[opening]


class Copying:
    """A source, a target, the relay between them, and a clock."""

    def __init__(self, files: dict[bytes, bytes], *, one_machine: bool = False) -> None:
        self.source = Machine(files=dict(files))
        self.target = self.source if one_machine else Machine()
        self.now = 0.0
        self.most_held = 0
        self.begin_anew()

    def begin_anew(self) -> None:
        """The server is another process now."""
        order = CopyOrder(source_host="db1", target_host="dw1", folder="/out", pattern="*")
        self.relay = CopyRelay(K, order)

    def step(self, chance: random.Random) -> None:
        """Let everybody do something."""
        self.now += 0.1
        links = self.source.talk.server, self.target.talk.server
        if not self.relay.at_work and self.now >= self.relay.not_before and not any(link.legs for link in links):
            self.relay.begin(links[0], links[1], self.now)
        for side, machine in (("source", self.source), ("target", self.target)):
            machine.talk.carry()
            heard, machine.talk.server_heard = machine.talk.server_heard, []
            for happening in heard:
                assert isinstance(happening, FileHappening), happening
                which = "target" if happening.x == K else "source"
                assert side == which or self.source is self.target
                self.relay.heard(which, happening, self.now)
            machine.work(chance)
        self.most_held = max(self.most_held, sum(len(body.get("d", b"")) for _, _, body in links[1]._files))

    def run(self, chance: random.Random, *, cuts: float = 0.0) -> None:
        """Go on until the target was told that it is over; with some chance everything that can be cut is cut."""
        for _ in range(20_000):
            self.step(chance)
            if self.target.over is not None:
                return
            if chance.random() < cuts:
                match chance.randrange(4):
                    case 0:
                        self.cut(self.source)
                    case 1:
                        self.cut(self.target)
                    case 2:
                        self.cut(self.source, self.target)
                        self.begin_anew()
                    case _:
                        self.relay.cut()
        raise AssertionError("the copy does not end")

    def cut(self, *machines: Machine) -> None:
        self.relay.cut()
        for machine in machines:
            machine.connect()


def some_files(chance: random.Random) -> dict[bytes, bytes]:
    sizes = [0, 1, PIECE, 3 * PIECE + 7, limits.FILE_WINDOW_BYTES + 12_345, 2 * limits.FILE_WINDOW_BYTES]
    return {b"file%d" % number: chance.randbytes(chance.choice(sizes)) for number in range(chance.randrange(1, 8))}


@pytest.mark.parametrize("seed", range(40))
def test_however_often_it_is_cut_the_target_is_the_source(seed: int) -> None:
    chance = random.Random(seed)
    files = some_files(chance)
    copying = Copying(files)

    copying.run(chance, cuts=0.05)

    assert copying.target.over == FilesOver(K, True, "", "")
    assert copying.target.files == files
    assert copying.most_held <= limits.FILE_WINDOW_BYTES


def test_undisturbed_each_byte_goes_once_and_progress_says_so() -> None:
    chance = random.Random(1)
    files = {b"a": b"x" * 700_000, b"b": b"", b"c": b"y"}
    copying = Copying(files)

    copying.run(chance)

    far = copying.relay.progress
    assert (far.files_done, far.files, far.bytes_done, far.size_bytes) == (3, 3, 700_001, 700_001)
    assert copying.relay.verdict == Verdict(True)


def test_one_machine_may_be_source_and_target() -> None:
    files = {b"a": b"x" * 700_000}
    copying = Copying(files, one_machine=True)

    copying.run(random.Random(1))

    assert copying.target.done == {b"a"}


def test_a_file_that_is_another_one_after_a_cut_begins_anew() -> None:
    chance = random.Random(3)
    copying = Copying({b"a": b"x" * 900_000})
    while len(copying.target.parts.get(b"a", b"")) < 200_000:
        copying.step(chance)
    copying.cut(copying.source)
    copying.source.files[b"a"] = b"short"

    copying.run(chance)

    assert copying.target.files == {b"a": b"short"}


def test_what_the_source_cannot_give_ends_the_copy_with_a_sentence() -> None:
    chance = random.Random(4)
    copying = Copying({b"a": b"x" * 900_000, b"b": b"y"})
    while not copying.target.parts:
        copying.step(chance)
    del copying.source.files[b"b"]

    copying.run(chance)

    assert copying.target.over == FilesOver(K, False, "missing", 'source host "db1": it is not there')


def test_a_source_without_files_ends_the_copy() -> None:
    copying = Copying({})

    copying.run(random.Random(5))

    assert copying.target.over == FilesOver(K, False, "no_match", 'source host "db1": no file matches "*"')


def test_a_target_that_is_not_ready_yet_is_asked_again_after_a_pause() -> None:
    chance = random.Random(6)
    copying = Copying({b"a": b"x"})
    while not any(isinstance(one, FileAsked) for one in copying.target.talk.agent_heard):
        copying.relay.begin(
            copying.source.talk.server, copying.target.talk.server, 0.0
        ) if not copying.relay.at_work else None
        copying.source.talk.carry()
        copying.source.work(chance)
        copying.source.talk.carry()
        for happening in copying.source.talk.server_heard:
            copying.relay.heard("source", happening, 0.0)
        copying.source.talk.server_heard = []
        copying.target.talk.carry()
    (asked,) = copying.target.talk.agent_heard
    copying.target.talk.agent_heard = []
    copying.target.talk.agent.file_failed(asked.opening, "work", "no such copy")

    copying.run(chance)

    assert copying.now > 2.0
    assert copying.target.files == {b"a": b"x"}


@pytest.mark.parametrize(
    "entries",
    [[b"b", b"a"], [b"a", b"a"]],
)
def test_a_list_that_is_out_of_order_is_not_believed(entries: list[bytes]) -> None:
    copying = Copying({b"x": b""})
    copying.relay.begin(copying.source.talk.server, copying.target.talk.server, 0.0)
    copying.source.talk.carry()
    (asked,) = copying.source.talk.agent_heard
    copying.source.talk.agent.file_names(asked.opening, [FileEntry(name, 0, 0, 0) for name in entries], more=False)
    copying.source.talk.carry()

    copying.relay.heard("source", copying.source.talk.server_heard[-1], 0.0)

    assert copying.relay.verdict is not None
    assert copying.relay.verdict.code == "source"


def test_a_list_without_end_is_not_taken() -> None:
    """A hostile source tells of more and more names; the server stops listening at its limit."""
    copying = Copying({b"x": b""})
    copying.relay.begin(copying.source.talk.server, copying.target.talk.server, 0.0)
    number = 0
    while copying.relay.verdict is None:
        copying.source.talk.carry()
        asked = copying.source.talk.agent_heard[-1]
        rows = [FileEntry(b"%08d" % (number + each), 1, 0, 0) for each in range(limits.FILE_NAMES_PAGE_MAX)]
        number += len(rows)
        copying.source.talk.agent.file_names(asked.opening, rows, more=True)
        copying.source.talk.carry()
        copying.relay.heard("source", copying.source.talk.server_heard[-1], 0.0)

    assert copying.relay.verdict.code == "too_many"
    assert number <= limits.FILE_NAMES_MAX + limits.FILE_NAMES_PAGE_MAX
