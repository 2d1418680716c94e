"""Limits of agents, draining, and what agents say of themselves."""

import pytest

from jaz_lite.runner.control import Control
from jaz_lite.runner.inputs import AgentChanged, DeskResumed
from jaz_lite.wire.happenings import Metric
from tests.unit.runner.site import Site, chained, job


def change(site: Site, **fields: object) -> None:
    with site.store.transaction() as tx:
        tx.agents.update("a1", **fields)
    site.turns.submit(AgentChanged("a1"))
    site.settle()


def looked_at(site: Site) -> dict[str, object]:
    return dict(Control(site.turns, request_stop=lambda: None).agent_now("a1"))


def test_no_more_work_is_sent_than_the_smaller_limit_and_what_may_wait_there(site: Site) -> None:
    change(site, par_max=2, queue_max=1)
    agent = site.agents["a1"]
    agent.facts = {"par": 64, "queue": 1_000}
    agent.connect()
    for n in range(5):
        site.start(chained(f"J{n}", job("load")))
    assert len(agent.dispatched) == 3

    change(site, par_max=None, queue_max=None)
    assert len(agent.dispatched) == 5


def test_the_agents_own_limit_holds_where_the_servers_is_larger(site: Site) -> None:
    change(site, par_max=50, queue_max=50)
    agent = site.agents["a1"]
    agent.facts = {"par": 1, "queue": 1}
    agent.connect()

    for n in range(4):
        site.start(chained(f"J{n}", job("load")))

    assert len(agent.dispatched) == 2


def test_a_drained_agent_is_told_finishes_what_runs_and_gets_nothing_new(site: Site) -> None:
    agent = site.agents["a1"]
    agent.connect()
    running = site.start(chained("J0", job("load")))
    agent.starts("load")

    change(site, state="draining")
    waits = site.start(chained("J1", job("more")))
    agent.ends("load")

    assert agent.drains == [True]
    assert site.run(running).state == "ended"
    assert site.attempt_states(waits) == {"/more#1/1": "ready"}

    change(site, state="active")
    assert agent.drains == [True, False]
    assert site.attempt_states(waits) == {"/more#1/1": "sent"}


def test_draining_survives_a_restart_of_the_server_and_is_told_again(site: Site) -> None:
    change(site, state="draining")
    site.restart()
    agent = site.agents["a1"]
    agent.connect()

    waits = site.start(chained("J1", job("more")))

    assert agent.drains == [True]
    assert site.attempt_states(waits) == {"/more#1/1": "ready"}


@pytest.mark.parametrize("ahead_ms", [0, 61_000, -7_000])
def test_the_clock_of_an_agent_is_compared_when_it_comes_and_with_each_metric(site: Site, ahead_ms: int) -> None:
    agent = site.agents["a1"]
    agent.clock_ahead_ms = ahead_ms
    agent.connect()
    assert looked_at(site)["clock_offset_ms"] == ahead_ms

    assert agent.link is not None
    later_ns = (site.clock.now_ms() + ahead_ms + 500) * 1_000_000
    agent.link.metric(Metric(load=125, running=3, spool_bytes=9, free_bytes=99, wall_ns=later_ns))
    site.settle()
    now = looked_at(site)
    assert (now["clock_offset_ms"], now["load"], now["spool_bytes"], now["free_bytes"]) == (ahead_ms + 500, 125, 9, 99)

    agent.cut()
    site.settle()
    with site.store.snapshot() as view:
        row = view.agents.find("a1")
    assert row is not None
    assert (row.clock_offset_ms, row.spool_bytes, row.running) == (ahead_ms + 500, 9, 3)


def test_what_lies_with_an_agent_and_waits_for_it_is_counted(site: Site) -> None:
    change(site, par_max=1, queue_max=1)
    agent = site.agents["a1"]
    agent.facts = {"par": 64, "queue": 10}
    agent.connect()
    for n in range(3):
        site.start(chained(f"J{n}", job(f"load{n}")))
    agent.starts("load0")

    now = looked_at(site)

    assert (now["reachable"], now["running"], now["queued"], now["waiting"]) == (True, 1, 1, 1)


def test_work_without_a_slot_is_sent_though_all_slots_are_taken(site: Site) -> None:
    """The agent's own process does it: it must not wait behind jobs, and jobs not behind it."""
    desk = site.turns.works.desk("a1")
    desk.slots_said, desk.queue_said = 1, 0
    site.agents["a1"].facts = {"par": 1}
    site.agents["a1"].connect()
    site.start(chained("J0", job("load")))

    assert not desk.has_room_for("cmd")
    assert desk.has_room_for("fwait")


def test_the_encoding_an_agent_says_is_used_unless_its_host_names_another(site: Site) -> None:
    agent = site.agents["a1"]
    agent.facts = {"par": 64, "encoding": "cp932"}
    agent.connect()
    run = site.start(chained("J0", job("load")))
    agent.ends("load", out="夜".encode("cp932"))

    assert site.icon(run, "load").results["STD_OUT"] == "夜"


@pytest.mark.parametrize("nonsense", ["klingon", "base64", "x\0y"])
def test_an_encoding_that_is_none_is_passed_over(site: Site, nonsense: str) -> None:
    agent = site.agents["a1"]
    agent.facts = {"par": 64, "encoding": nonsense}
    agent.connect()
    run = site.start(chained("J0", job("load")))
    agent.ends("load", out="夜".encode())

    assert site.icon(run, "load").results["STD_OUT"] == "夜"


def test_a_message_that_was_long_under_way_is_not_taken_for_a_clock_that_is_behind(site: Site) -> None:
    agent = site.agents["a1"]
    agent.connect()
    assert agent.link is not None
    seen = []
    for behind_ms in (20_000, 0, 20_000, 20_000):
        agent.link.metric(Metric(load=1, running=0, wall_ns=(site.clock.now_ms() - behind_ms) * 1_000_000))
        site.settle()
        seen.append(looked_at(site)["clock_offset_ms"])

    assert seen == [0, 0, 0, -20_000], "believed when it is said twice"


def test_why_an_agent_refuses_what_waits_for_it_is_known_until_it_takes_work_again(site: Site) -> None:
    agent = site.agents["a1"]
    agent.connect()
    site.turns.later = lambda _seconds, item: paused.append(item)
    paused: list[object] = []
    site.start(chained("J1", job("load")))
    agent.refuses("load", "no_space")
    assert looked_at(site)["refusal"] == "refused because of no_space"

    site.turns.submit(DeskResumed("a1"))
    site.settle()
    assert looked_at(site)["refusal"] == "", "nothing waits"
    agent.starts("load")
    site.start(chained("J2", job("more")))
    agent.cut()
    assert looked_at(site)["refusal"] == "", "it took work since"
