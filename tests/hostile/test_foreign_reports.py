"""T2: an agent that proved who it is reports about work that was never given to it.

The keys of attempts are no secret (run numbers grow one by one), so an agent can name any attempt of the site, also
one that does not exist yet. Nothing it says about it may reach the run.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jaz_lite.model.host import Host
from jaz_lite.runner.turns import MARK_BYTES
from jaz_lite.wire.events import pack_event
from jaz_lite.wire.happenings import InventoryItem
from jaz_lite.wire.ident import natural_key
from tests.unit.runner.site import AgentEnd, Site, chained, job

NIGHT = chained("NIGHT", job("z", host="a2"))
NOTHING: dict[str, Any] = {"t0": 0, "t1": 0, "out": 0, "err": 0, "out_head": b"", "err_head": b""}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path / "data", agents=("a1", "a2"))
    for agent in made.agents.values():
        agent.connect()
    made.define(NIGHT)
    yield made
    made.close()


def evil(site: Site) -> AgentEnd:
    return site.agents["a1"]


def accepted(site: Site, run_id: int, path: str = "/z#1", **changes: Any) -> dict[str, Any]:
    fields = {"occ": occ_of(site, run_id), "path": path, "att": 1, "run": run_id, "kind": "cmd", "digest": bytes(32)}
    return {**fields, "desc": {}, **changes}


def key_of(site: Site, run_id: int, path: str = "/z#1") -> bytes:
    return natural_key(site.identity.site_uid, occ_of(site, run_id), path, 1)


def occ_of(site: Site, run_id: int) -> str:
    """Return how a run that a person starts is named; an agent learns the process's part of it with each order."""
    with site.store.snapshot() as view:
        act = view.term.site().act or b""
    return f"M:{run_id}:{act[-MARK_BYTES:].hex()}"


def assert_goes_on_untouched(site: Site, run_id: int) -> None:
    """The true agent is given the job, and its result counts."""
    assert site.icon(run_id, "/z").state == "running"
    assert [order.path for order in evil(site).dispatched] == []
    true = site.agents["a2"]
    true.ends("z", exit_code=7)
    assert site.icon(run_id, "/z").exit_code == 7
    assert site.run(run_id).state in ("ended", "run_error")


@pytest.mark.parametrize("event", ["accepted", "started", "finished", "failed", "lost", "cancelled", "timeout"])
def test_a_result_for_the_work_of_another_is_an_alarm_and_nothing_else(site: Site, event: str) -> None:
    run_id = site.start("NIGHT")
    fields = {
        "accepted": accepted(site, run_id), "started": {"pid": 1, "t": 1}, "finished": {"exit": 0, **NOTHING},
        "failed": {"why": "x", "msg": "y"}, "lost": {"why": "shim"}, "cancelled": {"why": "server"},
        "timeout": {"act": "kill"},
    }[event]  # fmt: skip

    evil(site).says(key_of(site, run_id), event, **fields)

    assert "foreign_result" in site.journal_kinds()
    assert_goes_on_untouched(site, run_id)


def test_output_for_the_work_of_another_is_not_kept(site: Site) -> None:
    run_id = site.start("NIGHT")
    link = evil(site).link
    assert link is not None

    link.output(key_of(site, run_id), 1, 0, b"forged")
    site.settle()

    with site.store.snapshot() as view:
        assert view.output.read(key_of(site, run_id), 1, 0, 100) == b""
    assert_goes_on_untouched(site, run_id)


def test_an_answer_or_a_refusal_for_the_work_of_another_has_no_effect(site: Site) -> None:
    run_id = site.start("NIGHT")
    link = evil(site).link
    assert link is not None

    link.state_of(key_of(site, run_id), "done", exit_code=0, conflict=True)
    link.refused(key_of(site, run_id), "kind", "never")
    link.refused(key_of(site, run_id), "busy", "later")
    site.settle()

    assert_goes_on_untouched(site, run_id)


@pytest.mark.parametrize("st", ["accepted", "running", "done", "lost", "cancelled"])
def test_an_inventory_with_the_work_of_another_has_no_effect(site: Site, st: Any) -> None:
    run_id = site.start("NIGHT")
    evil(site).cut()

    evil(site).connect(inventory={key_of(site, run_id): st})

    assert "agent_set_back" not in site.journal_kinds()
    assert_goes_on_untouched(site, run_id)


def test_work_that_is_not_there_yet_cannot_be_claimed_beforehand(site: Site) -> None:
    first = site.start("NIGHT")
    site.agents["a2"].ends("z")
    # Between two runs lie the numbers of its icons and frames; it may claim as many as it likes.
    for run_id in range(first + 1, first + 20):
        k = key_of(site, run_id)
        evil(site).says(k, "accepted", settle=False, **accepted(site, run_id))
        if run_id % 2:
            evil(site).says(k, "finished", settle=False, exit=0, **NOTHING)
    site.settle()

    second = site.start("NIGHT")

    assert first < second < first + 20
    assert "foreign_result" in site.journal_kinds()
    assert_goes_on_untouched(site, second)


def test_work_that_nobody_knows_cannot_be_put_into_a_run(site: Site) -> None:
    run_id = site.start("NIGHT")
    k = bytes(range(16))

    evil(site).says(k, "accepted", settle=False, **accepted(site, run_id, "/stranger#1"))
    evil(site).says(k, "started", settle=False, pid=1, t=1)
    evil(site).says(k, "finished", exit=0, **NOTHING)

    assert not site.run(run_id).faulted
    assert_goes_on_untouched(site, run_id)


def test_one_who_is_no_member_of_a_group_cannot_take_its_work(site: Site) -> None:
    with site.store.transaction() as tx:
        tx.hosts.put(Host(host="pool", kind="group", members=("a2",)))
    true = site.agents["a2"]
    true.cut()
    site.define(chained("POOL", job("z", host="pool")))
    run_id = site.start("POOL")
    k = key_of(site, run_id)

    evil(site).says(k, "accepted", settle=False, **accepted(site, run_id))
    evil(site).says(k, "finished", exit=0, **NOTHING)
    evil(site).cut()
    evil(site).connect(inventory={k: "done"})

    assert site.icon(run_id, "/z").exit_code is None
    true.connect()
    assert_goes_on_untouched(site, run_id)


def test_an_inventory_without_end_costs_the_server_no_memory(site: Site) -> None:
    port, link = evil(site).port, evil(site).link
    assert port is not None
    assert link is not None

    for page in range(200):
        keys = (page << 20 | number for number in range(500))
        link.inventory(
            [InventoryItem(k.to_bytes(16, "big"), "done", 1, bytes(8), "M:1", "/x#1", 1, 1) for k in keys], more=True
        )
        site.settle()

    assert len(port.inventory) == 0
    assert pack_event(1, 1, None, "host_boot", {})  # the link is still of use
