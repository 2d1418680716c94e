"""Credentials on the agent: the format of their file, and that other systems than Windows say so."""

import json
import stat
import sys
from pathlib import Path

import pytest

from jaz_lite.agent.credentials import CREDENTIALS_FILE, Credentials
from jaz_lite.agent.sealing import seal, unseal
from jaz_lite.errors import NoSuchObject, StoreDamaged, UsageError


def turned(data: bytes) -> bytes:
    """Seal like nobody: enough to see what is on the disk."""
    return data[::-1]


@pytest.fixture
def credentials(tmp_path: Path) -> Credentials:
    return Credentials(tmp_path, seal=turned, unseal=turned)


def test_a_credential_is_kept_sealed_and_opened_by_its_name(credentials: Credentials, tmp_path: Path) -> None:
    credentials.add("reports", "CORP\\\\rep", "open sesame")
    credentials.add("other", "local", "x")

    assert credentials.open("reports") == ("CORP\\\\rep", "open sesame")
    assert credentials.users() == {"other": "local", "reports": "CORP\\\\rep"}
    path = tmp_path / CREDENTIALS_FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "sesame" not in path.read_text()
    assert json.loads(path.read_text())["format"] == 1


def test_one_that_is_not_there_is_named_and_one_that_is_can_be_forgotten(credentials: Credentials) -> None:
    credentials.add("reports", "rep", "x")
    credentials.remove("reports")

    with pytest.raises(NoSuchObject, match='no credential "reports"'):
        credentials.open("reports")
    with pytest.raises(NoSuchObject):
        credentials.remove("reports")


@pytest.mark.parametrize(("name", "user"), [("", "u"), ("a b", "u"), ("n" * 65, "u"), ("n", ""), ("n", "a\nb")])
def test_names_that_cannot_be_are_refused(credentials: Credentials, name: str, user: str) -> None:
    with pytest.raises(UsageError):
        credentials.add(name, user, "x")


@pytest.mark.parametrize("content", ["{", "[]", '{"format": 2}', '{"format": 1, "credentials": []}'])
def test_a_file_that_is_none_is_told(credentials: Credentials, tmp_path: Path, content: str) -> None:
    (tmp_path / CREDENTIALS_FILE).write_text(content)

    with pytest.raises(StoreDamaged):
        credentials.users()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows can seal")
@pytest.mark.parametrize("function", [seal, unseal])
def test_other_systems_say_that_it_is_only_on_windows(function: "object") -> None:
    with pytest.raises(UsageError, match="only on Windows"):
        function(b"x")  # type: ignore[operator]
