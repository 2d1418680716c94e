"""Automatic promotion: who may take over by itself, and that the active has stopped by then."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaz_lite.failover.judgement import AgentSaid, ServerSaid
from jaz_lite.failover.votes import AGENTS_MIN, Promote, Wait, count, majority_of, must_pause
from jaz_lite.wire.ident import term_of

AFTER_S = 60
TERM = term_of(3, 2)
FOUR = ("a1", "a2", "a3", "a4")


def silent(name: str, seconds: int = 90, **changes: object) -> AgentSaid:
    said = AgentSaid(agent_id=name, term=TERM, proven=True, silent_s=seconds, in_session=False)
    return replace(said, **changes)  # type: ignore[arg-type]


def counted(answers, servers=(), *, enabled=FOUR, unheard_s=90.0):
    return count(TERM, enabled, answers, servers, unheard_s=unheard_s, after_s=AFTER_S)


def test_a_majority_that_heard_nothing_promotes_the_standby():
    assert counted([silent("a1"), silent("a2"), silent("a3")]) == Promote(4, 3)


@pytest.mark.parametrize("names", [(), ("a1",), ("a1", "a2")])
def test_half_of_the_agents_or_fewer_are_not_enough(names):
    assert isinstance(counted([silent(name) for name in names]), Wait)


def test_an_agent_that_does_not_answer_has_not_voted():
    found = counted([silent("a1"), silent("a2")])

    assert found == Wait("2 of 4 agents have not heard the active for 60 s, 3 must")


def test_strangers_and_second_answers_are_not_counted():
    found = counted([silent("a1"), silent("a1"), silent("a1"), silent("x1"), silent("x2")])

    assert isinstance(found, Wait)


def test_an_agent_that_says_both_is_not_counted():
    found = counted([silent("a1"), silent("a2"), silent("a3"), silent("a3", 1)])

    assert isinstance(found, Wait)


@pytest.mark.parametrize("contact", [{"silent_s": 59}, {"in_session": True}], ids=["heard", "in session"])
def test_an_agent_that_hears_the_active_votes_against(contact):
    found = counted([silent("a1"), silent("a2"), silent("a3", **contact)])

    assert isinstance(found, Wait)


def test_two_agents_are_too_few_for_any_vote():
    found = counted([silent("a1"), silent("a2")], enabled=("a1", "a2"))

    assert found == Wait("the site has 2 agents, and automatic promotion needs 3")


def test_a_standby_that_heard_the_active_itself_waits():
    assert isinstance(counted([silent(name) for name in FOUR], unheard_s=59), Wait)


@pytest.mark.parametrize(
    "server",
    [
        ServerSaid(address="c", state="active", term=TERM, proven=True),
        ServerSaid(address="c", state="standby", term=TERM, proven=True, active_silent_s=3),
        ServerSaid(address="c", state="standby", term=term_of(4, 0), proven=True),
    ],
    ids=["active", "a standby that hears it", "a later epoch"],
)
def test_another_server_that_knows_better_is_believed(server):
    assert isinstance(counted([silent(name) for name in FOUR], [server]), Wait)


def test_an_agent_that_was_taken_over_already_ends_it():
    found = counted([silent("a1"), silent("a2"), silent("a3"), silent("a4", term=term_of(4, 0))])

    assert found == Wait("a server of epoch 4 has taken over already")


def test_a_forged_term_does_not_keep_the_standby_from_it():
    forged = silent("a4", term=term_of(9, 0), proven=False)

    assert counted([silent("a1"), silent("a2"), silent("a3"), forged]) == Promote(4, 4)


# ---- the active


def paused(heard_s, standby_s=None, *, enabled=FOUR, running_s=1_000.0):
    return must_pause(enabled, heard_s, standby_s, running_s=running_s, after_s=AFTER_S)


def test_an_active_without_a_majority_and_without_a_standby_pauses_at_half_the_time():
    assert not paused({"a1": 1, "a2": 1, "a3": 29})
    assert paused({"a1": 1, "a2": 1, "a3": 30})
    assert paused({})


def test_a_standby_that_is_heard_keeps_the_active_going():
    assert not paused({}, standby_s=29)
    assert paused({}, standby_s=30)


def test_an_active_that_has_just_started_does_not_pause_yet():
    assert not paused({}, running_s=29)


def test_a_site_with_few_agents_never_pauses():
    assert not paused({}, enabled=("a1", "a2"))


@given(
    heard=st.lists(st.floats(0, 200), min_size=AGENTS_MIN, max_size=9),
    answering=st.lists(st.booleans(), min_size=9, max_size=9),
    standby_heard=st.floats(0, 200),
    delay=st.floats(0, 29),
)
def test_whenever_a_standby_promotes_itself_the_active_has_paused(heard, answering, standby_heard, delay):
    """What an agent heard last is also what the active heard last of it, or later by what was still under way."""
    names = [f"a{number}" for number in range(len(heard))]
    answers = [silent(name, int(seconds)) for name, seconds, does in zip(names, heard, answering, strict=False) if does]
    found = count(TERM, names, answers, [], unheard_s=standby_heard, after_s=AFTER_S)

    if isinstance(found, Promote):
        at_active = {name: max(0.0, seconds - delay) for name, seconds in zip(names, heard, strict=True)}
        assert must_pause(names, at_active, max(0.0, standby_heard - delay), running_s=1_000, after_s=AFTER_S)


@given(st.integers(1, 1_000))
def test_two_majorities_share_an_agent(agents):
    assert 2 * majority_of(agents) > agents


@given(
    heard=st.dictionaries(st.sampled_from(FOUR), st.integers(0, 200)),
    more=st.integers(0, 100),
    unheard_s=st.integers(0, 200),
)
def test_more_silence_never_speaks_for_the_active(heard, more, unheard_s):
    before = counted([silent(name, seconds) for name, seconds in heard.items()], unheard_s=unheard_s)
    after = counted([silent(name, seconds + more) for name, seconds in heard.items()], unheard_s=unheard_s + more)

    assert not (isinstance(before, Promote) and isinstance(after, Wait))
