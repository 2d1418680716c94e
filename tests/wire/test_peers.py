"""The conversation of two servers, spoken in memory: what each proves, what it may hold, and every way out."""

import random

import pytest

from jaz_lite.wire import limits
from jaz_lite.wire import messages as m
from jaz_lite.wire import peer_messages as p
from jaz_lite.wire.enrol import begins_enrolment
from jaz_lite.wire.frames import frame, pack, unpack_frame
from jaz_lite.wire.happenings import Closed
from jaz_lite.wire.peers import (
    CopyData,
    CopyFile,
    CopyOver,
    CopyRoom,
    FollowAsked,
    HandedOver,
    PeerProven,
    PeerSaid,
    Shipped,
    ShipTaken,
    begins_peer,
)
from tests.wire.conversation import SITE_UID, Conversation, agent_link, server_link, split_at_random
from tests.wire.enrolling import enrol_agent
from tests.wire.peering import ACTIVE, FENCE_KEY, STANDBY, TOKEN_ID, begun, peer_caller, peer_host, proven


def said_by_stranger(number, body, seq=0):
    return frame(pack([number, seq, body]))


@pytest.mark.parametrize("seed", range(5))
def test_two_servers_of_a_site_prove_it_and_say_what_they_are(seed):
    talk = Conversation(peer_host(), peer_caller(), split_at_random(seed))
    talk.carry()
    talk.server.status(ACTIVE)
    talk.agent.status(STANDBY)
    talk.carry()

    assert talk.server_heard == [PeerProven(), PeerSaid(STANDBY)]
    assert talk.agent_heard == [PeerProven(), PeerSaid(ACTIVE)]
    assert ACTIVE.is_proven(FENCE_KEY, SITE_UID)
    assert not STANDBY.is_proven(FENCE_KEY, SITE_UID)


def test_the_first_bytes_tell_a_server_from_an_agent():
    assert begins_peer(peer_caller().take())
    assert not begins_peer(agent_link().take())
    assert not begins_peer(enrol_agent().take())
    assert not begins_enrolment(peer_caller().take())


def test_a_caller_without_the_sites_key_learns_nothing_but_a_version():
    talk = begun(key=b"x" * 32)

    talk.carry()

    assert talk.agent_heard == [Closed("auth", "not accepted", by_us=False)]
    host = peer_host()
    host.receive(peer_caller().take(), 0.0)
    _, _, body = unpack_frame(host.take()[limits.LENGTH_BYTES :])
    assert set(body) == {"proto", "n"}


def test_a_wrong_secret_and_an_unknown_invitation_are_refused_alike():
    heard = []
    for changes in ({"token_id": TOKEN_ID, "key": b"x" * 32}, {"token_id": b"nobody"}):
        talk = begun(**changes)
        talk.carry()
        heard.append((talk.agent_heard, talk.server_heard))

    assert heard[0] == heard[1]
    assert heard[0][0] == [Closed("auth", "not accepted", by_us=False)]


def test_who_holds_an_invitation_is_let_in_as_that():
    talk = begun(token_id=TOKEN_ID)

    talk.carry()

    assert talk.server_heard == [PeerProven(TOKEN_ID)]
    assert talk.agent_heard == [PeerProven()]


def test_a_host_that_has_only_stolen_the_key_of_the_certificate_is_found_out():
    """It shows the right certificate, and does not care whether the caller's proof is right."""
    talk = begun()
    talk.agent.take()
    impostor = peer_host(find_secret=lambda _: b"x" * 32)
    caller = peer_caller()
    impostor.receive(caller.take(), 0.0)
    caller.receive(impostor.take(), 0.0)
    impostor._key = b"x" * 32
    impostor.state = "up"
    impostor._send(p.PEER_PROOF, {"mac": b"x" * 32})

    (closed,) = caller.receive(impostor.take(), 0.0)

    assert (closed.code, closed.by_us) == ("auth", True)


