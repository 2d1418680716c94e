"""A takeover on another machine lets names lead to another agent; what may have been begun stays where it was."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from jaz_lite.model.event import DecideIcon
from jaz_lite.model.host import Host
from jaz_lite.runner.inputs import AgentRevoked, AgentUnheard
from tests.unit.runner.site import Site, chained, job


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path / "data", agents=("local", "local-2"))
    with made.store.transaction() as tx:
        tx.hosts.put(Host(host="localhost", agent_id="local"))
    made.define(
        chained("FIRST", job("sort", host="localhost"), job("load", host="localhost")),
        chained("NEXT", job("next", host="localhost")),
    )
    yield made
    made.close()


def take_over(site: Site) -> int:
    """A run begins, a copy is taken, its second job ends after that; then the copy is activated elsewhere."""
    site.agents["local"].connect()
    run = site.start("FIRST")
    copy = site.save()
    site.agents["local"].ends("sort")
    site.agents["local"].ends("load")
    site.fall_back(copy)
    with site.store.transaction() as tx:
        host = tx.hosts.find("localhost")
        assert host is not None
        tx.hosts.put(replace(host, agent_id="local-2"))
        tx.hosts.led_before("localhost", 2, "local")
    return run


def test_what_the_old_machine_may_have_done_is_not_done_again_on_the_new_one(site: Site) -> None:
    run = take_over(site)
    site.agents["local-2"].connect()
    assert site.agents["local-2"].dispatched == []

    site.agents["local"].connect()

    assert site.run(run).state == "ended"
    assert site.agents["local-2"].dispatched == []


def test_what_begins_after_the_takeover_runs_on_the_new_machine(site: Site) -> None:
    take_over(site)
    site.agents["local-2"].connect()
    run = site.start("NEXT")

    site.agents["local-2"].ends("next")

    assert site.run(run).state == "ended"


def test_where_the_old_agent_is_gone_for_good_a_person_decides_and_the_new_one_does_it(site: Site) -> None:
    run = take_over(site)
    site.agents["local-2"].connect()
    site.turns.submit(AgentRevoked("local"))
    site.settle()
    site.ask(run, DecideIcon, "sort", "ended")
    assert site.icon(run, "load").doubt is not None  # nobody is left who could tell whether it was done
    assert site.agents["local-2"].dispatched == []

    site.ask(run, DecideIcon, "load", "rerun")

    assert [(order.path, order.att) for order in site.agents["local-2"].dispatched] == [("/load#1", 2)]


def test_what_an_agent_had_that_is_not_heard_any_more_is_in_doubt_until_it_is(site: Site) -> None:
    run = take_over(site)
    site.turns.submit(AgentUnheard("local"))
    site.settle()
    doubt = site.icon(run, "sort").doubt
    assert doubt is not None
    assert (doubt.reason, "has not been heard since the takeover" in doubt.message) == ("unheard", True)

    site.agents["local"].connect()

    assert site.run(run).state == "ended"
    assert len(site.agents["local"].dispatched) == 2


def test_an_agent_that_is_there_is_not_doubted(site: Site) -> None:
    run = take_over(site)
    site.agents["local"].connect()

    site.turns.submit(AgentUnheard("local"))
    site.settle()

    assert site.run(run).state == "ended"
