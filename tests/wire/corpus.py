"""Every message of version 1, as the two links say it: what the golden file holds and what the fuzzer starts from."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from jaz_lite.wire.catalogue import MESSAGES
from jaz_lite.wire.file_happenings import FileEntry
from jaz_lite.wire.frames import FrameReader, unpack_frame
from jaz_lite.wire.happenings import InventoryItem, Metric
from jaz_lite.wire.limits import FRAME_BYTES_MAX
from tests.wire.conversation import (
    ACT,
    TERM,
    TICKET,
    WORK,
    Conversation,
    agent_link,
    dispatch,
    event,
    server_link,
)
from tests.wire.enrolling import ENROLMENT, TOKEN_KEY, enrol_agent, enrol_server
from tests.wire.peering import ACTIVE, STANDBY, peer_caller, peer_host

GOLDEN_FILE = Path(__file__).parent / "golden_v1.txt"

ACCEPTED = {"occ": "M:1", "path": "/job#1", "att": 1, "run": 5, "kind": "cmd", "digest": b"d" * 32, "desc": {"i": "夜"}}
FINISHED = {"t0": 1, "t1": 2, "exit": -7, "out": 3, "err": 0, "out_head": b"abc", "err_head": b"", "trunc": False}


@dataclass(frozen=True)
class Said:
    """One frame, who said it, and the state of the link that heard it."""

    by: str
    heard_in: str
    frame: bytes

    @property
    def name(self) -> str:
        return MESSAGES[unpack_frame(self.frame[4:])[0]].name


class Recorder(Conversation):
    """A conversation that keeps each frame."""

    def __init__(self, *links) -> None:
        super().__init__(*links)
        self.said: list[Said] = []

    def carry(self) -> None:
        moved = True
        while moved:
            moved = False
            for by, speaker, listener, heard in (
                ("agent", self.agent, self.server, self.server_heard),
                ("server", self.server, self.agent, self.agent_heard),
            ):
                reader = FrameReader()
                reader.feed(speaker.take())
                while (payload := reader.next(FRAME_BYTES_MAX)) is not None:
                    moved = True
                    frame = len(payload).to_bytes(4, "big") + payload
                    self.said.append(Said(by, listener.state, frame))
                    heard.extend(listener.receive(frame, self.now))


def say_everything() -> Iterator[Said]:
    """Give each message at least once."""
    talk = Recorder()
    talk.to_welcome(peers=["b.example:11061"], cfg={"x": 1})
    talk.agent.events([event(1), event(2, "accepted", WORK, **ACCEPTED)])
    talk.agent.inventory([InventoryItem(WORK, "accepted", 2, b"d" * 8, "M:1", "/job#1", 1, 5)])
    talk.agent.synced(2)
    talk.carry()
    talk.server.ack(2)
    dispatch(talk.server, start_by_s=60, desc={"jobnet": "NIGHT"})
    dispatch(talk.server, k=b"x" * 16, spec=b"s" * 131_073)
    talk.server.kill(WORK, how="stop", sig="TERM", grace_s=7, why="timeout")
    talk.server.cancel(WORK, "operator")
    talk.server.query(WORK)
    talk.server.drain(True)
    talk.server.config(hb_s=20, peers=["c:1"], limits_map={"par": 2}, next_pin=b"n" * 32)
    talk.carry()
    talk.agent.events([event(3, "started", WORK, pid=77, t=1), event(4, "finished", WORK, **FINISHED)])
    talk.agent.output(WORK, 1, 0, b"abc", eof=True)
    talk.agent.output(WORK, 2, 10, b"\xff\x00")
    talk.agent.state_of(WORK, "done", exit_code=-100_000, conflict=True, why="digest")
    talk.agent.refused(b"x" * 16, "busy", "queue full")
    talk.carry()
    talk.server.out_ack(WORK, 1, 3)
    talk.server.out_req(WORK, 2, 0)
    talk.carry()
    talk.now = 20.0
    talk.server.tick(talk.now)
    talk.carry()
    talk.server.bye("redirect", "moved", addrs=["b:1"], retry_s=5)
    talk.carry()
    yield from talk.said

    talk = Recorder(server_link(probe=True))
    talk.carry()
    talk.agent.probe_answer(term=TERM, act=ACT, ticket=TICKET, live_s=3)
    talk.carry()
    yield from talk.said[1:]

    talk = Recorder(None, agent_link(term=TERM - 1, act=b"act-0000", ticket=TICKET))
    talk.carry()
    talk.agent.stale(term=TERM + 1, act=b"act-0002", ticket=TICKET, addrs=["b:1"], live_s=4)
    talk.carry()
    yield from talk.said

    talk = Recorder().up()
    talk.agent.error("schema", "not a spec")
    talk.carry()
    yield talk.said[-1]

    talk = Recorder().up()
    talk.agent.config_ok(kid=8, pin=b"n" * 32)
    talk.carry()
    yield talk.said[-1]

    talk = Recorder(enrol_server(), enrol_agent())
    talk.carry()
    talk.server.challenge(TOKEN_KEY)
    talk.carry()
    talk.server.give(ENROLMENT)
    talk.carry()
    talk.agent.confirm()
    talk.carry()
    yield from talk.said

    talk = Recorder(enrol_server(), enrol_agent())
    talk.carry()
    talk.server.pending(5)
    talk.carry()
    yield talk.said[-1]

    yield from _about_files()

    talk = Recorder().up()
    handshake = len(talk.said)
    numbers = {"mem_bytes": 2**33, "free_bytes": 2**34, "running": 3, "queued": 1, "spool_bytes": 4096}
    talk.agent.metric(Metric(load=150, wall_ns=1_795_371_129_000_000_000, **numbers))
    talk.carry()
    yield from talk.said[handshake:]

    yield from _between_servers()


def _between_servers() -> Iterator[Said]:
    talk = Recorder(peer_host(), peer_caller())
    talk.carry()
    talk.server.status(ACTIVE)
    talk.agent.status(STANDBY)
    talk.agent.follow("b.example", b"mark-001", 7)
    talk.carry()
    talk.server.copy_file("keys/site.crt", 5)
    talk.server.copy_data(b"hello")
    talk.server.copy_over()
    talk.carry()
    talk.agent.copy_ack()
    talk.server.ship(8, b"changes")
    talk.carry()
    talk.agent.ship_ack(8)
    talk.server.hand_over(8, TERM + 1)
    talk.carry()
    talk.agent.hand_over(8, TERM + 1)
    talk.carry()
    yield from talk.said

    talk = Recorder(peer_host(), peer_caller(token_id=b"tokenA"))
    talk.carry()
    yield talk.said[0]


def _about_files() -> Iterator[Said]:
    talk = Recorder().up()
    handshake = len(talk.said)
    x, y = b"x" * 16, b"y" * 16
    talk.server.file_open(y, "list", b"*.csv", path="/data", after=b"a.csv")
    talk.server.file_open(x, "put", "夜.csv".encode(), offset=2**63, size=5, mode=0o640)
    talk.carry()
    talk.agent.file_names(1, [FileEntry(b"\xff.csv", 5, 0o100640, 1_700_000_000_000)], more=True)
    talk.agent.file_ok(2, offset=2, sha=b"h" * 32)
    talk.carry()
    talk.server.file_open(y, "get", "夜.csv".encode(), path="/data", offset=2, sha=b"h" * 32)
    talk.carry()
    talk.agent.file_ok(3, offset=2, size=5, mode=0o100640, mtime_ms=1_700_000_000_000)
    talk.agent.file_data(3, 2, b"llo")
    talk.carry()
    talk.server.file_data(x, 2, b"llo")
    talk.carry()
    talk.agent.file_ack(2, 5)
    talk.carry()
    talk.server.file_ack(y, 5)
    talk.carry()
    talk.agent.file_end(3, 5, b"H" * 32)
    talk.carry()
    talk.server.file_end(x, 5, b"H" * 32)
    talk.carry()
    talk.agent.file_done(2)
    talk.server.file_open(y, "stat", b"a", path="/data")
    talk.carry()
    talk.agent.file_failed(4, "missing", "the file is not there")
    talk.carry()
    talk.server.file_open(y, "get", b"a", path="/data")
    talk.server.file_give_up(y, "again", "the link of the target is cut")
    talk.server.files_over(x, ok=False, code="no_match", msg="no file matches")
    talk.carry()
    yield from talk.said[handshake:]


def golden_text() -> str:
    """Return what the golden file should hold: who, name, state of the listener and hex, a line a frame."""
    lines = (
        f"{said.by} {said.name} {said.heard_in} {said.frame.hex()}\n"
        for said in say_everything()
        if len(said.frame) < 4_096
    )
    return "".join(lines)
