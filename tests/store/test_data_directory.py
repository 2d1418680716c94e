"""The data directory: private, bound to one machine and place, one process at a time; and its keys."""

import fcntl
import json
import os
import ssl
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaz_lite.clock import VirtualClock
from jaz_lite.errors import AlreadyRunning, NoSuchObject, NotBoundHere, Refused, StoreDamaged, UsageError
from jaz_lite.store import network_disk
from jaz_lite.store.binding import Machine, this_machine
from jaz_lite.store.directory import RESERVE_BYTES, DataDirectory
from jaz_lite.store.keys import Keys
from jaz_lite.store.network_disk import file_system_of
from jaz_lite.wire.ident import term_of
from tests.store.making import opened

HERE = Machine(machine_id="abc", host_name="tokyo")


@pytest.fixture
def prepared(tmp_path: Path) -> DataDirectory:
    return DataDirectory.prepare(tmp_path / "data", server_id="site-1", clock=VirtualClock(), machine=HERE)


def test_a_prepared_directory_holds_everything_and_is_private(prepared: DataDirectory) -> None:
    folder = prepared.folder

    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "keys").stat().st_mode & 0o777 == 0o700
    assert {path.name for path in (folder / "keys").iterdir()} == {"site.key", "site.crt", "fence.key", "secret.key"}
    assert {(path.stat().st_mode & 0o777) for path in (folder / "keys").iterdir()} == {0o600}
    assert {"jaz.db", "config.toml", "instance.json", "keys"} <= {path.name for path in folder.iterdir()}


def test_the_store_in_it_knows_its_site(prepared: DataDirectory) -> None:
    store = opened(prepared.folder)
    with store.snapshot() as view:
        site = view.term.site()
    store.close()

    assert (site.site_uid, site.server_id) == (prepared.site_uid, "site-1")
    assert len(site.site_uid) == 16


def test_the_certificate_fits_its_key(prepared: DataDirectory) -> None:
    keys = Keys.load(prepared.folder)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(keys.site_certificate_file, keys.site_key_file)
    assert len(keys.fence_key) == 32


def test_two_sites_share_nothing(tmp_path: Path) -> None:
    one, other = (
        DataDirectory.prepare(tmp_path / name, server_id="same", clock=VirtualClock(), machine=HERE)
        for name in ("one", "other")
    )

    assert one.site_uid != other.site_uid
    for name in ("site.key", "fence.key", "secret.key"):
        assert (one.folder / "keys" / name).read_bytes() != (other.folder / "keys" / name).read_bytes()


def test_a_directory_is_prepared_once(prepared: DataDirectory) -> None:
    with pytest.raises(Refused, match="is a data directory already"):
        DataDirectory.prepare(prepared.folder, server_id="x", clock=VirtualClock(), machine=HERE)


def test_an_unfinished_directory_is_finished(prepared: DataDirectory) -> None:
    (prepared.folder / "instance.json").unlink()
    assert not DataDirectory.exists(prepared.folder)

    again = DataDirectory.prepare(prepared.folder, server_id="site-1", clock=VirtualClock(), machine=HERE)

    assert again.site_uid == prepared.site_uid
    again.bind_check()


@pytest.mark.parametrize("server_id", ["", "x" * 65])
def test_a_name_that_does_not_fit_is_refused(tmp_path: Path, server_id: str) -> None:
    with pytest.raises(UsageError, match="cannot name a server"):
        DataDirectory.prepare(tmp_path / "data", server_id=server_id, clock=VirtualClock(), machine=HERE)
    assert not (tmp_path / "data").exists()


def test_a_folder_that_was_never_prepared_is_named(tmp_path: Path) -> None:
    with pytest.raises(NoSuchObject, match="is not a data directory"):
        DataDirectory(tmp_path)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"server_id": "x", "site_uid": "zz"}', "\x00"])
def test_a_damaged_binding_is_called_damaged(prepared: DataDirectory, text: str) -> None:
    (prepared.folder / "instance.json").write_text(text)

    with pytest.raises(StoreDamaged, match=r"instance\.json is damaged"):
        DataDirectory(prepared.folder)


# ---- the binding


def test_a_directory_in_its_place_is_accepted(prepared: DataDirectory) -> None:
    DataDirectory(prepared.folder, machine=HERE).bind_check()


