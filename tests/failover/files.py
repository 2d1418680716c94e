"""Files that are copied from agent to agent while servers change: each is the old one or the whole new one."""

import random
import shutil
from pathlib import Path

from bench.definitions import Place, copy

COPY = "COPY"
BYTES = (0, 100, 300_000, 4_000_000)


class Files:
    """A folder from which files are copied, and one into which; each run copies a file of its own."""

    def __init__(self, folder: Path, *, source: str, target: str) -> None:
        self._hosts = source, target
        self._source, self._target = folder / "from", folder / "to"
        self._old: dict[str, bytes | None] = {}
        self._source.mkdir()
        self._target.mkdir()

    def document(self) -> str:
        """Return the jobnet, as JAZ XML; the file is named by the tag of the run."""
        source, target = self._hosts
        places = Place(source, str(self._source), "$TAG"), Place(target, str(self._target))
        return copy(COPY, *places, overwrite=True)

    def prepare(self, tag: str, chance: random.Random) -> None:
        """Put a file there to be copied; it may replace another one."""
        (self._source / tag).write_bytes(chance.randbytes(chance.choice(BYTES)))
        self._old[tag] = chance.choice((None, chance.randbytes(chance.choice(BYTES))))
        old = self._old[tag]
        if old is not None:
            (self._target / tag).write_bytes(old)

    def judge(self, arrived: set[str], unclaimed: set[str]) -> int:
        """Compare all files, and return how many are the new one; raises AssertionError with what is wrong.

        Args:
            arrived: tags whose run has ended: these are the new ones.
            unclaimed: keys of copies that agents tell of and no run here asked for.

        Notes:
            An unclaimed copy that was under way at the takeover is stopped ten minutes after it was told of, which no
            round waits for: until then its part stays.
        """
        whole = 0
        for tag, old in self._old.items():
            new = (self._source / tag).read_bytes()
            target = self._target / tag
            found = target.read_bytes() if target.exists() else None
            assert found in ((new,) if tag in arrived else (old, new)), (
                f"file {tag} has {None if found is None else len(found)} bytes, the source {len(new)},"
                f" before {None if old is None else len(old)}; its run has{'' if tag in arrived else ' not'} ended"
            )
            whole += found == new
        parts = [path.name for path in self._target.iterdir() if path.name not in self._old]
        left = sorted(name for name in parts if name.split("-")[1:2] not in [[key] for key in unclaimed])
        assert not left, f"left in the target's folder: {left}"
        return whole

    def forget(self) -> None:
        """Take everything away: the next round has files of its own."""
        for folder in (self._source, self._target):
            shutil.rmtree(folder)
            folder.mkdir()
        self._old.clear()