def test_somebody_in_the_middle_with_another_certificate_gets_nothing_from_either():
    talk = begun(cert_sha256=b"m" * 32)

    talk.carry()

    assert talk.agent_heard == [Closed("auth", "not accepted", by_us=False)]
    assert [type(one) for one in talk.server_heard] == [Closed]


def test_a_proof_is_of_no_use_a_second_time():
    first = begun()
    hello = first.agent.take()
    first.server.receive(hello, 0.0)
    first.agent.receive(first.server.take(), 0.0)
    proof = first.agent.take()
    again = peer_host(nonce=b"2" * 32)

    again.receive(hello, 0.0)
    (closed,) = again.receive(proof, 0.0)

    assert closed.code == "auth"


def test_both_ends_seal_with_the_same_key_and_each_link_has_its_own():
    one, other = proven(), proven(Conversation(peer_host(nonce=b"2" * 32), peer_caller()))

    assert one.server.sealing_key == one.agent.sealing_key
    assert one.server.sealing_key != other.server.sealing_key


@pytest.mark.parametrize("number", [p.FOLLOW, p.SHIP_ACK, p.COPY_ACK, p.PEER_STATUS, p.HANDOVER, m.PING])
def test_nothing_is_heard_before_the_proof(number):
    bodies = {
        p.FOLLOW: {"who": "b", "lsn": 0},
        p.SHIP_ACK: {"lsn": 1},
        p.COPY_ACK: {"o": 0},
        p.PEER_STATUS: {"state": "active", "term": 1, "last_tick": 0, "lsn": 0},
        p.HANDOVER: {"lsn": 1, "term": 1},
        m.PING: {"n": 1},
    }
    host = peer_host()
    host.receive(peer_caller().take(), 0.0)

    (closed,) = host.receive(said_by_stranger(number, bodies[number], 1), 0.0)

    assert closed.code == "state"


def test_servers_of_sessions_and_of_peers_do_not_take_each_other_for_one():
    (closed,) = server_link().receive(peer_caller().take(), 0.0)
    assert closed.code == "state"
    (closed,) = peer_host().receive(agent_link().take(), 0.0)
    assert closed.code == "state"


# ---- a copy


def test_a_copy_arrives_as_it_was_sent():
    talk = proven()
    talk.agent.follow("b.example")
    talk.carry()
    assert talk.server_heard == [FollowAsked("b.example", b"", 0)]

    talk.server.copy_file("jaz.db", 5)
    talk.server.copy_data(b"hel")
    talk.server.copy_data(b"lo")
    talk.server.copy_file("keys/site.crt", 0)
    talk.server.copy_over()
    talk.carry()

    assert talk.agent_heard == [
        CopyFile("jaz.db", 5), CopyData(b"hel"), CopyData(b"lo"), CopyFile("keys/site.crt", 0), CopyOver(),
    ]  # fmt: skip


def test_no_more_of_a_copy_is_under_way_than_the_window():
    talk = proven()
    talk.server.copy_file("jaz.db", 10 * limits.COPY_WINDOW_BYTES)
    while room := talk.server.copy_room:
        talk.server.copy_data(bytes(min(room, limits.CHUNK_BYTES_MAX)))
    talk.carry()
    assert sum(len(one.data) for one in talk.agent_heard[1:]) == limits.COPY_WINDOW_BYTES

    talk.agent.copy_ack()
    talk.carry()

    assert talk.server_heard == [CopyRoom()]
    assert talk.server.copy_room == limits.COPY_WINDOW_BYTES


@pytest.mark.parametrize(
    "name", ["../x", "/etc/passwd", "keys/../../x", "a/b/c", ".hidden", "keys/", "a\\b", "a\n", ""]
)
def test_a_copy_has_no_files_outside_of_its_directory(name):
    talk = proven()
    (closed,) = talk.agent.receive(said_by_stranger(p.COPY_FILE, {"file": name, "size": 1}, 2), 0.0)

    assert closed.code == "schema"


