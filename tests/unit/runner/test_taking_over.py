"""After a fail-over from an older copy: what agents did for the earlier active is taken over, never done again."""

import pytest

from jaz_lite.model.event import DecideIcon
from jaz_lite.model.host import Host
from tests.unit.runner.site import AgentEnd, Site, chained, job

NIGHT = chained("NIGHT", job("load"), job("sort"))


@pytest.fixture
def lost(site: Site) -> tuple[Site, int]:
    """A run has begun; the copy that takes over knows of its first job only that it waits for its agent."""
    site.agents["a1"].connect()
    site.agents["a1"].cut()
    run = site.start(NIGHT)
    copy = site.save()
    site.agents["a1"].connect()
    site.agents["a1"].ends("load", exit_code=0, out=b"rows 7")
    site.agents["a1"].starts("sort")
    site.fall_back(copy)
    return site, run


def test_the_run_goes_on_where_the_agent_is_and_nothing_is_sent_again(lost: tuple[Site, int]) -> None:
    site, run = lost
    agent = site.agents["a1"]
    sent = len(agent.dispatched)

    agent.connect()

    assert site.icon(run, "load").results["STD_OUT"] == "rows 7"
    assert site.icon(run, "sort").state == "running"
    assert site.attempt_states(run) == {"/load#1/1": "done", "/sort#1/1": "running"}
    agent.ends("sort")
    assert site.run(run).state == "ended"
    assert len(agent.dispatched) == sent


def test_what_was_told_before_the_run_came_to_it_is_kept_for_it_over_a_restart(site: Site) -> None:
    for agent in site.agents.values():
        agent.connect()
    run = site.start(chained("NIGHT", job("load", host="a2"), job("sort")))
    copy = site.save()
    site.agents["a2"].ends("load")
    site.agents["a1"].ends("sort", exit_code=7, out=b"seven")
    site.fall_back(copy)

    site.agents["a1"].connect()
    assert site.icon(run, "sort").state == "waiting"
    site.restart()
    site.agents["a2"].connect()

    icon = site.icon(run, "sort")
    assert (icon.state, icon.exit_code, icon.results["STD_OUT"]) == ("ended", 7, "seven")
    assert len(site.agents["a1"].dispatched) == 1
    assert "attempt_taken" in site.journal_kinds()


@pytest.mark.parametrize(
    ("event", "fields", "state", "doubt"),
    [
        pytest.param("failed", {"why": "cwd", "msg": "no such folder"}, "run_error", None, id="it could not start"),
        pytest.param("cancelled", {"why": "server"}, "running", "cancelled_elsewhere", id="it was withdrawn there"),
        pytest.param("cancelled", {"why": "expired"}, "run_error", None, id="its time to start was over"),
        pytest.param("lost", {"why": "reboot"}, "running", "lost", id="its end is lost"),
    ],
)
def test_however_it_ended_there_the_run_learns_it(
    site: Site, event: str, fields: dict[str, str], state: str, doubt: str | None
) -> None:
    for agent in site.agents.values():
        agent.connect()
    run = site.start(chained("NIGHT", job("load", host="a2"), job("sort")))
    copy = site.save()
    site.agents["a2"].ends("load")
    site.agents["a1"].accepts("sort")
    site.agents["a1"].says(site.agents["a1"].key("sort"), event, **fields)
    site.agents["a1"].states[site.agents["a1"].key("sort")] = event
    site.fall_back(copy)
    for agent in site.agents.values():
        agent.connect()

    icon = site.icon(run, "sort")
    assert icon.state == state
    assert (icon.doubt.reason if icon.doubt else None) == doubt


def test_a_definition_that_differs_from_what_was_executed_is_for_a_person_to_judge(site: Site) -> None:
    for agent in site.agents.values():
        agent.connect()
    run = site.start(chained("NIGHT", job("load", host="a2"), job("sort")))
    copy = site.save()
    site.agents["a2"].ends("load")
    other = site.agents["a1"]
    k = tells_of_other_work(other, "sort", run)
    site.fall_back(copy)
    other.connect(inventory={k: "accepted"})
    site.agents["a2"].connect()

    doubt = site.icon(run, "sort").doubt
    assert doubt is not None
    assert doubt.reason == "differs"

    # How that other work ends does not count by itself.
    other.says(k, "started", pid=1, t=0)
    other.says(k, "finished", exit=0, t0=0, t1=0, out=0, err=0, out_head=b"", err_head=b"")
    assert site.icon(run, "sort").doubt == doubt
    assert site.attempt_states(run)["/sort#1/1"] == "done"
    site.ask(run, DecideIcon, "sort", "ended")
    assert site.run(run).state == "ended"


def tells_of_other_work(agent: AgentEnd, icon_id: str, run: int) -> bytes:
    """Have an agent write down that it accepted, under the key of an order, something else than that says."""
    order = agent.orders[agent.key(icon_id)]
    agent.cut(told=False)
    agent.says(
        order.k, "accepted", settle=False, occ=order.occ, path=order.path, att=1, run=run, kind="cmd",
        digest=b"x" * 32, desc={},
    )  # fmt: skip
    return order.k


def test_work_that_waits_here_and_was_other_work_there_is_for_a_person_to_judge(lost: tuple[Site, int]) -> None:
    site, run = lost
    agent = site.agents["a1"]
    agent.log = []
    k = tells_of_other_work(agent, "load", run)
    agent.connect(inventory={k: "accepted"})

    doubt = site.icon(run, "load").doubt
    assert doubt is not None
    assert doubt.reason == "differs"


def test_another_agent_that_claims_work_of_the_window_makes_it_doubtful(site: Site) -> None:
    """The earlier active had pointed the host at another machine after the copy was taken (8.8, R6)."""
    for agent in site.agents.values():
        agent.connect()
    run = site.start(chained("NIGHT", job("load", host="a2"), job("sort")))
    copy = site.save()
    with site.store.transaction() as tx:
        tx.hosts.put(Host(host="a1", agent_id="a2"))
    site.agents["a2"].ends("load")
    site.agents["a2"].ends("sort")
    site.fall_back(copy)

    site.agents["a1"].connect()
    site.agents["a2"].connect()

    doubt = site.icon(run, "sort").doubt
    assert doubt is not None
    assert doubt.reason == "foreign"
    assert site.agents["a1"].dispatched == []


def test_new_runs_are_named_apart_from_those_of_a_history_that_is_lost(site: Site) -> None:
    copy = site.save()
    site.restart()
    site.agents["a1"].connect()
    lost = site.start(chained("NIGHT", job("load")))
    site.set_back(copy)

    site.agents["a1"].connect()
    new = site.start(chained("NIGHT", job("load")))

    assert new == lost  # both were the first of the same start
    first, second = site.agents["a1"].dispatched
    assert first.k != second.k
