"""Power cuts at a standby: its copy must stand at a state of the active, none that it acknowledged may be lost."""

import random
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import apsw

from jaz_lite.clock import VirtualClock
from jaz_lite.errors import JazLiteError
from jaz_lite.store.commits import Position
from jaz_lite.store.connection import DATABASE_FILE
from jaz_lite.store.open import Store
from jaz_lite.store.replica import Replica
from tests.store.following import Standby, contents
from tests.store.making import opened
from tests.store.power_cut import Disk, Model, PowerCut, Vfs, change, prepare

ROUNDS_MAX = 20
OPERATIONS_MAX = 400

Contents = dict[str, list[tuple[Any, ...]]]


def cut(seed: int) -> str:
    """Let a standby follow into a power cut and judge what is left of its copy.

    Returns:
        "ok", "damaged" (the copy cannot be opened), "lost" (it stands before what it acknowledged), "torn" (it is no
        state of the active's) or "stuck" (it cannot go on from there).
    """
    rng = random.Random(seed)
    folder = Path(tempfile.mkdtemp())
    (folder / "active").mkdir()
    store = opened(folder / "active")
    store._the_writer._connection.execute("pragma synchronous = off")  # nothing happens to the active
    try:
        with store.transaction() as tx:
            prepare(tx)
        standby = _Standby(store, folder, seed)
        states, acked, image = _until_the_cut(rng, store, standby)
        later = folder / "later"
        later.mkdir()
        for name, content in image.items():
            if not name.endswith("-shm"):
                (later / name).write_bytes(content)
        return _judged(store, standby, later, states, acked)
    finally:
        store.close()
        shutil.rmtree(folder)


class _Standby(Standby):
    """A standby whose disk forgets what was not synced."""

    def __init__(self, store: Store, folder: Path, seed: int) -> None:
        self.disk = Disk()
        self.vfs = Vfs(f"standby-power-cut-{seed}", self.disk)
        super().__init__(store, folder / "standby", vfs=self.vfs.name)
        self.disk.durable[DATABASE_FILE] = bytearray((self.folder / DATABASE_FILE).read_bytes())
        self.disk.pending[DATABASE_FILE] = []


def _until_the_cut(
    rng: random.Random, store: Store, standby: _Standby
) -> tuple[dict[Position, Contents], Position, dict[str, bytes]]:
    images: list[dict[str, bytes]] = []
    cut_at = rng.randrange(1, OPERATIONS_MAX)

    def fault(_name: str, number: int) -> None:
        if number >= cut_at:
            if not images:
                images.append(standby.disk.after_the_cut(rng))
            raise PowerCut

    standby.disk.operations = 0
    standby.disk.fault = fault
    acked = standby.replica.position
    states = {acked: contents(store.folder)}
    model = Model()
    try:
        for _ in range(rng.randrange(2, ROUNDS_MAX)):
            for _ in range(rng.randrange(1, 4)):
                with store.transaction() as tx:
                    for _ in range(rng.randrange(1, 8)):
                        change(tx, model, rng)
                if rng.random() < 0.5:
                    with store.changes.hold():  # what comes is another change set
                        pass
            states[store.changes.position] = contents(store.folder)
            acked = standby.catch_up()
            if rng.random() < 0.3:
                standby.replica.checkpoint(truncate=rng.random() < 0.5)
            if rng.random() < 0.2:
                standby.replica.give_back(rng.randrange(1, 9))
    except (JazLiteError, apsw.Error):
        assert images, "nothing but the cut may fail"
    image = images[0] if images else standby.disk.after_the_cut(rng)
    with suppress(JazLiteError, apsw.Error):  # the power is off
        standby.replica.close()
    standby.vfs.unregister()
    return states, acked, image


def _judged(store: Store, standby: _Standby, folder: Path, states: dict[Position, Contents], acked: Position) -> str:
    try:
        replica = Replica.open(folder, clock=VirtualClock())
    except JazLiteError:
        return "damaged"
    try:
        if replica._connection.execute("pragma integrity_check").fetchall() != [("ok",)]:
            return "damaged"
        if replica.position.lsn < acked.lsn:
            return "lost"
        if contents(folder) != states.get(replica.position):
            return "torn"
        standby.follower.close()
        standby.replica, standby.folder = replica, folder
        standby.follow(store)
        standby.catch_up()
        return "ok" if contents(folder) == contents(store.folder) else "stuck"
    finally:
        replica.close()
