"""The reconciliation table (protocol section 7), each cell in words: what the server holds, what the agent knows."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from jaz_lite.model.event import DecideIcon
from jaz_lite.runner.inputs import AgentUnheard
from tests.unit.runner.reconciling import (
    HELD,
    JOBNET,
    KNOWN,
    Held,
    Known,
    abandoned,
    accepted,
    cancelled,
    could_not_start,
    done,
    failed,
    finishes,
    has_accepted,
    has_cancelled,
    has_done,
    is_starting,
    lost_it,
    lost_records,
    no_row,
    none,
    ready,
    running,
    runs,
    sent,
    stays_away,
    stopping,
    unknown,
)
from tests.unit.runner.site import Site


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What became of it: the attempt's state ("": no row), why its icon is in doubt, and what the agent was told.

    told: what of the unusual people are told. icon: its state; "": its run is not known here.
    """

    attempt: str
    doubt: str | None = None
    sent: int = 1  # work orders in all, that of the first server included
    cancelled: bool = False
    killed: bool = False
    told: str = ""
    icon: str = "running"


UNUSUAL = frozenset(
    ("agent_forgot", "agent_set_back", "agent_runs_again", "result_differs", "late_result", "abandoned_lost")
)

K_PATH = "/load#1/1"

TABLE: dict[tuple[Held, Known], Cell] = {
    (no_row, none): Cell(attempt="", icon=""),
    (no_row, lost_records): Cell(attempt="", icon=""),
    (no_row, has_accepted): Cell(attempt="accepted", icon=""),
    (no_row, is_starting): Cell(attempt="accepted", icon=""),
    (no_row, runs): Cell(attempt="running", icon=""),
    (no_row, has_done): Cell(attempt="done", icon=""),
    (no_row, could_not_start): Cell(attempt="failed", icon=""),
    (no_row, lost_it): Cell(attempt="unknown", icon=""),
    (no_row, has_cancelled): Cell(attempt="cancelled", icon=""),
    (no_row, stays_away): Cell(attempt="", icon=""),
    (ready, none): Cell(attempt="sent", sent=2),
    (ready, lost_records): Cell(attempt="unknown", doubt="setback"),
    (ready, has_accepted): Cell(attempt="accepted"),
    (ready, is_starting): Cell(attempt="accepted"),
    (ready, runs): Cell(attempt="running"),
    (ready, has_done): Cell(attempt="done", icon="ended"),
    (ready, could_not_start): Cell(attempt="failed", icon="run_error"),
    (ready, lost_it): Cell(attempt="unknown", doubt="lost"),
    (ready, has_cancelled): Cell(attempt="cancelled", doubt="cancelled_elsewhere"),
    (ready, stays_away): Cell(attempt="ready"),
    (sent, none): Cell(attempt="sent", sent=2),
    (sent, lost_records): Cell(attempt="unknown", doubt="setback"),
    (sent, has_accepted): Cell(attempt="accepted"),
    (sent, is_starting): Cell(attempt="accepted"),
    (sent, runs): Cell(attempt="running"),
    (sent, has_done): Cell(attempt="done", icon="ended"),
    (sent, could_not_start): Cell(attempt="failed", icon="run_error"),
    (sent, lost_it): Cell(attempt="unknown", doubt="lost"),
    (sent, has_cancelled): Cell(attempt="cancelled", doubt="cancelled_elsewhere"),
    (sent, stays_away): Cell(attempt="sent"),
    (accepted, none): Cell(attempt="unknown", doubt="agent_forgot", told="agent_forgot"),
    (accepted, lost_records): Cell(attempt="unknown", doubt="setback"),
    (accepted, has_accepted): Cell(attempt="accepted"),
    (accepted, is_starting): Cell(attempt="accepted"),
    (accepted, runs): Cell(attempt="running"),
    (accepted, has_done): Cell(attempt="done", icon="ended"),
    (accepted, could_not_start): Cell(attempt="failed", icon="run_error"),
    (accepted, lost_it): Cell(attempt="unknown", doubt="lost"),
    (accepted, has_cancelled): Cell(attempt="cancelled", doubt="cancelled_elsewhere"),
    (accepted, stays_away): Cell(attempt="accepted"),
    (running, none): Cell(attempt="unknown", doubt="agent_forgot", told="agent_forgot"),
    (running, lost_records): Cell(attempt="unknown", doubt="setback"),
    (running, has_accepted): Cell(attempt="unknown", doubt="setback", cancelled=True, told="agent_set_back"),
    (running, is_starting): Cell(attempt="unknown", doubt="setback", cancelled=True, told="agent_set_back"),
    (running, runs): Cell(attempt="running"),
    (running, has_done): Cell(attempt="done", icon="ended"),
    (running, could_not_start): Cell(attempt="failed", icon="run_error"),
    (running, lost_it): Cell(attempt="unknown", doubt="lost"),
    (running, has_cancelled): Cell(attempt="unknown", doubt="setback", told="agent_set_back"),
    (running, stays_away): Cell(attempt="running"),
    (stopping, none): Cell(attempt="stopping", cancelled=True, icon="stopping"),
    (stopping, lost_records): Cell(attempt="unknown", doubt="setback", icon="stopping"),
    (stopping, has_accepted): Cell(attempt="stopping", killed=True, icon="stopping"),
    (stopping, is_starting): Cell(attempt="stopping", killed=True, icon="stopping"),
    (stopping, runs): Cell(attempt="stopping", killed=True, icon="stopping"),
    (stopping, has_done): Cell(attempt="done", icon="run_error"),
    (stopping, could_not_start): Cell(attempt="failed", icon="run_error"),
    (stopping, lost_it): Cell(attempt="unknown", doubt="lost", icon="stopping"),
    (stopping, has_cancelled): Cell(attempt="cancelled", icon="run_error"),
    (stopping, stays_away): Cell(attempt="stopping", icon="stopping"),
    (done, none): Cell(attempt="done", icon="ended"),
    (done, lost_records): Cell(attempt="done", icon="ended"),
    (done, has_accepted): Cell(attempt="done", cancelled=True, told="agent_set_back", icon="ended"),
    (done, is_starting): Cell(attempt="done", cancelled=True, told="agent_set_back", icon="ended"),
    (done, runs): Cell(attempt="done", told="agent_runs_again", icon="ended"),
    (done, has_done): Cell(attempt="done", icon="ended"),
    (done, could_not_start): Cell(attempt="done", told="result_differs", icon="ended"),
    (done, lost_it): Cell(attempt="done", icon="ended"),
    (done, has_cancelled): Cell(attempt="done", icon="ended"),
    (done, stays_away): Cell(attempt="done", icon="ended"),
    (failed, none): Cell(attempt="failed", icon="run_error"),
    (failed, lost_records): Cell(attempt="failed", icon="run_error"),
    (failed, has_accepted): Cell(attempt="failed", cancelled=True, told="agent_set_back", icon="run_error"),
    (failed, is_starting): Cell(attempt="failed", cancelled=True, told="agent_set_back", icon="run_error"),
    (failed, runs): Cell(attempt="failed", told="agent_runs_again", icon="run_error"),
    (failed, has_done): Cell(attempt="failed", told="result_differs", icon="run_error"),
    (failed, could_not_start): Cell(attempt="failed", icon="run_error"),
    (failed, lost_it): Cell(attempt="failed", icon="run_error"),
    (failed, has_cancelled): Cell(attempt="failed", icon="run_error"),
    (failed, stays_away): Cell(attempt="failed", icon="run_error"),
    (cancelled, none): Cell(attempt="cancelled", icon="run_error"),
    (cancelled, lost_records): Cell(attempt="cancelled", icon="run_error"),
    (cancelled, has_accepted): Cell(attempt="cancelled", cancelled=True, told="agent_set_back", icon="run_error"),
    (cancelled, is_starting): Cell(attempt="cancelled", cancelled=True, told="agent_set_back", icon="run_error"),
    (cancelled, runs): Cell(attempt="cancelled", told="agent_runs_again", icon="run_error"),
    (cancelled, has_done): Cell(attempt="cancelled", told="result_differs", icon="run_error"),
    (cancelled, could_not_start): Cell(attempt="cancelled", told="result_differs", icon="run_error"),
    (cancelled, lost_it): Cell(attempt="cancelled", icon="run_error"),
    (cancelled, has_cancelled): Cell(attempt="cancelled", icon="run_error"),
    (cancelled, stays_away): Cell(attempt="cancelled", icon="run_error"),
    (unknown, none): Cell(attempt="unknown", doubt="lost"),
    (unknown, lost_records): Cell(attempt="unknown", doubt="lost"),
    (unknown, has_accepted): Cell(attempt="accepted"),
    (unknown, is_starting): Cell(attempt="accepted"),
    (unknown, runs): Cell(attempt="running"),
    (unknown, has_done): Cell(attempt="done", icon="ended"),
    (unknown, could_not_start): Cell(attempt="failed", icon="run_error"),
    (unknown, lost_it): Cell(attempt="unknown", doubt="lost"),
    (unknown, has_cancelled): Cell(attempt="cancelled", doubt="cancelled_elsewhere"),
    (unknown, stays_away): Cell(attempt="unknown", doubt="lost"),
    (abandoned, none): Cell(attempt="abandoned", cancelled=True, icon="run_error"),
    (abandoned, lost_records): Cell(attempt="abandoned", cancelled=True, told="abandoned_lost", icon="run_error"),
    (abandoned, has_accepted): Cell(attempt="abandoned", cancelled=True, icon="run_error"),
    (abandoned, is_starting): Cell(attempt="abandoned", cancelled=True, icon="run_error"),
    (abandoned, runs): Cell(attempt="abandoned", icon="run_error"),
    (abandoned, has_done): Cell(attempt="done", told="late_result", icon="run_error"),
    (abandoned, could_not_start): Cell(attempt="failed", told="late_result", icon="run_error"),
    (abandoned, lost_it): Cell(attempt="cancelled", told="abandoned_lost", icon="run_error"),
    (abandoned, has_cancelled): Cell(attempt="cancelled", icon="run_error"),
    (abandoned, stays_away): Cell(attempt="abandoned", icon="run_error"),
}


