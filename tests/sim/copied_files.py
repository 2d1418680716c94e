"""Files that are copied from machine to machine, and what must hold of them.

They outlive the processes of their machine. Sources are changed now and then, some while they are copied.

I10 what has a final name is one of the files that were to be copied there, whole
"""

from __future__ import annotations

import hashlib
import os
import random
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from jaz_lite.agent.copying.file_paths import PART_PREFIX
from tests.sim.jobnets import COPIED_FROM, COPIED_NAMES, COPIED_TO
from tests.sim.world import START_WALL_MS

if TYPE_CHECKING:
    from tests.sim.machine import Machine

SIZES = (0, 1, 3_000, 90_000, 400_000)
CHANGES = (0, 0, 1, 4)  # of sources, in a world
CHANGES_MS = 150_000  # within which they come


class CopyTruth:
    """What the files of a site hold, and held. `fail` is the oracle's."""

    def __init__(self, fail: Callable[[str, str], None]) -> None:
        self._fail = fail
        self.contents: dict[str, set[bytes]] = defaultdict(set)  # by name: checksums of all that ever had it

    def check(self, target: Path, *, parts: bool = True) -> None:
        """Look at what was copied into a folder. `parts`: unfinished files may be there."""
        for path in sorted(target.iterdir()):
            if path.name.startswith(PART_PREFIX):
                if not parts:
                    self._fail("I10", f"{path.name} was left in {target.parent.name}")
            elif hashlib.sha256(path.read_bytes()).digest() not in self.contents[path.name]:
                self._fail("I10", f"{path.name} in {target.parent.name} is none of the files that were to be copied")


class CopyFiles:
    """The folders of a machine that are copied from and to."""

    def __init__(self, machine: Machine, home: Path) -> None:
        self.machine = machine
        self.source, self.target, self.records = home / "from", home / "to", home / "records"
        for folder in (self.source, self.target, self.records):
            folder.mkdir(parents=True)
        self._versions: Counter[str] = Counter()
        dice = machine.world.dice(f"files {machine.name}")
        for name in COPIED_NAMES:
            self._produce(name)
        for _ in range(dice.choice(CHANGES)):
            machine.world.after(dice.randrange(CHANGES_MS), self._produce, dice.choice(COPIED_NAMES))

    def _produce(self, name: str) -> None:
        """Somebody writes a source, in place."""
        world = self.machine.world
        self._versions[name] += 1
        dice = random.Random(f"{world.seed}/{self.machine.name}/{name}/{self._versions[name]}")
        content = dice.randbytes(dice.choice(SIZES))
        self.machine.oracle.copies.contents[name].add(hashlib.sha256(content).digest())
        path = self.source / name
        path.write_bytes(content)
        changed_ns = (START_WALL_MS + world.now_ms) * 1_000_000 + self._versions[name]
        os.utime(path, ns=(changed_ns, changed_ns))

    def real(self, path: str) -> str:
        """Return where the folder of a work order is."""
        return str({COPIED_FROM: self.source, COPIED_TO: self.target}[path])

    def check(self, *, parts: bool = True) -> None:
        """Compare what was copied here with the truth."""
        self.machine.oracle.copies.check(self.target, parts=parts)
