"""The reconciliation table (protocol section 7), each cell in words: what the server holds, what the agent knows."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from jaz_lite.model.event import DecideIcon, StopIcon
from tests.unit.runner.site import AgentEnd, Site, chained, job

K_PATH = "/load#1/1"
SORTED = chained("NIGHT", job("load"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What became of it: the attempt's state, why its icon is in doubt, and what the agent was told in the end."""

    attempt: str
    doubt: str | None = None
    sent: int = 1  # work orders in all, that of the first server included
    cancelled: bool = False
    killed: bool = False
    alarm: str = ""
    icon: str = "running"


# ---- what the server holds


def ready(site: Site) -> int:
    """It waits for its agent; the copy that takes over knows no more, and the earlier active did send it."""
    agent = site.agents["a1"]
    agent.connect()
    agent.cut()
    site.settle()
    run = site.start(SORTED)
    copy = site.save()
    agent.connect()
    agent.cut(told=False)
    site.fall_back(copy)
    return run


def sent(site: Site) -> int:
    site.agents["a1"].connect()
    return site.start(SORTED)


def accepted(site: Site) -> int:
    run = sent(site)
    site.agents["a1"].accepts("load")
    return run


def running(site: Site) -> int:
    run = sent(site)
    site.agents["a1"].starts("load")
    return run


def stopping(site: Site) -> int:
    run = running(site)
    site.agents["a1"].cut()
    site.ask(run, StopIcon, "load")
    return run


def unknown(site: Site) -> int:
    run = running(site)
    agent = site.agents["a1"]
    agent.states[agent.key("load")] = "lost"
    agent.says(agent.key("load"), "lost", why="unknown")
    return run


def abandoned(site: Site) -> int:
    run = unknown(site)
    site.ask(run, DecideIcon, "load", "failed")
    return run


def done(site: Site) -> int:
    run = sent(site)
    site.agents["a1"].ends("load")
    return run


# ---- what the agent knows when it comes back


def none(agent: AgentEnd) -> None:
    """The same records as ever, and nothing of this in them."""
    _comes(agent, {})


def lost_records(agent: AgentEnd) -> None:
    agent.cut()
    agent.spool, agent.log, agent.states = bytes(16), [], {}
    agent.connect()


def has_accepted(agent: AgentEnd) -> None:
    _told(agent, "accepted", _accepted)


def runs(agent: AgentEnd) -> None:
    _told(agent, "running", _accepted, _started)


def has_done(agent: AgentEnd) -> None:
    _told(agent, "done", _accepted, _started, _finished)


def could_not_start(agent: AgentEnd) -> None:
    _told(agent, "failed", _accepted, lambda end, k: end.says(k, "failed", settle=False, why="cwd", msg="no folder"))


def lost_it(agent: AgentEnd) -> None:
    _told(agent, "lost", _accepted, _started, lambda end, k: end.says(k, "lost", settle=False, why="reboot"))


def has_cancelled(agent: AgentEnd) -> None:
    _told(agent, "cancelled", _accepted, lambda end, k: end.says(k, "cancelled", settle=False, why="server"))


def stays_away(agent: AgentEnd) -> None:
    agent.cut()
    agent.site.settle()


def _comes(agent: AgentEnd, inventory: dict[bytes, str]) -> None:
    agent.cut()
    agent.connect(inventory=inventory)


def _told(agent: AgentEnd, state: str, *events: Callable[[AgentEnd, bytes], None]) -> None:
    agent.cut()
    k = agent.key("load")
    known = agent.states.get(k)
    # What its log has told already is not told twice; a machine that was set back tells less than it had.
    skip = {"accepted": 1, "running": 2, "lost": 2, "done": 3}.get(known or "", 0)
    for event in events[skip:]:
        event(agent, k)
    agent.states[k] = state
    agent.connect(inventory={k: state})


def _accepted(agent: AgentEnd, _k: bytes) -> None:
    agent.accepts("load", settle=False)


def _started(agent: AgentEnd, k: bytes) -> None:
    agent.says(k, "started", settle=False, pid=1, t=0)


def _finished(agent: AgentEnd, k: bytes) -> None:
    agent.says(k, "finished", settle=False, exit=0, t0=0, t1=0, out=0, err=0, out_head=b"", err_head=b"")


