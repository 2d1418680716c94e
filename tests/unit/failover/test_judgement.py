"""May a copy take over? The table of answers, then every mixture of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaz_lite.failover.judgement import (
    Again,
    AgentSaid,
    Ask,
    Go,
    Refuse,
    ServerSaid,
    is_set_back,
    judge,
    names,
    replaced_by,
    rival,
)
from jaz_lite.wire.ident import term_of
from jaz_lite.wire.limits import EPOCH_MAX

OWN = term_of(4, 7)
ACT = b"this-one"
LATER = b"this-two"  # of a later start of the same directory
TWIN = b"twin-one"  # of a copy that was activated apart from it; higher than both
LOWER_TWIN = b"copy-one"


def agent(name: str = "web01", **said: object) -> AgentSaid:
    known = {"agent_id": name, "term": OWN, "act": ACT, "proven": True, "silent_s": 3_600, "in_session": False}
    return AgentSaid(**(known | said))  # type: ignore[arg-type]


def server(**said: object) -> ServerSaid:
    known = {"address": "b:11061", "state": "standby", "term": OWN, "act": ACT, "proven": True}
    return ServerSaid(**(known | said))  # type: ignore[arg-type]


def test_a_copy_whose_agents_hear_no_server_begins_the_next_epoch() -> None:
    assert judge(OWN, [agent()], []) == Go(5)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (agent(term=term_of(4, 8), act=LATER), True),
        (agent(), False),
        (agent(act=LATER), True),
        (agent(term=term_of(4, 6), act=LATER), False),
        (agent(term=term_of(5, 0), act=TWIN), False),
        (agent(term=term_of(4, 8), act=LOWER_TWIN), False),
        (agent(term=term_of(4, 8), act=LATER, proven=False), False),
    ],
    ids=[
        "a later start", "the last one", "another one of that number", "an earlier one", "a server that took over",
        "a copy that began the epoch apart", "without proof",
    ],
)  # fmt: skip
def test_a_directory_was_set_back_where_an_agent_knows_a_start_that_it_does_not(
    said: AgentSaid, expected: bool
) -> None:
    assert is_set_back(OWN, ACT, [agent("web02"), said], 5.0) is expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (agent(ahead=True), True),
        (agent(ahead=True, term=term_of(4, 6), act=LATER), True),
        (agent(ahead=True, term=term_of(3, 6), act=LOWER_TWIN), False),
        (agent(ahead=True, proven=False), False),
        (agent(heard_s=60), True),
        (agent(heard_s=69), True),
        (agent(heard_s=70), False),
        (agent(heard_s=None, silent_s=0), False),
        (agent(heard_s=60, term=term_of(3, 6), act=LOWER_TWIN), False),
        (agent(heard_s=60, proven=False), False),
    ],
    ids=[
        "events were confirmed", "by an earlier start", "by a server before the takeover", "without proof",
        "the server lived on", "31 s", "30 s are no proof", "an agent that was just started", "another server lived on",
        "it lived on, without proof",
    ],
)  # fmt: skip
def test_a_directory_was_set_back_where_an_agent_knows_more_of_the_last_start_than_it(
    said: AgentSaid, expected: bool
) -> None:
    """Its last sign of life is 100 s ago."""
    assert is_set_back(OWN, ACT, [agent("web02"), said], 100.0) is expected
    assert not is_set_back(OWN, ACT, [agent(heard_s=0)], None)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (server(state="active", act=LATER), True),
        (server(state="active", act=LATER, term=term_of(4, 9)), True),
        (server(state="active", act=LATER, term=term_of(4, 6)), False),
        (server(state="active", act=LATER, proven=False), False),
        (server(state="fenced", act=LATER), False),
        (agent(in_session=True, act=LATER), True),
        (agent(in_session=True, act=LATER, term=term_of(4, 9)), True),
        (agent(in_session=True), False),
        (agent(in_session=False, act=LATER), False),
        (agent(in_session=True, act=LATER, proven=False), False),
    ],
    ids=[
        "an active of that number", "an active", "an earlier start", "without proof", "it was replaced",
        "an agent connected to one of that number", "an agent connected to it", "an agent that lost nothing yet",
        "an agent that lost it", "an agent without proof",
    ],
)  # fmt: skip
def test_who_speaks_for_the_life_of_a_later_start_keeps_a_directory_from_being_started(
    said: AgentSaid | ServerSaid, expected: bool
) -> None:
    agents, servers = ([said], []) if isinstance(said, AgentSaid) else ([], [said])

    assert rival(OWN, ACT, [agent("web02"), *agents], [server(), *servers]) is (said if expected else None)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (agent(act=TWIN), True),
        (agent(act=LOWER_TWIN), False),
        (agent(act=LOWER_TWIN, term=term_of(4, 8)), True),
        (agent(act=TWIN, term=term_of(4, 6)), False),
        (agent(act=TWIN, term=term_of(3, 9)), False),
        (agent(act=TWIN, proven=False), False),
        (server(act=TWIN, state="active"), True),
        (agent(act=LATER, term=term_of(4, 9)), False),
    ],
    ids=[
        "it stays", "it goes", "it was started more often", "it was started less often", "of an older epoch",
        "without proof", "a server", "a later start of the same copy",
    ],
)  # fmt: skip
def test_of_two_copies_that_began_one_epoch_apart_the_one_that_goes_is_not_started(
    said: AgentSaid | ServerSaid, expected: bool
) -> None:
    agents, servers = ([said], []) if isinstance(said, AgentSaid) else ([], [said])

    assert replaced_by(OWN, ACT, agents, servers) is (said if expected else None)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (agent(in_session=True, silent_s=4), "agent web01 heard the active server 4 s ago and is connected to it"),
        (agent(in_session=None, silent_s=29), "agent web01 heard the active server 29 s ago"),
        (server(state="active", term=term_of(5, 0)), "the server at b:11061 is active (term 5.0)"),
        (server(active_silent_s=29, follows=True), "the standby at b:11061 heard the active server 29 s ago"),
    ],
    ids=["a session", "an older agent, lately", "an active", "a standby that hears one"],
)
def test_who_speaks_for_the_life_of_another_server_is_named(said: AgentSaid | ServerSaid, reason: str) -> None:
    agents = [said] if isinstance(said, AgentSaid) else [agent()]
    servers = [said] if isinstance(said, ServerSaid) else []

    assert judge(OWN, agents, servers) == Refuse((reason,))
    forced = judge(OWN, agents, servers, force=True)
    assert isinstance(forced, Go)
    assert forced.overruled == (reason,)


@pytest.mark.parametrize(
    "said",
    [
        agent(in_session=None, silent_s=30),
        server(active_silent_s=30, follows=True),
        server(active_silent_s=2),
        server(state="fenced"),
        server(),
    ],
    ids=[
        "silent for three heartbeats",
        "a standby that hears none",
        "a standby that has lost it",
        "a server that was replaced",
        "a lone standby",
    ],
)
def test_who_has_not_heard_it_for_three_heartbeats_does_not_speak_for_it(said: AgentSaid | ServerSaid) -> None:
    agents = [said] if isinstance(said, AgentSaid) else [agent()]
    servers = [said] if isinstance(said, ServerSaid) else []

    assert judge(OWN, agents, servers) == Go(5)


def test_a_server_that_may_just_be_starting_again_is_waited_for() -> None:
    assert judge(OWN, [agent(silent_s=1)], []) == Again(1.0)
    assert judge(OWN, [agent(silent_s=2)], []) == Go(5)
    assert judge(OWN, [agent(silent_s=1)], [], force=True) == Go(5)
    assert judge(OWN, [], [server(active_silent_s=0)]) == Again(2.0)


def test_where_nobody_could_tell_a_person_must() -> None:
    assert isinstance(judge(OWN, [], []), Ask)
    assert judge(OWN, [], [], sure=True) == Go(5)
    assert judge(OWN, [], [], force=True) == Go(5)


def test_an_epoch_that_was_seen_anywhere_is_not_used_again() -> None:
    answer = judge(OWN, [agent(term=term_of(9, 2))], [server(term=term_of(7, 0))])

    assert isinstance(answer, Go)
    assert answer.epoch == 10
    assert "epoch 9" in answer.notices[0]


def test_a_term_without_proof_moves_nothing_and_is_told() -> None:
    answer = judge(OWN, [agent("evil", term=term_of(99, 0), proven=False, in_session=True), agent()], [])

    forged = (("evil", term_of(99, 0)),)
    assert answer == Go(5, ("without proof, and therefore not believed: evil",), forged=forged)


def test_a_site_whose_epochs_are_used_up_is_told_so() -> None:
    assert isinstance(judge(term_of(EPOCH_MAX, 0), [agent()], [], force=True), Refuse)


def test_who_knows_of_a_later_epoch_is_named_and_who_only_claims_it_is_not() -> None:
    later = agent("a2", term=term_of(5, 0))

    assert replaced_by(OWN, ACT, [agent("a1"), later], []) == later
    assert replaced_by(OWN, ACT, [agent("a1", term=term_of(4, 99))], [server(term=term_of(5, 0), proven=False)]) is None


def test_many_names_are_counted() -> None:
    assert names(["a", "b"]) == "a, b"
    assert names([str(number) for number in range(12)]).endswith("9 and 2 more")


TERMS = st.builds(term_of, st.integers(0, EPOCH_MAX - 1), st.integers(0, 5))
AGENTS = st.lists(
    st.builds(
        AgentSaid, agent_id=st.sampled_from("abc"), term=TERMS, proven=st.booleans(), silent_s=st.integers(0, 60),
        in_session=st.sampled_from([True, False, None]),
    ), max_size=4,
)  # fmt: skip
SERVERS = st.lists(
    st.builds(
        ServerSaid, address=st.just("x:1"), state=st.sampled_from(["active", "standby", "fenced"]), term=TERMS,
        proven=st.booleans(), active_silent_s=st.none() | st.integers(0, 60), follows=st.booleans(),
    ), max_size=3,
)  # fmt: skip


@given(own=TERMS, agents=AGENTS, servers=SERVERS, force=st.booleans(), sure=st.booleans())
def test_whoever_takes_over_beats_every_proven_term_and_passes_over_no_life(
    own: int, agents: list[AgentSaid], servers: list[ServerSaid], force: bool, sure: bool
) -> None:
    answer = judge(own, agents, servers, force=force, sure=sure)

    if isinstance(answer, Go):
        proven = [said.term for said in (*agents, *servers) if said.proven]
        assert term_of(answer.epoch, 0) > max([own, *proven])
        assert force or not any(said.state == "active" for said in servers)
        assert force or not any(said.proven and said.in_session for said in agents)
        assert force or sure or servers or any(said.proven for said in agents)
    else:
        assert not force or isinstance(answer, Refuse)  # forced, it fails only where no epoch is left


@given(own=TERMS, agents=AGENTS, servers=SERVERS)
def test_what_is_not_proven_changes_nothing_but_the_notices(
    own: int, agents: list[AgentSaid], servers: list[ServerSaid]
) -> None:
    with_all = judge(own, agents, servers)
    believed = judge(own, [said for said in agents if said.proven], servers)

    assert type(with_all) is type(believed)
    if isinstance(with_all, Go) and isinstance(believed, Go):
        assert with_all.epoch == believed.epoch
