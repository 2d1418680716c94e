"""Commands are called in this process; where they need a server, a small one answers on a real socket."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from jaz_lite.cli.main import main
from tests.unit.cli.serving import served


@dataclass
class Ran:
    """What a command gave."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Cli = Callable[..., Ran]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data directory that commands are pointed at; nothing is there yet."""
    place = tmp_path / "data"
    monkeypatch.setenv("JAZ_LITE_DATA", str(place))
    monkeypatch.setenv("NO_COLOR", "1")
    return place


@pytest.fixture
def cli(folder: Path, capfd: pytest.CaptureFixture[str]) -> Cli:
    """Call a command and return what it gave."""

    def run(*arguments: str) -> Ran:
        capfd.readouterr()
        code = main(arguments)
        out, err = capfd.readouterr()
        return Ran(code, out, err)

    return run


@pytest.fixture
def prepared(cli: Cli, folder: Path) -> Path:
    """A data directory without a server."""
    assert cli("init", "--server-id", "test").code == 0
    return folder


@pytest.fixture
def server(folder: Path) -> Iterator[Path]:
    """A data directory with a running engine without agents."""
    with served(folder):
        yield folder
