"""The uncertainty window: what waits for whom after a fail-over, what is held, and what is shown in the end (8.4)."""

from collections.abc import Iterator
from datetime import UTC
from pathlib import Path

import pytest

from jaz_lite.model.event import DecideIcon, HoldIcon, ReleaseHold
from jaz_lite.model.host import Host
from jaz_lite.model.run import DOUBT_REASONS, Doubt
from jaz_lite.operations.doubts import notices
from jaz_lite.runner.inputs import AgentRevoked
from tests.unit.runner.site import Site, chained, job

MINUTE_S = 60
TEN_MINUTES_S = 10 * MINUTE_S
LOAD = chained("LOAD", job("load"))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path / "data", agents=("a1", "a2"))
    with made.store.transaction() as tx:
        tx.hosts.put(Host(host="farm", kind="group", members=("a1", "a2")))
    made.define(LOAD, chained("SPREAD", job("spread", host="farm")), chained("FIRST", job("sort"), job("load")))
    yield made
    made.close()


def connect(site: Site, *names: str) -> None:
    for name in names or site.agents:
        site.agents[name].connect()


def doubt(site: Site, run: int, path: str) -> Doubt:
    found = site.icon(run, path).doubt
    assert found is not None
    assert found.reason in DOUBT_REASONS
    return found


def is_open(site: Site) -> bool:
    with site.store.snapshot() as view:
        return view.window.current() is not None


# ---- open and closed


def test_the_window_is_closed_ten_minutes_after_all_agents_were_heard(site: Site) -> None:
    connect(site)
    site.fall_back(site.save())
    connect(site, "a1")
    site.pass_time(2 * TEN_MINUTES_S)
    assert is_open(site)

    connect(site, "a2")
    site.pass_time(TEN_MINUTES_S - 1)
    assert is_open(site)
    site.pass_time(20)

    assert not is_open(site)
    assert "window_closed" in site.journal_kinds()


def said(site: Site) -> str:
    """Return what `status` says of the window."""
    with site.store.snapshot() as view:
        return " ".join(notices(view, UTC, list(site.turns.live)))


@pytest.mark.parametrize("remove", [False, True], ids=["revoked", "revoked and forgotten"])
def test_an_agent_that_is_off_for_ever_is_named_until_a_person_says_that_it_will_not_come(
    site: Site, remove: bool
) -> None:
    connect(site)
    site.fall_back(site.save())
    connect(site, "a1")
    site.pass_time(30 * 86_400)
    assert is_open(site)
    assert "not heard since: a2; of one that will never come back, say so: `jaz-lite agent revoke NAME`" in said(site)

    site.turns.submit(AgentRevoked("a2", remove=remove))
    site.settle()
    site.pass_time(20)

    assert not is_open(site)
    assert said(site) == ""


def test_a_window_that_waits_for_a_decision_says_so_and_closes_after_it(site: Site) -> None:
    connect(site)
    run = site.start("FIRST")
    site.fall_back(site.save())
    site.agents["a1"].spool, site.agents["a1"].log = bytes(16), []
    connect(site)
    site.pass_time(2 * TEN_MINUTES_S)
    assert f"closes when this is decided: `jaz-lite run list --doubts` (run {run})" in said(site)

    site.ask(run, DecideIcon, "sort", "failed")
    site.pass_time(20)

    assert not is_open(site)


def test_a_window_that_waits_for_a_run_which_may_come_to_more_names_it(site: Site) -> None:
    connect(site)
    run = site.start("FIRST")
    copy = site.save()
    site.agents["a1"].ends("sort")
    site.agents["a1"].ends("load")
    site.fall_back(copy)
    site.ask(run, HoldIcon, "load")
    connect(site)
    site.pass_time(2 * TEN_MINUTES_S)
    assert f"which may come to more of what was done: run {run}" in said(site)

    site.ask(run, ReleaseHold, "load")
    assert site.run(run).state == "ended"
    site.pass_time(20)

    assert not is_open(site)


