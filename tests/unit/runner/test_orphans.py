"""Orphans: work that only agents know of. When it is shown while no window is open, and what of it is not believed."""

from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from jaz_lite.model.host import Host
from jaz_lite.model.jobnet import Icon
from jaz_lite.operations import kept_work
from jaz_lite.runner import orphans, records
from jaz_lite.runner.inputs import AgentRevoked
from jaz_lite.store.run_rows import RunRow
from jaz_lite.wire.ident import natural_key
from tests.unit.runner.site import AgentEnd, Site, chained, job

MINUTE_S = 60
TEN_MINUTES_S = 10 * MINUTE_S
FIRST = chained("FIRST", job("sort"), job("load"))
LOAD = chained("LOAD", job("load"))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path / "data", agents=("a1", "a2", "liar"))
    made.define(FIRST, LOAD)
    yield made
    made.close()


def row_of(site: Site, run_id: int) -> RunRow | None:
    with site.store.snapshot() as view:
        return view.runs.row(run_id)


def run_of(site: Site, occ: str) -> int | None:
    with site.store.snapshot() as view:
        return view.runs.find_by_occ(occ)


def window_is_open(site: Site) -> bool:
    with site.store.snapshot() as view:
        return view.window.current() is not None


def takeover_without(site: Site) -> int:
    """A run is started after the copy was taken; its agent is revoked in the window, which closes, and enrols anew."""
    for agent in site.agents.values():
        agent.connect()
    copy = site.save()
    run = site.start("FIRST")
    site.agents["a1"].ends("sort", out=b"sorted")
    site.agents["a1"].starts("load")
    site.fall_back(copy)
    site.agents["a2"].connect()
    site.agents["liar"].connect()
    site.turns.submit(AgentRevoked("a1"))
    site.pass_time(TEN_MINUTES_S + 20)
    assert not window_is_open(site)
    with site.store.transaction() as tx:
        tx.agents.update("a1", state="active")
    agent = site.agents["a1"]
    agent.spool, agent.log, agent.states, agent.acked = bytes(16), [], {}, 0
    return run


def comes(site: Site) -> None:
    """The agent begins a new log, and repeats in it what it remembers."""
    agent = site.agents["a1"]
    agent.connect()
    agent.ends("sort", out=b"sorted")
    agent.starts("load")


# ---- while no window is open


def test_an_agent_that_comes_after_the_window_has_its_lost_runs_shown_ten_minutes_later(site: Site) -> None:
    run = takeover_without(site)
    site.pass_time(3 * 86_400)
    comes(site)
    site.pass_time(TEN_MINUTES_S - 1)
    assert row_of(site, run) is None

    site.pass_time(MINUTE_S)

    row = row_of(site, run)
    assert row is not None
    assert (row.jobnet_id, row.state) == ("FIRST", "end_error")
    assert "adopted from an earlier active" in row.message
    assert site.attempt_states(run) == {"/sort#1/1": "done", "/load#1/1": "running"}
    site.agents["a1"].ends("load")
    assert site.attempt_states(run)["/load#1/1"] == "done"


def test_what_is_kept_with_a_record_is_found_by_the_path_of_its_icon(site: Site) -> None:
    run = takeover_without(site)
    comes(site)
    site.pass_time(TEN_MINUTES_S + MINUTE_S)

    with site.store.snapshot() as view:
        kept = kept_work.kept_of(view, run)
    sort = kept_work.at_path(kept, "sort")
    assert sort is not None
    assert sort == kept_work.at_path(kept, "/sort#1")
    told = kept_work.to_json(sort, UTC)
    assert (told["path"], told["state"], told["agent"], told["exit_code"]) == ("/sort", "done", "a1", 0)
    assert kept_work.at_path(kept, "other") is None


def test_a_restart_in_the_ten_minutes_forgets_none_of_them(site: Site) -> None:
    run = takeover_without(site)
    comes(site)
    site.restart()
    site.pass_time(TEN_MINUTES_S + MINUTE_S)

    assert row_of(site, run) is not None


def test_nobody_looks_after_orphans_where_there_are_none(site: Site) -> None:
    site.agents["a1"].connect()
    site.start("LOAD")
    site.agents["a1"].ends("load")

    assert site.turns.window.due_ms is None


