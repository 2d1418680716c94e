"""The check of a machine says honestly what it found."""

import json
import os
from pathlib import Path

import pytest

import jaz_lite
from jaz_lite.agent.checks import probes_machine, selfcheck
from jaz_lite.agent.checks.probes import Place, Shortcoming, another_python

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(os.name == "nt", reason="the folders of this test are those of Unix"),
]


def without(probe: str, says: BaseException, patch: pytest.MonkeyPatch) -> None:
    """Let one probe find something else than this machine gives."""

    def found(place: Place) -> str:
        raise says

    probes = tuple((name, found if name == probe else real) for name, real in probes_machine.PROBES)
    patch.setattr(probes_machine, "PROBES", probes)


def test_this_machine_is_fine_and_nothing_stays_behind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert selfcheck.tell(tmp_path, as_json=False) == 0

    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len({line[6:24] for line in lines}) > 15
    assert {line[:4] for line in lines} <= {"ok  ", "warn"}
    assert list(tmp_path.iterdir()) == []


def test_a_failure_is_told_and_is_the_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    without("locks", OSError("no locks\nhere"), monkeypatch)

    assert selfcheck.tell(tmp_path, as_json=True) == 1

    told = json.loads(capsys.readouterr().out)
    assert not told["ok"]
    assert {"level": "FAIL", "name": "locks", "found": "OSError: no locks here"} in told["probes"]


def test_what_works_in_part_is_no_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    without("tls", Shortcoming("only TLS 1.2"), monkeypatch)

    assert selfcheck.tell(tmp_path, as_json=False) == 0

    assert "warn  tls                 only TLS 1.2\n" in capsys.readouterr().out


def test_a_folder_that_others_may_write_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tmp_path.chmod(0o777)

    assert selfcheck.tell(tmp_path, as_json=False) == 1

    assert "FAIL  data directory" in capsys.readouterr().out


def test_another_python_finds_the_package_of_this_one_also_where_none_is_installed() -> None:
    first = another_python("import os; print(os.environ['PYTHONPATH'].split(os.pathsep)[0])")

    assert first == str(Path(jaz_lite.__file__).parents[1])
