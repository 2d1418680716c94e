"""The agent log on a real folder, whole, torn and damaged."""

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaz_lite.agent import spool as spool_module
from jaz_lite.agent.crc_log import framed, unframed
from jaz_lite.agent.disk import PosixDisk
from jaz_lite.agent.spool import Spool
from jaz_lite.wire.events import pack_event, unpack_event
from jaz_lite.wire.ident import CHAIN_START, NO_SPOOL, chain
from tests.sim.disk import SimDisk

ID = b"spool-0123456789"
K = bytes(16)


def event(n: int, size: int = 0) -> bytes:
    return pack_event(n, n, K, "kill_sent", {"sig": "TERM", "more": "x" * size})


def open_spool(folder: Path) -> Spool:
    return Spool(PosixDisk(folder), "site")


def filled(folder: Path, count: int, size: int = 0) -> Spool:
    spool = open_spool(folder)
    spool.begin(ID)
    for n in range(1, count + 1):
        spool.append([event(n, size)])
    spool.sync()
    return spool


def segments(folder: Path) -> list[Path]:
    return sorted((folder / "site" / "log").iterdir())


def test_a_new_spool_waits_for_its_id(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)

    assert (spool.spool, spool.head, spool.low) == (NO_SPOOL, 0, 1)
    spool.begin(ID)
    assert (spool.spool, spool.head, spool.chain_at(0)) == (ID, 0, CHAIN_START)


def test_what_was_written_is_there_after_a_restart_with_its_chain(tmp_path: Path) -> None:
    before = filled(tmp_path, 300)

    after = open_spool(tmp_path)

    assert (after.spool, after.head, after.synced, after.low) == (ID, 300, 300, 1)
    value = CHAIN_START
    for n in range(1, 301):
        value = chain(value, event(n))
        assert after.chain_at(n) == value == before.chain_at(n)
    assert after.payloads(299, 10) == [event(299), event(300)]


def test_only_a_sync_makes_events_durable(tmp_path: Path) -> None:
    spool = filled(tmp_path, 2)

    spool.append([event(3), event(4)])

    assert (spool.head, spool.synced) == (4, 2)
    spool.sync()
    assert spool.synced == 4


@given(cut=st.integers(1, 120))
def test_a_torn_tail_is_cut_off_and_the_log_goes_on(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    folder = tmp_path_factory.mktemp("torn")
    filled(folder, 5)
    path = segments(folder)[0]
    end = unframed(path.read_bytes(), 48)[1]
    path.write_bytes(path.read_bytes()[: end - cut] + b"\xff" * (cut % 7))

    spool = open_spool(folder)

    assert not spool.damaged
    assert 0 <= spool.head < 5
    spool.append([event(spool.head + 1)])
    spool.sync()
    assert open_spool(folder).head == spool.head


def test_damage_before_the_newest_segment_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_module, "SEGMENT_BYTES_MAX", 2000)
    filled(tmp_path, 60, size=100)
    assert len(segments(tmp_path)) > 2
    path = segments(tmp_path)[0]
    data = bytearray(path.read_bytes())
    data[300] ^= 1
    path.write_bytes(bytes(data))

    spool = open_spool(tmp_path)

    assert spool.damaged
    spool.begin(b"another spool id", spool.events())
    assert not spool.damaged
    assert (tmp_path / "site" / "log.old").is_dir()


def test_segments_follow_each_other_and_old_ones_are_read_from_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool_module, "SEGMENT_BYTES_MAX", 2000)
    monkeypatch.setattr(spool_module, "CACHED_EVENTS_MAX", 5)
    spool = filled(tmp_path, 60, size=100)

    found: list[bytes] = []
    while len(found) < 60:
        found += spool.payloads(len(found) + 1, 1000)

    assert found == [event(n, 100) for n in range(1, 61)]
    assert [unpacked[0] for unpacked in spool.events()] == list(range(1, 61))


def test_only_acknowledged_and_old_segments_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_module, "SEGMENT_BYTES_MAX", 2000)
    spool = filled(tmp_path, 60, size=100)
    second = unpack_event(unframed(segments(tmp_path)[1].read_bytes(), 48)[0][0])[0]
    far = 10**15

    assert not spool.forget(second - 2, far)
    assert not spool.forget(60, 0)
    assert spool.forget(second - 1, far)

    assert spool.low == second
    again = open_spool(tmp_path)
    assert (again.low, again.head, again.damaged) == (second, 60, False)
    assert again.low_chain == spool.low_chain == again.chain_at(second - 1)
    assert again.chain_at(second - 2) is None


def test_a_new_log_repeats_what_is_known_under_new_numbers(tmp_path: Path) -> None:
    spool = filled(tmp_path, 4)
    known = list(spool.events())[2:]

    spool.begin(b"another spool id", known)

    assert (spool.spool, spool.head, spool.low) == (b"another spool id", 2, 1)
    assert [unpacked[0] for unpacked in spool.events()] == [1, 2]
    assert open_spool(tmp_path).head == 2


def test_numbers_without_a_gap_are_insisted_on(tmp_path: Path) -> None:
    spool = filled(tmp_path, 2)

    with pytest.raises(AssertionError):
        spool.append([event(4)])


@given(st.binary(max_size=400))
def test_rubbish_is_no_record(data: bytes) -> None:
    payloads, end = unframed(data)

    assert end <= len(data)
    assert b"".join(map(framed, payloads)) == data[:end]


def test_what_a_killed_process_wrote_is_durable_before_it_is_sent(tmp_path: Path) -> None:
    disk = SimDisk(random.Random(1))
    killed = Spool(disk, "site")
    killed.begin(ID)
    killed.append([event(1)])

    after = Spool(disk, "site")
    disk.power_cut()

    assert after.synced == 1
    assert Spool(disk, "site").head == 1
