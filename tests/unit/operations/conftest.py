"""A store of its own for every test of operations."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from jaz_lite.operations.site import OfflineSite
from jaz_lite.store.open import Store
from tests.unit.operations.small_site import offline, opened


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with opened(tmp_path / "data") as store:
        yield store


@pytest.fixture
def site(store: Store) -> OfflineSite:
    return offline(store)