def test_a_restart_in_the_window_forgets_nothing_of_it(site: Site) -> None:
    connect(site)
    site.fall_back(site.save())
    connect(site, "a1")
    site.restart()
    assert is_open(site)

    connect(site)
    site.pass_time(TEN_MINUTES_S + 20)

    assert not is_open(site)


def test_an_agent_that_was_told_of_more_than_we_know_opens_the_window(site: Site) -> None:
    connect(site)
    run = site.start("FIRST")
    copy = site.save()
    site.agents["a1"].ends("sort")
    site.set_back(copy)
    assert not is_open(site)

    connect(site, "a1")

    assert is_open(site)
    assert site.run(run).replayed_since_ms is not None
    assert "server_set_back" in site.journal_kinds()


@pytest.mark.parametrize(("heard_s", "opens"), [(40, True), (90, False), (None, False)])
def test_an_agent_that_heard_a_server_later_than_this_directory_knows_opens_the_window(
    site: Site, heard_s: int | None, opens: bool
) -> None:
    """Nothing it has itself is missing; so it alone says that what others have may be. The copy is 100 s old."""
    connect(site)
    copy = site.save()
    term = {"term": site.identity.term, "act": site.identity.act, "ticket": site.ticket}
    site.clock.advance(100)
    site.set_back(copy)

    site.agents["a1"].facts |= {**term, "heard_s": heard_s}
    connect(site, "a1")

    assert is_open(site) is opens
    assert ("server_lived_on" in site.journal_kinds()) is opens


# ---- times that were missed


def lost_start(site: Site, late_start: str = "error", *, told: bool = True) -> int:
    """A run is planned for in five minutes; it is started after the copy was taken, which is activated an hour later."""
    connect(site)
    run = site.plan("LOAD", site.clock.now_ms() + 5 * MINUTE_S * 1000, late_start=late_start)
    copy = site.save()
    if told:
        site.pass_time(5 * MINUTE_S + 1)
        site.agents["a1"].ends("load", out=b"there")
    site.clock.advance(60 * MINUTE_S)
    site.fall_back(copy)
    site.settle()
    return run


@pytest.mark.parametrize("late_start", ["error", "skip", "run_latest", "run_all"])
def test_a_time_that_was_missed_is_not_judged_before_the_agents_have_spoken(site: Site, late_start: str) -> None:
    run = lost_start(site, late_start)
    assert site.run(run).state == "waiting"

    connect(site, "a1")

    assert (site.run(run).state, site.run(run).load_status) == ("ended", "normal")
    assert site.icon(run, "load").results["STD_OUT"] == "there"
    assert len(site.agents["a1"].dispatched) == 1


def test_a_start_that_is_replayed_sees_its_own_time_and_not_that_of_the_takeover(site: Site) -> None:
    planned_ms = site.clock.now_ms() + 5 * MINUTE_S * 1000
    run = lost_start(site)
    connect(site, "a1")

    before = site.icon(run, "load").before
    assert before["JOBNET_BOOT_TIME"] == before["JOBNET_SCHEDULED_TIME"]
    assert site.run(run).scheduled_ms == planned_ms


@pytest.mark.parametrize(
    ("late_start", "state", "load_status"), [("error", "run_error", "delayed"), ("skip", "ended", "skipped")]
)
def test_once_all_have_spoken_and_nobody_had_it_the_policy_decides(
    site: Site, late_start: str, state: str, load_status: str
) -> None:
    run = lost_start(site, late_start, told=False)
    connect(site, "a1")
    assert site.run(run).state == "waiting"

    connect(site, "a2")

    assert (site.run(run).state, site.run(run).load_status) == (state, load_status)


def test_an_agent_that_stays_away_is_waited_for_ten_minutes(site: Site) -> None:
    run = lost_start(site, told=False)
    connect(site, "a2")
    site.pass_time(TEN_MINUTES_S - 1)
    assert site.run(run).state == "waiting"

    site.pass_time(2)

    assert site.run(run).start_missed


