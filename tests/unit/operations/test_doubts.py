"""Doubts as people see them: the list, and what `status` says of the uncertainty window."""

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from jaz_lite.clock import VirtualClock
from jaz_lite.operations.doubts import notices
from jaz_lite.store.agents import AgentRow
from jaz_lite.store.keys import Keys
from jaz_lite.store.open import Store

ZONE = ZoneInfo("Asia/Tokyo")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    Keys.create(tmp_path, name="test")
    return Store.open(tmp_path, clock=VirtualClock())


def test_an_open_window_is_told_with_the_agents_it_waits_for(store: Store) -> None:
    with store.transaction() as tx:
        for name in ("web01", "web02"):
            tx.agents.put(AgentRow(agent_id=name, kid=1, key=b"k" * 32, created_ms=1))
        tx.window.open(1_700_000_000_000, 1_700_000_600_000, 2, "activated")
        tx.window.heard("web01", 1_700_000_600_000)

        (said,) = notices(tx, ZONE)
        assert "a copy was activated" in said
        assert "not heard since: web02;" in said

        tx.window.heard("web02", 1_700_000_600_000)
        assert "all agents have told what they know" in notices(tx, ZONE)[0]

        tx.window.close(1_700_001_300_000)
        assert notices(tx, ZONE) == []
    store.close()
