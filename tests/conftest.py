"""What every test shares: hypothesis tries the same examples on every machine, and no test waits for a real clock."""

import sys
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.unix_only import MODULES, NEEDS, TESTS

settings.register_profile(
    "house", derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("house")


class _UnixOnly(pytest.File):
    """A module that cannot even be imported on Windows: one skipped test, with its reason."""

    def collect(self) -> Any:
        pytest.skip(f"on Unix only: {MODULES[self.path.name]}", allow_module_level=True)


class _Perhaps(pytest.Module):
    """A module that is put aside where it, or the server it starts, needs a module that Windows has not."""

    def collect(self) -> Any:
        try:
            return list(super().collect())
        except self.CollectError as error:
            missing = [name for name in NEEDS if f"No module named '{name}'" in str(error)]
            if not missing:
                raise
            pytest.skip(f"on Unix only: it needs {missing[0]}", allow_module_level=True)


def pytest_pycollect_makemodule(module_path: Any, parent: Any) -> "pytest.Collector | None":
    """Put aside, on Windows, what is about Unix."""
    if sys.platform != "win32":
        return None
    kind = _UnixOnly if module_path.name in MODULES else _Perhaps
    return kind.from_parent(parent, path=module_path)  # type: ignore[no-any-return]


def pytest_collection_modifyitems(items: "list[pytest.Item]") -> None:
    """Skip, on Windows, the single tests that are about Unix."""
    if sys.platform == "win32":
        for item in items:
            reason = TESTS.get(getattr(item, "originalname", item.name))
            if reason:
                item.add_marker(pytest.mark.skip(reason=f"on Unix only: {reason}"))
