"""An agent is told by hand where its server is now."""

from dataclasses import replace
from pathlib import Path

import pytest

from jaz_lite.agent.another_server import set_server
from jaz_lite.agent.disk import PosixDisk
from jaz_lite.agent.records import SiteRecord, load_sites, save_site
from jaz_lite.errors import NoSuchObject, UsageError

RECORD = SiteRecord(
    site_uid=b"u" * 16, server_id="plant", agent_id="web1", kid=1, key=bytes(32), cert_pem="PEM", addrs=("old:11061",)
)


def test_the_new_place_is_tried_first_and_the_old_one_is_kept(tmp_path: Path) -> None:
    save_site(PosixDisk(tmp_path), RECORD)

    set_server(tmp_path, "standby.example")
    set_server(tmp_path, "old:11061")
    set_server(tmp_path, "standby.example:11061")

    (record,) = load_sites(PosixDisk(tmp_path))
    assert record == replace(RECORD, addrs=("standby.example:11061", "old:11061"))


def test_an_agent_of_several_sites_wants_to_know_which(tmp_path: Path) -> None:
    for uid, name in ((b"a" * 16, "plant"), (b"b" * 16, "office")):
        save_site(PosixDisk(tmp_path), replace(RECORD, site_uid=uid, server_id=name))

    with pytest.raises(UsageError, match="belongs to 2 sites"):
        set_server(tmp_path, "standby.example")
    assert set_server(tmp_path, "standby.example", server_id="office").server_id == "office"
    with pytest.raises(NoSuchObject, match='does not belong to site "home"'):
        set_server(tmp_path, "standby.example", server_id="home")


def test_what_is_no_address_changes_nothing(tmp_path: Path) -> None:
    save_site(PosixDisk(tmp_path), RECORD)

    with pytest.raises(UsageError, match="is no address"):
        set_server(tmp_path, "standby.example:none")
    assert load_sites(PosixDisk(tmp_path)) == [RECORD]
