"""What the two links promise each other and their callers, spoken in memory."""

import pytest

from jaz_lite.errors import LocalProtocolError
from jaz_lite.wire import ident, limits
from jaz_lite.wire import messages as m
from jaz_lite.wire.happenings import (
    Acked,
    AgentEvents,
    CancelAsked,
    Challenged,
    Closed,
    ConfigChanged,
    Deposed,
    Dispatched,
    Drained,
    Identified,
    InventoryItem,
    InventoryPage,
    KillAsked,
    Output,
    OutputAcked,
    OutputAsked,
    ProbeAnswered,
    Queried,
    RefusedWork,
    Synced,
    Welcomed,
    WorkState,
)
from tests.wire.conversation import (
    ACT,
    KEY,
    SPOOL,
    TERM,
    TICKET,
    WORK,
    Conversation,
    agent,
    agent_link,
    dispatch,
    event,
    server_link,
    split_at_random,
)


def item(number: int, occ: str = "M:1") -> InventoryItem:
    return InventoryItem(number.to_bytes(16, "big"), "done", number, b"d" * 8, occ, "/job#1", 1, 5)


# ---- handshake


@pytest.mark.parametrize("seed", range(5))
def test_two_ends_that_know_the_key_come_up_however_the_bytes_are_split(seed):
    talk = Conversation(cut=split_at_random(seed))

    talk.carry()
    talk.agent.accept_term()
    talk.carry()
    talk.server.welcome(
        ticket=TICKET, spool=SPOOL, cursor=0, chain=bytes(16), peers=["b.example:11061"], drain=True, cfg={"x": 1}
    )
    talk.carry()
    talk.agent.events([event(1), event(2)])
    talk.agent.inventory([item(1)])
    talk.agent.synced(2)
    talk.carry()

    identified, events, page, synced = talk.server_heard
    assert isinstance(identified, Identified)
    assert (identified.hello.agent_id, identified.hello.kid) == ("web01", 7)
    assert identified.hello.facts.spool == SPOOL
    assert identified.hello.facts.par == 4
    assert isinstance(events, AgentEvents)
    assert [one.n for one in events.events] == [1, 2]
    assert page == InventoryPage([item(1)], more=False)
    assert synced == Synced(2)
    challenged, welcomed = talk.agent_heard
    assert challenged == Challenged(TERM, ACT, "SITE", probe=False)
    assert isinstance(welcomed, Welcomed)
    assert (welcomed.ticket, welcomed.peers, welcomed.drain, welcomed.cfg) == (
        TICKET,
        ("b.example:11061",),
        True,
        {"x": 1},
    )
    assert (talk.server.state, talk.agent.state) == ("up", "up")


def test_a_wrong_key_and_an_unknown_name_get_the_same_answer():
    answers = []
    for identity in (agent(key=b"x" * 32), agent(agent_id="nobody"), agent(kid=8)):
        talk = Conversation(agent=agent_link(identity=identity))
        talk.carry()
        talk.agent.accept_term()
        talk.carry()
        assert talk.server_heard == [Closed("auth", "not accepted", by_us=True)]
        answers.append(talk.agent_heard[-1])

    assert set(answers) == {Closed("auth", "not accepted", by_us=False)}


def test_an_agent_does_not_follow_a_server_that_cannot_prove_to_know_its_key():
    talk = Conversation()
    talk.carry()
    talk.agent.accept_term()
    talk.carry()
    talk.server._key = b"x" * 32
    talk.server.welcome(ticket=TICKET, spool=SPOOL, cursor=0, chain=bytes(16))
    talk.carry()

    assert talk.agent_heard[-1] == Closed("auth", "the server does not know this agent's key", by_us=True)
    assert talk.agent.closed


def test_a_session_over_another_certificate_is_not_accepted():
    talk = Conversation(server=server_link(cert_sha256=b"m" * 32))

    talk.carry()
    talk.agent.accept_term()
    talk.carry()

    assert talk.server_heard == [Closed("auth", "not accepted", by_us=True)]


