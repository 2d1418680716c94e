"""A copy that cannot be relied on is refused, each with a sentence that says why; a sound one is not."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import apsw
import pytest

from jaz_lite.clock import VirtualClock
from jaz_lite.errors import JazLiteError, NotBoundHere, Refused, StoreDamaged
from jaz_lite.store.binding import read_binding, write_binding
from jaz_lite.store.directory import DataDirectory
from jaz_lite.store.fencing import FencedBy, write_fenced
from jaz_lite.store.open import Store
from jaz_lite.store.verifying import verify
from tests.store.copies import HERE, contents, copied_with_a_file_tool, save, saved, site, snapshot

FILES = (
    "jaz.db",
    "config.toml",
    "instance.json",
    "manifest.json",
    "keys/site.key",
    "keys/site.crt",
    "keys/fence.key",
    "keys/secret.key",
)


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A snapshot, not to be changed."""
    folder = tmp_path_factory.mktemp("taken")
    snapshot(site(folder / "data"), folder / "copy")
    return folder / "copy"


@pytest.fixture
def copy(taken: Path, tmp_path: Path) -> Path:
    return copied_with_a_file_tool(taken, tmp_path / "copy")


@pytest.fixture
def cold(taken: Path, tmp_path: Path) -> Path:
    return copied_with_a_file_tool(taken.parent / "data", tmp_path / "cold")


def flipped(path: Path, place: int) -> None:
    """Change one byte of a file."""
    data = bytearray(path.read_bytes())
    data[place] ^= 0x01
    path.write_bytes(data)


# ---- snapshots


