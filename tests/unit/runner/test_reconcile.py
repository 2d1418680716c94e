"""Reconciliation, cell by cell (protocol section 7): what the server holds against what the agent knows."""

import pytest

from jaz_lite.model.event import DecideIcon, StopIcon
from tests.unit.runner.site import Site, chained, job


@pytest.fixture
def started(site: Site) -> tuple[Site, int]:
    site.agents["a1"].connect()
    return site, site.start(chained("NIGHT", job("load")))


def test_sent_and_unknown_to_the_agent_is_sent_again_with_the_same_key(started: tuple[Site, int]) -> None:
    site, _run = started
    agent = site.agents["a1"]
    agent.cut()
    agent.connect(inventory={})

    first, second = agent.dispatched
    assert (first.k, first.spec) == (second.k, second.spec)


def test_accepted_while_the_link_was_down_is_not_sent_again(started: tuple[Site, int]) -> None:
    site, run = started
    agent = site.agents["a1"]
    agent.cut()
    agent.accepts("load")
    agent.connect()

    assert len(agent.dispatched) == 1
    assert site.attempt_states(run) == {"/load#1/1": "accepted"}


@pytest.mark.parametrize("state", ["accepted", "running"])
def test_an_agent_that_forgot_a_job_leaves_it_in_doubt(started: tuple[Site, int], state: str) -> None:
    site, run = started
    agent = site.agents["a1"]
    agent.accepts("load") if state == "accepted" else agent.starts("load")
    agent.cut()
    agent.connect(inventory={})

    doubt = site.icon(run, "load").doubt
    assert doubt is not None
    assert doubt.reason == "agent_forgot"
    assert len(agent.dispatched) == 1


def test_a_rotated_spool_puts_what_was_on_the_agent_in_doubt(started: tuple[Site, int]) -> None:
    site, run = started
    agent = site.agents["a1"]
    agent.starts("load")
    agent.cut()
    agent.spool, agent.states = bytes(16), {}
    agent.connect()

    doubt = site.icon(run, "load").doubt
    assert doubt is not None
    assert doubt.reason == "setback"
    assert agent.welcomes[-1].cursor == 0
    assert len(agent.dispatched) == 1


def test_stopping_and_unknown_to_the_agent_plants_a_tombstone(started: tuple[Site, int]) -> None:
    site, run = started
    agent = site.agents["a1"]
    agent.cut()
    site.ask(run, StopIcon, "load")
    agent.connect(inventory={})
    assert [ask.k for ask in agent.cancelled] == [agent.key("load")]

    agent.says(agent.key("load"), "cancelled", why="server")

    assert site.icon(run, "load").state == "run_error"


def test_cancelled_by_nobody_here_is_held(started: tuple[Site, int]) -> None:
    site, run = started
    agent = site.agents["a1"]
    agent.says(agent.key("load"), "cancelled", why="server")

    doubt = site.icon(run, "load").doubt
    assert doubt is not None
    assert doubt.reason == "cancelled_elsewhere"


def test_a_running_job_the_agent_has_only_accepted_was_set_back(started: tuple[Site, int]) -> None:
    site, run = started
    agent = site.agents["a1"]
    agent.starts("load")
    agent.cut()
    agent.connect(inventory={agent.key("load"): "accepted"})

    doubt = site.icon(run, "load").doubt
    assert doubt is not None
    assert doubt.reason == "setback"
    assert [ask.k for ask in agent.cancelled] == [agent.key("load")]


def test_an_abandoned_attempt_is_withdrawn_and_its_late_result_changes_nothing(started: tuple[Site, int]) -> None:
    site, run = started
    agent = site.agents["a1"]
    agent.starts("load")
    agent.says(agent.key("load"), "lost", why="unknown")
    site.ask(run, DecideIcon, "load", "failed")
    assert site.icon(run, "load").state == "run_error"

    agent.ends("load")

    assert site.icon(run, "load").state == "run_error"
    assert site.attempt_states(run) == {"/load#1/1": "done"}


def test_reports_under_an_old_log_do_not_move_the_cursor_of_a_new_one(
    started: tuple[Site, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    site, _run = started
    agent = site.agents["a1"]
    agent.accepts("load", settle=False)
    old_port, old_link = agent.port, agent.link
    assert old_port is not None
    assert old_link is not None
    agent.spool, agent.states, agent.log = bytes(16), {}, []
    with monkeypatch.context() as waiting:
        waiting.setattr(site, "turn", lambda: False)
        agent.connect()
    site.turn()  # another log: it waits whether the older session answers
    with monkeypatch.context() as waiting:
        waiting.setattr(site, "turn", lambda: False)  # the end of the waiting and late reports gather for one turn
        site.links.happened(old_port, old_port.link.receive(old_link.take(), site.clock.monotonic()))
    assert site.turns.backlog == 2
    site.turn()

    with site.store.snapshot() as view:
        row = view.agents.find("a1")
    assert row is not None
    assert (row.spool, row.cursor) != (old_port.spool, 1)
    assert row.cursor == 0


def test_records_that_the_agent_keeps_no_more_leave_a_gap_and_doubt(started: tuple[Site, int]) -> None:
    site, run = started
    agent = site.agents["a1"]
    agent.cut()
    # Four events were written, acknowledged to a server with newer data, and have gone; the fifth is told.
    agent.log = [b""] * 4
    agent.facts |= {"low": 5, "low_chain": b"chain before fiv"}
    agent.says(None, "clock_jump", settle=False, s=1)

    agent.connect(inventory={})

    assert "agent_gap" in site.journal_kinds()
    assert agent.welcomes[-1].cursor == 4
    assert agent.welcomes[-1].chain == b"chain before fiv"
    assert agent.acked == 5
    assert site.attempt_states(run) == {"/load#1/1": "unknown"}
    assert len(agent.dispatched) == 1


def test_an_agent_that_was_told_of_more_than_we_know_shows_that_we_were_set_back(started: tuple[Site, int]) -> None:
    site, run = started
    agent = site.agents["a1"]
    agent.cut()
    agent.accepts("load")
    agent.acked = 1

    agent.connect()

    assert "server_set_back" in site.journal_kinds()
    assert site.attempt_states(run) == {"/load#1/1": "accepted"}


@pytest.mark.parametrize(("strict", "states"), [(True, "unknown"), (False, "sent")], ids=["strict", "normal"])
def test_no_record_after_a_boot_proves_nothing_on_a_machine_that_may_be_set_back(
    started: tuple[Site, int], strict: bool, states: str
) -> None:
    site, run = started
    agent = site.agents["a1"]
    agent.cut()
    agent.boot = b"boot-2".ljust(16, b"\0")
    agent.facts["strict"] = strict

    agent.connect(inventory={})

    assert site.attempt_states(run) == {"/load#1/1": states}
    assert len(agent.dispatched) == (1 if strict else 2)


def test_no_record_in_the_same_boot_is_proof_on_every_machine(started: tuple[Site, int]) -> None:
    site, run = started
    agent = site.agents["a1"]
    agent.cut()
    agent.facts["strict"] = True

    agent.connect(inventory={})

    assert site.attempt_states(run) == {"/load#1/1": "sent"}
    assert len(agent.dispatched) == 2
