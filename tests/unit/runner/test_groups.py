"""Work for a group of agents: who gets it, who is passed over, and that it never starts twice (protocol 6.5)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from jaz_lite.model.event import StopRun
from jaz_lite.model.host import Host
from jaz_lite.runner.inputs import AgentChanged, Input
from jaz_lite.wire.spec import unpack_spec
from tests.unit.runner.site import AgentEnd, Site, chained, job


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path / "data", agents=("a1", "a2", "a3"))
    put(made, Host(host="farm", kind="group", members=("a1", "a2", "a3")))
    made.define(*(chained(f"J{n}", job(f"load{n}", host="farm")) for n in range(12)))
    yield made
    made.close()


def put(site: Site, host: Host) -> None:
    with site.store.transaction() as tx:
        tx.hosts.put(host)


def connect(site: Site, **slots: int) -> None:
    for name, par in slots.items():
        site.agents[name].facts = {"par": par}
        site.agents[name].connect()


def sent_to(agent: AgentEnd) -> list[str]:
    return [order.path.strip("/").split("#")[0] for order in agent.dispatched]


def bound(site: Site, run: int) -> tuple[str, str, str]:
    with site.store.snapshot() as view:
        (row,) = view.attempts.of_run(run)
    return row.state, row.agent_id, row.host


def test_work_goes_to_the_member_with_the_largest_share_of_free_slots_and_the_first_of_equals(site: Site) -> None:
    connect(site, a1=2, a2=4, a3=1)

    for n in range(7):
        site.start(f"J{n}")

    # Shares after each choice: a1 2/2 first; then a2 4/4, a3 1/1, a2 3/4, a1 1/2 before a2 2/4, a2 2/4, a2 1/4.
    assert sent_to(site.agents["a1"]) == ["load0", "load4"]
    assert sent_to(site.agents["a2"]) == ["load1", "load3", "load5", "load6"]
    assert sent_to(site.agents["a3"]) == ["load2"]


def test_the_icon_shows_the_member_that_runs_it(site: Site) -> None:
    connect(site, a2=1)

    run = site.start("J0")

    assert bound(site, run) == ("sent", "a2", "a2")
    assert site.icon(run, "load0").memo["host"] == "a2"


def test_while_no_member_can_take_it_work_waits_for_the_group_and_the_first_with_room_gets_it(site: Site) -> None:
    connect(site, a1=1, a2=1)
    site.start("J0")
    site.start("J1")

    run = site.start("J2")
    assert bound(site, run) == ("ready", "", "farm")
    assert site.icon(run, "load2").memo["host"] == "farm"

    site.agents["a2"].ends("load1")
    assert bound(site, run) == ("sent", "a2", "a2")
    assert site.icon(run, "load2").memo["host"] == "a2"


def test_a_group_fills_slots_and_queues_nothing_ahead_on_a_member(site: Site) -> None:
    connect(site, a1=1)

    for n in range(3):
        site.start(f"J{n}")
    assert sent_to(site.agents["a1"]) == ["load0"]

    connect(site, a3=5)
    assert sent_to(site.agents["a3"]) == ["load1", "load2"]


@pytest.mark.parametrize("trouble", ["disabled", "draining", "away"])
def test_members_that_take_no_work_are_passed_over(site: Site, trouble: str) -> None:
    connect(site, a1=9, a2=1)
    if trouble == "disabled":
        put(site, Host(host="a1", agent_id="a1", enabled=False))
    elif trouble == "draining":
        with site.store.transaction() as tx:
            tx.agents.update("a1", state="draining")
        site.turns.submit(AgentChanged("a1"))
        site.settle()
    else:
        site.agents["a1"].cut()
        site.settle()

    site.start("J0")

    assert sent_to(site.agents["a1"]) == []
    assert sent_to(site.agents["a2"]) == ["load0"]


def test_a_group_in_a_group_counts_each_agent_once(site: Site) -> None:
    put(site, Host(host="inner", kind="group", members=("a2", "a1")))
    put(site, Host(host="farm", kind="group", members=("inner", "a1", "gone")))
    connect(site, a1=1, a2=1)

    runs = [site.start(f"J{n}") for n in range(3)]

    assert [bound(site, run)[1] for run in runs] == ["a2", "a1", ""]


def test_what_was_sent_is_never_sent_elsewhere_whatever_happens_to_the_member(site: Site) -> None:
    connect(site, a1=1)
    run = site.start("J0")
    connect(site, a2=9, a3=9)

    site.agents["a1"].cut()
    site.settle()
    site.restart()
    connect(site, a2=9, a3=9)
    assert bound(site, run) == ("sent", "a1", "a1")
    assert sent_to(site.agents["a2"]) + sent_to(site.agents["a3"]) == []

    connect(site, a1=1)
    site.agents["a1"].ends("load0")
    assert site.run(run).state == "ended"


def test_what_waits_for_a_group_waits_on_after_a_restart_of_the_server(site: Site) -> None:
    run = site.start("J0")

    site.restart()
    assert bound(site, run) == ("ready", "", "farm")

    connect(site, a3=1)
    assert bound(site, run) == ("sent", "a3", "a3")


def test_a_refusal_proves_that_it_never_started_so_another_member_gets_it(site: Site) -> None:
    later: list[Input] = []
    site.turns.later = lambda _seconds, item: later.append(item)
    connect(site, a1=9, a2=1)
    run = site.start("J0")

    site.agents["a1"].refuses("load0", "busy")

    assert bound(site, run) == ("sent", "a2", "a2")
    assert site.icon(run, "load0").memo["host"] == "a2"
    assert site.agents["a1"].key("load0") == site.agents["a2"].key("load0")


def test_a_restart_forgets_no_group_so_a_refusal_after_it_still_leads_elsewhere(site: Site) -> None:
    connect(site, a1=9)
    run = site.start("J0")
    site.restart()
    site.turns.later = lambda _seconds, item: None
    connect(site, a1=9)
    connect(site, a2=1)

    site.agents["a1"].refuses("load0", "no_space")

    assert bound(site, run) == ("sent", "a2", "a2")


def test_when_every_member_refuses_the_kind_of_work_the_icon_fails_and_says_why(site: Site) -> None:
    put(site, Host(host="farm", kind="group", members=("a1", "a2")))
    connect(site, a1=2, a2=2)
    run = site.start("J0")

    site.agents["a1"].refuses("load0", "kind")
    site.agents["a2"].refuses("load0", "kind")

    assert site.icon(run, "load0").state == "run_error"
    assert site.icon(run, "load0").message == 'no member of the group "farm" takes this work: refused because of kind'


def test_what_waits_for_a_group_can_be_stopped(site: Site) -> None:
    run = site.start("J0")

    site.ask(run, StopRun)

    assert site.run(run).state == "end_error"
    connect(site, a1=1)
    assert sent_to(site.agents["a1"]) == []


def test_a_group_that_is_removed_fails_what_waits_for_it(site: Site) -> None:
    run = site.start("J0")
    with site.store.transaction() as tx:
        tx.hosts.remove("farm")
    connect(site, a1=1)

    assert site.icon(run, "load0").message == 'the group "farm" is not there any more'


def test_an_agent_that_already_has_a_record_of_waiting_work_keeps_it(site: Site) -> None:
    """An older copy of the store: what it thinks waits had been sent, and runs."""
    run = site.start("J0")
    with site.store.snapshot() as view:
        (row,) = view.attempts.of_run(run)

    site.agents["a3"].facts = {"par": 1}
    site.agents["a3"].connect(inventory={row.k: "running"})
    connect(site, a1=9)

    assert bound(site, run) == ("running", "a3", "a3")
    assert sent_to(site.agents["a1"]) == []


def test_output_is_read_in_the_encoding_of_the_member_that_ran_it(site: Site) -> None:
    put(site, Host(host="a2", agent_id="a2", encoding="cp932"))
    connect(site, a2=1)
    run = site.start("J0")

    assert unpack_spec("cmd", site.agents["a2"].dispatched[0].spec)["enc"] == "cp932"
    site.agents["a2"].ends("load0", out="夜\n".encode("cp932"))

    assert site.icon(run, "load0").results["STD_OUT"] == "夜\n"


@pytest.mark.parametrize(
    ("host", "message"),
    [
        (
            Host(host="farm", kind="ssh", address="db.example", user="op"),
            'host "farm" is an SSH target (op@db.example:22), and this work needs an agent',
        ),
        (Host(host="farm", kind="group", members=("a1",), enabled=False), 'host "farm" is disabled'),
    ],
)
def test_work_that_no_agent_can_ever_take_fails_with_a_clear_sentence(site: Site, host: Host, message: str) -> None:
    put(site, host)

    run = site.start("J0")

    assert site.icon(run, "load0").message == message