def test_what_retention_has_removed_is_not_shown_again_as_something_lost(site: Site) -> None:
    """An agent that begins a new log tells of all it remembers, and it may remember longer than the server keeps."""
    agent = site.agents["liar"]
    agent.connect()
    with site.store.transaction() as tx:
        tx.settings.set("keep_runs_min", 60)
    tells(site, agent, "M:77", run=77, ended=True)
    site.pass_time(2 * 3600)
    site.pass_time(MINUTE_S)

    assert row_of(site, 77) is None
    assert site.turns.window.due_ms is None


# ---- what is not believed


def tells(
    site: Site, agent: AgentEnd, occ: str, path: str = "/load#1", *, run: int = 1, ended: bool = False, **x: Any
) -> bytes:
    """Have an agent say that it accepted work of its own invention."""
    k = x.pop("k", None) or natural_key(site.identity.site_uid, occ, path, 1)
    fields = {"occ": occ, "path": path, "att": 1, "run": run, "kind": "cmd", "digest": bytes(32), "desc": {}, **x}
    agent.says(k, "accepted", **fields)
    if ended:
        now = site.clock.now_ms()
        agent.says(k, "finished", exit=0, t0=now, t1=now, out=0, err=0, out_head=b"", err_head=b"")
    return k


def lost_start(site: Site, jobnet: str = "LOAD") -> tuple[int, str]:
    """A time that was missed waits in the window for what agents know of it."""
    for agent in site.agents.values():
        agent.connect()
    run = site.plan(jobnet, site.clock.now_ms() + 5 * MINUTE_S * 1000)
    copy = site.save()
    site.clock.advance(60 * MINUTE_S)
    site.fall_back(copy)
    site.settle()
    assert site.run(run).state == "waiting"
    return run, site.run(run).occ


def test_an_agent_to_which_no_host_of_the_jobnet_leads_cannot_have_a_missed_start_carried_out(site: Site) -> None:
    run, occ = lost_start(site)
    liar = site.agents["liar"]

    tells(site, liar, occ, run=run)
    liar.connect()
    assert site.run(run).state == "waiting"
    site.agents["a1"].connect()
    site.agents["a2"].connect()

    assert site.run(run).start_missed
    assert site.agents["a1"].dispatched == []


@pytest.mark.parametrize(
    "way",
    [
        pytest.param({"host": "farm"}, id="through a group in a group"),
        pytest.param({"host": "WHERE", "host_from_variable": True}, id="through a variable, which may name any host"),
        pytest.param({"host": "moved"}, id="before a takeover moved the host"),
    ],
)
def test_an_agent_to_which_a_host_may_have_led_is_believed(site: Site, way: dict[str, Any]) -> None:
    with site.store.transaction() as tx:
        tx.hosts.put(Host(host="inner", kind="group", members=("liar",)))
        tx.hosts.put(Host(host="farm", kind="group", members=("a2", "inner")))
        tx.hosts.put(Host(host="moved", agent_id="a2"))
        tx.hosts.led_before("moved", 1, "liar")
    site.define(chained("WAYS", Icon(icon_id="load", type="job", params={"script": "x", **way})))
    run, occ = lost_start(site, "WAYS")

    tells(site, site.agents["liar"], occ, run=run)
    site.agents["liar"].connect()

    assert site.run(run).load_status == "normal"
    assert site.run(run).started_ms is not None


def test_work_whose_key_is_not_its_own_is_not_taken_in(site: Site) -> None:
    liar = site.agents["liar"]
    liar.connect()

    k = tells(site, liar, "M:5", k=b"k" * 16)
    tells(site, liar, "M:6", k=b"l" * 16)

    with site.store.snapshot() as view:
        assert view.attempts.find(k) is None
    assert site.journal_kinds().count("attempt_not_adopted") == 1  # once of an agent, not once of each lie


