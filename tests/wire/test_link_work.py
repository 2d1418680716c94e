"""Orders, answers and output, as the two links promise them."""

import pytest

from jaz_lite.errors import LocalProtocolError
from jaz_lite.wire import limits
from jaz_lite.wire.happenings import (
    CancelAsked,
    Closed,
    ConfigChanged,
    Dispatched,
    Drained,
    KillAsked,
    Output,
    OutputAcked,
    OutputAsked,
    Queried,
    RefusedWork,
    WorkState,
)
from tests.wire.conversation import (
    WORK,
    Conversation,
    dispatch,
    event,
)

# ---- orders and answers


def test_orders_and_their_answers_arrive_as_given():
    talk = Conversation().up()

    dispatch(talk.server, start_by_s=60, desc={"jobnet": "NIGHT", "icon": "夜間"})
    talk.server.kill(WORK, how="stop", sig="TERM", grace_s=7, why="timeout")
    talk.server.cancel(WORK, "operator")
    talk.server.query(WORK)
    talk.server.query()
    talk.server.drain(True)
    talk.server.config(hb_s=20, peers=["c:1"], limits_map={"par": 2})
    talk.agent.state_of(WORK, "done", exit_code=-100_000, conflict=True, why="digest")
    talk.agent.refused(WORK, "no_space", "夜" * 200)
    talk.carry()

    assert talk.agent_heard == [
        Dispatched(
            k=WORK,
            occ="M:1",
            path="/job#1",
            att=1,
            run=1,
            kind="cmd",
            spec=b"spec",
            start_by_s=60,
            desc={"jobnet": "NIGHT", "icon": "夜間"},
        ),
        KillAsked(WORK, "stop", "TERM", 7, "timeout"),
        CancelAsked(WORK, "operator"),
        Queried(WORK),
        Queried(None),
        Drained(on=True),
        ConfigChanged(hb_s=20, peers=("c:1",), limits={"par": 2}),
    ]
    # 256 bytes hold 85 characters of three bytes each.
    assert talk.server_heard == [
        WorkState(WORK, "done", -100_000, conflict=True, why="digest"),
        RefusedWork(WORK, "no_space", "夜" * 85),
    ]


def test_each_answer_makes_room_for_one_more_dispatch():
    talk = Conversation().up()
    keys = [n.to_bytes(16, "big") for n in range(256)]
    for k in keys:
        dispatch(talk.server, k=k)
    assert talk.server.dispatch_room == 0
    with pytest.raises(LocalProtocolError, match="256 dispatches"):
        dispatch(talk.server, k=WORK)
    dispatch(talk.server, k=keys[0])
    talk.carry()

    accepted = {
        "occ": "M:1",
        "path": "/j#1",
        "att": 1,
        "run": 1,
        "kind": "cmd",
        "digest": bytes(32),
        "desc": {},
    }
    talk.agent.events([event(1, "accepted", keys[0], **accepted)])
    talk.agent.refused(keys[1], "busy")
    talk.agent.state_of(keys[2], "running")
    talk.carry()

    assert talk.server.dispatch_room == 3


