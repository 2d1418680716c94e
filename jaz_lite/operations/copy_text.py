"""How far a file copy is, in words."""

from collections.abc import Mapping
from typing import Any

UNITS = ("bytes", "kB", "MB", "GB", "TB")


def copy_text(far: Mapping[str, Any]) -> str:
    """Return a progress as `RunControl.copy_progress` gives it, as in "2 of 5 files, 1.2 of 3.4 GB, now big.bin"."""
    if not far["files"]:
        return "what there is to copy is not known yet"
    unit, name = 1, 0
    while far["bytes"] >= 1000 * unit and name < len(UNITS) - 1:
        unit, name = unit * 1000, name + 1
    digits = 1 if name else 0
    done, size = (f"{far[key] / unit:.{digits}f}" for key in ("bytes_done", "bytes"))
    words = [f"{far['files_done']} of {far['files']} files", f"{done} of {size} {UNITS[name]}"]
    if far["file"]:
        words.append(f"now {far['file']}" if far["at_work"] else f"waits with {far['file']}")
    return ", ".join(words)
