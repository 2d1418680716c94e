"""A copy of a data directory that is in use: one committed state, with its keys and settings, and a manifest.

The copy is made beside its place under another name and gets its own only when all of it is durable; what a crash
leaves is therefore never taken for a copy, and the next one clears it away. Turns go on meanwhile: the database is
read through a connection of its own that holds on to one state, a piece at a time, with rests between the pieces.
"""

import errno
import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import apsw

from jaz_lite import __version__
from jaz_lite.config import CONFIG_FILE
from jaz_lite.errors import DiskFull, NoSuchObject, Refused, StoreDamaged
from jaz_lite.store.binding import INSTANCE_FILE, read_binding, write_binding
from jaz_lite.store.connection import DATABASE_FILE, told
from jaz_lite.store.fencing import FENCED_FILE
from jaz_lite.store.folder_lock import LOCK_FILE
from jaz_lite.store.keys import KEYS_FOLDER, SWITCHING_FILE, sync_folder, write_private
from jaz_lite.store.manifest import Manifest, sum_of, write_manifest
from jaz_lite.store.open import Store
from jaz_lite.store.transaction import View

UNFINISHED = ".unfinished"  # ends the name of a copy that is being made
PIECE_PAGES = 256  # 1 MiB
SYNC_BYTES = 4 * 1024 * 1024  # no more of the copy waits to be written, so that commits never wait for much of it
REST_SHARE = 1.0  # as long as a piece took
BESIDE_FREE_BYTES = 64 * 1024 * 1024  # left on the disk that the server itself needs
OTHER_FREE_BYTES = 2 * 1024 * 1024
KEYS_TRIES = 50
KEYS_PAUSE_S = 0.02

Progress = Callable[[int, int], None]  # (done, all) in bytes, the reading back for the sums included


def nobody(_done: int, _all: int) -> None:
    """Nobody wants to know how far it is."""


def copy_live(
    store: Store,
    folder: Path,
    target: Path,
    *,
    now_ms: int,
    progress: Progress = nobody,
    gentle: bool = True,
    inside: bool = False,
) -> Manifest:
    """Make `target`, which must not exist, a snapshot of the data directory `folder`, whose store is open.

    Args:
        now_ms: the present time, for the record.
        progress: is called after each piece; what it raises gives the copy up.
        gentle: rest between the pieces, since a server is at work.
        inside: the target lies in the data directory: the copy is on its way elsewhere, and removed when it is there.

    Returns:
        What was written into the manifest.

    Raises:
        Refused: the target exists, is just being made by somebody else, or lies inside the data directory.
        NoSuchObject: its parent does not exist.
        DiskFull: there is no room for it. StoreDamaged: a disk fails. After any error no part of it is left.

    Notes:
        Runs for as long as the disks take; call it in a thread where something else is to go on.
    """
    target = target.absolute()
    refuse_target(folder, target, inside=inside)
    pace = _Pace(progress, rest_share=REST_SHARE if gentle else 0.0)
    try:
        with _unfinished(target) as part:
            with store.pinned() as (view, connection):
                pages = int(connection.pragma("page_count"))
                bytes_all = pages * int(connection.pragma("page_size"))
                _refuse_small_disk(folder, target, bytes_all)
                pace.bytes_all = 2 * bytes_all
                _copy_database(connection, part / DATABASE_FILE, pace, bytes_all)
                manifest = _told_by(view, int(connection.pragma("user_version")), now_ms)
            _copy_small_files(folder, part, manifest)
            files = {name: sum_of(part / name, pace.passed) for name in _names(part)}
            manifest = replace(manifest, files=files)
            write_manifest(part, manifest)
            refuse_target(folder, target, inside=inside)
            part.rename(target)
            sync_folder(target.parent)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _full(target) from error
        raise StoreDamaged(
            f"the copy {target} cannot be made: {error.filename}: {error.strerror}",
            hint="may the user of the server write there?",
        ) from error
    except apsw.FullError as error:
        raise _full(target) from error
    except apsw.Error as error:
        raise told(error, str(target / DATABASE_FILE)) from error
    return manifest


def refuse_target(folder: Path, target: Path, *, inside: bool = False) -> None:
    """Refuse a place where no copy can be made.

    Raises:
        Refused: it exists, or lies inside the data directory. NoSuchObject: its parent does not exist.
    """
    if not os.path.isdir(target.parent):  # noqa: PTH112  # a name too long is no folder either
        raise NoSuchObject(f"{target.parent} is not a folder", hint="make it first, or is a disk not mounted?")
    place, own = target.parent.resolve() / target.name, folder.resolve()
    if place == own or (own in place.parents and not inside):
        raise Refused(f"{target} lies inside the data directory {folder}", hint="a copy belongs on another disk")
    if os.path.lexists(target):
        raise Refused(f"{target} exists already", hint="name a folder that does not exist yet")


# ---- the place


