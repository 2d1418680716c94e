from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.runner.site import Site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path / "data", agents=("a1", "a2"))
    yield made
    made.close()