@pytest.mark.parametrize(
    ("number", "body"),
    [
        (p.COPY_DATA, {"o": 0, "d": b"12345678"}),
        (p.COPY_DATA, {"o": 1, "d": b"1"}),
        (p.COPY_FILE, {"file": "x", "size": 1}),
        (p.COPY_OVER, {"size": 0}),
    ],
    ids=["too much", "elsewhere", "inside another", "too early"],
)
def test_a_copy_that_is_not_in_order_ends_the_link(number, body):
    talk = proven()
    talk.server.copy_file("jaz.db", 5)
    talk.carry()

    (closed,) = talk.agent.receive(said_by_stranger(number, body, 3), 0.0)

    assert (closed.code, closed.by_us) == ("state", True)


def test_a_copy_is_acknowledged_only_as_far_as_it_was_sent():
    talk = proven()

    (closed,) = talk.server.receive(said_by_stranger(p.COPY_ACK, {"o": 1}, 2), 0.0)

    assert closed.code == "state"


# ---- changes


def test_pieces_of_change_sets_arrive_in_order_and_are_acknowledged():
    talk = proven()
    talk.server.ship(0, b"x" * limits.SHIP_PIECE_BYTES_MAX)
    talk.server.ship(7, b"y")
    talk.carry()
    assert talk.agent_heard == [Shipped(0, b"x" * limits.SHIP_PIECE_BYTES_MAX), Shipped(7, b"y")]

    talk.agent.ship_ack(7)
    talk.carry()

    assert talk.server_heard == [ShipTaken(7)]


def test_a_status_does_not_wait_behind_changes():
    talk = proven()
    for _ in range(5):
        talk.server.ship(0, bytes(limits.SHIP_PIECE_BYTES_MAX))
    talk.server.status(ACTIVE)

    found = talk.agent.receive(talk.server.take(), 0.0)

    assert found[0] == PeerSaid(ACTIVE)
    assert talk.server.has_output


def test_a_handover_comes_after_all_changes_and_is_answered():
    talk = proven()
    talk.server.ship(7, bytes(100_000))
    talk.server.hand_over(7, 9)
    talk.carry()
    assert [type(one) for one in talk.agent_heard] == [Shipped, HandedOver]

    talk.agent.hand_over(7, 9)
    talk.carry()

    assert talk.server_heard == [HandedOver(7, 9)]


# ---- time


def test_an_end_that_says_nothing_is_given_up():
    for link in (peer_host(), peer_caller()):
        assert link.tick(limits.HANDSHAKE_STEP_S - 0.1) == []
        (closed,) = link.tick(limits.HANDSHAKE_STEP_S)
        assert closed.code == "timeout"


def test_a_peer_that_falls_silent_is_given_up_after_three_heartbeats():
    talk = proven()
    for second in (5, 10):
        assert talk.agent.tick(second) == []
    (closed,) = talk.agent.tick(15)

    assert closed.code == "silent"


@pytest.mark.parametrize("seed", range(100))
def test_any_bytes_end_the_conversation_in_good_order(seed):
    chance = random.Random(seed)
    for make in (peer_host, peer_caller):
        link = make()
        link.take()
        number = chance.choice((*range(104, 115), m.ERROR, m.BYE, m.HELLO, 129, 200))
        keys = ("proto", "n", "token", "mac", "state", "term", "lsn", "who", "o", "d", "last", "file", "size")
        values = (1, -1, "x", b"x" * 32, b"x" * 6, [1, 1], None, True, {"a": 1}, b"x" * 16)
        body = {key: chance.choice(values) for key in keys if chance.random() < 0.7}
        found = link.receive(frame(pack([number, 0, body])) + chance.randbytes(40), 0.0)
        assert all(isinstance(one, Closed) for one in found)
        link.take()
        link.tick(100.0)
        assert link.closed
