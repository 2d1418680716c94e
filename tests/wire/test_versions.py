"""Two ends of different ages: ranges of versions, features, and what the other one has never heard of."""

import pytest

from jaz_lite.wire import limits
from jaz_lite.wire import messages as m
from jaz_lite.wire.frames import frame, pack, unpack_frame
from jaz_lite.wire.happenings import Closed, Identified, Welcomed
from tests.wire.conversation import Conversation, agent_link, server_link


def speaking(monkeypatch: pytest.MonkeyPatch, lowest: int, highest: int) -> bytes:
    """Return the hello of an agent that speaks these versions."""
    with monkeypatch.context() as its_age:
        its_age.setattr(limits, "PROTO_MIN", lowest)
        its_age.setattr(limits, "PROTO_MAX", highest)
        return agent_link().take()


def chosen(answer: bytes) -> int:
    _, _, body = unpack_frame(answer[limits.LENGTH_BYTES :])
    found = body["proto"]
    assert isinstance(found, int)
    return found


@pytest.mark.parametrize(("lowest", "highest", "spoken"), [(1, 1, 1), (1, 4, 3), (2, 3, 3), (3, 9, 3)])
def test_the_highest_version_that_both_speak_is_chosen(
    monkeypatch: pytest.MonkeyPatch, lowest: int, highest: int, spoken: int
) -> None:
    hello = speaking(monkeypatch, lowest, highest)
    monkeypatch.setattr(limits, "PROTO_MAX", 3)
    server = server_link()

    assert server.receive(hello, 0.0) == []

    assert chosen(server.take()) == spoken


@pytest.mark.parametrize(("lowest", "highest"), [(4, 5), (9, 9)])
def test_an_agent_that_is_too_new_is_told_both_ranges(
    monkeypatch: pytest.MonkeyPatch, lowest: int, highest: int
) -> None:
    hello = speaking(monkeypatch, lowest, highest)
    monkeypatch.setattr(limits, "PROTO_MAX", 3)
    server = server_link()

    (closed,) = server.receive(hello, 0.0)

    assert isinstance(closed, Closed)
    assert closed.code == "version"
    assert closed.msg == f"the server speaks versions 1 to 3, the agent {lowest} to {highest}"


def older(body: dict[str, object]) -> dict[str, object]:
    """Return a hello as an agent of two minor releases ago said it: without what was added since."""
    kept = {name: value for name, value in body.items() if name not in ("low_chain", "act", "ticket")}
    return kept | {"feats": [], "cap": {"par": 4, "queue": 10}}


def newer(body: dict[str, object]) -> dict[str, object]:
    """Return a hello as an agent of two minor releases to come may say it."""
    cap = body["cap"]
    assert isinstance(cap, dict)
    return body | {"feats": ["files", "zstd"], "cap": {**cap, "gpus": 2, "zone": "b"}, "mood": "good", "more": [1, {}]}


@pytest.mark.parametrize("changed", [older, newer])
def test_an_agent_two_minor_releases_apart_is_understood(changed) -> None:
    talk = Conversation()
    number, seq, body = unpack_frame(talk.agent.take()[limits.LENGTH_BYTES :])
    assert number == m.HELLO
    payload = pack([number, seq, changed(body)])
    talk.agent._hello = payload  # the hash of the handshake is over the bytes that were sent

    talk.server.receive(frame(payload), 0.0)
    challenge = talk.server.take()
    talk.agent.receive(challenge, 0.0)
    talk.agent.accept_term()
    (identified,) = talk.server.receive(talk.agent.take(), 0.0)

    assert isinstance(identified, Identified)
    facts = identified.hello.facts
    assert set(facts.feats) & set(limits.FEATURES) == (set() if changed is older else {"files"})
    assert facts.low_chain == bytes(16)
    talk.server.welcome(ticket=bytes(32), spool=b"s" * 16, cursor=0, chain=bytes(16), cfg={"later": {"on": True}})
    (welcomed,) = talk.agent.receive(talk.server.take(), 0.0)
    assert isinstance(welcomed, Welcomed)
