"""What a site keeps within its quota, and what it never gives up."""

import os
from pathlib import Path

from jaz_lite.agent.attempts import Moment
from jaz_lite.agent.disk import PosixDisk
from jaz_lite.agent.effects import SayRefused
from jaz_lite.agent.output_files import PosixOutputFiles
from jaz_lite.agent.policy import Policy
from jaz_lite.agent.records import site_folder
from jaz_lite.agent.site import Site
from jaz_lite.agent.slots import Slots
from jaz_lite.wire.happenings import Dispatched
from jaz_lite.wire.spec import pack_spec
from tests.unit.agent.test_site import RECORD, UID

HOUR_MS = 3_600_000
NOW = Moment(100.0, 2_000_000_000_000)


def site_with(tmp_path: Path, quota: int) -> tuple[Site, Path]:
    out = tmp_path / site_folder(UID) / "out"
    out.mkdir(parents=True)
    site = Site(
        disk=PosixDisk(tmp_path),
        record=RECORD,
        policy=Policy(quota_bytes=quota, free_bytes_min=0),
        outputs=PosixOutputFiles(out),
        out_folder=str(out),
        boot=bytes(16),
        tell_keeper=lambda _messages: None,
        slots=Slots(1),
        now=NOW,
    )
    site.log.spool.begin(b"s" * 16)
    return site, out


def put(out: Path, name: str, size: int, *, hours_ago: int = 1) -> None:
    (out / name).write_bytes(bytes(size))
    at_s = (NOW.wall_ms - hours_ago * HOUR_MS) / 1000
    os.utime(out / name, (at_s, at_s))


def refusal(site: Site) -> str:
    site.core.asked(
        Dispatched(
            k=b"k" * 16, occ="M:1", path="/a#1", att=1, run=1, kind="cmd", spec=pack_spec("cmd", {"script": "x"})
        ),
        NOW,
    )
    return next((effect.why for effect in site.take() if isinstance(effect, SayRefused)), "")


def test_the_oldest_output_that_the_server_has_goes_first(tmp_path: Path) -> None:
    site, out = site_with(tmp_path, 2_500)
    put(out, f"{'11' * 16}.out-had", 1_000, hours_ago=3)
    put(out, f"{'22' * 16}.out-had", 1_000, hours_ago=2)
    put(out, f"{'33' * 16}.out", 1_000, hours_ago=9)

    site.look_after(NOW)

    assert sorted(path.name[:2] for path in out.iterdir()) == ["22", "33"]
    assert refusal(site) == ""


def test_what_the_server_has_not_is_never_given_up_and_new_work_is_refused(tmp_path: Path) -> None:
    site, out = site_with(tmp_path, 1_500)
    put(out, f"{'11' * 16}.out", 1_000, hours_ago=200)
    put(out, f"{'22' * 16}.out", 1_000, hours_ago=200)

    site.look_after(NOW)

    assert len(list(out.iterdir())) == 2
    assert refusal(site) == "no_space"


def test_work_is_taken_again_when_the_server_has_fetched_what_was_kept(tmp_path: Path) -> None:
    site, out = site_with(tmp_path, 1_500)
    for name in ("11", "22"):
        put(out, f"{name * 16}.out", 1_000)
    site.look_after(NOW)

    for path in list(out.iterdir()):
        path.rename(f"{path}-had")
    site.look_after(NOW)

    assert len(list(out.iterdir())) == 1
    assert refusal(site) == ""
