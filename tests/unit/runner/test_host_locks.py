"""A reboot keeps other work away from its host until it is over, and what waited starts by itself."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jaz_lite.model.event import StopIcon
from jaz_lite.model.host import Host
from jaz_lite.model.jobnet import Icon
from jaz_lite.runner.inputs import AgentChanged, Write
from jaz_lite.store.transaction import Transaction
from tests.unit.runner.site import Site, chained, job


def reboot(icon_id: str = "reboot", host: str = "a1", **params: Any) -> Icon:
    return Icon(icon_id=icon_id, type="reboot", params={"host": host, **params})


def wait(icon_id: str, host: str = "a1") -> Icon:
    return Icon(icon_id=icon_id, type="file_wait", params={"host": host, "path": "/in/a"})


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path / "data", agents=("a1", "a2"))
    for agent in made.agents.values():
        agent.connect()
    with made.store.transaction() as tx:
        tx.hosts.put(Host(host="also-a1", agent_id="a1"))
    yield made
    made.close()


def sent(site: Site, agent: str = "a1") -> list[str]:
    return [order.path.split("#")[0].lstrip("/") for order in site.agents[agent].dispatched]


def lock_of(site: Site, agent: str = "a1") -> "tuple[str, str] | None":
    with site.store.snapshot() as view:
        lock = view.host_locks.find(agent)
    return None if lock is None else (lock.host, lock.path)


def restarted(site: Site) -> None:
    """Kill the server; agents connect to the new one."""
    site.restart()
    for agent in site.agents.values():
        agent.connect()


def booted(site: Site, agent: str = "a1") -> None:
    """The machine comes up again, and its agent connects."""
    end = site.agents[agent]
    end.cut()
    end.boot = (end.boot[:6] + b"!").ljust(16, b"\0")
    end.connect()


def test_while_a_host_is_rebooted_all_work_for_its_agent_waits_and_other_agents_go_on(site: Site) -> None:
    site.start(chained("R", reboot()))
    assert lock_of(site) == ("a1", "/reboot")

    site.start(chained("ONE", job("load")))
    site.start(chained("TWO", job("other-name", host="also-a1")))
    site.start(chained("THREE", wait("w")))
    site.start(chained("FOUR", reboot("second")))
    site.start(chained("FIVE", job("elsewhere", host="a2")))

    assert sent(site) == ["reboot"]
    assert sent(site, "a2") == ["elsewhere"]


def test_the_end_of_the_reboot_frees_the_host_and_what_waited_starts_by_itself(site: Site) -> None:
    site.start(chained("R", reboot()))
    run = site.start(chained("ONE", job("load")))

    site.agents["a1"].ends("reboot")

    assert lock_of(site) is None
    assert sent(site) == ["reboot", "load"]
    site.agents["a1"].ends("load")
    assert site.run(run).state == "ended"
    assert {"host_locked", "host_unlocked"} <= set(site.journal_kinds())


def test_a_reboot_that_is_refused_for_good_frees_the_host(site: Site) -> None:
    site.start(chained("R", reboot()))
    site.agents["a1"].refuses("reboot", "kind")

    assert lock_of(site) is None


def test_a_reboot_that_was_refused_for_now_frees_the_host_and_locks_it_when_it_is_sent_again(site: Site) -> None:
    site.start(chained("R", reboot()))
    site.agents["a1"].refuses("reboot", "busy")

    assert site.journal_kinds().count("host_unlocked") == 1
    assert sent(site) == ["reboot", "reboot"]
    assert lock_of(site) == ("a1", "/reboot")


def test_a_reboot_that_fails_or_is_taken_back_frees_the_host(site: Site) -> None:
    site.start(chained("R", reboot()))
    agent = site.agents["a1"]
    agent.accepts("reboot")
    agent.says(agent.key("reboot"), "failed", why="policy", msg="it may not")
    assert lock_of(site) is None

    run = site.start(chained("S", reboot("again")))
    assert lock_of(site) is not None
    site.ask(run, StopIcon, "again")
    agent.accepts("again")
    agent.says(agent.key("again"), "cancelled", why="server")

    assert lock_of(site) is None
    assert site.icon(run, "again").message == "Aborted the job"


def test_another_boot_of_the_machine_frees_the_host_and_the_same_one_does_not(site: Site) -> None:
    site.start(chained("R", reboot()))
    site.agents["a1"].starts("reboot")
    site.start(chained("ONE", job("load")))

    site.agents["a1"].cut()
    site.agents["a1"].connect()
    assert lock_of(site) is not None
    assert sent(site) == ["reboot"]

    booted(site)
    assert lock_of(site) is None
    assert sent(site) == ["reboot", "load"]


def test_the_lock_outlives_the_server_in_every_phase(site: Site) -> None:
    run = site.start(chained("R", reboot()))
    other = site.start(chained("ONE", job("load")))
    restarted(site)
    assert (lock_of(site), sent(site)) == (("a1", "/reboot"), ["reboot", "reboot"]), "it was sent again"

    site.agents["a1"].starts("reboot")
    restarted(site)
    assert sent(site)[2:] == []

    site.restart()
    booted(site)
    site.agents["a1"].ends("reboot")
    assert site.run(run).state == "ended"
    assert sent(site)[2:] == ["load"]
    site.agents["a1"].ends("load")
    assert site.run(other).state == "ended"


def test_an_operator_frees_the_host_by_hand(site: Site) -> None:
    site.start(chained("R", reboot()))
    site.agents["a1"].starts("reboot")
    site.start(chained("ONE", job("load")))

    def work(tx: Transaction) -> bool:
        return tx.host_locks.remove("a1")

    site.turns.submit(Write(work))
    site.turns.submit(AgentChanged("a1"))
    site.settle()

    assert sent(site) == ["reboot", "load"]


def test_an_end_after_the_host_was_freed_by_hand_does_not_free_it_for_another_reboot(site: Site) -> None:
    site.start(chained("R", reboot()))
    site.agents["a1"].starts("reboot")
    site.turns.submit(Write(lambda tx: tx.host_locks.remove("a1")))
    site.turns.submit(AgentChanged("a1"))
    site.settle()
    site.start(chained("S", reboot("second")))
    assert lock_of(site) == ("a1", "/second")

    site.agents["a1"].ends("reboot")

    assert lock_of(site) == ("a1", "/second")


def test_a_test_run_locks_nothing(site: Site) -> None:
    site.start(chained("R", reboot()), origin="test")

    assert [order.kind for order in site.agents["a1"].dispatched] == ["test"]
    assert lock_of(site) is None


def test_a_group_passes_over_a_member_that_is_rebooted(site: Site) -> None:
    with site.store.transaction() as tx:
        tx.hosts.put(Host(host="pool", kind="group", members=("a1", "a2")))
    site.start(chained("R", reboot()))

    site.start(chained("ONE", job("load", host="pool")))

    assert sent(site, "a2") == ["load"]


def test_a_reboot_wants_one_machine_and_no_group(site: Site) -> None:
    with site.store.transaction() as tx:
        tx.hosts.put(Host(host="pool", kind="group", members=("a1", "a2")))

    run = site.start(chained("R", reboot(host="pool")))

    assert site.icon(run, "reboot").message == (
        'host "pool" is a group, and this work is for one machine; name one of a1,a2'
    )
