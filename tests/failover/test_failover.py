"""A short round in every test run; `make failover` plays more, with all that can happen."""

import pytest

from tests.failover.__main__ import main
from tests.lab.network import why_not

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(bool(why_not(firewalls=True)), reason=f"no lab network here: {why_not(firewalls=True)}"),
]


def test_a_copy_takes_over_from_a_dead_server_and_the_jobs_own_file_and_the_copied_files_prove_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = main(["--rounds", "1", "--seed", "5", "--kind", "dead", "--calm"])

    said = capsys.readouterr().out
    assert code == 0, said
    assert "none started twice, one active" in said
    assert " 0 files" not in said
