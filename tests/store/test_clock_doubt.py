"""A clock that jumps far ahead is doubted for a day, across restarts, and until it is set back."""

import pytest

from jaz_lite.store.transaction import Transaction

HOUR = 3_600_000
DAY = 24 * HOUR
NOW = 1_795_000_000_000


@pytest.mark.parametrize("expected", [None, NOW, NOW - DAY, NOW + 400 * DAY])
def test_a_clock_that_goes_as_it_should_is_believed(tx: Transaction, expected: int | None) -> None:
    tx.clock_doubt.look(NOW, expected)

    assert tx.clock_doubt.until_ms() is None
    assert tx.journal.latest() == []


def test_a_clock_that_jumped_ahead_is_doubted_for_a_day_and_told(tx: Transaction) -> None:
    tx.clock_doubt.look(NOW, NOW - 400 * DAY)

    assert tx.clock_doubt.until_ms() == NOW + DAY
    (line,) = tx.journal.latest()
    assert (line.kind, line.severity, line.run_id, dict(line.data)) == (
        "retention_waits", "warning", None, {"clock_ahead_hours": 400 * 24},
    )  # fmt: skip


def test_the_doubt_ends_after_a_day_and_not_by_a_restart(tx: Transaction) -> None:
    tx.clock_doubt.look(NOW, NOW - 400 * DAY)

    tx.clock_doubt.look(NOW + HOUR, NOW + HOUR)  # the next server finds the last tick beside its clock
    assert tx.clock_doubt.until_ms() == NOW + DAY
    tx.clock_doubt.look(NOW + DAY, NOW + DAY)
    assert tx.clock_doubt.until_ms() is None


def test_the_doubt_ends_when_the_clock_is_set_back(tx: Transaction) -> None:
    tx.clock_doubt.look(NOW, NOW - 400 * DAY)

    tx.clock_doubt.look(NOW - 1_000, NOW)  # a second is no correction
    assert tx.clock_doubt.until_ms() is not None
    tx.clock_doubt.look(NOW - 400 * DAY, NOW)
    assert tx.clock_doubt.until_ms() is None


def test_a_second_jump_begins_a_new_day_of_doubt(tx: Transaction) -> None:
    tx.clock_doubt.look(NOW, NOW - 400 * DAY)
    tx.clock_doubt.look(NOW + 10 * DAY, NOW + HOUR)

    assert tx.clock_doubt.until_ms() == NOW + 11 * DAY


def test_a_person_may_end_the_doubt(tx: Transaction) -> None:
    tx.clock_doubt.look(NOW, NOW - 400 * DAY)
    tx.clock_doubt.believe()

    assert tx.clock_doubt.until_ms() is None
