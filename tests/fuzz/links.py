"""The two ends of a session against a peer that knows the protocol and keeps to it only sometimes."""

import hashlib
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

from jaz_lite.wire import limits
from jaz_lite.wire import messages as m
from jaz_lite.wire.agent_core import AgentLink
from jaz_lite.wire.catalogue import MESSAGES
from jaz_lite.wire.events import EVENT_FIELDS
from jaz_lite.wire.frames import FrameReader, frame, unpack_frame
from jaz_lite.wire.happenings import (
    AgentEvents,
    Challenged,
    Closed,
    Dispatched,
    Happening,
    Identified,
    Output,
    OutputAsked,
    Queried,
    Welcomed,
)
from jaz_lite.wire.link import Link
from jaz_lite.wire.server_core import ServerLink
from jaz_lite.wire.spec import SPEC_FIELDS
from tests.fuzz.mutation import SEEDS_OF_TROUBLE, damaged, distorted, packed
from tests.fuzz.shapes import body_of, bytes_of, whole_number
from tests.wire.conversation import SPOOL, TICKET, Conversation, agent_link, server_link

FRAMES_MAX = 120  # a session
QUIET_ENDS = ("stale", "probed", "enrolled", "pending")  # the last frame said it already
HELD_BYTES_MAX = limits.FRAME_BYTES_MAX + limits.LENGTH_BYTES + limits.RECEIVE_BYTES

EVERY = (*MESSAGES, 0, 127, 128, 255)


class Peer:
    """Makes frames for a link, in order, as an agent or a server that is out of its mind would."""

    def __init__(self, chance: random.Random, link: Link) -> None:
        self.chance = chance
        self.link = link
        self.event = link._consumed + 1 if isinstance(link, ServerLink) else 1  # number of the next event
        self.due: list[tuple[int, dict[str, Any]]] = []  # frames that must follow one another
        self.runs: list[int] = []  # numbers that mean something to the other end
        self.offsets: Counter[tuple[bytes, int]] = Counter()

    def next(self) -> bytes:
        """Return the next bytes on the line."""
        chance = self.chance
        number, body = self.due.pop(0) if self.due else self._message()
        if chance.random() < 0.06:
            body = distorted(body, chance)
        seq = self.link._seq_in if chance.random() < 0.995 else chance.choice((0, -1, 2**63))
        if chance.random() < 0.01:
            # What no packer makes, at the place of a value.
            payload = b"\x93" + packed(number) + packed(seq) + b"\x81\xa1k" + chance.choice(SEEDS_OF_TROUBLE)
            return frame(payload)
        payload = packed([number, seq, body])
        match chance.randrange(60):
            case 0:
                return frame(damaged(payload, chance) or b"\0")
            case 1:
                return damaged(frame(payload), chance)
            case 2:
                return chance.choice((b"GET / HTTP/1.1\r\n\r\n", b"\0\0\0\0", b"\xff" * 5, b"\0\x04\0\0", payload))
        return frame(payload)

    def _message(self) -> tuple[int, dict[str, Any]]:
        chance, link = self.chance, self.link
        fit = [n for n, line in link.routes.items() if link.state in line.states]
        if chance.random() < 0.9:
            fit = [n for n in fit if n not in (m.BYE, m.ERROR)]
        number = chance.choice(fit if fit and chance.random() < 0.97 else EVERY)
        return number, self._body(number)

    def _body(self, number: int) -> dict[str, Any]:
        chance, link = self.chance, self.link
        if number not in MESSAGES:
            return {"k": chance.randrange(5)}
        body = body_of(MESSAGES[number].fields, chance)
        if chance.random() < 0.1:
            return body
        match number:
            case m.EV:
                body["l"] = [self._event() for _ in range(chance.choice((1, 1, 2, 9)))]
            case m.DISPATCH:
                body["kind"] = chance.choice((*SPEC_FIELDS, "newer"))
                body["spec"] = spec_of(body["kind"], chance)
                body.pop("blob", None)
            case m.BLOB:
                self._blob(body)
            case m.OUT:
                key = body["k"], body["s"]
                body["o"] = self.offsets[key]
                self.offsets[key] += len(body["d"])
            case m.PONG:
                body["n"] = link._ping_count
            case m.ACK if isinstance(link, AgentLink):
                body["n"] = link._sent_event
            case m.SYNCED if isinstance(link, ServerLink):
                body["head"] = link._consumed
        return body

    def _blob(self, body: dict[str, Any]) -> None:
        """Turn it into the first piece of a blob; the other pieces and a dispatch follow."""
        data = spec_of("cmd", self.chance)
        middle = self.chance.randrange(len(data)) + 1
        digest = hashlib.sha256(data).digest()
        pieces = [part for part in (data[:middle], data[middle:]) if part]
        offset = 0
        for part in pieces:
            self.due.append((m.BLOB, {"h": digest, "o": offset, "d": part, "last": offset + len(part) == len(data)}))
            offset += len(part)
        order = body_of(MESSAGES[m.DISPATCH].fields, self.chance)
        self.due.append((m.DISPATCH, {**order, "kind": "cmd", "spec": b"", "blob": digest}))
        body.update(self.due.pop(0)[1])

    def _event(self) -> bytes:
        chance = self.chance
        name = chance.choice(tuple(EVENT_FIELDS))
        x: Any = body_of(EVENT_FIELDS[name], chance)
        if self.runs and "run" in x:
            x["run"] = chance.choice(self.runs)
        if chance.random() < 0.05:
            x = distorted(x, chance)
        k = bytes_of(chance, 16, 16) if chance.random() < 0.95 else None
        n = self.event if chance.random() < 0.98 else whole_number(chance, 0, 2**64 - 1)
        self.event += 1
        made = packed([n, whole_number(chance, 0, 2**64 - 1), k, name, x])
        return made if chance.random() < 0.98 else damaged(made, chance)