@pytest.mark.parametrize(
    "lie",
    [
        pytest.param({"occ": "S:X:Y:" + "9" * 40}, id="a time beyond all calendars"),
        pytest.param({"occ": "S:X:Y:٣"}, id="digits of another script"),
        pytest.param({"occ": "M:" + "9" * 40}, id="a run number beyond 63 bits"),
        pytest.param({"occ": "M:9999999999999999999"}, id="a run number just beyond 63 bits"),
        pytest.param({"occ": "x" * 160}, id="an occurrence as long as can be"),
        pytest.param({"occ": "A:S:X:Y:1"}, id="the name of a record"),
        pytest.param({"occ": "S:::"}, id="empty parts"),
        pytest.param({"occ": "M:1", "run": 2**63 - 1}, id="the highest run number"),
        pytest.param({"occ": "M:1", "run": 0}, id="no run number"),
        pytest.param({"occ": "M:1", "desc": {"jobnet": 7}}, id="a jobnet that is a number"),
        pytest.param({"occ": "M:1", "desc": {"jobnet": "\x1b[31m\n" * 9}}, id="a jobnet that writes on terminals"),
        pytest.param({"occ": "M:1", "desc": {"jobnet": b"\xff"}}, id="a jobnet that is no text"),
        pytest.param({"occ": "M:1", "path": "\n#\x00/..//#"}, id="a path that is none"),
        pytest.param({"occ": "M:1", "kind": "whatever"}, id="a kind of work that is none"),
    ],
)
def test_whatever_an_agent_invents_becomes_a_record_and_disturbs_nothing(site: Site, lie: dict[str, Any]) -> None:
    site.agents["a1"].connect()
    liar = site.agents["liar"]
    liar.connect()
    run = site.start("LOAD")
    other = {name: value for name, value in lie.items() if name not in ("occ", "path", "run")}

    k = tells(site, liar, lie["occ"], lie.get("path", "/load#1"), run=lie.get("run", 1), ended=True, **other)
    site.pass_time(TEN_MINUTES_S + MINUTE_S)
    site.restart()
    site.agents["a1"].connect()

    record = run_of(site, f"A:{lie['occ']}")
    assert record is not None
    shown = row_of(site, record)
    assert shown is not None
    assert shown.jobnet_id in (records.NAMELESS, "Y")
    with site.store.snapshot() as view:
        attempt = view.attempts.find(k)
    assert attempt is not None
    assert (attempt.run_id, attempt.state) == (record, "done")
    site.agents["a1"].ends("load")
    assert site.run(run).state == "ended"


def test_a_record_takes_no_number_of_a_sub_jobnet_of_another_run(site: Site) -> None:
    inner = Icon(icon_id="in", type="sub_jobnet", params={"jobnet_id": "LOAD"})
    site.define(chained("OUTER", inner))
    for agent in site.agents.values():
        agent.connect()
    run = site.start("OUTER")
    site.fall_back(site.save())
    for agent in site.agents.values():
        agent.connect()

    tells(site, site.agents["liar"], "M:1", run=run + 1, ended=True)
    site.pass_time(2 * TEN_MINUTES_S)

    assert run_of(site, "A:M:1") not in (None, run + 1)
    site.restart()
    assert site.run(run).frames[1].state == "running"


def test_the_records_of_one_agent_are_so_many_and_the_rest_share_one(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "OF_AGENT_MAX", 3)
    liar = site.agents["liar"]
    liar.connect()
    for number in range(1, 8):
        tells(site, liar, f"M:{number}", run=number, ended=True)
    site.pass_time(TEN_MINUTES_S + MINUTE_S)

    rest = run_of(site, "A:liar")
    assert rest is not None
    assert [run_of(site, f"A:M:{number}") is not None for number in range(1, 8)] == [True] * 3 + [False] * 4
    with site.store.snapshot() as view:
        assert len(view.attempts.of_run(rest)) == 4


def test_an_agent_can_tell_of_so_much_work_and_no_more(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orphans, "OF_AGENT_MAX", 5)
    monkeypatch.setattr(orphans, "OF_OCCURRENCE_MAX", 3)
    liar = site.agents["liar"]
    liar.connect()
    for number in range(1, 6):
        tells(site, liar, "M:1", f"/load#{number}", ended=True)
    with site.store.snapshot() as view:
        assert view.adopted.counts() == [("liar", "M:1", 3)]
    site.restart()
    liar.connect()
    for number in range(2, 9):
        tells(site, liar, f"M:{number}", ended=True)

    with site.store.snapshot() as view:
        assert sum(count for _, _, count in view.adopted.counts()) == 5
    site.agents["a1"].connect()
    tells(site, site.agents["a1"], "M:20", ended=True)
    with site.store.snapshot() as view:
        assert ("a1", "M:20", 1) in view.adopted.counts()
