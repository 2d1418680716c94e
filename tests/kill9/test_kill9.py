"""Two rounds in every test run; `make kill9` plays more."""

import pytest

from tests.kill9.__main__ import main


@pytest.mark.real
def test_whoever_is_killed_nothing_starts_twice_and_no_result_is_lost(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--rounds", "2", "--seed", "20"]) == 0, capsys.readouterr().out

    assert capsys.readouterr().out.count("none started twice") == 2