def test_late_evidence_starts_a_delayed_start_error_as_a_replay(site: Site) -> None:
    run = lost_start(site)
    site.pass_time(TEN_MINUTES_S + 1)
    assert site.run(run).start_missed

    connect(site, "a1")

    assert site.run(run).state == "ended"
    assert site.run(run).job_status == "normal"


def test_late_evidence_of_a_skipped_start_is_kept_with_its_run(site: Site) -> None:
    run = lost_start(site, "skip")
    site.pass_time(TEN_MINUTES_S + 1)
    assert site.run(run).load_status == "skipped"

    connect(site)
    site.pass_time(TEN_MINUTES_S + 20)

    assert site.run(run).load_status == "skipped"
    assert site.attempt_states(run) == {"/load#1/1": "done"}


def test_a_time_after_the_takeover_is_judged_as_ever(site: Site) -> None:
    connect(site)
    site.fall_back(site.save())
    run = site.plan("LOAD", site.clock.now_ms() + 1000)
    site.clock.advance(TEN_MINUTES_S)
    site.settle()

    assert site.run(run).start_missed


# ---- groups


def spread(site: Site) -> int:
    """Work for a group waits for a member with room; the earlier active gave it to a2, where it ended."""
    connect(site)
    for agent in site.agents.values():
        agent.cut()
    run = site.start("SPREAD")
    copy = site.save()
    connect(site, "a2")
    site.agents["a2"].ends("spread")
    site.fall_back(copy)
    return run


def test_work_of_a_group_waits_until_every_member_was_heard(site: Site) -> None:
    run = spread(site)
    connect(site, "a1")
    assert site.agents["a1"].dispatched == []

    connect(site, "a2")

    assert site.run(run).state == "ended"
    assert site.agents["a1"].dispatched == []


def test_work_that_no_member_had_goes_to_one_once_all_were_heard(site: Site) -> None:
    connect(site)
    for agent in site.agents.values():
        agent.cut()
    run = site.start("SPREAD")
    site.fall_back(site.save())
    connect(site, "a1")
    assert site.attempt_states(run) == {"/spread#1/1": "ready"}

    connect(site, "a2")

    assert site.attempt_states(run) == {"/spread#1/1": "sent"}


def test_after_a_restart_work_of_a_group_waits_until_every_member_was_heard_again(site: Site) -> None:
    connect(site)
    for agent in site.agents.values():
        agent.cut()
    run = site.start("SPREAD")
    site.fall_back(site.save())
    connect(site, "a1")
    site.restart()

    connect(site, "a2")  # a1 may have worked for another copy that began the same epoch
    assert site.attempt_states(run) == {"/spread#1/1": "ready"}

    connect(site, "a1")
    assert site.attempt_states(run) == {"/spread#1/1": "sent"}


def test_a_restart_long_after_the_takeover_makes_no_work_of_a_group_doubtful(site: Site) -> None:
    connect(site)
    run = site.start(chained("SORTED", job("sort"), job("spread", host="farm")))
    site.fall_back(site.save())
    connect(site, "a1")
    site.pass_time(TEN_MINUTES_S + 20)
    connect(site, "a2")
    site.restart()
    connect(site, "a1")
    site.pass_time(MINUTE_S)
    site.agents["a1"].ends("sort")
    assert site.icon(run, "spread").doubt is None
    assert site.attempt_states(run)["/spread#1/1"] == "ready"

    connect(site, "a2")

    assert site.attempt_states(run)["/spread#1/1"] == "sent"


def test_after_ten_minutes_work_of_a_group_is_in_doubt_until_the_member_comes(site: Site) -> None:
    run = spread(site)
    connect(site, "a1")
    site.pass_time(TEN_MINUTES_S + 20)
    assert doubt(site, run, "spread").reason == "unheard"
    assert "a2" in doubt(site, run, "spread").message

    connect(site, "a2")

    assert site.run(run).state == "ended"
    assert site.agents["a1"].dispatched == []


