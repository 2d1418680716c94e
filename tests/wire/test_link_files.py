"""What the two links promise about files: one last word a leg, windows, and who may speak of what."""

import hashlib
import random

import pytest

from jaz_lite.errors import LocalProtocolError
from jaz_lite.wire import file_messages as m
from jaz_lite.wire import limits
from jaz_lite.wire.catalogue import MESSAGES
from jaz_lite.wire.file_happenings import (
    FileAcked,
    FileAsked,
    FileCame,
    FileData,
    FileDone,
    FileDropped,
    FileEnded,
    FileEntry,
    FileFailed,
    FileGivenUp,
    FileListed,
    FileReady,
    FilesOver,
    FileTaken,
    FileWhole,
)
from jaz_lite.wire.frames import FrameReader, frame, pack, unpack_frame
from jaz_lite.wire.happenings import Closed, Output
from tests.wire.conversation import WORK, Conversation

X, Y = b"x" * 16, b"y" * 16
SHA = hashlib.sha256(b"").digest()
CHUNK = limits.CHUNK_BYTES_MAX


@pytest.fixture
def talk():
    return Conversation().up()


def getting(talk, size=10**9, offset=0):
    """Open a get at the agent's end and return its opening."""
    talk.server.file_open(X, "get", b"a", path="/data", offset=offset)
    talk.carry()
    opening = talk.agent_heard[-1].opening
    talk.agent.file_ok(opening, offset=offset, size=size, mode=0o644)
    talk.carry()
    return opening


def putting(talk, offset=0):
    """Open a put at the agent's end and return its opening."""
    talk.server.file_open(X, "put", b"a", offset=2**63, size=10, mode=0o644)
    talk.carry()
    opening = talk.agent_heard[-1].opening
    talk.agent.file_ok(opening, offset=offset, sha=SHA if offset else None)
    talk.carry()
    return opening


def said_by_agent(talk, number, **body):
    """Have the server hear a frame that its agent's link would not say."""
    return talk.server.receive(frame(pack([number, talk.server._seq_in, body])), talk.now)


def said_by_server(talk, number, **body):
    return talk.agent.receive(frame(pack([number, talk.agent._seq_in, body])), talk.now)


# ---- what is told


def test_a_list_is_answered_in_pages(talk):
    entry = FileEntry(b"\xff.csv", 5, 0o100640, 7)
    talk.server.file_open(X, "list", b"*.csv", path="/data", after=b"a")
    talk.carry()
    asked = talk.agent_heard[-1]
    talk.agent.file_names(asked.opening, [entry], more=True)
    talk.carry()

    assert isinstance(asked, FileAsked)
    assert (asked.op, asked.path, asked.name, asked.after) == ("list", "/data", b"*.csv", b"a")
    assert talk.server_heard == [FileListed(X, [entry], more=True)]
    assert not talk.server.has_leg(X)


def test_a_file_goes_from_the_source_to_its_end(talk):
    opening = getting(talk, size=3)
    talk.agent.file_data(opening, 0, b"abc")
    talk.agent.file_end(opening, 3, SHA)
    talk.carry()
    talk.server.file_ack(X, 3)  # a word about a leg that is over is passed over
    talk.carry()

    assert talk.server_heard == [FileReady(X, 0, 3, 0o644, 0), FileData(X, 0, b"abc"), FileEnded(X, 3, SHA)]
    assert talk.server.file_room == limits.FILE_LEGS_MAX


def test_a_file_goes_to_the_target_until_it_is_durable(talk):
    opening = putting(talk)
    talk.server.file_data(X, 0, b"abc")
    talk.server.file_end(X, 3, SHA)
    talk.carry()
    talk.agent.file_ack(opening, 3)
    talk.agent.file_done(opening)
    talk.carry()

    assert talk.agent_heard[1:] == [FileCame(opening, 0, b"abc"), FileWhole(opening, 3, SHA)]
    assert talk.server_heard[1:] == [FileAcked(X, 3), FileDone(X)]


def test_a_source_that_is_another_file_now_begins_anew_over_what_the_target_had(talk):
    opening = putting(talk, offset=7)
    talk.server.file_data(X, 0, b"abc")
    talk.server.file_end(X, 3, SHA)
    talk.carry()

    assert talk.agent_heard[1:] == [FileCame(opening, 0, b"abc"), FileWhole(opening, 3, SHA)]


