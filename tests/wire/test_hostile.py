"""Peers that break the rules, by malice or by accident: always an `error` frame and `Closed`, never an exception."""

import copy
import random
from collections import Counter

import msgpack
import pytest
from msgpack import fallback

from jaz_lite.wire import limits
from jaz_lite.wire import messages as m
from jaz_lite.wire.catalogue import MESSAGES
from jaz_lite.wire.frames import FrameReader, Violation, frame, pack, unpack_frame
from jaz_lite.wire.happenings import Closed
from tests.wire.conversation import TICKET, WORK, Conversation, agent_link, event, server_link
from tests.wire.corpus import say_everything

FUZZED_FRAMES = 20_000


def links():
    """Return a link of either end in each state that a peer can bring it to, by name."""
    found = {"server hello": server_link(), "agent challenge": agent_link()}
    talk = Conversation()
    talk.carry()
    found["server auth"] = talk.server
    talk = Conversation()
    talk.carry()
    talk.agent.accept_term()
    talk.agent.take()
    found["agent welcome"] = talk.agent
    talk = Conversation()
    talk.to_welcome()
    talk.server_heard.clear()
    found |= {"server syncing": talk.server, "agent syncing": talk.agent}
    talk = Conversation().up()
    found |= {"server up": talk.server, "agent up": talk.agent}
    for link in found.values():
        link.take()
    return found


LINKS = links()


def hear(name, data):
    """Feed bytes to a fresh copy of a link; return what happened and what it answered."""
    link = copy.deepcopy(LINKS[name])
    return link, link.receive(data, 1.0), link.take()


def numbered(link, number, body):
    return frame(pack([number, link._seq_in, body]))


def assert_refused(link, happenings, answer, code):
    (closed,) = happenings
    assert isinstance(closed, Closed)
    assert (closed.code, closed.by_us) == (code, True)
    reader = FrameReader()
    reader.feed(answer)
    number, _, body = unpack_frame(reader.next(4096) or b"")
    MESSAGES[number].validate(body)
    assert (number, body["code"]) == (m.ERROR, code)
    assert link.closed
    assert link.receive(b"more", 2.0) == []
    assert link.take() == b""


@pytest.mark.parametrize("name", LINKS)
@pytest.mark.parametrize(
    ("number", "body", "code"),
    [
        (0, {}, "unsupported"),
        (104, {"x": bytes(16)}, None),
        (103, {}, "unsupported"),
        (127, {}, "unsupported"),
        (m.HELLO, {}, None),
        (m.DISPATCH, {}, None),
    ],
    ids=["no. 0", "peers", "no. 103", "no. 127", "hello", "dispatch"],
)
def test_what_is_not_spoken_here_ends_the_session(name, number, body, code):
    if (number, name) == (m.HELLO, "server hello") or (number, name) == (m.DISPATCH, "agent up"):
        code = "schema"

    link, *result = hear(name, numbered(LINKS[name], number, body))

    assert_refused(link, *result, code or "state")


@pytest.mark.parametrize("name", LINKS)
def test_messages_that_are_optional_are_ignored(name):
    link, happenings, answer = hear(name, numbered(LINKS[name], 255, {"load": 1.5}))

    assert (happenings, answer, link.closed) == ([], b"", False)


@pytest.mark.parametrize("name", LINKS)
@pytest.mark.parametrize("seq", [-1, 1, 1_000, 2**64 - 1])
def test_a_foreign_sequence_number_ends_the_session(name, seq):
    link, *result = hear(name, frame(pack([200, LINKS[name]._seq_in + seq if seq < 2 else seq, {}])))

    assert_refused(link, *result, "seq")


@pytest.mark.parametrize("name", LINKS)
def test_a_frame_over_the_limit_of_its_state_ends_the_session(name):
    late = name.split()[1] in ("syncing", "up")
    limit = limits.FRAME_BYTES_MAX if late else limits.FRAME_BYTES_MAX_BEFORE_WELCOME

    link, *result = hear(name, (limit + 1).to_bytes(4, "big"))

    assert_refused(link, *result, "frame")


@pytest.mark.parametrize("name", LINKS)
@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"\x81\xa1n\xd4\x05\x00", "frame"),
        (b"\x82\xa1n\x01\xa1n\x01", "frame"),
        (b"\x81\xa1n\xa1\xff", "frame"),
        (b"\x81\xa1n" + b"\x91" * 2_000 + b"\x01", "frame"),
    ],
    ids=["ext", "doubled key", "bad utf-8", "deep"],
)
def test_forbidden_encodings_end_the_session(name, body, code):
    payload = b"\x93\x07" + pack(LINKS[name]._seq_in) + body

    link, *result = hear(name, frame(payload))

    assert_refused(link, *result, code)


