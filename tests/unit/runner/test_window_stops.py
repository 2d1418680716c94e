"""Work that is stopped in the uncertainty window, before its agents have said what they have of it (protocol.md 8.4)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from jaz_lite.model.event import StopIcon
from jaz_lite.model.host import Host
from jaz_lite.model.jobnet import Icon
from tests.unit.runner.site import Site, chained, job


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path / "data", agents=("a1", "a2"))
    with made.store.transaction() as tx:
        tx.hosts.put(Host(host="farm", kind="group", members=("a1", "a2")))
    yield made
    made.close()


def connect(site: Site, *names: str) -> None:
    for name in names or site.agents:
        site.agents[name].connect()


def test_work_that_is_stopped_before_its_agent_was_heard_ends_as_it_ended_there(site: Site) -> None:
    connect(site)
    run = site.start(chained("NIGHT", job("load", host="a2"), job("sort")))
    copy = site.save()
    site.agents["a2"].ends("load")
    site.agents["a1"].ends("sort", exit_code=7)
    site.fall_back(copy)
    connect(site, "a2")

    site.ask(run, StopIcon, "sort")

    assert site.attempt_states(run)["/sort#1/1"] == "stopping"
    connect(site, "a1")
    assert (site.attempt_states(run)["/sort#1/1"], site.icon(run, "sort").exit_code) == ("done", 7)


def test_work_that_is_stopped_and_that_its_agent_does_not_know_is_withdrawn_there(site: Site) -> None:
    connect(site)
    run = site.start(chained("NIGHT", job("load", host="a2"), job("sort")))
    copy = site.save()
    site.agents["a2"].ends("load")
    site.fall_back(copy)
    connect(site, "a2")

    site.ask(run, StopIcon, "sort")
    connect(site, "a1")

    assert len(site.agents["a1"].cancelled) == 1
    site.agents["a1"].says(site.agents["a1"].cancelled[0].k, "cancelled", why="server")
    assert site.attempt_states(run)["/sort#1/1"] == "cancelled"


def test_work_of_a_group_that_is_stopped_is_over_when_no_member_knows_it(site: Site) -> None:
    connect(site)
    run = site.start(chained("WIDE", job("load", host="a2"), job("spread", host="farm")))
    copy = site.save()
    site.agents["a2"].ends("load")
    site.fall_back(copy)
    connect(site, "a2")

    site.ask(run, StopIcon, "spread")

    assert site.attempt_states(run)["/spread#1/1"] == "stopping"
    connect(site, "a1")
    assert site.attempt_states(run)["/spread#1/1"] == "cancelled"


@pytest.mark.parametrize("first", ["a1", "a2"])
def test_what_one_member_refused_and_is_stopped_ends_as_another_ended_it(site: Site, first: str) -> None:
    site.turns.later = lambda _seconds, item: None
    connect(site)
    site.agents["a2"].cut()
    site.settle()
    run = site.start(chained("SPREAD", job("spread", host="farm")))
    copy = site.save()
    connect(site, "a2")
    site.agents["a1"].refuses("spread", "no_space")
    site.agents["a2"].ends("spread")
    site.fall_back(copy)

    site.ask(run, StopIcon, "spread")
    assert site.attempt_states(run) == {"/spread#1/1": "stopping"}
    connect(site, first)
    connect(site)

    assert site.attempt_states(run) == {"/spread#1/1": "done"}
    assert site.agents["a1"].cancelled == []


def test_what_one_member_refused_and_is_stopped_is_over_when_no_member_knows_it(site: Site) -> None:
    site.turns.later = lambda _seconds, item: None
    connect(site)
    site.agents["a2"].cut()
    site.settle()
    run = site.start(chained("SPREAD", job("spread", host="farm")))
    copy = site.save()
    site.agents["a1"].refuses("spread", "no_space")
    site.fall_back(copy)

    site.ask(run, StopIcon, "spread")
    connect(site, "a1")
    assert site.attempt_states(run) == {"/spread#1/1": "stopping"}
    connect(site, "a2")

    assert site.attempt_states(run) == {"/spread#1/1": "cancelled"}
    assert site.agents["a1"].cancelled == []


@pytest.mark.parametrize("conflict", [True, False], ids=["it was never sent there", "it was sent there"])
def test_what_an_earlier_active_has_withdrawn_is_in_doubt_and_is_not_said_to_differ(site: Site, conflict: bool) -> None:
    connect(site)
    run = site.start(chained("NIGHT", job("load")))

    link = site.agents["a1"].link
    assert link is not None
    link.state_of(site.agents["a1"].key("load"), "cancelled", conflict=conflict)
    site.settle()

    assert site.attempt_states(run) == {"/load#1/1": "cancelled"}
    doubt = site.icon(run, "load").doubt
    assert doubt is not None
    assert doubt.reason == "cancelled_elsewhere"


def test_what_is_stopped_and_was_withdrawn_by_an_earlier_active_is_over(site: Site) -> None:
    connect(site)
    run = site.start(chained("NIGHT", job("load")))
    site.ask(run, StopIcon, "load")
    assert site.attempt_states(run) == {"/load#1/1": "stopping"}

    link = site.agents["a1"].link
    assert link is not None
    link.state_of(site.agents["a1"].killed[0].k, "cancelled")
    site.settle()

    assert site.attempt_states(run) == {"/load#1/1": "cancelled"}


def test_a_file_copy_that_no_run_goes_on_with_is_stopped(site: Site) -> None:
    folders = {"source_folder": "/out", "source_file": "*", "target_folder": "/in"}
    carry = Icon(icon_id="carry", type="file_copy", params={"source_host": "a2", "target_host": "a1", **folders})
    connect(site)
    site.define(chained("CARRY", carry))
    copy = site.save()
    site.start("CARRY")
    site.agents["a1"].starts("carry")
    site.fall_back(copy)

    connect(site)
    assert site.agents["a1"].killed == []  # a run may come to it
    site.pass_time(620)

    assert [each.k for each in site.agents["a1"].killed] == [site.agents["a1"].key("carry")]
