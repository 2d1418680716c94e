"""Copies of data directories, which never change: snapshots of servers that run, made by the product, and cold copies.

Some are verified as the product does it.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from jaz_lite.store.connection import DATABASE_FILE
from jaz_lite.store.copying import copy_live
from jaz_lite.store.fencing import FENCED_FILE
from jaz_lite.store.manifest import forget_manifest
from jaz_lite.store.verifying import verify
from jaz_lite.wire.ident import term_of
from tests.sim.ledger import Ledger
from tests.sim.oracle import Oracle

if TYPE_CHECKING:
    from tests.sim.failover.server import SiteServer

KEPT_MAX = 4
VERIFIED_EVERY = 5  # it takes three times as long as to copy
SHARED_MEMORY = f"{DATABASE_FILE}-shm"  # of the processes that have the file open: no part of what is stored


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy, and what it holds. `number` grows in the order in which they were taken."""

    number: int
    origin: Path  # the directory of which it is a copy
    folder: Path
    ledger: Ledger
    at_ms: int


class Shelf:
    """The copies that are kept, the newest last, and the directories that are made of them."""

    def __init__(self, root: Path, oracle: Oracle) -> None:
        self.copies: list[Copy] = []
        self._root = root
        self._oracle = oracle
        self._number = 0

    def take(self, server: "SiteServer") -> Copy:
        """Take a copy of the directory of a server: a snapshot if it runs, even in the midst of a transaction."""
        copy = Copy(self._next(), server.folder, self._place("copy"), server.ledger.copy(), server.world.now_ms)
        if server.alive:
            copy_live(server.store, server.folder, copy.folder, now_ms=server.clock.now_ms(), gentle=False)
        else:
            _copy(server.folder, copy.folder)
        if copy.number % VERIFIED_EVERY == 0:
            found = verify(copy.folder)
            assert term_of(found.epoch, found.boot) == copy.ledger.term, "a copy holds what was committed"
        self.copies.append(copy)
        self._oracle.may_begin_anew |= {name for name in self._oracle.agents if name not in copy.ledger.cursors}
        if len(self.copies) > KEPT_MAX:
            shutil.rmtree(self.copies.pop(0).folder)
        return copy

    def unpack(self, copy: Copy, name: str) -> Path:
        """Make a new directory of a copy, for a server of this name, and return it."""
        self._next()
        folder = self._place("directory")
        _unpack(copy.folder, folder)
        self.belongs(folder, copy, name)
        return folder

    def put_back(self, copy: Copy, folder: Path, name: str) -> None:
        """Set a directory back to what it, or another one, was."""
        shutil.rmtree(folder)
        _unpack(copy.folder, folder)
        self.belongs(folder, copy, name)
        self._oracle.ledgers[str(folder / DATABASE_FILE)].was_set_back = True

    def belongs(self, folder: Path, copy: Copy, name: str) -> None:
        ledger = copy.ledger.copy()
        ledger.name = name
        self._oracle.ledgers[str(folder / DATABASE_FILE)] = ledger

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _place(self, kind: str) -> Path:
        return self._root / f"{kind}-{self._number}"


def _copy(source: Path, target: Path) -> None:
    shutil.copytree(source, target, ignore=shutil.ignore_patterns(SHARED_MEMORY, FENCED_FILE))


def _unpack(source: Path, target: Path) -> None:
    _copy(source, target)
    forget_manifest(target)