def words(held: Held, known: Known) -> str:
    return f"{held.__name__} here, there {known.__name__}".replace("_", " ")


def cells() -> Iterator[tuple[str, str, Held, Known]]:
    """Give each cell of the table: row, column, and the words for both; several for a cell that names several states."""
    for row, of_row in HELD.items():
        for column, of_column in KNOWN.items():
            for held in of_row:
                for known in of_column:
                    yield row, column, held, known


def test_every_cell_of_the_table_has_a_test() -> None:
    named = {(row, column) for row, column, *_ in cells()}
    assert len(named) == 9 * 8  # the rows and columns of protocol section 7

    missing = [
        f"{row} x {column}: {words(held, known)}" for row, column, held, known in cells() if (held, known) not in TABLE
    ]
    assert missing == []
    assert len(TABLE) == len(list(cells()))


@pytest.mark.parametrize(
    ("held", "known", "cell"), [pytest.param(*key, cell, id=words(*key)) for key, cell in TABLE.items()]
)
def test_what_the_server_holds_meets_what_the_agent_knows(site: Site, held: Held, known: Known, cell: Cell) -> None:
    run = held(site)
    agent = site.agents["a1"]
    k = agent.key("load")
    agent.cancelled.clear()
    agent.killed.clear()
    before = len(site.journal_kinds())

    known(agent)

    with site.store.snapshot() as view:
        row, is_here = view.attempts.find(k), view.runs.row(run) is not None
    icon = site.icon(run, "load") if is_here else None
    assert ("" if row is None else row.state) == cell.attempt
    assert (icon.doubt.reason if icon is not None and icon.doubt else None) == cell.doubt
    assert (icon.state if icon is not None else "") == cell.icon
    assert len(agent.dispatched) == cell.sent
    assert {order.k for order in agent.dispatched} == {k}
    assert {each.k for each in agent.cancelled} == ({k} if cell.cancelled else set())
    assert {each.k for each in agent.killed} == ({k} if cell.killed else set())
    told = UNUSUAL.intersection(site.journal_kinds()[: len(site.journal_kinds()) - before])
    assert told == ({cell.told} if cell.told else set())


