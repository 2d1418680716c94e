"""The conversation in which a program becomes an agent, spoken in memory: what each end proves, and every way out."""

import random

import pytest

from jaz_lite.wire import enrol_messages as e
from jaz_lite.wire import limits
from jaz_lite.wire import messages as m
from jaz_lite.wire.enrol import (
    REFUSALS,
    EnrolAsked,
    EnrolConfirmed,
    Enrolled,
    EnrolPending,
    EnrolProven,
    asking_key,
    begins_enrolment,
)
from jaz_lite.wire.frames import frame, pack
from jaz_lite.wire.happenings import Closed
from tests.wire.conversation import Conversation, agent_link, server_link, split_at_random
from tests.wire.enrolling import (
    CERT,
    ENROLMENT,
    NONCE,
    TOKEN_KEY,
    enrol_agent,
    enrol_server,
    request,
    to_asked,
    to_proven,
)


def begun(cut=lambda data: (data,), **changes):
    return Conversation(enrol_server(), enrol_agent(**changes), cut)


@pytest.mark.parametrize("seed", range(5))
def test_two_ends_that_know_the_secret_enrol_however_the_bytes_are_split(seed):
    talk = to_proven(begun(split_at_random(seed)))

    talk.server.give(ENROLMENT)
    talk.carry()
    assert talk.agent_heard == [Enrolled(ENROLMENT)]
    talk.agent.confirm()
    talk.carry()

    asked = request()
    ended = Closed("enrolled", "the agent is enrolled", by_us=True)
    assert talk.server_heard == [EnrolAsked(asked), EnrolProven(asked), EnrolConfirmed(asked), ended]
    assert talk.agent.tick(0.0) == [ended]


def test_the_first_bytes_tell_an_enrolment_from_a_session():
    assert begins_enrolment(enrol_agent().take())
    assert not begins_enrolment(agent_link().take())
    assert not begins_enrolment(b"\0" * 10)


def test_a_server_of_sessions_takes_no_enrolment():
    link = server_link()

    (closed,) = link.receive(enrol_agent().take(), 0.0)

    assert (closed.code, closed.by_us) == ("state", True)


def test_a_wrong_secret_and_an_unknown_invitation_are_refused_alike():
    said = []
    for known, key in ((TOKEN_KEY, b"x" * 32), (None, TOKEN_KEY)):
        talk = to_asked(begun(key=key))
        talk.server.challenge(known)
        talk.carry()
        said.append(talk.agent_heard)
        assert talk.server_heard[-1] == Closed("auth", "not accepted", by_us=True)

    assert said[0] == said[1] == [Closed("auth", "not accepted", by_us=False)]


def test_a_server_that_does_not_know_the_secret_gives_nothing_that_is_taken():
    talk = to_asked(begun())
    talk.server.challenge(b"x" * 32)
    talk.agent.receive(talk.server.take(), 0.0)
    talk.server.state = "proven"  # an impostor does not care whether the agent's proof is right
    talk.server.give(ENROLMENT)
    talk.agent_heard += talk.agent.receive(talk.server.take(), 0.0)

    assert [one.code for one in talk.agent_heard] == ["auth"]


def test_a_proof_made_for_another_certificate_is_refused():
    """Somebody in the middle, with a certificate of his own, passes everything on."""
    talk = to_asked(begun(cert_sha256=b"m" * 32))

    talk.server.challenge(TOKEN_KEY)
    talk.carry()

    assert talk.agent_heard == [Closed("auth", "not accepted", by_us=False)]


@pytest.mark.parametrize("change", [{"cert": CERT + b"x"}, {"site_uid": b"another-site-uid"}], ids=["cert", "site"])
def test_an_enrolment_that_does_not_fit_what_was_shown_is_refused(change):
    from dataclasses import replace

    talk = to_proven(begun())
    talk.server.give(replace(ENROLMENT, **change))
    talk.carry()

    assert [one.code for one in talk.agent_heard] == ["auth"]


@pytest.mark.parametrize("code", REFUSALS)
def test_a_refusal_says_why(code):
    talk = to_proven(begun())

    talk.server.refuse(code, "because")
    talk.carry()

    assert talk.agent_heard == [Closed(code, "because", by_us=False)]


def test_without_a_token_a_person_has_to_decide_and_then_the_nonce_proves_who_asked():
    waiting = to_asked(begun(token_id=b"", key=asking_key(NONCE)))
    waiting.server.pending(7)
    waiting.carry()
    assert waiting.agent_heard == [EnrolPending(7), Closed("pending", "a person has to decide", by_us=True)]

    again = to_asked(begun(token_id=b"", key=asking_key(NONCE)))
    assert again.server_heard == [EnrolAsked(request(token_id=b""))]
    again.server.challenge(asking_key(NONCE))
    again.carry()
    again.server.give(ENROLMENT)
    again.carry()
    assert again.agent_heard == [Enrolled(ENROLMENT)]


def test_versions_without_a_common_one_are_told():
    link = enrol_server()
    body = {"proto": [7, 9], "na": NONCE, "sw": "", "os": "", "arch": ""}

    (closed,) = link.receive(frame(pack([e.ENROLL, 0, body])), 0.0)

    assert closed.code == "version"
    assert "7 to 9" in closed.msg


def test_an_end_that_says_nothing_is_given_up():
    for link in (enrol_server(), enrol_agent()):
        assert link.tick(limits.HANDSHAKE_STEP_S - 0.1) == []
        (closed,) = link.tick(limits.HANDSHAKE_STEP_S)
        assert closed.code == "timeout"
    slow = to_proven(begun())
    (closed,) = slow.server.tick(limits.HANDSHAKE_S)
    assert closed.code == "timeout"


def test_a_frame_longer_than_before_a_welcome_is_refused_at_its_length():
    for link in (enrol_server(), enrol_agent()):
        (closed,) = link.receive((limits.FRAME_BYTES_MAX_BEFORE_WELCOME + 1).to_bytes(4, "big"), 0.0)
        assert closed.code == "frame"


def test_the_largest_enrolment_fits_into_a_frame():
    from dataclasses import replace
    from hashlib import sha256

    cert = bytes(2_048)
    big = replace(
        ENROLMENT, agent_id="a" * 64, cert=cert, server_id="s" * 64, peers=tuple(f"{n}" + "x" * 127 for n in range(8))
    )
    shown = sha256(cert).digest()
    talk = to_proven(Conversation(enrol_server(cert_sha256=shown), enrol_agent(cert_sha256=shown)))

    talk.server.give(big)
    talk.carry()

    assert talk.agent_heard == [Enrolled(big)]


@pytest.mark.parametrize("seed", range(200))
def test_any_bytes_end_the_conversation_in_good_order(seed):
    chance = random.Random(seed)
    for make in (enrol_server, enrol_agent):
        link = make()
        link.take()
        number = chance.choice((*range(96, 102), m.ERROR, m.BYE, m.HELLO, 129, 200))
        keys = ("proto", "na", "token", "agent", "mac", "ns", "site_uid", "server", "retry", "sw", "os", "arch")
        values = (1, -1, "x", b"x" * 32, b"x" * 6, [1, 1], None, True, {"a": 1}, b"x" * 16)
        body = {key: chance.choice(values) for key in keys if chance.random() < 0.7}
        found = link.receive(frame(pack([number, 0, body])) + chance.randbytes(40), 0.0)
        assert all(isinstance(one, (Closed, EnrolAsked, EnrolPending)) for one in found)
        link.take()
        link.tick(100.0)
        assert link.closed
