"""The disk of an agent's machine: what was written, and what of it would be there after a power cut.

A crash of a process loses nothing that was written. A power cut keeps what was synced; of every later write it keeps
all, the first part, or nothing, each on its own, as a disk without a barrier does.
"""

import errno
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from jaz_lite.agent.output_files import SUFFIXES, KeptOutput

PLENTY_BYTES = 10**12


@dataclass(slots=True)
class _File:
    content: bytearray = field(default_factory=bytearray)
    synced: bytes = b""
    writes: list[tuple[int, bytes]] = field(default_factory=list)  # since the last sync
    modified_ms: int = 0


class SimDisk:
    """`jaz_lite.agent.disk.Disk` in memory."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._files: dict[str, _File] = {}
        self._snapshot: dict[str, tuple[bytes, int]] | None = None
        self.wall_ms = 0
        self.room: int | None = None  # bytes until the disk is full; None: plenty
        self.before_change: Callable[[], None] | None = None  # where a process may die

    # ---- the seam

    def make_folder(self, path: str) -> None:
        pass

    def names(self, folder: str) -> list[str]:
        start = "" if folder in ("", ".") else folder + "/"
        return sorted({path[len(start) :].split("/")[0] for path in self._files if path.startswith(start)})

    def read(self, path: str) -> bytes:
        if path not in self._files:
            raise FileNotFoundError(path)
        return bytes(self._files[path].content)

    def open_log(self, path: str, size: int) -> "SimLog":
        self.change()
        file = self._files.get(path)
        if file is None:
            file = self._files[path] = _File()
        if len(file.content) > size:
            del file.content[size:]
            file.writes = [(at, data[: max(0, size - at)]) for at, data in file.writes if at < size]
            file.synced = file.synced[:size]
        return SimLog(self, file)

    def replace(self, path: str, content: bytes) -> None:
        self.change()
        self.use(len(content))
        self._files[path] = _File(bytearray(content), bytes(content), modified_ms=self.wall_ms)

    def rename(self, old: str, new: str) -> None:
        self.change()
        for path in [path for path in self._files if path == new or path.startswith(new + "/")]:
            del self._files[path]
        for path in [path for path in self._files if path == old or path.startswith(old + "/")]:
            self._files[new + path[len(old) :]] = self._files.pop(path)

    def remove(self, path: str) -> None:
        self.change()
        for name in [name for name in self._files if name == path or name.startswith(path + "/")]:
            file = self._files.pop(name)
            if self.room is not None:
                self.room += len(file.content)

    def modified_ms(self, path: str) -> int:
        return self._files[path].modified_ms if path in self._files else 0

    def free_bytes(self) -> int:
        return PLENTY_BYTES if self.room is None else self.room

    # ---- what happens to it

    def change(self) -> None:
        """Something is about to be changed; the process may die before it is."""
        if self.before_change is not None:
            self.before_change()

    def use(self, size: int) -> None:
        """Take up room, or refuse as a full disk does."""
        if self.room is None:
            return
        if size > self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.room -= size

    def remember(self) -> None:
        """Take a snapshot of what a power cut now would leave at least."""
        self._snapshot = {path: (bytes(file.synced), file.modified_ms) for path, file in self._files.items()}

    def set_back(self) -> bool:
        """Be as the snapshot says; False where none was taken."""
        if self._snapshot is None:
            return False
        self._files = {
            path: _File(bytearray(content), content, modified_ms=modified_ms)
            for path, (content, modified_ms) in self._snapshot.items()
        }
        return True

    def power_cut(self) -> None:
        """Keep what was synced, and of the rest what chance will."""
        for file in self._files.values():
            content = bytearray(file.synced)
            for at, data in file.writes:
                kept = data[: self._dice.choice((0, self._dice.randint(0, len(data)), len(data)))]
                if kept:
                    content.extend(bytes(max(0, at + len(kept) - len(content))))
                    content[at : at + len(kept)] = kept
            file.content, file.synced, file.writes = content, bytes(content), []


class SimLog:
    """`jaz_lite.agent.disk.LogFile` in memory."""

    def __init__(self, disk: SimDisk, file: _File) -> None:
        self._disk = disk
        self._file = file

    @property
    def size(self) -> int:
        return len(self._file.content)

    def write(self, data: bytes) -> None:
        self._disk.change()
        self._disk.use(len(data))
        self._file.writes.append((len(self._file.content), bytes(data)))
        self._file.content += data
        self._file.modified_ms = self._disk.wall_ms

    def sync(self) -> None:
        self._disk.change()
        self._file.synced = bytes(self._file.content)
        self._file.writes.clear()

    def close(self) -> None:
        pass


class SimOutputs:
    """`jaz_lite.agent.output_files.OutputFiles` in memory. Nobody syncs output: a power cut may shorten it."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._files: dict[tuple[bytes, int], bytearray] = {}
        self._had: set[tuple[bytes, int]] = set()
        self._snapshot: tuple[dict[tuple[bytes, int], bytes], set[tuple[bytes, int]]] = {}, set()

    def write(self, path: str, data: bytes) -> None:
        """Append, as a job does that was given this path."""
        name = path.rpartition("/")[2]
        for stream, suffix in SUFFIXES.items():
            if name.endswith(suffix):
                self._files.setdefault((bytes.fromhex(name.removesuffix(suffix)), stream), bytearray()).extend(data)

    def remember(self) -> None:
        """Take a snapshot."""
        self._snapshot = {key: bytes(content) for key, content in self._files.items()}, set(self._had)

    def set_back(self) -> None:
        """Be as the snapshot says."""
        files, had = self._snapshot
        self._files = {key: bytearray(content) for key, content in files.items()}
        self._had = set(had)

    def power_cut(self) -> list[bytes]:
        """Shorten some files and return the keys of those that lost something."""
        hurt = []
        for key, content in self._files.items():
            if content and key not in self._had and self._dice.random() < 0.5:
                del content[self._dice.randrange(len(content)) :]
                hurt.append(key[0])
        return hurt

    def size(self, k: bytes, stream: int) -> int:
        return len(self._files.get((k, stream), b""))

    def cut(self, k: bytes, stream: int, size: int) -> None:
        if (content := self._files.get((k, stream))) is not None:
            del content[size:]

    def read(self, k: bytes, stream: int, offset: int, size: int) -> bytes:
        return bytes(self._files.get((k, stream), b"")[offset : offset + size])

    def remove(self, k: bytes, stream: int) -> None:
        self._files.pop((k, stream), None)

    def mark_had(self, k: bytes, stream: int) -> None:
        if (k, stream) in self._files:
            self._had.add((k, stream))

    def pending(self) -> list[tuple[bytes, int]]:
        return sorted(key for key in self._files if key not in self._had)

    def forget(self, before_ms: int) -> None:
        pass

    def kept(self) -> list[KeptOutput]:
        return [KeptOutput(0, "", len(content), key in self._had) for key, content in self._files.items()]

    def forget_one(self, one: KeptOutput) -> None:
        raise AssertionError("the simulator gives no quota")

    def remove_texts(self, k: bytes) -> None:
        pass
