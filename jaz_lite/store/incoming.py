"""A copy that arrives from another server, file by file, and then takes the place of what a standby had.

    incoming/   what has arrived so far; worth nothing
    arrived/    all of it, verified; from here on it will take the place, also after a crash

The old database goes before the new one comes, so that at no moment one lies beside the log of the other: a takeover
in between is told that the database is gone, and not given something made of two. Settings that are there already are
kept, for a standby has an address of its own. A database with what a replaced server knows alone is kept aside.
"""

import logging
import os
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from jaz_lite.clock import SystemClock
from jaz_lite.config import CONFIG_FILE
from jaz_lite.errors import DiskFull, Refused, StoreDamaged
from jaz_lite.store.binding import INSTANCE_FILE, read_binding, write_binding
from jaz_lite.store.connection import DATABASE_FILE
from jaz_lite.store.copying import keys_of
from jaz_lite.store.directory import ARRIVED_FOLDER, IN_USE_FILE
from jaz_lite.store.fencing import FENCED_FILE, FencedBy, clear_fenced, read_fenced
from jaz_lite.store.keys import KEYS_FOLDER, sync_folder, write_private
from jaz_lite.store.manifest import MANIFEST_FILE
from jaz_lite.store.open import Store
from jaz_lite.store.sealing import Seal
from jaz_lite.store.verifying import verify
from jaz_lite.store.wal import WAL_SUFFIX
from jaz_lite.wire.ident import epoch_and_boot

log = logging.getLogger(__name__)

INCOMING_FOLDER = "incoming"
PLACES = frozenset(("server.listen", "server.announce", "server.peers"))
KEPT_PREFIX = "replaced-"
KEPT_FORMAT = "%Y%m%dT%H%M%SZ"  # when it was learnt that another server may have taken over
KEY_BYTES_MAX = 64 * 1024  # a file of keys, sealed