@contextmanager
def _unfinished(target: Path) -> Iterator[Path]:
    """Give a new folder under another name than the target's, locked, and remove it if anything goes wrong."""
    part = target.with_name(target.name + UNFINISHED)
    discard_unfinished(part)
    part.mkdir(mode=0o700)
    lock = os.open(part / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        _lock(lock)
        yield part
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    finally:
        os.close(lock)


def discard_unfinished(part: Path) -> None:
    """Remove what a crash left of a copy; nothing happens where there is nothing.

    Raises:
        Refused: it is being made at this moment.
    """
    if not part.exists():
        return
    try:
        lock = os.open(part / LOCK_FILE, os.O_RDWR)
    except FileNotFoundError:
        shutil.rmtree(part)
        return
    try:
        _lock(lock)
        shutil.rmtree(part)
    except BlockingIOError as error:
        raise Refused(f"a copy is just being made in {part}", hint="wait until it is done") from error
    finally:
        os.close(lock)


def _lock(descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.ENOTSUP):  # not every file system for copies has locks
            raise


def _refuse_small_disk(folder: Path, target: Path, wanted_bytes: int) -> None:
    beside = target.parent.stat().st_dev == folder.stat().st_dev
    wanted_bytes += BESIDE_FREE_BYTES if beside else OTHER_FREE_BYTES
    free_bytes = shutil.disk_usage(target.parent).free
    if free_bytes < wanted_bytes:
        mib = 1024 * 1024
        raise DiskFull(
            f"the disk of {target.parent} has {free_bytes // mib} MiB free, a copy needs {-(-wanted_bytes // mib)} MiB",
            hint="free some space, keep fewer copies, or name a folder on another disk",
        )


def _full(target: Path) -> DiskFull:
    return DiskFull(
        f"the disk is full: the copy {target} was given up and removed",
        hint="free some space, keep fewer copies, or name a folder on another disk",
    )


# ---- the files


class _Pace:
    """Tells how far it is, and rests between the pieces as long as they took."""

    def __init__(self, progress: Progress, *, rest_share: float) -> None:
        self.bytes_all = 0
        self._bytes_done = 0
        self._progress = progress
        self._rest_share = rest_share
        self._began_s = time.monotonic()

    def passed(self, size_bytes: int) -> None:
        self._bytes_done = min(self._bytes_done + size_bytes, self.bytes_all)
        self._progress(self._bytes_done, self.bytes_all)
        time.sleep((time.monotonic() - self._began_s) * self._rest_share)
        self._began_s = time.monotonic()


def _copy_database(source: apsw.Connection, path: Path, pace: _Pace, bytes_all: int) -> None:
    """Copy what a connection sees. The file is synced as it grows, so that no flood of it stands before a commit."""
    own = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        # Nobody else knows this file, and not every file system for copies has locks.
        target = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE, vfs="unix-none")
        try:
            # A crash makes this file worthless anyway: nothing of it need be undone.
            target.execute("pragma journal_mode = off; pragma synchronous = off").fetchall()
            with target.backup("main", source, "main") as backup:
                done, unsynced_bytes = False, 0
                page_bytes = max(1, bytes_all // max(1, backup.page_count or 1))
                while not done:
                    done = backup.step(PIECE_PAGES)
                    unsynced_bytes += PIECE_PAGES * page_bytes
                    if unsynced_bytes >= SYNC_BYTES:
                        os.fdatasync(own)
                        unsynced_bytes = 0
                    pace.passed(PIECE_PAGES * page_bytes)
        finally:
            target.close()
        os.fsync(own)
    finally:
        os.close(own)


def _told_by(view: View, schema: int, now_ms: int) -> Manifest:
    site = view.term.site()
    return Manifest(
        program=__version__,
        schema=schema,
        server_id=site.server_id,
        site_uid=site.site_uid.hex(),
        term=site.term,
        last_tick_ms=site.last_tick_ms,
        taken_ms=now_ms,
        lsn=view.commits.position().lsn,
        cursors={row.agent_id: row.cursor for row in view.agents.list()},
        files={},
    )


def _copy_small_files(folder: Path, part: Path, manifest: Manifest) -> None:
    keys = part / KEYS_FOLDER
    keys.mkdir(mode=0o700)
    for name, key in keys_of(folder / KEYS_FOLDER).items():
        write_private(keys / name, key)
    settings = folder / CONFIG_FILE
    if settings.exists():
        write_private(part / CONFIG_FILE, settings.read_bytes())
    fenced = folder / FENCED_FILE
    if fenced.exists():
        write_private(part / FENCED_FILE, fenced.read_bytes())
    binding = replace(read_binding(folder), term=manifest.term, copied_ms=manifest.taken_ms, described=True)
    write_binding(part, binding)


def keys_of(folder: Path) -> Mapping[str, bytes]:
    """Return the files of the keys as they are at one moment: a server may just be changing its certificate."""
    for _ in range(KEYS_TRIES):
        before = keys_look(folder)
        try:
            found = {name: (folder / name).read_bytes() for name in before}
        except FileNotFoundError:
            found = {}
        if found and SWITCHING_FILE not in found and keys_look(folder) == before:
            return found
        time.sleep(KEYS_PAUSE_S)
    raise StoreDamaged(f"{folder} cannot be copied: it keeps changing", hint="start the server once, then try again")


def keys_look(folder: Path) -> Mapping[str, tuple[int, int]]:
    """Return by what a change of the keys is noticed without reading them."""
    with os.scandir(folder) as entries:
        looks = {entry.name: entry.stat() for entry in entries if entry.is_file() and not entry.name.endswith(".part")}
    return {name: (look.st_ino, look.st_mtime_ns) for name, look in looks.items()}


def _names(part: Path) -> list[str]:
    """Return the files a manifest tells of, the largest first."""
    keys = sorted(f"{KEYS_FOLDER}/{path.name}" for path in (part / KEYS_FOLDER).iterdir())
    others = [name for name in (CONFIG_FILE, FENCED_FILE) if (part / name).exists()]
    return [DATABASE_FILE, *keys, *others, INSTANCE_FILE]
