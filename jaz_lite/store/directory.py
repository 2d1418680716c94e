"""The data directory: made once, bound to one machine and place, used by one process at a time.

Its binding (`binding.py`) is written last, so a directory without it was not finished and is finished by the next
`prepare`.
"""

import os
import secrets
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from jaz_lite.clock import Clock
from jaz_lite.errors import NoSuchObject, NotBoundHere, Refused, StoreDamaged, UsageError
from jaz_lite.store.binding import INSTANCE_FILE, Binding, Machine, fence_sum, read_binding, this_machine, write_binding
from jaz_lite.store.connection import DATABASE_FILE
from jaz_lite.store.disk_trouble import refused
from jaz_lite.store.folder_lock import take_lock
from jaz_lite.store.keys import FENCE_KEY_FILE, KEYS_LOST, Keys, write_private
from jaz_lite.store.manifest import forget_manifest
from jaz_lite.store.network_disk import refuse_network
from jaz_lite.store.open import Store
from jaz_lite.store.wal import WAL_SUFFIX

CONFIG_FILE = "config.toml"
ARRIVED_FOLDER = "arrived"  # a copy that is about to take its place here, see incoming.py
RESERVE_FILE = "reserve"
IN_USE_FILE = "in-use"  # there while a server has the store open: the mark of its commits, see wal.py
RESERVE_BYTES = 16 * 1024 * 1024
SITE_UID_BYTES = 16
STORE_LOST = "put back a copy of the data directory"

CONFIG_TEXT = b"# What differs from the defaults. `jaz-lite config show` lists every setting and where it comes from.\n"