@pytest.mark.parametrize("name", FILES)
def test_one_changed_byte_anywhere_in_a_snapshot_is_noticed(copy: Path, name: str) -> None:
    whole = (copy / name).read_bytes()
    for place in (0, len(whole) // 2, len(whole) - 1):
        flipped(copy / name, place)
        with pytest.raises(JazLiteError, match=f"{name} (is|was|has|belongs)"):
            verify(copy)
        (copy / name).write_bytes(whole)
    verify(copy)


def test_who_edited_the_settings_of_a_snapshot_is_told_when_to_do_that(copy: Path) -> None:
    with (copy / "config.toml").open("a") as file:
        file.write("[server]\n")

    with pytest.raises(StoreDamaged) as refused:
        verify(copy)

    assert "edit it after the takeover" in str(refused.value.hint)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_of_a_snapshot_is_noticed(copy: Path, name: str) -> None:
    (copy / name).unlink()

    wanted = {
        "instance.json": "is not a data directory",
        "manifest.json": r"has no manifest\.json: the snapshot was not finished, or a part of it was lost",
    }
    with pytest.raises(JazLiteError, match=wanted.get(name, f"{name} is missing: the manifest names it")):
        verify(copy)


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_a_snapshot_that_was_cut_off_is_noticed(copy: Path, name: str) -> None:
    with (copy / name).open("r+b") as file:
        file.truncate(10)

    with pytest.raises(StoreDamaged, match=f"{name} (has 10 bytes, the manifest says|is damaged)"):
        verify(copy)


@pytest.mark.parametrize("name", ["jaz.db-journal", "keys/next.crt", "keys/switching", "fenced.json"])
def test_a_file_that_would_change_what_a_snapshot_means_is_noticed(copy: Path, name: str) -> None:
    (copy / name).write_bytes(b"x")

    with pytest.raises(StoreDamaged, match=f"{name} does not belong to the copy"):
        verify(copy)


def test_a_note_laid_beside_a_snapshot_does_no_harm(copy: Path) -> None:
    (copy / "README").write_text("the one from before the upgrade")
    (copy / "lost+found").mkdir()

    verify(copy)


# ---- cold copies


def test_a_cold_copy_is_found_sound_and_does_not_start_by_habit(cold: Path) -> None:
    before = contents(cold)

    found = verify(cold)

    assert found.manifest is None
    assert (found.agents, found.live_runs) == (1, 1)
    assert contents(cold) == before
    with pytest.raises(NotBoundHere) as refused:
        DataDirectory(cold, machine=HERE).bind_check()
    assert refused.value.exit_code == 4
    assert "`jaz-lite activate`" in refused.value.hint


def _truncate(folder: Path) -> None:
    with (folder / "jaz.db").open("r+b") as database:
        database.truncate((folder / "jaz.db").stat().st_size // 2 // 4096 * 4096)


def _empty(folder: Path) -> None:
    (folder / "jaz.db").write_bytes(b"")


def _other_program(folder: Path) -> None:
    (folder / "jaz.db").unlink()
    apsw.Connection(str(folder / "jaz.db")).execute("create table things (thing)")


def _newer(folder: Path) -> None:
    connection = apsw.Connection(str(folder / "jaz.db"))
    connection.execute("insert into upgrades values (900, '9.1.0', 1); pragma user_version = 900")
    connection.close()


def _scribble(folder: Path) -> None:
    size = (folder / "jaz.db").stat().st_size
    with (folder / "jaz.db").open("r+b") as database:
        for page in range(1, size // 4096):
            database.seek(page * 4096)
            database.write(b"\xff" * 64)


def _row_without_its_parent(folder: Path) -> None:
    connection = apsw.Connection(str(folder / "jaz.db"))
    connection.execute("pragma foreign_keys = off; delete from definitions")
    connection.close()


def _keys_of_another_site(folder: Path) -> None:
    other = site(folder.parent / "other")
    shutil.rmtree(folder / "keys")
    shutil.copytree(other.folder / "keys", folder / "keys")


def _certificate_of_another_site(folder: Path) -> None:
    other = site(folder.parent / "other")
    shutil.copy(other.folder / "keys/site.crt", folder / "keys/site.crt")


def _database_of_another_site(folder: Path) -> None:
    other = site(folder.parent / "other")
    shutil.copy(other.folder / "jaz.db", folder / "jaz.db")


def _short_key(folder: Path) -> None:
    (folder / "keys/fence.key").write_bytes(b"short")


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        (_truncate, r"jaz\.db is damaged: .*malformed"),
        (_empty, r"jaz\.db is empty"),
        (lambda folder: (folder / "jaz.db").unlink(), r"jaz\.db is gone"),
        (_other_program, r"jaz\.db is not a database of jaz_lite"),
        (_newer, r"jaz\.db was written by a newer jaz_lite \(format 900; this program knows up to \d+\)"),
        (_scribble, r"jaz\.db is damaged"),
        (_row_without_its_parent, r"jaz\.db is damaged: row \d+ of \w+ refers to a row of definitions"),
        (_keys_of_another_site, r"keys does not belong to .*jaz\.db: the keys of its agents cannot be read"),
        (_certificate_of_another_site, r"site\.crt and site\.key are not a certificate and its key"),
        (_database_of_another_site, r"jaz\.db belongs to another site than .*instance\.json"),
        (_short_key, r"fence\.key is not a key"),
        (lambda folder: (folder / "fenced.json").write_bytes(b"{"), r"fenced\.json is damaged"),
        (lambda folder: (folder / "instance.json").write_bytes(b"{"), r"instance\.json is damaged"),
    ],
)
def test_a_cold_copy_that_is_not_whole_is_refused(cold: Path, harm: Callable[[Path], None], sentence: str) -> None:
    harm(cold)

    with pytest.raises(JazLiteError, match=sentence) as refused:
        verify(cold)
    assert refused.value.hint


def test_the_mark_of_a_fenced_directory_is_told(cold: Path) -> None:
    by = FencedBy(term=9 << 19, act=bytes(8), addrs=(), seen_from="web01", at_ms=1)
    write_fenced(cold, by)

    assert verify(cold).fenced == by


def test_a_copy_of_an_older_format_is_sound(cold: Path) -> None:
    connection = apsw.Connection(str(cold / "jaz.db"))
    connection.execute("pragma user_version = 2")
    connection.close()

    found = verify(cold)

    assert (found.schema, found.agents) == (2, None)


# ---- copies of a directory whose server was killed, or was running


def killed(folder: Path, *, saves: int) -> None:
    """Have a process save and be killed, so that what it saved is in the WAL only."""
    program = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from jaz_lite.clock import VirtualClock\n"
        "from jaz_lite.store.directory import DataDirectory\n"
        "from tests.store.copies import save\n"
        "directory = DataDirectory(Path(sys.argv[1])).lock()\n"
        "store = directory.open_store(clock=VirtualClock())\n"
        "for number in range(int(sys.argv[2])):\n"
        "    save(store, number)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", program, folder, str(saves)], cwd=root, check=False)
    assert done.returncode == -signal.SIGKILL


def test_what_a_killed_server_saved_is_found_in_a_cold_copy_that_is_not_changed(cold: Path, tmp_path: Path) -> None:
    killed(cold, saves=3)
    copy = copied_with_a_file_tool(cold, tmp_path / "copied")
    (copy / "jaz.db-shm").unlink()
    before = contents(copy)

    verify(copy)

    assert contents(copy) == before
    store = DataDirectory(copy).open_store(clock=VirtualClock())
    assert saved(store) == ["0", "1", "2"]
    store.close()


def test_a_copy_without_the_wal_of_a_killed_server_is_refused(cold: Path) -> None:
    killed(cold, saves=3)
    (cold / "jaz.db-wal").unlink()

    with pytest.raises(StoreDamaged, match=r"jaz\.db-wal is missing: the last changes"):
        verify(cold)


def test_a_refused_copy_is_refused_again(cold: Path) -> None:
    killed(cold, saves=3)
    (cold / "jaz.db-wal").unlink()

    for _ in range(2):
        with DataDirectory(cold).lock(), pytest.raises(StoreDamaged, match=r"jaz\.db-wal is missing"):
            verify(cold)


