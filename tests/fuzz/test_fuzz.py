"""A short run of the fuzzer in every test run; `make fuzz` is the long one."""

import pytest

from tests.fuzz.__main__ import TARGETS, main


@pytest.mark.parametrize("seed", [1, 2])
def test_whatever_is_said_nothing_breaks_and_nothing_grows(seed: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--frames", "10000", "--seed", str(seed)]) == 0, capsys.readouterr().out

    told = capsys.readouterr().out
    assert all(name in told for name in TARGETS)


def test_a_fault_is_told_with_the_command_that_repeats_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_chance: object) -> int:
        raise KeyError("as a reader would that trusts its peer")

    monkeypatch.setitem(TARGETS, "events", (broken, 1000))  # type: ignore[index]

    assert main(["--frames", "5000", "--seed", "3"]) == 1

    session = list(TARGETS).index("events")  # each target has its turn at the beginning
    assert f"repeat: python -m tests.fuzz --seed 3 --session {session}" in capsys.readouterr().out
