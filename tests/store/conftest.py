"""A store in a folder of its own, with a clock that stands still."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from jaz_lite.clock import VirtualClock
from jaz_lite.store.keys import Keys
from jaz_lite.store.open import Store
from jaz_lite.store.transaction import Transaction


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def store(tmp_path: Path, clock: VirtualClock) -> Iterator[Store]:
    Keys.create(tmp_path, name="test")
    opened = Store.open(tmp_path, clock=clock)
    yield opened
    opened.close()


@pytest.fixture
def tx(store: Store) -> Iterator[Transaction]:
    transaction = store.begin()
    yield transaction
    transaction.rollback()
