"""Turns: what was committed survives a kill at any moment, and nothing is said before it is committed."""

import pytest

from jaz_lite.errors import DiskFull, LocalProtocolError, NoSuchObject, Refused, StoreDamaged
from jaz_lite.model.event import (
    RerunIcon,
    StopIcon,
    StopRun,
    WorkEnded,
)
from jaz_lite.runner.inputs import NewRun, Reply, RunEvent, Write
from jaz_lite.wire.server_core import ServerLink
from tests.unit.runner.site import Site, chained, job


def test_a_chain_of_jobs_runs_to_its_end(site: Site) -> None:
    agent = site.agents["a1"]
    agent.connect()
    run = site.start(chained("NIGHT", job("load"), job("report")))
    agent.ends("load")
    agent.ends("report", out=b"fine\n")

    assert site.run(run).state == "ended"
    assert site.icon(run, "report").results["STD_OUT"] == "fine\n"
    assert site.turns.live.find(run) is None


def test_a_job_that_ends_with_an_error_waits_for_the_operator(site: Site) -> None:
    agent = site.agents["a1"]
    agent.connect()
    run = site.start(chained("NIGHT", job("load", stop_codes="1-255")))
    agent.ends("load", exit_code=3)

    assert site.run(run).state == "run_error"
    assert site.icon(run, "load").exit_code == 3

    site.ask(run, RerunIcon, "load")
    agent.ends("load", exit_code=0)

    assert site.run(run).state == "ended"


def test_work_for_an_agent_that_is_away_is_sent_when_it_comes(site: Site) -> None:
    run = site.start(chained("NIGHT", job("load")))
    assert site.attempt_states(run) == {"/load#1/1": "ready"}

    site.agents["a1"].connect()

    assert site.attempt_states(run) == {"/load#1/1": "sent"}
    assert [order.path for order in site.agents["a1"].dispatched] == ["/load#1"]


def test_nothing_is_sent_before_its_commit(site: Site) -> None:
    agent = site.agents["a1"]
    agent.connect()
    site.define(chained("NIGHT", job("load")))
    site.turns.submit(site_start("NIGHT"))

    turn = site.turns.prepare()
    assert turn is not None
    agent.pump()
    assert agent.dispatched == []

    turn.tx.commit()
    site.turns.release(turn)
    site.settle()
    assert len(agent.dispatched) == 1


def site_start(jobnet_id: str) -> "object":
    from jaz_lite.runner.inputs import NewRun

    return NewRun(jobnet_id=jobnet_id)


def test_a_server_killed_between_commit_and_sending_sends_when_it_is_back(site: Site) -> None:
    agent = site.agents["a1"]
    agent.connect()
    site.define(chained("NIGHT", job("load")))
    site.turns.submit(site_start("NIGHT"))  # type: ignore[arg-type]
    turn = site.turns.prepare()
    assert turn is not None
    turn.tx.commit()

    site.restart()
    agent.connect()

    assert [order.path for order in agent.dispatched] == ["/load#1"]
    agent.ends("load")
    assert len(site.turns.live) == 0


def test_a_server_killed_before_the_commit_has_started_nothing(site: Site) -> None:
    site.define(chained("NIGHT", job("load")))
    site.turns.submit(site_start("NIGHT"))  # type: ignore[arg-type]
    turn = site.turns.prepare()
    assert turn is not None
    turn.tx.rollback()

    site.restart()

    assert len(site.turns.live) == 0


def test_results_that_came_while_the_server_was_down_are_taken_in_once(site: Site) -> None:
    agent = site.agents["a1"]
    agent.connect()
    run = site.start(chained("NIGHT", job("load"), job("report")))
    site.restart()
    agent.ends("load")
    agent.connect()
    agent.cut()
    agent.connect()

    assert site.icon(run, "load").state == "ended"
    assert [order.path for order in agent.dispatched].count("/report#1") >= 1
    with site.store.snapshot() as view:
        row = view.agents.find("a1")
    assert row is not None
    assert (row.cursor, row.chain) == (len(agent.log), agent.chain)


def test_the_cursor_moves_with_the_effects_or_not_at_all(site: Site) -> None:
    agent = site.agents["a1"]
    agent.connect()
    run = site.start(chained("NIGHT", job("load")))
    agent.ends("load", settle=False)
    agent.pump()
    turn = site.turns.prepare()
    assert turn is not None
    turn.tx.rollback()
    site.restart()

    with site.store.snapshot() as view:
        row = view.agents.find("a1")
    assert row is not None
    assert row.cursor == 0
    assert site.icon(run, "load").state == "running"

    agent.connect()
    assert site.run(run).state == "ended"


