"""What people see of a host lock, and how they take it away."""

import pytest

from jaz_lite.errors import NoSuchObject, Refused
from jaz_lite.model.host import Host
from jaz_lite.operations import registry
from jaz_lite.operations.site import OfflineSite
from jaz_lite.store.agents import AgentRow
from jaz_lite.store.host_locks import HostLock
from jaz_lite.store.open import Store
from tests.unit.operations.small_site import NOW_MS, OWNER, ask, running

SHOWN = {
    "agent_id": "a1",
    "host": "web01",
    "run_id": "77",
    "path": "/REBOOT-1",
    "since_at": "2026-11-23T03:12:09+09:00",
}


@pytest.fixture
def locked(site: OfflineSite) -> OfflineSite:
    lock = HostLock(agent_id="a1", host="web01", k=bytes(16), run_id=77, path="/REBOOT-1", since_ms=NOW_MS)
    with site.store.transaction() as tx:
        tx.agents.put(AgentRow(agent_id="a1", kid=1, key=bytes(32), created_ms=0))
        tx.hosts.put(Host(host="web01", agent_id="a1"))
        tx.hosts.put(Host(host="web01.example", agent_id="a1"))
        tx.hosts.put(Host(host="farm", kind="group", members=("web01",)))
        tx.host_locks.put(lock)
    return site


def test_every_host_name_of_a_locked_agent_shows_the_lock(locked: OfflineSite) -> None:
    hosts = {row["host"]: row["lock"] for row in ask(locked, "host.list")["hosts"]}

    assert hosts == {"web01": SHOWN, "web01.example": SHOWN, "farm": None}


def test_a_lock_is_taken_away_under_any_name_of_the_agent_once(locked: OfflineSite) -> None:
    assert ask(locked, "host.unlock", host="web01.example") == SHOWN

    with pytest.raises(Refused, match='host "web01" is not locked'):
        ask(locked, "host.unlock", host="web01")
    with locked.store.snapshot() as view:
        (fact,) = view.journal.latest(limit=1)
    assert (fact.kind, fact.data["user"]) == ("host_unlocked", "owner")


def test_what_is_not_a_host_or_not_one_machine_cannot_be_unlocked(locked: OfflineSite) -> None:
    with pytest.raises(NoSuchObject, match='no host is named "web02"'):
        ask(locked, "host.unlock", host="web02")
    with pytest.raises(Refused, match='host "farm" is not locked'):
        ask(locked, "host.unlock", host="farm")


async def test_the_status_of_a_server_tells_of_locks_and_its_memory_follows_the_unlocking(
    locked: OfflineSite, store: Store
) -> None:
    async with running(store) as site:
        told = await registry.call(site, OWNER, "status", {})
        assert told["locks"] == [SHOWN]
        (notice,) = told["notices"]
        assert notice == (
            'host "web01" is locked since 2026-11-23 03:12:09+09:00 by the reboot /REBOOT-1 of run 77; '
            "`jaz-lite host unlock web01` frees it by hand"
        )

        await registry.call(site, OWNER, "host.unlock", {"host": "web01"})
        assert (await registry.call(site, OWNER, "status", {}))["locks"] == []
