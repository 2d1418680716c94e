"""The target's side of one file copy: the attempt that takes in one file after the other.

A copy that is begun again goes on: parts are checked and continued, files that it finished are known from its record
and not copied again, also where overwriting is off.

Blocking; called in threads. Source: protocol.md section 5.5.
"""

import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from jaz_lite.agent.copying.file_folder import Folder, about, fault
from jaz_lite.agent.copying.file_paths import FileFault, part_name, part_prefix, shown
from jaz_lite.agent.copying.file_record import CopyRecord
from jaz_lite.agent.copying.file_source import Busy, SourceFile, name_of
from jaz_lite.agent.copying.file_target import TargetFile
from jaz_lite.agent.file_roots import FileRoots
from jaz_lite.wire.limits import OUTPUT_HEAD_BYTES_MAX

LAST_LINE_BYTES = 100


class TargetCopy:
    """See the module.

    Args:
        spec: the work order. record: the path of its record.
        roots: as `Folder` takes them.
    """

    def __init__(self, k: bytes, spec: Mapping[str, Any], *, record: Path, roots: FileRoots) -> None:
        self._k = k
        self._path = str(spec["folder"])
        self._overwrite = bool(spec.get("overwrite"))
        self._record_path = record
        self._roots = roots
        self._folder: Folder | None = None
        self._record: CopyRecord | None = None

    def begin_file(self, raw: bytes, *, size: int, mode: int, most: int, busy: Busy) -> "TargetFile | None":
        """Return a file that is to come; None: this copy has finished it already.

        Args:
            size, mode: of the source. most: no more of an earlier part is wanted than this.
            busy: told now and then that something is being done.

        Raises:
            FileFault: it must not or cannot be written.
        """
        folder, record = self._open()
        if raw in record.done or self._was_finished(folder, record, raw, busy):
            return None
        name = name_of(raw)
        folder.refuse_taken(name, overwrite=self._overwrite)
        coming = TargetFile(folder, record, self._k, raw, mode=mode, overwrite=self._overwrite, most=most, busy=busy)
        if size - coming.position > folder.free_bytes():
            coming.close()
            raise FileFault("no_space", f"{about(name)} does not fit: the disk is full")
        return coming

    def _open(self) -> tuple[Folder, CopyRecord]:
        if self._record is None:
            try:
                self._record = CopyRecord(self._record_path)
            except OSError as error:
                raise fault(error, "the agent's record of this copy") from error
        if self._folder is None:
            self._folder = Folder(self._path, self._roots)
        return self._folder, self._record

    def _was_finished(self, folder: Folder, record: CopyRecord, raw: bytes, busy: Busy) -> bool:
        """Tell whether a file that was only planned has its name all the same: the agent ended right behind that."""
        planned = record.planned.get(raw)
        if planned is None:
            return False
        name, part = name_of(raw), part_name(self._k, raw)
        there, half = folder.look(name), folder.look(part)
        if there is None or not stat.S_ISREG(there.st_mode) or there.st_size != planned.size:
            return False
        if half is not None:
            if there.st_ino == 0 or (there.st_dev, there.st_ino) != (half.st_dev, half.st_ino):
                return False
            folder.remove(part)  # both names are one file
        elif _sha_of(folder, name, busy) != planned.sha:
            return False
        record.finish(raw, planned)
        return True

    def clean_up(self) -> bytes:
        """The copy is over, however it ended: remove its parts; return a line for each file that it finished."""
        lines: list[bytes] = []
        with suppress(FileFault):
            folder, record = self._open()
            self._remove_parts(folder)
            room = OUTPUT_HEAD_BYTES_MAX - LAST_LINE_BYTES
            for raw, finished in record.done.items():
                name = shown(os.fsdecode(raw))
                line = f"{finished.sha.hex()} {finished.size} {name}\n".encode("utf-8", "replace")
                room -= len(line)
                if room < 0:
                    lines.append(b"and %d more files\n" % (len(record.done) - len(lines)))
                    break
                lines.append(line)
        self.close()
        return b"".join(lines)

    def _remove_parts(self, folder: Folder) -> None:
        prefix = part_prefix(self._k)
        with suppress(OSError):
            parts = [name for name, _ in folder.names() if name.startswith(prefix)]
            for part in parts:
                folder.remove(part)
            if parts:
                folder.sync()

    def close(self) -> None:
        """Let go of everything; may be said twice."""
        if self._folder is not None:
            self._folder.close()
            self._folder = None
        if self._record is not None:
            self._record.close()
            self._record = None


def _sha_of(folder: Folder, name: str, busy: Busy) -> bytes:
    there = SourceFile(folder, name)
    try:
        there.pass_over(there.size, busy)
        return there.sha
    finally:
        there.close()
