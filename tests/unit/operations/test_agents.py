"""Agents as the administrator sees them, and the limits the server sets."""

from dataclasses import replace

import pytest

from jaz_lite.errors import NoSuchObject, Refused, UsageError
from jaz_lite.operations.agents import lost_notices
from jaz_lite.operations.site import OfflineSite
from jaz_lite.store.agents import AgentRow
from jaz_lite.wire.ident import term_of
from tests.unit.operations.small_site import ask, running


@pytest.fixture
def with_agent(site: OfflineSite) -> OfflineSite:
    with site.store.transaction() as tx:
        tx.agents.put(
            AgentRow(
                agent_id="a1", kid=1, key=bytes(32), created_ms=0, par=64, queue=1000, version="jaz_lite 0.1", os="Linux",
                arch="s390x", peer="192.0.2.7", clock_offset_ms=-61_000, spool_bytes=4096, free_bytes=1 << 30,
                seen_ms=1_795_371_000_000, confirmed_term=term_of(1, 0), listen_port=11_055,
            )
        )  # fmt: skip
    ask(site, "host.add", host="web", agent="a1")
    ask(site, "host.add", host="farm", group=["a1"])
    return site


def test_an_agent_is_shown_with_what_was_last_seen_of_it_also_without_a_server(with_agent: OfflineSite) -> None:
    shown = ask(with_agent, "agent.show", agent="a1")

    expected = {
        "agent_id": "a1", "state": "active", "reachable": None, "address": "192.0.2.7", "version": "jaz_lite 0.1",
        "os": "Linux", "arch": "s390x", "clock_offset_ms": -61_000, "spool_bytes": 4096, "free_bytes": 1 << 30,
        "hosts": ["web"], "groups": ["farm"], "term": "1.0", "confirmed": True, "encoding": "utf-8",
    }  # fmt: skip
    assert {name: shown[name] for name in expected} == expected
    assert shown["last_seen"].startswith("2026-11-23T03:10:00")
    notices = shown.pop("notices")
    assert notices == ["the clock of agent a1 is 61 s behind the server's"]
    assert ask(with_agent, "agent.list") == {"agents": [shown], "notices": notices}


def test_an_agent_that_neither_listens_nor_knows_a_peer_is_warned_of(with_agent: OfflineSite) -> None:
    with with_agent.store.transaction() as tx:
        tx.agents.update("a1", listen_port=0)

    shown = ask(with_agent, "agent.show", agent="a1")

    assert (shown["dial_at"], shown["finds_standby"]) == ("", False)
    assert "would not find a standby" in shown["notices"][0]
    with with_agent.store.snapshot() as view:
        assert lost_notices(view, with_agent) == ["agent a1 would not find a standby: `jaz-lite agent list` says why"]


def test_many_agents_that_would_not_find_a_standby_are_one_line(with_agent: OfflineSite) -> None:
    with with_agent.store.transaction() as tx:
        row = tx.agents.find("a1")
        assert row is not None
        for number in range(2, 9):
            tx.agents.put(replace(row, agent_id=f"a{number}", listen_port=0))

    with with_agent.store.snapshot() as view:
        assert lost_notices(view, with_agent) == [
            "7 agents (a2, a3, a4, a5, a6 and 2 more) would not find a standby: `jaz-lite agent list` says why"
        ]


async def test_an_agent_that_never_came_is_not_reachable_and_confirms_no_term(with_agent: OfflineSite) -> None:
    async with running(with_agent.store) as site:
        from tests.unit.operations.small_site import OWNER, registry

        shown = await registry.call(site, OWNER, "agent.show", {"agent": "a1"})

    assert (shown["reachable"], shown["confirmed"], shown["running"], shown["waiting"]) == (False, False, 0, 0)


def test_an_agent_is_drained_and_used_again(with_agent: OfflineSite) -> None:
    assert ask(with_agent, "agent.drain", agent="a1")["state"] == "draining"
    assert "agent a1 is being drained and takes no new work" in ask(with_agent, "agent.list")["notices"]
    assert ask(with_agent, "agent.drain", agent="a1", on=False)["state"] == "active"


def test_a_revoked_agent_is_not_drained(with_agent: OfflineSite) -> None:
    with with_agent.store.transaction() as tx:
        tx.agents.update("a1", state="revoked")

    with pytest.raises(Refused, match='agent "a1" is revoked'):
        ask(with_agent, "agent.drain", agent="a1", on=False)


def test_limits_are_set_and_taken_away(with_agent: OfflineSite) -> None:
    limited = ask(with_agent, "agent.set", agent="a1", par=4, queue=0)
    free = ask(with_agent, "agent.set", agent="a1", par=0, queue=-1)

    assert (limited["par_max"], limited["queue_max"]) == (4, 0)
    assert (free["par_max"], free["queue_max"], free["par"]) == (None, None, 64)


def test_an_agent_nobody_knows_and_limits_that_are_none_are_refused(with_agent: OfflineSite) -> None:
    with pytest.raises(NoSuchObject, match="there is no agent"):
        ask(with_agent, "agent.show", agent="a9")
    with pytest.raises(UsageError, match="jobs at once, not 10001"):
        ask(with_agent, "agent.set", agent="a1", par=10_001)


async def test_the_status_of_a_server_is_told_where_it_has_an_agent(with_agent: OfflineSite) -> None:
    async with running(with_agent.store) as site:
        from tests.unit.operations.small_site import OWNER, registry

        told = await registry.call(site, OWNER, "status", {})

    assert [agent["agent_id"] for agent in told["agents"]] == ["a1"]
