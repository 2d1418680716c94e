"""What a standby begins with: a copy that has arrived already is put in its place, and nothing unknown is replaced."""

import shutil
from pathlib import Path

import pytest

from jaz_lite import config
from jaz_lite.clock import VirtualClock
from jaz_lite.config import Config
from jaz_lite.errors import Refused, UsageError
from jaz_lite.server.inquiry import peers_of
from jaz_lite.server.role import role_of
from jaz_lite.server.standby import run_standby
from jaz_lite.store.directory import DataDirectory
from jaz_lite.store.verifying import verify
from jaz_lite.wire.token import Token
from tests.store.copies import contents, site, snapshot

CLOCK = VirtualClock()
INVITED = Token(token_id=b"i" * 6, secret=b"k" * 16, fingerprint=b"f" * 20, addresses=("127.0.0.1:1",))


class Begun(Exception):
    """The standby has its copy, and asks for its settings."""


def begun() -> Config:
    raise Begun


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    snapshot(site(tmp_path / "original"), tmp_path / "copy")
    return tmp_path / "copy"


@pytest.fixture
def arrived(copy: Path, tmp_path: Path) -> Path:
    """A first copy that a crash kept from its place."""
    shutil.copytree(copy, tmp_path / "standby/arrived")
    return tmp_path / "standby"


def test_a_first_copy_that_arrived_before_a_crash_needs_no_second_invitation(arrived: Path) -> None:
    with pytest.raises(Begun):
        run_standby(arrived, ["127.0.0.1:1"], config=begun)

    assert role_of(arrived) == "standby"
    assert verify(arrived).fenced is None


def test_no_new_site_begins_where_a_first_copy_has_arrived(arrived: Path) -> None:
    before = contents(arrived)

    with pytest.raises(Refused, match="first copy of a standby") as refused:
        DataDirectory.prepare(arrived, server_id="new", clock=CLOCK)

    assert "jaz-lite standby run" in refused.value.hint
    assert contents(arrived) == before


def test_a_fresh_copy_does_not_take_the_place_of_a_database_nobody_knows(copy: Path) -> None:
    (copy / "instance.json").unlink()
    before = contents(copy)

    with pytest.raises(Refused, match=r"instance\.json"):
        run_standby(copy, [], config=begun, token=INVITED)

    assert contents(copy) == before


@pytest.mark.parametrize("peers", ["b.example:999999", "b.example, [::1"])
def test_a_mistyped_address_of_another_server_is_named(peers: str) -> None:
    with pytest.raises(UsageError, match=r"server\.peers: .* is no address"):
        peers_of(config.defaults().over("the test", {"server.peers": peers}))