# ---- what a cell says beside that


def test_what_waits_outside_the_window_is_sent_although_its_agent_lost_its_records(site: Site) -> None:
    agent = site.agents["a1"]
    agent.connect()
    agent.cut()
    site.settle()
    run = site.start(JOBNET)

    lost_records(agent)

    assert site.attempt_states(run) == {K_PATH: "sent"}


@pytest.mark.parametrize(
    ("booted", "state"), [(False, "sent"), (True, "unknown")], ids=["the same boot", "another boot"]
)
def test_silence_of_a_machine_that_may_have_been_set_back_proves_nothing_after_a_boot(
    site: Site, booted: bool, state: str
) -> None:
    agent = site.agents["a1"]
    agent.facts |= {"strict": True}
    run = sent(site)
    if booted:
        agent.boot = b"boot-2".ljust(16, b"\0")

    none(agent)

    assert site.attempt_states(run) == {K_PATH: state}


@pytest.mark.parametrize("held", [sent, accepted, ready], ids=lambda held: held.__name__)
def test_work_whose_time_to_start_was_over_is_in_error_and_not_in_doubt(site: Site, held: Held) -> None:
    run = held(site)
    agent = site.agents["a1"]
    agent.cut()
    k = agent.key("load")
    if k not in agent.states:
        agent.accepts("load", settle=False)
    agent.says(k, "cancelled", settle=False, why="expired")
    agent.states[k] = "cancelled"

    agent.connect()

    assert site.attempt_states(run) == {K_PATH: "cancelled"}
    assert (site.icon(run, "load").state, site.icon(run, "load").doubt) == ("run_error", None)


