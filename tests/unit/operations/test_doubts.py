"""Doubts as people see them: the list, and what `status` says of the uncertainty window."""

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from jaz_lite.clock import VirtualClock
from jaz_lite.engine.doubts import WHAT_TO_DO
from jaz_lite.model.run import DOUBT_REASONS, Doubt
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
        assert "from 2023-11-15 07:13:20+09:00 to 2023-11-15 07:23:20+09:00 may not" in said
        assert "not heard since: web02; of one that will never come back, say so: `jaz-lite agent revoke NAME`" in said

        tx.window.heard("web02", 1_700_000_600_000)
        assert "all agents have told what they know, and ten minutes after that it closes" in notices(tx, ZONE)[0]

        tx.window.close(1_700_001_300_000)
        assert notices(tx, ZONE) == []
    store.close()


def test_every_reason_has_its_line_in_the_manual_and_says_what_to_do() -> None:
    page = (Path(__file__).parents[3] / "docs" / "doubts.md").read_text("utf-8")
    table = page.partition("## The reasons")[2].partition("\n## ")[0].splitlines()

    assert {line.split("`")[1] for line in table if line.startswith("| `")} == set(DOUBT_REASONS)
    assert set(WHAT_TO_DO) == set(DOUBT_REASONS)


def test_nothing_is_held_for_another_reason_than_those_of_the_list() -> None:
    with pytest.raises(AssertionError):
        Doubt(reason="bad luck", since_ms=0)  # type: ignore[arg-type]