@pytest.mark.parametrize("size", [131_072, 131_073, 262_144, 2 * 1024 * 1024])
def test_a_spec_arrives_whole_however_long(size):
    talk = Conversation().up()
    spec = bytes(range(256)) * (size // 256) + b"x" * (size % 256)

    dispatch(talk.server, spec=spec)
    talk.carry()

    (order,) = talk.agent_heard
    assert order.spec == spec
    assert not talk.server.closed


def test_a_spec_beyond_two_mebibytes_is_our_fault():
    talk = Conversation().up()

    with pytest.raises(LocalProtocolError, match="2097152 are allowed"):
        dispatch(talk.server, spec=bytes(2 * 1024 * 1024 + 1))


def test_a_cancel_does_not_overtake_the_long_dispatch_it_is_about():
    talk = Conversation().up()
    other = b"o" * 16

    dispatch(talk.server, spec=bytes(300_000))
    talk.server.cancel(WORK)
    talk.server.cancel(other)
    talk.carry()

    assert talk.agent_heard[0] == CancelAsked(other, "")
    assert isinstance(talk.agent_heard[1], Dispatched)
    assert talk.agent_heard[2] == CancelAsked(WORK, "")


def test_at_most_one_portion_of_bulk_goes_before_a_control_frame():
    talk = Conversation().up()
    dispatch(talk.server, spec=bytes(1_000_000))
    first = talk.server.take()

    talk.server.drain(True)
    second = talk.server.take()

    assert len(first) < limits.CHUNK_BYTES_MAX + 200
    assert second[4:6] == b"\x93\x1b"  # an array of three with type 27, drain, at the very front


# ---- output


def test_output_is_held_to_the_credit_of_a_stream():
    talk = Conversation().up()
    chunk = bytes(65_536)
    for number in range(4):
        talk.agent.output(WORK, 1, number * 65_536, chunk)
    talk.carry()
    assert talk.agent.output_room(WORK, 1) == 0
    assert talk.agent.output_room(WORK, 2) == 262_144

    with pytest.raises(LocalProtocolError, match="beyond the credit"):
        talk.agent.output(WORK, 1, 262_144, b"x")
    talk.server.out_ack(WORK, 1, 100_000)
    talk.carry()

    assert talk.agent_heard == [OutputAcked(WORK, 1, 100_000)]
    assert talk.agent.output_room(WORK, 1) == 100_000
    assert [one.offset for one in talk.server_heard] == [0, 65_536, 131_072, 196_608]


def test_output_is_held_to_the_credit_of_the_session():
    talk = Conversation().up()
    chunk = bytes(65_536)
    for number in range(64):
        talk.agent.output(number.to_bytes(16, "big"), 1, 0, chunk)
    talk.carry()

    # 64 chunks of 64 KiB are the 4 MiB of a session.
    assert talk.agent.output_room(WORK, 1) == 0
    talk.server.out_ack(bytes(16), 1, 65_536)
    talk.carry()
    assert talk.agent.output_room(WORK, 1) == 65_536


def test_a_peer_that_sends_more_output_than_it_has_credit_for_is_closed():
    talk = Conversation().up()
    chunk = bytes(65_536)
    for number in range(4):
        talk.agent.output(WORK, 1, number * 65_536, chunk)
    talk.agent._outgoing._streams[WORK, 1].acked = 262_144

    talk.agent.output(WORK, 1, 262_144, chunk)
    talk.carry()

    assert talk.server_heard[-1] == Closed("limit", "more output than there was credit for", by_us=True)


def test_output_that_starts_elsewhere_than_it_stands_is_refused():
    talk = Conversation().up()
    talk.agent.output(WORK, 1, 0, b"abc")
    talk.agent._outgoing._streams[WORK, 1].end = 10

    talk.agent.output(WORK, 1, 10, b"x")
    talk.carry()

    assert talk.server_heard[-1] == Closed("state", "output at 10 where 3 was due", by_us=True)


def test_output_is_sent_again_from_where_the_server_asks():
    talk = Conversation().up()
    talk.agent.output(WORK, 1, 50, b"fghij")
    talk.carry()

    talk.server.out_req(WORK, 1, 0)
    talk.agent.output(WORK, 1, 55, b"k")  # on its way before the wish arrived
    talk.carry()
    talk.agent.output(WORK, 1, 0, b"abc", eof=True)
    talk.carry()

    assert talk.agent_heard == [OutputAsked(WORK, 1, 0)]
    assert [(one.offset, one.data, one.eof) for one in talk.server_heard] == [
        (50, b"fghij", False),
        (55, b"k", False),
        (0, b"abc", True),
    ]
    assert not talk.server.closed


def test_output_the_server_already_has_is_skipped():
    talk = Conversation().up()
    talk.agent.output(WORK, 1, 0, b"abc")
    talk.carry()

    talk.server.out_ack(WORK, 1, 1_000)
    talk.agent.output(WORK, 1, 3, b"def")
    talk.carry()
    talk.agent.output(WORK, 1, 1_000, b"new", eof=True)
    talk.carry()
    talk.server.out_ack(WORK, 1, 1_003)
    talk.carry()

    assert talk.server_heard[-1] == Output(WORK, 1, 1_000, b"new", eof=True)
    for end in (talk.agent._outgoing, talk.server._incoming):
        assert (end.unacked_bytes, len(end)) == (0, 0)


def test_an_empty_stream_needs_no_acknowledgement():
    talk = Conversation().up()

    talk.agent.output(WORK, 2, 0, b"", eof=True)
    talk.carry()

    assert talk.server_heard == [Output(WORK, 2, 0, b"", eof=True)]
    assert len(talk.agent._outgoing) == len(talk.server._incoming) == 0
