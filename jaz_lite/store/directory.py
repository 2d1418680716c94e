"""The data directory: made once, bound to one machine and place, used by one process at a time.

Its binding (`binding.py`) is written last, so a directory without it was not finished and is finished by the next
`prepare`.
"""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from jaz_lite.clock import Clock
from jaz_lite.errors import AlreadyRunning, NoSuchObject, NotBoundHere, Refused, StoreDamaged, UsageError
from jaz_lite.store.binding import INSTANCE_FILE, Binding, Machine, fence_sum, read_binding, this_machine, write_binding
from jaz_lite.store.connection import DATABASE_FILE
from jaz_lite.store.disk_trouble import refused
from jaz_lite.store.keys import FENCE_KEY_FILE, KEYS_LOST, Keys, write_private
from jaz_lite.store.manifest import forget_manifest
from jaz_lite.store.open import Store
from jaz_lite.store.wal import WAL_SUFFIX

CONFIG_FILE = "config.toml"
LOCK_FILE = "lock"
RESERVE_FILE = "reserve"
IN_USE_FILE = "in-use"  # there while a server has the store open: the mark of its commits, see wal.py
RESERVE_BYTES = 16 * 1024 * 1024
SITE_UID_BYTES = 16
STORE_LOST = "put back a copy of the data directory"

MOUNTS_FILE = Path("/proc/self/mountinfo")
NETWORK_FILE_SYSTEMS = frozenset(
    (
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "fuse.ceph",
        "fuse.glusterfs",
        "fuse.sshfs",
        "glusterfs",
        "gpfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "ocfs2",
        "smb3",
        "smbfs",
    )
)
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
            Refused: it has been prepared already, or lies on a network file system.
            AlreadyRunning: another process is just doing this.
            StoreDamaged: the disk does not let us.
        """
        if not 1 <= len(server_id.encode()) <= 64:
            raise UsageError(f'"{server_id}" cannot name a server: 1 to 64 bytes')
        folder = folder.absolute()
        if cls.exists(folder):
            raise Refused(f"{folder} is a data directory already")
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)
            refuse_network(folder, allow=allow_network)
            lock = _locked(folder)
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
            self._lock = _locked(self.folder)
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


@contextmanager
def undisturbed(folder: Path) -> Iterator[None]:
    """Look at a directory that nobody uses, and keep servers out meanwhile. Nothing is written into it.

    Raises:
        AlreadyRunning: a server uses it.
    """
    try:
        descriptor = os.open(folder / LOCK_FILE, os.O_RDONLY)
    except OSError:
        yield  # nobody ever used it, or what is wrong with it shows when it is looked at
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise AlreadyRunning(
            f"a server uses {folder}", hint="copies are verified: `jaz-lite snapshot` takes one of a running server"
        ) from error
    finally:
        os.close(descriptor)


def _fill_up(descriptor: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, RESERVE_BYTES)
        return
    block = bytes(1024 * 1024)
    for _ in range(RESERVE_BYTES // len(block)):
        os.write(descriptor, block)


def is_in_use(folder: Path) -> bool:
    """Tell whether a process holds the lock of a directory; False where there is none, or it cannot be read."""
    try:
        descriptor = os.open(folder / LOCK_FILE, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False


@contextmanager
def hold_folder(folder: Path) -> Iterator[None]:
    """Keep other processes out of a folder that need not be a data directory yet.

    Raises:
        AlreadyRunning: another process holds it. Refused: it lies on a network file system.
        StoreDamaged: the disk does not let us.
    """
    refuse_network(folder, allow=False)
    try:
        lock = _locked(folder)
    except OSError as error:
        raise refused(folder, error) from error
    try:
        yield
    finally:
        os.close(lock)


def _locked(folder: Path) -> int:
    """Take the lock of a directory and return its descriptor, which children do not inherit."""
    descriptor = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.read(descriptor, 32).decode("ascii", "replace").strip()
        os.close(descriptor)
        who = f" (process {holder})" if holder else ""
        raise AlreadyRunning(
            f"another process{who} uses {folder}", hint="stop it with `jaz-lite stop`, or give another --data"
        ) from error
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


# ---- network file systems


def refuse_network(folder: Path, *, allow: bool) -> None:
    """Refuse a folder on a network file system.

    Raises:
        Refused: it is on one, and that was not explicitly allowed.
    """
    if allow or not MOUNTS_FILE.exists():
        return
    kind = file_system_of(folder.resolve(), MOUNTS_FILE.read_text("utf-8", "surrogateescape"))
    if kind in NETWORK_FILE_SYSTEMS:
        raise Refused(
            f"{folder} is on a network file system ({kind}), where neither locks nor syncs can be relied on",
            hint="choose a folder on a local disk",
        )


def file_system_of(folder: Path, mounts: str) -> str:
    """Return the type of the file system a folder is on; "" where it cannot be told.

    Args:
        mounts: text in the format of /proc/self/mountinfo.
    """
    best, kind = "", ""
    for line in mounts.splitlines():
        before, separator, after = line.partition(" - ")
        places, types = before.split(" "), after.split(" ")
        if not separator or len(places) < 5:
            continue
        place = places[4].replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")
        inside = folder == Path(place) or Path(place) in folder.parents
        # A later mount over the same place hides the earlier one.
        if inside and len(place) >= len(best):
            best, kind = place, types[0]
    return kind