def test_a_source_that_is_empty_now_ends_what_the_target_had(talk):
    opening = putting(talk, offset=7)
    talk.server.file_end(X, 0, SHA)
    talk.carry()

    assert talk.agent_heard[1:] == [FileWhole(opening, 0, SHA)]


def test_a_target_that_has_the_file_from_an_earlier_try_says_so_at_once(talk):
    talk.server.file_open(X, "put", b"a", offset=2**63)
    talk.carry()
    talk.agent.file_done(talk.agent_heard[-1].opening)
    talk.carry()

    assert talk.server_heard == [FileDone(X)]


def test_before_a_leg_is_open_the_agent_shows_that_it_is_at_work(talk):
    talk.server.file_open(X, "put", b"a", offset=2**63)
    talk.carry()
    talk.agent.file_ack(talk.agent_heard[-1].opening, 5)
    talk.carry()

    assert talk.server_heard == [FileAcked(X, 5)]


def test_the_target_is_told_that_the_copy_is_over(talk):
    talk.server.files_over(WORK, ok=False, code="no_match", msg="no file matches")
    talk.carry()

    assert talk.agent_heard == [FilesOver(WORK, False, "no_match", "no file matches")]


def test_a_failure_drops_what_still_waited_and_frees_the_leg(talk):
    opening = getting(talk)
    for number in range(4):
        talk.agent.file_data(opening, number * CHUNK, bytes(CHUNK))
    talk.agent.file_failed(opening, "changed", "the file changed")
    talk.agent.file_data(opening, 4 * CHUNK, b"late")
    talk.carry()

    assert talk.server_heard[1:] == [FileFailed(X, "changed", "the file changed")]
    assert talk.agent.file_room(opening) == -1


# ---- giving up


def test_a_leg_that_is_given_up_may_be_opened_again_when_the_agent_has_let_go(talk):
    opening = getting(talk)
    talk.agent.file_data(opening, 0, b"on its way")
    talk.server.file_give_up(X, "again")
    assert talk.server.has_leg(X)
    with pytest.raises(LocalProtocolError, match="open already"):
        talk.server.file_open(X, "get", b"a", path="/data")
    talk.carry()

    assert talk.server_heard[1:] == [FileDropped(X)]
    assert talk.agent_heard[-1] == FileGivenUp(opening)
    talk.server.file_open(X, "get", b"a", path="/data")
    talk.carry()
    talk.agent.file_ok(opening, size=1)  # what was slow about the old one reaches nobody
    talk.carry()
    assert talk.server_heard[1:] == [FileDropped(X)]


def test_words_that_cross_end_a_leg_once(talk):
    opening = getting(talk, size=0)
    talk.agent.file_end(opening, 0, SHA)
    talk.server.file_give_up(X, "again")
    talk.carry()

    assert talk.server_heard[1:] == [FileDropped(X)]
    assert not talk.server.closed
    assert not talk.agent.closed


def test_an_agent_that_goes_by_another_server_has_let_go_of_all_files(talk):
    getting(talk)
    talk.agent.stale(term=2**31, act=b"a" * 8, ticket=b"t" * 32)
    talk.server.receive(talk.agent.take(), talk.now)
    talk.server.take()

    talk.server.file_give_up(X, "again")
    talk.server.file_ack(X, 1)

    assert (talk.server.state, talk.server.take()) == ("deposed", b"")


# ---- windows and limits


def test_no_more_than_the_window_is_under_way(talk):
    opening = getting(talk)
    sent = 0
    while room := talk.agent.file_room(opening):
        talk.agent.file_data(opening, sent, bytes(min(room, CHUNK)))
        sent += min(room, CHUNK)
    talk.carry()

    assert sent == limits.FILE_WINDOW_BYTES
    with pytest.raises(LocalProtocolError, match="room"):
        talk.agent.file_data(opening, sent, b"x")
    talk.server.file_ack(X, 100)
    talk.carry()
    assert talk.agent_heard[-1] == FileTaken(opening, 100)
    assert talk.agent.file_room(opening) == 100


def test_the_server_passes_no_more_than_the_window_on(talk):
    putting(talk)
    for number in range(8):
        talk.server.file_data(X, number * CHUNK, bytes(CHUNK))

    with pytest.raises(LocalProtocolError, match="room"):
        talk.server.file_data(X, 8 * CHUNK, b"x")