class Incoming:
    """One copy that is arriving.

    Args:
        folder: the standby's data directory; it exists.
        seal: what keys were sealed with for their way.
    """

    def __init__(self, folder: Path, seal: Seal) -> None:
        self._folder = folder
        self._seal = seal
        self._place = folder / INCOMING_FOLDER
        self._file: int | None = None  # the descriptor of the file that is being written
        self._key: tuple[Path, bytearray] | None = None  # a key is small and waits until it is whole
        shutil.rmtree(self._place, ignore_errors=True)
        self._place.mkdir(mode=0o700)

    def begin(self, name: str, size: int) -> None:
        """Begin the next file.

        Args:
            name: one or two plain words with a slash between them.

        Raises:
            Refused: a key of this size is none. DiskFull: there is no room for it.
        """
        self._end()
        path = self._place / name
        path.parent.mkdir(mode=0o700, exist_ok=True)
        if path.parent.name == KEYS_FOLDER:
            if size > KEY_BYTES_MAX:
                raise Refused(f"the key {name} of the copy has {size} bytes")
            self._key = (path, bytearray())
            return
        free_bytes = shutil.disk_usage(self._place).free
        if free_bytes < size:
            raise DiskFull(f"the copy needs {size} bytes in {self._folder}, and {free_bytes} are free")
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)

    def write(self, data: bytes) -> None:
        """Take the next bytes of the file that was begun."""
        if self._key is not None:
            self._key[1].extend(data)
            return
        assert self._file is not None, "no file was begun"
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._file, rest) :]

    def finish(self) -> None:
        """The copy is whole: verify it and put it in the place of what was there.

        Raises:
            StoreDamaged, Refused: it cannot be relied on, or is of another site. What was there stays.
        """
        self._end()
        verify(self._place)
        if (self._folder / INSTANCE_FILE).exists():
            here, there = read_binding(self._folder), read_binding(self._place)
            if here.site_uid != there.site_uid:
                raise Refused(f"the copy is of another site than {self._folder}")
        sync_folder(self._place)
        self._place.rename(self._folder / ARRIVED_FOLDER)
        sync_folder(self._folder)
        settle(self._folder)

    def give_up(self) -> None:
        """Forget what has arrived."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
        shutil.rmtree(self._place, ignore_errors=True)

    def _end(self) -> None:
        if self._file is not None:
            os.fsync(self._file)
            os.close(self._file)
            self._file = None
        if self._key is not None:
            (path, sealed), self._key = self._key, None
            try:
                write_private(path, self._seal.unseal(sealed.decode("ascii")))
            except UnicodeDecodeError as error:
                raise StoreDamaged(f"the key {path.name} of the copy arrived damaged") from error


def settle(folder: Path) -> None:
    """Put a copy that has arrived in its place; goes on where a crash interrupted it. Does nothing where none has."""
    arrived = folder / ARRIVED_FOLDER
    if not arrived.is_dir():
        return
    database = folder / DATABASE_FILE
    if (arrived / DATABASE_FILE).exists():
        keep_aside(folder)
        database.unlink(missing_ok=True)
        for suffix in ("-wal", "-shm"):
            database.with_name(DATABASE_FILE + suffix).unlink(missing_ok=True)
        sync_folder(folder)
        (arrived / DATABASE_FILE).rename(database)
    keys = folder / KEYS_FOLDER
    keys.mkdir(mode=0o700, exist_ok=True)
    if (arrived / KEYS_FOLDER).is_dir():
        # The binding goes last, so until then `arrived` names all keys that there are.
        for path in sorted((arrived / KEYS_FOLDER).iterdir()):
            write_private(keys / path.name, path.read_bytes())
        for path in keys.iterdir():
            if not (arrived / KEYS_FOLDER / path.name).exists():
                path.unlink()  # of a certificate that was to come, and has come
    settings = arrived / CONFIG_FILE
    if settings.exists() and not (folder / CONFIG_FILE).exists():
        write_private(folder / CONFIG_FILE, without_places(settings.read_bytes()))
    if (arrived / INSTANCE_FILE).exists():
        # The manifest tells of files that changes will now alter.
        write_binding(folder, replace(read_binding(arrived), described=False))
    (folder / MANIFEST_FILE).unlink(missing_ok=True)
    clear_fenced(folder)
    shutil.rmtree(arrived)
    sync_folder(folder)


def keep_aside(folder: Path) -> None:
    """Keep what the server of this directory knows alone: it was replaced, and did not hand over what it had.

    So may one know something that was carried here, or whose machine was renamed, and that nobody told of the other.
    What is kept is a directory of its own, of which `diff-export` tells. Goes on where a crash interrupted it.
    """
    database = folder / DATABASE_FILE
    since_ms = _alone_since(folder)
    if since_ms is None or not database.exists():
        return
    aside = folder / f"{KEPT_PREFIX}{datetime.fromtimestamp(since_ms // 1000, UTC).strftime(KEPT_FORMAT)}"
    (aside / KEYS_FOLDER).mkdir(mode=0o700, parents=True, exist_ok=True)
    aside.chmod(0o700)
    small = [CONFIG_FILE, FENCED_FILE, *(f"{KEYS_FOLDER}/{name}" for name in keys_of(folder / KEYS_FOLDER))]
    for name in small:
        if (folder / name).exists():
            write_private(aside / name, (folder / name).read_bytes())
    write_binding(aside, replace(read_binding(folder), described=False))
    # The log goes first: a database without it is not taken for whole while there is the mark beside it.
    for suffix in (WAL_SUFFIX, ""):
        path = database.with_name(DATABASE_FILE + suffix)
        if path.exists():
            path.rename(aside / path.name)
    sync_folder(aside)
    sync_folder(folder)
    log.warning(
        "what this server knew alone is kept",
        extra={"action": "standby.kept", "look": f"jaz-lite diff-export --data {aside}"},
    )


def _alone_since(folder: Path) -> int | None:
    """Return when it was learnt that a directory may know something alone; None: it does not."""
    if (fenced := read_fenced(folder)) is not None:
        return (
            None if fenced.handed_over and _has_what_was_handed_over(folder / ARRIVED_FOLDER, fenced) else fenced.at_ms
        )
    if not (folder / INSTANCE_FILE).exists():
        return None  # a first copy
    binding = read_binding(folder)
    return binding.copied_ms if binding.alone else None


def _has_what_was_handed_over(arrived: Path, fenced: FencedBy) -> bool:
    """Tell whether a copy goes back to a handover: the site may have been taken over with an older copy instead."""
    try:
        store = Store.open(arrived, clock=SystemClock(), read_only=True)
    except (Refused, StoreDamaged):
        return False  # nobody can tell
    try:
        with store.snapshot() as view:
            missing_ms = view.window.missing_since(epoch_and_boot(fenced.term)[0] - 1)
    finally:
        store.close()
    return missing_ms is None or missing_ms >= fenced.at_ms


def follows_on(folder: Path) -> None:
    """The active's changes go on from where the copy stands: from here on it is what the active is."""
    clear_fenced(folder)
    binding = read_binding(folder)
    if binding.alone:
        write_binding(folder, replace(binding, alone=False))


def kept_aside(folder: Path) -> list[Path]:
    """Return where the databases are that were kept, oldest first."""
    return sorted(path for path in folder.glob(f"{KEPT_PREFIX}*") if (path / DATABASE_FILE).exists())


def unbind(folder: Path, now_ms: int) -> None:
    """Make a directory a standby's: bound nowhere, so that it is not started as a server by habit."""
    binding = read_binding(folder)
    settings = folder / CONFIG_FILE
    if binding.described and settings.exists():
        write_private(settings, without_places(settings.read_bytes()))
    if binding.copied_ms is None or binding.described:
        taken_ms = now_ms if binding.copied_ms is None else binding.copied_ms
        alone = binding.alone or (binding.copied_ms is None and read_fenced(folder) is None)
        write_binding(folder, replace(binding, copied_ms=taken_ms, described=False, alone=alone))
    # A manifest tells of files as they were taken, and the mark of a server that was killed tells of its commits:
    # changes will alter both.
    for name in (MANIFEST_FILE, IN_USE_FILE):
        (folder / name).unlink(missing_ok=True)


def without_places(settings: bytes) -> bytes:
    """Return a config.toml without what it says of the machine that it was copied from: where it is found."""
    table, lines = "", []
    for line in settings.decode("utf-8", "surrogateescape").splitlines(keepends=True):
        plain = line.strip()
        if plain.startswith("["):
            table = plain.strip("[]").strip()
        name = f"{table}.{plain}".lstrip(".").partition("=")[0].strip()
        lines.append(f"# of the server this was copied from: {line}" if name in PLACES else line)
    return "".join(lines).encode("utf-8", "surrogateescape")
