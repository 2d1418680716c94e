"""Disks of any size: file systems in memory, for what happens where there is hardly any room."""

import os
import subprocess
import tempfile
from functools import cache
from pathlib import Path

ENOUGH = "1g"
TRIES = 50


@cache
def why_not() -> str:
    """Return why no such disk can be made here, or "" where it can."""
    if os.geteuid() != 0:
        return "mounting a disk needs root"
    with tempfile.TemporaryDirectory() as folder:
        made = subprocess.run(_mount(folder, "64k"), check=False, capture_output=True, text=True)
        if made.returncode == 0:
            subprocess.run(["umount", folder], check=False)
        return made.stderr.strip() if made.returncode else ""


class Disk:
    """A disk of its own at a folder, which is made."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(mode=0o700)
        subprocess.run(_mount(str(folder), ENOUGH), check=True)
        folder.chmod(0o700)

    def leave(self, left_bytes: int) -> None:
        """Have it end a little beyond what is on it."""
        for _ in range(TRIES):
            state = os.statvfs(self.folder)
            if self._resize(str((state.f_blocks - state.f_bfree) * state.f_frsize + left_bytes)):
                return
        raise AssertionError(f"{self.folder} grows faster than its disk can be made smaller")

    def grow(self) -> None:
        """Let it have room for everything."""
        assert self._resize(ENOUGH), f"no room for {self.folder}"

    def take_away(self) -> None:
        """Take it away, whoever uses it."""
        subprocess.run(["umount", "--lazy", str(self.folder)], check=False, capture_output=True)

    def _resize(self, size: str) -> bool:
        """Tell whether it has this size now; it cannot be less than what is on it, which may have grown meanwhile."""
        command = ["mount", "-o", f"remount,size={size}", str(self.folder)]
        return subprocess.run(command, check=False, capture_output=True).returncode == 0


def _mount(folder: str, size: str) -> list[str]:
    return ["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "jl-disk", folder]
