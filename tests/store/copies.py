"""A data directory with a little of everything in it, and snapshots of it, for the tests of copies."""

import shutil
from pathlib import Path

from jaz_lite.clock import VirtualClock
from jaz_lite.store.agents import AgentRow
from jaz_lite.store.binding import Machine
from jaz_lite.store.copying import copy_live
from jaz_lite.store.directory import DataDirectory
from jaz_lite.store.manifest import Manifest
from jaz_lite.store.open import Store
from tests.store.making import RUN, attempt, document, stored_run

HERE = Machine(machine_id="abc", host_name="tokyo")
TAKEN_MS = 1_790_000_000_000


def site(folder: Path, *, server_id: str = "site-1") -> DataDirectory:
    """Return a prepared directory with an agent, a live run and an attempt."""
    directory = DataDirectory.prepare(folder, server_id=server_id, clock=VirtualClock(), machine=HERE)
    store = directory.open_store(clock=VirtualClock())
    with store.transaction() as tx:
        tx.term.claim(bytes(8))
        tx.term.tick(TAKEN_MS - 5_000)
        tx.agents.put(AgentRow(agent_id="local", kid=1, key=bytes(range(32)), created_ms=1, cursor=7))
        stored_run(tx, RUN)
        tx.attempts.insert(attempt())
    store.close()
    return directory


def save(store: Store, number: int, *, size: int = 9_000) -> None:
    """Commit one change of some pages."""
    with store.transaction() as tx:
        tx.definitions.put("jobnet", document("SAVED", str(number), memo="x" * size), by="ann", at_ms=number)


def saved(store: Store) -> list[str]:
    """Return what `save` left."""
    with store.snapshot() as view:
        return sorted(row.version for row in view.definitions.rows("jobnet", versions=True) if row.object_id == "SAVED")


def snapshot(directory: DataDirectory, target: Path) -> Manifest:
    """Take a snapshot of a directory that nobody uses."""
    store = directory.open_store(clock=VirtualClock())
    try:
        return copy_live(store, directory.folder, target, now_ms=TAKEN_MS, gentle=False)
    finally:
        store.close()


def copied_with_a_file_tool(folder: Path, target: Path) -> Path:
    """Copy a whole directory as `cp -r` does."""
    return shutil.copytree(folder, target)


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file of a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