@pytest.mark.parametrize("name", LINKS)
def test_a_web_browser_gets_an_end(name):
    link, *result = hear(name, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")

    assert_refused(link, *result, "frame")


def test_a_hello_with_an_unfit_capacity_is_refused():
    hello = unpack_frame(agent_link().take()[4:])[2]
    for cap in ({"par": "many"}, {"queue": -1}, {"free": None}):
        link, *result = hear("server hello", frame(pack([m.HELLO, 0, hello | {"cap": cap}])))
        assert_refused(link, *result, "schema")


@pytest.mark.parametrize("name", ["conn", "acked", "head", "low"])
def test_a_number_that_no_store_can_hold_is_refused_in_the_hello(name):
    hello = unpack_frame(agent_link().take()[4:])[2]

    link, *result = hear("server hello", frame(pack([m.HELLO, 0, hello | {name: 2**63}])))

    assert_refused(link, *result, "schema")


@pytest.mark.parametrize(
    ("number", "body", "code"),
    [
        (m.EV, {"l": [b"\xc1"]}, "frame"),
        (m.EV, {"l": [event(1), event(1)[:-1]]}, "frame"),
        (m.EV, {"l": [event(1), event(3)]}, "state"),
        (m.EV, {"l": [pack([1, 1, WORK, "started", {"pid": 1, "t": 2**63}])]}, "schema"),
        (m.EV, {"l": [pack([1, 1, WORK, "started", {"pid": 2**63, "t": 1}])]}, "schema"),
        (m.PONG, {"n": 5}, "state"),
        (m.OUT, {"k": WORK, "s": 1, "o": 2**62, "d": b"x"}, "limit"),
        (m.OUT, {"k": WORK, "s": 1, "o": 2**63, "d": b"x"}, "schema"),
        (m.OUT, {"k": WORK, "s": 3, "o": 0, "d": b""}, "schema"),
        (m.OUT, {"k": WORK, "s": 1, "o": 0, "d": bytes(65_537)}, "schema"),
        (m.SYNCED, {"head": 0}, "state"),
        (m.AUTH, {"mac": bytes(32)}, "state"),
        (m.STALE, {"term": 1, "act": bytes(8), "ticket": bytes(32), "addrs": [], "live": 0}, "state"),
    ],
)
def test_a_hostile_agent_is_shown_out(number, body, code):
    link, *result = hear("server up", numbered(LINKS["server up"], number, body))

    assert_refused(link, *result, code)


@pytest.mark.parametrize(
    ("number", "body", "code"),
    [
        (m.ACK, {"n": 1}, "state"),
        (m.BLOB, {"h": bytes(32), "o": 5, "d": b"x", "last": True}, "state"),
        (m.BLOB, {"h": bytes(32), "o": 0, "d": b"x", "last": True}, "state"),
        (m.BLOB, {"h": bytes(32), "o": 0, "d": b"", "last": True}, "schema"),
        (m.WELCOME, {"mac": bytes(32)}, "state"),
        (m.CONFIG, {"hb": 0}, "schema"),
        (
            m.DISPATCH,
            {
                "k": WORK,
                "occ": "M:1",
                "path": "/j#1",
                "att": 1,
                "run": 1,
                "kind": "cmd",
                "spec": b"",
                "desc": {},
                "blob": bytes(32),
            },
            "state",
        ),
        (
            m.DISPATCH,
            {
                "k": WORK,
                "occ": "M:1",
                "path": "/j#1",
                "att": 1,
                "run": 1,
                "kind": "cmd",
                "spec": b"",
                "desc": {"x": "y" * 2_048},
            },
            "limit",
        ),
    ],
)
def test_a_hostile_server_is_shown_out(number, body, code):
    link, *result = hear("agent up", numbered(LINKS["agent up"], number, body))

    assert_refused(link, *result, code)


def test_a_server_cannot_fill_an_agent_with_blobs():
    link = copy.deepcopy(LINKS["agent up"])
    chunk = bytes(65_536)
    heard = []
    for offset in range(0, limits.SPEC_BYTES_MAX + 1, 65_536):
        body = {"h": bytes(32), "o": offset, "d": chunk, "last": False}
        heard += link.receive(numbered(link, m.BLOB, body), 1.0)

    (closed,) = heard
    assert closed.code == "limit"


def test_an_agent_that_probes_terms_without_a_ticket_is_left_to_the_caller():
    talk = Conversation(agent=agent_link(term=2**31, act=b"act-9999", ticket=TICKET))

    talk.carry()
    talk.agent.accept_term()
    talk.carry()

    (deposed,) = talk.server_heard
    assert (deposed.term, deposed.ticket) == (2**31, TICKET)
    assert talk.server.receive(frame(pack([m.AUTH, 2, {"mac": bytes(32)}])), 1.0)[0].code == "state"


# ---- fuzzing


def mutate(chance, payload, others):
    data = bytearray(payload)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        place = chance.randrange(len(data) + 1)
        match chance.randrange(7):
            case 0 if data:
                data[place % len(data)] = chance.randrange(256)
            case 1 if data:
                data[place % len(data)] ^= 1 << chance.randrange(8)
            case 2:
                del data[place : place + chance.randrange(1, 9)]
            case 3:
                data[place:place] = chance.randbytes(chance.randrange(1, 9))
            case 4:
                other = chance.choice(others)
                start = chance.randrange(len(other))
                data[place:place] = other[start : start + chance.randrange(1, 60)]
            case 5:
                data[place : place + 1] = chance.choice((b"\xc0", b"\xc3", b"\x80", b"\x90", b"\xcf" + b"\xff" * 8))
            case _:
                data[place:] = b""
    return bytes(data)


EDGES = (
    None,
    True,
    -1,
    0,
    1,
    2**63,
    2**64 - 1,
    1.5,
    "",
    "x" * 70,
    b"",
    bytes(16),
    [],
    {},
    [[[[[1]]]]],
    {"a": {"b": []}},
)


def distort(chance, body, bodies):
    """Change fields of a body in ways that leave it readable: what is left is for the schema and the link."""
    changed = dict(body)
    for _ in range(chance.choice((1, 1, 2))):
        key = chance.choice(tuple(changed) or ("n",))
        match chance.randrange(4):
            case 0:
                changed.pop(key, None)
            case 1:
                changed[key] = chance.choice(EDGES)
            case 2:
                changed[key] = chance.choice(tuple(chance.choice(bodies).values()) or EDGES)
            case _:
                changed[chance.choice(("newer", "k" * 40, *key))] = chance.choice(EDGES)
    return changed


def outcome(payload):
    """Return what a payload means: its decoded value when every schema accepts it, else nothing."""
    try:
        number, seq, body = unpack_frame(payload)
        if number in MESSAGES:
            MESSAGES[number].validate(body)
    except Violation:
        return None
    return number, seq, body


def test_no_bytes_break_a_link(monkeypatch):
    """Frames of the corpus, mutated, reach links in every state; both forms of msgpack must agree on each."""
    chance = random.Random(20_260)
    corpus = [(f"{'server' if one.by == 'agent' else 'agent'} {one.heard_in}", one) for one in say_everything()]
    payloads = [one.frame[4:] for _, one in corpus if len(one.frame) < 4_096]
    bodies = [unpack_frame(payload)[2] for payload in payloads]
    outcomes = Counter()
    by_c, by_python = msgpack.unpackb, fallback.unpackb

    for count in range(FUZZED_FRAMES):
        name, said = corpus[count % len(corpus)]
        if name not in LINKS or len(said.frame) >= 4_096:
            name = chance.choice(tuple(LINKS))
        number, _, body = unpack_frame(chance.choice(payloads) if len(said.frame) >= 4_096 else said.frame[4:])
        seq = LINKS[name]._seq_in
        if count % 2:
            payload = pack([number, seq, distort(chance, body, bodies)])
        else:
            payload = mutate(chance, pack([number, seq, body]), payloads) or b"\x00"

        link, happenings, answer = hear(name, frame(payload) if count % 10 else payload)

        outcomes[happenings[-1].code if happenings and isinstance(happenings[-1], Closed) else "went on"] += 1
        assert answer or not (link.closed and happenings[-1].by_us)
        monkeypatch.setattr(msgpack, "unpackb", by_python)
        pure = outcome(payload)
        monkeypatch.setattr(msgpack, "unpackb", by_c)
        assert pure == outcome(payload), payload

    # The mutations are neither all refused at once nor all harmless, or they would test little.
    assert outcomes["went on"] > 1_000
    assert outcomes["schema"] > 1_000
    assert outcomes["frame"] > 1_000


@pytest.mark.parametrize("seed", range(20))
def test_mutated_streams_never_raise(seed):
    """Whole conversations with bytes changed on their way, in parts of random length."""
    chance = random.Random(seed)

    def cut(data):
        if chance.random() < 0.05:
            place = chance.randrange(len(data))
            data = data[:place] + chance.randbytes(chance.randrange(1, 5)) + data[place + 1 :]
        place = chance.randrange(len(data) + 1)
        return [part for part in (data[:place], data[place:]) if part]

    for _ in range(30):
        talk = Conversation(cut=cut)
        talk.carry()
        if talk.agent.state == "deciding":
            talk.agent.accept_term()
        talk.carry()
        if talk.server.state == "identified":
            talk.server.welcome(ticket=TICKET, spool=bytes(16), cursor=0, chain=bytes(16))
        talk.carry()
        if talk.agent.state == "syncing":
            talk.agent.events([event(1)])
            talk.agent.inventory([])
            talk.agent.synced(1)
        talk.carry()
        for heard in (talk.server_heard, talk.agent_heard):
            assert sum(isinstance(one, Closed) for one in heard) <= 1
