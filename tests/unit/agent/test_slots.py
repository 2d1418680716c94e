"""The slots of an agent that works for several sites."""

from jaz_lite.agent.policy import Policy
from jaz_lite.agent.slots import Slots
from tests.unit.agent.test_core import Driven, key, work


def end(agent: Driven, name: str) -> None:
    agent.said(["exit", key(name).hex(), 0, None, 1, 1, "", 5, 9])


def started(*agents: Driven) -> list[str]:
    """Return the jobs that their keeper was told to start since the last look."""
    found = []
    for agent in agents:
        agent.step()
        found += [bytes.fromhex(m[1]).rstrip(b".").decode() for m in agent.told if m[0] == "start"]
    return found


def two_sites(par: int) -> tuple[Driven, Driven]:
    slots = Slots(par)
    return Driven(Policy(par=par), slots=slots), Driven(Policy(par=par), slots=slots)


def test_two_sites_together_have_the_slots_of_one_agent() -> None:
    one, other = two_sites(par=3)

    one.core.asked(work("a1"), one.core._now)
    one.core.asked(work("a2"), one.core._now)
    for name in ("b1", "b2"):
        other.core.asked(work(name), one.core._now)

    assert started(one, other) == ["a1", "a2", "b1"]


def test_a_free_slot_goes_to_the_other_site_first() -> None:
    one, other = two_sites(par=1)
    for name in ("a1", "a2", "a3"):
        one.ask(work(name))
    for name in ("b1", "b2"):
        other.ask(work(name))

    order = []
    for agent, name in ((one, "a1"), (other, "b1"), (one, "a2"), (other, "b2")):
        agent.core.keeper_said(["pid", key(name).hex(), 7, 0, 5], one.core._now)
        end(agent, name)
        order += [m[1] for m in agent.told if m[0] == "start"] and [bytes.fromhex(agent.told[-1][1])[:2].decode()]
        order += started(one, other)

    assert order == ["b1", "a2", "b2", "a3"]


def test_a_long_queue_of_one_site_does_not_turn_away_work_of_the_other() -> None:
    slots = Slots(1)
    policy = Policy(par=1, queue=2)
    one, other = Driven(policy, slots=slots), Driven(policy, slots=slots)
    for name in ("a1", "a2", "a3", "a4"):
        one.ask(work(name))
    assert [type(answer).__name__ for answer in one.answers] == ["SayRefused"]

    other.ask(work("b1"))

    assert other.answers == []
    assert other.events == ["accepted"]


def test_a_site_that_leaves_gives_its_slots_back() -> None:
    one, other = two_sites(par=1)
    one.ask(work("a1"))
    other.ask(work("b1"))
    assert started(other) == []

    one.core.leave()

    assert started(other) == ["b1"]


def test_a_job_that_runs_already_counts_even_beyond_the_limit() -> None:
    one = Driven(Policy(par=1))
    one.run("a1")

    again = one.again(policy=Policy(par=1))
    again.core.keeper_up(one.core._now)
    again.said(["listed", key("a1").hex(), ["pid", key("a1").hex(), 7, 0, 5]], ["list_end", 1])
    again.ask(work("a2"))

    assert started(again) == []