@pytest.mark.parametrize("place", [0, 20, 24, 32, 40, 200, 32 + 4120 + 8], ids=lambda place: f"byte {place}")
def test_a_wal_with_a_changed_byte_before_committed_changes_is_refused(cold: Path, place: int) -> None:
    killed(cold, saves=4)
    flipped(cold / "jaz.db-wal", place)

    with pytest.raises(StoreDamaged, match=r"jaz\.db-wal is damaged: \d committed changes behind the damage are lost"):
        verify(cold)


def test_a_wal_torn_in_its_last_change_is_what_a_power_cut_leaves(cold: Path) -> None:
    killed(cold, saves=4)
    wal = cold / "jaz.db-wal"
    with wal.open("r+b") as file:
        file.truncate(wal.stat().st_size - 100)

    verify(cold)

    store = DataDirectory(cold).open_store(clock=VirtualClock())
    assert saved(store) == ["0", "1", "2"]
    store.close()


@pytest.fixture
def running(cold: Path) -> Iterator[tuple[Path, Store]]:
    """A directory whose server has saved something that is no longer in the WAL only."""
    with DataDirectory(cold).lock() as directory:
        store = directory.open_store(clock=VirtualClock())
        save(store, 1)
        store.checkpoint()
        save(store, 2)
        yield cold, store
        store.close()


def test_files_of_a_running_server_that_happen_to_fit_are_not_refused(
    running: tuple[Path, Store], tmp_path: Path
) -> None:
    folder, store = running
    verify(copied_with_a_file_tool(folder, tmp_path / "before"))

    store.checkpoint()
    verify(copied_with_a_file_tool(folder, tmp_path / "moved"))

    save(store, 3)
    verify(copied_with_a_file_tool(folder, tmp_path / "begun-again"))


def test_a_database_copied_before_the_wal_began_again_is_refused(running: tuple[Path, Store], tmp_path: Path) -> None:
    folder, store = running
    early = (folder / "jaz.db").read_bytes()
    store.checkpoint()
    save(store, 3)  # the WAL begins again
    copy = copied_with_a_file_tool(folder, tmp_path / "copied")
    (copy / "jaz.db").write_bytes(early)

    with pytest.raises(StoreDamaged, match=r"jaz\.db and jaz\.db-wal were not copied at one moment"):
        verify(copy)


def test_a_wal_copied_before_the_database_went_on_is_refused(running: tuple[Path, Store], tmp_path: Path) -> None:
    folder, store = running
    early = (folder / "jaz.db-wal").read_bytes()
    for number in range(3, 6):
        save(store, number)
    store.checkpoint()
    copy = copied_with_a_file_tool(folder, tmp_path / "copied")
    (copy / "jaz.db-wal").write_bytes(early)

    with pytest.raises(StoreDamaged, match=r"jaz\.db( and jaz\.db-wal were not copied at one moment| is damaged)"):
        verify(copy)


def test_a_clean_stop_leaves_a_copy_that_needs_no_wal(cold: Path) -> None:
    directory = DataDirectory(cold).lock()
    store = directory.open_store(clock=VirtualClock())
    save(store, 1)
    store.close()
    directory.unlock()

    assert not (cold / "in-use").exists()
    verify(cold)


def test_a_copy_on_a_disk_that_cannot_be_written_is_verified_too(copy: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    copy.chmod(0o500)
    try:
        verify(copy)
    finally:
        copy.chmod(0o700)


def test_what_sqlite_leaves_beside_a_copy_that_was_read_does_not_matter(copy: Path) -> None:
    (copy / "jaz.db-shm").write_bytes(bytes(32_768))
    (copy / "jaz.db-wal").write_bytes(b"")

    assert verify(copy).manifest is not None


def test_a_log_with_something_in_it_beside_a_snapshot_is_refused_and_said_to_be_that(copy: Path) -> None:
    (copy / "jaz.db-wal").write_bytes(bytes(4_152))

    with pytest.raises(StoreDamaged, match="changes that were made after the snapshot was taken"):
        verify(copy)


def test_the_fence_key_of_another_site_is_noticed_in_a_cold_copy(cold: Path, tmp_path: Path) -> None:
    other = site(tmp_path / "other")
    shutil.copy(other.folder / "keys/fence.key", cold / "keys/fence.key")

    with pytest.raises(Refused, match=r"fence\.key belongs to another site"):
        verify(cold)


def test_the_fence_key_of_another_site_starts_no_server(tmp_path: Path) -> None:
    own, other = site(tmp_path / "own"), site(tmp_path / "other")
    shutil.copy(other.folder / "keys/fence.key", own.folder / "keys/fence.key")

    with own.lock(), pytest.raises(StoreDamaged, match="belongs to another site"):
        own.open_store(clock=VirtualClock())


def test_a_directory_of_an_older_program_gets_the_sum_of_its_fence_key_when_it_is_used(tmp_path: Path) -> None:
    own = site(tmp_path / "own")
    write_binding(own.folder, replace(own.binding, fence_sum=""))
    assert verify(own.folder).binding.fence_sum == ""

    with own.lock():
        own.open_store(clock=VirtualClock()).close()

    assert read_binding(own.folder).fence_sum == own.binding.fence_sum != ""
