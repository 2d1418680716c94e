"""Runs under the runner: how they start, what people ask of them, and results that come late or from elsewhere."""

from dataclasses import replace

import pytest

from jaz_lite.errors import NoSuchObject, Refused
from jaz_lite.model.event import (
    DecideIcon,
    HoldIcon,
    ReleaseHold,
    RerunIcon,
    SkipIcon,
    StopIcon,
    StopRun,
)
from tests.unit.runner.site import Site, chained, job


def test_an_unknown_host_is_an_error_that_says_what_to_do(site: Site) -> None:
    run = site.start(chained("NIGHT", job("load", host="nowhere")))

    icon = site.icon(run, "load")
    assert icon.state == "run_error"
    assert "nowhere" in icon.message
    assert "host add" in icon.message


def test_a_jobnet_without_an_enabled_version_cannot_be_started(site: Site) -> None:
    with pytest.raises(NoSuchObject, match="there is no jobnet"):
        site.start("NOTHING")


def test_a_missing_sub_jobnet_is_a_load_error_on_record(site: Site) -> None:
    from jaz_lite.model.jobnet import Icon

    run = site.start(chained("NIGHT", Icon(icon_id="SUB", type="sub_jobnet", params={"jobnet_id": "GONE"})))

    stored = site.run(run)
    assert (stored.state, stored.load_status) == ("end_error", "load_error")
    assert "GONE" in stored.message


def test_waiting_runs_of_a_jobnet_start_one_after_the_other(site: Site) -> None:
    agent = site.agents["a1"]
    agent.connect()
    night = chained("NIGHT", job("load"), multiple_start="wait")
    first = site.start(night)
    second, third = site.start("NIGHT"), site.start("NIGHT")
    assert [site.run(run).state for run in (first, second, third)] == ["running", "waiting", "waiting"]

    agent.ends("load")

    assert [site.run(run).state for run in (first, second, third)] == ["ended", "running", "waiting"]


def test_a_run_that_may_not_run_twice_is_skipped(site: Site) -> None:
    site.agents["a1"].connect()
    site.start(chained("NIGHT", job("load"), multiple_start="skip"))
    second = site.start("NIGHT")

    assert (site.run(second).state, site.run(second).load_status) == ("ended", "skipped")


def test_held_skipped_and_released_icons(site: Site) -> None:
    agent = site.agents["a1"]
    agent.connect()
    run = site.start(chained("NIGHT", job("load"), job("check"), job("report")))
    site.ask(run, HoldIcon, "report")
    site.ask(run, SkipIcon, "check")
    agent.ends("load")
    assert site.icon(run, "check").state == "ended"
    assert site.icon(run, "report").state == "ready"

    site.ask(run, ReleaseHold, "report")
    agent.ends("report")

    assert site.run(run).state == "ended"


def test_a_refused_operation_says_why(site: Site) -> None:
    run = site.start(chained("NIGHT", job("load")))

    with pytest.raises(Refused, match="load"):
        site.ask(run, RerunIcon, "load")


def test_stopping_an_icon_kills_its_job(site: Site) -> None:
    agent = site.agents["a1"]
    agent.connect()
    run = site.start(chained("NIGHT", job("load")))
    agent.starts("load")
    site.ask(run, StopIcon, "load")
    assert [kill.k for kill in agent.killed] == [agent.key("load")]
    assert site.icon(run, "load").state == "stopping"

    now = site.clock.now_ms()
    agent.says(
        agent.key("load"), "finished", sig=15, t0=now, t1=now, out=0, err=0, out_head=b"", err_head=b"", killed="kill"
    )

    assert site.icon(run, "load").state == "run_error"


def test_stopping_what_was_never_sent_needs_no_agent(site: Site) -> None:
    run = site.start(chained("NIGHT", job("load")))
    site.ask(run, StopRun)

    assert site.run(run).state == "end_error"
    assert site.attempt_states(run) == {"/load#1/1": "cancelled"}


def test_a_stop_that_the_agent_did_not_hear_is_said_again(site: Site) -> None:
    agent = site.agents["a1"]
    agent.connect()
    run = site.start(chained("NIGHT", job("load")))
    agent.starts("load")
    agent.cut()
    site.ask(run, StopIcon, "load")
    assert agent.killed == []

    agent.connect()

    assert [kill.k for kill in agent.killed] == [agent.key("load")]


def test_a_lost_job_is_held_for_a_decision_and_started_by_nobody(site: Site) -> None:
    agent = site.agents["a1"]
    agent.connect()
    run = site.start(chained("NIGHT", job("load")))
    agent.starts("load")
    agent.says(agent.key("load"), "lost", why="shim")

    icon = site.icon(run, "load")
    assert icon.state == "running"
    assert icon.doubt is not None
    assert icon.doubt.reason == "lost"
    assert len(agent.dispatched) == 1

    site.ask(run, DecideIcon, "load", "rerun")
    assert [order.att for order in agent.dispatched] == [1, 2]
    agent.ends("load")
    assert site.run(run).state == "ended"


def test_late_evidence_ends_a_doubt(site: Site) -> None:
    agent = site.agents["a1"]
    agent.connect()
    run = site.start(chained("NIGHT", job("load")))
    agent.starts("load")
    agent.says(agent.key("load"), "lost", why="unknown")
    agent.ends("load", exit_code=0)

    assert site.run(run).state == "ended"
    assert site.icon(run, "load").doubt is None


def test_a_result_from_an_agent_that_was_never_asked_is_refused(site: Site) -> None:
    agent, other = site.agents["a1"], site.agents["a2"]
    agent.connect()
    other.connect()
    run = site.start(chained("NIGHT", job("load")))
    now = site.clock.now_ms()
    other.says(agent.key("load"), "finished", exit=0, t0=now, t1=now, out=0, err=0, out_head=b"", err_head=b"")

    assert site.icon(run, "load").state == "running"
    assert "foreign_result" in site.journal_kinds()


def test_news_of_one_turn_come_in_the_order_in_which_things_happened(site: Site) -> None:
    agent = site.agents["a1"]
    agent.connect()
    jobnet = chained("NIGHT", job("load"))
    run = site.start(replace(jobnet, icons=tuple(reversed(jobnet.icons))))  # END has the lowest number
    watcher = site.turns.feed.watch(run, lambda: None)
    agent.ends("load")

    ended = [item["path"] for item in watcher.items if item["kind"] == "icon" and item["state"] == "ended"]
    assert ended == ["/load", "/END"]


def test_output_beyond_what_is_kept_is_told_to_people(site):
    site.agents["a1"].connect()
    site.start(chained("MUCH", job("z")))
    agent = site.agents["a1"]
    agent.starts("z")

    agent.says(agent.key("z"), "finished", exit=0, t0=1, t1=2, out=5, err=0, out_head=b"", err_head=b"", trunc=True)

    assert "output_truncated" in site.journal_kinds()
