"""The keeper log on disk: numbered segments of framed records, of which only the newest is read at a start.

A new segment begins with all that is known and not forgotten, and appears under its name only when that is durable;
so older segments are evidence, not state, and go after `KEEP_S`.
"""

import contextlib
import errno
import os
import time

from jaz_lite.agent.crc_log import unframed
from jaz_lite.agent.machine.local import sync_folder
from jaz_lite.agent.prepared_file import PreparedFile

SEGMENT_BYTES_MAX = 4 * 1024 * 1024
KEEP_S = 7 * 86_400
ROOM_WAIT_S = 1.0  # between two tries to write on a full disk


class KeeperLog:
    """The open log. `payloads` holds what was found in it, oldest first, until the keeper has taken it."""

    def __init__(self, folder: str, reserve: str) -> None:
        self._folder = folder
        self._reserve = reserve
        names = self._names()
        self._number = int(names[-1]) if names else 1
        data = b""
        with contextlib.suppress(FileNotFoundError), open(self._path(self._number), "rb") as file:
            data = file.read()
        # A torn tail is cut off: it was never synced, so nothing was started or told on its strength.
        self.payloads, size = unframed(data)
        self._file = PreparedFile(self._path(self._number), size)
        self._floor = size

    @property
    def full(self) -> bool:
        """Whether it is time for a new segment."""
        return self._file.size - self._floor > SEGMENT_BYTES_MAX

    def append(self, data: bytes) -> None:
        """Write records; on a full disk give up the reserve, then wait for room.

        Notes:
            Waiting stops new jobs and the telling of ends, and loses nothing: children stay zombies meanwhile.
        """
        while True:
            try:
                self._file.write(data)
            except OSError as error:
                if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                    raise
                try:
                    os.unlink(self._reserve)
                except FileNotFoundError:
                    time.sleep(ROOM_WAIT_S)
            else:
                return

    def sync(self) -> None:
        """Make all that was appended durable; a failure ends the keeper, for the kernel may have dropped the pages."""
        self._file.sync()

    def turn(self, head: bytes) -> None:
        """Begin a new segment with `head`, and let go of old ones."""
        path = self._path(self._number + 1)
        temporary = path + ".new"
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        file = PreparedFile(temporary, 0)
        file.write(head)
        file.sync()
        size = file.size
        file.close()  # an open file cannot be renamed everywhere
        os.rename(temporary, path)
        sync_folder(self._folder)
        self._file.close()
        self._file, self._number, self._floor = PreparedFile(path, size), self._number + 1, size
        oldest = time.time() - KEEP_S
        for name in self._names()[:-1]:
            if os.stat(f"{self._folder}/{name}").st_mtime < oldest:
                os.unlink(f"{self._folder}/{name}")

    def _names(self) -> list[str]:
        return sorted(name for name in os.listdir(self._folder) if name.isdigit())

    def _path(self, number: int) -> str:
        return f"{self._folder}/{number:08d}"
