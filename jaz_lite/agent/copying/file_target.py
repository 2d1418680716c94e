"""One file that is taken in: under a name of its own until it is whole, then durably under its final name.

    .jazl-<key>-<name>.part, 0600 ─► all bytes, checksum right ─► mode, fsync ─► planned ─► its name ─► fsync folder

Nothing half done ever has the final name. Blocking; called in threads. Source: protocol.md section 5.5.
"""

import hashlib
import os
from collections.abc import Iterable

from jaz_lite.agent.copying.file_folder import Folder, about, fault
from jaz_lite.agent.copying.file_paths import FileFault, part_name
from jaz_lite.agent.copying.file_record import CopyRecord, Finished
from jaz_lite.agent.copying.file_source import CHECK_BYTES, READ_BYTES, Busy, name_of

MODE_BITS = 0o777  # a copy is never setuid


class TargetFile:
    """A file of a copy that is on its way in."""

    def __init__(
        self, folder: Folder, record: CopyRecord, k: bytes, raw: bytes, *, mode: int, overwrite: bool, most: int,
        busy: Busy,
    ) -> None:  # fmt: skip
        """Open the part, a new one or that of an earlier try, and take the checksum of what it holds.

        Args:
            raw: the final name. mode: of the source. most: no more of an earlier part is wanted than this.

        Raises:
            FileFault: it cannot be written.
        """
        self._folder = folder
        self._record = record
        self._raw = raw
        self._name = name_of(raw)
        self._part = part_name(k, raw)
        self._mode = mode & MODE_BITS
        self._overwrite = overwrite
        try:
            self._file = folder.open_part(self._part)
        except OSError as error:
            raise fault(error, about(self._name)) from error
        try:
            self._begin_at(0)
            self._check_part(most, busy)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the file, whole or not; may be said twice."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _begin_at(self, position: int) -> None:
        self.position = position
        self._hash = hashlib.sha256()

    def _check_part(self, most: int, busy: Busy) -> None:
        try:
            size = min(os.fstat(self._file).st_size, most)
            told = 0
            while self.position < size:
                data = os.read(self._file, min(READ_BYTES, size - self.position))
                if not data:
                    break
                self._hash.update(data)
                self.position += len(data)
                if self.position - told >= CHECK_BYTES:
                    told = self.position
                    busy(told)
            os.ftruncate(self._file, self.position)
        except OSError as error:
            raise fault(error, about(self._name)) from error

    @property
    def sha(self) -> bytes:
        """The checksum of all that is there."""
        return self._hash.copy().digest()

    def write(self, offset: int, pieces: Iterable[bytes]) -> None:
        """Write pieces that follow each other; offset 0 begins anew over what an earlier try left.

        Raises:
            FileFault: the disk is full, or does not work.
        """
        try:
            if offset == 0 and self.position:
                self._empty()
            assert offset == self.position, f"a gap: {offset} where {self.position} is due"
            for piece in pieces:
                view = memoryview(piece)
                while view:
                    view = view[os.write(self._file, view) :]
                self._hash.update(piece)
                self.position += len(piece)
        except OSError as error:
            raise fault(error, about(self._name)) from error

    def _empty(self) -> None:
        os.ftruncate(self._file, 0)
        os.lseek(self._file, 0, os.SEEK_SET)
        self._begin_at(0)

    def finish(self, size: int, sha: bytes) -> None:
        """All has come: check it, and give it its name.

        Raises:
            FileFault: it is not what was sent, or the name is taken.
        """
        try:
            if size == 0 and self.position:
                self._empty()  # the source is empty now
            if (self.position, self.sha) != (size, sha):
                self._empty()  # nothing of it is worth going on with
                raise FileFault("checksum", f"{about(self._name)} did not arrive as it was sent: its checksum differs")
            if hasattr(os, "fchmod"):
                os.fchmod(self._file, self._mode)
            os.fsync(self._file)
            self.close()
            finished = Finished(size, sha)
            self._record.plan(self._raw, finished)
            self._folder.publish(self._part, self._name, overwrite=self._overwrite)
            self._record.finish(self._raw, finished)
        except OSError as error:
            raise fault(error, about(self._name)) from error
