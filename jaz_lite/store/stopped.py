"""A data directory whose server stands still, opened to be read: nothing is written into it, and servers are kept out.

It may be of a dead machine, on a disk that allows no writing: where nothing lies in a write-ahead log, none is needed.
"""

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
from jaz_lite.store.directory import undisturbed
from jaz_lite.store.fencing import FencedBy, read_fenced
from jaz_lite.store.open import Store
from jaz_lite.store.snapshot import look_at
from jaz_lite.store.wal import WAL_SUFFIX


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
    path = folder / DATABASE_FILE
    if not path.is_file():
        raise StoreDamaged(f"{path} is gone", hint="use another copy of the directory")
    wal, index = (path.with_name(path.name + suffix) for suffix in (WAL_SUFFIX, "-shm"))
    still = not (wal.exists() and wal.stat().st_size)
    had_index = index.exists()
    try:
        with undisturbed(folder):
            _refuse_older(path, still=still)
            store = Store.open(folder, clock=clock, read_only=True, still=still)
            try:
                yield Stopped(folder=folder, binding=binding, fenced=read_fenced(folder), store=store)
            finally:
                store.close()
                if not still and not had_index:
                    index.unlink(missing_ok=True)
    except AlreadyRunning as error:
        raise AlreadyRunning(error.message, hint="stop it first, or name a snapshot of it") from error


def _refuse_older(path: Path, *, still: bool) -> None:
    try:
        connection = look_at(path, None, still=still)
        try:
            schema, known = int(connection.pragma("user_version")), len(migrate.migrations())
        finally:
            connection.close(True)
    except apsw.Error as error:
        raise told(error, str(path)) from error
    if schema < known:
        raise Refused(
            f"{path} has format {schema}, and this jaz-lite reads {known}",
            hint="use the jaz-lite that wrote it",
        )