class DataDirectory:
    """One data directory that has been prepared."""

    def __init__(self, folder: Path, *, machine: Machine | None = None) -> None:
        """Name a prepared directory.

        Args:
            machine: where we are; None: this machine.

        Raises:
            NoSuchObject: it has not been prepared.
            StoreDamaged: its binding cannot be read.
        """
        self.folder = folder.absolute()
        self._machine = machine or this_machine()
        self._lock: int | None = None
        self._used = False  # the store was opened under the lock
        self._binding = read_binding(self.folder)

    @property
    def server_id(self) -> str:
        """The name of the installation, for people."""
        return self._binding.server_id

    @property
    def binding(self) -> Binding:
        """What it was bound to last."""
        return self._binding

    @property
    def is_bound_here(self) -> bool:
        """Whether it is the directory of a server of this machine and place, and no copy of one."""
        try:
            self.bind_check()
        except NotBoundHere:
            return False
        return True

    @property
    def site_uid(self) -> bytes:
        """The identity of the site."""
        return self._binding.site_uid

    @classmethod
    def exists(cls, folder: Path) -> bool:
        """Say whether a folder has been prepared."""
        return (folder / INSTANCE_FILE).exists()

    @classmethod
    def prepare(
        cls,
        folder: Path,
        *,
        server_id: str,
        clock: Clock,
        allow_network: bool = False,
        machine: Machine | None = None,
    ) -> "DataDirectory":
        """Make a data directory: keys, configuration, store and binding. An unfinished one is finished.

        Args:
            server_id: name of the installation, for people.
            allow_network: also on a network file system, whose locks and syncs nobody vouches for.

        Raises:
            Refused: it has been prepared already, is a standby's, or lies on a network file system.
            AlreadyRunning: another process is just doing this.
            StoreDamaged: the disk does not let us.
        """
        if not 1 <= len(server_id.encode()) <= 64:
            raise UsageError(f'"{server_id}" cannot name a server: 1 to 64 bytes')
        folder = folder.absolute()
        if cls.exists(folder):
            raise Refused(f"{folder} is a data directory already")
        if (folder / ARRIVED_FOLDER).is_dir():
            raise Refused(
                f"{folder} holds the first copy of a standby, which a crash kept from its place",
                hint=f"go on with it: jaz-lite standby run --data {folder}",
            )
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)
            refuse_network(folder, allow=allow_network)
            lock = take_lock(folder)
            try:
                cls._fill(folder, server_id, clock, machine or this_machine())
            finally:
                os.close(lock)
        except OSError as error:
            raise StoreDamaged(f"{folder} cannot be made: {error.strerror}") from error
        return cls(folder, machine=machine)

    @staticmethod
    def _fill(folder: Path, server_id: str, clock: Clock, machine: Machine) -> None:
        Keys.create(folder, name=f"jaz_lite {server_id}"[:64])
        if not (folder / CONFIG_FILE).exists():
            write_private(folder / CONFIG_FILE, CONFIG_TEXT)
        store = Store.open(folder, clock=clock)
        try:
            with store.transaction() as tx:
                try:
                    site = tx.term.site()
                except NoSuchObject:
                    tx.term.create(site_uid=secrets.token_bytes(SITE_UID_BYTES), server_id=server_id)
                    site = tx.term.site()
        finally:
            store.close()
        write_binding(
            folder,
            Binding(
                server_id=site.server_id,
                site_uid=site.site_uid,
                machine=machine,
                path=str(folder.resolve()),
                term=site.term,
                fence_sum=fence_sum(Keys.load(folder).fence_key),
            ),
        )

    # ---- at every start

    def bind_check(self) -> None:
        """Refuse a directory that was copied or moved here.

        Raises:
            NotBoundHere: it belongs to another machine or place, or is a snapshot.
        """
        self._binding.check(self.folder, self._machine)

    def rebind(self, term: int) -> None:
        """Bind it to this machine and place: from now on it is no copy but the directory of a server.

        Args:
            term: under which its server takes over.

        Raises:
            StoreDamaged: the disk is full or broken.
        """
        self._binding = replace(
            self._binding,
            machine=self._machine,
            path=str(self.folder.resolve()),
            term=term,
            copied_ms=None,
            described=False,
            alone=False,
            fence_sum=fence_sum(Keys.load(self.folder).fence_key),
        )
        try:
            write_binding(self.folder, self._binding)
        except OSError as error:
            raise refused(self.folder, error) from error

    def lock(self, *, allow_network: bool = False) -> "DataDirectory":
        """Keep other processes out until `unlock`, or the end of this process. Also `with directory.lock():`.

        Raises:
            AlreadyRunning: another process holds it.
            Refused: it lies on a network file system, where a lock proves little.
            StoreDamaged: the disk does not let us.
        """
        assert self._lock is None, "locked already"
        refuse_network(self.folder, allow=allow_network)
        try:
            self._lock = take_lock(self.folder)
        except OSError as error:
            raise refused(self.folder, error) from error
        return self

    def unlock(self) -> None:
        """Let others in. The store was closed before."""
        if self._lock is not None:
            if self._used:  # who only looked leaves the mark of a server that was killed
                (self.folder / IN_USE_FILE).unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = None

    def open_store(self, *, clock: Clock) -> Store:
        """Open the store, which must be the one that was made with this directory; close it after use.

        Raises:
            StoreDamaged: it is gone, empty, damaged or of another site.
        """
        path = self.folder / DATABASE_FILE
        if not path.is_file():
            raise StoreDamaged(f"{path} is gone", hint=STORE_LOST)
        try:
            forget_manifest(self.folder)
        except OSError as error:
            raise refused(self.folder, error) from error
        self._binding = read_binding(self.folder)
        wal = path.with_name(path.name + WAL_SUFFIX)
        had_wal = wal.exists()
        try:
            store = self._opened(path, clock)
        except BaseException:
            if had_wal and not wal.exists():
                # Closing it has put the log into the database; the mark would say that the log was lost.
                (self.folder / IN_USE_FILE).unlink(missing_ok=True)
            raise
        self._used = self._lock is not None
        return store

    def _opened(self, path: Path, clock: Clock) -> Store:
        store = Store.open(self.folder, clock=clock)
        try:
            with store.snapshot() as view:
                site_uid = view.term.site().site_uid
            if site_uid != self.site_uid:
                raise StoreDamaged(f"{path} belongs to another site than {self.folder}", hint=STORE_LOST)
            self._check_fence_key(store)
            if self._lock is not None:
                write_private(self.folder / IN_USE_FILE, store.mark)
        except NoSuchObject as error:
            store.close()
            raise StoreDamaged(f"{path} is empty", hint=STORE_LOST) from error
        except OSError as error:
            store.close()
            raise refused(self.folder, error) from error
        except BaseException:
            store.close()
            raise
        return store

    def _check_fence_key(self, store: Store) -> None:
        """Refuse the fence key of another site; note the sum of it where an older program did not."""
        found = fence_sum(store.keys.fence_key)
        if self._binding.fence_sum not in ("", found):
            raise StoreDamaged(
                f"{store.keys.folder / FENCE_KEY_FILE} belongs to another site than {self.folder}", hint=KEYS_LOST
            )
        if not self._binding.fence_sum and self._lock is not None:
            self._binding = replace(self._binding, fence_sum=found)
            write_binding(self.folder, self._binding)

    def __enter__(self) -> "DataDirectory":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.unlock()

    # ---- the reserve

    def keep_reserve(self) -> bool:
        """Hold 16 MiB back, so that results can still be taken in on a full disk; False where there is no room."""
        path = self.folder / RESERVE_FILE
        try:
            if path.exists() and path.stat().st_size == RESERVE_BYTES:
                return True
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                _fill_up(descriptor)
            finally:
                os.close(descriptor)
        except OSError:
            path.unlink(missing_ok=True)
            return False
        return True

    def release_reserve(self) -> bool:
        """Give the reserve up: the disk is full. False where there was none."""
        path = self.folder / RESERVE_FILE
        if not path.exists():
            return False
        path.unlink()
        return True


def _fill_up(descriptor: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, RESERVE_BYTES)
        return
    block = bytes(1024 * 1024)
    for _ in range(RESERVE_BYTES // len(block)):
        os.write(descriptor, block)