def test_unreachable_is_not_failed(site: Site) -> None:
    agent = site.agents["a1"]
    agent.connect()
    run = site.start(chained("NIGHT", job("load")))
    agent.starts("load")
    agent.cut()
    site.pass_time(86_400)

    assert site.icon(run, "load").state == "running"

    agent.ends("load")
    agent.connect()
    assert site.run(run).state == "ended"


def test_a_failing_input_takes_no_other_with_it(site: Site) -> None:
    def broken(_tx: object) -> None:
        raise ZeroDivisionError

    agent = site.agents["a1"]
    agent.connect()
    site.define(chained("NIGHT", job("load")))
    site.turns.submit(Write(broken))
    site.turns.submit(site_start("NIGHT"))  # type: ignore[arg-type]
    site.settle()

    assert len(agent.dispatched) == 1


def test_what_one_link_does_not_take_ends_its_session_and_not_the_server(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = site.agents["a1"]
    agent.connect()

    def takes_nothing(*_: object, **_order: object) -> None:
        raise LocalProtocolError("more than this link may carry")

    with monkeypatch.context() as patched:
        patched.setattr(ServerLink, "dispatch", takes_nothing)
        run = site.start(chained("NIGHT", job("load")))
        assert agent.port is None, "its session is over"
    agent.connect()
    agent.ends("load")

    assert site.run(run).state == "ended"


def test_a_failing_change_is_told_to_the_one_who_asked(site: Site) -> None:
    def broken(_tx: object) -> None:
        raise NoSuchObject("there is no such thing")

    told: list[Reply] = []
    reply = Reply(told.append)
    site.turns.submit(Write(broken, reply))
    site.settle()

    assert told == [reply]
    assert isinstance(reply.error, NoSuchObject)


def test_a_run_that_never_was_is_told_apart_from_one_that_is_over(site: Site) -> None:
    site.agents["a1"].connect()
    run = site.start(chained("NIGHT"))
    assert site.run(run).state == "ended"

    with pytest.raises(Refused, match=f"run {run} is over"):
        site.ask(run, StopRun)
    with pytest.raises(NoSuchObject, match="there is no run 4711"):
        site.ask(4711, StopRun)


def test_news_of_output_say_which_attempt_and_pass_wrote_it(site: Site) -> None:
    agent = site.agents["a1"]
    agent.connect()
    run = site.start(chained("NIGHT", job("load", stop_codes="1-255")))
    agent.ends("load", exit_code=3)
    site.ask(run, RerunIcon, "load")
    agent.starts("load")
    watcher = site.turns.feed.watch(run, lambda: None)

    agent.writes("load", b"once more\n")

    [news] = [item for item in watcher.items if item["kind"] == "output"]
    assert (news["path"], news["attempt"], news["pass"], news["data"]) == ("/load", 2, 1, b"once more\n")


def test_a_signal_that_the_agent_sent_is_told_of_its_icon(site: Site) -> None:
    agent = site.agents["a1"]
    agent.connect()
    run = site.start(chained("NIGHT", job("load", timeout_min=1, timeout_action="stop")))
    agent.starts("load")

    agent.says(agent.key("load"), "kill_sent", sig="TERM")
    site.ask(run, StopRun)
    agent.says(agent.key("load"), "kill_sent", sig="KILL")

    with site.store.snapshot() as view:
        told = [(row.path, row.data) for row in view.journal.of_run(run) if row.kind == "work_kill_sent"]
    assert told == [("/load", {"sig": "TERM"}), ("/load", {"sig": "KILL"})]


def test_output_of_which_only_the_head_came_is_cut_between_characters_and_marked(site: Site) -> None:
    agent = site.agents["a1"]
    agent.connect()
    run = site.start(chained("NIGHT", job("load")))
    agent.starts("load")
    now = site.clock.now_ms()
    agent.says(
        agent.key("load"), "finished", exit=0, t0=now, t1=now, out=70_000, err=3,
        out_head="あい".encode()[:5], err_head=b"\xe3\x81\x82",
    )  # fmt: skip

    icon = site.icon(run, "load")
    assert (icon.results["STD_OUT"], icon.results["STD_ERR"]) == ("あ", "あ")
    assert icon.memo["cut"] == ["STD_OUT"]
    assert "values_cut" in site.journal_kinds()


def test_one_pause_follows_all_that_an_agent_refuses_together(site: Site) -> None:
    agent = site.agents["a1"]
    agent.connect()
    pauses: list[object] = []
    site.turns.later = lambda _seconds, item: pauses.append(item)
    for name in ("ONE", "TWO", "THREE"):
        site.start(chained(name, job("load")))
    assert agent.link is not None
    for order in agent.dispatched:
        agent.link.refused(order.k, "busy")
    site.settle()

    assert len(agent.dispatched) == 3
    assert len(pauses) == 1

    site.turns.submit(pauses.pop())  # type: ignore[arg-type]
    site.settle()
    assert len(agent.dispatched) == 6


def test_work_that_is_refused_while_it_is_stopped_is_cancelled(site: Site) -> None:
    agent = site.agents["a1"]
    agent.connect()
    run = site.start(chained("NIGHT", job("load")))
    site.ask(run, StopIcon, "load")
    assert agent.link is not None
    agent.link.refused(agent.key("load"), "busy")
    site.settle()

    assert list(site.attempt_states(run).values()) == ["cancelled"]
    assert site.icon(run, "load").message == "Aborted the job"


def test_a_full_disk_ends_the_server_and_is_not_the_answer_to_a_start(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    site.define(chained("NIGHT", job("load")))
    connection = site.store._the_writer._connection
    connection.pragma("max_page_count", connection.pragma("page_count"))

    for _ in range(400):
        site.turns.submit(NewRun(jobnet_id="NIGHT", user="op"))
    with pytest.raises(StoreDamaged):
        site.settle()

    assert not [record for record in caplog.records if record.exc_info]


def test_an_attempt_keeps_when_its_process_began_and_ended(site: Site) -> None:
    agent = site.agents["a1"]
    agent.connect()
    run = site.start(chained("NIGHT", job("load")))
    began_ms = site.clock.now_ms()
    agent.starts("load")
    agent.ends("load")

    with site.store.snapshot() as view:
        (row,) = view.attempts.of_run(run)
    assert (row.started_ms, row.ended_ms) == (began_ms, began_ms)


def test_a_full_disk_loses_no_result_and_starts_nothing_until_there_is_room(site: Site) -> None:
    agent = site.agents["a1"]
    agent.connect()
    run = site.start(chained("NIGHT", job("load"), job("report")))
    site.define(chained("OTHER", job("x")))
    agent.ends("load", settle=False)
    agent.pump()
    turn = site.turns.prepare()
    assert turn is not None
    turn.tx.rollback()  # the commit failed: nothing of it is in the store
    site.turns.take_back()

    site.settle()

    assert site.icon(run, "load").state == "ended"
    assert site.attempt_states(run)["/report#1/1"] == "ready"
    with pytest.raises(DiskFull):
        site.start("OTHER")

    site.turns.room_again()
    site.settle()

    assert site.attempt_states(run)["/report#1/1"] == "sent"


def test_an_answer_of_an_undone_turn_is_not_told(site: Site) -> None:
    from jaz_lite.runner.inputs import NewRun

    site.define(chained("NIGHT", job("load")))
    reply = Reply(lambda _reply: None)
    site.turns.submit(NewRun(jobnet_id="NIGHT", reply=reply))
    turn = site.turns.prepare()
    assert turn is not None
    undone = reply.value
    turn.tx.rollback()
    site.turns.take_back()
    site.turns.room_again()
    site.turns.submit(NewRun(jobnet_id="NIGHT"))
    site.settle()

    assert reply.value not in (None, undone)


def test_a_run_that_is_asked_for_while_the_last_one_ends_does_not_wait_for_it(site: Site) -> None:
    site.define(chained("NIGHT", job("load"), multiple_start="wait"))
    first = site.start("NIGHT")
    reply = Reply(lambda _reply: None)
    site.turns.submit(RunEvent(first, StopRun("op")))
    site.turns.submit(NewRun(jobnet_id="NIGHT", user="op", reply=reply))
    site.settle()

    assert site.run(first).state == "end_error"
    assert site.run(reply.value).state == "running"


def test_a_run_set_aside_by_a_fault_lets_the_next_one_start(site: Site) -> None:
    site.define(chained("NIGHT", job("load"), multiple_start="wait"))
    first, second = site.start("NIGHT"), site.start("NIGHT")
    assert site.run(second).state == "waiting"
    work = site.icon(first, "load").work
    node = site.run(first).plan.find("load")
    assert work is not None
    assert node is not None
    site.turns.submit(RunEvent(first, WorkEnded(node, work, None)))  # type: ignore[arg-type]
    site.settle()

    assert site.run(first).faulted
    assert site.run(second).state == "running"
