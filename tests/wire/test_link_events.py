"""Events, inventory and the gate before the first order, as the two links promise them."""

import pytest

from jaz_lite.errors import LocalProtocolError
from jaz_lite.wire import ident
from jaz_lite.wire.happenings import (
    Acked,
    Closed,
)
from tests.wire.conversation import (
    WORK,
    Conversation,
    dispatch,
    event,
    item,
)

# ---- events


def test_events_carry_the_chain_that_is_stored_beside_the_cursor():
    talk = Conversation()
    start = b"c" * 16
    talk.to_welcome(cursor=5, chain=start)
    talk.server_heard.clear()

    talk.agent.events([event(6), event(7, "failed", WORK, why="user", msg="no such user")])
    talk.carry()

    (batch,) = talk.server_heard
    six = ident.chain(start, event(6))
    assert [(one.n, one.e, one.k, one.chain) for one in batch.events] == [
        (6, "host_boot", None, six),
        (7, "failed", WORK, ident.chain(six, event(7, "failed", WORK, why="user", msg="no such user"))),
    ]


def test_events_already_consumed_are_dropped_and_acknowledged_again():
    talk = Conversation()
    talk.to_welcome(cursor=5)
    talk.agent._sent_event = 3
    talk.server_heard.clear()

    talk.agent.events([event(4), event(5), event(6)])
    talk.carry()

    (batch,) = talk.server_heard
    assert [one.n for one in batch.events] == [6]
    talk.server.ack(6)
    talk.carry()
    assert talk.agent_heard[-1] == Acked(6)


def test_a_gap_between_events_ends_the_session():
    talk = Conversation()
    talk.to_welcome()

    talk.agent.events([event(2)])
    talk.carry()

    assert talk.server_heard[-1] == Closed("state", "event 2 came where 1 was due", by_us=True)


def test_acks_are_cumulative_and_never_go_back():
    talk = Conversation()
    talk.to_welcome()
    talk.agent.events([event(n) for n in range(1, 11)])
    talk.carry()
    talk.agent_heard.clear()

    talk.server.ack(4)
    talk.server.ack(3)
    talk.server.ack(10)
    talk.carry()

    assert talk.agent_heard == [Acked(4), Acked(10)]
    with pytest.raises(LocalProtocolError, match="before event 11 came"):
        talk.server.ack(11)


def test_no_more_than_a_thousand_events_are_under_way():
    talk = Conversation()
    talk.to_welcome()
    assert talk.agent.event_room == 1_000

    talk.agent.events([event(n) for n in range(1, 1_001)])
    talk.carry()

    assert talk.agent.event_room == 0
    with pytest.raises(LocalProtocolError):
        talk.agent.events([event(1_001)])
    talk.server.ack(400)
    talk.carry()
    assert talk.agent.event_room == 400


def test_a_server_does_not_take_more_events_than_it_acknowledges():
    talk = Conversation()
    talk.to_welcome()
    talk.agent.events([event(n) for n in range(1, 1_001)])
    talk.carry()
    talk.agent._acked_event = 1

    talk.agent.events([event(1_001)])
    talk.carry()

    assert talk.server_heard[-1] == Closed("limit", "more than 1000 events without an ack", by_us=True)


def test_long_events_share_frames_only_as_far_as_they_fit():
    talk = Conversation()
    talk.to_welcome()
    talk.server_heard.clear()
    head = bytes(60_000)
    long = {"t0": 1, "t1": 2, "out": 60_000, "err": 60_000, "out_head": head, "err_head": head, "exit": 0}

    talk.agent.events([event(n, "finished", WORK, **long) for n in range(1, 4)])
    talk.carry()

    # Each has 120 KB and a frame takes 200 KiB of events: one a frame.
    assert [[one.n for one in batch.events] for batch in talk.server_heard] == [[1], [2], [3]]


# ---- inventory and the gate


def test_a_long_inventory_is_cut_into_pages():
    talk = Conversation()
    talk.to_welcome()
    talk.server_heard.clear()

    talk.agent.inventory([item(n) for n in range(1_100)])
    talk.carry()

    assert [(len(page.items), page.more) for page in talk.server_heard] == [(500, True), (500, True), (100, False)]


def test_a_page_of_the_inventory_stays_below_its_bytes():
    talk = Conversation()
    talk.to_welcome()
    talk.server_heard.clear()

    talk.agent.inventory([item(n, occ="S:" + "夜" * 52) for n in range(1_000)], more=True)
    talk.carry()

    assert not talk.server.closed
    assert sum(len(page.items) for page in talk.server_heard) == 1_000
    assert all(page.more for page in talk.server_heard)


def test_nothing_is_ordered_before_the_agent_has_told_all():
    talk = Conversation()
    talk.to_welcome()
    assert talk.server.dispatch_room == 0

    for order in (
        lambda: dispatch(talk.server),
        lambda: talk.server.kill(WORK, how="signal"),
        lambda: talk.server.cancel(WORK),
        talk.server.query,
    ):
        with pytest.raises(LocalProtocolError, match="not in state syncing"):
            order()


@pytest.mark.parametrize("order", ["dispatch", "kill", "cancel"])
def test_an_agent_closes_when_it_is_ordered_about_too_early(order):
    talk = Conversation()
    talk.to_welcome()
    talk.server.state = "up"

    if order == "dispatch":
        dispatch(talk.server)
    elif order == "kill":
        talk.server.kill(WORK, how="signal")
    else:
        talk.server.cancel(WORK)
    talk.carry()

    assert talk.agent_heard[-1] == Closed("state", f"{order} may not come in state syncing", by_us=True)


def test_synced_must_name_the_last_event():
    talk = Conversation()
    talk.to_welcome()
    talk.agent.events([event(1)])

    with pytest.raises(LocalProtocolError, match="synced at 0"):
        talk.agent.synced(0)
    talk.agent._sent_event = 0
    talk.agent.synced(0)
    talk.carry()

    assert talk.server_heard[-1] == Closed("state", "synced at 0, but the last event was 1", by_us=True)
