"""A data directory whose server stands still, opened to be read: nothing is written into it, and servers are kept out.

It may be of a dead machine, on a disk that allows no writing: where nothing lies in a write-ahead log, none is needed.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import apsw

from jaz_lite.clock import Clock
from jaz_lite.errors import AlreadyRunning, Refused, StoreDamaged
from jaz_lite.store import migrate
from jaz_lite.store.binding import Binding, read_binding
from jaz_lite.store.connection import DATABASE_FILE, told
from jaz_lite.store.disk_trouble import refused
from jaz_lite.store.fencing import FencedBy, read_fenced
from jaz_lite.store.folder_lock import undisturbed
from jaz_lite.store.keys import KEYS_FOLDER
from jaz_lite.store.open import Store
from jaz_lite.store.snapshot import look_at
from jaz_lite.store.wal import WAL_SUFFIX

LOOKED_AT_FOLDER = "looked-at"  # in the directory: a copy in the present format, while it is looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """One such directory."""

    folder: Path
    binding: Binding
    fenced: FencedBy | None
    store: Store


@contextmanager
def look_into(folder: Path, *, clock: Clock) -> Iterator[Stopped]:
    """Give a directory that no process uses.

    Raises:
        NoSuchObject: it is none. StoreDamaged: it cannot be read. Refused: it is of an older format.
        AlreadyRunning: a process uses it.
    """
    folder = folder.absolute()
    binding = read_binding(folder)
    path = _database_of(folder)
    try:
        with undisturbed(folder), _untouched(path) as still:
            schema = _format_of(path, still=still)
            if schema < (known := len(migrate.migrations())):
                raise Refused(
                    f"{path} has format {schema}, and this jaz-lite reads {known}",
                    hint="use the jaz-lite that wrote it",
                )
            store = Store.open(folder, clock=clock, read_only=True, still=still)
            try:
                yield Stopped(folder=folder, binding=binding, fenced=read_fenced(folder), store=store)
            finally:
                store.close()
    except AlreadyRunning as error:
        raise AlreadyRunning(error.message, hint="stop it first, or name a snapshot of it") from error


@contextmanager
def in_present_format(folder: Path, *, clock: Clock) -> Iterator[Store]:
    """Give the store of a directory whose lock the caller holds, only to be read, and leave the directory as it was.

    Notes:
        One of an older format is brought to the present one in a copy inside the directory, which goes afterwards:
        who may write there need not be allowed to write beside it.

    Raises:
        StoreDamaged: it is gone or damaged, or there is no room for the copy.
    """
    path = _database_of(folder)
    with _untouched(path) as still:
        if _format_of(path, still=still) == len(migrate.migrations()):
            store = Store.open(folder, clock=clock, read_only=True, still=still)
            try:
                yield store
            finally:
                store.close()
            return
        aside = folder / LOOKED_AT_FOLDER
        shutil.rmtree(aside, ignore_errors=True)  # of a look that a crash ended
        try:
            aside.mkdir(mode=0o700)
        except OSError as error:
            raise refused(folder, error) from error
        try:
            _copy(path, aside, still=still)
            store = Store.open(aside, clock=clock)
            try:
                yield store
            finally:
                store.close()
        finally:
            shutil.rmtree(aside, ignore_errors=True)


def _copy(path: Path, aside: Path, *, still: bool) -> None:
    """Copy what a store consists of: the database with what its write-ahead log holds, and the keys."""
    try:
        shutil.copytree(path.parent / KEYS_FOLDER, aside / KEYS_FOLDER)
        source, target = look_at(path, None, still=still), apsw.Connection(str(aside / DATABASE_FILE))
        try:
            with target.backup("main", source, "main") as backup:
                backup.step()
        finally:
            target.close(True)
            source.close(True)
    except apsw.Error as error:
        raise told(error, str(path)) from error
    except OSError as error:
        raise refused(aside, error) from error


def _database_of(folder: Path) -> Path:
    path = folder / DATABASE_FILE
    if not path.is_file():
        raise StoreDamaged(f"{path} is gone", hint="use another copy of the directory")
    return path


@contextmanager
def _untouched(path: Path) -> Iterator[bool]:
    """Tell whether nothing lies in a write-ahead log, and remove afterwards what SQLite makes for who reads one."""
    wal, index = (path.with_name(path.name + suffix) for suffix in (WAL_SUFFIX, "-shm"))
    still = not (wal.exists() and wal.stat().st_size)
    had_index = index.exists()
    try:
        yield still
    finally:
        if not still and not had_index:
            index.unlink(missing_ok=True)


def _format_of(path: Path, *, still: bool) -> int:
    try:
        connection = look_at(path, None, still=still)
        try:
            return int(connection.pragma("user_version"))
        finally:
            connection.close(True)
    except apsw.Error as error:
        raise told(error, str(path)) from error
