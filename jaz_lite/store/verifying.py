"""Whether a copy of a data directory can be relied on. Nothing of the copy is changed by looking at it.

A snapshot tells of each file what it must be. A cold copy (a directory copied while no server ran) tells nothing of
that kind; there the database, the keys and the binding must be sound and belong together.
"""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import apsw

from jaz_lite import config
from jaz_lite.config import CONFIG_FILE
from jaz_lite.errors import DefinitionError, JazLiteError, NoSuchObject, Refused, StoreDamaged
from jaz_lite.store import migrate
from jaz_lite.store.binding import INSTANCE_FILE, Binding, fence_sum, read_binding
from jaz_lite.store.connection import DATABASE_FILE, Sql, told
from jaz_lite.store.copying import Progress, nobody
from jaz_lite.store.directory import IN_USE_FILE
from jaz_lite.store.fencing import FENCED_FILE, FencedBy, read_fenced
from jaz_lite.store.keys import FENCE_KEY_FILE, KEYS_FOLDER, SWITCHING_FILE, Keys
from jaz_lite.store.manifest import MANIFEST_FILE, TAKE_ANOTHER, Manifest, read_manifest, sum_of
from jaz_lite.store.memory import Memory
from jaz_lite.store.transaction import View
from jaz_lite.store.wal import WAL_SUFFIX, WalIndex, refuse_misfit, refuse_torn

