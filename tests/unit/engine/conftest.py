import pytest

from tests.unit.engine.playing import Site


@pytest.fixture
def site() -> Site:
    return Site()