def test_doubt_about_a_group_ends_when_the_last_member_proves_that_nobody_had_it(site: Site) -> None:
    connect(site)
    for agent in site.agents.values():
        agent.cut()
    run = site.start("SPREAD")
    site.fall_back(site.save())
    connect(site, "a1")
    site.pass_time(TEN_MINUTES_S + 20)
    assert doubt(site, run, "spread").reason == "unheard"
    site.restart()
    connect(site, "a1")

    connect(site, "a2")

    assert site.icon(run, "spread").doubt is None
    assert site.attempt_states(run) == {"/spread#1/1": "sent"}


def test_what_one_member_refused_and_another_did_is_not_sent_to_the_first_again(site: Site) -> None:
    site.turns.later = lambda _seconds, item: None
    connect(site)
    site.agents["a2"].cut()
    site.settle()
    run = site.start("SPREAD")
    copy = site.save()
    connect(site, "a2")
    site.agents["a1"].refuses("spread", "no_space")
    site.agents["a2"].ends("spread")
    site.fall_back(copy)

    connect(site, "a1")
    assert len(site.agents["a1"].dispatched) == 1
    connect(site, "a2")

    assert site.run(run).state == "ended"
    assert len(site.agents["a1"].dispatched) == 1


# ---- records that were lost, copies that are too old


def test_where_an_agent_lost_its_records_in_the_window_nothing_is_begun_unseen(site: Site) -> None:
    connect(site)
    run = site.start("FIRST")
    copy = site.save()
    site.agents["a1"].ends("sort")
    site.agents["a1"].starts("load")
    site.fall_back(copy)
    agent = site.agents["a1"]
    agent.spool, agent.log, agent.states = bytes(16), [], {}
    sent = len(agent.dispatched)

    connect(site)

    assert doubt(site, run, "sort").reason == "setback"
    site.ask(run, DecideIcon, "sort", "ended")
    assert doubt(site, run, "load").reason == "setback"
    assert len(agent.dispatched) == sent
    site.ask(run, DecideIcon, "load", "rerun")
    assert len(agent.dispatched) == sent + 1


def test_what_came_after_the_window_needs_no_proof(site: Site) -> None:
    connect(site)
    copy = site.save()
    site.fall_back(copy)
    site.agents["a1"].spool, site.agents["a1"].log = bytes(16), []
    connect(site)

    run = site.start("LOAD")

    assert site.attempt_states(run) == {"/load#1/1": "sent"}


def test_a_copy_older_than_what_agents_remember_holds_what_no_agent_knows(site: Site) -> None:
    connect(site)
    run = site.start("FIRST")
    site.agents["a1"].ends("sort")
    site.agents["a1"].cut()
    other = site.start("LOAD")
    copy = site.save()
    site.clock.advance(6 * 86_400 + 60)
    site.fall_back(copy)

    site.agents["a1"].connect(inventory={})

    assert doubt(site, run, "load").reason == "too_old"
    assert doubt(site, other, "load").reason == "too_old"
    new = site.start("LOAD")
    assert site.attempt_states(new) == {"/load#1/1": "sent"}


# ---- what no run comes to


def test_a_run_that_only_agents_know_becomes_a_record_with_its_results(site: Site) -> None:
    connect(site)
    copy = site.save()
    lost = site.start("FIRST")
    site.agents["a1"].ends("sort", out=b"sorted")
    site.agents["a1"].starts("load")
    site.fall_back(copy)
    connect(site)
    site.pass_time(TEN_MINUTES_S + 20)

    with site.store.snapshot() as view:
        row = view.runs.row(lost)
    assert row is not None
    assert (row.jobnet_id, row.state) == ("FIRST", "end_error")
    assert site.run(lost).message == row.message
    assert "adopted from an earlier active" in row.message
    assert site.attempt_states(lost) == {"/sort#1/1": "done", "/load#1/1": "running"}

    site.agents["a1"].ends("load")
    assert site.attempt_states(lost) == {"/sort#1/1": "done", "/load#1/1": "done"}
    assert len(site.agents["a1"].dispatched) == 2