COPIED_IN_USE = "a server was using it while it was copied: copy it again with `jaz-lite snapshot`"
EDIT_LATER = "put the file back as it was, and edit it after the takeover; --listen says where the server listens"
FAULTS_TOLD_MAX = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What a copy holds that was found sound."""

    folder: Path
    binding: Binding
    manifest: Manifest | None  # None: a cold copy; its files were not compared with anything
    epoch: int
    boot: int
    last_tick_ms: int | None  # the server was alive then: what it did later is not in the copy
    schema: int
    schema_known: int  # of this program; a copy of an older format is brought to it by whoever takes over
    agents: int | None  # None: of an older format, which is not read before it was brought to the present one
    live_runs: int | None
    fenced: FencedBy | None
    in_use: bool  # a server was using it when it was copied, or was killed: its files may be of different moments


def verify(folder: Path, progress: Progress = nobody) -> Verified:
    """Return what a copy holds.

    Args:
        progress: is told how much of a snapshot was compared with its manifest.

    Raises:
        NoSuchObject: the folder is no data directory.
        StoreDamaged, Refused: it cannot be relied on; the sentence says why.
    """
    folder = folder.absolute()
    if not (folder / INSTANCE_FILE).exists():
        raise NoSuchObject(
            f"{folder} is not a data directory, nor a finished copy of one", hint="`jaz-lite snapshot` makes a copy"
        )
    binding = read_binding(folder)
    manifest = read_manifest(folder)
    if manifest is not None:
        _compare(folder, manifest, progress)
    elif binding.described:
        raise StoreDamaged(
            f"{folder} has no {MANIFEST_FILE}: the snapshot was not finished, or a part of it was lost",
            hint=TAKE_ANOTHER,
        )
    fenced = read_fenced(folder)
    keys = _keys(folder)
    path = folder / DATABASE_FILE
    if not path.is_file():
        raise StoreDamaged(f"{path} is gone", hint=TAKE_ANOTHER)
    _refuse_lost_wal(path)
    try:
        with _opened(path) as (connection, wal):
            schema, known = _format(connection, path)
            if wal is not None:
                refuse_torn(path, wal)
                _refuse_misfit(connection, path, wal)
            _refuse_unsound(connection, path)
            site = connection.execute("select site_uid, epoch, boot, last_tick_ms from site").fetchone()
            if site is None:
                raise StoreDamaged(f"{path} is empty", hint=TAKE_ANOTHER)
            site_uid, epoch, boot, last_tick_ms = site
            if site_uid != binding.site_uid:
                raise Refused(f"{path} belongs to another site than {folder / INSTANCE_FILE}", hint=TAKE_ANOTHER)
            agents = live = None
            if schema == known:
                view = View(Sql(connection, Memory(), str(path), writing=False), lambda: keys)
                agents, live = _read_agents(view, folder), _read_runs(view, path)
            if binding.fence_sum not in ("", fence_sum(keys.fence_key)):
                raise Refused(
                    f"{keys.folder / FENCE_KEY_FILE} belongs to another site than {folder / INSTANCE_FILE}",
                    hint="the keys of one site belong together: no agent would obey a server with this one",
                )
            return Verified(
                folder=folder,
                binding=binding,
                manifest=manifest,
                epoch=epoch,
                boot=boot,
                last_tick_ms=last_tick_ms,
                schema=schema,
                schema_known=known,
                agents=agents,
                live_runs=live,
                fenced=fenced,
                in_use=(folder / IN_USE_FILE).exists(),
            )
    except apsw.Error as error:
        found_error = told(error, str(path))
        if isinstance(found_error, JazLiteError | AssertionError):
            raise found_error from error
        raise StoreDamaged(f"{path} is damaged: {error}", hint=TAKE_ANOTHER) from error


def refuse_bad_settings(folder: Path) -> None:
    """Refuse a copy with a config.toml that no server could start with.

    Raises:
        StoreDamaged: with what is wrong in it.
    """
    try:
        config.zone(config.read(folder)["site.zone"])
    except DefinitionError as error:
        raise StoreDamaged(error.message, hint=error.hint or "put the file right, or use another copy") from error


# ---- the files


def _compare(folder: Path, manifest: Manifest, progress: Progress) -> None:
    bytes_all, done = sum(one.size_bytes for one in manifest.files.values()), 0

    def passed(size_bytes: int) -> None:
        nonlocal done
        done += size_bytes
        progress(done, bytes_all)

    for name, wanted in manifest.files.items():
        path, hint = folder / name, EDIT_LATER if name == CONFIG_FILE else TAKE_ANOTHER
        if not path.is_file():
            raise StoreDamaged(f"{path} is missing: the manifest names it", hint=TAKE_ANOTHER)
        try:
            found = sum_of(path, passed)
        except OSError as error:
            raise StoreDamaged(f"{path} cannot be read: {error.strerror}", hint=TAKE_ANOTHER) from error
        if found.size_bytes != wanted.size_bytes:
            raise StoreDamaged(f"{path} has {found.size_bytes} bytes, the manifest says {wanted.size_bytes}", hint=hint)
        if found.sha256 != wanted.sha256:
            raise StoreDamaged(f"{path} is not what was copied: its sum differs from the manifest's", hint=hint)
    for path in sorted(folder.iterdir()) + sorted((folder / KEYS_FOLDER).iterdir()):
        name = path.relative_to(folder).as_posix()
        if name == DATABASE_FILE + WAL_SUFFIX and path.stat().st_size:
            raise StoreDamaged(
                f"{path} holds changes that were made after the snapshot was taken",
                hint=f"somebody opened it with another program; {TAKE_ANOTHER}",
            )
        if _matters(name) and name not in manifest.files:
            raise StoreDamaged(f"{path} does not belong to the copy: the manifest does not name it", hint=TAKE_ANOTHER)
    if DATABASE_FILE not in manifest.files or INSTANCE_FILE not in manifest.files:
        raise StoreDamaged(f"{folder / MANIFEST_FILE} names no {DATABASE_FILE}", hint=TAKE_ANOTHER)


def _matters(name: str) -> bool:
    """Tell whether a file would change what a copy means; a note that somebody laid beside it does not.

    Nor does what SQLite leaves beside a database that was only read: its index, and a log with nothing in it.
    """
    if name in (DATABASE_FILE + WAL_SUFFIX, DATABASE_FILE + "-shm"):
        return False
    return name.startswith((DATABASE_FILE + "-", KEYS_FOLDER + "/")) or name == FENCED_FILE


def _refuse_lost_wal(path: Path) -> None:
    """While a server has the store open there is a WAL, and mostly something in it."""
    wal, in_use = path.with_name(path.name + WAL_SUFFIX), path.parent / IN_USE_FILE
    if in_use.exists() and not wal.exists():
        raise StoreDamaged(
            f"{wal} is missing: the last changes of {path} were in it",
            hint=f"copy the whole directory again; if there is no more of it, removing {in_use} accepts the loss",
        )


def _keys(folder: Path) -> Keys:
    keys = Keys.load(folder, look_only=True)
    if (keys.folder / SWITCHING_FILE).exists():
        return keys  # a crash interrupted a change of the certificate; whoever takes over finishes it
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(keys.site_certificate_file, keys.site_key_file)
    except (ssl.SSLError, OSError) as error:
        raise StoreDamaged(
            f"{keys.site_certificate_file} and {keys.site_key_file.name} are not a certificate and its key",
            hint=TAKE_ANOTHER,
        ) from error
    return keys


# ---- the database


@contextmanager
def _opened(path: Path) -> Iterator[tuple[apsw.Connection, WalIndex | None]]:
    """Open the database for reading; where a WAL lies beside it, its changes are read too."""
    wal = path.with_name(path.name + WAL_SUFFIX)
    index = path.with_name(path.name + "-shm")
    if not (wal.exists() and wal.stat().st_size):
        # Immutable: nothing is written beside it, not even on a disk that would allow it.
        flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
        connection = apsw.Connection(f"{path.as_uri()}?immutable=1", flags=flags)
        try:
            yield connection, None
        finally:
            connection.close(True)
        return
    had_index = index.exists()
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        connection.execute("begin")
        connection.execute("select 1 from sqlite_schema limit 1").fetchall()
        yield connection, WalIndex.read(index)
    finally:
        connection.close(True)
        if not had_index:
            index.unlink(missing_ok=True)


def _format(connection: apsw.Connection, path: Path) -> tuple[int, int]:
    steps = migrate.migrations()
    migrate.check(connection, path, steps)
    schema = int(connection.pragma("user_version"))
    if not schema:
        raise StoreDamaged(f"{path} is empty", hint=TAKE_ANOTHER)
    return schema, len(steps)


def _refuse_misfit(connection: apsw.Connection, path: Path, wal: WalIndex) -> None:
    row = connection.execute("select rootpage from sqlite_schema where name = 'commits'").fetchone()
    if row is not None:
        in_use = path.parent / IN_USE_FILE
        refuse_misfit(path, wal, row[0], in_use.read_bytes() if in_use.exists() else b"")


def _refuse_unsound(connection: apsw.Connection, path: Path) -> None:
    found = [str(row[0]) for row in connection.execute(f"pragma integrity_check({FAULTS_TOLD_MAX})")]
    if found != ["ok"]:
        first = " ".join(found[0].split())
        raise StoreDamaged(f"{path} is damaged: {first}", hint=f"{COPIED_IN_USE}; or {TAKE_ANOTHER}")
    for table, row, other, _ in connection.execute("pragma foreign_key_check"):
        raise StoreDamaged(
            f"{path} is damaged: row {row} of {table} refers to a row of {other} that is not there",
            hint=f"{COPIED_IN_USE}; or {TAKE_ANOTHER}",
        )


# ---- what it says


def _read_agents(view: View, folder: Path) -> int:
    try:
        return sum(row.state != "revoked" for row in view.agents.list())
    except StoreDamaged as error:
        raise Refused(
            f"{folder / KEYS_FOLDER} does not belong to {folder / DATABASE_FILE}: the keys of its agents cannot be read",
            hint="the keys and the database of one site belong together",
        ) from error


def _read_runs(view: View, path: Path) -> int:
    live = view.runs.live()
    documents: set[int] = set()
    for run_id in live:
        try:
            documents.update(view.runs.load(run_id).docs.values())
        except Exception as error:  # whatever it is: a server could not read it either
            raise StoreDamaged(
                f"{path} is damaged: run {run_id} cannot be read ({error})", hint=TAKE_ANOTHER
            ) from error
    for doc_id in documents:
        view.definitions.by_doc(doc_id)
    return len(live)
