"""T1, T2, T3, T4, T5: peers who are not who they say, or who say again what others said. Links in memory."""

from typing import Any

import pytest

from jaz_lite.runner.port import Port
from jaz_lite.wire import file_messages as f
from jaz_lite.wire import ident
from jaz_lite.wire import messages as m
from jaz_lite.wire.agent_core import AgentLink
from jaz_lite.wire.frames import frame, pack
from jaz_lite.wire.happenings import Challenged, Closed, Deposed, Identified, Welcomed
from jaz_lite.wire.identities import AgentIdentity, HelloFacts, SiteIdentity
from jaz_lite.wire.link import Link
from jaz_lite.wire.server_core import ServerLink
from tests.unit.runner.site import Site, chained, job
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
    facts,
    site,
)

OTHER_KEY = b"x" * 32


def closed(heard: list[Any]) -> Closed:
    assert isinstance(heard[-1], Closed), heard
    return heard[-1]


def raw(link: Link, number: int, body: dict[str, Any]) -> bytes:
    """Return a frame as the link expects the next one, whatever is in it."""
    return frame(pack([number, link._seq_in, body]))


# ---- T1: a stranger commands an agent


def test_a_server_that_knows_the_certificate_but_not_the_agents_key_is_left() -> None:
    talk = Conversation(agent=agent_link(identity=agent(key=OTHER_KEY)))
    talk.carry()
    talk.agent.accept_term()
    talk.agent.take()
    # It has the site's certificate and its key file, and so the transcript; it lacks the agent's key.
    mac = ident.server_mac(KEY, talk.agent._transcript)
    welcome = {
        "mac": mac, "ticket": TICKET, "spool": SPOOL, "cursor": 0, "chain": bytes(16), "peers": [], "hb": 10,
        "limits": {}, "cfg": {}, "drain": False, "wall": 0,
    }  # fmt: skip

    heard = talk.agent.receive(raw(talk.agent, m.WELCOME, welcome), 1.0)

    assert closed(heard).code == "auth"
    assert not any(isinstance(one, Welcomed) for one in heard)


def test_a_proof_for_one_certificate_is_worth_nothing_with_another() -> None:
    """Who sits in the middle with a certificate of his own cannot pass the proofs on."""
    talk = Conversation(agent=agent_link(identity=agent(pin_sha256=b"q" * 32)))
    talk.carry()
    talk.agent.accept_term()
    talk.carry()

    assert closed(talk.server_heard).code == "auth"
    assert not any(isinstance(one, Identified) for one in talk.server_heard)


def test_a_server_of_another_site_is_left_before_any_proof() -> None:
    link = agent_link()
    link.take()
    challenge = {"proto": 1, "site_uid": b"x" * 16, "server": "SITE", "term": TERM, "act": ACT, "ns": bytes(32)}

    heard = link.receive(raw(link, m.CHALLENGE, challenge), 1.0)

    assert closed(heard).code == "site"


@pytest.mark.parametrize("state", ["challenge", "deciding", "welcome", "syncing"])
@pytest.mark.parametrize("order", [m.DISPATCH, m.KILL, m.CANCEL, f.F_OPEN, m.BLOB])
def test_work_that_is_ordered_before_the_agent_was_synced_is_not_heard(state: str, order: int) -> None:
    talk = Conversation()
    if state == "syncing":
        talk.to_welcome()
    elif state != "challenge":
        talk.carry()
        if state == "welcome":
            talk.agent.accept_term()
    talk.agent.take()
    assert talk.agent.state == state

    heard = talk.agent.receive(raw(talk.agent, order, {"k": WORK}), 1.0)

    assert closed(heard).code == "state"
    assert len(heard) == 1


# ---- T2: a stranger poses as an agent


@pytest.mark.parametrize(
    "changes",
    [{"key": OTHER_KEY}, {"agent_id": "nobody"}, {"kid": 8}, {"agent_id": "nobody", "key": OTHER_KEY}],
    ids=["wrong key", "unknown name", "withdrawn key", "unknown name and key"],
)
def test_who_cannot_prove_to_be_an_agent_learns_nothing(changes: dict[str, Any]) -> None:
    talk = Conversation(agent=agent_link(identity=agent(**changes)))

    talk.carry()
    talk.agent.accept_term()
    talk.carry()

    # The same answer to all of them: nobody can find out which names exist.
    assert closed(talk.server_heard) == Closed("auth", "not accepted", by_us=True)
    assert closed(talk.agent_heard) == Closed("auth", "not accepted", by_us=False)


def test_an_agent_of_another_site_is_shown_out_at_once() -> None:
    talk = Conversation(agent=agent_link(identity=agent(site_uid=b"x" * 16)))

    talk.carry()

    assert closed(talk.server_heard).code == "site"
    assert not any(isinstance(one, Challenged) for one in talk.agent_heard)


# ---- T3: what was recorded is said again