def test_four_files_at_once_and_no_fifth(talk):
    for number in range(4):
        talk.server.file_open(bytes([number]) * 16, "list", b"*", path="/data")

    assert talk.server.file_room == 0
    with pytest.raises(LocalProtocolError, match="4 files"):
        talk.server.file_open(X, "list", b"*", path="/data")


def test_a_kill_overtakes_files_and_output_takes_turns_with_them(talk):
    opening = getting(talk)
    for number in range(4):
        talk.agent.file_data(opening, number * CHUNK, bytes(CHUNK))
    talk.agent.output(WORK, 1, 0, b"seen at once")
    talk.agent.file_failed(99, "x", "a leg that never was")
    talk.agent.state_of(WORK, "running")
    first = talk.agent.take()
    second = talk.agent.take()

    assert _names(first)[0] == "state"
    assert "out" in _names(first) + _names(second)
    talk.server_heard += talk.server.receive(first + second, 0.0)
    talk.carry()
    assert sum(isinstance(one, Output) for one in talk.server_heard) == 1


def _names(data):
    reader = FrameReader()
    reader.feed(data)
    names = []
    while (payload := reader.next(limits.FRAME_BYTES_MAX)) is not None:
        names.append(MESSAGES[unpack_frame(payload)[0]].name)
    return names


# ---- hostile ends


@pytest.mark.parametrize(
    ("number", "body", "code"),
    [
        (m.F_DATA, {"x": Y, "o": 0, "d": b"x"}, "state"),
        (m.F_DATA, {"x": X, "o": 1, "d": b"x"}, "state"),
        (m.F_DATA, {"x": X, "o": 0, "d": bytes(11)}, "limit"),
        (m.F_DATA, {"x": X, "o": 0, "d": b""}, "schema"),
        (m.F_DATA, {"x": X, "o": 0, "d": bytes(CHUNK + 1)}, "schema"),
        (m.F_ACK, {"x": X, "o": 0}, "state"),
        (m.F_END, {"x": X, "size": 10, "sha": SHA}, "state"),
        (m.F_END, {"x": Y, "size": 0, "sha": SHA}, "state"),
        (m.F_DONE, {"x": X}, "state"),
        (m.F_ERR, {"x": Y, "code": "x", "msg": ""}, "state"),
        (m.F_OK, {"x": X, "off": 0, "size": 1, "mode": 0, "mtime": 0}, "state"),
        (m.F_OK, {"x": Y, "off": 0, "size": 1, "mode": 0, "mtime": 0}, "state"),
        (m.F_OPEN, {"x": X, "op": "get", "path": "/", "file": b"a", "off": 0}, "state"),
        (m.F_OVER, {"x": X, "ok": True, "code": "", "msg": ""}, "state"),
    ],
)
def test_a_source_that_breaks_a_rule_is_shown_out(talk, number, body, code):
    getting(talk, size=10)

    (closed,) = said_by_agent(talk, number, **body)

    assert isinstance(closed, Closed)
    assert closed.code == code


def test_a_source_that_sends_beyond_its_window_is_shown_out(talk):
    getting(talk)
    for number in range(8):
        said_by_agent(talk, m.F_DATA, x=X, o=number * CHUNK, d=bytes(CHUNK))

    (closed,) = said_by_agent(talk, m.F_DATA, x=X, o=8 * CHUNK, d=b"x")

    assert closed.code == "limit"


@pytest.mark.parametrize(
    ("number", "body", "code"),
    [
        (m.F_ACK, {"x": X, "o": 4}, "state"),
        (m.F_DONE, {"x": X}, "state"),
        (m.F_DATA, {"x": X, "o": 0, "d": b"x"}, "state"),
        (m.F_END, {"x": X, "size": 3, "sha": SHA}, "state"),
    ],
)
def test_a_target_that_breaks_a_rule_is_shown_out(talk, number, body, code):
    putting(talk)
    talk.server.file_data(X, 0, b"abc")
    talk.carry()

    (closed,) = said_by_agent(talk, number, **body)

    assert closed.code == code


def test_a_part_that_is_longer_than_asked_for_or_has_no_hash_is_refused():
    for offset, sha in ((8, SHA), (5, None)):
        talk = Conversation().up()
        talk.server.file_open(X, "put", b"a", offset=7)
        talk.carry()
        body = {"x": X, "off": offset, "size": 0, "mode": 0, "mtime": 0} | ({"sha": sha} if sha else {})

        (closed,) = said_by_agent(talk, m.F_OK, **body)

        assert closed.code in ("state", "schema")


