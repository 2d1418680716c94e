"""The trial with a real site's export, with its smaller jobnet; `make failover` plays the large one."""

from pathlib import Path

import pytest

from tests.failover.trial import SMALL, WHY_NOT, trial

pytestmark = [pytest.mark.real, pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)]


def test_a_snapshot_in_the_middle_of_a_real_jobnet_carries_on_and_each_job_runs_once(tmp_path: Path) -> None:
    found = trial(tmp_path, SMALL)

    assert found.before < found.killed_at < found.jobs
