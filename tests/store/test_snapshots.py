"""A copy of a directory in use: one committed state with its keys, private, whole or not there at all."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from jaz_lite import __version__
from jaz_lite.clock import VirtualClock
from jaz_lite.errors import DiskFull, JazLiteError, NoSuchObject, NotBoundHere, Refused
from jaz_lite.store import copying
from jaz_lite.store.binding import read_binding
from jaz_lite.store.copying import copy_live
from jaz_lite.store.directory import DataDirectory
from jaz_lite.store.fencing import FencedBy, write_fenced
from jaz_lite.store.open import Store
from jaz_lite.store.verifying import verify
from jaz_lite.wire.ident import term_of
from tests.store.copies import HERE, TAKEN_MS, contents, save, saved, site, snapshot


@pytest.fixture
def directory(tmp_path: Path) -> DataDirectory:
    return site(tmp_path / "data")


def opened(directory: DataDirectory) -> Store:
    return directory.open_store(clock=VirtualClock())


def test_a_snapshot_holds_the_database_the_keys_and_the_settings_and_is_private(
    directory: DataDirectory, tmp_path: Path
) -> None:
    mask = os.umask(0)
    try:
        snapshot(directory, tmp_path / "copy")
    finally:
        os.umask(mask)

    found = contents(tmp_path / "copy")
    assert set(found) == {
        *(f"keys/{name}" for name in ("site.key", "site.crt", "fence.key", "secret.key")),
        "jaz.db", "config.toml", "instance.json", "manifest.json", "lock",
    }  # fmt: skip
    assert all(found[name] == data for name, data in contents(directory.folder).items() if name.startswith("keys/"))
    files = [path for path in (tmp_path / "copy").rglob("*") if path.is_file()]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert {(tmp_path / "copy" / name).stat().st_mode & 0o777 for name in ("", "keys")} == {0o700}


def test_the_manifest_says_what_the_snapshot_is(directory: DataDirectory, tmp_path: Path) -> None:
    manifest = snapshot(directory, tmp_path / "copy")

    assert (manifest.server_id, manifest.site_uid) == ("site-1", directory.site_uid.hex())
    assert (manifest.term, manifest.taken_ms, manifest.last_tick_ms) == (term_of(1, 1), TAKEN_MS, TAKEN_MS - 5_000)
    assert (manifest.program, manifest.cursors) == (__version__, {"local": 7})
    assert set(manifest.files) == set(contents(tmp_path / "copy")) - {"manifest.json", "lock"}
    assert json.loads((tmp_path / "copy/manifest.json").read_text())["files"]["jaz.db"]["size_bytes"] > 0


def test_a_snapshot_is_found_sound_and_looking_changes_nothing(directory: DataDirectory, tmp_path: Path) -> None:
    manifest = snapshot(directory, tmp_path / "copy")
    before = contents(tmp_path / "copy")

    found = verify(tmp_path / "copy")

    assert found.manifest == manifest
    assert (found.epoch, found.boot, found.agents, found.live_runs) == (1, 1, 1, 1)
    assert found.last_tick_ms == TAKEN_MS - 5_000
    assert contents(tmp_path / "copy") == before


def test_what_is_committed_while_the_snapshot_is_taken_is_not_in_it(directory: DataDirectory, tmp_path: Path) -> None:
    store = opened(directory)
    for number in range(200):
        save(store, number)

    def commit_beside(_done: int, _all: int) -> None:
        thread = threading.Thread(target=lambda: save(store, 1_000 + len(saved(store))))
        thread.start()
        thread.join()
        store.checkpoint()

    copy_live(store, directory.folder, tmp_path / "copy", now_ms=TAKEN_MS, progress=commit_beside, gentle=False)

    assert len(saved(store)) > 200
    store.close()
    verify(tmp_path / "copy")
    copy = Store.open(tmp_path / "copy", clock=VirtualClock(), read_only=True)
    assert len(saved(copy)) == 200
    copy.close()


def test_a_snapshot_does_not_start_by_habit_even_in_its_originals_place(
    directory: DataDirectory, tmp_path: Path
) -> None:
    snapshot(directory, tmp_path / "copy")
    directory.folder.rename(tmp_path / "aside")
    (tmp_path / "copy").rename(directory.folder)

    with pytest.raises(NotBoundHere, match="is a snapshot of") as refused:
        DataDirectory(directory.folder, machine=HERE).bind_check()
    assert "`jaz-lite activate`" in refused.value.hint
    assert refused.value.exit_code == 4


def test_a_snapshot_that_took_over_is_a_directory_like_any_other(directory: DataDirectory, tmp_path: Path) -> None:
    snapshot(directory, tmp_path / "copy")
    copy = DataDirectory(tmp_path / "copy", machine=HERE)

    store = opened(copy)
    with store.transaction() as tx:
        term = tx.term.activate(2, bytes(8))
    assert not (tmp_path / "copy/manifest.json").exists()
    store.close()
    verify(tmp_path / "copy")  # a takeover that was interrupted here can be begun again
    copy.rebind(term)

    copy.bind_check()
    assert verify(tmp_path / "copy").manifest is None
    assert read_binding(tmp_path / "copy").copied_ms is None


def test_the_copy_of_a_server_that_was_replaced_says_so_too(directory: DataDirectory, tmp_path: Path) -> None:
    by = FencedBy(term=9 << 19, act=bytes(8), addrs=(), seen_from="web01", at_ms=1)
    write_fenced(directory.folder, by)

    snapshot(directory, tmp_path / "copy")

    assert verify(tmp_path / "copy").fenced == by


# ---- where no copy is made


def test_an_existing_target_is_refused_and_left_alone(directory: DataDirectory, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()

    with pytest.raises(Refused, match="exists already"):
        snapshot(directory, tmp_path / "copy")
    assert list((tmp_path / "copy").iterdir()) == []


def test_a_target_inside_the_data_directory_is_refused(directory: DataDirectory, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(directory.folder)
    for target in (directory.folder / "copy", directory.folder / "keys/copy", tmp_path / "link/copy"):
        with pytest.raises(Refused, match="lies inside the data directory"):
            snapshot(directory, target)


def test_a_target_on_a_disk_that_is_not_mounted_is_refused(directory: DataDirectory, tmp_path: Path) -> None:
    with pytest.raises(NoSuchObject, match=r"/backup is not a folder"):
        snapshot(directory, tmp_path / "backup/copy")


# ---- when something goes wrong on the way


def test_a_copy_that_is_given_up_leaves_nothing(directory: DataDirectory, tmp_path: Path) -> None:
    def give_up(_done: int, _all: int) -> None:
        raise KeyboardInterrupt

    store = opened(directory)
    with pytest.raises(KeyboardInterrupt):
        copy_live(store, directory.folder, tmp_path / "copy", now_ms=TAKEN_MS, progress=give_up)
    store.close()

    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_disk_with_too_little_room_is_named_before_anything_is_written(
    directory: DataDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "BESIDE_FREE_BYTES", 1 << 60)

    with pytest.raises(DiskFull, match=r"MiB free, a copy needs \d+ MiB") as refused:
        snapshot(directory, tmp_path / "copy")
    assert refused.value.exit_code == 6
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_disk_that_fills_up_on_the_way_is_left_as_it_was(tmp_path: Path) -> None:
    program = (
        "import os, subprocess, sys\n"
        "from pathlib import Path\n"
        "from jaz_lite.clock import VirtualClock\n"
        "from jaz_lite.errors import DiskFull\n"
        "from jaz_lite.store.copying import copy_live\n"
        "from tests.store.copies import save, site\n"
        "here = Path(sys.argv[1])\n"
        "(here / 'small').mkdir()\n"
        "subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=8m', 'none', here / 'small'], check=True)\n"
        "directory = site(here / 'data')\n"
        "store = directory.open_store(clock=VirtualClock())\n"
        "save(store, 1, size=5_000_000)\n"
        "def fill(done, of):\n"
        "    with open(here / 'small/other', 'ab') as other:\n"
        "        other.write(bytes(1 << 20))\n"
        "try:\n"
        "    copy_live(store, directory.folder, here / 'small/copy', now_ms=1, progress=fill, gentle=False)\n"
        "except DiskFull as error:\n"
        "    (here / 'small/other').unlink()\n"
        "    print(error.message, os.listdir(here / 'small'))\n"
    )
    words = ["unshare", "--user", "--map-root-user", "--mount", sys.executable, "-c", program, str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, cwd=Path(__file__).parents[2], check=False)
    if "unshare" in done.stderr or "mount" in done.stderr:
        pytest.skip("this machine lets us mount nothing")

    assert f"the disk is full: the copy {tmp_path}/small/copy was given up and removed []" in done.stdout, done.stderr


def test_a_kill_in_the_middle_leaves_nothing_that_looks_like_a_copy(directory: DataDirectory, tmp_path: Path) -> None:
    program = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from jaz_lite.clock import VirtualClock\n"
        "from jaz_lite.store.copying import copy_live\n"
        "from jaz_lite.store.directory import DataDirectory\n"
        "directory = DataDirectory(Path(sys.argv[1]))\n"
        "store = directory.open_store(clock=VirtualClock())\n"
        "calls = []\n"
        "def kill(done, of):\n"
        "    calls.append(done)\n"
        "    if len(calls) == int(sys.argv[3]):\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "copy_live(store, directory.folder, Path(sys.argv[2]), now_ms=1, progress=kill, gentle=False)\n"
    )
    target = tmp_path / "copy"
    for piece in (1, 2, 4):  # in the database, in its sum, in the sums of the small files
        done = subprocess.run([sys.executable, "-c", program, directory.folder, target, str(piece)], check=False)
        assert done.returncode == -signal.SIGKILL
        assert not target.exists()
        with pytest.raises(JazLiteError, match=r"is not a data directory|has no manifest\.json"):
            verify(tmp_path / "copy.unfinished")

    snapshot(directory, target)

    assert not (tmp_path / "copy.unfinished").exists()
    verify(target)


def test_two_copies_into_one_place_do_not_meet(directory: DataDirectory, tmp_path: Path) -> None:
    said: list[Refused] = []

    def once_more(_done: int, _all: int) -> None:
        if not said:
            with pytest.raises(Refused, match="just being made") as refused:
                copy_live(store, directory.folder, tmp_path / "copy", now_ms=TAKEN_MS)
            said.append(refused.value)

    store = opened(directory)
    copy_live(store, directory.folder, tmp_path / "copy", now_ms=TAKEN_MS, progress=once_more)
    store.close()

    assert said
    verify(tmp_path / "copy")
