"""What an agent keeps of a site: a file that is not what it should be is said to be damaged, whatever is in it."""

import random
from typing import Any

import msgpack
import pytest

from jaz_lite.agent.records import SiteRecord, load_sites, save_site, site_folder
from jaz_lite.errors import StoreDamaged
from tests.sim.disk import SimDisk

UID = b"u" * 16
RECORD = SiteRecord(site_uid=UID, server_id="s", agent_id="a", kid=1, key=bytes(32), cert_pem="PEM", addrs=("x:1",))


@pytest.fixture
def disk() -> SimDisk:
    made = SimDisk(random.Random(1))
    save_site(made, RECORD)
    return made


def changed(disk: SimDisk, change: dict[str, Any]) -> None:
    path = f"{site_folder(UID)}/site.msgpack"
    values = msgpack.unpackb(disk.read(path)) | change
    disk.replace(path, msgpack.packb({name: value for name, value in values.items() if value is not None}))


def test_an_enrolment_is_read_as_it_was_kept(disk: SimDisk) -> None:
    assert load_sites(disk) == [RECORD]


def test_what_a_later_version_has_added_is_passed_over(disk: SimDisk) -> None:
    changed(disk, {"color": "blue"})

    assert load_sites(disk) == [RECORD]


@pytest.mark.parametrize(
    "change",
    [{"addrs": None}, {"key": None}, {"key": "text"}, {"kid": "1"}, {"addrs": 5}, {"format": 9}],
    ids=["no addresses", "no key", "a key that is text", "a number that is text", "addresses", "format"],
)
def test_an_enrolment_that_is_not_whole_is_damaged(disk: SimDisk, change: dict[str, Any]) -> None:
    changed(disk, change)

    with pytest.raises(StoreDamaged, match=r"site\.msgpack"):
        load_sites(disk)