@pytest.mark.parametrize(
    ("known", "state", "doubt"),
    [
        pytest.param(none, "unknown", "agent_forgot", id="it knows nothing of it"),
        pytest.param(lost_records, "unknown", "setback", id="it lost its records"),
        pytest.param(has_accepted, "accepted", None, id="it has it"),
        pytest.param(runs, "running", None, id="it runs"),
    ],
)
def test_an_agent_that_was_given_up_and_comes_back_ends_that_doubt(
    site: Site, known: Known, state: str, doubt: str | None
) -> None:
    run = running(site) if known is runs else accepted(site)
    agent = site.agents["a1"]
    agent.cut()
    site.turns.submit(AgentUnheard("a1"))
    site.settle()
    unheard = site.icon(run, "load").doubt
    assert unheard is not None
    assert unheard.reason == "unheard"

    known(agent)

    found = site.icon(run, "load").doubt
    assert (found.reason if found else None) == doubt
    assert site.attempt_states(run) == {K_PATH: state}


def test_work_that_never_arrived_at_an_agent_that_was_given_up_is_sent_when_it_comes_back(site: Site) -> None:
    run = sent(site)
    agent = site.agents["a1"]
    agent.cut()
    site.turns.submit(AgentUnheard("a1"))
    site.settle()

    none(agent)

    assert site.icon(run, "load").doubt is None
    assert site.attempt_states(run) == {K_PATH: "sent"}
    assert len(agent.dispatched) == 2


def test_late_evidence_of_what_somebody_decided_meanwhile_is_stored_and_changes_nothing(site: Site) -> None:
    run = unknown(site)
    agent = site.agents["a1"]
    site.ask(run, DecideIcon, "load", "failed")

    finishes(agent, agent.key("load"))
    site.settle()

    assert site.icon(run, "load").state == "run_error"
    assert site.attempt_states(run) == {K_PATH: "done"}


def test_late_evidence_ends_a_doubt(site: Site) -> None:
    run = unknown(site)
    agent = site.agents["a1"]

    finishes(agent, agent.key("load"))
    site.settle()

    assert site.run(run).state == "ended"


def test_another_result_than_the_first_is_told_and_changes_nothing(site: Site) -> None:
    run = done(site)
    agent = site.agents["a1"]

    k = agent.key("load")
    agent.says(k, "finished", exit=9, t0=0, t1=0, out=0, err=0, out_head=b"", err_head=b"")

    assert site.icon(run, "load").exit_code == 0
    assert "result_differs" in site.journal_kinds()


def test_an_agent_that_knows_an_attempt_and_keeps_its_events_no_more_leaves_its_end_in_doubt(site: Site) -> None:
    run = ready(site)
    agent = site.agents["a1"]
    k = agent.key("load")
    agent.log = [b""] * 4
    agent.facts |= {"low": 5, "low_chain": b"chain before fiv"}
    agent.says(None, "clock_jump", settle=False, s=1)

    agent.connect(inventory={k: "done"})

    found = site.icon(run, "load").doubt
    assert found is not None
    assert found.reason == "gap"
    assert len(agent.dispatched) == 1


def test_an_agent_that_answers_with_an_end_nobody_was_told_of_leaves_it_in_doubt(site: Site) -> None:
    run = sent(site)
    agent = site.agents["a1"]
    assert agent.link is not None

    agent.link.state_of(agent.key("load"), "done", exit_code=0)
    site.settle()

    found = site.icon(run, "load").doubt
    assert found is not None
    assert found.reason == "gap"