def spec_of(kind: str, chance: random.Random) -> bytes:
    """Return the bytes of a work order, sound or not."""
    body = body_of(SPEC_FIELDS.get(kind, {}), chance)
    if kind == "cmd" and chance.random() < 0.8:
        body.pop(chance.choice(("argv", "script")), None)
    if chance.random() < 0.3:
        body = distorted(body, chance)
    made = packed(body)
    return (made if chance.random() < 0.9 else damaged(made, chance)) or b"\x80"


def play(chance: random.Random) -> int:
    """Play one session against one end in one of its states; return the number of frames."""
    end = chance.choice(("server", "agent"))
    talk, answers = _brought_to(chance, end)
    link: Link = talk.server if end == "server" else talk.agent
    peer = Peer(chance, link)
    now = talk.now
    for count in range(FRAMES_MAX):
        data = peer.next()
        now += chance.choice((0, 0, 0, 0.1, 5, 11))
        found: list[Happening] = []
        for part in _in_parts(data, chance):
            found += link.receive(part, now)
        if chance.random() < 0.05:
            found += link.tick(now + chance.choice((0, 12, 40)))
        answers(link, found)
        found += link.tick(now) if not link.closed and chance.random() < 0.1 else []
        _look_at(link, found)
        if link.closed:
            return count + 1
    return FRAMES_MAX


def _brought_to(chance: random.Random, end: str) -> tuple[Conversation, Callable[[Link, list[Happening]], None]]:
    """Bring both ends to the same state, by true peers."""
    if end == "server":
        stage = chance.choice(("hello", "auth", "identified", "probe", "syncing", "up", "up", "up", "deposed"))
    else:
        stage = chance.choice(("challenge", "deciding", "welcome", "syncing", "up", "up", "up"))
    talk = Conversation(server_link(probe=stage == "probe"), agent_link(**_beyond(stage)))
    if stage in ("hello", "challenge"):
        talk.agent.take()
    elif stage in ("syncing", "up"):
        talk.to_welcome()
        if stage == "up":
            talk.agent.inventory([])
            talk.agent.synced(0)
            talk.carry()
    else:
        talk.carry()
        if stage in ("identified", "welcome"):
            talk.agent.accept_term()
            data = talk.agent.take()
            if stage == "identified":
                talk.server.receive(data, 0.0)
    return talk, lambda link, found: _answer(link, found, chance)


def _beyond(stage: str) -> dict[str, Any]:
    return {"term": 2**31, "act": b"act-9999", "ticket": TICKET} if stage == "deposed" else {}


def _in_parts(data: bytes, chance: random.Random) -> list[bytes]:
    if chance.random() < 0.9:
        return [data] if data else []
    place = chance.randrange(len(data) + 1)
    return [part for part in (data[:place], data[place:]) if part]


def _answer(link: Link, found: list[Happening], chance: random.Random) -> None:
    """Do what a caller does after such happenings; none of it may fail because of what a peer said."""
    for happening in found:
        match happening:
            case Identified() if isinstance(link, ServerLink):
                link.welcome(ticket=TICKET, spool=SPOOL, cursor=0, chain=bytes(16))
            case AgentEvents(events) if isinstance(link, ServerLink) and chance.random() < 0.9:
                link.ack(events[-1].n)
            case Output(k, stream, offset, data) if isinstance(link, ServerLink):
                if chance.random() < 0.8:
                    link.out_ack(k, stream, offset + len(data))
                elif chance.random() < 0.3:
                    link.out_req(k, stream, chance.choice((0, offset)))
            case Challenged(probe=probe) if isinstance(link, AgentLink):
                if probe:
                    link.probe_answer(term=1, act=b"", ticket=b"", live_s=0)
                elif chance.random() < 0.8:
                    link.accept_term()
                else:
                    link.stale(term=9, act=bytes(8), ticket=TICKET)
            case Welcomed() if isinstance(link, AgentLink):
                link.inventory([])
                link.synced(happening.cursor)
            case Dispatched(k=k) if isinstance(link, AgentLink):
                if chance.random() < 0.5:
                    link.refused(k, "busy", "no")
                else:
                    link.state_of(k, "running")
            case OutputAsked(k, stream, offset) if isinstance(link, AgentLink):
                if link.output_room(k, stream) >= 3 and offset < 2**40:
                    link.output(k, stream, offset, b"out")
            case Queried() if isinstance(link, AgentLink):
                link.inventory([])
            case _:
                pass


def _look_at(link: Link, found: list[Happening]) -> None:
    """What must be so after any input."""
    closed = [one for one in found if isinstance(one, Closed)]
    assert len(closed) <= 1, found
    assert not closed or found[-1] is closed[0], found
    assert bool(closed) == link.closed, (link.state, found)
    assert len(link._reader._buffer) <= HELD_BYTES_MAX, len(link._reader._buffer)
    said = b""
    while part := link.take():
        said += part
    reader = FrameReader()
    reader.feed(said)
    while (payload := reader.next(limits.FRAME_BYTES_MAX)) is not None:
        number, _, body = unpack_frame(payload)
        MESSAGES[number].validate(body)
    if closed and closed[0].by_us and closed[0].code not in QUIET_ENDS:
        assert said, "whoever is shown out is told why"
