"""What the store promises about the uncertainty window: its span, the runs that are replayed, and who was heard."""

import pytest

from jaz_lite.store.agents import AgentRow
from jaz_lite.store.transaction import Transaction
from tests.store.making import SITE_UID, stored_run

NOON_MS = 1_800_014_400_000
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
FROM_MS, UNTIL_MS = NOON_MS - HOUR_MS, NOON_MS


def replayed(tx: Transaction, run_id: int) -> int | None:
    row = tx.runs.row(run_id)
    assert row is not None
    return row.replayed_since_ms


def agent(tx: Transaction, name: str, **more: object) -> None:
    tx.agents.put(AgentRow(agent_id=name, kid=1, key=b"k" * 32, created_ms=1, **more))  # type: ignore[arg-type]


def test_what_had_begun_and_what_was_due_is_replayed_and_what_lies_ahead_or_is_over_is_not(tx: Transaction) -> None:
    stored_run(tx, 100, state="running")
    stored_run(tx, 200, scheduled_ms=NOON_MS - 60_000)
    stored_run(tx, 300, scheduled_ms=NOON_MS + 60_000)
    stored_run(tx, 400, state="ended", ended_ms=5)
    stored_run(tx, 500, state="run_error")

    tx.window.open(FROM_MS, UNTIL_MS, 2, "activated")

    assert [replayed(tx, run) for run in (100, 200, 300, 400, 500)] == [
        FROM_MS, NOON_MS - 60_000, None, None, FROM_MS
    ]  # fmt: skip
    assert tx.window.replayed_live() == [100, 200, 500]


def test_another_activation_makes_the_open_window_wider(tx: Transaction) -> None:
    agent(tx, "a1")
    tx.window.open(FROM_MS, UNTIL_MS, 2, "activated")
    tx.window.heard("a1", UNTIL_MS)
    tx.window.not_believed("a1", "setback")

    window = tx.window.open(UNTIL_MS + 1, UNTIL_MS + HOUR_MS, 3, "activated")

    assert (window.from_ms, window.until_ms, window.epoch) == (FROM_MS, UNTIL_MS + HOUR_MS, 3)
    assert tx.window.current() == window
    witness = tx.window.witnesses()["a1"]
    assert (witness.heard_ms, witness.no_proof) == (None, "setback")


def test_a_new_process_has_heard_nobody_while_the_window_is_open(tx: Transaction) -> None:
    tx.term.create(site_uid=SITE_UID, server_id="test")
    agent(tx, "a1")
    tx.window.open(FROM_MS, UNTIL_MS, 2, "activated")
    tx.window.heard("a1", UNTIL_MS)
    tx.window.not_believed("a1", "setback")

    tx.term.claim(b"act-1234")

    witness = tx.window.witnesses()["a1"]
    assert (witness.heard_ms, witness.no_proof) == (None, "setback")


def test_a_new_process_asks_nobody_again_once_the_window_is_closed(tx: Transaction) -> None:
    tx.term.create(site_uid=SITE_UID, server_id="test")
    agent(tx, "a1")
    tx.window.open(FROM_MS, UNTIL_MS, 2, "activated")
    tx.window.heard("a1", UNTIL_MS)
    tx.window.close(UNTIL_MS + 5)

    tx.term.claim(b"act-1234")

    assert tx.window.witnesses()["a1"].heard_ms == UNTIL_MS


def test_a_closed_window_is_over(tx: Transaction) -> None:
    tx.window.open(FROM_MS, UNTIL_MS, 2, "set_back")
    tx.window.close(UNTIL_MS + 5)

    assert tx.window.current() is None


@pytest.mark.parametrize(
    ("age_ms", "keep_s", "too_old"),
    [
        pytest.param(6 * DAY_MS, None, False, id="a day less than agents keep"),
        pytest.param(6 * DAY_MS + 1, None, True, id="later than that"),
        pytest.param(DAY_MS, 86_400, True, id="an agent that keeps one day"),
    ],
)
def test_a_copy_older_than_the_memory_of_an_agent_is_too_old(
    tx: Transaction, age_ms: int, keep_s: int | None, too_old: bool
) -> None:
    agent(tx, "a1")
    agent(tx, "a2", keep_s=keep_s)
    agent(tx, "gone", keep_s=1, state="revoked")

    assert tx.window.open(NOON_MS - age_ms, NOON_MS, 2, "activated").too_old is too_old
    proof = "too_old" if too_old else ""
    assert {name: each.no_proof for name, each in tx.window.witnesses().items()} == {"a1": proof, "a2": proof}


def test_a_new_process_knows_when_the_one_before_it_was_last_alive(tx: Transaction) -> None:
    tx.term.create(site_uid=SITE_UID, server_id="test")
    tx.term.tick(1_000)
    tx.term.claim(b"act-1234")
    tx.term.tick(2_000)

    assert tx.term.site().tick_before_ms == 1_000