@pytest.mark.parametrize(
    "machine", [Machine(machine_id="other", host_name="tokyo"), Machine(machine_id="abc", host_name="osaka")]
)
def test_a_directory_of_another_machine_is_refused(prepared: DataDirectory, machine: Machine) -> None:
    with pytest.raises(NotBoundHere, match='belongs to the machine "tokyo", this is') as refused:
        DataDirectory(prepared.folder, machine=machine).bind_check()
    assert "start it there" in refused.value.hint
    assert "`jaz-lite activate` takes over" in refused.value.hint


def test_a_copied_directory_is_refused(prepared: DataDirectory, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    prepared.folder.rename(copy)

    with pytest.raises(NotBoundHere, match="belongs at") as refused:
        DataDirectory(copy, machine=HERE).bind_check()
    assert "`jaz-lite activate` takes over" in refused.value.hint


def test_a_copy_that_takes_over_is_bound_where_it_is(prepared: DataDirectory, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    prepared.folder.rename(copy)
    elsewhere = Machine(machine_id="def", host_name="osaka")

    taking_over = DataDirectory(copy, machine=elsewhere)
    taking_over.rebind(term_of(2, 0))

    taking_over.bind_check()
    DataDirectory(copy, machine=elsewhere).bind_check()
    assert json.loads((copy / "instance.json").read_text())["term"] == term_of(2, 0)
    with pytest.raises(NotBoundHere, match="belongs to the machine"):
        DataDirectory(copy, machine=HERE).bind_check()


def test_this_machine_is_the_same_each_time() -> None:
    assert this_machine() == this_machine()
    assert this_machine().host_name


# ---- the store in it


def test_a_store_that_is_gone_or_emptied_is_not_replaced_by_a_new_one(prepared: DataDirectory) -> None:
    database = prepared.folder / "jaz.db"
    prepared.open_store(clock=VirtualClock()).close()

    database.unlink()
    with pytest.raises(StoreDamaged, match=r"jaz\.db is gone"):
        prepared.open_store(clock=VirtualClock())
    assert not database.exists()

    database.touch()
    with pytest.raises(StoreDamaged, match=r"jaz\.db is empty"):
        prepared.open_store(clock=VirtualClock())


def test_the_store_of_another_site_is_refused(prepared: DataDirectory, tmp_path: Path) -> None:
    other = DataDirectory.prepare(tmp_path / "other", server_id="site-2", clock=VirtualClock(), machine=HERE)
    (other.folder / "jaz.db").replace(prepared.folder / "jaz.db")

    with pytest.raises(StoreDamaged, match="belongs to another site"):
        prepared.open_store(clock=VirtualClock())


# ---- the lock


def test_a_disk_that_cannot_be_written_is_named(prepared: DataDirectory) -> None:
    (prepared.folder / "lock").unlink()
    (prepared.folder / "lock").mkdir()

    with pytest.raises(StoreDamaged, match="cannot be used: Is a directory"):
        prepared.lock()


def test_a_second_process_is_kept_out_and_told_who_is_in(prepared: DataDirectory) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from jaz_lite.store.binding import Machine\n"
        "from jaz_lite.store.directory import DataDirectory\n"
        "from jaz_lite.errors import AlreadyRunning\n"
        "try:\n"
        "    DataDirectory(Path(sys.argv[1]), machine=Machine(machine_id='abc', host_name='tokyo')).lock()\n"
        "except AlreadyRunning as error: print(error.message)\n"
        "else: print('got it')\n"
    )

    def try_it() -> str:
        command = [sys.executable, "-c", program, str(prepared.folder)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    with prepared.lock():
        assert f"another process (process {os.getpid()}) uses" in try_it()
    assert "got it" in try_it()


def test_the_lock_is_free_again_after_use(prepared: DataDirectory) -> None:
    for _ in range(2):
        with prepared.lock():
            other = DataDirectory(prepared.folder, machine=HERE)
            with pytest.raises(AlreadyRunning):
                other.lock()


def test_children_do_not_inherit_the_lock(prepared: DataDirectory) -> None:
    with prepared.lock() as held:
        assert held._lock is not None
        assert fcntl.fcntl(held._lock, fcntl.F_GETFD) & fcntl.FD_CLOEXEC


# ---- network file systems and the reserve

MOUNTS = """\
22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
30 22 0:25 / /srv rw - nfs4 server:/home rw
31 30 254:3 / /srv/local\\040disk rw - xfs /dev/vdb rw
40 22 0:30 / /mnt/twice rw - ext4 /dev/vdc rw
41 40 0:31 / /mnt/twice rw - cifs //server/share rw
rubbish
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/var/lib/jaz", "ext4"),
        ("/srv/ann/jaz", "nfs4"),
        ("/srv", "nfs4"),
        ("/srvless", "ext4"),
        ("/srv/local disk/jaz", "xfs"),
        ("/mnt/twice/x", "cifs"),
    ],
)
def test_the_file_system_of_a_folder_is_that_of_its_deepest_mount(folder: str, kind: str) -> None:
    assert file_system_of(Path(folder), MOUNTS) == kind


def test_a_network_file_system_is_refused_unless_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text("22 1 0:25 / / rw - nfs4 server:/ rw\n")
    monkeypatch.setattr(network_disk, "MOUNTS_FILE", mounts)

    with pytest.raises(Refused, match=r"network file system \(nfs4\)"):
        DataDirectory.prepare(tmp_path / "data", server_id="x", clock=VirtualClock(), machine=HERE)
    made = DataDirectory.prepare(
        tmp_path / "data", server_id="x", clock=VirtualClock(), machine=HERE, allow_network=True
    )
    with pytest.raises(Refused, match="network file system"):
        made.lock()
    made.lock(allow_network=True).unlock()


def test_the_reserve_is_held_and_given_up(prepared: DataDirectory) -> None:
    assert not prepared.release_reserve()
    assert prepared.keep_reserve()
    assert prepared.keep_reserve()
    assert (prepared.folder / "reserve").stat().st_size == RESERVE_BYTES
    assert prepared.release_reserve()
    assert not (prepared.folder / "reserve").exists()


# ---- keys


@settings(max_examples=50)
@given(plain=st.binary(max_size=200))
def test_what_is_sealed_is_unsealed(keys_of_a_site: Keys, plain: bytes) -> None:
    sealed = keys_of_a_site.seal(plain)

    assert keys_of_a_site.unseal(sealed) == plain
    assert sealed.isascii()
    assert keys_of_a_site.seal(plain) != sealed
    assert len(plain) < 8 or plain not in sealed.encode()


@settings(max_examples=100)
@given(place=st.integers(0, 10**6), byte=st.integers(1, 255))
def test_any_change_of_a_sealed_value_is_noticed(keys_of_a_site: Keys, place: int, byte: int) -> None:
    sealed = bytearray(keys_of_a_site.seal(b"a secret of twenty-six").encode())
    place %= len(sealed)
    sealed[place] ^= byte

    with pytest.raises(StoreDamaged, match="changed"):
        keys_of_a_site.unseal(sealed.decode("latin-1"))


def test_another_site_cannot_unseal(keys_of_a_site: Keys, tmp_path: Path) -> None:
    other = Keys.create(tmp_path, name="other")

    with pytest.raises(StoreDamaged, match="another data directory"):
        other.unseal(keys_of_a_site.seal(b"x"))


@pytest.mark.parametrize("sealed", ["", "plain", "s1.", "s1.!!!!", "s1.AAAA", "s2.AAAA", "s1.é"])
def test_what_was_never_sealed_is_refused(keys_of_a_site: Keys, sealed: str) -> None:
    with pytest.raises(StoreDamaged):
        keys_of_a_site.unseal(sealed)


@pytest.mark.parametrize("name", ["secret.key", "fence.key", "site.key", "site.crt"])
def test_a_missing_or_short_key_is_named(tmp_path: Path, name: str) -> None:
    Keys.create(tmp_path, name="test")
    (tmp_path / "keys" / name).write_bytes(b"short")
    with pytest.raises(StoreDamaged, match=f"{name} is not a key"):
        Keys.load(tmp_path)

    (tmp_path / "keys" / name).unlink()
    with pytest.raises(StoreDamaged, match=f"{name} cannot be read"):
        Keys.load(tmp_path)


@pytest.fixture(scope="module")
def keys_of_a_site(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return Keys.create(tmp_path_factory.mktemp("keys"), name="test")


def test_the_binding_says_where_it_is_bound(prepared: DataDirectory) -> None:
    bound = json.loads((prepared.folder / "instance.json").read_text())

    assert bound["host_name"] == "tokyo"
    assert bound["path"] == str(prepared.folder.resolve())