def test_a_server_of_another_site_hears_nothing_more_than_hello():
    talk = Conversation(server=server_link(site_uid=b"z" * 16))

    talk.carry()

    assert talk.server_heard == [Closed("site", "this server is of another site", by_us=True)]
    assert talk.agent_heard == [Closed("site", "this server is of another site", by_us=False)]


def test_an_agent_refuses_the_challenge_of_another_site():
    other = server_link(site_uid=b"z" * 16)
    hello = agent_link(identity=agent(site_uid=b"z" * 16)).take()
    link = agent_link()
    other.receive(hello, 0.0)

    heard = link.receive(other.take(), 0.0)

    assert heard == [Closed("site", "this agent belongs to another site", by_us=True)]


def test_a_recorded_handshake_does_not_open_a_second_session():
    recorded = []
    talk = Conversation(cut=lambda data: recorded.append(data) or (data,))
    talk.carry()
    hello = recorded[0]
    talk.agent.accept_term()
    auth = talk.agent.take()
    again = server_link()
    again._nonce = b"T" * 32

    assert again.receive(hello, 0.0) == []
    heard = again.receive(auth, 0.0)

    assert heard == [Closed("auth", "not accepted", by_us=True)]


def test_versions_without_a_common_one_part_with_both_ranges_named(monkeypatch):
    monkeypatch.setattr(limits, "PROTO_MIN", 2)
    monkeypatch.setattr(limits, "PROTO_MAX", 3)
    hello = agent_link().take()
    monkeypatch.undo()
    link = server_link()

    heard = link.receive(hello, 0.0)

    assert heard == [Closed("version", "the server speaks versions 1 to 1, the agent 2 to 3", by_us=True)]


def test_the_highest_common_version_is_chosen(monkeypatch):
    monkeypatch.setattr(limits, "PROTO_MAX", 9)
    talk = Conversation()
    monkeypatch.setattr(limits, "PROTO_MAX", 4)
    talk.server.receive(talk.agent.take(), 0.0)
    monkeypatch.undo()

    assert talk.server.take()[5:].find(b"\xa5proto\x04") > 0


# ---- terms


@pytest.mark.parametrize(("term", "act"), [(TERM + 1, ACT), (TERM, b"act-0002")], ids=["higher", "twin"])
def test_a_hello_that_knows_another_master_deposes_and_is_not_answered(term, act):
    talk = Conversation(agent=agent_link(term=term, act=act, ticket=b"t" * 32))

    talk.carry()

    assert talk.server_heard == [Deposed("web01", term, act, b"t" * 32)]
    assert talk.agent_heard == []
    talk.server.bye("deposed", "replaced", addrs=["b.example:11061"])
    talk.carry()
    assert talk.agent_heard == [Closed("deposed", "replaced", by_us=False, addrs=("b.example:11061",))]


@pytest.mark.parametrize(("term", "act"), [(0, b""), (TERM - 1, b"act-0002"), (TERM, ACT)], ids=["new", "old", "same"])
def test_a_hello_that_knows_no_higher_term_is_challenged(term, act):
    talk = Conversation(agent=agent_link(term=term, act=act, ticket=b"t" * 32))

    talk.carry()

    assert isinstance(talk.agent_heard[0], Challenged)


def test_stale_brings_ticket_and_addresses_to_the_old_server():
    talk = Conversation()
    talk.carry()

    talk.agent.stale(term=TERM + 1, act=b"act-0009", ticket=b"t" * 32, addrs=["b:1"], live_s=4)
    talk.carry()

    assert talk.server_heard == [Deposed("web01", TERM + 1, b"act-0009", b"t" * 32, ("b:1",), 4)]
    assert talk.agent.tick(0.0) == [Closed("stale", "the server's term is not the highest known", by_us=True)]


def test_a_stale_with_a_term_that_is_not_higher_deposes_nobody():
    talk = Conversation()
    talk.carry()

    talk.agent.stale(term=TERM - 1, act=b"act-0009", ticket=b"t" * 32)
    talk.carry()

    assert talk.server_heard == [Closed("state", "stale, but with a term that is not above ours", by_us=True)]