def recorded() -> tuple[bytes, bytes, bytes, bytes]:
    """Return hello, challenge, auth and welcome of a good handshake, as bytes on the line."""
    talk = Conversation()
    hello = talk.agent.take()
    talk.server.receive(hello, 0.0)
    challenge = talk.server.take()
    talk.agent.receive(challenge, 0.0)
    talk.agent.accept_term()
    auth = talk.agent.take()
    talk.server.receive(auth, 0.0)
    talk.server.welcome(ticket=TICKET, spool=SPOOL, cursor=0, chain=bytes(16))
    return hello, challenge, auth, talk.server.take()


def test_an_agents_recorded_handshake_opens_no_second_session() -> None:
    hello, _, auth, _ = recorded()
    fresh = ServerLink(site(), nonce=b"other nonce".ljust(32), now=0.0, find_agent=lambda *_: KEY)

    heard = fresh.receive(hello, 0.0) + fresh.receive(auth, 0.0)

    assert closed(heard).code == "auth"


def test_a_servers_recorded_handshake_opens_no_second_session() -> None:
    _, challenge, _, welcome = recorded()
    fresh = AgentLink(agent(), facts(), nonce=b"other nonce".ljust(32), now=0.0)
    fresh.take()

    fresh.receive(challenge, 0.0)
    fresh.accept_term()
    heard = fresh.receive(welcome, 0.0)

    assert closed(heard).code == "auth"


def test_a_frame_of_a_session_said_twice_ends_it() -> None:
    talk = Conversation().up()
    dispatch(talk.server)
    order = talk.server.take()

    heard = talk.agent.receive(order, 1.0) + talk.agent.receive(order, 1.0)

    assert closed(heard).code == "seq"


# ---- T4 and T5: terms


def test_a_stale_with_a_term_that_is_not_above_ours_is_a_lie() -> None:
    talk = Conversation()
    talk.carry()
    lie = {"term": TERM, "act": ACT, "ticket": TICKET, "addrs": [], "live": 0}

    heard = talk.server.receive(raw(talk.server, m.STALE, lie), 1.0)

    assert closed(heard).code == "state"
    assert not any(isinstance(one, Deposed) for one in heard)


@pytest.fixture
def served(tmp_path: Any) -> Any:
    made = Site(tmp_path / "data", agents=("a1", "a2"))
    yield made
    made.close()


def claim(served: Site, how: str, *, ticket: bytes, term: int) -> None:
    """Let somebody who calls himself a1 claim a higher term, in hello or in stale."""
    known: SiteIdentity = served.identity
    identity = AgentIdentity(agent_id="a1", kid=1, key=OTHER_KEY, site_uid=known.site_uid, pin_sha256=known.cert_sha256)
    told = {"term": term, "act": b"act-evil", "ticket": ticket} if how == "hello" else {}
    link = AgentLink(identity, HelloFacts(spool=SPOOL, boot=SPOOL, **told), nonce=bytes(32), now=0.0)  # type: ignore[arg-type]
    server = ServerLink(known, nonce=bytes(32), now=0.0, find_agent=lambda *_: None)
    port = Port(server, flush=lambda: None, close=lambda: None, greet=lambda *_: None)
    served.links.happened(port, server.receive(link.take(), 0.0))
    link.receive(server.take(), 0.0)
    if how == "stale":
        link.stale(term=term, act=b"act-evil", ticket=ticket)
    else:
        link.accept_term()
    served.links.happened(port, server.receive(link.take(), 0.0))
    served.settle()


@pytest.mark.parametrize("how", ["hello", "stale"])
def test_a_forged_higher_term_deposes_nobody_and_is_told_to_people(served: Site, how: str) -> None:
    served.agents["a1"].connect()
    run_id = served.start(chained("NIGHT", job("z")))

    claim(served, how, ticket=bytes(32), term=served.identity.term + 1)

    assert served.fenced == []
    assert "agent_forged_term" in served.journal_kinds()
    with served.store.snapshot() as view:
        row = view.agents.find("a1")
    assert row is not None
    assert row.forged_ms == served.clock.now_ms()
    # Whoever said so had proved nothing; the agent whose name he used goes on.
    served.agents["a1"].ends("z")
    assert served.run(run_id).state == "ended"


def test_a_crowd_of_forgers_fills_no_journal(served: Site) -> None:
    for term in range(1, 200):
        claim(served, "hello", ticket=bytes(32), term=served.identity.term + term)

    assert served.journal_kinds().count("agent_forged_term") == 1
    served.pass_time(3_601)
    claim(served, "hello", ticket=bytes(32), term=served.identity.term + 1)
    assert served.journal_kinds().count("agent_forged_term") == 2


@pytest.mark.parametrize("how", ["hello", "stale"])
def test_a_higher_term_with_the_ticket_of_this_site_fences_the_server(served: Site, how: str) -> None:
    term = served.identity.term + 1
    proof = ident.ticket(served.store.keys.fence_key, served.identity.site_uid, term, b"act-evil")

    claim(served, how, ticket=proof, term=term)

    assert len(served.fenced) == 1