TABLE = [
    (ready, none, Cell(attempt="sent", sent=2)),
    (ready, lost_records, Cell(attempt="unknown", doubt="setback")),
    (ready, has_accepted, Cell(attempt="accepted")),
    (ready, runs, Cell(attempt="running")),
    (ready, has_done, Cell(attempt="done", icon="ended")),
    (ready, could_not_start, Cell(attempt="failed", icon="run_error")),
    (ready, lost_it, Cell(attempt="unknown", doubt="lost")),
    (ready, has_cancelled, Cell(attempt="cancelled", doubt="cancelled_elsewhere")),
    (ready, stays_away, Cell(attempt="ready")),
    (sent, none, Cell(attempt="sent", sent=2)),
    (sent, lost_records, Cell(attempt="unknown", doubt="setback")),
    (sent, has_accepted, Cell(attempt="accepted")),
    (sent, runs, Cell(attempt="running")),
    (sent, has_done, Cell(attempt="done", icon="ended")),
    (sent, could_not_start, Cell(attempt="failed", icon="run_error")),
    (sent, lost_it, Cell(attempt="unknown", doubt="lost")),
    (sent, has_cancelled, Cell(attempt="cancelled", doubt="cancelled_elsewhere")),
    (sent, stays_away, Cell(attempt="sent")),
    (accepted, none, Cell(attempt="unknown", doubt="agent_forgot", alarm="agent_forgot")),
    (accepted, lost_records, Cell(attempt="unknown", doubt="setback")),
    (accepted, has_accepted, Cell(attempt="accepted")),
    (accepted, runs, Cell(attempt="running")),
    (accepted, has_done, Cell(attempt="done", icon="ended")),
    (accepted, lost_it, Cell(attempt="unknown", doubt="lost")),
    (accepted, has_cancelled, Cell(attempt="cancelled", doubt="cancelled_elsewhere")),
    (accepted, stays_away, Cell(attempt="accepted")),
    (running, none, Cell(attempt="unknown", doubt="agent_forgot", alarm="agent_forgot")),
    (running, lost_records, Cell(attempt="unknown", doubt="setback")),
    (running, has_accepted, Cell(attempt="unknown", doubt="setback", cancelled=True, alarm="agent_set_back")),
    (running, runs, Cell(attempt="running")),
    (running, has_done, Cell(attempt="done", icon="ended")),
    (running, lost_it, Cell(attempt="unknown", doubt="lost")),
    (running, stays_away, Cell(attempt="running")),
    (stopping, none, Cell(attempt="stopping", icon="stopping", cancelled=True)),
    (stopping, lost_records, Cell(attempt="unknown", doubt="setback", icon="stopping")),
    (stopping, has_accepted, Cell(attempt="stopping", icon="stopping", killed=True)),
    (stopping, runs, Cell(attempt="stopping", icon="stopping", killed=True)),
    (stopping, has_done, Cell(attempt="done", icon="run_error")),
    (stopping, lost_it, Cell(attempt="unknown", doubt="lost", icon="stopping")),
    (stopping, stays_away, Cell(attempt="stopping", icon="stopping")),
    (done, none, Cell(attempt="done", icon="ended")),
    (done, lost_records, Cell(attempt="done", icon="ended")),
    (done, has_accepted, Cell(attempt="done", icon="ended", cancelled=True, alarm="agent_set_back")),
    (done, runs, Cell(attempt="done", icon="ended", alarm="agent_runs_again")),
    (done, has_done, Cell(attempt="done", icon="ended")),
    (done, lost_it, Cell(attempt="done", icon="ended")),
    (unknown, none, Cell(attempt="unknown", doubt="lost")),
    (unknown, lost_records, Cell(attempt="unknown", doubt="lost")),
    (unknown, has_accepted, Cell(attempt="accepted", doubt="lost")),
    (unknown, runs, Cell(attempt="running", doubt="lost")),
    (unknown, lost_it, Cell(attempt="unknown", doubt="lost")),
    (unknown, stays_away, Cell(attempt="unknown", doubt="lost")),
    (abandoned, none, Cell(attempt="abandoned", icon="run_error", cancelled=True)),
    (abandoned, lost_records, Cell(attempt="abandoned", icon="run_error", cancelled=True)),
    (abandoned, has_accepted, Cell(attempt="abandoned", icon="run_error", cancelled=True)),
    (abandoned, runs, Cell(attempt="abandoned", icon="run_error")),
    (abandoned, lost_it, Cell(attempt="cancelled", icon="run_error")),
    (abandoned, stays_away, Cell(attempt="abandoned", icon="run_error")),
]


@pytest.mark.parametrize(
    ("held", "known", "cell"),
    [pytest.param(*row, id=f"{row[0].__name__} here, there {row[1].__name__}".replace("_", " ")) for row in TABLE],
)
def test_what_the_server_holds_meets_what_the_agent_knows(
    site: Site, held: Callable[[Site], int], known: Callable[[AgentEnd], None], cell: Cell
) -> None:
    run = held(site)
    agent = site.agents["a1"]
    agent.cancelled.clear()
    agent.killed.clear()
    before = len(site.journal_kinds())

    known(agent)

    icon = site.icon(run, "load")
    assert site.attempt_states(run) == {K_PATH: cell.attempt}
    assert (icon.doubt.reason if icon.doubt else None) == cell.doubt
    assert icon.state == cell.icon
    assert len(agent.dispatched) == cell.sent
    assert bool(agent.cancelled) == cell.cancelled
    assert bool(agent.killed) == cell.killed
    alarms = {"agent_forgot", "agent_set_back", "agent_runs_again"}
    told = alarms.intersection(site.journal_kinds()[: len(site.journal_kinds()) - before])
    assert told == ({cell.alarm} if cell.alarm else set())


def test_late_evidence_ends_a_doubt(site: Site) -> None:
    run = unknown(site)
    agent = site.agents["a1"]

    _finished(agent, agent.key("load"))
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
