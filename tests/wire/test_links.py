"""What the two links promise each other about who they are, and about the end of a session, spoken in memory."""

import pytest

from jaz_lite.errors import LocalProtocolError
from jaz_lite.wire import limits
from jaz_lite.wire import messages as m
from jaz_lite.wire.happenings import (
    AgentEvents,
    Beat,
    Challenged,
    Closed,
    Deposed,
    Identified,
    InventoryPage,
    ProbeAnswered,
    Synced,
    Welcomed,
)
from tests.wire.conversation import (
    ACT,
    KEY,
    SPOOL,
    TERM,
    TICKET,
    Conversation,
    agent,
    agent_link,
    dispatch,
    event,
    item,
    server_link,
    split_at_random,
)

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
def test_an_agent_that_knows_another_master_deposes_even_where_it_takes_the_challenge(term, act):
    talk = Conversation(agent=agent_link(term=term, act=act, ticket=b"t" * 32))

    talk.carry()
    talk.agent.accept_term()
    talk.carry()

    assert talk.server_heard == [Deposed("web01", term, act, b"t" * 32)]
    talk.server.bye("deposed", "replaced", addrs=["b.example:11061"])
    talk.carry()
    assert talk.agent_heard[-1] == Closed("deposed", "replaced", by_us=False, addrs=("b.example:11061",))


@pytest.mark.parametrize(
    ("term", "act"),
    [(0, b""), (TERM - 1, b"act-0002"), (TERM, ACT), (TERM, b"act-0000")],
    ids=["new", "old", "same", "lesser twin"],
)  # fmt: skip
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


def test_a_session_ends_with_stale_when_the_agent_has_met_a_higher_term():
    talk = Conversation()
    talk.to_welcome()

    talk.agent.stale(term=TERM + 1, act=b"act-0009", ticket=b"t" * 32, addrs=["b:1"])
    talk.carry()

    assert talk.server_heard[-1] == Deposed("", TERM + 1, b"act-0009", b"t" * 32, ("b:1",), 0)


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
        ProbeAnswered("web01", TERM + 5, b"act-0005", TICKET, 2, spool=SPOOL),
        Closed("probed", "the probe was answered", by_us=True),
    ]


# ---- time


def test_an_idle_session_lives_on_heartbeats():
    talk = Conversation().up()
    talk.carry()

    for _ in range(20):
        talk.now = min(talk.server.deadline, talk.agent.deadline)
        talk.server_heard += talk.server.tick(talk.now)
        talk.agent_heard += talk.agent.tick(talk.now)
        talk.carry()

    assert talk.server_heard == []
    assert set(talk.agent_heard) == {Beat()}
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