def test_a_probe_is_answered_and_leaves_no_session():
    talk = Conversation(
        server=server_link(probe=True), agent=agent_link(term=TERM + 5, act=b"act-0005"[:8], ticket=TICKET)
    )
    talk.carry()
    assert talk.agent_heard == [Challenged(TERM, ACT, "SITE", probe=True)]

    with pytest.raises(LocalProtocolError):
        talk.agent.accept_term()
    talk.agent.probe_answer(term=TERM + 5, act=b"act-0005", ticket=TICKET, live_s=2)
    talk.carry()

    assert talk.server_heard == [
        ProbeAnswered("web01", TERM + 5, b"act-0005", TICKET, 2),
        Closed("probed", "the probe was answered", by_us=True),
    ]


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


# ---- time


def test_an_idle_session_lives_on_heartbeats():
    talk = Conversation().up()
    talk.carry()

    for _ in range(20):
        talk.now = min(talk.server.deadline, talk.agent.deadline)
        talk.server_heard += talk.server.tick(talk.now)
        talk.agent_heard += talk.agent.tick(talk.now)
        talk.carry()

    assert talk.server_heard == talk.agent_heard == []
    assert talk.now >= 100


def test_a_silent_peer_is_given_up_after_three_heartbeats():
    talk = Conversation().up()

    heard = [talk.server.tick(now) for now in (10.0, 20.0, 29.9, 30.0)]

    assert heard == [[], [], [], [Closed("silent", "nothing heard for 30 s", by_us=True)]]


def test_a_peer_is_not_given_up_while_nobody_reads():
    talk = Conversation().up()

    talk.server.heard(29.0)

    assert talk.server.tick(31.0) == []
    assert talk.server.tick(59.0)


def test_the_server_sets_the_heartbeat():
    talk = Conversation()
    talk.to_welcome(hb_s=3)

    assert talk.agent.deadline == talk.server.deadline == 3.0


@pytest.mark.parametrize("link", [server_link(), agent_link()], ids=["server", "agent"])
def test_a_peer_that_does_not_speak_loses_the_handshake(link):
    assert link.deadline == 10.0
    assert link.tick(9.9) == []

    (closed,) = link.tick(10.0)

    assert (closed.code, closed.by_us) == ("timeout", True)


def test_the_whole_handshake_has_twenty_seconds():
    talk = Conversation()
    talk.carry()
    assert talk.agent.deadline == 20.0  # our own decision is not the peer's delay

    talk.now = 9.0
    talk.agent.receive(b"", talk.now)
    talk.server.receive(agent_link().take()[:1], talk.now)
    assert talk.server.deadline == 10.0


def test_only_the_last_of_many_pings_is_answered():
    talk = Conversation().up()
    for number in range(1_000):
        talk.agent._send(m.PING, {"n": number})
    talk.server.receive(talk.agent.take(), 0.0)

    assert len(talk.server.take()) < 20


# ---- the end


def test_closed_is_told_once_and_last():
    talk = Conversation().up()

    talk.server.bye("shutdown", "maintenance", retry_s=30)
    dispatch(talk.server)
    talk.server.bye("shutdown")
    talk.carry()

    assert talk.server.tick(0.0) == [Closed("shutdown", "maintenance", by_us=True)]
    assert talk.agent_heard == [Closed("shutdown", "maintenance", by_us=False, retry_s=30)]
    assert talk.server.receive(b"rubbish", 0.0) == talk.server.tick(99.0) == []
    assert talk.server.take() == talk.agent.take() == b""
    assert talk.server.deadline == talk.agent.deadline == float("inf")


def test_the_end_of_the_connection_is_told():
    talk = Conversation().up()

    assert talk.agent.receive(b"", 0.0) == [Closed("eof", "the connection ended", by_us=False)]


def test_what_only_the_caller_can_see_is_said_as_an_error():
    talk = Conversation().up()

    talk.agent.error("schema", "spec of kind cmd: neither argv nor script")
    talk.carry()

    assert talk.server_heard == [Closed("schema", "spec of kind cmd: neither argv nor script", by_us=False)]


def test_the_key_is_in_no_frame():
    said = []
    talk = Conversation(cut=lambda data: said.append(data) or (data,))
    talk.to_welcome()

    assert KEY not in b"".join(said)