@pytest.mark.parametrize(
    ("number", "body", "code"),
    [
        (m.F_DATA, {"x": Y, "o": 0, "d": b"x"}, "state"),
        (m.F_DATA, {"x": X, "o": 1, "d": b"x"}, "state"),
        (m.F_END, {"x": X, "size": 5, "sha": SHA}, "state"),
        (m.F_ACK, {"x": X, "o": 0}, "state"),
        (m.F_ERR, {"x": Y, "code": "x", "msg": ""}, "state"),
        (m.F_OPEN, {"x": X, "op": "put", "path": "", "file": b"a", "off": 0}, "state"),
        (m.F_OPEN, {"x": Y, "op": "move", "path": "", "file": b"a", "off": 0}, "schema"),
        (m.F_OPEN, {"x": Y, "op": "get", "path": "", "file": b"", "off": 0}, "schema"),
        (m.F_DONE, {"x": X}, "state"),
    ],
)
def test_a_server_that_breaks_a_rule_about_files_is_shown_out(talk, number, body, code):
    putting(talk)

    (closed,) = said_by_server(talk, number, **body)

    assert isinstance(closed, Closed)
    assert closed.code == code


def test_a_server_that_opens_a_fifth_file_is_shown_out(talk):
    for number in range(4):
        said_by_server(talk, m.F_OPEN, x=bytes([number]) * 16, op="list", path="/", file=b"*", off=0)

    (closed,) = said_by_server(talk, m.F_OPEN, x=X, op="list", path="/", file=b"*", off=0)

    assert closed.code == "limit"


@pytest.mark.parametrize("seed", range(20))
def test_whatever_both_ends_do_with_their_commands_neither_breaks_the_other(seed):
    """Commands at random moments, bytes carried in random pieces: only last words end legs, and nobody is shown out."""
    chance = random.Random(seed)
    talk = Conversation().up()
    openings: dict[int, str] = {}
    for _ in range(400):
        x = bytes([chance.randrange(6)]) * 16
        match chance.randrange(9):
            case 0 if talk.server.file_room and not talk.server.has_leg(x):
                talk.server.file_open(x, chance.choice(["get", "put", "list"]), b"a", path="/d", offset=0)
            case 1:
                talk.server.file_give_up(x, "again")
            case 2:
                talk.server.file_ack(x, 1) if _is(talk, x, "get") else None
            case 3 if _is(talk, x, "put") and talk.server._legs[x].open and not talk.server._legs[x].ended:
                talk.server.file_data(x, talk.server._legs[x].end, b"abc")
            case 4 if _is(talk, x, "put") and talk.server._legs[x].open and not talk.server._legs[x].ended:
                talk.server.file_end(x, talk.server._legs[x].end, SHA)
            case 5:
                for part in (talk.agent.take(),):
                    talk.server_heard += talk.server.receive(part, 0.0) if part else []
            case 6:
                for part in (talk.server.take(),):
                    talk.agent_heard += talk.agent.receive(part, 0.0) if part else []
            case _:
                openings |= {one.opening: one.op for one in talk.agent_heard if isinstance(one, FileAsked)}
                if openings:
                    _answer(chance, talk, chance.choice(sorted(openings)[-5:]))
    talk.carry()

    assert not talk.server.closed, talk.server_heard[-1]
    assert not talk.agent.closed


def _is(talk, x, op):
    leg = talk.server._legs.get(x)
    return leg is not None and leg.op == op and not leg.given_up


def _answer(chance, talk, opening):
    leg = talk.agent._legs.get(opening)
    if leg is None or leg.op == "list":
        talk.agent.file_names(opening, [], more=False)
    elif not leg.open:
        if chance.random() < 0.8:
            talk.agent.file_ok(opening, size=30 if leg.op == "get" else 0)
        else:
            talk.agent.file_failed(opening, "missing", "not there")
    elif leg.op == "get":
        if leg.end < 30:
            talk.agent.file_data(opening, leg.end, b"0123456789")
        else:
            talk.agent.file_end(opening, 30, SHA)
    elif leg.ended:
        talk.agent.file_done(opening)
    else:
        talk.agent.file_ack(opening, leg.end)
