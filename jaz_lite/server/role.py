"""What a data directory is for: of a server, of a standby, of a server that was replaced, or a copy nobody decided about."""

from pathlib import Path
from typing import Literal

from jaz_lite.errors import NotBoundHere
from jaz_lite.store.binding import INSTANCE_FILE
from jaz_lite.store.directory import ARRIVED_FOLDER, DataDirectory
from jaz_lite.store.fencing import read_fenced

Role = Literal["nothing", "server", "replaced", "standby", "copy"]


def role_of(folder: Path) -> Role:
    """Return what the directory is for on this machine.

    Returns:
        "nothing": there is none. "server": it runs here. "replaced": it ran here, and another one took over.
        "standby": a standby keeps it. "copy": a snapshot, or of another machine or place.

    Raises:
        StoreDamaged: what says so cannot be read.
    """
    if (folder / ARRIVED_FOLDER).is_dir():
        return "standby"  # a crash came between a first copy and its place
    if not (folder / INSTANCE_FILE).exists():
        return "nothing"
    directory = DataDirectory(folder)
    if directory.binding.copied_ms is not None:
        return "copy" if directory.binding.described else "standby"
    try:
        directory.bind_check()
    except NotBoundHere:
        return "copy"
    return "server" if read_fenced(folder) is None else "replaced"
